//! The one writer: fills the open segment, publishes it in chunks, seals it, evicts the oldest.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use super::{
    History, View,
    other::{NamedRequest, Other, OtherFact},
    segment::{Record, Segment, Tables},
    summary::Totals,
};
use crate::{
    fact::{Arrived, Ethernet, Loss},
    node::names::{Device, Node, Resolved},
};

/// Facts in a sealed segment of a full-size history. With two ends per record their table has at
/// most twice as many entries, which fits the records' 16-bit indices.
const SEGMENT_MAX: usize = 16_384;

/// Readers are woken for progress alone only so often.
const TELL_EVERY_NS: u64 = 50_000_000;

/// See the module. Owned by the observer thread.
#[derive(Debug)]
pub struct Writer {
    history: Arc<History>,
    capacity: u64,
    segment_len: usize,
    sealed: std::collections::VecDeque<Arc<Segment>>,
    /// The open segment's published chunks, each longer than its successor.
    chunks: Vec<Arc<Segment>>,
    pending: Vec<Record>,
    /// What is no packet among them.
    others: Vec<Other>,
    /// Totals before `pending`.
    totals: Totals,
    ends: Interner<crate::node::names::Endpoint>,
    rules: Interner<crate::node::names::Attribution>,
    ethernet: Frames,
    devices: Interner<Device>,
    node: Arc<Node>,
    /// Progress that readers were last woken for.
    told: u64,
}

/// Gives values numbers in the order of their arrival. Values are told apart by address: equal
/// snapshots share theirs.
#[derive(Debug)]
struct Interner<T> {
    values: Vec<Arc<T>>,
    numbers: foldhash::HashMap<usize, u16>,
    published: Arc<[Arc<T>]>,
}

impl<T> Interner<T> {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            numbers: foldhash::HashMap::default(),
            published: Arc::from([]),
        }
    }

    fn number(&mut self, value: &Arc<T>) -> u16 {
        let address = Arc::as_ptr(value).addr();
        if let Some(&number) = self.numbers.get(&address) {
            return number;
        }
        let number = u16::try_from(self.values.len())
            .expect("a segment's records have at most two ends each, fewer than 65,536");
        self.values.push(Arc::clone(value));
        self.numbers.insert(address, number);
        number
    }

    fn publish(&mut self) -> Arc<[Arc<T>]> {
        if self.published.len() != self.values.len() {
            self.published = self.values.as_slice().into();
        }
        Arc::clone(&self.published)
    }
}

/// Places of the addresses of frames that were met last.
const RECENT: usize = 64;

/// The same for the addresses of frames, which are told apart by value. A pod chooses them: the map
/// hashes with a secret, which takes as long as all else; most frames are like one of the last.
#[derive(Debug)]
struct Frames {
    values: Vec<Ethernet>,
    numbers: HashMap<Ethernet, u16>,
    recent: [Option<(Ethernet, u16)>; RECENT],
    published: Arc<[Ethernet]>,
}

impl Frames {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            numbers: HashMap::new(),
            recent: [None; RECENT],
            published: Arc::from([]),
        }
    }

    fn number(&mut self, value: Ethernet) -> u16 {
        let place = usize::from(value.fold()) % RECENT;
        if let Some((recent, number)) = self.recent[place]
            && recent == value
        {
            return number;
        }
        let number = *self.numbers.entry(value).or_insert_with(|| {
            let number = u16::try_from(self.values.len())
                .expect("a segment has fewer than 65,536 records, and each one pair of addresses");
            self.values.push(value);
            number
        });
        self.recent[place] = Some((value, number));
        number
    }

    fn publish(&mut self) -> Arc<[Ethernet]> {
        if self.published.len() != self.values.len() {
            self.published = self.values.as_slice().into();
        }
        Arc::clone(&self.published)
    }
}

impl Writer {
    /// A writer into an empty history that keeps at least the newest `capacity` flows.
    pub(super) fn new(history: Arc<History>, capacity: u64, node: Arc<Node>) -> Self {
        let segment_len = usize::try_from(capacity / 16)
            .unwrap_or(SEGMENT_MAX)
            .clamp(16, SEGMENT_MAX);
        Self {
            history,
            capacity,
            segment_len,
            sealed: std::collections::VecDeque::new(),
            chunks: Vec::new(),
            pending: Vec::with_capacity(segment_len),
            others: Vec::new(),
            totals: Totals::default(),
            ends: Interner::new(),
            rules: Interner::new(),
            ethernet: Frames::new(),
            devices: Interner::new(),
            node,
            told: 0,
        }
    }

