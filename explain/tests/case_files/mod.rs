//! The form of `testdata/policies/cases.yaml`: policies, probes and what must come out of each, and a
//! set's policies compiled for whoever its probes ask about.
#![expect(clippy::panic, reason = "helpers of a test fail it")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use abi::{identity as number, reason};
use cluster::manifest::{self, Document, Object};
use cluster::yaml::{self, Node};
use cluster::{CidrGroup, Identities, Identity, Label, LabelMap, Labels, ObjectName};
use datapath_host::HostMaps;
use flows_explain::trace::{MatchInput, ResolvedPeer};
use ipnet::IpNet;
use policy::rule::{Peer, Ports};
use policy::{
    Config, Cookies, Decision, Direction, Mode, NamedPort, Origin, Policy, Reason, ReasonKind,
    TableInput, TableOwner, TableQuery, Tables, decide,
};

/// The files of cases that are kept here.
pub(crate) const FILES: [&str; 3] = [
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/policies/cases.yaml"
    ),
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/policies/bug-cases.yaml"
    ),
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/policies/conformance-cases.yaml"
    ),
];

/// A file of cases.
pub(crate) struct File {
    pub(crate) fixtures: Fixtures,
    pub(crate) sets: Vec<Set>,
}

/// A set of policies, and probes.
pub(crate) struct Set {
    pub(crate) id: String,
    pub(crate) title: String,
    node: Node,
    pub(crate) probes: Vec<Probe>,
}

/// A question, and what must come out.
pub(crate) struct Probe {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) directions: &'static [Direction],
    pub(crate) protocol: u8,
    pub(crate) port: u16,
    expect: String,
    reason: String,
}

/// What became of a set's policies.
pub(crate) enum Loaded {
    /// They are fine, or refused as they must be; those that are fine are left.
    Fine(BTreeMap<ObjectName, Arc<Policy>>),
    /// They use what isn't there yet.
    Unsupported(String),
    /// They are refused, or not refused, and must not be.
    Wrong(String),
}

impl File {
    /// Reads a file.
    pub(crate) fn read(text: &str) -> Self {
        let table = &yaml::parse(text).expect("valid YAML")[0];
        Self {
            fixtures: Fixtures::read(table.get("fixtures").expect("fixtures")),
            sets: items(table, "sets").iter().map(Set::read).collect(),
        }
    }
}

impl Set {
    fn read(node: &Node) -> Self {
        Self {
            id: node.text("id").expect("an id").to_owned(),
            title: node.text("title").unwrap_or_default().to_owned(),
            probes: items(node, "probes").iter().map(Probe::read).collect(),
            node: node.clone(),
        }
    }

    /// Reads the policies, and holds refusals against those wanted.
    pub(crate) fn load(&self) -> Loaded {
        let mut policies = BTreeMap::new();
        let mut refused = Vec::new();
        for document in items(&self.node, "policies") {
            for document in manifest::read(&"cases.yaml".into(), document.clone()) {
                match document {
                    Document::Object(name, Object::Policy(raw), _) => {
                        match policy::parse(&raw, "default") {
                            Ok(policy) => drop(policies.insert(name, Arc::new(policy))),
                            Err(problem) => refused.push(problem.to_string()),
                        }
                    }
                    Document::Bad(_, problem) => refused.push(problem.to_string()),
                    other @ (Document::Object(..) | Document::Ignored(..)) => {
                        refused.push(format!("is no policy: {other:?}"));
                    }
                }
            }
        }
        let refused = refused.into_iter().next();
        // The language itself has a refusal that says so.
        let unsupported = |refused: &str| refused.contains("supported yet");
        match (self.node.text("load_error"), refused) {
            (None, None) => Loaded::Fine(policies),
            (Some(wanted), Some(refused)) => {
                let wanted = wanted.split(" (either order)").next().unwrap_or(wanted);
                if refused.contains(wanted) {
                    Loaded::Fine(policies)
                } else if unsupported(&refused) {
                    Loaded::Unsupported(refused)
                } else {
                    Loaded::Wrong(format!("refused for {refused:?}, not for {wanted:?}"))
                }
            }
            (Some(wanted), None) => Loaded::Wrong(format!("not refused for {wanted:?}")),
            (None, Some(refused)) if unsupported(&refused) => Loaded::Unsupported(refused),
            (None, Some(refused)) => Loaded::Wrong(format!("refused: {refused}")),
        }
    }
}

impl Probe {
    fn read(node: &Node) -> Self {
        let text = |key: &str| node.text(key).unwrap_or_else(|| panic!("{key} is missing"));
        Self {
            from: text("from").to_owned(),
            to: text("to").to_owned(),
            directions: match text("dir") {
                "ingress" => &[Direction::Ingress],
                "egress" => &[Direction::Egress],
                "both" => &[Direction::Egress, Direction::Ingress],
                other => panic!("{other}"),
            },
            protocol: match text("proto") {
                "TCP" => 6,
                "UDP" => 17,
                "SCTP" => 132,
                "ICMP" => 1,
                "ICMPv6" => 58,
                other => panic!("{other}"),
            },
            port: number_of(node, "port"),
            expect: text("expect").to_owned(),
            reason: text("reason").to_owned(),
        }
    }

    /// Who is judged, and who is on the other side.
    pub(crate) fn ends(&self, direction: Direction) -> (&str, &str) {
        match direction {
            Direction::Ingress => (&self.to, &self.from),
            Direction::Egress => (&self.from, &self.to),
        }
    }

