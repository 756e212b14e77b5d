//! The kernel's own lookup on the host: the tables in the maps of the host's memory.

use std::sync::Arc;

use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;
use cluster::Identity;
use datapath_core::policy::PolicyLookup;
use datapath_host::HostMaps;

use crate::attribution::{Direction, Reason};
use crate::cookies::Cookies;
use crate::output::Compiled;
use crate::table::Tables;

/// What is asked of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableQuery {
    /// Table of the pod that is judged.
    pub table: u32,
    /// Which way, seen from that pod.
    pub direction: Direction,
    /// Identity of the other side.
    pub peer: Identity,
    /// IP protocol number.
    pub protocol: u8,
    /// Destination port; ICMP: type.
    pub port: u16,
}

/// The answer, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// As the kernel says it: [`abi::event::FORWARDED`], [`abi::event::REDIRECTED`] or the drop reason
    /// ([`abi::reason`]).
    pub verdict: u8,
    /// [`abi::policy::match_type`].
    pub match_type: u8,
    /// The cookie behind it.
    pub cookie: u32,
    /// What the cookie names; `None` if no cookie was left for it, or there is no such table.
    pub reason: Option<Arc<Reason>>,
}

impl Decision {
    /// The packet goes on.
    pub fn allows(&self) -> bool {
        matches!(self.verdict, abi::event::FORWARDED | abi::event::REDIRECTED)
    }
}

/// What the kernel would decide with these tables, and the rules behind it. Asks no addresses and no
/// connections.
pub fn decide(maps: &HostMaps, query: TableQuery, cookies: &Cookies) -> Decision {
    let mut lookup = PolicyLookup::default();
    lookup.query = datapath_core::policy::PolicyQuery {
        revision: maps.node.revision,
        table: query.table,
        peer: query.peer.0,
        port: query.port,
        proto: query.protocol,
        egress: query.direction == Direction::Egress,
    };
    datapath_core::policy::decide(maps, &mut lookup);
    Decision {
        verdict: lookup.decision.verdict,
        match_type: lookup.decision.match_type,
        cookie: lookup.decision.cookie,
        reason: cookies.resolve(lookup.decision.cookie).cloned(),
    }
}

/// Maps that hold tables and their entries, and nothing else.
fn only_tables<'a>(
    tables: impl IntoIterator<Item = (&'a u32, &'a Table)>,
    entries: impl IntoIterator<Item = (&'a PolicyKey, &'a PolicyEntry)>,
) -> HostMaps {
    HostMaps {
        tables: tables
            .into_iter()
            .map(|(id, table)| (*id, Staged::steady(*table)))
            .collect(),
        policy: entries
            .into_iter()
            .map(|(key, entry)| (*key, Staged::steady(*entry)))
            .collect(),
        ..HostMaps::default()
    }
}

impl From<&Tables> for HostMaps {
    fn from(tables: &Tables) -> Self {
        only_tables(
            &tables.tables,
            tables.entries.iter().map(|(key, entry)| (key, entry)),
        )
    }
}

impl From<&Compiled> for HostMaps {
    fn from(compiled: &Compiled) -> Self {
        only_tables(&compiled.tables, &compiled.entries)
    }
}
