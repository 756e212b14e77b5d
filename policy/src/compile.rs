//! Rules into tables.
//!
//! Every rule's entries are inserted as they are; which of several entries counts is decided by the
//! lookup. Only where two rules give the same key they are merged: a deny wins, and the cookie names
//! all rules that said the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use abi::policy::{
    COOKIE_ALLOW_ANY_EGRESS, COOKIE_ALLOW_ANY_INGRESS, COOKIE_ALLOW_LOCALHOST, COOKIE_NONE,
    Direction as Header, EGRESS, ENFORCED, ENTRY_DENY, ENTRY_PRESENT, HAS_DENY, PolicyEntry,
    PolicyKey, SHAPE_ALL, SHAPE_PROTO, TABLE_PRESENT, Table,
};
use cluster::{CidrGroup, Identities, Identity, ObjectName};

use crate::config::{Config, Mode};
use crate::cookies::{Cookies, NamedPort, TableOwner};
use crate::index::Index;
use crate::portrange;
use crate::reason::{Direction, Origin, Reason, ReasonKind};
use crate::rule::{Element, Peer, Policy, Ports, Rule};

/// Precedence of an entry at priority 0, as in Cilium's policy map: the low byte tells a deny (255) from
/// a plain allow (1).
const PRECEDENCE: u32 = 0x00ff_ffff << 8;
const PRECEDENCE_DENY: u32 = PRECEDENCE | 255;
const PRECEDENCE_ALLOW: u32 = PRECEDENCE | 1;

/// What tables are made from.
pub struct Input<'a> {
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
    /// Reasons for which no cookie was left: their entries have cookie 0.
    pub unnamed: usize,
}

/// Compiles the tables of all owners.
pub fn compile(input: &Input<'_>, cookies: &mut Cookies) -> Tables {
    let mut index = Index::new(input.identities, input.in_use, input.groups);
    let mut subjects: BTreeMap<Identity, Vec<Selecting<'_>>> = input
        .owners
        .keys()
        .map(|owner| (Identity(owner.identity), Vec::new()))
        .collect();
    for policy in input.policies.values() {
        for (number, rule) in policy.rules.iter().enumerate() {
            for identity in index.select(&rule.subject).iter() {
                // Rules for pods never apply to the node itself.
                if identity.0 != abi::identity::HOST
                    && let Some(rules) = subjects.get_mut(identity)
                {
                    rules.push(Selecting {
                        policy,
                        rule,
                        number,
                    });
                }
            }
        }
    }
    let mut compiler = TableCompiler {
        input,
        index,
        names: Names {
            cookies,
            known: HashMap::new(),
            unnamed: 0,
        },
        entries: Vec::new(),
    };
    let mut tables = BTreeMap::new();
    for (owner, id) in input.owners {
        let rules = &subjects[&Identity(owner.identity)];
        let table = Table {
            ingress: compiler.direction(Direction::Ingress, owner, *id, rules),
            egress: compiler.direction(Direction::Egress, owner, *id, rules),
            flags: TABLE_PRESENT,
            reserved: 0,
        };
        tables.insert(*id, table);
    }
    let mut entries = compiler.entries;
    entries.sort_unstable_by_key(|(key, _)| *key);
    Tables {
        tables,
        entries,
        unnamed: compiler.names.unnamed,
    }
}

/// A rule that selects the owner of a table.
#[derive(Clone, Copy)]
struct Selecting<'a> {
    policy: &'a Policy,
    rule: &'a Rule,
    /// Its place among the policy's rules.
    number: usize,
}

/// An element of a rule, by address: rules outlive the compilation.
type Contribution<'a> = (Selecting<'a>, &'a Element);

/// What rules say on one key.
#[derive(Default)]
struct Merged {
    deny: bool,
    /// Indices of contributions, those of denies only if one denies.
    contributions: Vec<u32>,
}

struct TableCompiler<'i, 'a, 'c> {
    input: &'i Input<'a>,
    index: Index<'a>,
    names: Names<'c>,
    entries: Vec<(PolicyKey, PolicyEntry)>,
}

