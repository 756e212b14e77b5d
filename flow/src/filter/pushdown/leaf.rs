//! A question as the field of a [`FlowFilter`].

use ipnet::IpNet;
use proto::flow::flow_filter::Experimental;
use proto::flow::{EventTypeFilter, FlowFilter, HttpHeader, NetworkInterface, TcpFlags, Workload};
use regex::Regex;

use super::super::leaf::{Addresses, HttpLeaf, Leaf, Name};
use super::super::number::NumberLeaf;
use super::super::text::{Scoped, Test, TextLeaf};
use super::Alternatives;
use crate::attribute::{AttributeId, EndAttribute};
use crate::view::{Side, tcp};

/// Most ports that a range is written out to.
const PORTS: usize = 256;

/// Sets one of two fields.
macro_rules! sided {
    ($side:expr, $source:ident, $destination:ident, $value:expr) => {
        match $side {
            Side::Source => FlowFilter {
                $source: $value,
                ..FlowFilter::default()
            },
            Side::Destination => FlowFilter {
                $destination: $value,
                ..FlowFilter::default()
            },
        }
    };
}

/// A filter that matches just what the leaf does.
fn exactly(filter: FlowFilter) -> Option<Alternatives> {
    // An empty list in a message is no question, while a leaf without values matches nothing.
    let none = filter == FlowFilter::default();
    Some(Alternatives {
        filters: if none { Vec::new() } else { vec![filter] },
        exact: true,
    })
}

/// A filter that matches what the leaf does, and more.
fn roughly(filter: FlowFilter) -> Option<Alternatives> {
    (filter != FlowFilter::default()).then(|| Alternatives {
        filters: vec![filter],
        exact: false,
    })
}

fn numbers(set: u32) -> Vec<i32> {
    (0..31).filter(|number| set >> number & 1 == 1).collect()
}

/// Alternatives of which a flow that matches fits one; `None` if that would be all flows.
#[expect(clippy::too_many_lines, reason = "an arm for each question")]
pub(super) fn around(leaf: &Leaf) -> Option<Alternatives> {
    let plain = FlowFilter::default();
    exactly(match leaf {
        Leaf::Verdict(set) => FlowFilter {
            verdict: numbers(*set),
            ..plain
        },
        Leaf::Direction(set) => FlowFilter {
            traffic_direction: numbers(*set),
            ..plain
        },
        Leaf::IpVersion(set) => FlowFilter {
            ip_version: numbers(*set),
            ..plain
        },
        Leaf::DropReason(reasons) => FlowFilter {
            drop_reason_desc: reasons.clone(),
            ..plain
        },
        Leaf::EventType(types) => FlowFilter {
            event_type: types
                .iter()
                .map(|(kind, sub)| EventTypeFilter {
                    r#type: kind.unwrap_or(0),
                    match_sub_type: sub.is_some(),
                    sub_type: sub.unwrap_or(0),
                })
                .collect(),
            ..plain
        },
        Leaf::Reply(want) => FlowFilter {
            reply: vec![*want],
            ..plain
        },
        Leaf::Encrypted(want) => FlowFilter {
            encrypted: vec![*want],
            ..plain
        },
        Leaf::Protocol(protocols) => FlowFilter {
            protocol: protocols.iter().map(|p| p.name().to_owned()).collect(),
            ..plain
        },
        Leaf::Port(side, ports) => {
            let ports = ports.iter().map(ToString::to_string).collect();
            sided!(side, source_port, destination_port, ports)
        }
        Leaf::TcpFlags(sets) => FlowFilter {
            tcp_flags: sets.iter().map(|set| flags(*set)).collect(),
            ..plain
        },
        Leaf::Identity(side, identities) => {
            sided!(
                side,
                source_identity,
                destination_identity,
                identities.clone()
            )
        }
        Leaf::Ip(side, addresses) => {
            return of_addresses(addresses, |texts| {
                sided!(side, source_ip, destination_ip, texts)
            });
        }
        Leaf::SourceXlated(addresses) => {
            return of_addresses(addresses, |texts| FlowFilter {
                source_ip_xlated: texts,
                ..FlowFilter::default()
            });
        }
        Leaf::Pod(side, names) => sided!(side, source_pod, destination_pod, of_names(names)),
        Leaf::Service(side, names) => {
            sided!(side, source_service, destination_service, of_names(names))
        }
        Leaf::Cluster(side, clusters) => {
            let clusters = clusters.clone();
            sided!(
                side,
                source_cluster_name,
                destination_cluster_name,
                clusters
            )
        }
        Leaf::Workload(side, workloads) => {
            let workloads = workloads.iter().map(|(kind, name)| Workload {
                name: name.clone(),
                kind: kind.clone(),
            });
            sided!(
                side,
                source_workload,
                destination_workload,
                workloads.collect()
            )
        }
        Leaf::Fqdn(side, patterns) => {
            let patterns = patterns.iter().map(ToString::to_string).collect();
            sided!(side, source_fqdn, destination_fqdn, patterns)
        }
        Leaf::Labels(labels) => {
            let selectors = labels.selectors.iter().map(ToString::to_string).collect();
            sided!(labels.side, source_label, destination_label, selectors)
        }
        Leaf::NodeLabels(selectors) => FlowFilter {
            node_labels: selectors.iter().map(ToString::to_string).collect(),
            ..plain
        },
        Leaf::Node(patterns) => FlowFilter {
            node_name: patterns.iter().map(ToString::to_string).collect(),
            ..plain
        },
        Leaf::Interface(interfaces) => FlowFilter {
            interface: interfaces
                .iter()
                .map(|(index, name)| NetworkInterface {
                    index: *index,
                    name: name.clone(),
                })
                .collect(),
            ..plain
        },
        Leaf::Uuid(ids) => FlowFilter {
            uuid: ids.clone(),
            ..plain
        },
        Leaf::TraceId(ids) => FlowFilter {
            trace_id: ids.clone(),
            ..plain
        },
        Leaf::IpTraceId(ids) => FlowFilter {
            ip_trace_id: ids.clone(),
            ..plain
        },
        Leaf::Http(http) => return of_http(http),
        Leaf::DnsQuery(queries) => FlowFilter {
            dns_query: regexes(queries)?,
            ..plain
        },
        Leaf::Cel(expressions) => FlowFilter {
            experimental: Some(Experimental {
                cel_expression: expressions
                    .iter()
                    .map(|cel| cel.text().to_owned())
                    .collect(),
            }),
            ..plain
        },
        // Hubble has nothing that looks into all names.
        Leaf::AnyName(_) => return None,
        Leaf::Text(text) => return of_text(text),
        Leaf::Number(number) => return of_number(number),
    })
}