    /// Appends a packet, whose time is the wall clock in ns. Readers see it after
    /// [`publish`](Self::publish).
    pub fn packet(&mut self, arrived: &Arrived, named: &Resolved, node: &Arc<Node>) {
        self.set_node(node);
        let record = Record {
            packet: arrived.packet,
            ends: [
                self.ends.number(&named.ends[0]),
                self.ends.number(&named.ends[1]),
            ],
            rules: [
                self.rules.number(&named.rules[0]),
                self.rules.number(&named.rules[1]),
            ],
            ethernet: self.ethernet.number(arrived.ethernet),
            device: match &named.device {
                Some(device) => self.devices.number(device) + 1,
                None => 0,
            },
        };
        self.pending.push(record);
        self.seal_if_full();
    }

    /// Appends a request, whose time is the wall clock in ns.
    pub fn request(&mut self, named: NamedRequest, node: &Arc<Node>) {
        self.set_node(node);
        self.other(OtherFact::Request(Arc::new(named)));
    }

    /// Marks a loss at this place.
    pub fn lost(&mut self, loss: &Loss) {
        self.other(OtherFact::Loss(*loss));
    }

    fn other(&mut self, fact: OtherFact) {
        let at = self.pending_len();
        self.others.push(Other { at, fact });
        self.seal_if_full();
    }

    fn set_node(&mut self, node: &Arc<Node>) {
        if !Arc::ptr_eq(node, &self.node) {
            self.seal();
            self.node = Arc::clone(node);
        }
    }

    fn pending_len(&self) -> usize {
        self.pending.len() + self.others.len()
    }

    fn seal_if_full(&mut self) {
        if self.pending_len() + self.open_len() >= self.segment_len {
            self.seal();
        }
    }

    fn open_len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Makes everything appended so far visible. `progress` (wall clock, ns) is the time up to which
    /// nothing older is still to come.
    pub fn publish(&mut self, progress: u64) {
        self.flush();
        let grown = self.history.view.load().end() != self.totals;
        if grown {
            self.store();
        }
        // After the view: who reads the progress first and the view then has it all.
        self.history.progress.fetch_max(progress, Ordering::Release);
        if grown || progress.saturating_sub(self.told) >= TELL_EVERY_NS {
            self.told = progress;
            self.history.changed.send_replace(progress);
        }
    }

    /// Moves what is pending into the chunks. Neighbours are joined so that lengths fall steeply:
    /// few chunks however small the drains, and each record is copied a logarithmic number of times.
    fn flush(&mut self) {
        if self.pending_len() == 0 {
            return;
        }
        let tables = Tables {
            node: Arc::clone(&self.node),
            ends: self.ends.publish(),
            rules: self.rules.publish(),
            ethernet: self.ethernet.publish(),
            devices: self.devices.publish(),
        };
        let chunk = Segment::new(self.totals, &self.pending, &self.others, tables);
        self.totals = chunk.end();
        self.pending.clear();
        self.others.clear();
        let mut joined = chunk.len();
        let mut keep = self.chunks.len();
        while let Some(before) = keep.checked_sub(1).and_then(|at| self.chunks.get(at))
            && before.len() <= joined
        {
            joined += before.len();
            keep -= 1;
        }
        let mut run = self.chunks.split_off(keep);
        run.push(Arc::new(chunk));
        if run.len() == 1 {
            self.chunks.append(&mut run);
        } else {
            self.chunks.extend(Segment::concat(&run).map(Arc::new));
        }
    }

    fn seal(&mut self) {
        self.flush();
        if let Some(segment) = Segment::concat(&self.chunks) {
            self.sealed.push_back(Arc::new(segment));
        }
        self.chunks.clear();
        self.ends = Interner::new();
        self.rules = Interner::new();
        self.ethernet = Frames::new();
        self.devices = Interner::new();
        while let Some(oldest) = self.sealed.front()
            && self.totals.flows - oldest.end().flows >= self.capacity
        {
            self.sealed.pop_front();
        }
    }

    fn store(&self) {
        let segments = self.sealed.iter().chain(&self.chunks).cloned().collect();
        self.history
            .view
            .store(Arc::new(View::new(segments, self.totals)));
    }
}
