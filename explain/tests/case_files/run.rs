//! A set's policies compiled, and the lookup's answers on the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use abi::identity as number;
use cluster::{CidrGroup, Identities, Identity, Label, LabelMap, Labels, ObjectName};
use datapath_host::HostMaps;
use ipnet::IpNet;
use policy::{
    Config, Cookies, Decision, Direction, Mode, NamedPort, Policy, TableInput, TableOwner,
    TableQuery, Tables, decide,
};

use flows_explain::trace::{PortQuery, judge_port};
use l7::names::{FqdnSelector, NameSpec};
use l7::rules::Rules;
use l7::wire::name::Name;
use policy::rule::Peer;

use super::fixtures::Fixtures;
use super::probe::Probe;
use super::{Set, fields};

/// One set, compiled for whoever its probes ask about.
pub(crate) struct Run {
    pub(crate) config: Config,
    pub(crate) groups: BTreeMap<Arc<str>, Arc<CidrGroup>>,
    pub(crate) identities: Identities,
    pub(crate) named_ports: BTreeMap<Identity, BTreeSet<NamedPort>>,
    pub(crate) prefixes: BTreeMap<IpNet, Identity>,
    /// Addresses that were learned for a name.
    pub(crate) learned: BTreeMap<IpAddr, Identity>,
    rules: Rules,
    owners: BTreeMap<TableOwner, u32>,
    pub(crate) tables: Tables,
    maps: HostMaps,
    pub(crate) cookies: Cookies,
}

