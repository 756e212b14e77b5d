//! The maps of a node, declared once, and `Maps` over them.

use abi::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use abi::endpoint::Endpoint;
use abi::event::{Event, Sample};
use abi::maps::{self, Map};
use abi::node::{Limit, Node, counter};
use abi::policy::{PolicyEntry, PolicyKey, Table};
use abi::staged::Staged;
use aya_ebpf::bindings::{BPF_F_CURRENT_CPU, BPF_F_NO_PREALLOC};
use aya_ebpf::helpers::generated::{bpf_ktime_get_ns, bpf_perf_event_output};
use aya_ebpf::macros::map;
use aya_ebpf::maps::lpm_trie::Key;
use aya_ebpf::maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, PerfEventArray};
use aya_ebpf::programs::TcContext;
use datapath_core::Scratch;
use datapath_core::maps::{CtFull, Events, Maps};

// Kinds, types and sizes are those of the declarations, or this doesn't compile. The loader sets the
// sizes that flags set before it makes the maps.

const fn hash<K, V>(map: &Map<K, V>) -> HashMap<K, V> {
    assert!(matches!(map.declaration.kind, maps::Kind::Hash));
    HashMap::with_max_entries(map.declaration.size.initial(), BPF_F_NO_PREALLOC)
}

const fn lru_hash<K, V>(map: &Map<K, V>) -> LruHashMap<K, V> {
    assert!(matches!(map.declaration.kind, maps::Kind::LruHash));
    LruHashMap::with_max_entries(map.declaration.size.initial(), 0)
}

/// aya's trie has keys of its own, around an address; the layout is that of ours.
const fn prefix_trie<A, K, V>(map: &Map<K, V>) -> LpmTrie<A, V> {
    assert!(matches!(map.declaration.kind, maps::Kind::PrefixTrie));
    assert!(size_of::<Key<A>>() == size_of::<K>());
    LpmTrie::with_max_entries(map.declaration.size.initial(), BPF_F_NO_PREALLOC)
}

const fn array<V>(map: &Map<u32, V>) -> Array<V> {
    assert!(matches!(map.declaration.kind, maps::Kind::Array));
    Array::with_max_entries(map.declaration.size.initial(), 0)
}

const fn per_cpu_array<V>(map: &Map<u32, V>) -> PerCpuArray<V> {
    assert!(matches!(map.declaration.kind, maps::Kind::PerCpuArray));
    PerCpuArray::with_max_entries(map.declaration.size.initial(), 0)
}

#[map]
static ADDR4: HashMap<Addr4, Staged<Addr>> = hash(&maps::ADDR4);
#[map]
static ADDR6: HashMap<Addr6, Staged<Addr>> = hash(&maps::ADDR6);
#[map]
static CIDR4: LpmTrie<Addr4, Staged<Addr>> = prefix_trie::<_, Cidr4, _>(&maps::CIDR4);
#[map]
static CIDR6: LpmTrie<Addr6, Staged<Addr>> = prefix_trie::<_, Cidr6, _>(&maps::CIDR6);
#[map]
static ENDPOINTS: Array<Staged<Endpoint>> = array(&maps::ENDPOINTS);
#[map]
static TABLES: Array<Staged<Table>> = array(&maps::TABLES);
#[map]
static POLICY: HashMap<PolicyKey, Staged<PolicyEntry>> = hash(&maps::POLICY);
#[map]
static CT4: LruHashMap<CtKey4, CtEntry> = lru_hash(&maps::CT4);
#[map]
static CT6: LruHashMap<CtKey6, CtEntry> = lru_hash(&maps::CT6);
#[map]
static CT_PLACES4: Array<CtKey4> = array(&maps::CT_PLACES4);
#[map]
static CT_PLACES6: Array<CtKey6> = array(&maps::CT_PLACES6);
#[map]
static INTERFACES: HashMap<u32, u32> = hash(&maps::INTERFACES);
#[map]
static FRAGS: LruHashMap<FragKey, FragEntry> = lru_hash(&maps::FRAGS);
#[map]
static NODE: Array<Node> = array(&maps::NODE);
#[map]
static COUNTERS: PerCpuArray<u64> = per_cpu_array(&maps::COUNTERS);
#[map]
static DECISIONS: PerCpuArray<u64> = per_cpu_array(&maps::DECISIONS);
#[map]
static LIMITS: PerCpuArray<Limit> = per_cpu_array(&maps::LIMITS);
// aya gives it a ring for each possible CPU.
#[map]
static EVENTS: PerfEventArray<Event> = PerfEventArray::new(0);
#[map]
static CONSUMED: Array<u64> = array(&maps::CONSUMED);
/// No map of the node's: memory for the length of a packet.
#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// This CPU's scratch memory.
#[inline(always)]
pub(crate) fn scratch() -> Option<&'static mut Scratch> {
    let scratch = SCRATCH.get_ptr_mut(0)?;
    // SAFETY: the element belongs to this CPU, where a tc program runs to its end before another
    // starts (softirq or bottom halves disabled).
    Some(unsafe { &mut *scratch })
}

