//! The table of fields.

use super::{Ends, Field, Kind, What};
use crate::filter::{NumberOf, TextOf};
use crate::view::{Side, tcp};

/// Makes the table: fields of the ends in three forms, then those of the whole flow.
macro_rules! table {
    (
        ends: $($name:literal $(| $alias:literal)* => $what:ident $kind:ident $doc:literal;)*
        flow: $($plain:literal $(| $other:literal)* => $of:expr, $holds:ident $about:literal;)*
    ) => {
        /// All fields, in the order in which they are listed.
        pub static FIELDS: &[Field] = &[
            $(
                Field {
                    name: concat!("src.", $name),
                    aliases: &[concat!("source.", $name)
                        $(, concat!("src.", $alias), concat!("source.", $alias))*],
                    kind: Kind::$kind,
                    ends: Ends::One(Side::Source),
                    doc: concat!($doc, " of the packet's source"),
                    what: What::$what,
                },
                Field {
                    name: concat!("dst.", $name),
                    aliases: &[concat!("destination.", $name)
                        $(, concat!("dst.", $alias), concat!("destination.", $alias))*],
                    kind: Kind::$kind,
                    ends: Ends::One(Side::Destination),
                    doc: concat!($doc, " of the packet's destination"),
                    what: What::$what,
                },
                Field {
                    name: $name,
                    aliases: &[$($alias),*],
                    kind: Kind::$kind,
                    ends: Ends::Either,
                    doc: concat!($doc, " of source or destination"),
                    what: What::$what,
                },
            )*
            $(
                Field {
                    name: $plain,
                    aliases: &[$($other),*],
                    kind: Kind::$holds,
                    ends: Ends::None,
                    doc: $about,
                    what: $of,
                },
            )*
        ];
    };
}

table! {
    ends:
    "pod" => Pod Scoped "pod";
    "ns" | "namespace" => Namespace Text "namespace";
    "workload" => Workload Scoped "workload, or the pod that none made (shop/web), or by kind (Deployment/web),";
    "service" | "svc" => Service Scoped "service";
    "ip" | "addr" => Ip Ip "address";
    "port" => Port Number "port";
    "identity" | "id" => Identity Number "security identity, by number or reserved name,";
    "label" | "labels" => Label Labels "labels";
    "fqdn" | "dns" | "name" => Fqdn Text "DNS name";
    "cluster" => Cluster Text "cluster";

    flow:
    "verdict" => What::Verdict, Name "how the packet was judged";
    "reason" | "drop.reason" | "drop_reason" => What::Reason, Name "why it was dropped";
    "policy" | "policy.name" => What::Policy, Scoped "policies that decided";
    "match" | "match.type" => What::Named(NumberOf::Match), Name "what a policy verdict matched on";
    "type" | "event.type" => What::Type, Name "kind of event, with :POINT or :NUMBER for its sub type";
    "direction" | "traffic.direction" => What::Direction, Name "direction of the traffic, as seen by the pod that reports";
    "reply" | "is_reply" => What::Reply, Bool "the packet goes against the connection's direction";
    "protocol" | "proto" => What::Protocol, Name "protocol above IP, or the one that a proxy saw";
    "tcp.flags" | "flags" => What::Flags, Flags "TCP flags of the packet";
    "tcp.syn" | "tcp.flags.syn" => What::Flag(tcp::SYN), Bool "the packet has SYN";
    "tcp.ack" | "tcp.flags.ack" => What::Flag(tcp::ACK), Bool "the packet has ACK";
    "tcp.fin" | "tcp.flags.fin" => What::Flag(tcp::FIN), Bool "the packet has FIN";
    "tcp.rst" | "tcp.flags.rst" | "tcp.flags.reset" => What::Flag(tcp::RST), Bool "the packet has RST";
    "tcp.psh" | "tcp.flags.psh" | "tcp.flags.push" => What::Flag(tcp::PSH), Bool "the packet has PSH";
    "tcp.urg" | "tcp.flags.urg" => What::Flag(tcp::URG), Bool "the packet has URG";
    "icmp.type" => What::Number(NumberOf::IcmpType), Number "ICMP type";
    "icmp.code" => What::Number(NumberOf::IcmpCode), Number "ICMP code";
    "ip.version" | "ipversion" => What::IpVersion, Name "version of IP";
    "snat.ip" | "src.ip.xlated" => What::SnatIp, Ip "source address after translation";
    "encrypted" => What::Encrypted, Bool "the packet was encrypted between nodes";
    "node" | "node.name" => What::Node, Text "node that saw the packet, with or without its cluster";
    "node.label" | "node.labels" => What::NodeLabel, Labels "labels of the node";
    "interface" | "iface" => What::Interface, Text "network interface";
    "trace.reason" | "ct.state" => What::Named(NumberOf::TraceReason), Name "place of the packet in its connection";
    "cause" => What::Named(NumberOf::Cause), Name "why the event was sent";
    "bytes" => What::Number(NumberOf::Bytes), Bytes "bytes of the connection so far, both directions";
    "packets" => What::Number(NumberOf::Packets), Number "packets of the connection so far, both directions";
    "rtt" => What::Number(NumberOf::Rtt), Time "round trip of the TCP handshake";
    "revision" => What::Number(NumberOf::Revision), Number "policy revision of the node";
    "limited" => What::Number(NumberOf::Limited), Number "further packets dropped alike, which the flow stands for";
    "http.status" | "http.response.code" => What::HttpStatus, Number "status of an HTTP response; 5+ is all that begin with 5";
    "http.method" | "http.request.method" => What::HttpMethod, Text "HTTP method, in any case";
    "http.path" | "http.request.path" => What::HttpPath, Text "path of the HTTP URL";
    "http.url" | "http.request.uri" => What::HttpUrl, Text "HTTP URL";
    "http.header" => What::HttpHeader, Text "HTTP header, KEY:VALUE";
    "dns.query" | "dns.qry.name" => What::DnsQuery, Text "name asked for in DNS, without the dot at its end";
    "dns.rcode" => What::Number(NumberOf::DnsRcode), Number "response code of DNS";
    "traceid" | "trace.id" => What::TraceId, Text "trace id of the request";
    "ip.traceid" | "ip.trace.id" => What::IpTraceId, Number "trace id in an IP option";
    "uuid" => What::Uuid, Text "unique id of the flow";
    "summary" => What::Text(TextOf::Summary), Text "the packet or request in one line";
}
