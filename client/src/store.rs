//! The last N flows and the places where some were lost, in the order in which they came.
//!
//! A flow is held as a small [`Row`], which filters, sorting and tables read. What thousands of flows
//! have in common stands beside them once; what is left of the message itself is packed with its
//! neighbours, for those who want to see all of one flow. Readers take a [`Snapshot`] and never block the writer.

mod chunk;
mod intern;
mod item;
mod nodes;
mod parts;
mod row;

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use proto::{flow::Flow, google::Timestamp, observer::GetFlowsResponse};
use tokio::sync::watch;

use chunk::{Chunk, LENGTH};
use intern::Names;
pub use item::{Item, Marker};
use nodes::Nodes;
pub use nodes::{NodeStats, Outage, Stage};
use parts::Parts;
pub(crate) use row::Id;
pub use row::Row;

/// Number of the first item that comes: older ones can be put before it, so it is far from zero.
const FIRST: u64 = 1 << 48;

/// See the module.
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    /// Most items that are held, in whole chunks.
    capacity: usize,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    chunks: VecDeque<Arc<Chunk>>,
    names: Names,
    counts: Counts,
    nodes: Nodes,
    /// Counts the changes, for those who wait for one.
    version: u64,
}

/// What went through a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Flows that were put in.
    pub flows: u64,
    /// Events that a server said were lost.
    pub lost: u64,
    /// Items that were dropped to make room.
    pub evicted: u64,
    /// Lines of a file that are no flows.
    pub unreadable: u64,
}

impl Store {
    /// An empty store for this many items; at least one chunk of them.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                chunks: VecDeque::new(),
                names: Names::default(),
                counts: Counts::default(),
                nodes: Nodes::default(),
                version: 0,
            }),
            capacity: capacity.max(LENGTH),
            changed: watch::channel(0).0,
        }
    }

    /// Appends what a server sent; what carries nothing is left out. Flows from `live_since` on (Unix
    /// ns) came as they happened.
    pub fn push(&self, responses: &[GetFlowsResponse], live_since: i64) {
        let now = Timestamp::from(SystemTime::now()).unix_nanos();
        self.change(|inner| {
            let mut parts = Parts::default();
            for response in responses {
                if let Some(item) = item::item(response, &mut inner.names, &mut parts) {
                    inner.nodes.count(&item, now, live_since);
                    inner.push(item, &parts.own);
                }
            }
            inner.evict(self.capacity);
        });
    }

    /// Marks a place, at the present end.
    pub fn mark(&self, mark: Marker) {
        self.change(|inner| {
            inner.nodes.mark(&mark);
            inner.push(Item::Marker(Box::new(mark)), &[]);
            inner.evict(self.capacity);
        });
    }

    /// Counts a line of a file that is no flow.
    pub(crate) fn unreadable(&self) {
        self.change(|inner| inner.counts.unreadable += 1);
    }

    /// Puts what is older before everything, as far as there is room; says how many items it was.
    pub fn prepend(&self, responses: &[GetFlowsResponse]) -> usize {
        self.change(|inner| {
            let room = self.capacity.saturating_sub(inner.len());
            let from = responses.len().saturating_sub(room);
            let names = &mut inner.names;
            let items = responses[from..].iter();
            let mut parts = Parts::default();
            let read = |response| {
                let item = item::item(response, names, &mut parts)?;
                Some((item, parts.own.clone()))
            };
            let items: Vec<_> = items.filter_map(read).collect();
            let put = items.len();
            let mut items = items.into_iter();
            // The last piece may be short: chunks are as long as they are.
            let mut first = inner.chunks.front().map_or(FIRST, |chunk| chunk.first()) - put as u64;
            let mut chunks = Vec::new();
            while items.len() > 0 {
                let mut chunk = Chunk::new(first);
                while !chunk.is_full()
                    && let Some((item, own)) = items.next()
                {
                    inner.counts.count(&item);
                    chunk.push(item, &own);
                }
                chunk.seal();
                first = chunk.end();
                chunks.push(Arc::new(chunk));
            }
            for chunk in chunks.into_iter().rev() {
                inner.chunks.push_front(chunk);
            }
            put
        })
    }

    /// What there is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        Snapshot {
            chunks: inner.chunks.clone(),
            counts: inner.counts,
            outages: inner.nodes.outages(),
        }
    }

    /// What came from each node, by its name, evicted or not; rates are those at `now` (Unix ns).
    #[must_use]
    pub fn nodes(&self, now: i64) -> BTreeMap<String, NodeStats> {
        self.lock().nodes.all(now)
    }

    /// Waits for changes: the value is a number that grows.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Most items that are held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let done = change(&mut inner);
        inner.version += 1;
        self.changed.send_replace(inner.version);
        done
    }

    /// A writer that panicked left whole items only.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    fn push(&mut self, item: Item, own: &[u8]) {
        self.counts.count(&item);
        let open = match self.chunks.back_mut() {
            Some(chunk) if !chunk.is_sealed() => chunk,
            last => {
                let first = last.map_or(FIRST, |chunk| chunk.end());
                self.chunks.push_back(Arc::new(Chunk::new(first)));
                self.chunks.back_mut().expect("pushed above")
            }
        };
        // Copies the open chunk if a snapshot holds it.
        let chunk = Arc::make_mut(open);
        chunk.push(item, own);
        if chunk.is_full() {
            chunk.seal();
        }
    }

    fn evict(&mut self, capacity: usize) {
        let mut len = self.len();
        let mut dropped = false;
        while len > capacity && self.chunks.len() > 1 {
            if let Some(chunk) = self.chunks.pop_front() {
                len -= chunk.len();
                self.counts.evicted += chunk.len() as u64;
                dropped = true;
            }
        }
        if dropped {
            self.names.forget_unused();
        }
    }
}

