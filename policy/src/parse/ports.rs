//! `toPorts`, and the ports of a NetworkPolicy.

use cluster::yaml::Value;
use l7::placement::{Port, PortProtocol};
use l7::rules::{Allows, Direction};

use super::field::{Field, FieldErrors, Refused, Unsupported};
use super::layer7;
use crate::bounded;
use crate::path::{RuleList, RulePath};
use crate::rule::{PortRule, Ports, layer7_text, protocol};

/// Ports and how to say them.
pub(super) type Said = (Ports, String);

const TLS: &str = "remove it";

const PORT_RULE_UNSUPPORTED: Unsupported = &[
    ("terminatingTLS", TLS),
    ("originatingTLS", TLS),
    (
        "serverNames",
        "start the agent without --l7-proxy=off, or remove it",
    ),
    ("listener", TLS),
];

/// Most ports of an item, and most types of one of `icmps`.
pub(super) const MAX_PORTS: usize = 40;

/// In which list of a rule an element stands.
#[derive(Clone, Copy)]
pub(super) struct ElementContext {
    pub(super) path: RulePath,
    pub(super) list: RuleList,
    /// Rules of layer 7 are taken.
    pub(super) layer7: bool,
}

impl ElementContext {
    fn direction(self) -> Direction {
        match self.list {
            RuleList::Ingress | RuleList::IngressDeny => Direction::Ingress,
            RuleList::Egress | RuleList::EgressDeny => Direction::Egress,
        }
    }

    fn is_deny(self) -> bool {
        matches!(self.list, RuleList::IngressDeny | RuleList::EgressDeny)
    }
}

/// `toPorts` of one element; each item is an alternative. Beside their ports the items themselves, if one has
/// rules of layer 7.
pub(super) fn to_ports(
    field: &Field<'_>,
    context: ElementContext,
) -> Result<(Vec<Said>, Vec<PortRule>), Refused> {
    let items = field.list()?;
    let items = items.iter().enumerate();
    let read = items.map(|(n, item)| {
        let (mut said, allows) = port_rule(item, context)?;
        let on: Vec<&str> = said.iter().map(|(_, text)| text.as_str()).collect();
        let on: Vec<&str> = on.into_iter().filter(|text| !text.is_empty()).collect();
        let mut on = bounded::list(&on, ", ");
        if let Some(what) = layer7_text::said(&allows) {
            on.push_str(&format!(" ({what})"));
            // The first carries the text, as of a port with several protocols.
            said.iter_mut().for_each(|(_, text)| text.clear());
            if let Some((_, text)) = said.first_mut() {
                text.clone_from(&on);
            }
        }
        let rule = PortRule {
            path: context.path.port_rule(n),
            ports: said.iter().map(|(ports, _)| ports.clone()).collect(),
            allows: allows.into(),
            on: on.into(),
        };
        Ok((said, rule))
    });
    let (said, mut rules): (Vec<_>, Vec<_>) = FieldErrors::all(read)?.into_iter().unzip();
    if rules.iter().all(|rule| *rule.allows == Allows::Everything) {
        rules.clear();
    }
    Ok((said.into_iter().flatten().collect(), rules))
}

fn port_rule(item: &Field<'_>, context: ElementContext) -> Result<(Vec<Said>, Allows), Refused> {
    let mut errors = FieldErrors::default();
    let deny = context.is_deny();
    errors.record(match (deny, context.layer7) {
        (true, _) => item.only(&["ports"], &[]),
        (false, false) => item.only(&["ports", "rules"], PORT_RULE_UNSUPPORTED),
        (false, true) => {
            let [a, b, c, d, e] = layer7::FIELDS;
            item.only(&["ports", a, b, c, d, e], &[])
        }
    });
    // Of a deny, the field as such was refused.
    if let Some(rules) = item.get("rules").filter(|_| !deny && !context.layer7) {
        errors.record(check_no_rules(&rules));
    }
    let ports = item.get("ports").map(|ports| ports.list());
    let ports = ports
        .and_then(|ports| errors.record(ports))
        .unwrap_or_default();
    if ports.len() > MAX_PORTS {
        errors.record::<()>(Err(item.refuse(
            "too many ports, the max is 40",
            "split them over several items",
        )));
    }
    let read = errors.record(FieldErrors::all(ports.iter().map(cilium_port)));
    let allows = (!deny && context.layer7).then(|| {
        let ports = read.as_ref().map(|read| read.iter().map(|(_, port)| *port));
        let ports: Option<Vec<Port>> = ports.map(Iterator::collect);
        layer7::allows(item, context.direction(), ports.as_deref())
    });
    let allows = allows.and_then(|allows| errors.record(allows));
    let allows = allows.unwrap_or(Allows::Everything);
    let mut said: Vec<Said> = Vec::new();
    for (ports, _) in read.into_iter().flatten() {
        said.extend(ports);
    }
    errors.finish((said, allows))
}