fn flags(set: u16) -> TcpFlags {
    TcpFlags {
        fin: set & tcp::FIN != 0,
        syn: set & tcp::SYN != 0,
        rst: set & tcp::RST != 0,
        psh: set & tcp::PSH != 0,
        ack: set & tcp::ACK != 0,
        urg: set & tcp::URG != 0,
        ece: set & tcp::ECE != 0,
        cwr: set & tcp::CWR != 0,
        ns: set & tcp::NS != 0,
    }
}

/// Servers compare exact addresses as texts, so that those which a flow may spell otherwise are asked
/// for as networks of one address.
fn of_addresses(
    addresses: &Addresses,
    filter: impl FnOnce(Vec<String>) -> FlowFilter,
) -> Option<Alternatives> {
    let exact = addresses.exact.iter().map(|address| match address {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(_) => IpNet::from(*address).to_string(),
    });
    let networks = addresses.networks.iter().map(ToString::to_string);
    exactly(filter(exact.chain(networks).collect()))
}

fn of_names(names: &[Name]) -> Vec<String> {
    let names = names.iter();
    names
        .map(|name| format!("{}/{}", name.namespace, name.prefix))
        .collect()
}

fn of_http(leaf: &HttpLeaf) -> Option<Alternatives> {
    let plain = FlowFilter::default();
    exactly(match leaf {
        HttpLeaf::Status(beginnings) => FlowFilter {
            http_status_code: beginnings
                .iter()
                .map(|beginning| match beginning.len() {
                    3 => beginning.clone(),
                    _ => format!("{beginning}+"),
                })
                .collect(),
            ..plain
        },
        HttpLeaf::Method(methods) => FlowFilter {
            http_method: methods.clone(),
            ..plain
        },
        HttpLeaf::Path(paths) => FlowFilter {
            http_path: regexes(paths)?,
            ..plain
        },
        HttpLeaf::Url(urls) => FlowFilter {
            http_url: regexes(urls)?,
            ..plain
        },
        HttpLeaf::Header(headers) => FlowFilter {
            http_header: headers
                .iter()
                .map(|(key, value)| HttpHeader {
                    key: key.clone(),
                    value: value.clone(),
                })
                .collect(),
            ..plain
        },
    })
}

