//! What the maps shall hold.

use std::collections::HashMap;

use abi::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6};
use abi::endpoint::Endpoint;
use abi::policy::{PolicyEntry, PolicyKey, Table};

/// Settings of the node; the fields of [`abi::node::Node`] that aren't its revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Ticks between two events of an active connection; 0 = none.
    pub report_every: u32,
    /// Drop events per endpoint, CPU and second; 0 = no limit.
    pub drops_per_second: u32,
    /// [`abi::node::TRACE_PACKETS`].
    pub flags: u32,
}

/// The whole content of the maps. Every value has its `PRESENT` bit.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// Known IPv4 addresses.
    pub addr4: HashMap<Addr4, Addr>,
    /// Known IPv6 addresses.
    pub addr6: HashMap<Addr6, Addr>,
    /// IPv4 prefixes; 0.0.0.0/0 among them. No bits beyond the length.
    pub cidr4: HashMap<Cidr4, Addr>,
    /// IPv6 prefixes; ::/0 among them.
    pub cidr6: HashMap<Cidr6, Addr>,
    /// Pods of the node by endpoint index, 1 to [`abi::endpoint::MAX_ENDPOINTS`] - 1.
    pub endpoints: HashMap<u32, Endpoint>,
    /// Headers of tables by id, 1 to [`abi::policy::MAX_TABLES`] - 1.
    pub tables: HashMap<u32, Table>,
    /// Entries of all tables.
    pub policy: HashMap<PolicyKey, PolicyEntry>,
    /// Settings.
    pub settings: Settings,
}

/// A part of the content: what becomes of some keys (`None`: removed). A key stands at most once.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Known IPv4 addresses.
    pub addr4: HashMap<Addr4, Option<Addr>>,
    /// Known IPv6 addresses.
    pub addr6: HashMap<Addr6, Option<Addr>>,
    /// IPv4 prefixes.
    pub cidr4: HashMap<Cidr4, Option<Addr>>,
    /// IPv6 prefixes.
    pub cidr6: HashMap<Cidr6, Option<Addr>>,
    /// Pods of the node.
    pub endpoints: HashMap<u32, Option<Endpoint>>,
    /// Headers of tables.
    pub tables: HashMap<u32, Option<Table>>,
    /// Entries of tables.
    pub policy: HashMap<PolicyKey, Option<PolicyEntry>>,
    /// Settings, if they change.
    pub settings: Option<Settings>,
}