/// Rules of layer 7 of an agent without a proxy, where empty ones mean nothing and are fine.
fn check_no_rules(rules: &Field<'_>) -> Result<(), Refused> {
    rules.only(&["http", "dns", "kafka", "l7", "l7proto"], &[])?;
    for (name, value) in rules.entries()? {
        let empty = value.node.value.as_list().is_some_and(<[_]>::is_empty);
        if !empty && value.node.value != Value::Null {
            return Err(value.refuse(
                format!("{name} rules need a proxy, which is switched off"),
                "start the agent without --l7-proxy=off, or remove them to allow the whole port",
            ));
        }
    }
    Ok(())
}

/// A port, and what matters of it to rules of layer 7.
fn cilium_port(field: &Field<'_>) -> Result<(Vec<Said>, Port), Refused> {
    let mut errors = FieldErrors::default();
    errors.record(field.only(&["port", "endPort", "protocol"], &[]));
    let protocol = field.get("protocol").map(|field| cilium_protocol(&field));
    let protocol = protocol.and_then(|protocol| errors.record(protocol));
    let (name, protocols) = protocol.unwrap_or(("ANY", ANY));
    let end = field.get("endPort");
    let end = end.and_then(|end| Some((errors.record(end.number(u16::MAX))?, end)));
    let Some(port) = field.get("port") else {
        let refused = field.refuse("port must be specified", "add port, \"0\" for all ports");
        errors.record::<()>(Err(refused));
        let unread = Port {
            number: None,
            end: None,
            protocol: PortProtocol::Any,
        };
        return errors.finish((Vec::new(), unread));
    };
    // Kubernetes' schema wants text; a bare number can only mean itself.
    let text = match port.node.value.as_int() {
        Some(number) => Some(number.to_string()),
        None => errors.record(port.text()).map(str::to_owned),
    };
    let text = text.unwrap_or_default();
    let number = errors.record(
        match text.is_empty() && port.node.value.as_text().is_none() {
            // What it is was told already.
            true => Ok(Some(0)),
            false => port_number(&port, &text),
        },
    );
    let Some(first) = number.unwrap_or(Some(0)) else {
        let name_of = text.to_lowercase();
        errors.record(check_port_name(&port, &name_of, PORT_NAME));
        let said = port_list(protocols, |protocol| Ports::Named {
            protocol,
            name: name_of.as_str().into(),
        });
        let port = Port {
            number: None,
            end: None,
            protocol: of_port(name),
        };
        return errors.finish((said.said(&format!("{name_of}/{name}")), port));
    };
    errors.finish(())?;
    let port = Port {
        number: Some(first),
        end: end.as_ref().map(|(last, _)| *last),
        protocol: of_port(name),
    };
    let said = match (first, end) {
        (0, Some((last, end))) if last > 0 => {
            return Err(end.refuse(
                "port 0 means all ports and takes no endPort",
                "use port \"1\" for a range from the first port, or remove endPort",
            ));
        }
        (0, _) => port_list(protocols, Ports::Protocol).said(&match name {
            "ANY" => "all ports".to_owned(),
            name => format!("all {name} ports"),
        }),
        (first, Some((last, _))) if last > first => port_list(protocols, |protocol| Ports::Range {
            protocol,
            first,
            last,
        })
        .said(&format!("{first}-{last}/{name}")),
        // An end below the beginning means the one port, as in Cilium.
        (first, _) => port_list(protocols, |protocol| Ports::Range {
            protocol,
            first,
            last: first,
        })
        .said(&format!("{first}/{name}")),
    };
    Ok((said, port))
}

/// A protocol of [`cilium_protocol`], as rules of layer 7 tell them apart.
fn of_port(name: &str) -> PortProtocol {
    match name {
        "TCP" => PortProtocol::Tcp,
        "UDP" => PortProtocol::Udp,
        "SCTP" => PortProtocol::Sctp,
        _ => PortProtocol::Any,
    }
}

const ANY: &[u8] = &[protocol::TCP, protocol::UDP, protocol::SCTP];

fn cilium_protocol(field: &Field<'_>) -> Result<(&'static str, &'static [u8]), Refused> {
    let text = field.text()?;
    Ok(match text.to_uppercase().as_str() {
        "" | "ANY" => ("ANY", ANY),
        "TCP" => ("TCP", &[protocol::TCP]),
        "UDP" => ("UDP", &[protocol::UDP]),
        "SCTP" => ("SCTP", &[protocol::SCTP]),
        "VRRP" | "IGMP" => {
            return Err(field.refuse(
                format!("protocol {text} isn't supported yet"),
                "remove the port, or use TCP, UDP, SCTP or ANY",
            ));
        }
        "ICMP" | "ICMPV6" => {
            return Err(field.refuse(
                format!(
                    "invalid protocol {text:?}, must be {{ tcp | udp | sctp | vrrp | igmp | any }}"
                ),
                "use icmps beside toPorts in an element of its own",
            ));
        }
        _ => {
            return Err(field.refuse(
                format!(
                    "invalid protocol {text:?}, must be {{ tcp | udp | sctp | vrrp | igmp | any }}"
                ),
                "use TCP, UDP, SCTP or ANY",
            ));
        }
    })
}

