//! Which requests an end lets through on a port: what its rules of layer 7 say there, whoever wrote them and in
//! whatever order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use l7::rules::{Allows, Alternative, Item, Peers, Protocol};
use policy::layer7::PortSets;
use policy::rule::{item_text, protocol};

/// What an end lets through on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestSet {
    /// Whatever is sent: nothing reads it, or a rule allows everything.
    Everything,
    /// What one of these allows; none: nothing.
    Only(Vec<RequestRule>),
}

/// A rule of layer 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRule {
    /// `HTTP GET /metrics`, `DNS *.example.com`, `Kafka role=produce topic=orders`, `TLS api.example.com`.
    pub text: String,
    /// What it says.
    pub item: Item,
}

impl fmt::Display for RequestRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl RequestSet {
    /// The rules; none of everything.
    pub fn rules(&self) -> &[RequestRule] {
        match self {
            Self::Everything => &[],
            Self::Only(rules) => rules,
        }
    }

    /// Rules here of which some requests may not be allowed there, and may be let through by the other end.
    pub(crate) fn beyond<'a>(
        &'a self,
        there: &'a Self,
        other_end: &'a Self,
    ) -> impl Iterator<Item = &'a RequestRule> {
        let rules = self.rules().iter();
        rules.filter(move |rule| !there.covers(rule) && other_end.passes(Some(rule), there))
    }

    /// Whether it may let through requests that a set doesn't allow, of a rule if one is named.
    pub(crate) fn passes(&self, rule: Option<&RequestRule>, beyond: &Self) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(own) => own.iter().any(|own| {
                let is_apart = rule.is_some_and(|rule| own.item.is_apart_from(&rule.item));
                !is_apart && !beyond.covers(own)
            }),
        }
    }

    fn covers(&self, rule: &RequestRule) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(rules) => rules.iter().any(|own| own.item.covers(&rule.item)),
        }
    }
}

/// The rules that select a peer, each by a text that tells it from all others; `None`: everything is allowed.
fn rules<'a>(
    selecting: impl Iterator<Item = &'a Alternative> + Clone,
) -> Option<BTreeMap<String, RequestRule>> {
    let is_dns = |one: &Alternative| matches!(one.allows, Allows::Dns(_));
    let reads_names = selecting.clone().any(is_dns);
    // For names, rules of exactly the port count alone.
    let counting = selecting.filter(|one| !(reads_names && one.is_wide));
    let mut rules = BTreeMap::new();
    let mut protocols = BTreeSet::new();
    for alternative in counting {
        let kind = match &alternative.allows {
            Allows::Everything => return None,
            Allows::Http(_) => "HTTP",
            Allows::Kafka(_) => "Kafka",
            Allows::Dns(_) => "DNS",
            Allows::ServerNames(_) => "TLS",
        };
        protocols.insert(kind);
        for (index, item) in alternative.allows.list().into_iter().enumerate() {
            let says = item_text(&alternative.allows, index).unwrap_or_default();
            // Rules whose texts are equal may still differ: in a header's value.
            let key = serde_json::to_string(&Allows::from(&item)).unwrap_or_default();
            let text = format!("{kind} {says}");
            rules.insert(key, RequestRule { text, item });
        }
    }
    match protocols.len() {
        // Of several protocols: the connections are refused.
        2.. => Some(BTreeMap::new()),
        _ => Some(rules),
    }
}

/// Number of a set, over all clusters; 0 for everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RequestsId(u32);

impl RequestsId {
    /// Nothing is let through.
    const NOTHING: Self = Self(1);
}

/// What is said to a peer on which ports: protocol, first and last port, and what is let through.
type PeerPorts = Vec<(u8, u16, u16, RequestsId)>;

/// Numbers for what is said on ports, the same over all clusters.
pub(super) struct RequestInterner {
    sets: Vec<RequestSet>,
    set_ids: HashMap<Vec<String>, RequestsId>,
    ports: Vec<PeerPorts>,
    port_ids: HashMap<PeerPorts, u32>,
}

impl Default for RequestInterner {
    fn default() -> Self {
        Self {
            sets: vec![RequestSet::Only(Vec::new())],
            set_ids: HashMap::from([(Vec::new(), RequestsId::NOTHING)]),
            ports: Vec::new(),
            port_ids: HashMap::new(),
        }
    }
}

/// What a direction of a table says to each peer: numbers of [`RequestInterner`].
#[derive(Clone, Debug, Default)]
pub(super) struct TableRequests {
    by_identity: BTreeMap<u32, u32>,
    others: u32,
}

