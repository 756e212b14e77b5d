//! Connections: the events of both ends joined, with one outcome.
//!
//! ```text
//!   events of node A --> leg: what A saw  --+
//!                                           +--> connection: outcome, state, volume, rules, losses
//!   events of node B --> leg: what B saw  --+
//! ```
//!
//! **A leg** is what one node told of a connection. It begins with the node's first event of the
//! connection and takes in all that follow, until the connection has ended or another one begins
//! between the same ports. Legs are all that is kept: which two of them are one connection is worked
//! out when somebody reads ([`Connections::of`]), from the legs alone. So the order in which the nodes
//! are heard doesn't matter, nor does an event that comes twice.
//!
//! **What is exact.** Events of one node must come in the order of their times, as servers and files
//! have them; those of different nodes may be mixed in any way. An event that comes behind a later one
//! of its node is taken in, but cannot divide what has been put together, and a drop among them isn't
//! counted.
//!
//! **Memory** is bounded: see [`Limits`]. The connections that were not heard of for longest go first,
//! and [`Connections::forgotten`] says how many.

mod alike;
mod event;
mod key;
mod leg;
mod losses;
mod outcome;
mod pairs;
mod read;
mod requests;
mod view;

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::num::NonZeroU32;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::view::FlowView;
use event::Event;
use key::Key;
use leg::Leg;
use losses::Losses;
use requests::{CarriedList, RequestEvent};

pub use crate::layer7::Answered;
pub use crate::view::ConnectionState as State;
pub use outcome::Outcome;
pub use read::Connection;
pub use requests::Requests;
pub use view::{CarriedRequests, ConnectionView};

/// Number of a node among those that told something. Not zero: so a place that is free takes no room of
/// its own.
type NodeId = NonZeroU32;

/// No leg.
const NONE: u32 = u32::MAX;
/// Legs of one pair of ports that are kept apart: more are forgotten, the oldest first.
const MOST_LEGS: usize = 16;

/// How much is held.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Pairs of ends with ports; each has one connection at a time. About 200 bytes each, with what
    /// both nodes saw.
    pub tuples: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tuples: 65_536 }
    }
}

/// Which two ends, with their ports: a place in [`Connections`], until it is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TupleId(u32);

/// Which connection: stays the same for as long as it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    /// Between which two ends.
    pub tuple: TupleId,
    serial: u32,
}

/// Two ends with their ports, and the first of their legs.
#[derive(Debug)]
struct Tuple<K> {
    key: Key,
    /// The newest leg; the others follow by `next`.
    head: u32,
    /// What proxies told of requests between them.
    carried: CarriedList<K>,
}

/// The connections that a stream of events is about. `K` is what is kept of an event as the witness
/// of its leg: the event in some form, or its number in a store.
#[derive(Debug)]
pub struct Connections<K> {
    limits: Limits,
    hasher: RandomState,
    index: HashTable<u32>,
    tuples: Slab<Tuple<K>>,
    legs: Slab<Leg<K>>,
    nodes: Vec<Box<str>>,
    node_numbers: HashMap<Box<str>, NodeId>,
    losses: Losses,
    /// Time of the newest event, Unix ns.
    newest: i64,
    forgotten: u64,
    /// Number of the newest leg.
    serial: u32,
}

