//! The rules, ready to judge.

use std::collections::HashMap;

use l7_wire::name::Pattern;

use super::snapshot::{Allows, Binding, Direction, Peers, Protocol, RuleRef, SetSpec, Snapshot};
use crate::http::{Rule, RuleError};
use crate::kafka;
use crate::names::{DnsRule, NameRuleError, server_name};
use crate::regexp::Regexps;

/// All rules of a node.
#[derive(Debug)]
pub struct Rules {
    revision: u64,
    sets: Vec<Set>,
    regexps: Regexps,
    places: Places,
}

/// The ports of an endpoint, sorted.
type Places = HashMap<(u32, Direction, Protocol), Vec<Ports>>;

/// Ports that have a set.
#[derive(Clone, Copy, Debug)]
struct Ports {
    first: u16,
    last: u16,
    set: usize,
}

/// The alternatives of a port.
#[derive(Debug, Default)]
pub struct Set {
    pub(super) alternatives: Vec<Compiled>,
    /// Whether a rule of HTTP may change headers.
    pub(super) has_actions: bool,
}

/// An alternative.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) rule: RuleRef,
    peers: Peers,
    pub(super) is_wide: bool,
    pub(super) allows: Allowing,
}

#[derive(Debug)]
pub(super) enum Allowing {
    Everything,
    Http(Vec<Rule>),
    Kafka(Vec<kafka::Rule>),
    Dns(Vec<DnsRule>),
    ServerNames(Vec<Pattern<Box<str>>>),
}

/// What is spoken with a peer on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// No rule selects it: its connection is to be reset.
    NotSelected,
    /// Anything: no rule of layer 7 selects it.
    Plain,
    /// HTTP.
    Http,
    /// Kafka: see [`Set::kafka`].
    Kafka,
    /// DNS.
    Dns,
    /// TLS, whose server is named.
    Tls,
    /// Rules of several protocols select it. They are alternatives, but which one a connection is of can't be told
    /// before its first bytes, and not by all of them: it is to be reset, and the rules' author told. (Cilium
    /// refuses such rules where one selector has both, and else takes the first kind for all.)
    Conflict,
}

/// A snapshot that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A rule of layer 7.
    #[error("set {set}, alternative {alternative}, item {item}: {wrong}")]
    Item {
        /// Index of the set.
        set: usize,
        /// Index of its alternative.
        alternative: usize,
        /// Index of the item.
        item: usize,
        /// What is wrong.
        #[source]
        wrong: ItemError,
    },
    /// A binding to a set that isn't there.
    #[error("binding {0} names a set that is not there")]
    NoSet(usize),
    /// A binding whose last port is before its first.
    #[error("binding {0} ends before it begins")]
    Backwards(usize),
    /// Two sets for one port.
    #[error("endpoint {endpoint} has two sets for port {port}")]
    Overlap {
        /// Of which endpoint.
        endpoint: u32,
        /// A port that both cover.
        port: u16,
    },
}

/// What is wrong with a rule of layer 7.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Of HTTP.
    #[error(transparent)]
    Http(#[from] RuleError),
    /// Of Kafka.
    #[error(transparent)]
    Kafka(#[from] kafka::RuleError),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameRuleError),
}

impl Compiled {
    pub(super) fn selects(&self, peer: u32) -> bool {
        match &self.peers {
            Peers::Any => true,
            Peers::Identities(identities) => identities.binary_search(&peer).is_ok(),
        }
    }
}

impl Rules {
    /// Compiles a snapshot as a whole. Expressions that `previous` rules have too are taken from them: a change of
    /// identities compiles none.
    ///
    /// # Errors
    /// With the first thing that can't be used.
    pub fn compile(snapshot: &Snapshot, previous: Option<&Self>) -> Result<Self, CompileError> {
        let known = previous.map(|previous| &previous.regexps);
        let mut regexps = known.map_or_else(Regexps::default, Regexps::after);
        let sets = snapshot.sets.iter().enumerate().map(|(index, set)| {
            let set = Set::with(set, &mut regexps);
            set.map_err(|(alternative, item, wrong)| CompileError::Item {
                set: index,
                alternative,
                item,
                wrong,
            })
        });
        let sets = sets.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            revision: snapshot.revision,
            places: places(&snapshot.bindings, sets.len())?,
            sets,
            regexps: regexps.done(),
        })
    }

    /// Which state of the policies it is.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The alternatives of a port; `None`: it has no rules here, and what was redirected all the same is to be
    /// refused. A port that allows everything has a set that says so.
    pub fn get(
        &self,
        endpoint: u32,
        direction: Direction,
        protocol: Protocol,
        port: u16,
    ) -> Option<&Set> {
        let ports = self.places.get(&(endpoint, direction, protocol))?;
        let before = ports.partition_point(|ports| ports.first <= port);
        let found = ports.get(before.checked_sub(1)?)?;
        (port <= found.last).then(|| self.sets.get(found.set))?
    }
}

