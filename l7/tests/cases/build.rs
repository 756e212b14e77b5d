//! A small compiler from a set's policies to the rules of one port: selectors over the labels of the table's
//! pods. The policy crate has the real one.

use l7::names::FqdnSelector;
use l7::rules::{
    Allows, Alternative, Binding, Direction, MergeError, Part, Peers, Protocol, RuleRef, SetSpec,
    Snapshot, VERSION, merge,
};
use l7::wire::name::Name;

use testing_cases::{Pod, Probe, Set, Table};

use crate::table::{Policy, Port, PortRule, Rule, Selector, policies};

/// The endpoint whose policy it is.
pub(crate) const SUBJECT: u32 = 7;
/// What lets the host in, which no policy says.
const LOCALHOST: RuleRef = RuleRef(1);

pub(crate) struct Built {
    pub(crate) snapshot: Snapshot,
    /// Identity of the other end.
    pub(crate) peer: u32,
}

pub(crate) fn protocol(text: &str) -> Protocol {
    match text {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        other => panic!("{other}"),
    }
}

/// Everybody there is: the other ends of a set's probes.
fn peers(set: &Set) -> Vec<&str> {
    let ends = set
        .probes
        .iter()
        .flat_map(|probe| [&*probe.from, &*probe.to]);
    let mut peers: Vec<&str> = ends.collect();
    peers.sort_unstable();
    peers.dedup();
    peers
}

fn identity(index: usize) -> u32 {
    1000 + u32::try_from(index).unwrap()
}

/// The rules of a probe's port.
pub(crate) fn snapshot(
    table: &Table,
    set: &Set,
    probe: &Probe,
    direction: Direction,
) -> Result<Built, MergeError> {
    let (subject, peer) = probe.ends();
    let pod = &table.fixtures.pods[subject];
    let policies = policies(set);
    let selected = policies
        .iter()
        .enumerate()
        .filter(|(_, policy)| selects(&policy.spec.endpoint_selector, pod));
    let peers = peers(set);
    // The filter of each, and the text of its selector.
    let mut parts: Vec<(String, String, Alternative)> = Vec::new();
    let mut has_default_deny = false;
    for (index, policy) in selected {
        let rules = rules(policy, direction);
        has_default_deny |= !rules.is_empty() && is_default_deny(policy, direction);
        for (number, rule) in rules.iter().enumerate() {
            let cookie = RuleRef(u32::try_from(100 * (index + 1) + number).unwrap());
            let selected = selected_peers(table, rule, &peers);
            let of_rule = |is_wide, allows| Alternative {
                rule: cookie,
                peers: selected.clone(),
                is_wide,
                allows,
            };
            let Some(items) = &rule.to_ports else {
                let all = of_rule(true, Allows::Everything);
                parts.push((String::new(), selector_text(rule), all));
                continue;
            };
            for item in items {
                let covering = item.ports.iter().find(|port| covers(port, probe, pod));
                let Some(port) = covering else {
                    continue;
                };
                let first: Option<u16> = port.port.parse().ok();
                let is_wide = port
                    .end_port
                    .is_some_and(|end| first.is_none_or(|port| port < end));
                let filter = format!("{} {:?} {:?}", port.port, port.end_port, port.protocol);
                let part = of_rule(is_wide, allows(item));
                parts.push((filter, selector_text(rule), part));
            }
        }
    }
    let mut filters: Vec<&String> = parts.iter().map(|(filter, ..)| filter).collect();
    filters.sort_unstable();
    filters.dedup();
    let mut alternatives = Vec::new();
    for filter in filters {
        let of_filter = parts.iter().filter(|(of, ..)| of == filter);
        let of_filter = of_filter.map(|(_, selector, alternative)| Part {
            selector,
            alternative: alternative.clone(),
        });
        alternatives.extend(merge(of_filter.collect())?);
    }
    if !has_default_deny {
        let open = alternatives.iter().map(|one| Alternative {
            allows: Allows::Everything,
            is_wide: false,
            ..one.clone()
        });
        let open: Vec<_> = open.collect();
        alternatives.extend(open);
    }
    if direction == Direction::Ingress {
        let host = peers.iter().position(|peer| *peer == "host").map(identity);
        alternatives.push(Alternative {
            rule: LOCALHOST,
            peers: Peers::Identities(host.into_iter().collect()),
            is_wide: false,
            allows: Allows::Everything,
        });
    }
    let binding = Binding {
        endpoint: SUBJECT,
        direction,
        protocol: protocol(&probe.proto),
        first_port: probe.port,
        last_port: probe.port,
        set: 0,
    };
    Ok(Built {
        snapshot: Snapshot {
            version: VERSION,
            revision: 1,
            sets: vec![SetSpec { alternatives }],
            bindings: vec![binding],
        },
        peer: identity(peers.iter().position(|one| *one == peer).unwrap()),
    })
}

