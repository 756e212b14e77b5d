//! Protocols that policies speak of, by the names that people write.

use abi::proto;

/// Names and numbers (IANA).
pub const NAMES: [(&str, u8); 5] = [
    ("TCP", proto::TCP),
    ("UDP", proto::UDP),
    ("SCTP", proto::SCTP),
    ("ICMP", proto::ICMP),
    ("ICMPv6", proto::ICMPV6),
];

/// The name of a protocol, if it has one here.
pub fn name(number: u8) -> Option<&'static str> {
    let named = NAMES.iter().find(|(_, known)| *known == number);
    named.map(|(name, _)| *name)
}

/// The protocol of that name, of those that have ports: what Kubernetes calls a protocol.
pub fn with_ports(name: &str) -> Option<(&'static str, u8)> {
    let with_ports = |number| matches!(number, proto::TCP | proto::UDP | proto::SCTP);
    NAMES
        .into_iter()
        .find(|(known, number)| *known == name && with_ports(*number))
}
