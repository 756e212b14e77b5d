//! What comes out: everything a node's maps should hold, and what the numbers in it mean.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use abi::policy::{PolicyEntry, PolicyKey, Table};
use cluster::{Identities, Identity, NamespacedName, ObjectName, Problem};
use ipnet::IpNet;

use crate::attribution::Direction;
use crate::cookies::Cookies;
use crate::layer7::{self, TablePortSets};

/// Policy, addresses and names for one node, all from one snapshot of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// Generation of the cluster's state that it was made from.
    pub generation: u64,
    /// Headers by table id.
    pub tables: BTreeMap<u32, Table>,
    /// Entries of all tables.
    pub entries: BTreeMap<PolicyKey, PolicyEntry>,
    /// The node's own pods that have an address.
    pub endpoints: BTreeMap<NamespacedName, Endpoint>,
    /// Known addresses of the cluster: pods of all nodes, and nodes.
    pub addresses: BTreeMap<IpAddr, Address>,
    /// Prefixes and their identities: those that policies name, the nodes' pod ranges, and the world.
    pub prefixes: BTreeMap<IpNet, Identity>,
    /// What the cookies name, those of earlier snapshots included.
    pub cookies: Arc<Cookies>,
    /// Labels of all identities, those of earlier snapshots included.
    pub identities: Arc<Identities>,
    /// Policies that are in force, in this or in their last good form.
    pub policies: BTreeMap<ObjectName, AppliedPolicy>,
    /// What is judged of what entries redirect to the proxy, by table and direction.
    pub layer7: TablePortSets,
    /// What is wrong with policies: refused ones, and what couldn't be given a number.
    pub problems: Vec<Problem>,
}

impl Compiled {
    /// Of nothing, but with the numbers that were given earlier.
    pub(crate) fn empty(cookies: Arc<Cookies>, identities: Arc<Identities>) -> Self {
        Self {
            generation: 0,
            tables: BTreeMap::new(),
            entries: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            addresses: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            cookies,
            identities,
            policies: BTreeMap::new(),
            layer7: TablePortSets::new(),
            problems: Vec::new(),
        }
    }

    /// The rules of layer 7 for the node's proxy, as one. An endpoint is what has a table: the table's number.
    /// `revision` is the caller's: names that are learned change the rules, too, and not the generation.
    pub fn layer7_snapshot(&self, revision: u64) -> l7::rules::Snapshot {
        layer7::snapshot(&self.layer7, revision)
    }
}

/// What a change touched: the keys under which [`Compiled`] may say something else than before. A
/// superset of what differs, and small where the change is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// Everything: it was compiled from nothing.
    pub all: bool,
    /// Keys of [`Compiled::tables`].
    pub tables: BTreeSet<u32>,
    /// Keys of [`Compiled::entries`].
    pub entries: BTreeSet<PolicyKey>,
    /// Keys of [`Compiled::endpoints`].
    pub endpoints: BTreeSet<NamespacedName>,
    /// Keys of [`Compiled::addresses`].
    pub addresses: BTreeSet<IpAddr>,
    /// Keys of [`Compiled::prefixes`].
    pub prefixes: BTreeSet<IpNet>,
    /// Keys of [`Compiled::layer7`].
    pub layer7: BTreeSet<(u32, Direction)>,
}

impl ChangeSet {
    /// What this and a later change touched together.
    pub fn extend(&mut self, later: &Self) {
        self.all |= later.all;
        self.tables.extend(&later.tables);
        self.entries.extend(&later.entries);
        self.endpoints.extend(later.endpoints.iter().cloned());
        self.addresses.extend(&later.addresses);
        self.prefixes.extend(&later.prefixes);
        self.layer7.extend(&later.layer7);
    }
}

/// How a policy came to be in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedPolicy {
    /// Version that is in force.
    pub version: Arc<str>,
    /// The present version was refused: this is the last good one.
    pub stale: bool,
}

/// A pod of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Identity of its labels.
    pub identity: Identity,
    /// Its table in [`Compiled::tables`]; 0 (no table: everything is dropped) if none was left.
    pub table: u32,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
}

/// Whose an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Identity.
    pub identity: Identity,
    /// The pod; `None` for a node's address.
    pub pod: Option<NamespacedName>,
    /// It belongs to this node or one of its pods.
    pub local: bool,
}