impl TableCompiler<'_, '_, '_> {
    fn direction(
        &mut self,
        direction: Direction,
        owner: &TableOwner,
        table: u32,
        rules: &[Selecting<'_>],
    ) -> Header {
        let config = self.input.config;
        let speaking: Vec<Selecting<'_>> = rules
            .iter()
            .filter(|selecting| {
                config.mode != Mode::Never && selecting.rule.statement(direction).is_some()
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
                    .filter_map(|selecting| selecting.rule.statement(direction))
                    .any(|statement| statement.default_deny)
            }
        };
        let contributions: Vec<Contribution<'_>> = speaking
            .iter()
            .flat_map(|selecting| {
                let statement = selecting.rule.statement(direction);
                let elements = statement.map(|s| s.elements.as_slice()).unwrap_or_default();
                elements.iter().map(|element| (*selecting, element))
            })
            .collect();
        let mut merged: HashMap<PolicyKey, Merged> = HashMap::new();
        for (number, (_, element)) in contributions.iter().enumerate() {
            let number = u32::try_from(number).expect("fewer rule elements than memory has bytes");
            self.insert(direction, owner, table, element, number, &mut merged);
        }
        if enforced && direction == Direction::Ingress && config.allow_localhost {
            let key = PolicyKey {
                table,
                identity: abi::identity::HOST,
                shape: SHAPE_ALL,
                ..PolicyKey::default()
            };
            // Rules that say the same keep their name on it.
            merged.entry(key).or_default();
        }

        let mut header = Header {
            flags: if enforced { ENFORCED } else { 0 },
            default_cookie: match (enforced, direction) {
                (false, Direction::Ingress) => COOKIE_ALLOW_ANY_INGRESS,
                (false, Direction::Egress) => COOKIE_ALLOW_ANY_EGRESS,
                (true, direction) => self.names.default_deny(direction, &speaking, init),
            },
            ..Header::default()
        };
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut merged: Vec<(PolicyKey, Merged)> = merged.into_iter().collect();
        // In order, so that cookies don't depend on the hash map's.
        merged.sort_unstable_by_key(|(key, _)| *key);
        for (key, merged) in merged {
            let shape = 1 << (key.shape & !EGRESS);
            if key.identity == 0 {
                header.any_shapes |= shape;
            } else {
                header.peer_shapes |= shape;
            }
            if merged.deny {
                header.flags |= HAS_DENY;
            }
            let cookie = if merged.contributions.is_empty() {
                COOKIE_ALLOW_LOCALHOST
            } else {
                *known
                    .entry(merged.contributions)
                    .or_insert_with_key(|numbers| {
                        let behind = numbers.iter().map(|n| contributions[*n as usize]);
                        self.names.rules(direction, merged.deny, behind)
                    })
            };
            self.entries.push((
                key,
                PolicyEntry {
                    cookie,
                    precedence: if merged.deny {
                        PRECEDENCE_DENY
                    } else {
                        PRECEDENCE_ALLOW
                    },
                    proxy_port: 0,
                    flags: ENTRY_PRESENT | if merged.deny { ENTRY_DENY } else { 0 },
                    auth: 0,
                },
            ));
        }
        header
    }

    fn insert(
        &mut self,
        direction: Direction,
        owner: &TableOwner,
        table: u32,
        element: &Element,
        number: u32,
        merged: &mut HashMap<PolicyKey, Merged>,
    ) {
        let egress = match direction {
            Direction::Ingress => 0,
            Direction::Egress => EGRESS,
        };
        let mut add = |identity: u32, (shape, protocol, port): Shape| {
            let key = PolicyKey {
                table,
                identity,
                port,
                proto: protocol,
                shape: shape | egress,
            };
            let slot = merged.entry(key).or_default();
            if element.deny && !slot.deny {
                slot.deny = true;
                slot.contributions.clear();
            }
            if element.deny == slot.deny && slot.contributions.last() != Some(&number) {
                slot.contributions.push(number);
            }
        };
        let fixed: Vec<Shape> = element.ports.iter().flat_map(shapes).collect();
        let named: Vec<(u8, &Arc<str>)> = element
            .ports
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
        let own = match direction {
            Direction::Ingress if !named.is_empty() => resolve(&mut owner.ports.iter()),
            Direction::Ingress | Direction::Egress => Vec::new(),
        };
        for peer in &element.peers {
            if *peer == Peer::All {
                for shape in fixed.iter().chain(&own) {
                    add(0, *shape);
                }
            } else {
                for identity in self.index.peer(peer).iter() {
                    for shape in fixed.iter().chain(&own) {
                        add(identity.0, *shape);
                    }
                }
            }
            // On egress it is the peer's port, which may differ from peer to peer.
            if direction == Direction::Egress && !named.is_empty() {
                let identities = self.index.peer(peer);
                for identity in identities.iter() {
                    if let Some(ports) = self.input.named_ports.get(identity) {
                        for shape in resolve(&mut ports.iter()) {
                            add(identity.0, shape);
                        }
                    }
                }
            }
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

/// Gives reasons their cookies.
struct Names<'c> {
    cookies: &'c mut Cookies,
    /// Texts of default denies, by direction and the rules that select.
    known: HashMap<(Direction, Vec<(ObjectName, usize)>), u32>,
    unnamed: usize,
}

impl Names<'_> {
    fn cookie(&mut self, reason: Reason) -> u32 {
        self.cookies.of(reason).unwrap_or_else(|| {
            self.unnamed += 1;
            COOKIE_NONE
        })
    }

    fn rules<'r>(
        &mut self,
        direction: Direction,
        deny: bool,
        behind: impl Iterator<Item = Contribution<'r>>,
    ) -> u32 {
        let verb = if deny { "denies" } else { "allows" };
        let mut origins: Vec<Origin> = behind
            .map(|(selecting, element)| Origin {
                policy: selecting.policy.name.clone(),
                uid: selecting.policy.uid.clone(),
                version: Arc::clone(&selecting.policy.version),
                rule: Arc::clone(&element.path),
                text: format!("{verb} {}", element.text).into(),
            })
            .collect();
        origins.sort();
        origins.dedup();
        let kind = if deny {
            ReasonKind::Deny
        } else {
            ReasonKind::Allow
        };
        self.cookie(Reason {
            direction,
            kind,
            origins,
        })
    }

    fn default_deny(
        &mut self,
        direction: Direction,
        speaking: &[Selecting<'_>],
        init: bool,
    ) -> u32 {
        let key = speaking
            .iter()
            .map(|selecting| (selecting.policy.name.clone(), selecting.number))
            .collect();
        let key = (direction, key);
        if let Some(cookie) = self.known.get(&key)
            && !speaking.is_empty()
        {
            return *cookie;
        }
        let mut by_policy: BTreeMap<&ObjectName, Vec<Selecting<'_>>> = BTreeMap::new();
        for selecting in speaking {
            by_policy
                .entry(&selecting.policy.name)
                .or_default()
                .push(*selecting);
        }
        let origins: Vec<Origin> = by_policy
            .into_values()
            .map(|rules| selects(direction, &rules))
            .collect();
        let kind = match (origins.is_empty(), init) {
            (false, _) => ReasonKind::DefaultDeny,
            (true, true) => ReasonKind::Init,
            (true, false) => ReasonKind::AlwaysEnforced,
        };
        let cookie = self.cookie(Reason {
            direction,
            kind,
            origins,
        });
        self.known.insert(key, cookie);
        cookie
    }
}

/// Allowances that a summary spells out before it counts the rest.
const SPELLED_OUT: usize = 4;

/// One policy's part in a default deny: what it allows.
fn selects(direction: Direction, rules: &[Selecting<'_>]) -> Origin {
    let policy = rules[0].policy;
    let allows: Vec<&str> = rules
        .iter()
        .filter_map(|selecting| selecting.rule.statement(direction))
        .flat_map(|statement| &statement.elements)
        .filter(|element| !element.deny && !element.peers.is_empty() && !element.ports.is_empty())
        .map(|element| &*element.text)
        .collect();
    let mut text = String::from("allows ");
    if allows.is_empty() {
        text.push_str("nothing");
    } else {
        text.push_str(&allows[..allows.len().min(SPELLED_OUT)].join(" and "));
        if allows.len() > SPELLED_OUT {
            text.push_str(&format!(" and {} more", allows.len() - SPELLED_OUT));
        }
    }
    let paths: Vec<&str> = rules
        .iter()
        .map(|selecting| &*selecting.rule.path)
        .collect();
    Origin {
        policy: policy.name.clone(),
        uid: policy.uid.clone(),
        version: Arc::clone(&policy.version),
        rule: paths.join(", ").into(),
        text: text.into(),
    }
}