fn of_text(leaf: &TextLeaf) -> Option<Alternatives> {
    // Servers know prefixes of pods and services.
    let prefix = |test: &Scoped| {
        let namespace = match &test.scope {
            None => String::new(),
            Some(Test::Exact(scope)) => scope.clone(),
            Some(Test::Glob(scope)) => scope.literal().unwrap_or_default(),
            Some(Test::Any | Test::Regex(_)) => String::new(),
        };
        let name = match &test.name {
            Test::Exact(name) => name.clone(),
            Test::Glob(name) => name.beginning(),
            Test::Any | Test::Regex(_) => String::new(),
        };
        // What follows a second slash they ignore, and without one they assume a namespace.
        let slashes = namespace.contains('/') || name.contains('/');
        (!slashes).then(|| format!("{namespace}/{name}"))
    };
    let prefixes = || leaf.tests.iter().map(prefix).collect::<Option<Vec<_>>>();
    #[expect(clippy::wildcard_enum_match_arm, reason = "servers know few texts")]
    match leaf.of.id {
        AttributeId::Of(side, EndAttribute::Pod) => {
            roughly(sided!(side, source_pod, destination_pod, prefixes()?))
        }
        AttributeId::Of(side, EndAttribute::Service) => roughly(sided!(
            side,
            source_service,
            destination_service,
            prefixes()?
        )),
        // Whether a workload's or not, the pod is in the namespace.
        AttributeId::Of(side, EndAttribute::Workload) => {
            let namespaces = leaf.tests.iter().map(|test| match &test.scope {
                Some(Test::Exact(namespace)) => Some(format!("{namespace}/")),
                Some(Test::Glob(_) | Test::Any | Test::Regex(_)) | None => None,
            });
            let namespaces = namespaces.collect::<Option<Vec<_>>>()?;
            roughly(sided!(side, source_pod, destination_pod, namespaces))
        }
        AttributeId::DnsQuery => {
            // The dot at the end is not part of the text.
            let exact = leaf.tests.iter().map(|test| match &test.name {
                Test::Exact(name) => Some(format!("^{}\\.?$", regex::escape(name))),
                Test::Any | Test::Glob(_) | Test::Regex(_) => None,
            });
            roughly(FlowFilter {
                dns_query: exact.collect::<Option<Vec<_>>>()?,
                ..FlowFilter::default()
            })
        }
        AttributeId::HttpPath
        | AttributeId::HttpUrl
        | AttributeId::HttpMethod
        | AttributeId::HttpHeader => roughly(FlowFilter {
            protocol: vec!["http".to_owned()],
            ..FlowFilter::default()
        }),
        _ => None,
    }
}

fn of_number(leaf: &NumberLeaf) -> Option<Alternatives> {
    let protocols = |names: &[&str]| FlowFilter {
        protocol: names.iter().map(|name| (*name).to_owned()).collect(),
        ..FlowFilter::default()
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "servers know few numbers")]
    match leaf.of.id {
        AttributeId::Of(side, EndAttribute::Port) => {
            let ports = leaf.ranges.iter().flat_map(|(from, to)| *from..=*to);
            let ports: Vec<String> = ports.take(PORTS + 1).map(|port| port.to_string()).collect();
            if ports.len() > PORTS {
                return roughly(protocols(&["tcp", "udp", "sctp"]));
            }
            exactly(sided!(side, source_port, destination_port, ports))
        }
        AttributeId::IcmpType | AttributeId::IcmpCode => roughly(protocols(&["icmp"])),
        AttributeId::HttpStatus => roughly(protocols(&["http"])),
        AttributeId::DnsRcode => roughly(protocols(&["dns"])),
        _ => None,
    }
}

/// The expressions, if servers, whose engine is another one, read them alike.
fn regexes(of: &[Regex]) -> Option<Vec<String>> {
    let texts = of.iter().map(Regex::as_str);
    texts
        .map(|text| alike(text).then(|| text.to_owned()))
        .collect()
}

/// Whether Go reads the expression as Rust does, in the part of the syntax that is plainly common.
fn alike(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    // What stands before can be repeated.
    let mut something = false;
    while let Some(char) = chars.next() {
        something = match char {
            '\\' => {
                if !chars.next().is_some_and(|c| c.is_ascii_punctuation()) {
                    return false;
                }
                true
            }
            '*' | '+' | '?' => {
                if !something {
                    return false;
                }
                chars.next_if_eq(&'?');
                false
            }
            '(' if chars.peek() == Some(&'?') => return false,
            '(' | '|' | '^' | '$' => false,
            '[' => {
                chars.next_if_eq(&'^');
                let mut empty = true;
                loop {
                    match chars.next() {
                        Some(']') if !empty => break,
                        Some('.' | '_' | '/') => {}
                        Some(c) if c.is_ascii_alphanumeric() => {
                            if chars.next_if_eq(&'-').is_some()
                                && !chars.peek().is_some_and(char::is_ascii_alphanumeric)
                            {
                                return false;
                            }
                        }
                        _ => return false,
                    }
                    empty = false;
                }
                true
            }
            '{' | '}' | ']' => return false,
            c => !c.is_control(),
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn expressions_that_go_may_read_otherwise_stay_here() {
        for (text, same) in [
            ("^/api/v[0-9]+/.*$", true),
            ("a|b(c|d)?", true),
            ("a\\.b\\/c", true),
            ("x*?y", true),
            ("[^a-z_./]", true),
            ("\\d", false),
            ("\\w+", false),
            ("(?i)a", false),
            ("a{2}", false),
            ("a**", false),
            ("a*+", false),
            ("^*", false),
            ("[a&&b]", false),
            ("[[:alpha:]]", false),
            ("[]a]", false),
            ("\\bx", false),
        ] {
            assert_eq!(alike(text), same, "{text}");
        }
    }
}
