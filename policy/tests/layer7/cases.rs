//! The table of `testdata/l7/cases.yaml` from the manifests on: read, compiled, the packet's verdict by the
//! kernel's own look-up, and the request judged by the rules that were handed to the proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use cluster::manifest::{self, Document};
use cluster::yaml::{self, Node};
use cluster::{Identity, Label, Labels, NamespacedName, State};
use datapath_host::HostMaps;
use flows_policy::rule::{Peer, protocol};
use flows_policy::{Compiled, Compiler, Decision, Direction, PersistentState, TableQuery, decide};
use l7::names::{FqdnSelector, NameSpec};
use l7::rules::{Protocol, RuleRef, Rules, Snapshot};
use l7::wire::name::Name;
use serde_json::Value;

use crate::language::on;
use crate::request::{Answer, judge};

const TABLE: &str = include_str!("../../../testdata/l7/cases.yaml");

/// Pods and namespaces of the table, all pods on one node.
fn fixtures(table: &Value) -> (String, BTreeMap<String, (NamespacedName, IpAddr)>) {
    let fixtures = &table["fixtures"];
    let mut text = String::new();
    for (name, labels) in fixtures["namespaces"].as_object().expect("a mapping") {
        text.push_str(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}\n---\n"
        ));
    }
    let mut pods = BTreeMap::new();
    for (n, (name, pod)) in fixtures["pods"]
        .as_object()
        .expect("pods")
        .iter()
        .enumerate()
    {
        let namespace = pod["ns"].as_str().expect("a namespace");
        let ports = pod["ports"].as_object().into_iter().flatten();
        let ports = ports.map(|(name, port)| {
            format!(
                "{{name: {name}, containerPort: {}, protocol: {}}}",
                port["port"], port["proto"]
            )
        });
        let ports: Vec<String> = ports.collect();
        let ip = format!("10.1.0.{}", n + 1);
        text.push_str(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {namespace}, labels: {}}}, \
             spec: {{nodeName: a, containers: [{{name: c, ports: [{}]}}]}}, status: {{podIP: {ip}}}}}\n---\n",
            pod["labels"],
            ports.join(", ")
        ));
        let ip = ip.parse().expect("an address");
        pods.insert(name.clone(), (NamespacedName::new(namespace, name), ip));
    }
    (text, pods)
}

/// A set's policies in force, and what its probes ask of them.
struct World {
    compiled: Compiled,
    maps: HostMaps,
    rules: Rules,
    pods: BTreeMap<String, (NamespacedName, IpAddr)>,
    learned: BTreeMap<IpAddr, Labels>,
}

impl World {
    fn new(table: &Value, documents: &[Node], probes: &[Value]) -> Self {
        let (text, pods) = fixtures(table);
        let mut state: State = testing_policy::state(&text);
        for document in documents {
            for document in manifest::read(&"cases.yaml".into(), document.clone()) {
                let Document::Object(_, object, _) = document else {
                    panic!("{document:?}");
                };
                state.insert(object);
            }
        }
        let mut compiler = Compiler::new(on(), "a", PersistentState::default());
        let state = Arc::new(state);
        compiler.update(&state);
        let selectors: BTreeSet<Arc<str>> = compiler
            .policies()
            .values()
            .flat_map(|policy| &policy.rules)
            .flat_map(|rule| rule.egress.iter().flat_map(|egress| &egress.elements))
            .flat_map(|element| &element.peers)
            .filter_map(|peer| {
                if let Peer::Name(text) = peer {
                    Some(Arc::clone(text))
                } else {
                    None
                }
            })
            .collect();
        let mut learned: BTreeMap<IpAddr, Labels> = BTreeMap::new();
        for peer in probes
            .iter()
            .flat_map(|probe| [&probe["from"], &probe["to"]])
        {
            let Some((name, ip)) = learned_name(peer) else {
                continue;
            };
            let labels = learned
                .entry(ip)
                .or_insert_with(|| outside(compiler.compiled(), ip));
            let name = Name::from_text(name).expect("a name");
            let matching = selectors.iter().filter(|text| selects(text, &name));
            *labels = labels
                .iter()
                .cloned()
                .chain(matching.map(|text| Label::fqdn(text)))
                .collect();
        }
        compiler.set_names(learned.values().cloned().collect());
        compiler.update(&state);
        let compiled = compiler.compiled().clone();
        let snapshot = compiled.layer7_snapshot(1);
        let bytes = snapshot.to_json().expect("plain data");
        let read = Snapshot::from_json(&bytes).expect("its own form");
        assert_eq!(read, snapshot);
        Self {
            maps: HostMaps::from(&compiled),
            rules: Rules::compile(&snapshot, None).expect("rules that were checked"),
            compiled,
            pods,
            learned,
        }
    }