/// Revision and settings.
#[inline(always)]
pub(crate) fn node() -> Option<&'static Node> {
    NODE.get(0)
}

/// The maps as the core sees them, while one packet is judged.
pub(crate) struct Kernel<C> {
    /// The packet's context, for events; nothing for a step that sends none.
    pub(crate) ctx: C,
    pub(crate) node: &'static Node,
}

#[inline(always)]
fn add_one(array: &PerCpuArray<u64>, index: u32) {
    if let Some(cell) = array.get_ptr_mut(index) {
        // SAFETY: a lookup's result points to a live element of this CPU.
        unsafe { *cell += 1 };
    }
}

/// Counts one ([`abi::node::counter`]).
#[inline(always)]
pub(crate) fn count(counter: u32) {
    add_one(&COUNTERS, counter);
}

impl<C> Maps for Kernel<C> {
    #[inline(always)]
    fn node(&self) -> &Node {
        self.node
    }

    #[inline(always)]
    fn addr4(&self, addr: Addr4) -> Option<&Staged<Addr>> {
        // SAFETY: elements are replaced, not changed in place, by the one writer.
        unsafe { ADDR4.get(addr) }
    }

    #[inline(always)]
    fn addr6(&self, addr: &Addr6) -> Option<&Staged<Addr>> {
        // SAFETY: as in `addr4`.
        unsafe { ADDR6.get(addr) }
    }

    #[inline(always)]
    fn cidr4(&self, addr: Addr4) -> Option<&Staged<Addr>> {
        CIDR4.get(Key::new(32, addr))
    }

    #[inline(always)]
    fn cidr6(&self, addr: &Addr6) -> Option<&Staged<Addr>> {
        CIDR6.get(Key::new(128, *addr))
    }

    #[inline(always)]
    fn endpoint(&self, index: u32) -> Option<&Staged<Endpoint>> {
        ENDPOINTS.get(index)
    }

    #[inline(always)]
    fn table(&self, id: u32) -> Option<&Staged<Table>> {
        TABLES.get(id)
    }

    #[inline(always)]
    fn policy(&self, key: &PolicyKey) -> Option<&Staged<PolicyEntry>> {
        // SAFETY: as in `addr4`.
        unsafe { POLICY.get(key) }
    }

    #[inline(always)]
    fn ct4(&mut self, key: &CtKey4) -> Option<&mut CtEntry> {
        let entry = CT4.get_ptr_mut(key)?;
        // SAFETY: a lookup's result stays readable and writable while the program runs. Another CPU
        // may write the same entry; counters may then miss a packet, flags are each set once.
        Some(unsafe { &mut *entry })
    }