fn places(bindings: &[Binding], sets: usize) -> Result<Places, CompileError> {
    let mut places = Places::new();
    for (index, binding) in bindings.iter().enumerate() {
        let Binding {
            endpoint,
            direction,
            protocol,
            first_port: first,
            last_port: last,
            set,
        } = *binding;
        let set = usize::try_from(set).ok().filter(|set| *set < sets);
        let set = set.ok_or(CompileError::NoSet(index))?;
        if last < first {
            return Err(CompileError::Backwards(index));
        }
        let place = places.entry((endpoint, direction, protocol));
        place.or_default().push(Ports { first, last, set });
    }
    #[expect(clippy::iter_over_hash_type, reason = "each place is by itself")]
    for ((endpoint, _, _), ports) in &mut places {
        ports.sort_by_key(|ports| ports.first);
        for pair in ports.windows(2) {
            if let [before, after] = pair
                && after.first <= before.last
            {
                return Err(CompileError::Overlap {
                    endpoint: *endpoint,
                    port: after.first,
                });
            }
        }
    }
    Ok(places)
}

impl Set {
    /// Compiles a set by itself.
    ///
    /// # Errors
    /// With the first alternative and item that can't be used, by their indices.
    pub fn new(spec: &SetSpec) -> Result<Self, (usize, usize, ItemError)> {
        Self::with(spec, &mut Regexps::default())
    }

    fn with(spec: &SetSpec, regexps: &mut Regexps) -> Result<Self, (usize, usize, ItemError)> {
        let mut alternatives = Vec::with_capacity(spec.alternatives.len());
        for (index, alternative) in spec.alternatives.iter().enumerate() {
            let allows = Allowing::new(&alternative.allows, regexps);
            let mut peers = alternative.peers.clone();
            if let Peers::Identities(identities) = &mut peers {
                identities.sort_unstable();
            }
            alternatives.push(Compiled {
                rule: alternative.rule,
                peers,
                is_wide: alternative.is_wide,
                allows: allows.map_err(|(item, wrong)| (index, item, wrong))?,
            });
        }
        let has_actions = alternatives.iter().any(|one| match &one.allows {
            Allowing::Http(items) => items.iter().any(Rule::has_actions),
            Allowing::Everything
            | Allowing::Kafka(_)
            | Allowing::Dns(_)
            | Allowing::ServerNames(_) => false,
        });
        Ok(Self {
            alternatives,
            has_actions,
        })
    }

    /// What is spoken with a peer: the one protocol that the rules which select it have.
    pub fn peer_kind(&self, peer: u32) -> PeerKind {
        let selecting = self.alternatives.iter().filter(|one| one.selects(peer));
        selecting.fold(PeerKind::NotSelected, |kind, one| {
            let more = one.allows.kind();
            match (kind, more) {
                (PeerKind::NotSelected | PeerKind::Plain, more) => more,
                (kind, PeerKind::Plain) => kind,
                (kind, more) if kind == more => kind,
                _ => PeerKind::Conflict,
            }
        })
    }
}

impl Allowing {
    fn new(allows: &Allows, regexps: &mut Regexps) -> Result<Self, (usize, ItemError)> {
        Ok(match allows {
            Allows::Everything => Self::Everything,
            Allows::Http(specs) => Self::Http(each(specs, |spec| Ok(Rule::with(spec, regexps)?))?),
            Allows::Kafka(specs) => {
                Self::Kafka(each(specs, |spec| Ok(kafka::Rule::try_from(spec)?))?)
            }
            Allows::Dns(specs) => Self::Dns(each(specs, |spec| Ok(DnsRule::new(spec)?))?),
            Allows::ServerNames(texts) => {
                Self::ServerNames(each(texts, |text| Ok(server_name(text)?))?)
            }
        })
    }

    fn kind(&self) -> PeerKind {
        match self {
            Self::Everything => PeerKind::Plain,
            Self::Http(_) => PeerKind::Http,
            Self::Kafka(_) => PeerKind::Kafka,
            Self::Dns(_) => PeerKind::Dns,
            Self::ServerNames(_) => PeerKind::Tls,
        }
    }

    /// The protocol that it allows alone.
    pub(super) fn protocol(&self) -> &'static str {
        match self {
            Self::Everything => "anything",
            Self::Http(_) => "HTTP",
            Self::Kafka(_) => "Kafka",
            Self::Dns(_) => "DNS",
            Self::ServerNames(_) => "TLS",
        }
    }
}

/// Makes each, or tells which can't be made.
fn each<S, T>(
    specs: &[S],
    mut make: impl FnMut(&S) -> Result<T, ItemError>,
) -> Result<Vec<T>, (usize, ItemError)> {
    let made = specs.iter().enumerate();
    made.map(|(index, spec)| make(spec).map_err(|wrong| (index, wrong)))
        .collect()
}