fn rules(policy: &Policy, direction: Direction) -> &[Rule] {
    match direction {
        Direction::Ingress => &policy.spec.ingress,
        Direction::Egress => &policy.spec.egress,
    }
}

fn is_default_deny(policy: &Policy, direction: Direction) -> bool {
    let key = match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    };
    policy
        .spec
        .enable_default_deny
        .get(key)
        .copied()
        .unwrap_or(true)
}

fn selects(selector: &Selector, pod: &Pod) -> bool {
    let namespace = "io.kubernetes.pod.namespace";
    let own = selector.match_labels.get(namespace).map_or("prod", |ns| ns);
    let mut labels = selector
        .match_labels
        .iter()
        .filter(|(key, _)| *key != namespace);
    pod.ns == own && labels.all(|(key, value)| pod.labels.get(key) == Some(value))
}

/// What tells one selector from another.
fn selector_text(rule: &Rule) -> String {
    let labels = rule
        .to_endpoints
        .iter()
        .flatten()
        .map(|one| &one.match_labels);
    let labels: Vec<_> = labels.collect();
    let Rule {
        to_entities,
        to_cidr,
        to_fqdns,
        ..
    } = rule;
    format!("{labels:?} {to_entities:?} {to_cidr:?} {to_fqdns:?}")
}

fn covers(port: &Port, probe: &Probe, subject: &Pod) -> bool {
    let fits = |protocol: &str| protocol == "ANY" || protocol == probe.proto;
    if !fits(port.protocol.as_deref().unwrap_or("ANY")) {
        return false;
    }
    match port.port.parse::<u16>() {
        Ok(first) => (first..=port.end_port.unwrap_or(first)).contains(&probe.port),
        Err(_name) => subject
            .ports
            .get(&port.port)
            .is_some_and(|named| named.port == probe.port && fits(&named.proto)),
    }
}

fn allows(item: &PortRule) -> Allows {
    let PortRule {
        rules,
        server_names,
        ..
    } = item;
    if !rules.kafka.is_empty() {
        let specs = rules.kafka.iter().cloned().map(serde_json::from_value);
        Allows::Kafka(specs.collect::<Result<_, _>>().unwrap())
    } else if !rules.http.is_empty() {
        Allows::Http(rules.http.clone())
    } else if !rules.dns.is_empty() {
        Allows::Dns(rules.dns.clone())
    } else if !server_names.is_empty() {
        Allows::ServerNames(server_names.clone())
    } else {
        Allows::Everything
    }
}

fn selected_peers(table: &Table, rule: &Rule, peers: &[&str]) -> Peers {
    let Rule {
        to_endpoints,
        to_entities,
        to_cidr,
        to_fqdns,
        ..
    } = rule;
    if to_endpoints.is_none() && to_entities.is_none() && to_cidr.is_none() && to_fqdns.is_none() {
        return Peers::Any;
    }
    let selected = peers.iter().enumerate().filter(|(_, peer)| {
        if let Some(pod) = table.fixtures.pods.get(**peer) {
            return to_endpoints.iter().flatten().any(|one| selects(one, pod));
        }
        let address = peer.rsplit(['@', ':']).next().unwrap();
        let of_entity = |entity: &String| match entity.as_str() {
            "world" => peer.starts_with("ip:") || peer.starts_with("fqdn:"),
            "all" => true,
            other => other == **peer,
        };
        let learned = peer
            .strip_prefix("fqdn:")
            .and_then(|rest| rest.split_once('@'));
        to_entities.iter().flatten().any(of_entity)
            || to_cidr
                .iter()
                .flatten()
                .any(|cidr| cidr == &format!("{address}/32"))
            || learned.is_some_and(|(name, _)| {
                let name = Name::from_text(name).unwrap();
                let mut selectors = to_fqdns.iter().flatten();
                selectors.any(|spec| FqdnSelector::new(spec).unwrap().matches(&name))
            })
    });
    Peers::Identities(selected.map(|(index, _)| identity(index)).collect())
}
