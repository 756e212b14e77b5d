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
        let set = &set.node;
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
        if let Some(ip) = peer.strip_prefix("ip:") {
            let ip: IpAddr = ip.parse().ok()?;
            let longest = self
                .prefixes
                .iter()
                .filter(|(prefix, _)| prefix.contains(&ip))
                .max_by_key(|(prefix, _)| prefix.prefix_len());
            let world = self.identities.world(ip.is_ipv6());
            return Some(longest.map_or(world, |(_, identity)| *identity));
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