    fn identity(&self, peer: &str) -> Identity {
        if let Some((pod, _)) = self.pods.get(peer) {
            return self.compiled.endpoints[pod].identity;
        }
        let labels = if let Some((_, ip)) = learned_name(&Value::String(peer.to_owned())) {
            self.learned[&ip].clone()
        } else if let Some(ip) = peer.strip_prefix("ip:") {
            outside(&self.compiled, ip.parse().expect("an address"))
        } else {
            [Label::reserved(peer)].into_iter().collect()
        };
        self.compiled.identities.find(&labels).expect("a number")
    }

    fn decide(&self, probe: &Probe<'_>) -> Decision {
        let query = TableQuery {
            table: self.table(probe),
            direction: probe.direction,
            peer: self.identity(probe.peer),
            protocol: probe.protocol,
            port: probe.port,
        };
        decide(&self.maps, query, &self.compiled.cookies)
    }

    fn table(&self, probe: &Probe<'_>) -> u32 {
        let (pod, _) = &self.pods[probe.subject];
        self.compiled.endpoints[pod].table
    }
}

fn selects(text: &str, name: &Name) -> bool {
    let spec = match text.contains('*') {
        true => NameSpec {
            match_pattern: Some(text.into()),
            ..NameSpec::default()
        },
        false => NameSpec {
            match_name: Some(text.into()),
            ..NameSpec::default()
        },
    };
    FqdnSelector::new(&spec)
        .expect("it was checked")
        .matches(name)
}

/// What an address outside of the cluster has without a name.
fn outside(compiled: &Compiled, ip: IpAddr) -> Labels {
    let holding = compiled.prefixes.iter();
    let holding = holding.filter(|(prefix, _)| prefix.contains(&ip));
    let (_, identity) = holding
        .max_by_key(|(prefix, _)| prefix.prefix_len())
        .expect("the world");
    compiled
        .identities
        .labels(*identity)
        .expect("labels")
        .clone()
}

/// `fqdn:NAME@ADDRESS`
fn learned_name(peer: &Value) -> Option<(&str, IpAddr)> {
    let (name, ip) = peer.as_str()?.strip_prefix("fqdn:")?.split_once('@')?;
    Some((name, ip.parse().expect("an address")))
}

struct Probe<'a> {
    subject: &'a str,
    peer: &'a str,
    direction: Direction,
    protocol: u8,
    port: u16,
}

impl<'a> Probe<'a> {
    fn new(probe: &'a Value) -> Self {
        let [from, to, dir, proto] =
            ["from", "to", "dir", "proto"].map(|key| probe[key].as_str().expect(key));
        let (subject, peer, direction) = match dir {
            "ingress" => (to, from, Direction::Ingress),
            "egress" => (from, to, Direction::Egress),
            other => panic!("{other}"),
        };
        Self {
            subject,
            peer,
            direction,
            protocol: match proto {
                "TCP" => protocol::TCP,
                "UDP" => protocol::UDP,
                "SCTP" => protocol::SCTP,
                other => panic!("{other}"),
            },
            port: u16::try_from(probe["port"].as_u64().expect("a port")).expect("a port"),
        }
    }
}