impl TableRequests {
    pub(super) fn new(sets: &PortSets, interner: &mut RequestInterner) -> Self {
        let selected: Vec<Vec<Option<BTreeSet<u32>>>> = sets
            .sets
            .iter()
            .map(|set| {
                set.alternatives
                    .iter()
                    .map(|one| peers(&one.peers))
                    .collect()
            })
            .collect();
        let named: BTreeSet<u32> = selected
            .iter()
            .flatten()
            .flatten()
            .flatten()
            .copied()
            .collect();
        let mut known: HashMap<(usize, Vec<usize>), RequestsId> = HashMap::new();
        let mut number = |peer: Option<u32>| {
            let mut of_set = Vec::with_capacity(sets.sets.len());
            for (index, (set, selected)) in sets.sets.iter().zip(&selected).enumerate() {
                let selects = |peers: &Option<BTreeSet<u32>>| match peers {
                    None => true,
                    Some(peers) => peer.is_some_and(|peer| peers.contains(&peer)),
                };
                let selecting = selected.iter().enumerate();
                let selecting = selecting.filter(|(_, peers)| selects(peers));
                let selecting: Vec<usize> = selecting.map(|(place, _)| place).collect();
                let id = known
                    .entry((index, selecting))
                    .or_insert_with_key(|(_, places)| {
                        let places = places.iter();
                        interner.set(places.map(|place| &set.alternatives[*place]))
                    });
                of_set.push(*id);
            }
            let ports = sets.ports.iter().map(|ports| {
                let protocol = match ports.protocol {
                    Protocol::Tcp => protocol::TCP,
                    Protocol::Udp => protocol::UDP,
                };
                (protocol, ports.first, ports.last, of_set[ports.set])
            });
            interner.ports(ports.collect())
        };
        let others = number(None);
        let by_identity = named.into_iter().map(|peer| (peer, number(Some(peer))));
        Self {
            by_identity: by_identity.collect(),
            others,
        }
    }

    /// What is said to a peer.
    pub(super) fn of(&self, peer: u32) -> u32 {
        self.by_identity.get(&peer).copied().unwrap_or(self.others)
    }
}

/// `None`: everybody.
fn peers(peers: &Peers) -> Option<BTreeSet<u32>> {
    match peers {
        Peers::Any => None,
        Peers::Identities(identities) => Some(identities.iter().copied().collect()),
    }
}

impl RequestInterner {
    fn set<'a>(&mut self, selecting: impl Iterator<Item = &'a Alternative> + Clone) -> RequestsId {
        let Some(rules) = rules(selecting) else {
            return RequestsId::default();
        };
        let (keys, rules): (Vec<String>, Vec<RequestRule>) = rules.into_iter().unzip();
        if let Some(known) = self.set_ids.get(&keys) {
            return *known;
        }
        self.sets.push(RequestSet::Only(rules));
        let id = RequestsId(u32::try_from(self.sets.len()).expect("fewer than memory has bytes"));
        self.set_ids.insert(keys, id);
        id
    }

    fn ports(&mut self, ports: PeerPorts) -> u32 {
        if let Some(known) = self.port_ids.get(&ports) {
            return *known;
        }
        self.ports.push(ports.clone());
        let id = u32::try_from(self.ports.len()).expect("fewer than memory has bytes");
        self.port_ids.insert(ports, id);
        id
    }

    /// What a number stands for.
    pub(super) fn get(&self, id: RequestsId) -> &RequestSet {
        let index = id.0.checked_sub(1);
        index.map_or(&RequestSet::Everything, |index| &self.sets[index as usize])
    }

    /// What is let through on a port that is redirected; where no rule is, nothing.
    pub(super) fn on_port(&self, ports: u32, protocol: u8, port: u16) -> RequestsId {
        let mut all = self.of(ports).iter();
        let found =
            all.find(|(of, first, last, _)| *of == protocol && (*first..=*last).contains(&port));
        found.map_or(RequestsId::NOTHING, |(.., id)| *id)
    }

    /// Protocol, first and last port of all that is said to a peer.
    pub(super) fn ranges(&self, ports: u32) -> impl Iterator<Item = (u8, u16, u16)> {
        let ports = self.of(ports).iter();
        ports.map(|(protocol, first, last, _)| (*protocol, *first, *last))
    }

    fn of(&self, ports: u32) -> &[(u8, u16, u16, RequestsId)] {
        let index = ports.checked_sub(1);
        index.map_or(&[], |index| &self.ports[index as usize])
    }
}
