//! Rules into tables.
//!
//! Every rule's entries are inserted as they are; which of several entries counts is decided by the
//! lookup. Only where two rules give the same key they are merged: a deny wins, and the cookie names
//! all rules that said the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use abi::policy::{
    COOKIE_ALLOW_ANY_EGRESS, COOKIE_ALLOW_ANY_INGRESS, COOKIE_ALLOW_LOCALHOST, EGRESS, ENTRY_DENY,
    ENTRY_PRESENT, PolicyEntry, PolicyKey, SHAPE_ALL, SHAPE_PROTO, TABLE_PRESENT, Table,
};
use cluster::{CidrGroup, Identities, Identity, ObjectName};

use crate::attribution::Direction;
use crate::config::{Config, Mode};
use crate::cookies::{Cookies, NamedPort, TableOwner};
use crate::layer7::{Conflict, PortSets, TablePortSets};
use crate::portrange;
use crate::rule::{Element, Policy, Ports};
use crate::rule_store::{PeerSlot, RuleStore, SelectedRule};
use crate::selector_cache::SelectorCache;

mod attributor;
mod redirect;
mod sets;
mod shapes;

pub(crate) use attributor::Attributor;
use sets::Implicit;
pub(crate) use sets::Selected;
pub(crate) use shapes::Shapes;

/// Precedence of an entry at priority 0, as in Cilium's policy map; the low byte tells what it does.
const PRECEDENCE: u32 = 0x00ff_ffff << 8;

/// What tables are made from.
pub struct TableInput<'a> {
    /// Policies in force.
    pub policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
    /// CIDR groups by name.
    pub groups: &'a BTreeMap<Arc<str>, Arc<CidrGroup>>,
    /// Labels of identities.
    pub identities: &'a Identities,
    /// Identities that can be met; reserved ones always can.
    pub in_use: &'a BTreeSet<Identity>,
    /// Named ports of the pods of each identity, of all nodes.
    pub named_ports: &'a BTreeMap<Identity, BTreeSet<NamedPort>>,
    /// Who needs a table, and which.
    pub owners: &'a BTreeMap<TableOwner, u32>,
    /// Mode and defaults.
    pub config: &'a Config,
}

/// Tables and how many cookies they lacked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    /// Headers by table id.
    pub tables: BTreeMap<u32, Table>,
    /// Entries, sorted by key.
    pub entries: Vec<(PolicyKey, PolicyEntry)>,
    /// What is judged of the redirected, by table and direction.
    pub layer7: TablePortSets,
    /// Rules of layer 7 that can't stand together.
    pub conflicts: BTreeSet<Conflict>,
    /// Reasons for which no cookie was left: their entries have cookie 0.
    pub unnamed: usize,
}

/// Compiles the tables of all owners, from nothing.
pub fn compile_tables(input: &TableInput<'_>, cookies: &mut Cookies) -> Tables {
    let mut selector_cache = SelectorCache::new(input.groups.clone());
    for (identity, labels) in input.identities.iter() {
        if identity.0 < abi::identity::FIRST_DERIVED || input.in_use.contains(&identity) {
            selector_cache.add(identity, labels);
        }
    }
    let mut rule_store = RuleStore::default();
    for policy in input.policies.values() {
        rule_store.insert(policy, &mut selector_cache);
    }
    let mut selected = Selected::default();
    let mut compiler = TableCompiler {
        selector_cache: &selector_cache,
        named_ports: input.named_ports,
        config: input.config,
        names: Attributor::new(cookies),
        selected: &mut selected,
    };
    let mut tables = BTreeMap::new();
    let mut entries = Vec::new();
    let mut layer7 = TablePortSets::new();
    let mut conflicts = BTreeSet::new();
    for (owner, id) in input.owners {
        let rules = rule_store.selecting(&selector_cache, Identity(owner.identity));
        let [ingress, egress] = Direction::ALL.map(|direction| {
            let part = compiler.direction(direction, owner, *id, &rules, None);
            let mut shapes = Shapes::default();
            for (key, entry) in &part.entries {
                shapes.add(key, entry);
            }
            entries.extend(part.entries);
            if let Some(sets) = part.layer7 {
                layer7.insert((*id, direction), Arc::new(sets));
            }
            conflicts.extend(part.conflicts);
            shapes.header(part.enforced, part.default_cookie)
        });
        let table = Table {
            ingress,
            egress,
            flags: TABLE_PRESENT,
            reserved: 0,
        };
        tables.insert(*id, table);
    }
    let unnamed = compiler.names.unnamed;
    entries.sort_unstable_by_key(|(key, _)| *key);
    Tables {
        tables,
        entries,
        layer7,
        conflicts,
        unnamed,
    }
}

/// An element of a rule, by address: rules outlive the compilation.
type Contribution<'a> = (SelectedRule<'a>, &'a Element, &'a [PeerSlot]);

/// What rules say on one key.
#[derive(Default)]
struct Merged {
    /// The low byte of the precedence: the highest of the rules'. 0: none says anything.
    precedence: u8,
    /// Indices of contributions, those of denies only if one denies.
    contributions: Vec<u32>,
}

