//! The kernel's own lookup on the host: the tables behind the interface of the kernel's maps.

use std::collections::HashMap;
use std::sync::Arc;

use abi::addr::{Addr, Addr4, Addr6};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragKey, FragPorts};
use abi::endpoint::Endpoint;
use abi::event::Event;
use abi::node::{Limit, Node};
use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;
use cluster::Identity;
use datapath_core::maps::CtFull;
use datapath_core::policy::{Judging, decide};

use crate::compiled::Compiled;
use crate::cookies::Cookies;
use crate::reason::{Direction, Reason};

/// What is asked of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
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

/// Tables as the kernel's lookup wants them. Knows no addresses and no connections.
#[derive(Clone, Debug)]
pub struct HostMaps {
    node: Node,
    tables: HashMap<u32, Staged<Table>>,
    entries: HashMap<PolicyKey, Staged<PolicyEntry>>,
}

impl HostMaps {
    /// The maps that hold these tables and entries.
    pub fn new<'a>(
        tables: impl IntoIterator<Item = (&'a u32, &'a Table)>,
        entries: impl IntoIterator<Item = &'a (PolicyKey, PolicyEntry)>,
    ) -> Self {
        Self {
            node: Node::default(),
            tables: tables
                .into_iter()
                .map(|(id, table)| (*id, Staged::steady(*table)))
                .collect(),
            entries: entries
                .into_iter()
                .map(|(key, entry)| (*key, Staged::steady(*entry)))
                .collect(),
        }
    }

    /// What the kernel would decide, and the rules behind it.
    pub fn decide(&self, question: Question, cookies: &Cookies) -> Decision {
        let mut judging = Judging::default();
        judging.question = datapath_core::policy::Question {
            revision: 0,
            table: question.table,
            peer: question.peer.0,
            port: question.port,
            proto: question.protocol,
            egress: question.direction == Direction::Egress,
        };
        decide(self, &mut judging);
        Decision {
            verdict: judging.decision.verdict,
            match_type: judging.decision.match_type,
            cookie: judging.decision.cookie,
            reason: cookies.resolve(judging.decision.cookie).cloned(),
        }
    }
}

impl From<&Compiled> for HostMaps {
    fn from(compiled: &Compiled) -> Self {
        Self::new(&compiled.tables, &compiled.entries)
    }
}

impl datapath_core::Maps for HostMaps {
    fn node(&self) -> &Node {
        &self.node
    }

    fn addr4(&self, _: Addr4) -> Option<&Staged<Addr>> {
        None
    }

    fn addr6(&self, _: &Addr6) -> Option<&Staged<Addr>> {
        None
    }

    fn cidr4(&self, _: Addr4) -> Option<&Staged<Addr>> {
        None
    }

    fn cidr6(&self, _: &Addr6) -> Option<&Staged<Addr>> {
        None
    }

    fn endpoint(&self, _: u32) -> Option<&Staged<Endpoint>> {
        None
    }

    fn table(&self, id: u32) -> Option<&Staged<Table>> {
        self.tables.get(&id)
    }

    fn policy(&self, key: &PolicyKey) -> Option<&Staged<PolicyEntry>> {
        self.entries.get(key)
    }

    fn ct4(&mut self, _: &CtKey4) -> Option<&mut CtEntry> {
        None
    }

    fn ct6(&mut self, _: &CtKey6) -> Option<&mut CtEntry> {
        None
    }

    fn ct4_insert(&mut self, _: &CtKey4, _: &CtEntry) -> Result<(), CtFull> {
        Err(CtFull)
    }

    fn ct6_insert(&mut self, _: &CtKey6, _: &CtEntry) -> Result<(), CtFull> {
        Err(CtFull)
    }

    fn frag(&self, _: &FragKey) -> Option<FragPorts> {
        None
    }

    fn frag_insert(&mut self, _: &FragKey, _: FragPorts) {}

    fn limit(&mut self, _: u32) -> Option<&mut Limit> {
        None
    }

    fn count(&mut self, _: u32) {}

    fn decided(&mut self, _: u32) {}

    fn exact_now(&self) -> u64 {
        0
    }

    fn emit(&mut self, _: &Event) {}
}
