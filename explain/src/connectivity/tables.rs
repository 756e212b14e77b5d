//! The tables of all pods of a cluster, cut into columns that can be compared over clusters.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use abi::event::REDIRECTED;
use abi::policy::{EGRESS, ENFORCED, ENTRY_DENY, PolicyEntry, PolicyKey, SHAPE_PROTO};
use cluster::Identity;
use datapath_host::HostMaps;
use policy::layer7::TablePortSets;
use policy::{Cookies, Direction, Reason, TableInput, TableOwner, TableQuery, Tables};
use policy::{compile_tables, decide};

use super::EndDecision;
use super::requests::{RequestInterner, RequestSet, RequestsId, TableRequests};
use crate::cancel::Cancel;
use crate::trace::{KnownIdentities, PolicyContext, RuleNames};

/// Number of a reason, over all clusters; 0 if the rules are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ReasonId(u32);

/// Tables that are compiled together: reasons need numbers meanwhile, of which there are some ten thousand.
const TOGETHER: usize = 1024;

/// An entry without its table and its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct ColumnEntry {
    shape: u8,
    protocol: u8,
    port: u16,
    deny: bool,
    redirected: bool,
    reason: ReasonId,
}

/// What a table holds about a peer: the entries for it and those for anyone, and what holds without an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Column {
    enforced: bool,
    default: ReasonId,
    own: Option<u32>,
    any: Option<u32>,
    /// What its rules of layer 7 say to the peer; 0: there are none.
    requests: u32,
}

/// A direction of a table.
#[derive(Clone, Debug)]
pub(super) struct TableColumns {
    pub(super) enforced: bool,
    pub(super) default: ReasonId,
    /// Lists of entries by identity of the peer, 0: any.
    pub(super) lists: BTreeMap<u32, u32>,
    /// Of the rules of layer 7, if there are some.
    requests: Option<TableRequests>,
}

impl TableColumns {
    /// What the rules of layer 7 say to a peer; 0: there are none.
    pub(super) fn requests(&self, peer: u32) -> u32 {
        let requests = self.requests.as_ref();
        requests.map_or(0, |requests| requests.of(peer))
    }
}

/// What all pods' tables of a cluster hold.
pub(super) struct ClusterTables {
    maps: HostMaps,
    columns: HashMap<(u32, Direction), TableColumns>,
    /// To judge requests by; in place of cookies stand reasons' numbers.
    layer7: TablePortSets,
}

/// Numbers for what occurs many times, the same over all clusters.
#[derive(Default)]
pub(super) struct Interner {
    reasons: Vec<Arc<Reason>>,
    reason_ids: HashMap<Arc<Reason>, ReasonId>,
    lists: Vec<Vec<ColumnEntry>>,
    list_ids: HashMap<Vec<ColumnEntry>, u32>,
    /// Of each list a number that lists with other reasons share.
    list_verdicts: Vec<u32>,
    verdict_ids: HashMap<Vec<ColumnEntry>, u32>,
    requests: RequestInterner,
}

impl Interner {
    fn reason_id(&mut self, reason: &Arc<Reason>) -> ReasonId {
        if let Some(known) = self.reason_ids.get(reason) {
            return *known;
        }
        self.reasons.push(Arc::clone(reason));
        let id = ReasonId(number(self.reasons.len()));
        self.reason_ids.insert(Arc::clone(reason), id);
        id
    }

    pub(super) fn reason(&self, id: ReasonId) -> Option<&Arc<Reason>> {
        self.reasons
            .get(usize::try_from(id.0.checked_sub(1)?).ok()?)
    }

    /// What is let through by this number.
    pub(super) fn requests(&self, id: RequestsId) -> &RequestSet {
        self.requests.get(id)
    }

    fn list_id(&mut self, list: Vec<ColumnEntry>) -> u32 {
        if let Some(known) = self.list_ids.get(&list) {
            return *known;
        }
        let verdicts = list.iter().map(|entry| ColumnEntry {
            reason: ReasonId(0),
            ..*entry
        });
        // 0 is that of no list.
        let next = number(self.verdict_ids.len()) + 1;
        let verdicts = *self.verdict_ids.entry(verdicts.collect()).or_insert(next);
        let id = number(self.lists.len());
        self.list_verdicts.push(verdicts);
        self.lists.push(list.clone());
        self.list_ids.insert(list, id);
        id
    }

    fn list(&self, list: Option<u32>) -> &[ColumnEntry] {
        list.map_or(&[], |list| &self.lists[list as usize])
    }

    /// Which verdicts a list of entries gives, without their reasons.
    pub(super) fn list_verdicts(&self, list: Option<u32>) -> u32 {
        list.map_or(0, |list| self.list_verdicts[list as usize])
    }

    /// Protocol, first and last port of all entries of a column that name ports.
    pub(super) fn ranges(&self, column: Column) -> impl Iterator<Item = (u8, u16, u16)> {
        let entries = self.list(column.own).iter().chain(self.list(column.any));
        let entries = entries.filter_map(|entry| {
            let fixed = entry
                .shape
                .checked_sub(SHAPE_PROTO)
                .filter(|bits| *bits > 0)?;
            // The open bits of an entry's port are 0.
            let open = u16::MAX.checked_shr(fixed.into()).unwrap_or(0);
            Some((entry.protocol, entry.port, entry.port | open))
        });
        entries.chain(self.requests.ranges(column.requests))
    }
}

impl RuleNames for Interner {
    fn reason(&self, cookie: u32) -> Option<&Arc<Reason>> {
        // In place of cookies stand reasons' numbers.
        self.reason(ReasonId(cookie))
    }
}