/// The number of a port; `None`: it is a name.
fn port_number(field: &Field<'_>, text: &str) -> Result<Option<u16>, Refused> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    if text.len() > 1 && text.starts_with('0') {
        let bare = text.trim_start_matches('0');
        let bare = if bare.is_empty() { "0" } else { bare };
        return Err(field.refuse(
            format!("unable to parse port: {text:?} begins with 0, which Cilium reads as octal"),
            format!("write {bare:?}"),
        ));
    }
    match text.parse::<u16>() {
        Ok(number) => Ok(Some(number)),
        Err(_out_of_range) => Err(field.refuse(
            format!("unable to parse port: {text} is out of range"),
            "use 0 to 65535",
        )),
    }
}

/// The number that a port's name looks like: `0x50` for 80. It is a name nevertheless.
pub(super) fn number_alike(name: &str) -> Option<u32> {
    let (base, digits) = match name.get(..2)? {
        "0x" | "0X" => (16, &name[2..]),
        "0o" | "0O" => (8, &name[2..]),
        "0b" | "0B" => (2, &name[2..]),
        _ => return None,
    };
    u32::from_str_radix(digits, base).ok()
}

/// Names of ports as IANA has them (RFC 6335 section 5.1), in lower case.
fn is_port_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 15
        && name.chars().all(fits)
        && name.contains(|c: char| c.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

const PORT_NAME: &str = "use 0 to 65535, or a name of at most 15 letters, digits and single dashes";

fn check_port_name(field: &Field<'_>, name: &str, remedy: &str) -> Result<(), Refused> {
    if is_port_name(name) {
        return Ok(());
    }
    Err(field.refuse(
        format!("unable to parse port: {name:?} is neither a number nor the name of a port"),
        remedy,
    ))
}

struct PortList(Vec<Ports>);

fn port_list(protocols: &[u8], ports: impl Fn(u8) -> Ports) -> PortList {
    PortList(protocols.iter().map(|protocol| ports(*protocol)).collect())
}

impl PortList {
    /// The first carries the text, so that it is said once.
    fn said(self, text: &str) -> Vec<Said> {
        let texts = std::iter::once(text.to_owned()).chain(std::iter::repeat(String::new()));
        self.0.into_iter().zip(texts).collect()
    }
}

/// One item of `ports` in a NetworkPolicy.
pub(super) fn kubernetes_port(field: &Field<'_>) -> Result<Said, Refused> {
    field.only(&["port", "endPort", "protocol"], &[])?;
    let (name, protocol) = match field.get("protocol") {
        None => ("TCP", protocol::TCP),
        Some(given) => {
            let text = given.text()?;
            cluster::protocol::with_ports(text).ok_or_else(|| {
                given.refuse(
                    format!("{text:?} is not a protocol"),
                    "use TCP, UDP or SCTP",
                )
            })?
        }
    };
    let end = match field.get("endPort") {
        Some(end) => Some((end.number(u16::MAX)?, end)),
        None => None,
    };
    let Some(port) = field.get("port") else {
        if let Some((_, end)) = end {
            return Err(end.refuse("needs a port", "add the first port of the range as port"));
        }
        return Ok((Ports::Protocol(protocol), format!("all {name} ports")));
    };
    let first = match port.node.value.as_int() {
        Some(_) => port.number(u16::MAX)?,
        None if matches!(port.node.value, Value::Float(_)) => {
            return Err(port.refuse(
                "is not a port number",
                "use 1 to 65535 in plain decimal digits",
            ));
        }
        None => {
            let text = port.text()?;
            // Unlike Cilium's API, Kubernetes' takes no capitals.
            let remedy = match text {
                text if text.parse::<u16>().is_ok() => format!("write {text} without quotes"),
                text if is_port_name(&text.to_lowercase()) => "write it in lower case".to_owned(),
                _ => PORT_NAME.to_owned(),
            };
            check_port_name(&port, text, &remedy)?;
            if let Some((_, end)) = end {
                return Err(end.refuse("needs a numeric port", "write the first port as a number"));
            }
            let said = format!("{text}/{name}");
            return Ok((
                Ports::Named {
                    protocol,
                    name: text.into(),
                },
                said,
            ));
        }
    };
    if first == 0 {
        return Err(port.refuse(
            "0 is not a port",
            "use 1 to 65535, or remove port for all ports",
        ));
    }
    let last = end.as_ref().map_or(first, |(last, _)| *last);
    if last < first {
        let (_, field) = end.expect("only a given end is below the beginning");
        return Err(field.refuse("is below port", "swap the two"));
    }
    let said = if first == last {
        format!("{first}/{name}")
    } else {
        format!("{first}-{last}/{name}")
    };
    Ok((
        Ports::Range {
            protocol,
            first,
            last,
        },
        said,
    ))
}
