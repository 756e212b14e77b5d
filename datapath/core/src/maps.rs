//! What surrounds the verdict: the maps, the exact clock, and the way out for events.

use abi::addr::{Addr, Addr4, Addr6};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use abi::endpoint::Endpoint;
use abi::event::Event;
use abi::node::{Limit, Node};
use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;

/// The conntrack table had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtFull;

/// Maps of one node. In the kernel these are eBPF maps, on the host `flows-datapath-host`.
pub trait Maps {
    /// Revision and settings.
    fn node(&self) -> &Node;
    /// A known IPv4 address.
    fn addr4(&self, addr: Addr4) -> Option<&Staged<Addr>>;
    /// A known IPv6 address.
    fn addr6(&self, addr: &Addr6) -> Option<&Staged<Addr>>;
    /// Longest IPv4 prefix that covers the address.
    fn cidr4(&self, addr: Addr4) -> Option<&Staged<Addr>>;
    /// Longest IPv6 prefix that covers the address.
    fn cidr6(&self, addr: &Addr6) -> Option<&Staged<Addr>>;
    /// An endpoint by index.
    fn endpoint(&self, index: u32) -> Option<&Staged<Endpoint>>;
    /// A table's header by id.
    fn table(&self, id: u32) -> Option<&Staged<Table>>;
    /// A policy entry.
    fn policy(&self, key: &PolicyKey) -> Option<&Staged<PolicyEntry>>;
    /// A connection.
    fn ct4(&mut self, key: &CtKey4) -> Option<&mut CtEntry>;
    /// A connection.
    fn ct6(&mut self, key: &CtKey6) -> Option<&mut CtEntry>;
    /// Inserts or replaces a connection.
    ///
    /// # Errors
    /// [`CtFull`] if nothing could be evicted.
    fn ct4_insert(&mut self, key: &CtKey4, entry: &CtEntry) -> Result<(), CtFull>;
    /// Inserts or replaces a connection.
    ///
    /// # Errors
    /// [`CtFull`] if nothing could be evicted.
    fn ct6_insert(&mut self, key: &CtKey6, entry: &CtEntry) -> Result<(), CtFull>;
    /// Removes a connection, if it is there.
    fn ct4_remove(&mut self, key: &CtKey4);
    /// Removes a connection, if it is there.
    fn ct6_remove(&mut self, key: &CtKey6);
    /// Who holds a place among the IPv4 connections; all zero = nobody.
    fn place4(&mut self, index: u32) -> Option<&mut CtKey4>;
    /// Who holds a place among the IPv6 connections.
    fn place6(&mut self, index: u32) -> Option<&mut CtKey6>;
    /// A datagram whose first fragment was allowed.
    fn frag(&self, key: &FragKey) -> Option<&FragEntry>;
    /// Remembers a datagram by its first fragment.
    fn frag_insert(&mut self, key: &FragKey, entry: &FragEntry);
    /// Index of the endpoint whose veth an interface is; 0 = nobody's.
    fn interface(&self, ifindex: u32) -> u32;
    /// What this CPU counts of an endpoint.
    fn limit(&mut self, endpoint: u32) -> Option<&mut Limit>;
    /// Adds one to a counter ([`abi::node::counter`]).
    fn count(&mut self, counter: u32);
    /// Adds one to the decisions of a rule.
    fn decided(&mut self, cookie: u32);
    /// The exact monotonic clock, ns. Read once per event.
    fn exact_now(&self) -> u64;
}

/// The node's layer-7 proxy.
pub trait Proxy {
    /// Whether something listens at this port of the node for packets of this protocol.
    fn listens(&self, ipv6: bool, proto: u8, port: u16) -> bool;
}

/// Maps, the proxy, and the way out for events.
pub trait Events: Maps + Proxy {
    /// Sends an event and counts the attempt and its failure.
    fn emit(&mut self, event: &Event);
}