impl Counts {
    fn count(&mut self, item: &Item) {
        match item {
            Item::Flow(_) => self.flows += 1,
            Item::Marker(mark) => self.lost = self.lost.saturating_add(mark.lost()),
        }
    }
}

/// What a store held at one moment. Cheap to take and to keep.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    chunks: VecDeque<Arc<Chunk>>,
    counts: Counts,
    outages: Arc<Vec<Outage>>,
}

impl Snapshot {
    /// Numbers of the items. A number stays with its item; older items that are fetched later get
    /// lower ones.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        let first = self.chunks.front().map_or(FIRST, |chunk| chunk.first());
        first..self.chunks.back().map_or(first, |chunk| chunk.end())
    }

    /// What went through the store so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// When nothing could come from some node, or from any: of these times it isn't known what
    /// happened.
    #[must_use]
    pub fn outages(&self) -> &[Outage] {
        &self.outages
    }

    /// The item of a number.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Item> {
        let chunk = self.chunk(number)?;
        chunk
            .items()
            .get(usize::try_from(number - chunk.first()).ok()?)
    }

    /// The flow of a number, as a row.
    #[must_use]
    pub fn row(&self, number: u64) -> Option<&Row> {
        match self.get(number)? {
            Item::Flow(row) => Some(row),
            Item::Marker(_) => None,
        }
    }

    /// The flow of a number, as it came. Unpacks its neighbours on the way.
    #[must_use]
    pub fn message(&self, number: u64) -> Option<Flow> {
        self.messages().get(number)
    }

    /// To read the flows of many numbers as they came.
    #[must_use]
    pub fn messages(&self) -> Messages<'_> {
        Messages {
            snapshot: self,
            unpacked: None,
        }
    }

    /// Items of a range with their numbers, in order.
    pub fn iter(&self, range: Range<u64>) -> impl DoubleEndedIterator<Item = (u64, &Item)> {
        let from = self
            .chunks
            .partition_point(|chunk| chunk.end() <= range.start);
        let to = self
            .chunks
            .partition_point(|chunk| chunk.first() < range.end);
        let chunks = self.chunks.range(from..to.max(from));
        let items = chunks.flat_map(|chunk| {
            let items = chunk.items().iter().enumerate();
            items.map(|(at, item)| (chunk.first() + at as u64, item))
        });
        let (start, end) = (range.start, range.end);
        items.filter(move |(number, _)| (start..end).contains(number))
    }

    fn chunk(&self, number: u64) -> Option<&Chunk> {
        let after = self.chunks.partition_point(|chunk| chunk.first() <= number);
        let chunk = self.chunks.get(after.checked_sub(1)?)?;
        (number < chunk.end()).then_some(chunk)
    }
}

/// Flows as they came, one after the other: neighbours are unpacked once, as long as the numbers asked
/// for are near each other.
#[derive(Debug)]
pub struct Messages<'a> {
    snapshot: &'a Snapshot,
    unpacked: Option<(&'a Chunk, Cow<'a, [u8]>)>,
}

impl Messages<'_> {
    /// The flow of a number.
    pub fn get(&mut self, number: u64) -> Option<Flow> {
        let chunk = self.snapshot.chunk(number)?;
        let other = |(of, _): &(&Chunk, Cow<'_, [u8]>)| of.first() != chunk.first();
        if self.unpacked.as_ref().is_none_or(other) {
            self.unpacked = Some((chunk, chunk.unpacked()?));
        }
        let (_, bytes) = self.unpacked.as_ref()?;
        chunk.message(bytes, usize::try_from(number - chunk.first()).ok()?)
    }
}