/// What is made of one direction of a table.
pub(crate) struct DirectionEntries {
    pub(crate) enforced: bool,
    pub(crate) default_cookie: u32,
    /// The entries of the columns that were asked for, sorted by key.
    pub(crate) entries: Vec<(PolicyKey, PolicyEntry)>,
    /// What is judged of the redirected; `None`: nothing is.
    pub(crate) layer7: Option<PortSets>,
    pub(crate) conflicts: Vec<Conflict>,
}

pub(crate) struct TableCompiler<'i, 'c> {
    pub(crate) selector_cache: &'i SelectorCache,
    pub(crate) named_ports: &'i BTreeMap<Identity, BTreeSet<NamedPort>>,
    pub(crate) config: &'i Config,
    pub(crate) names: Attributor<'c>,
    pub(crate) selected: &'c mut Selected,
}

impl TableCompiler<'_, '_> {
    /// One direction of a table, from the rules that select its owner. `only`: the columns (peer
    /// identities, 0 for any peer) whose entries are wanted; what an entry is depends on the rules
    /// that are about its column and on no other column.
    pub(crate) fn direction(
        &mut self,
        direction: Direction,
        owner: &TableOwner,
        table: u32,
        rules: &[SelectedRule<'_>],
        only: Option<&BTreeSet<u32>>,
    ) -> DirectionEntries {
        let config = self.config;
        let speaking: Vec<SelectedRule<'_>> = rules
            .iter()
            .filter(|selecting| {
                config.mode != Mode::Never && selecting.rule().statement(direction).is_some()
            })
            .copied()
            .collect();
        let init = owner.identity == abi::identity::INIT;
        let enforced = match config.mode {
            Mode::Never => false,
            Mode::Always => true,
            Mode::Default => {
                init || speaking
                    .iter()
                    .filter_map(|selecting| selecting.rule().statement(direction))
                    .any(|statement| statement.default_deny)
            }
        };
        let contributions: Vec<Contribution<'_>> = speaking
            .iter()
            .flat_map(|selecting| {
                let elements = selecting.elements(direction);
                elements.map(|(element, slots)| (*selecting, element, slots))
            })
            .collect();
        let mut merged: HashMap<PolicyKey, Merged> = HashMap::new();
        let columns = Columns {
            direction,
            owner,
            table,
            only,
        };
        for (number, (_, element, slots)) in contributions.iter().enumerate() {
            let number = u32::try_from(number).expect("fewer rule elements than memory has bytes");
            self.insert(&columns, element, slots, number, &mut merged);
        }
        let localhost = enforced && direction == Direction::Ingress && config.allow_localhost;
        if localhost && columns.wanted(abi::identity::HOST) {
            let key = PolicyKey {
                table,
                identity: abi::identity::HOST,
                shape: SHAPE_ALL,
                ..PolicyKey::default()
            };
            // Rules that say the same keep their name on it.
            merged.entry(key).or_default();
        }
        redirect::prune(&mut merged);
        let allow_any = match direction {
            Direction::Ingress => COOKIE_ALLOW_ANY_INGRESS,
            Direction::Egress => COOKIE_ALLOW_ANY_EGRESS,
        };
        let implicit = Implicit {
            anyone: (!enforced).then_some(allow_any),
            localhost: localhost.then_some(COOKIE_ALLOW_LOCALHOST),
        };
        let (layer7, conflicts) = self.port_sets(direction, owner, &contributions, implicit);
        let default_cookie = match enforced {
            false => allow_any,
            true => self.names.default_deny(direction, &speaking, init),
        };
        DirectionEntries {
            enforced,
            default_cookie,
            entries: self.entries(direction, merged, &contributions),
            layer7,
            conflicts,
        }
    }

    fn entries(
        &mut self,
        direction: Direction,
        merged: HashMap<PolicyKey, Merged>,
        contributions: &[Contribution<'_>],
    ) -> Vec<(PolicyKey, PolicyEntry)> {
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut merged: Vec<(PolicyKey, Merged)> = merged.into_iter().collect();
        // In order, so that cookies don't depend on the hash map's.
        merged.sort_unstable_by_key(|(key, _)| *key);
        let mut entries = Vec::with_capacity(merged.len());
        for (key, merged) in merged {
            let precedence = merged.precedence.max(redirect::ALLOW);
            let deny = precedence == redirect::DENY;
            let cookie = if merged.contributions.is_empty() {
                COOKIE_ALLOW_LOCALHOST
            } else {
                *known
                    .entry(merged.contributions)
                    .or_insert_with_key(|numbers| {
                        let behind = numbers.iter().map(|n| contributions[*n as usize]);
                        self.names.rules(direction, deny, behind)
                    })
            };
            let entry = PolicyEntry {
                cookie,
                precedence: PRECEDENCE | u32::from(precedence),
                proxy_port: redirect::proxy_port(precedence, self.config.layer7),
                flags: ENTRY_PRESENT | if deny { ENTRY_DENY } else { 0 },
                auth: 0,
            };
            entries.push((key, entry));
        }
        entries
    }

    fn insert(
        &self,
        columns: &Columns<'_>,
        element: &Element,
        slots: &[PeerSlot],
        number: u32,
        merged: &mut HashMap<PolicyKey, Merged>,
    ) {
        for (ports, precedence) in redirect::pieces(element, self.config.layer7.is_some()) {
            let mut add = |key| {
                let slot: &mut Merged = merged.entry(key).or_default();
                let denies = |precedence| precedence == redirect::DENY;
                if denies(precedence) && !denies(slot.precedence) {
                    slot.contributions.clear();
                }
                if denies(precedence) || !denies(slot.precedence) {
                    slot.precedence = slot.precedence.max(precedence);
                    if slot.contributions.last() != Some(&number) {
                        slot.contributions.push(number);
                    }
                }
            };
            self.keys(columns, ports, slots, &mut add);
        }
    }

    /// The keys of peers and ports.
    fn keys(
        &self,
        columns: &Columns<'_>,
        ports: &[Ports],
        slots: &[PeerSlot],
        add: &mut dyn FnMut(PolicyKey),
    ) {
        let direction = columns.direction;
        let egress = match direction {
            Direction::Ingress => 0,
            Direction::Egress => EGRESS,
        };
        let mut add = |identity: u32, (shape, protocol, port): Shape| {
            let key = PolicyKey {
                table: columns.table,
                identity,
                port,
                proto: protocol,
                shape: shape | egress,
            };
            add(key);
        };
        let mut fixed: Vec<Shape> = ports.iter().flat_map(shapes).collect();
        let named: Vec<(u8, &Arc<str>)> = ports
            .iter()
            .filter_map(|ports| match ports {
                Ports::Named { protocol, name } => Some((*protocol, name)),
                Ports::All | Ports::Protocol(_) | Ports::Range { .. } => None,
            })
            .collect();
        let resolve = |ports: &mut dyn Iterator<Item = &NamedPort>| -> Vec<Shape> {
            ports
                .filter(|port| {
                    named
                        .iter()
                        .any(|(protocol, name)| port.protocol == *protocol && port.name == **name)
                })
                .map(|port| (abi::policy::SHAPE_PORT, port.protocol, port.port))
                .collect()
        };
        // On ingress a name is the subject's own port.
        if direction == Direction::Ingress && !named.is_empty() {
            fixed.extend(resolve(&mut columns.owner.ports.iter()));
        }
        for slot in slots {
            match slot {
                PeerSlot::All if columns.wanted(0) => {
                    for shape in &fixed {
                        add(0, *shape);
                    }
                }
                PeerSlot::All => {}
                PeerSlot::Of(id) => columns.each(self.selector_cache.identities(*id), |identity| {
                    for shape in &fixed {
                        add(identity, *shape);
                    }
                }),
            }
            // On egress it is the peer's port, which may differ from peer to peer.
            if direction == Direction::Egress && !named.is_empty() {
                let mut of = |identity: u32| {
                    if let Some(ports) = self.named_ports.get(&Identity(identity)) {
                        for shape in resolve(&mut ports.iter()) {
                            add(identity, shape);
                        }
                    }
                };
                match slot {
                    PeerSlot::Of(id) => columns.each(self.selector_cache.identities(*id), of),
                    PeerSlot::All => self
                        .named_ports
                        .keys()
                        .filter(|identity| columns.wanted(identity.0))
                        .for_each(|identity| of(identity.0)),
                }
            }
        }
    }
}

/// Which part of which table is made.
struct Columns<'a> {
    direction: Direction,
    owner: &'a TableOwner,
    table: u32,
    only: Option<&'a BTreeSet<u32>>,
}

impl Columns<'_> {
    fn wanted(&self, identity: u32) -> bool {
        self.only.is_none_or(|only| only.contains(&identity))
    }

    /// Those of the identities that are wanted.
    fn each(&self, identities: &BTreeSet<Identity>, mut of: impl FnMut(u32)) {
        match self.only {
            Some(only) if only.len() < identities.len() => only
                .iter()
                .filter(|identity| identities.contains(&Identity(**identity)))
                .for_each(|identity| of(*identity)),
            Some(_) | None => identities
                .iter()
                .filter(|identity| self.wanted(identity.0))
                .for_each(|identity| of(identity.0)),
        }
    }
}

/// Shape, protocol and port of a key.
type Shape = (u8, u8, u16);

fn shapes(ports: &Ports) -> Vec<Shape> {
    match ports {
        Ports::All => vec![(SHAPE_ALL, 0, 0)],
        Ports::Protocol(protocol) => vec![(SHAPE_PROTO, *protocol, 0)],
        Ports::Range {
            protocol,
            first,
            last,
        } => portrange::prefixes(*first, *last)
            .into_iter()
            .map(|(port, fixed)| (SHAPE_PROTO + fixed, *protocol, port))
            .collect(),
        Ports::Named { .. } => Vec::new(),
    }
}
