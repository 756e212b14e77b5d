//! From Hubble's lists of filters to the tree: a flow passes if one of the whitelist matches, or
//! that is empty, and none of the blacklist. Within a filter all fields must match, within a field
//! one of its values.

use std::net::IpAddr;

use ipnet::IpNet;
use proto::flow::FlowFilter;
use regex::{Regex, RegexBuilder};

use super::cel::Cel;
use super::error::{FilterError, NotANumber};
use super::leaf::{Addresses, HttpLeaf, Labels, Leaf, Name, Protocol};
use super::pattern::{NodePattern, Pattern};
use super::{Filter, Selector};
use crate::monitor_api::event;
use crate::view::{Side, Transport, flag_bits};

/// Most expressions in CEL of a filter.
const CELS: usize = 16;

impl Filter {
    /// The filter that two lists of Hubble's describe.
    ///
    /// # Errors
    /// A value that can't be read, or a field that is not supported.
    pub fn from_lists(
        whitelist: &[FlowFilter],
        blacklist: &[FlowFilter],
    ) -> Result<Self, FilterError> {
        let list = |list: &[FlowFilter]| {
            list.iter()
                .map(Self::try_from)
                .collect::<Result<Vec<_>, _>>()
        };
        let mut all = Vec::new();
        match list(whitelist)? {
            mut one if one.len() == 1 => all.append(&mut one),
            none if none.is_empty() => {}
            many => all.push(Self::Any(many)),
        }
        let black = list(blacklist)?;
        if !black.is_empty() {
            all.push(Self::Not(Box::new(Self::Any(black))));
        }
        Ok(Self::All(all))
    }
}

impl TryFrom<&FlowFilter> for Filter {
    type Error = FilterError;

    /// One filter of such a list.
    fn try_from(filter: &FlowFilter) -> Result<Self, FilterError> {
        let mut leaves = Leaves::default();
        leaves.plain(filter);
        leaves.ends(filter)?;
        leaves.packet(filter)?;
        leaves.node(filter)?;
        leaves.l7(filter)?;
        // Filters from the wire may be none at all; the message has no other fields.
        if let Some(experimental) = &filter.experimental {
            leaves.cel(&experimental.cel_expression)?;
        }
        Ok(Self::All(leaves.0))
    }
}

#[derive(Default)]
struct Leaves(Vec<Filter>);

impl Leaves {
    fn push(&mut self, leaf: Leaf) {
        self.0.push(Filter::Leaf(leaf));
    }

    /// A leaf of the values, unless there are none.
    fn list<T, U>(
        &mut self,
        values: &[T],
        read: impl Fn(&T) -> Result<U, FilterError>,
        leaf: impl FnOnce(Vec<U>) -> Leaf,
    ) -> Result<(), FilterError> {
        if !values.is_empty() {
            let values = values.iter().map(read).collect::<Result<_, _>>()?;
            self.push(leaf(values));
        }
        Ok(())
    }

    fn set(&mut self, numbers: &[i32], leaf: impl FnOnce(u32) -> Leaf) {
        if !numbers.is_empty() {
            // A number that no enum value has fits no flow.
            let bits = numbers
                .iter()
                .filter_map(|number| u32::try_from(*number).ok())
                .filter_map(|number| 1u32.checked_shl(number));
            self.push(leaf(bits.fold(0, |set, bit| set | bit)));
        }
    }

    /// One of two, or both.
    fn either(&mut self, wanted: &[bool], leaf: impl Fn(bool) -> Leaf) {
        let leaves = wanted.iter().map(|want| Filter::Leaf(leaf(*want)));
        if !wanted.is_empty() {
            self.0.push(Filter::Any(leaves.collect()));
        }
    }

    fn cel(&mut self, expressions: &[String]) -> Result<(), FilterError> {
        if expressions.len() > CELS {
            return Err(FilterError::ManyCels(CELS));
        }
        let read = |text: &String| Cel::new(text).map_err(FilterError::from);
        self.list(expressions, read, Leaf::Cel)
    }