    /// What came out, if that is not what must.
    pub(crate) fn wrong(&self, decisions: &[Decision]) -> Option<String> {
        // The first that denies speaks for both; if both allow, either may be the one named.
        let speaking: Vec<&Decision> = match decisions.iter().find(|decision| !decision.allows()) {
            Some(denying) => vec![denying],
            None => decisions.iter().collect(),
        };
        let wrong: Vec<Option<String>> = speaking
            .iter()
            .map(|decision| mismatch(decision, &self.expect, &self.reason))
            .collect();
        if wrong.iter().any(Option::is_none) {
            return None;
        }
        wrong.into_iter().next().flatten()
    }
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let directions: Vec<String> = self.directions.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{} -> {} {} {}: {} {} wanted",
            self.from,
            self.to,
            flows_explain::trace::PortText {
                protocol: self.protocol,
                port: self.port
            },
            directions.join(" and "),
            self.expect,
            self.reason
        )
    }
}

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
pub(crate) struct Fixtures {
    pub(crate) pods: BTreeMap<String, (Labels, BTreeSet<NamedPort>)>,
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
                let labels = Labels::for_pod(
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

impl Run {
    /// The answer of a scan over all rules.
    pub(crate) fn scan(
        &self,
        fixtures: &Fixtures,
        policies: &BTreeMap<ObjectName, Arc<Policy>>,
        probe: &Probe,
        direction: Direction,
    ) -> Decision {
        let (subject, peer) = probe.ends(direction);
        let (subject, peer) = (
            self.resolved(fixtures, subject),
            self.resolved(fixtures, peer),
        );
        let input = MatchInput {
            direction,
            subject: &subject,
            peer: &peer,
            protocol: probe.protocol,
            port: probe.port,
            any_port: false,
            groups: &self.groups,
            named_ports: &self.named_ports,
        };
        let Config {
            mode,
            allow_localhost,
            ..
        } = self.config;
        let findings = match mode {
            // The node is judged by policies for nodes, which aren't there yet.
            _ if subject.identity.0 == number::HOST => Vec::new(),
            Mode::Never => Vec::new(),
            Mode::Default | Mode::Always => flows_explain::trace::scan(policies, &input, |_| None),
        };
        let matching = |deny: bool| -> Vec<Origin> {
            let rules = findings
                .iter()
                .flat_map(|finding| finding.rules.iter().map(move |rule| (finding, rule)));
            rules
                .filter(|(_, rule)| rule.matched() && rule.deny == deny)
                .map(|(finding, rule)| Origin {
                    policy: finding.policy.clone(),
                    uid: None,
                    version: Arc::clone(&finding.version),
                    rule: rule.path,
                    text: Arc::clone(&rule.text),
                    labels: Vec::new(),
                    log: None,
                })
                .collect()
        };
        let enforced = mode != Mode::Never
            && (mode == Mode::Always
                || subject.identity.0 == number::INIT
                || findings.iter().any(|finding| finding.default_deny));
        let (denies, allows) = (matching(true), matching(false));
        let from_host = direction == Direction::Ingress && peer.identity.0 == number::HOST;
        // Of what allows all ports alike, the entry for the one peer comes before that for any peer.
        let own_node = from_host && allow_localhost && enforced;
        let beyond_anyone = allows.iter().any(|origin| {
            let rules = policies.get(&origin.policy).into_iter();
            let statements = rules
                .flat_map(|policy| &policy.rules)
                .filter_map(|rule| rule.statement(direction));
            statements
                .flat_map(|statement| &statement.elements)
                .any(|element| {
                    element.path == origin.rule
                        && (element.peers != [Peer::All] || element.ports != [Ports::All])
                })
        });
        let (verdict, kind, origins) = if !denies.is_empty() {
            (reason::POLICY_DENY, ReasonKind::Deny, denies)
        } else if own_node && !beyond_anyone {
            (
                abi::event::FORWARDED,
                ReasonKind::AllowLocalhost,
                Vec::new(),
            )
        } else if !allows.is_empty() {
            (abi::event::FORWARDED, ReasonKind::Allow, allows)
        } else if !enforced {
            (abi::event::FORWARDED, ReasonKind::AllowAny, Vec::new())
        } else {
            (reason::POLICY_DENIED, ReasonKind::DefaultDeny, Vec::new())
        };
        Decision {
            verdict,
            match_type: 0,
            cookie: 0,
            reason: Some(Arc::new(Reason {
                direction,
                kind,
                origins,
            })),
        }
    }

    fn resolved(&self, fixtures: &Fixtures, name: &str) -> ResolvedPeer {
        let identity = self.identity(fixtures, name).unwrap_or_default();
        let pod = fixtures.pods.get(name);
        ResolvedPeer {
            name: name.to_owned(),
            identity,
            labels: self
                .identities
                .labels(identity)
                .cloned()
                .unwrap_or_default(),
            pod: None,
            pods: 1,
            ports: pod
                .map(|(_, ports)| ports.iter().cloned().collect())
                .unwrap_or_default(),
            judged: pod.is_some(),
            assumed: false,
            ip: None,
            node: None,
            spread: Vec::new(),
        }
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
        _ => return Some(format!("{wanted:?} is no reason")),
    };
    let verdict = if allows { "ALLOWED" } else { "DENIED" };
    (!right || verdict != expect).then(|| format!("{verdict} ({}): {found}", decision.verdict))
}