impl ClusterTables {
    /// Compiles the tables of owners, under their numbers; if it is cancelled not all of them.
    pub(super) fn compile(
        context: &PolicyContext<'_>,
        known: &KnownIdentities,
        owners: &BTreeMap<TableOwner, u32>,
        interner: &mut Interner,
        cancel: &Cancel,
    ) -> Self {
        let mut all = Tables::default();
        let owners: Vec<(&TableOwner, &u32)> = owners.iter().collect();
        for owners in owners.chunks(TOGETHER) {
            if cancel.is_cancelled() {
                break;
            }
            let owners = owners.iter().map(|(owner, id)| ((*owner).clone(), **id));
            let mut cookies = Cookies::default();
            let input = TableInput {
                policies: context.policies(),
                groups: &context.state().cidr_groups,
                identities: &known.identities,
                in_use: &known.in_use,
                named_ports: &known.named_ports,
                owners: &owners.collect(),
                config: context.config(),
            };
            let mut tables = compile_tables(&input, &mut cookies);
            // In place of a cookie, which counts among these alone, stands the reason's number.
            let ids: HashMap<u32, u32> = cookies
                .iter()
                .map(|(cookie, reason)| (cookie, interner.reason_id(reason).0))
                .collect();
            let renumber = |cookie: &mut u32| *cookie = ids.get(cookie).copied().unwrap_or(0);
            for table in tables.tables.values_mut() {
                renumber(&mut table.ingress.default_cookie);
                renumber(&mut table.egress.default_cookie);
            }
            let entries = tables.entries.iter_mut();
            entries.for_each(|(_, entry)| renumber(&mut entry.cookie));
            for sets in tables.layer7.values_mut() {
                let sets = Arc::make_mut(sets).sets.iter_mut();
                let rules = sets.flat_map(|set| &mut set.alternatives);
                rules.for_each(|rule| renumber(&mut rule.rule.0));
            }
            all.layer7.append(&mut tables.layer7);
            all.tables.append(&mut tables.tables);
            all.entries.append(&mut tables.entries);
        }
        Self {
            columns: columns(&all, interner),
            maps: HostMaps::from(&all),
            layer7: all.layer7,
        }
    }

    pub(super) fn of_table(&self, table: u32, direction: Direction) -> Option<&TableColumns> {
        self.columns.get(&(table, direction))
    }

    /// What a table holds about a peer.
    pub(super) fn column(&self, table: u32, direction: Direction, peer: Identity) -> Column {
        let columns = self.of_table(table, direction);
        let list = |identity: u32| columns?.lists.get(&identity).copied();
        Column {
            enforced: columns.is_some_and(|columns| columns.enforced),
            default: columns.map_or(ReasonId(0), |columns| columns.default),
            own: list(peer.0),
            any: list(0),
            requests: columns.map_or(0, |columns| columns.requests(peer.0)),
        }
    }

    /// The rules of layer 7 of all tables.
    pub(super) fn layer7(&self) -> &TablePortSets {
        &self.layer7
    }

    /// The kernel's own lookup.
    pub(super) fn decide(
        &self,
        table: u32,
        direction: Direction,
        peer: Identity,
        protocol: u8,
        port: u16,
        interner: &Interner,
    ) -> EndDecision {
        let query = TableQuery {
            table,
            direction,
            peer,
            protocol,
            port,
        };
        // The numbers in these tables are no cookies.
        let decision = decide(&self.maps, query, &Cookies::default());
        let columns = self.of_table(table, direction);
        let said = columns.map_or(0, |columns| columns.requests(peer.0));
        EndDecision {
            allows: decision.allows(),
            reason: ReasonId(decision.cookie),
            redirected: decision.verdict == REDIRECTED,
            requests: match decision.verdict {
                REDIRECTED => interner.requests.on_port(said, protocol, port),
                _ => RequestsId::default(),
            },
        }
    }
}

fn columns(all: &Tables, interner: &mut Interner) -> HashMap<(u32, Direction), TableColumns> {
    let mut columns: HashMap<(u32, Direction), TableColumns> = HashMap::new();
    for (id, table) in &all.tables {
        for (direction, header) in [
            (Direction::Ingress, &table.ingress),
            (Direction::Egress, &table.egress),
        ] {
            let new = TableColumns {
                enforced: header.flags & ENFORCED != 0,
                default: ReasonId(header.default_cookie),
                lists: BTreeMap::new(),
                requests: all
                    .layer7
                    .get(&(*id, direction))
                    .map(|sets| TableRequests::new(sets, &mut interner.requests)),
            };
            columns.insert((*id, direction), new);
        }
    }
    let mut lists: BTreeMap<(u32, Direction, u32), Vec<ColumnEntry>> = BTreeMap::new();
    for (key, entry) in &all.entries {
        let (direction, entry) = column_entry(key, entry);
        let list = lists
            .entry((key.table, direction, key.identity))
            .or_default();
        list.push(entry);
    }
    for ((table, direction, identity), mut list) in lists {
        list.sort_unstable();
        if let Some(columns) = columns.get_mut(&(table, direction)) {
            columns.lists.insert(identity, interner.list_id(list));
        }
    }
    columns
}

fn column_entry(key: &PolicyKey, entry: &PolicyEntry) -> (Direction, ColumnEntry) {
    let direction = match key.shape & EGRESS {
        0 => Direction::Ingress,
        _ => Direction::Egress,
    };
    let entry = ColumnEntry {
        shape: key.shape & !EGRESS,
        protocol: key.proto,
        port: key.port,
        deny: entry.flags & ENTRY_DENY != 0,
        redirected: entry.proxy_port != 0,
        reason: ReasonId(entry.cookie),
    };
    (direction, entry)
}

/// Of a list in memory.
fn number(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than memory has bytes of four")
}