impl<K> Default for Connections<K> {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl<K> Connections<K> {
    /// None so far.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Limits {
                tuples: limits.tuples.clamp(8, NONE as usize / 2),
            },
            hasher: RandomState::default(),
            index: HashTable::new(),
            tuples: Slab::default(),
            legs: Slab::default(),
            nodes: Vec::new(),
            node_numbers: HashMap::new(),
            losses: Losses::default(),
            newest: i64::MIN,
            forgotten: 0,
            serial: 0,
        }
    }

    /// Takes an event in. `keep` makes what is kept of it, if it becomes the witness of its leg or the
    /// newest of a connection's requests. Returns whose event it is; `None` if it is of no connection:
    /// without addresses, or an ICMP error about another connection.
    pub fn push<V: FlowView>(&mut self, flow: &V, keep: impl FnOnce() -> K) -> Option<TupleId> {
        if let Some((key, orientation)) = Key::of_request(flow) {
            let (at, _) = self.find_or_insert(key, orientation);
            let event = RequestEvent::of(flow);
            self.newest = self.newest.max(event.time);
            self.take_request(at, &event, keep);
            return Some(TupleId(at));
        }
        let (key, orientation) = Key::of(flow)?;
        let node = self.node(flow.node());
        let (at, key) = self.find_or_insert(key, orientation);
        let event = Event::of(flow, node, key.is_swapped(flow));
        self.newest = self.newest.max(event.time);
        self.take(at, &event, keep);
        Some(TupleId(at))
    }

    /// Whose event it is, of the ends that are held.
    pub fn id_of<V: FlowView>(&self, flow: &V) -> Option<TupleId> {
        let (key, orientation) = Key::of_request(flow).or_else(|| Key::of(flow))?;
        let (at, _) = self.find_either(key, orientation)?;
        Some(TupleId(at))
    }

    /// Takes note of events that a node lost between two moments (Unix ns).
    pub fn lost(&mut self, node: &str, (first, last): (i64, i64), events: u64) {
        let node = self.node(node);
        self.newest = self.newest.max(last);
        self.losses.push(node, first.min(last), last, events);
    }

    /// Whether two ends are held.
    pub fn holds(&self, id: TupleId) -> bool {
        self.tuples.get(id.0).is_some()
    }

    /// Two ends, the newest of whose connections the id stands for; nothing if they are forgotten.
    pub fn of(&self, id: TupleId) -> Vec<Connection<'_, K>> {
        let Some(tuple) = self.tuples.get(id.0) else {
            return Vec::new();
        };
        let legs = self.legs_of(tuple.head);
        let pairs = pairs::of(&legs);
        let start = |at: usize| pairs.get(at).map(pairs::start);
        let connections = pairs.iter().enumerate().map(|(at, pair)| {
            // A request is of the newest that had begun, or of the first.
            let from = if at == 0 { None } else { start(at) };
            let own = (from.unwrap_or(i64::MIN), start(at + 1).unwrap_or(i64::MAX));
            Connection::new(self, id, tuple.key, *pair, own)
        });
        connections.collect()
    }

    /// The connection of an id; `None` if it is forgotten.
    pub fn get(&self, id: ConnectionId) -> Option<Connection<'_, K>> {
        let mut all = self.of(id.tuple).into_iter();
        all.find(|connection| connection.id() == id)
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Connection<'_, K>> {
        self.tuples.keys().flat_map(|at| self.of(TupleId(at)))
    }

    /// Pairs of ends that are held.
    pub fn len(&self) -> usize {
        self.tuples.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pairs of ends, and older connections between ends that are held, that were forgotten to make room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Time of the newest event, Unix ns; `None` before the first.
    pub fn newest(&self) -> Option<i64> {
        (self.newest != i64::MIN).then_some(self.newest)
    }

    /// Forgets two ends and all of their connections.
    pub fn forget(&mut self, id: TupleId) {
        let Some(tuple) = self.tuples.remove(id.0) else {
            return;
        };
        let hash = self.hasher.hash_one(tuple.key);
        if let Ok(entry) = self.index.find_entry(hash, |at| *at == id.0) {
            entry.remove();
        }
        let mut next = tuple.head;
        while let Some(leg) = self.legs.remove(next) {
            next = leg.next;
        }
    }

    /// Forgets the ends of whose connections no kept event is held any more, as `holds` says.
    pub fn forget_unwitnessed(&mut self, holds: impl Fn(&K) -> bool) {
        let is_gone = |at: &u32| {
            let tuple = self.tuples.get(*at);
            let legs = tuple.map(|tuple| self.legs_of(tuple.head));
            !legs.is_some_and(|legs| legs.iter().any(|leg| holds(&leg.witness)))
                && !self.holds_request(*at, &holds)
        };
        let gone: Vec<u32> = self.tuples.keys().filter(is_gone).collect();
        for at in gone {
            self.forget(TupleId(at));
        }
    }

    fn node(&mut self, name: &str) -> NodeId {
        if let Some(number) = self.node_numbers.get(name) {
            return *number;
        }
        // A hostile server could name any number of nodes: the rest are one.
        let number = u32::try_from(self.nodes.len().min(usize::from(u16::MAX))).unwrap_or(0);
        let number = NodeId::MIN.saturating_add(number);
        if self.nodes.len() < usize::from(u16::MAX) {
            self.nodes.push(name.into());
            self.node_numbers.insert(name.into(), number);
        }
        number
    }

    fn node_name(&self, number: NodeId) -> &str {
        let at = usize::try_from(number.get() - 1).ok();
        let name = at.and_then(|at| self.nodes.get(at));
        name.map_or("", |name| name)
    }

    /// The tuple of a key. Where nobody says who opened the connection, one that is known either way
    /// round.
    fn find_either(&self, key: Key, orientation: key::Orientation) -> Option<(u32, Key)> {
        let mut keys = [Some(key), None];
        if orientation == key::Orientation::Unknown {
            keys[1] = Some(key.turned());
        }
        let mut keys = keys.into_iter().flatten();
        keys.find_map(|key| Some((self.find(&key)?, key)))
    }

    fn find_or_insert(&mut self, key: Key, orientation: key::Orientation) -> (u32, Key) {
        if let Some(found) = self.find_either(key, orientation) {
            return found;
        }
        if self.tuples.len() >= self.limits.tuples {
            self.forget_oldest();
        }
        let at = self.tuples.insert(Tuple {
            key,
            head: NONE,
            carried: None,
        });
        let hash = self.hasher.hash_one(key);
        let (hasher, tuples) = (&self.hasher, &self.tuples);
        self.index.insert_unique(hash, at, |at| {
            hasher.hash_one(tuples.get(*at).map_or(key, |tuple| tuple.key))
        });
        (at, key)
    }

    fn find(&self, key: &Key) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        let is = |at: &u32| self.tuples.get(*at).is_some_and(|tuple| tuple.key == *key);
        self.index.find(hash, is).copied()
    }

    /// Takes an event into the leg that it belongs to, or a new one.
    fn take(&mut self, at: u32, event: &Event, keep: impl FnOnce() -> K) {
        let Some(head) = self.tuples.get(at).map(|tuple| tuple.head) else {
            return;
        };
        let (mut next, mut found, mut earliest) = (head, NONE, NONE);
        // From the newest leg to the oldest.
        while let Some(leg) = self.legs.get(next) {
            if leg.node == event.node {
                if leg.start <= event.time {
                    found = if leg.continues(event) { next } else { NONE };
                    earliest = NONE;
                    break;
                }
                earliest = next;
            }
            next = leg.next;
        }
        // Older than all that this node told: before its first leg, if that has no beginning yet.
        if found == NONE
            && let Some(leg) = self.legs.get(earliest)
            && leg.begins_before(event)
        {
            found = earliest;
        }
        if let Some(leg) = self.legs.get_mut(found) {
            return leg.take(event, keep);
        }
        if self.legs_of(head).len() >= MOST_LEGS {
            self.drop_last_leg(head);
        }
        // It only has to tell apart what is held at the same time.
        self.serial = self.serial.wrapping_add(1);
        let leg = self.legs.insert(Leg::new(event, keep(), self.serial));
        self.link(at, leg);
    }

    /// Puts a leg among those of its tuple, by its start, newest first.
    fn link(&mut self, at: u32, new: u32) {
        let Some(start) = self.legs.get(new).map(|leg| leg.start) else {
            return;
        };
        let Some(tuple) = self.tuples.get_mut(at) else {
            return;
        };
        let (mut before, mut next) = (NONE, tuple.head);
        while let Some(leg) = self.legs.get(next)
            && leg.start > start
        {
            (before, next) = (next, leg.next);
        }
        if let Some(leg) = self.legs.get_mut(new) {
            leg.next = next;
        }
        match self.legs.get_mut(before) {
            Some(leg) => leg.next = new,
            None => tuple.head = new,
        }
    }

    fn drop_last_leg(&mut self, head: u32) {
        let (mut before, mut last) = (NONE, head);
        while let Some(leg) = self.legs.get(last)
            && leg.next != NONE
        {
            (before, last) = (last, leg.next);
        }
        if let Some(leg) = self.legs.get_mut(before) {
            leg.next = NONE;
            self.legs.remove(last);
            self.forgotten += 1;
        }
    }

    fn legs_of(&self, head: u32) -> Vec<&Leg<K>> {
        self.legs.chain(head).collect()
    }

    /// Forgets the quarter that was not heard of for longest; of those, what has ended first.
    fn forget_oldest(&mut self) {
        let last = |at: u32| {
            let tuple = self.tuples.get(at);
            let legs = tuple.map(|tuple| self.legs_of(tuple.head));
            let legs = legs.unwrap_or_default();
            let is_live = legs.iter().any(|leg| !leg.is_over());
            let last = self.last_of(TupleId(at));
            (is_live, last.unwrap_or(i64::MIN), at)
        };
        let mut by_age: Vec<_> = self.tuples.keys().map(last).collect();
        let few = (by_age.len() / 4).max(1);
        by_age.select_nth_unstable(few - 1);
        for (_, _, at) in by_age.drain(..few) {
            self.forget(TupleId(at));
            self.forgotten += 1;
        }
    }
}

