//! The kernel's maps, each declared once, in the table at the end of this file. The programs' statics, the
//! loader (making, sizing, pinning, opening, checking), the agent's flags, figures and messages, and the
//! list in docs/ARCHITECTURE.md are made from it.
//!
//! A new map is a row here, a static in `datapath/ebpf`, and a method of `flows-datapath-core`'s `Maps`
//! that looks something up in it.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use crate::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6};
use crate::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use crate::endpoint::{Endpoint, MAX_ENDPOINTS};
use crate::node::{Limit, Node, counter};
use crate::policy::{COOKIE_FIRST_RULE, MAX_COOKIES, MAX_TABLES, PolicyEntry, PolicyKey, Table};
use crate::staged::Staged;

/// Program on the host side of a pod's veth, ingress hook: packets from the pod.
pub const PROGRAM_FROM_POD: &str = "from_pod";
/// Program on the host side of a pod's veth, egress hook: packets to the pod.
pub const PROGRAM_TO_POD: &str = "to_pod";
/// Program on the loopback interface, ingress hook: packets for the proxy.
pub const PROGRAM_TO_PROXY: &str = "to_proxy";

/// Kinds of maps; the numbers are the kernel's (`BPF_MAP_TYPE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Memory per entry is taken when it is written.
    Hash = 1,
    /// All elements are there from the start, zero; the key is the index.
    Array = 2,
    /// A perf ring per CPU.
    PerfEventArray = 4,
    /// An array of each CPU's own.
    PerCpuArray = 6,
    /// All memory is taken at once; when full, the least recently used entry goes.
    LruHash = 9,
    /// The longest prefix that covers an address.
    PrefixTrie = 11,
}

/// How many entries a map has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Always so many.
    Fixed(u32),
    /// An array whose indices from `first` on, below `end`, user space hands out one by one.
    Numbers {
        /// The first that is handed out. Those below are not used, or have a fixed meaning.
        first: u32,
        /// Length of the array.
        end: u32,
    },
    /// One per possible CPU, which the loader counts.
    PerCpu,
    /// As a flag of the agent says.
    Flag(Flag),
    /// A table for so many connections as a flag says: the loader makes it larger than the places.
    Connections(Flag),
    /// Places for so many connections: the loader rounds them down to a power of two.
    Places(Flag),
}

impl Size {
    /// The size in the object. The loader sets another as it makes the map, unless it is always the same.
    pub const fn initial(self) -> u32 {
        match self {
            Self::Fixed(entries) | Self::Numbers { end: entries, .. } => entries,
            Self::PerCpu => 1,
            Self::Flag(flag) | Self::Connections(flag) | Self::Places(flag) => flag.default,
        }
    }
}

/// A flag of the agent that sets the size of a map, or of several. Prints as one writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What is used without it.
    pub default: u32,
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{}", self.name)
    }
}

/// Type of a map's keys or values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// As the source has it.
    pub name: &'static str,
    /// In bytes; of a per-CPU map's value, one CPU's.
    pub size: usize,
}

/// What there is to say of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Name in the object; in the bpffs the ABI's version stands before it.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Type of the keys.
    pub key: Type,
    /// Type of the values.
    pub value: Type,
    /// The values are [`Staged`]: a change counts from a revision of the node. Other maps' changes count
    /// at once.
    pub is_staged: bool,
    /// Entries that fit.
    pub size: Size,
    /// What the entries are, in the plural and within a sentence.
    pub entries: &'static str,
    /// What the map is for, what it costs, and what happens when it is full, for people.
    pub about: &'static str,
}

impl Declaration {
    /// The flag that sets the size, if one does.
    pub const fn flag(&self) -> Option<Flag> {
        match self.size {
            Size::Flag(flag) | Size::Connections(flag) | Size::Places(flag) => Some(flag),
            Size::Fixed(_) | Size::Numbers { .. } | Size::PerCpu => None,
        }
    }

    /// Whether entries come and go, so that it is of interest how full the map is.
    pub const fn is_counted(&self) -> bool {
        self.is_staged
            || matches!(self.kind, Kind::LruHash)
            || matches!(self.size, Size::Numbers { .. })
    }

    /// Whether the last word of a value is a lock of the kernel's (`struct bpf_spin_lock`), and entries are
    /// changed under it, in place. A hash would else put a new entry in an old one's place, and a program that
    /// looks for it just then may find neither: its packet would be judged as if there were no such rule.
    pub const fn is_locked(&self) -> bool {
        self.is_staged && matches!(self.kind, Kind::Hash)
    }