impl Run {
    pub(crate) fn new(
        fixtures: &Fixtures,
        set: &Set,
        policies: &BTreeMap<ObjectName, Arc<Policy>>,
    ) -> Self {
        let (set, probes) = (&set.node, &set.probes);
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
            ..super::config()
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
                let group = CidrGroup {
                    name: field.key.as_str().into(),
                    labels: LabelMap::new(),
                    cidrs: cidrs.map(|cidr| cidr.expect("a prefix")).collect(),
                };
                (Arc::clone(&group.name), Arc::new(group))
            });
        let groups: BTreeMap<Arc<str>, Arc<CidrGroup>> = groups.collect();
        let mut identities = Identities::new(false);
        let mut in_use = BTreeSet::new();
        let mut named_ports: BTreeMap<Identity, BTreeSet<NamedPort>> = BTreeMap::new();
        let mut owners = BTreeSet::new();
        for (labels, ports) in fixtures.pods.values() {
            let identity = identities.for_labels(labels).expect("room");
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
            policy::named_prefixes(policies.values(), &groups)
                .into_iter()
                .map(|prefix| (prefix, identities.for_prefix(prefix, []).expect("room")))
                .collect();
        in_use.extend(prefixes.values());
        let learned = learned(probes, policies, &prefixes, &mut identities);
        in_use.extend(learned.values());
        let owners = policy::TableIds::default().assign(&owners);
        let mut cookies = Cookies::default();
        let tables = policy::compile_tables(
            &TableInput {
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
        Self {
            maps: HostMaps::from(&tables),
            rules: Rules::compile(&policy::layer7::snapshot(&tables.layer7, 1), None)
                .expect("rules that were checked"),
            learned,
            config,
            groups,
            identities,
            named_ports,
            prefixes,
            owners,
            tables,
            cookies,
        }
    }

    /// The identity of a peer; `None` if there is no such peer yet.
    pub(crate) fn identity(&self, fixtures: &Fixtures, peer: &str) -> Option<Identity> {
        if let Some((_, ip)) = learned_name(peer) {
            return self.learned.get(&ip).copied();
        }
        if let Some(ip) = peer.strip_prefix("ip:") {
            return Some(outside(ip.parse().ok()?, &self.prefixes, &self.identities));
        }
        if let Some((labels, _)) = fixtures.pods.get(peer) {
            return self.identities.find(labels);
        }
        let labels: Labels = match peer {
            "kube-apiserver" => ["kube-apiserver", "remote-node"]
                .map(Label::reserved)
                .into_iter()
                .collect(),
            name => [Label::reserved(name)].into_iter().collect(),
        };
        self.identities.find(&labels)
    }

    /// The table of a subject; `None` if it can't be one.
    pub(crate) fn table(&self, fixtures: &Fixtures, subject: &str) -> Option<u32> {
        let ports = fixtures.pods.get(subject).map(|(_, ports)| ports.clone());
        let owner = TableOwner {
            identity: self.identity(fixtures, subject)?.0,
            ports: ports.unwrap_or_default().into_iter().collect(),
        };
        self.owners.get(&owner).copied()
    }

    /// What becomes of a probe's request at each end that redirects it; why, if that isn't what must.
    pub(crate) fn wrong_request(&self, fixtures: &Fixtures, probe: &Probe) -> Option<String> {
        let (request, allowed) = probe.request.as_ref()?;
        let decisions = self.decide(fixtures, probe)?;
        let mut verdicts = Vec::new();
        for (direction, decision) in probe.directions.iter().zip(&decisions) {
            if decision.verdict != abi::event::REDIRECTED {
                continue;
            }
            let (subject, peer) = probe.ends(*direction);
            let asked = PortQuery {
                table: self.table(fixtures, subject)?,
                direction: *direction,
                protocol: probe.protocol,
                port: probe.port,
            };
            let peer = self.identity(fixtures, peer)?;
            verdicts.push(judge_port(&self.rules, asked, peer, request, &self.cookies));
        }
        if verdicts.is_empty() {
            return Some("a request that nobody reads".to_owned());
        }
        let is_right = verdicts.iter().all(|verdict| verdict.allowed) == *allowed
            && verdicts.iter().all(|verdict| verdict.rule.is_some());
        (!is_right).then(|| format!("{verdicts:?}"))
    }

    /// The lookup's answers on the host, one per direction; `None` if one can't be asked.
    pub(crate) fn decide(&self, fixtures: &Fixtures, probe: &Probe) -> Option<Vec<Decision>> {
        let one = |direction: &Direction| {
            let (subject, peer) = probe.ends(*direction);
            let question = TableQuery {
                table: self.table(fixtures, subject)?,
                direction: *direction,
                peer: self.identity(fixtures, peer)?,
                protocol: probe.protocol,
                port: probe.port,
            };
            Some(decide(&self.maps, question, &self.cookies))
        };
        probe.directions.iter().map(one).collect()
    }
}

/// The identity of an address outside of the cluster without a name.
fn outside(ip: IpAddr, prefixes: &BTreeMap<IpNet, Identity>, identities: &Identities) -> Identity {
    let longest = prefixes
        .iter()
        .filter(|(prefix, _)| prefix.contains(&ip))
        .max_by_key(|(prefix, _)| prefix.prefix_len());
    let world = identities.world(ip.is_ipv6());
    longest.map_or(world, |(_, identity)| *identity)
}

/// `fqdn:NAME@ADDRESS`
pub(crate) fn learned_name(peer: &str) -> Option<(&str, IpAddr)> {
    let (name, ip) = peer.strip_prefix("fqdn:")?.split_once('@')?;
    Some((name, ip.parse().ok()?))
}

/// The identities of addresses that probes have learned for names: with the label of each selector that one of
/// their names matches.
fn learned(
    probes: &[Probe],
    policies: &BTreeMap<ObjectName, Arc<Policy>>,
    prefixes: &BTreeMap<IpNet, Identity>,
    identities: &mut Identities,
) -> BTreeMap<IpAddr, Identity> {
    let rules = policies.values().flat_map(|policy| &policy.rules);
    let elements = rules.flat_map(|rule| rule.egress.iter().flat_map(|egress| &egress.elements));
    let selectors: Vec<&Arc<str>> = elements
        .flat_map(|element| &element.peers)
        .filter_map(|peer| {
            if let Peer::Name(text) = peer {
                Some(text)
            } else {
                None
            }
        })
        .collect();
    let mut labels: BTreeMap<IpAddr, Labels> = BTreeMap::new();
    for peer in probes.iter().flat_map(|probe| [&probe.from, &probe.to]) {
        let Some((name, ip)) = learned_name(peer) else {
            continue;
        };
        let name = Name::from_text(name).expect("a name");
        let known = labels.entry(ip).or_insert_with(|| {
            let identity = outside(ip, prefixes, identities);
            identities.labels(identity).cloned().unwrap_or_default()
        });
        let matching = selectors.iter().filter(|text| selects(text, &name));
        let matching = matching.map(|text| Label::fqdn(text));
        *known = known.iter().cloned().chain(matching).collect();
    }
    let numbers = labels.into_iter().map(|(ip, labels)| {
        let known = identities.find(&labels).map(Ok);
        let number = known.unwrap_or_else(|| identities.for_outside(labels));
        (ip, number.expect("room"))
    });
    numbers.collect()
}

fn selects(text: &str, name: &Name) -> bool {
    FqdnSelector::new(&NameSpec::of_selector(text))
        .expect("it was checked")
        .matches(name)
}
