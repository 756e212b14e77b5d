//! Hubble's one-line summary of a packet. The words for ICMP are those of gopacket, which Hubble
//! prints.

use abi::event::{self, Event};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The text of `Flow.Summary`.
pub fn summary(event: &Event) -> String {
    if event.flags & event::F_NO_IP != 0 {
        return "Ethernet".into();
    }
    match event.proto {
        6 => {
            let mut text = String::from("TCP Flags: ");
            let mut separator = "";
            for (bit, name) in TCP_FLAGS {
                if event.tcp_flags & bit != 0 {
                    text.push_str(separator);
                    text.push_str(name);
                    separator = ", ";
                }
            }
            text
        }
        17 => "UDP".into(),
        132 => "SCTP".into(),
        ICMP => format!("ICMPv4 {}", icmp(event, icmpv4_type, icmpv4_code)),
        ICMPV6 => format!("ICMPv6 {}", icmp(event, icmpv6_type, icmpv6_code)),
        _ if event.flags & event::F_IPV6 != 0 => "IPv6".into(),
        _ => "IPv4".into(),
    }
}

/// In the order in which they are printed; the bits as in the header.
const TCP_FLAGS: [(u8, &str); 8] = [
    (0x02, "SYN"),
    (0x10, "ACK"),
    (0x04, "RST"),
    (0x01, "FIN"),
    (0x08, "PSH"),
    (0x20, "URG"),
    (0x40, "ECE"),
    (0x80, "CWR"),
];

fn icmp(
    event: &Event,
    type_name: fn(u16) -> Option<&'static str>,
    code_name: fn(u16, u16) -> Option<&'static str>,
) -> String {
    let (kind, code) = (event.src_port, event.dst_port);
    match (type_name(kind), code_name(kind, code)) {
        (None, _) => format!("{kind}({code})"),
        (Some(name), Some(detail)) => format!("{name}({detail})"),
        (Some(name), None) if code == 0 => name.into(),
        (Some(name), None) => format!("{name}(Code: {code})"),
    }
}

fn icmpv4_type(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0 => "EchoReply",
        3 => "DestinationUnreachable",
        4 => "SourceQuench",
        5 => "Redirect",
        8 => "EchoRequest",
        9 => "RouterAdvertisement",
        10 => "RouterSolicitation",
        11 => "TimeExceeded",
        12 => "ParameterProblem",
        13 => "TimestampRequest",
        14 => "TimestampReply",
        15 => "InfoRequest",
        16 => "InfoReply",
        17 => "AddressMaskRequest",
        18 => "AddressMaskReply",
        _ => return None,
    })
}

fn icmpv4_code(kind: u16, code: u16) -> Option<&'static str> {
    let codes: &[&str] = match kind {
        3 => &[
            "Net",
            "Host",
            "Protocol",
            "Port",
            "FragmentationNeeded",
            "SourceRoutingFailed",
            "NetUnknown",
            "HostUnknown",
            "SourceIsolated",
            "NetAdminProhibited",
            "HostAdminProhibited",
            "NetTOS",
            "HostTOS",
            "CommAdminProhibited",
            "HostPrecedence",
            "PrecedenceCutoff",
        ],
        5 => &["Net", "Host", "TOS+Net", "TOS+Host"],
        11 => &["TTLExceeded", "FragmentReassemblyTimeExceeded"],
        12 => &["PointerIndicatesError", "MissingOption", "BadLength"],
        _ => &[],
    };
    codes.get(usize::from(code)).copied()
}

fn icmpv6_type(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "DestinationUnreachable",
        2 => "PacketTooBig",
        3 => "TimeExceeded",
        4 => "ParameterProblem",
        128 => "EchoRequest",
        129 => "EchoReply",
        130 => "MLDv1MulticastListenerQueryMessage",
        131 => "MLDv1MulticastListenerReportMessage",
        132 => "MLDv1MulticastListenerDoneMessage",
        133 => "RouterSolicitation",
        134 => "RouterAdvertisement",
        135 => "NeighborSolicitation",
        136 => "NeighborAdvertisement",
        137 => "Redirect",
        143 => "MLDv2MulticastListenerReportMessageV2",
        _ => return None,
    })
}

fn icmpv6_code(kind: u16, code: u16) -> Option<&'static str> {
    let codes: &[&str] = match kind {
        1 => &[
            "NoRouteToDst",
            "AdminProhibited",
            "BeyondScopeOfSrc",
            "AddressUnreachable",
            "PortUnreachable",
            "SrcAddressFailedPolicy",
            "RejectRouteToDst",
        ],
        3 => &["HopLimitExceeded", "FragmentReassemblyTimeExceeded"],
        4 => &[
            "ErroneousHeader",
            "UnrecognizedNextHeader",
            "UnrecognizedIPv6Option",
        ],
        _ => &[],
    };
    codes.get(usize::from(code)).copied()
}