    /// Entries that fit in a map of that length: not all indices of an array are handed out.
    pub const fn room(&self, length: u32) -> u32 {
        match self.size {
            Size::Numbers { first, .. } => length.saturating_sub(first),
            Size::Fixed(_)
            | Size::PerCpu
            | Size::Flag(_)
            | Size::Connections(_)
            | Size::Places(_) => length,
        }
    }
}

/// A declaration, and the types that go with it: of keys and of values.
#[derive(Clone, Copy, Debug)]
pub struct Map<K, V> {
    /// What there is to say of the map.
    pub declaration: Declaration,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Deref for Map<K, V> {
    type Target = Declaration;

    fn deref(&self) -> &Declaration {
        &self.declaration
    }
}

impl<K, V> Map<K, V> {
    const fn plain(declaration: Declaration) -> Self {
        Self {
            declaration,
            types: PhantomData,
        }
    }
}

impl<K, T: Copy> Map<K, Staged<T>> {
    const fn staged(declaration: Declaration) -> Self {
        Self::plain(Declaration {
            is_staged: true,
            ..declaration
        })
    }
}

/// The declaration of that name.
pub fn named(name: &str) -> Option<&'static Declaration> {
    ALL.iter().find(|map| map.name == name)
}

const fn flag(name: &'static str, default: u32) -> Flag {
    Flag { name, default }
}

/// Both a table of connections and its places have this many.
const CONNECTIONS4: Flag = flag("max-ipv4-connections", 262_144);
const CONNECTIONS6: Flag = flag("max-ipv6-connections", 131_072);

