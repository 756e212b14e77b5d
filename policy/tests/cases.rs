//! The table of cases in `testdata/policies/cases.yaml`: what the language means, probe by probe.
#![expect(clippy::panic, reason = "helpers of a test fail it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use abi::{identity as number, reason};
use cluster::manifest::{self, Document, Object};
use cluster::yaml::{self, Node};
use cluster::{Identities, Identity, Label, LabelMap, Labels};
use datapath_host::HostMaps;
use flows_policy::{
    Config, Cookies, Decision, Direction, Input, Mode, NamedPort, Policy, Question, ReasonKind,
    TableOwner,
};
use ipnet::IpNet;

/// Sets whose language isn't supported yet, and the field that says so. A set that becomes supported
/// must be taken off: it then has to pass.
const SKIPPED: [(&str, &str); 20] = [
    ("fqdn-03", "toFQDNs"),
    ("fqdn-04", "toFQDNs"),
    ("fqdn-05", "rules.dns"),
    ("fqdn-06", "toFQDNs"),
    ("fqdn-07", "toFQDNs"),
    ("fqdn-09", "rules.dns"),
    ("fqdn-10", "toFQDNs"),
    ("host-01", "nodeSelector"),
    ("host-02", "nodeSelector"),
    ("l7-01", "rules.http"),
    ("l7-03", "rules.http"),
    ("l7-04", "rules.http"),
    ("l7-05", "rules.http"),
    ("l7-07", "rules.http"),
    ("l7-08", "rules.http"),
    ("l7-09", "rules.http"),
    ("l7-10", "rules.http"),
    ("prec-12", "rules.http"),
    ("svc-01", "toServices"),
    ("svc-02", "toServices"),
];

fn fields(node: &Node) -> &[yaml::Field] {
    node.value.as_map().unwrap_or_default()
}

fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key)
        .and_then(|node| node.value.as_list())
        .unwrap_or_default()
}

fn map_of(node: Option<&Node>) -> LabelMap {
    let Some(node) = node else {
        return LabelMap::new();
    };
    let text = |node: &Node| node.value.as_text().expect("text").to_owned();
    fields(node)
        .iter()
        .map(|field| (field.key.clone(), text(&field.node)))
        .collect()
}

/// Namespaces and pods that all sets share.
struct Fixtures {
    pods: BTreeMap<String, (Labels, BTreeSet<NamedPort>)>,
}

impl Fixtures {
    fn read(node: &Node) -> Self {
        let namespaces: BTreeMap<&str, LabelMap> = fields(node.get("namespaces").expect("given"))
            .iter()
            .map(|field| (field.key.as_str(), map_of(Some(&field.node))))
            .collect();
        let pods = fields(node.get("pods").expect("given"))
            .iter()
            .map(|field| {
                let pod = &field.node;
                let namespace = pod.text("ns").expect("given");
                // Pods of the other cluster of a mesh are named after it.
                let cluster = if field.key.starts_with("c2-") {
                    "cluster2"
                } else {
                    "default"
                };
                let labels = Labels::of_pod(
                    namespace,
                    &map_of(pod.get("labels")),
                    &namespaces[namespace],
                    pod.text("sa").unwrap_or("default"),
                    cluster,
                );
                let ports = pod
                    .get("ports")
                    .map(fields)
                    .unwrap_or_default()
                    .iter()
                    .map(|field| {
                        assert_eq!(field.node.text("proto"), Some("TCP"));
                        NamedPort {
                            name: field.key.as_str().into(),
                            protocol: 6,
                            port: number_of(&field.node, "port"),
                        }
                    });
                (field.key.clone(), (labels, ports.collect()))
            });
        Self {
            pods: pods.collect(),
        }
    }
}

fn number_of(node: &Node, key: &str) -> u16 {
    let number = node
        .get(key)
        .and_then(|node| node.value.as_int())
        .expect("a number");
    u16::try_from(number).expect("a port")
}

/// Why a set can't be run, or what its objects were refused for.
#[derive(Default)]
struct Loaded {
    policies: BTreeMap<cluster::ObjectName, Arc<Policy>>,
    refused: Vec<String>,
}

fn load(set: &Node) -> Loaded {
    let mut loaded = Loaded::default();
    for document in items(set, "policies") {
        for document in manifest::read(&"cases.yaml".into(), document.clone()) {
            let Document::Object(name, Object::Policy(raw), _) = document else {
                panic!("{document:?}");
            };
            match flows_policy::parse(&raw, "default") {
                Ok(policy) => drop(loaded.policies.insert(name, Arc::new(policy))),
                Err(problem) => loaded.refused.push(problem.to_string()),
            }
        }
    }
    loaded
}

/// One set, compiled for whoever its probes ask about.
struct Run {
    identities: Identities,
    prefixes: BTreeMap<IpNet, Identity>,
    owners: BTreeMap<TableOwner, u32>,
    maps: HostMaps,
    cookies: Cookies,
}