/// Values by a number that stays with them.
#[derive(Debug)]
struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<K> Slab<Leg<K>> {
    /// A leg and the older ones of the same ends.
    fn chain(&self, head: u32) -> impl Iterator<Item = &Leg<K>> {
        let mut next = head;
        std::iter::from_fn(move || {
            let leg = self.get(next)?;
            next = leg.next;
            Some(leg)
        })
    }
}

impl<T> Slab<T> {
    fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn get(&self, at: u32) -> Option<&T> {
        self.places.get(usize::try_from(at).ok()?)?.as_ref()
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.places.get_mut(usize::try_from(at).ok()?)?.as_mut()
    }

    fn insert(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop()
            && let Some(place) = usize::try_from(at)
                .ok()
                .and_then(|at| self.places.get_mut(at))
        {
            *place = Some(value);
            return at;
        }
        self.places.push(Some(value));
        // The limits keep it far below.
        u32::try_from(self.places.len() - 1).unwrap_or(NONE)
    }

    fn remove(&mut self, at: u32) -> Option<T> {
        let place = self.places.get_mut(usize::try_from(at).ok()?)?;
        let value = place.take()?;
        self.free.push(at);
        Some(value)
    }

    fn keys(&self) -> impl Iterator<Item = u32> {
        let taken = self.places.iter().enumerate();
        taken.filter_map(|(at, place)| place.as_ref().and_then(|_| u32::try_from(at).ok()))
    }
}
