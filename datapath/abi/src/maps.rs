//! Names of the maps in the object and in the bpffs, and their sizes.

/// Hash: [`crate::addr::Addr4`] -> `Staged<Addr>`.
pub const ADDR4: &str = "ADDR4";
/// Hash: [`crate::addr::Addr6`] -> `Staged<Addr>`.
pub const ADDR6: &str = "ADDR6";
/// LPM trie: [`crate::addr::Cidr4`] -> `Staged<Addr>`. Always holds 0.0.0.0/0.
pub const CIDR4: &str = "CIDR4";
/// LPM trie: [`crate::addr::Cidr6`] -> `Staged<Addr>`. Always holds ::/0.
pub const CIDR6: &str = "CIDR6";
/// Array: endpoint index -> `Staged<Endpoint>`.
pub const ENDPOINTS: &str = "ENDPOINTS";
/// Array: table id -> `Staged<Table>`.
pub const TABLES: &str = "TABLES";
/// Hash: [`crate::policy::PolicyKey`] -> `Staged<PolicyEntry>`.
pub const POLICY: &str = "POLICY";
/// LRU hash: [`crate::conntrack::CtKey4`] -> [`crate::conntrack::CtEntry`].
pub const CT4: &str = "CT4";
/// LRU hash: [`crate::conntrack::CtKey6`] -> [`crate::conntrack::CtEntry`].
pub const CT6: &str = "CT6";
/// Array: place -> [`crate::conntrack::CtKey4`]: which connection holds the place. The places are what is
/// shared out among pods; `CT4` is a quarter larger, so that it evicts nobody who holds one.
pub const CT_PLACES4: &str = "CT_PLACES4";
/// As `CT_PLACES4`, of [`crate::conntrack::CtKey6`].
pub const CT_PLACES6: &str = "CT_PLACES6";
/// Hash: interface index -> endpoint index (u32): whose veth it is. Not staged: written before an endpoint
/// counts, removed after.
pub const INTERFACES: &str = "INTERFACES";
/// LRU hash: [`crate::conntrack::FragKey`] -> [`crate::conntrack::FragEntry`].
pub const FRAGS: &str = "FRAGS";
/// Array of one: [`crate::node::Node`].
pub const NODE: &str = "NODE";
/// Per-CPU array: [`crate::node::counter`] -> u64.
pub const COUNTERS: &str = "COUNTERS";
/// Per-CPU array: cookie -> u64, decisions per rule.
pub const DECISIONS: &str = "DECISIONS";
/// Per-CPU array: endpoint index -> [`crate::node::Limit`].
pub const LIMITS: &str = "LIMITS";
/// Perf event array, one ring per CPU, records of [`crate::event::Event`].
pub const EVENTS: &str = "EVENTS";
/// Array of u64 written by user space only: what the reader consumed of each CPU's ring (so that
/// what a killed agent left unread is counted too). Index = CPU.
pub const CONSUMED: &str = "CONSUMED";

/// All of them, for pinning.
pub const ALL: [&str; 19] = [
    ADDR4, ADDR6, CIDR4, CIDR6, ENDPOINTS, TABLES, POLICY, CT4, CT6, CT_PLACES4, CT_PLACES6,
    INTERFACES, FRAGS, NODE, COUNTERS, DECISIONS, LIMITS, EVENTS, CONSUMED,
];

/// Program on the host side of a pod's veth, ingress hook: packets from the pod.
pub const PROGRAM_FROM_POD: &str = "from_pod";
/// Program on the host side of a pod's veth, egress hook: packets to the pod.
pub const PROGRAM_TO_POD: &str = "to_pod";
