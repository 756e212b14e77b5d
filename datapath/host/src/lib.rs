//! A node's maps in ordinary memory: what they shall hold ([`Desired`], [`Changes`]), and maps to run
//! the verdict on the host as it runs in the kernel ([`HostMaps`]): for `policy trace`, replay, tests
//! and fuzzing.
//!
//! Nothing here decides; it only stores. Conntrack here evicts nothing (the kernel's is an LRU).

mod content;

use std::collections::{HashMap, HashSet};

use abi::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6, LOCAL, PRESENT};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use abi::endpoint::{self, Endpoint};
use abi::event::Event;
use abi::node::{Limit, Node, counter};
use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;
use datapath_core::maps::{CtFull, Events, Maps, Proxy};
use datapath_core::policy::Probe;
use datapath_core::shares::Free;
use datapath_core::verdict::{Conclude, Seen};
use datapath_core::{Action, Scratch};

pub use content::{Changes, Desired, Settings};

/// The maps of one node; fields are the maps of [`abi::maps`].
#[derive(Default)]
pub struct HostMaps {
    /// Revision and settings.
    pub node: Node,
    /// Known IPv4 addresses.
    pub addr4: HashMap<Addr4, Staged<Addr>>,
    /// Known IPv6 addresses.
    pub addr6: HashMap<Addr6, Staged<Addr>>,
    /// IPv4 prefixes; bits beyond the length are 0.
    pub cidr4: HashMap<Cidr4, Staged<Addr>>,
    /// IPv6 prefixes; bits beyond the length are 0.
    pub cidr6: HashMap<Cidr6, Staged<Addr>>,
    /// Endpoints by index.
    pub endpoints: HashMap<u32, Staged<Endpoint>>,
    /// Table headers by id.
    pub tables: HashMap<u32, Staged<Table>>,
    /// Policy entries.
    pub policy: HashMap<PolicyKey, Staged<PolicyEntry>>,
    /// IPv4 connections.
    pub ct4: HashMap<CtKey4, CtEntry>,
    /// IPv6 connections.
    pub ct6: HashMap<CtKey6, CtEntry>,
    /// Who holds which place among the IPv4 connections ([`Self::share_out`]).
    pub places4: Vec<CtKey4>,
    /// As `places4`, IPv6.
    pub places6: Vec<CtKey6>,
    /// Endpoint index by interface.
    pub interfaces: HashMap<u32, u32>,
    /// Datagrams whose first fragment was allowed.
    pub frags: HashMap<FragKey, FragEntry>,
    /// What is counted by endpoint.
    pub limits: HashMap<u32, Limit>,
    /// Counters by [`abi::node::counter`].
    pub counters: [u64; counter::COUNT as usize],
    /// Decisions by cookie.
    pub decisions: HashMap<u32, u64>,
    /// Interface by which packets to pods come to this node; 0 = the node itself sends them.
    pub came_by: u32,
    /// Mark of packets to pods ([`abi::proxy`]).
    pub mark: u32,
    /// Where the proxy listens: protocol and port.
    pub listeners: HashSet<(u8, u16)>,
    /// Monotonic time, ns: what both clocks say.
    pub now: u64,
    /// Events in the order in which they were sent.
    pub events: Vec<Event>,
}

impl HostMaps {
    /// Adds a pod of this node: its addresses, its endpoint, at `ifindex` and under `index`.
    pub fn add_pod(&mut self, index: u32, pod: Endpoint, v4: Option<Addr4>, v6: Option<Addr6>) {
        let addr = Addr {
            identity: pod.identity,
            endpoint: index,
            flags: PRESENT | LOCAL,
            ..Addr::default()
        };
        if let Some(v4) = v4 {
            self.addr4.insert(v4, Staged::steady(addr));
        }
        if let Some(v6) = v6 {
            self.addr6.insert(v6, Staged::steady(addr));
        }
        self.interfaces.insert(pod.ifindex, index);
        let pod = Endpoint {
            flags: endpoint::PRESENT,
            ..pod
        };
        self.endpoints.insert(index, Staged::steady(pod));
    }

    /// Gives connections this many places per family (a power of two): from now on pods have shares.
    pub fn share_out(&mut self, places: u32) {
        self.node.places4 = places;
        self.node.places6 = places;
        self.places4 = vec![CtKey4::default(); places as usize];
        self.places6 = vec![CtKey6::default(); places as usize];
    }

    /// Judges a frame that a pod sent.
    pub fn from_pod(&mut self, frame: &[u8], ifindex: u32) -> Action {
        let seen = Seen {
            ifindex,
            came_by: ifindex,
            mark: 0,
            now: self.now,
        };
        datapath_core::from_pod(&frame, self, &mut Scratch::default(), seen)
    }

