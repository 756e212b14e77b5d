//! The words for a packet: protocol, flags, what a proxy read.

use std::fmt::Write as _;

use proto::flow::layer7::Record;
use proto::flow::{L7FlowType, Layer7, Verdict};

use crate::view::{FlowView, Transport, tcp};

/// Names of TCP flags, in the order in which Hubble lists them.
pub(crate) const FLAGS: [(&str, u16); 9] = [
    ("FIN", tcp::FIN),
    ("SYN", tcp::SYN),
    ("RST", tcp::RST),
    ("PSH", tcp::PSH),
    ("ACK", tcp::ACK),
    ("URG", tcp::URG),
    ("ECE", tcp::ECE),
    ("CWR", tcp::CWR),
    ("NS", tcp::NS),
];

/// `SYN, ACK`
pub fn flags(bits: u16) -> String {
    let names = FLAGS.iter().filter(|(_, bit)| bits & bit != 0);
    let names: Vec<&str> = names.map(|(name, _)| *name).collect();
    names.join(", ")
}

/// `TCP`, `ICMPv4`, ...
pub fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Sctp => "SCTP",
        Transport::IcmpV4 => "ICMPv4",
        Transport::IcmpV6 => "ICMPv6",
        Transport::Vrrp => "VRRP",
        Transport::Igmp => "IGMP",
    }
}

/// `GET http://shop/cart`, `404 12ms GET /cart`, `Query a.example.com A`: what a proxy read.
pub fn l7_summary(l7: &Layer7) -> String {
    let answer = l7.r#type() == L7FlowType::Response;
    match &l7.record {
        Some(Record::Http(http)) if answer => {
            let took = l7.latency_ns / 1_000_000;
            format!("{} {took}ms {} {}", http.code, http.method, http.url)
        }
        Some(Record::Http(http)) => format!("{} {}", http.method, http.url),
        Some(Record::Dns(dns)) => {
            let mut text = format!("{} {}", dns.query, dns.qtypes.join(","));
            if answer && dns.rcode != 0 {
                write!(text, " rcode {}", dns.rcode).unwrap_or_default();
            } else if answer {
                write!(text, " {}", dns.ips.join(",")).unwrap_or_default();
            }
            text
        }
        Some(Record::Kafka(kafka)) => format!("{} topic {}", kafka.api_key, kafka.topic),
        None => String::new(),
    }
}

/// `POST /admin/delete: 403`, `A www.example.com: refused`, `200 3ms`, `A api.example.com 192.0.2.7`: what was asked
/// and, if it wasn't allowed, what the client was told; of an answer what it says.
pub fn request(l7: &Layer7, verdict: Verdict) -> String {
    let is_answer = l7.r#type() == L7FlowType::Response;
    let told = |denied: &'static str| match verdict {
        Verdict::Dropped => denied,
        Verdict::Error => ": failed",
        Verdict::Unknown
        | Verdict::Forwarded
        | Verdict::Audit
        | Verdict::Redirected
        | Verdict::Traced
        | Verdict::Translated => "",
    };
    match &l7.record {
        Some(Record::Http(http)) if is_answer => {
            format!("{} {}ms", http.code, l7.latency_ns / 1_000_000)
        }
        Some(Record::Http(http)) => {
            let behind = http
                .url
                .split_once("://")
                .map_or(&*http.url, |(_, rest)| rest);
            let path = behind.find('/').map_or("/", |at| &behind[at..]);
            format!("{} {path}{}", http.method, told(": 403"))
        }
        Some(Record::Dns(dns)) => {
            let name = dns.query.strip_suffix('.').unwrap_or(&dns.query);
            let mut text = format!("{} {name}", dns.qtypes.join(","));
            if is_answer && dns.rcode != 0 {
                write!(text, ": rcode {}", dns.rcode).unwrap_or_default();
            } else if is_answer {
                write!(text, " {}", dns.ips.join(",")).unwrap_or_default();
            } else {
                text.push_str(told(": refused"));
            }
            text
        }
        Some(Record::Kafka(kafka)) if is_answer => {
            format!("{}: code {}", kafka.api_key, kafka.error_code)
        }
        Some(Record::Kafka(kafka)) => {
            format!("{} {}{}", kafka.api_key, kafka.topic, told(": denied"))
        }
        None => told("denied").trim_start_matches(": ").to_owned(),
    }
}

/// One line about the packet: what the server says, else what can be told from the fields.
pub fn packet<V: FlowView + ?Sized>(flow: &V) -> String {
    if let Some(l7) = flow.l7() {
        return l7_summary(l7);
    }
    match (flow.summary(), flow.transport(), flow.icmp()) {
        ("", Some(Transport::Tcp), _) => match flow.tcp_flags() {
            Some(bits) if bits != 0 => format!("TCP Flags: {}", flags(bits)),
            Some(_) | None => "TCP".to_owned(),
        },
        ("", Some(transport), Some((kind, code))) => {
            format!("{} type {kind} code {code}", protocol(transport))
        }
        ("", Some(transport), None) => protocol(transport).to_owned(),
        ("", None, _) => String::new(),
        (summary, ..) => summary.to_owned(),
    }
}
