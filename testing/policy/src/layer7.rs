//! A set of the table of cases of layer 7 in force: its policies compiled from manifests, what the proxy is given,
//! and the packet's verdict by the kernel's own look-up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use cluster::{Identity, Label, Labels, NamespacedName};
use datapath_host::HostMaps;
use l7::names::{FqdnSelector, NameSpec};
use l7::rules::{Rules, Snapshot};
use l7::wire::name::Name;
use policy::rule::{Peer, protocol};
use policy::{
    Compiled, Compiler, Config, Decision, Direction, PersistentState, ProxyPorts, TableQuery,
    decide,
};
use testing_cases::{Fixtures, L4, Probe, Set, Table};

use crate::{add, state};

/// With rules of layer 7 in force.
pub fn config() -> Config {
    Config {
        layer7: Some(ProxyPorts {
            tcp: 10_000,
            dns: 10_053,
        }),
        ..Config::default()
    }
}

/// Namespaces, pods, and manifests of policies, compiled for their node.
///
/// # Panics
/// If anything is wrong with a manifest.
pub fn compiler(fixtures: &Fixtures, manifests: &str) -> (Compiler, Arc<cluster::State>) {
    let mut state = state(&fixtures.manifests());
    add(&mut state, "cases.yaml", manifests);
    let state = Arc::new(state);
    let mut compiler = Compiler::new(config(), "a", PersistentState::default());
    compiler.update(&state);
    (compiler, state)
}

/// See the module.
pub struct World {
    pub compiled: Compiled,
    /// What the proxy is given.
    pub snapshot: Snapshot,
    /// The same, compiled.
    pub rules: Rules,
    maps: HostMaps,
    /// Names and addresses of the pods.
    pods: BTreeMap<String, (NamespacedName, IpAddr)>,
    /// What addresses are that were learned for names.
    learned: BTreeMap<IpAddr, Labels>,
}

impl World {
    /// A set in force, with what its probes have learned for names.
    ///
    /// # Panics
    /// If anything is wrong with a manifest.
    pub fn new(table: &Table, set: &Set) -> Self {
        let (mut compiler, state) = compiler(&table.fixtures, &set.manifests());
        let learned = learned(&compiler, &set.probes);
        compiler.set_names(learned.values().cloned().collect());
        compiler.update(&state);
        let compiled = compiler.compiled().clone();
        let given = compiled.layer7_snapshot(1);
        let bytes = given.to_json().expect("plain data");
        let snapshot = Snapshot::from_json(&bytes).expect("its own form");
        assert_eq!(snapshot, given);
        let pods = table.fixtures.addresses().into_iter().map(|(name, ip)| {
            let namespace = &table.fixtures.pods[name].ns;
            (name.to_owned(), (NamespacedName::new(namespace, name), ip))
        });
        Self {
            maps: HostMaps::from(&compiled),
            rules: Rules::compile(&snapshot, None).expect("rules that were checked"),
            snapshot,
            compiled,
            pods: pods.collect(),
            learned,
        }
    }

    /// Whose identity a peer has.
    ///
    /// # Panics
    /// If there is no such peer.
    pub fn identity(&self, peer: &str) -> Identity {
        if let Some((pod, _)) = self.pods.get(peer) {
            return self.compiled.endpoints[pod].identity;
        }
        let labels = if let Some((_, ip)) = learned_name(peer) {
            self.learned[&ip].clone()
        } else if let Some(ip) = peer.strip_prefix("ip:") {
            outside(&self.compiled, ip.parse().expect("an address"))
        } else {
            [Label::reserved(peer)].into_iter().collect()
        };
        self.compiled.identities.find(&labels).expect("a number")
    }

    /// The table of a pod's policy, by which the proxy finds its rules; `None`: it is no pod.
    pub fn table(&self, pod: &str) -> Option<u32> {
        let (pod, _) = self.pods.get(pod)?;
        Some(self.compiled.endpoints[pod].table)
    }

    /// What becomes of a probe's packet at the end that is judged.
    ///
    /// # Panics
    /// If that end is no pod.
    pub fn decide(&self, probe: &Probe) -> Decision {
        let (subject, peer) = probe.ends();
        let query = TableQuery {
            table: self.table(subject).expect("a pod"),
            direction: direction(probe),
            peer: self.identity(peer),
            protocol: number(&probe.proto),
            port: probe.port,
        };
        decide(&self.maps, query, &self.compiled.cookies)
    }
}

/// What the table calls a verdict.
pub fn l4(decision: &Decision) -> L4 {
    match decision.verdict {
        abi::event::FORWARDED => L4::Allowed,
        abi::event::REDIRECTED => L4::Redirected,
        _ => L4::Denied,
    }
}

/// In which direction a probe is judged.
pub fn direction(probe: &Probe) -> Direction {
    match probe.dir.as_str() {
        "ingress" => Direction::Ingress,
        "egress" => Direction::Egress,
        other => panic!("{other}"),
    }
}

fn number(name: &str) -> u8 {
    match name {
        "TCP" => protocol::TCP,
        "UDP" => protocol::UDP,
        "SCTP" => protocol::SCTP,
        other => panic!("{other}"),
    }
}

/// The labels of addresses that probes have learned for names: those of each selector that one of their names
/// matches, too.
fn learned(compiler: &Compiler, probes: &[Probe]) -> BTreeMap<IpAddr, Labels> {
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
    for peer in probes.iter().flat_map(|probe| [&probe.from, &probe.to]) {
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
    learned
}

fn selects(text: &str, name: &Name) -> bool {
    FqdnSelector::new(&NameSpec::of_selector(text))
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
pub fn learned_name(peer: &str) -> Option<(&str, IpAddr)> {
    let (name, ip) = peer.strip_prefix("fqdn:")?.split_once('@')?;
    Some((name, ip.parse().expect("an address")))
}