    /// Fields whose values can't be wrong.
    fn plain(&mut self, filter: &FlowFilter) {
        let strings = |values: &[String], leaf: fn(Vec<String>) -> Leaf| {
            (!values.is_empty()).then(|| Filter::Leaf(leaf(values.to_vec())))
        };
        self.0.extend(strings(&filter.uuid, Leaf::Uuid));
        if !filter.event_type.is_empty() {
            let types = filter.event_type.iter().map(|t| {
                let kind = (t.r#type != 0).then_some(t.r#type);
                (kind, t.match_sub_type.then_some(t.sub_type))
            });
            self.push(Leaf::EventType(types.collect()));
        }
        self.set(&filter.verdict, Leaf::Verdict);
        if !filter.drop_reason_desc.is_empty() {
            self.push(Leaf::DropReason(filter.drop_reason_desc.clone()));
        }
        self.either(&filter.reply, Leaf::Reply);
        self.either(&filter.encrypted, Leaf::Encrypted);
        self.set(&filter.ip_version, Leaf::IpVersion);
        self.set(&filter.traffic_direction, Leaf::Direction);
        self.0.extend(strings(&filter.trace_id, Leaf::TraceId));
        if !filter.ip_trace_id.is_empty() {
            self.push(Leaf::IpTraceId(filter.ip_trace_id.clone()));
        }
        if !filter.interface.is_empty() {
            let interfaces = filter.interface.iter();
            let interfaces = interfaces.map(|i| (i.index, i.name.clone()));
            self.push(Leaf::Interface(interfaces.collect()));
        }
        if !filter.tcp_flags.is_empty() {
            let flags = filter.tcp_flags.iter().map(flag_bits);
            self.push(Leaf::TcpFlags(flags.collect()));
        }
        for (side, identities, workloads) in [
            (
                Side::Source,
                &filter.source_identity,
                &filter.source_workload,
            ),
            (
                Side::Destination,
                &filter.destination_identity,
                &filter.destination_workload,
            ),
        ] {
            if !identities.is_empty() {
                let mut identities = identities.clone();
                identities.sort_unstable();
                self.push(Leaf::Identity(side, identities));
            }
            if !workloads.is_empty() {
                let workloads = workloads.iter().map(|w| (w.kind.clone(), w.name.clone()));
                self.push(Leaf::Workload(side, workloads.collect()));
            }
        }
    }

    /// What there is for source and destination alike.
    fn ends(&mut self, filter: &FlowFilter) -> Result<(), FilterError> {
        struct End<'a> {
            side: Side,
            ip: &'a [String],
            pod: &'a [String],
            service: &'a [String],
            fqdn: &'a [String],
            label: &'a [String],
            cluster: &'a [String],
        }
        let ends = [
            End {
                side: Side::Source,
                ip: &filter.source_ip,
                pod: &filter.source_pod,
                service: &filter.source_service,
                fqdn: &filter.source_fqdn,
                label: &filter.source_label,
                cluster: &filter.source_cluster_name,
            },
            End {
                side: Side::Destination,
                ip: &filter.destination_ip,
                pod: &filter.destination_pod,
                service: &filter.destination_service,
                fqdn: &filter.destination_fqdn,
                label: &filter.destination_label,
                cluster: &filter.destination_cluster_name,
            },
        ];
        for end in ends {
            let side = end.side;
            if !end.ip.is_empty() {
                self.push(Leaf::Ip(side, addresses(end.ip)?));
            }
            self.list(end.pod, |text| name(text), |names| Leaf::Pod(side, names))?;
            let service = |text: &String| {
                let side = side_name(side);
                name(text).map_err(|_empty| FilterError::Service { side })
            };
            self.list(end.service, service, |names| Leaf::Service(side, names))?;
            self.list(end.fqdn, |text| Pattern::new(text), |p| Leaf::Fqdn(side, p))?;
            let labels = |selectors| {
                Leaf::Labels(Labels {
                    side,
                    selectors,
                    slot: usize::MAX,
                })
            };
            self.list(end.label, |text| selector(text, side_name(side)), labels)?;
            let cluster = |text: &String| match text.as_str() {
                "" => Err(FilterError::EmptyName),
                text => Ok(text.to_owned()),
            };
            self.list(end.cluster, cluster, |names| Leaf::Cluster(side, names))?;
        }
        Ok(())
    }

    fn packet(&mut self, filter: &FlowFilter) -> Result<(), FilterError> {
        if !filter.source_ip_xlated.is_empty() {
            self.push(Leaf::SourceXlated(addresses(&filter.source_ip_xlated)?));
        }
        if !filter.protocol.is_empty() {
            let mut protocols = Vec::new();
            for text in &filter.protocol {
                protocols.extend_from_slice(protocol(text)?);
            }
            self.push(Leaf::Protocol(protocols));
        }
        for (side, ports) in [
            (Side::Source, &filter.source_port),
            (Side::Destination, &filter.destination_port),
        ] {
            let port = |text: &String| {
                NotANumber::read(text, u16::MAX.into())
                    .map(|port| u16::try_from(port).unwrap_or_default())
                    .map_err(|why| FilterError::Port {
                        side: side_name(side),
                        text: text.clone(),
                        why,
                    })
            };
            self.list(ports, port, |ports| Leaf::Port(side, ports))?;
        }
        Ok(())
    }

    fn node(&mut self, filter: &FlowFilter) -> Result<(), FilterError> {
        self.list(&filter.node_name, |text| NodePattern::new(text), Leaf::Node)?;
        self.list(
            &filter.node_labels,
            |text| selector(text, "node"),
            Leaf::NodeLabels,
        )
    }

