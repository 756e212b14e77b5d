//! Hubble's one-line summary of a packet. The words for ICMP are those of gopacket, which Hubble
//! prints.

use flow::view::Transport;

use crate::fact::Packet;

/// The text of `Flow.Summary`.
pub fn summary(packet: &Packet) -> String {
    if !packet.has_ip() {
        return "Ethernet".into();
    }
    let [kind, code] = packet.icmp().unwrap_or_default();
    match packet.transport() {
        Some(Transport::Tcp) => {
            let flags = packet.tcp_flags().unwrap_or_default();
            let names = TCP_FLAGS.iter().filter(|(bit, _)| flags & bit != 0);
            let names: Vec<&str> = names.map(|(_, name)| *name).collect();
            format!("TCP Flags: {}", names.join(", "))
        }
        Some(Transport::Udp) => "UDP".into(),
        Some(Transport::Sctp) => "SCTP".into(),
        Some(Transport::IcmpV4) => format!("ICMPv4 {}", icmp(kind, code, icmpv4_type, icmpv4_code)),
        Some(Transport::IcmpV6) => format!("ICMPv6 {}", icmp(kind, code, icmpv6_type, icmpv6_code)),
        Some(Transport::Vrrp | Transport::Igmp) | None if packet.is_ipv6() => "IPv6".into(),
        Some(Transport::Vrrp | Transport::Igmp) | None => "IPv4".into(),
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
    kind: u16,
    code: u16,
    type_name: fn(u16) -> Option<&'static str>,
    code_name: fn(u16, u16) -> Option<&'static str>,
) -> String {
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
