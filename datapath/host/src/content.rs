//! The content of a node's maps as plain data: what they shall hold, whole or as changes. Who makes it
//! need not know how it gets into the kernel, and who brings it there need not know why it is so.

use std::collections::HashMap;
use std::hash::Hash;

use abi::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6};
use abi::endpoint::Endpoint;
use abi::maps;
use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;

use crate::HostMaps;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

impl From<&Desired> for HostMaps {
    /// Maps with this content, all of it in force. Time is 0: set it before conntrack is used.
    fn from(desired: &Desired) -> Self {
        let mut maps = Self {
            addr4: steady(&maps::ADDR4, &desired.addr4),
            addr6: steady(&maps::ADDR6, &desired.addr6),
            cidr4: steady(&maps::CIDR4, &desired.cidr4),
            cidr6: steady(&maps::CIDR6, &desired.cidr6),
            endpoints: steady(&maps::ENDPOINTS, &desired.endpoints),
            interfaces: desired
                .endpoints
                .iter()
                .map(|(index, pod)| (pod.ifindex, *index))
                .collect(),
            tables: steady(&maps::TABLES, &desired.tables),
            policy: steady(&maps::POLICY, &desired.policy),
            ..Self::default()
        };
        maps.node.report_every = desired.settings.report_every;
        maps.node.drops_per_second = desired.settings.drops_per_second;
        maps.node.flags = desired.settings.flags;
        maps
    }
}

/// What a map holds with this content in force; its types are those of the declaration.
fn steady<K: Copy + Eq + Hash, V: Copy>(
    _: &maps::Map<K, Staged<V>>,
    content: &HashMap<K, V>,
) -> HashMap<K, Staged<V>> {
    content
        .iter()
        .map(|(key, value)| (*key, Staged::steady(*value)))
        .collect()
}