    fn l7(&mut self, filter: &FlowFilter) -> Result<(), FilterError> {
        let types = &filter.event_type;
        let l7 = types.is_empty() || types.iter().any(|t| t.r#type == event::L7);
        for (asked, what) in [
            (!filter.http_status_code.is_empty(), "http status code"),
            (!filter.http_method.is_empty(), "http method"),
            (!filter.http_path.is_empty(), "http path"),
            (!filter.http_url.is_empty(), "http url"),
            (!filter.http_header.is_empty(), "http headers"),
        ] {
            if asked && !l7 {
                return Err(FilterError::NotL7(what));
            }
        }
        self.list(
            &filter.http_status_code,
            |text| status(text),
            |of| Leaf::Http(HttpLeaf::Status(of)),
        )?;
        self.list(
            &filter.http_method,
            |method| Ok(method.clone()),
            |of| Leaf::Http(HttpLeaf::Method(of)),
        )?;
        for (what, regexes, leaf) in [
            (
                "http path",
                &filter.http_path,
                HttpLeaf::Path as fn(Vec<Regex>) -> HttpLeaf,
            ),
            ("http url", &filter.http_url, HttpLeaf::Url),
        ] {
            let compiled = |text: &String| {
                regex(text).map_err(|why| FilterError::Regex {
                    what,
                    text: text.clone(),
                    why: why.to_string(),
                })
            };
            self.list(regexes, compiled, |of| Leaf::Http(leaf(of)))?;
        }
        self.list(
            &filter.http_header,
            |header| Ok((header.key.clone(), header.value.clone())),
            |of| Leaf::Http(HttpLeaf::Header(of)),
        )?;
        let query = |text: &String| regex(text).map_err(|why| FilterError::Query(why.to_string()));
        self.list(&filter.dns_query, query, Leaf::DnsQuery)
    }
}

/// Bytes that a compiled regular expression may take: who sends it is not always a friend.
const REGEX_BYTES: usize = 1 << 20;

fn regex(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build()
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Destination => "destination",
    }
}

/// `[namespace/]prefix`; without a namespace it is `default`, an empty one is any. What follows a
/// second slash is ignored.
fn name(text: &str) -> Result<Name, FilterError> {
    if text.is_empty() {
        return Err(FilterError::EmptyName);
    }
    let mut parts = text.split('/');
    let first = parts.next().unwrap_or_default();
    let (namespace, prefix) = match parts.next() {
        Some(second) => (first, second),
        None => ("default", first),
    };
    Ok(Name {
        namespace: namespace.to_owned(),
        prefix: prefix.to_owned(),
    })
}

fn selector(text: &str, what: &'static str) -> Result<Selector, FilterError> {
    text.parse()
        .map_err(|why| FilterError::Labels { what, why })
}

/// An exact address must be written as a flow writes it: Hubble compares the texts.
fn addresses(texts: &[String]) -> Result<Addresses, FilterError> {
    let mut addresses = Addresses::default();
    for text in texts {
        if text.contains('/') {
            addresses.networks.push(network(text)?);
        } else {
            let address: IpAddr = text.parse().map_err(|_go_says_it| FilterError::Address {
                text: text.clone(),
                why: format!("ParseAddr(\"{text}\"): unable to parse IP"),
            })?;
            if address.to_string() == *text {
                addresses.exact.push(address);
            }
        }
    }
    Ok(addresses)
}

fn network(text: &str) -> Result<IpNet, FilterError> {
    let error = |why: String| FilterError::Prefix {
        text: text.to_owned(),
        why: format!("netip.ParsePrefix(\"{text}\"): {why}"),
    };
    let (address, length) = text.rsplit_once('/').unwrap_or((text, ""));
    let address: IpAddr = address
        .parse()
        .map_err(|_go_says_it| error(format!("ParseAddr(\"{address}\"): unable to parse IP")))?;
    let canonical = length == "0" || !length.starts_with('0');
    let bits = NotANumber::read(length, 999)
        .ok()
        .filter(|_| canonical)
        .ok_or_else(|| error(format!("bad bits after slash: \"{length}\"")))?;
    u8::try_from(bits)
        .ok()
        .and_then(|bits| IpNet::new(address, bits).ok())
        .ok_or_else(|| error("prefix length out of range".to_owned()))
}

pub(crate) fn protocol(text: &str) -> Result<&'static [Protocol], FilterError> {
    const ICMP: &[Protocol] = &[
        Protocol::Transport(Transport::IcmpV4),
        Protocol::Transport(Transport::IcmpV6),
    ];
    let name = text.to_lowercase();
    if name == "icmp" {
        return Ok(ICMP);
    }
    let found = Protocol::ALL.iter().find(|known| known.name() == name);
    found
        .map(std::slice::from_ref)
        .ok_or_else(|| FilterError::Protocol(text.to_owned()))
}

/// `404`, `40+` or `4+`, as the beginning of the number.
pub(crate) fn status(text: &str) -> Result<String, FilterError> {
    let digits = text.strip_suffix('+').unwrap_or(text);
    let length = if digits.len() == text.len() {
        3..4
    } else {
        1..3
    };
    let known = length.contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && digits.starts_with(['1', '2', '3', '4', '5']);
    if known {
        Ok(digits.to_owned())
    } else {
        Err(FilterError::Status(text.to_owned()))
    }
}