impl Run {
    fn new(
        fixtures: &Fixtures,
        set: &Node,
        policies: &BTreeMap<cluster::ObjectName, Arc<Policy>>,
    ) -> Self {
        let config = set.get("config");
        let text = |key: &str| config.and_then(|config| config.text(key));
        let config = Config {
            mode: match text("mode") {
                None | Some("default") => Mode::Default,
                Some("always") => Mode::Always,
                Some("never") => Mode::Never,
                other => panic!("{other:?}"),
            },
            allow_localhost: text("allowLocalhost") != Some("policy"),
            ..Config::default()
        };
        let groups = set
            .get("cidrGroups")
            .map(fields)
            .unwrap_or_default()
            .iter()
            .map(|field| {
                let cidrs = field.node.value.as_list().expect("a list").iter();
                let cidrs =
                    cidrs.map(|node| node.value.as_text().and_then(|text| text.parse().ok()));
                let group = cluster::CidrGroup {
                    name: field.key.as_str().into(),
                    labels: LabelMap::new(),
                    cidrs: cidrs.map(|cidr| cidr.expect("a prefix")).collect(),
                };
                (Arc::clone(&group.name), Arc::new(group))
            });
        let groups = groups.collect();
        let mut identities = Identities::new(false);
        let mut in_use = BTreeSet::new();
        let mut named_ports: BTreeMap<Identity, BTreeSet<NamedPort>> = BTreeMap::new();
        let mut owners = BTreeSet::new();
        for (labels, ports) in fixtures.pods.values() {
            let identity = identities.of_labels(labels).expect("room");
            in_use.insert(identity);
            named_ports
                .entry(identity)
                .or_default()
                .extend(ports.iter().cloned());
            owners.insert(TableOwner {
                identity: identity.0,
                ports: ports.iter().cloned().collect(),
            });
        }
        for reserved in [number::HOST, number::HEALTH, number::INIT] {
            owners.insert(TableOwner {
                identity: reserved,
                ports: Vec::new(),
            });
        }
        let prefixes: BTreeMap<IpNet, Identity> =
            flows_policy::named_prefixes(policies.values(), &groups)
                .into_iter()
                .map(|prefix| (prefix, identities.of_prefix(prefix, []).expect("room")))
                .collect();
        in_use.extend(prefixes.values());
        let owners = flows_policy::TableIds::default().assign(&owners);
        let mut cookies = Cookies::default();
        let tables = flows_policy::compile(
            &Input {
                policies,
                groups: &groups,
                identities: &identities,
                in_use: &in_use,
                named_ports: &named_ports,
                owners: &owners,
                config: &config,
            },
            &mut cookies,
        );
        assert_eq!(tables.unnamed, 0);
        Self {
            maps: HostMaps::from(&tables),
            identities,
            prefixes,
            owners,
            cookies,
        }
    }

    fn identity(&self, fixtures: &Fixtures, peer: &str) -> Identity {
        if let Some(ip) = peer.strip_prefix("ip:") {
            let ip: std::net::IpAddr = ip.parse().expect("an address");
            let longest = self
                .prefixes
                .iter()
                .filter(|(prefix, _)| prefix.contains(&ip))
                .max_by_key(|(prefix, _)| prefix.prefix_len());
            return longest.map_or_else(|| self.identities.world(false), |(_, identity)| *identity);
        }
        if let Some((labels, _)) = fixtures.pods.get(peer) {
            return self.identities.find(labels).expect("allocated");
        }
        let labels: Labels = match peer {
            "kube-apiserver" => ["kube-apiserver", "remote-node"]
                .map(Label::reserved)
                .into_iter()
                .collect(),
            name => [Label::reserved(name)].into_iter().collect(),
        };
        self.identities
            .find(&labels)
            .unwrap_or_else(|| panic!("{peer}: unknown"))
    }

    fn table(&self, fixtures: &Fixtures, subject: &str) -> u32 {
        let identity = self.identity(fixtures, subject).0;
        let ports = fixtures
            .pods
            .get(subject)
            .map(|(_, ports)| ports.iter().cloned().collect());
        let owner = TableOwner {
            identity,
            ports: ports.unwrap_or_default(),
        };
        self.owners[&owner]
    }
}

/// Why a decision isn't the expected one.
fn mismatch(decision: &Decision, expect: &str, wanted: &str) -> Option<String> {
    let allows = decision.allows();
    let Some(found) = &decision.reason else {
        return Some("has no reason".to_owned());
    };
    let names = |policy: &str| {
        found
            .origins
            .iter()
            .any(|origin| &*origin.policy.name == policy)
    };
    let right = match wanted.split_once(' ') {
        None if wanted == "not-enforced" => allows && found.kind == ReasonKind::AllowAny,
        None if wanted == "default-deny" => {
            decision.verdict == reason::POLICY_DENIED && !allows && decision.match_type == 0
        }
        Some(("explicit-deny", policy)) => {
            decision.verdict == reason::POLICY_DENY
                && found.kind == ReasonKind::Deny
                && names(policy)
        }
        Some(("allowed-by", "reserved:allow-localhost-ingress")) => {
            allows && found.kind == ReasonKind::AllowLocalhost
        }
        Some(("allowed-by", "reserved:allow-any-ingress" | "reserved:allow-any-egress")) => {
            allows && found.kind == ReasonKind::AllowAny
        }
        Some(("allowed-by", policy)) => allows && found.kind == ReasonKind::Allow && names(policy),
        _ => panic!("{wanted}"),
    };
    let verdict = if allows { "ALLOWED" } else { "DENIED" };
    (!right || verdict != expect).then(|| format!("{verdict} ({}): {found}", decision.verdict))
}