    #[inline(always)]
    fn ct6(&mut self, key: &CtKey6) -> Option<&mut CtEntry> {
        let entry = CT6.get_ptr_mut(key)?;
        // SAFETY: as in `ct4`.
        Some(unsafe { &mut *entry })
    }

    #[inline(always)]
    fn ct4_insert(&mut self, key: &CtKey4, entry: &CtEntry) -> Result<(), CtFull> {
        CT4.insert(key, entry, 0).map_err(|_| CtFull)
    }

    #[inline(always)]
    fn ct6_insert(&mut self, key: &CtKey6, entry: &CtEntry) -> Result<(), CtFull> {
        CT6.insert(key, entry, 0).map_err(|_| CtFull)
    }

    #[inline(always)]
    fn ct4_remove(&mut self, key: &CtKey4) {
        // It may be gone already, which is what is wanted.
        let _ = CT4.remove(key);
    }

    #[inline(always)]
    fn ct6_remove(&mut self, key: &CtKey6) {
        let _ = CT6.remove(key);
    }

    #[inline(always)]
    fn place4(&mut self, index: u32) -> Option<&mut CtKey4> {
        let place = CT_PLACES4.get_ptr_mut(index)?;
        // SAFETY: a live element. Another CPU may write it meanwhile: a key of two halves is one that
        // no connection has, so its place counts as free.
        Some(unsafe { &mut *place })
    }

    #[inline(always)]
    fn place6(&mut self, index: u32) -> Option<&mut CtKey6> {
        let place = CT_PLACES6.get_ptr_mut(index)?;
        // SAFETY: as in `place4`.
        Some(unsafe { &mut *place })
    }

    #[inline(always)]
    fn frag(&self, key: &FragKey) -> Option<&FragEntry> {
        // SAFETY: elements are replaced, not changed in place.
        unsafe { FRAGS.get(key) }
    }

    #[inline(always)]
    fn frag_insert(&mut self, key: &FragKey, entry: &FragEntry) {
        // Without room the later fragments are dropped, with that as the reason.
        let _ = FRAGS.insert(key, entry, 0);
    }

    #[inline(always)]
    fn interface(&self, ifindex: u32) -> u32 {
        // SAFETY: elements are replaced, not changed in place.
        unsafe { INTERFACES.get(ifindex) }.copied().unwrap_or(0)
    }

    #[inline(always)]
    fn limit(&mut self, endpoint: u32) -> Option<&mut Limit> {
        let limit = LIMITS.get_ptr_mut(endpoint)?;
        // SAFETY: a live element of this CPU.
        Some(unsafe { &mut *limit })
    }

    #[inline(always)]
    fn count(&mut self, counter: u32) {
        count(counter);
    }

    #[inline(always)]
    fn decided(&mut self, cookie: u32) {
        add_one(&DECISIONS, cookie);
    }

    #[inline(always)]
    fn exact_now(&self) -> u64 {
        // SAFETY: only reads a clock.
        unsafe { bpf_ktime_get_ns() }
    }
}

impl Events for Kernel<&TcContext> {
    #[inline(always)]
    fn emit(&mut self, event: &Event) {
        add_one(&COUNTERS, counter::EVENTS_ATTEMPTED);
        // Behind the record goes the beginning of the frame (BPF_F_CTXLEN_MASK, bpf-helpers(7)): both hooks
        // see it from its Ethernet header on.
        const ETHERNET: u64 = (Sample::LEN - Event::LEN) as u64;
        // aya's `output` has no result, and the failures are to be counted.
        // SAFETY: context, map and record are live; the length is the record's.
        let result = unsafe {
            bpf_perf_event_output(
                self.ctx.skb.skb.cast(),
                core::ptr::from_ref(&EVENTS).cast_mut().cast(),
                BPF_F_CURRENT_CPU as u64 | ETHERNET << 32,
                core::ptr::from_ref(event).cast_mut().cast(),
                Event::LEN as u64,
            )
        };
        if result != 0 {
            add_one(&COUNTERS, counter::EVENTS_FAILED);
        }
    }
}