/// A constant [`Map`] per row, and [`ALL`] of them. The comment above a row is its `about`.
macro_rules! maps {
    ($(
        $(#[doc = $about:literal])+
        $name:ident: $content:ident $kind:ident<$key:ty, $value:ty>, $size:expr, $entries:literal;
    )+) => {
        $(
            $(#[doc = $about])+
            pub const $name: Map<$key, $value> = Map::$content(Declaration {
                name: stringify!($name),
                kind: Kind::$kind,
                key: Type { name: stringify!($key), size: size_of::<$key>() },
                value: Type { name: stringify!($value), size: size_of::<$value>() },
                is_staged: false,
                size: $size,
                entries: $entries,
                about: concat!($($about),+).trim_ascii(),
            });
        )+

        /// All of them.
        pub const ALL: &[Declaration] = &[$($name.declaration),+];
    };
}

maps! {
    /// IPv4 addresses of the cluster's pods and nodes, and who they are. 16 bytes each, 100 more when in
    /// use.
    ADDR4: staged Hash<Addr4, Staged<Addr>>, Size::Flag(flag("max-ipv4-addresses", 65_536)),
        "IPv4 addresses of pods and nodes";
    /// IPv6 addresses of the cluster's pods and nodes, and who they are. 16 bytes each, 110 more when in
    /// use.
    ADDR6: staged Hash<Addr6, Staged<Addr>>, Size::Flag(flag("max-ipv6-addresses", 65_536)),
        "IPv6 addresses of pods and nodes";
    /// IPv4 prefixes that policies name, and 0.0.0.0/0, always: asked for an address that is not among
    /// the known ones. 100 bytes each when in use.
    CIDR4: staged PrefixTrie<Cidr4, Staged<Addr>>, Size::Flag(flag("max-ipv4-prefixes", 16_384)),
        "IPv4 prefixes";
    /// IPv6 prefixes that policies name, and ::/0, always. 130 bytes each when in use.
    CIDR6: staged PrefixTrie<Cidr6, Staged<Addr>>, Size::Flag(flag("max-ipv6-prefixes", 16_384)),
        "IPv6 prefixes";
    /// Pods of the node. 72 bytes each, in use or not; a pod beyond stays cut off, and is named.
    ENDPOINTS: staged Array<u32, Staged<Endpoint>>, Size::Numbers { first: 1, end: MAX_ENDPOINTS },
        "pods of the node";
    /// Headers of policy tables, one per set of labels on the node. 88 bytes each, in use or not; the pods
    /// of a set beyond stay cut off, and are named.
    TABLES: staged Array<u32, Staged<Table>>, Size::Numbers { first: 1, end: MAX_TABLES },
        "policy tables";
    /// Entries of all pods' policies: one per pair of label sets, protocol and port (or range's part)
    /// that a rule names. 16 bytes each, 100 more when in use.
    POLICY: staged Hash<PolicyKey, Staged<PolicyEntry>>, Size::Flag(flag("max-policy-entries", 262_144)),
        "policy entries";
    /// IPv4 connections. 268 bytes each with their places, in use or not; when full, a pod beyond its
    /// share loses its own.
    CT4: plain LruHash<CtKey4, CtEntry>, Size::Connections(CONNECTIONS4), "IPv4 connections";
    /// IPv6 connections. 322 bytes each with their places, in use or not; when full, a pod beyond its
    /// share loses its own.
    CT6: plain LruHash<CtKey6, CtEntry>, Size::Connections(CONNECTIONS6), "IPv6 connections";
    /// Which IPv4 connection holds which place. The places are what is shared out among pods; the table
    /// of connections is a quarter larger, so that it evicts nobody who holds one.
    CT_PLACES4: plain Array<u32, CtKey4>, Size::Places(CONNECTIONS4), "places of IPv4 connections";
    /// Which IPv6 connection holds which place.
    CT_PLACES6: plain Array<u32, CtKey6>, Size::Places(CONNECTIONS6), "places of IPv6 connections";
    /// Which pod's veth an interface is, by the pod's index in ENDPOINTS: written before the pod counts,
    /// removed after.
    INTERFACES: plain Hash<u32, u32>, Size::Fixed(2 * MAX_ENDPOINTS), "interfaces of pods";
    /// Datagrams in fragments, 32 per interface at once. 120 bytes each, in use or not; when full, the
    /// least recently used makes room.
    FRAGS: plain LruHash<FragKey, FragEntry>, Size::Flag(flag("max-fragmented-datagrams", 8_192)),
        "datagrams in fragments";
    /// The node's revision and settings. User space has it in its memory: a change becomes true by one
    /// store.
    NODE: plain Array<u32, Node>, Size::Fixed(1), "settings";
    /// What the programs count, by `abi::node::counter`.
    COUNTERS: plain PerCpuArray<u32, u64>, Size::Fixed(counter::COUNT), "counters";
    /// Decisions by the cookie of their rule. 8 bytes each on every CPU; when full, old cookies make room,
    /// and a decision without one has no name.
    DECISIONS: plain PerCpuArray<u32, u64>,
        Size::Numbers { first: COOKIE_FIRST_RULE, end: MAX_COOKIES }, "cookies";
    /// What is counted of each pod, and the limit of its events, by its index in ENDPOINTS.
    LIMITS: plain PerCpuArray<u32, Limit>, Size::Fixed(MAX_ENDPOINTS), "counts of pods";
    /// The rings of events, held by their current reader.
    EVENTS: plain PerfEventArray<u32, u32>, Size::PerCpu, "rings";
    /// Events that were read of each CPU's ring, so that what a killed agent left unread is counted too.
    /// User space has it in its memory, and only it writes it.
    CONSUMED: plain Array<u32, u64>, Size::PerCpu, "counts of rings";
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn names_are_unique_and_fit() {
        for (n, map) in ALL.iter().enumerate() {
            assert!(
                ALL[..n].iter().all(|other| other.name != map.name),
                "{map:?}"
            );
            // The kernel keeps 15 bytes of a name, and the loader finds maps by them.
            assert!(map.name.len() <= 15, "{}", map.name);
            assert_eq!(named(map.name), Some(map));
        }
        assert_eq!(named("NOBODY"), None);
    }

    #[test]
    fn values_and_content_say_the_same() {
        for map in ALL {
            let says = map.value.name.starts_with("Staged<");
            assert_eq!(map.is_staged, says, "{}", map.name);
        }
    }

    #[test]
    fn a_flag_has_one_default() {
        let flags: Vec<_> = ALL.iter().filter_map(Declaration::flag).collect();
        for flag in &flags {
            let same = flags.iter().filter(|other| other.name == flag.name);
            assert!(same.clone().all(|other| other == flag), "{flag}");
        }
        assert_eq!(flags.len(), 10);
    }

    #[test]
    fn sentences_are_sentences() {
        for map in ALL {
            assert!(map.about.ends_with('.'), "{}", map.name);
            assert!(!map.about.contains("  "), "{}: {}", map.name, map.about);
            assert!(!map.about.starts_with(' '), "{}", map.name);
        }
    }
}