fn probe(fixtures: &Fixtures, run: &Run, probe: &Node) -> Option<String> {
    let text = |key: &str| probe.text(key).expect("given");
    let (from, to) = (text("from"), text("to"));
    let protocol = match text("proto") {
        "TCP" => 6,
        "UDP" => 17,
        "SCTP" => 132,
        "ICMP" => 1,
        "ICMPv6" => 58,
        other => panic!("{other}"),
    };
    let decide = |direction| {
        let (subject, peer) = match direction {
            Direction::Ingress => (to, from),
            Direction::Egress => (from, to),
        };
        let question = Question {
            table: run.table(fixtures, subject),
            direction,
            peer: run.identity(fixtures, peer),
            protocol,
            port: number_of(probe, "port"),
        };
        flows_policy::decide(&run.maps, question, &run.cookies)
    };
    let directions: &[Direction] = match text("dir") {
        "ingress" => &[Direction::Ingress],
        "egress" => &[Direction::Egress],
        "both" => &[Direction::Egress, Direction::Ingress],
        other => panic!("{other}"),
    };
    let decisions: Vec<Decision> = directions
        .iter()
        .map(|direction| decide(*direction))
        .collect();
    // The first that denies speaks for both; if both allow, either may be the one named.
    let speaking: Vec<&Decision> = match decisions.iter().find(|decision| !decision.allows()) {
        Some(denying) => vec![denying],
        None => decisions.iter().collect(),
    };
    let wrong: Vec<Option<String>> = speaking
        .iter()
        .map(|decision| mismatch(decision, text("expect"), text("reason")))
        .collect();
    if wrong.iter().any(Option::is_none) {
        return None;
    }
    wrong.into_iter().next().flatten()
}

#[test]
fn every_probe_comes_out_as_the_table_says() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/policies/cases.yaml"
    );
    let text = std::fs::read_to_string(path).expect("the table of cases");
    let table = &yaml::parse(&text).expect("valid YAML")[0];
    let fixtures = Fixtures::read(table.get("fixtures").expect("given"));
    let mut failures = Vec::new();
    let mut skipped = BTreeMap::new();
    let (mut sets, mut probes) = (0, 0);
    for set in items(table, "sets") {
        let id = set.text("id").expect("given");
        let title = set.text("title").expect("given");
        let loaded = load(set);
        match set.text("load_error") {
            Some(wanted) => {
                let wanted = wanted
                    .split(" (either order)")
                    .next()
                    .expect("at least one part");
                let refused = loaded.refused.first().cloned().unwrap_or_default();
                if refused.contains("supported yet") && !refused.contains(wanted) {
                    skipped.insert(id.to_owned(), refused);
                    continue;
                }
                if !refused.contains(wanted) {
                    failures.push(format!("{id}: refused for {refused:?}, not for {wanted}"));
                }
            }
            None => {
                if let Some(refused) = loaded.refused.first() {
                    skipped.insert(id.to_owned(), refused.clone());
                    continue;
                }
            }
        }
        sets += 1;
        let run = Run::new(&fixtures, set, &loaded.policies);
        for (n, node) in items(set, "probes").iter().enumerate() {
            probes += 1;
            if let Some(wrong) = probe(&fixtures, &run, node) {
                let line = |key: &str| node.text(key).unwrap_or_default();
                failures.push(format!(
                    "{id} ({title}) probe {n}: {} -> {} {}: {} {} wanted, got {wrong}",
                    line("from"),
                    line("to"),
                    line("dir"),
                    line("expect"),
                    line("reason"),
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {probes}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    let known: BTreeMap<&str, &str> = SKIPPED.into_iter().collect();
    let unlisted: Vec<String> = skipped
        .iter()
        .filter(|(id, refused)| {
            !known
                .get(id.as_str())
                .is_some_and(|field| refused.contains(field))
        })
        .map(|(id, refused)| format!("{id}: {refused}"))
        .collect();
    assert!(
        unlisted.is_empty(),
        "skipped, but not listed for that:\n{}",
        unlisted.join("\n")
    );
    assert_eq!(
        skipped.len(),
        known.len(),
        "a set is listed as skipped but runs"
    );
    assert!(
        sets >= 60 && probes >= 200,
        "only {sets} sets, {probes} probes ran"
    );
}