/// What comes out of a probe, if that isn't what must.
fn wrong(world: &World, probe: &Value) -> Option<String> {
    let asked = Probe::new(probe);
    let decision = world.decide(&asked);
    let l4 = match decision.verdict {
        abi::event::FORWARDED => "ALLOWED",
        abi::event::REDIRECTED => "REDIRECTED",
        _ => "DENIED",
    };
    let wanted = probe["l4"].as_str().expect("a verdict");
    if l4 != wanted {
        return Some(format!("the packet is {l4}: {decision:?}"));
    }
    if l4 != "REDIRECTED" {
        return None;
    }
    if decision.reason.is_none() {
        return Some("the redirect has no reason".to_owned());
    }
    let direction = match asked.direction {
        Direction::Ingress => l7::rules::Direction::Ingress,
        Direction::Egress => l7::rules::Direction::Egress,
    };
    let protocol = match asked.protocol {
        protocol::TCP => Protocol::Tcp,
        _ => Protocol::Udp,
    };
    let table = world.table(&asked);
    let Some(set) = world.rules.get(table, direction, protocol, asked.port) else {
        return Some("the port has no rules".to_owned());
    };
    let answer = judge(set, world.identity(asked.peer).0, probe);
    if let Some(RuleRef(cookie)) = answer.rule() {
        let reason = world.compiled.cookies.resolve(cookie);
        if reason.is_none() {
            return Some(format!("cookie {cookie} of {answer:?} names nothing"));
        }
    }
    let is_right = match (probe["expect"].as_str().expect("an answer"), &answer) {
        ("allowed", Answer::Allowed { .. })
        | ("denied" | "refused", Answer::Denied { .. })
        | ("redirect", Answer::Status(307)) => true,
        ("rejected", Answer::Status(status)) => (400..500).contains(status),
        (_, Answer::Statuses(statuses)) => {
            let wanted = probe["status"].as_array().expect("statuses").iter();
            // Of CONNECT the table says that 405 does as well.
            let wanted =
                wanted.map(|one| one.as_u64().map(|one| if one == 404 { 405 } else { one }));
            wanted.eq(statuses.iter().map(|one| Some(u64::from(*one))))
        }
        _ => false,
    };
    (!is_right).then(|| format!("{answer:?}"))
}

#[test]
fn every_probe_comes_out_as_the_table_says() {
    let table: Value = {
        // `n` is a name here.
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(TABLE, options).expect("valid YAML")
    };
    let nodes = yaml::parse(TABLE).expect("valid YAML");
    let nodes = nodes[0].get("sets").and_then(|sets| sets.value.as_list());
    let sets = table["sets"].as_array().expect("sets");
    let (mut judged, mut conflicts, mut failures) = (BTreeMap::new(), 0, Vec::new());
    for (set, node) in sets.iter().zip(nodes.expect("sets")) {
        let id = set["id"].as_str().expect("an id");
        let documents = node.get("policies").expect("policies");
        let probes = set["probes"].as_array().expect("probes");
        let documents = documents.value.as_list().expect("a list");
        let world = World::new(&table, documents, probes);
        let problems = testing_policy::shown(&world.compiled.problems);
        if let Some(wanted) = set["merge_error"].as_str() {
            // Told, and refused by the proxy, instead of the policy that was there before.
            assert!(
                problems.iter().any(|problem| problem.contains(wanted)),
                "{id}: {problems:?}"
            );
            for probe in probes {
                let asked = Probe::new(probe);
                assert_eq!(world.decide(&asked).verdict, abi::event::REDIRECTED);
                let table = world.table(&asked);
                let (direction, protocol) = (l7::rules::Direction::Ingress, Protocol::Tcp);
                let set = world.rules.get(table, direction, protocol, asked.port);
                let kind = set.expect("rules").peer_kind(world.identity(asked.peer).0);
                assert_eq!(kind, l7::rules::PeerKind::Conflict, "{id}");
                conflicts += 1;
            }
            continue;
        }
        let refused = problems.iter().filter(|problem| problem.contains("NOT"));
        assert_eq!(refused.count(), 0, "{id}: {problems:?}");
        for (n, probe) in probes.iter().enumerate() {
            let kind = id.split('-').next().expect("a kind");
            *judged.entry(kind).or_insert(0) += 1;
            if let Some(wrong) = wrong(&world, probe) {
                failures.push(format!("{id} probe {n}: {wrong}; wanted {probe}"));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} wrong:\n{}",
        failures.len(),
        failures.join("\n")
    );
    // Of what none is judged, nothing would be noticed.
    let all: usize = judged.values().sum();
    assert_eq!(conflicts, 1);
    assert!(all >= 200, "{judged:?}");
}