    /// Judges a frame on its way to a pod.
    pub fn to_pod(&mut self, frame: &[u8], ifindex: u32) -> Action {
        let seen = Seen {
            ifindex,
            came_by: self.came_by,
            mark: self.mark,
            now: self.now,
        };
        datapath_core::to_pod(&frame, self, &mut Scratch::default(), seen)
    }
}

/// An IPv4 address as the maps hold it.
pub fn addr4(octets: [u8; 4]) -> Addr4 {
    u32::from_ne_bytes(octets)
}

/// An IPv6 address as the maps hold it.
pub fn addr6(octets: [u8; 16]) -> Addr6 {
    let (words, _) = octets.as_chunks::<4>();
    let mut addr = [0; 4];
    for (word, bytes) in addr.iter_mut().zip(words) {
        *word = u32::from_ne_bytes(*bytes);
    }
    addr
}

fn masked(words: Addr6, length: u32) -> Addr6 {
    let mut left = length;
    words.map(|word| {
        let bits = left.min(32);
        left -= bits;
        let mask = if bits == 0 {
            0
        } else {
            u32::MAX << (32 - bits)
        };
        word & mask.to_be()
    })
}

impl Maps for HostMaps {
    fn node(&self) -> &Node {
        &self.node
    }

    fn addr4(&self, addr: Addr4) -> Option<&Staged<Addr>> {
        self.addr4.get(&addr)
    }

    fn addr6(&self, addr: &Addr6) -> Option<&Staged<Addr>> {
        self.addr6.get(addr)
    }

    fn cidr4(&self, addr: Addr4) -> Option<&Staged<Addr>> {
        (0..=32).rev().find_map(|prefix_len| {
            let addr = masked([addr, 0, 0, 0], prefix_len)[0];
            self.cidr4.get(&Cidr4 { prefix_len, addr })
        })
    }

    fn cidr6(&self, addr: &Addr6) -> Option<&Staged<Addr>> {
        (0..=128).rev().find_map(|prefix_len| {
            self.cidr6.get(&Cidr6 {
                prefix_len,
                addr: masked(*addr, prefix_len),
            })
        })
    }

    fn endpoint(&self, index: u32) -> Option<&Staged<Endpoint>> {
        self.endpoints.get(&index)
    }

    fn table(&self, id: u32) -> Option<&Staged<Table>> {
        self.tables.get(&id)
    }

    fn policy(&self, key: &PolicyKey) -> Option<&Staged<PolicyEntry>> {
        self.policy.get(key)
    }

    fn ct4(&mut self, key: &CtKey4) -> Option<&mut CtEntry> {
        self.ct4.get_mut(key)
    }

    fn ct6(&mut self, key: &CtKey6) -> Option<&mut CtEntry> {
        self.ct6.get_mut(key)
    }

    fn ct4_insert(&mut self, key: &CtKey4, entry: &CtEntry) -> Result<(), CtFull> {
        self.ct4.insert(*key, *entry);
        Ok(())
    }

    fn ct6_insert(&mut self, key: &CtKey6, entry: &CtEntry) -> Result<(), CtFull> {
        self.ct6.insert(*key, *entry);
        Ok(())
    }

    fn ct4_remove(&mut self, key: &CtKey4) {
        self.ct4.remove(key);
    }

    fn ct6_remove(&mut self, key: &CtKey6) {
        self.ct6.remove(key);
    }

    fn place4(&mut self, index: u32) -> Option<&mut CtKey4> {
        self.places4.get_mut(index as usize)
    }

    fn place6(&mut self, index: u32) -> Option<&mut CtKey6> {
        self.places6.get_mut(index as usize)
    }

    fn frag(&self, key: &FragKey) -> Option<&FragEntry> {
        self.frags.get(key)
    }

    fn frag_insert(&mut self, key: &FragKey, entry: &FragEntry) {
        self.frags.insert(*key, *entry);
    }

    fn interface(&self, ifindex: u32) -> u32 {
        self.interfaces.get(&ifindex).copied().unwrap_or(0)
    }

    fn limit(&mut self, endpoint: u32) -> Option<&mut Limit> {
        Some(self.limits.entry(endpoint).or_default())
    }

    fn count(&mut self, counter: u32) {
        if let Some(cell) = self.counters.get_mut(counter as usize) {
            *cell += 1;
        }
    }

    fn decided(&mut self, cookie: u32) {
        *self.decisions.entry(cookie).or_default() += 1;
    }

    fn exact_now(&self) -> u64 {
        self.now
    }
}

impl Proxy for HostMaps {
    fn listens(&self, _ipv6: bool, proto: u8, port: u16) -> bool {
        self.listeners.contains(&(proto, port))
    }
}

impl Probe for HostMaps {}
impl Free for HostMaps {}
impl Conclude for HostMaps {}

impl Events for HostMaps {
    fn emit(&mut self, event: &Event) {
        self.count(counter::EVENTS_ATTEMPTED);
        self.events.push(*event);
    }
}
