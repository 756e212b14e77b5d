//! The merge: many nodes' responses in, one time-ordered sequence out.
//!
//! Pure: no clock, no I/O, nothing about gRPC. Time stamps of nodes ([`Stamp`]) and the relay's own
//! arrival clock (milliseconds, any origin) are values handed in.
//!
//! ```text
//! node-a  ──[12:00:01 12:00:04]──┐ progress 12:00:04
//! node-b  ──[12:00:02]───────────┤ progress 12:00:02   -> 01 02 | 04 waits for node-b's word,
//! node-c  ──[]───────────────────┘ progress 12:00:03           | at most `max_wait` after it came
//! ```
//!
//! An item leaves when no node that is waited for can still send an older one, or when it has been
//! held for as long as the caller allows. What comes older than something already delivered is *late*:
//! it leaves at once, marked and counted.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

/// A node's time stamp: seconds and nanoseconds since 1970, as protobuf's Timestamp holds them.
/// Compared as they come; a hostile value sorts first or last and does no other harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: i32,
}

impl Stamp {
    /// Older than anything a node can send.
    pub const MIN: Self = Self {
        seconds: i64::MIN,
        nanos: i32::MIN,
    };

    /// Milliseconds from `earlier` to `self`, saturating; 0 when `self` is the earlier one.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> u64 {
        let nanos = i128::from(self.seconds.saturating_sub(earlier.seconds)) * 1_000_000_000
            + i128::from(self.nanos)
            - i128::from(earlier.nanos);
        u64::try_from(nanos.max(0) / 1_000_000).unwrap_or(u64::MAX)
    }
}

/// A node's place in a [`Merge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(usize);

impl StreamId {
    /// Position in order of [`Merge::add`], from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a node is to the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Its next word is waited for.
    Live,
    /// May still send, but nobody waits for it: silent, or reconnecting.
    Apart,
    /// Will send nothing more.
    Ended,
}

struct PeerQueue<T> {
    queue: VecDeque<(Stamp, u64, T)>,
    /// No item older than this is expected.
    progress: Stamp,
    wait: Wait,
}

/// An item on its way out.
#[derive(Debug, PartialEq, Eq)]
pub struct Out<T> {
    /// The node it came from.
    pub stream: StreamId,
    /// Its time.
    pub time: Stamp,
    /// Older than something delivered before it.
    pub late: bool,
    /// The item.
    pub item: T,
}

/// Answer of [`Merge::pop`].
#[derive(Debug, PartialEq, Eq)]
pub enum MergeStep<T> {
    /// The next item.
    Item(Out<T>),
    /// The oldest item held must wait for word from a node (see [`Merge::blockers`]).
    Held {
        /// Time of the oldest item held.
        time: Stamp,
        /// When it arrived (milliseconds on the caller's clock).
        arrived: u64,
    },
    /// Nothing is held.
    Empty,
}

/// K-way merge of nodes' time-ordered streams that need not all be there.
pub struct Merge<T> {
    streams: Vec<PeerQueue<T>>,
    /// Time of each non-empty stream's first item.
    heads: BinaryHeap<Reverse<(Stamp, usize)>>,
    /// The newest time delivered.
    floor: Stamp,
    /// Least progress over live streams with an empty queue; recomputed when `stale`.
    bound: Option<Stamp>,
    stale: bool,
}

impl<T> Default for Merge<T> {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            heads: BinaryHeap::new(),
            floor: Stamp::MIN,
            bound: None,
            stale: true,
        }
    }
}

impl<T> Merge<T> {
    /// A further node, waited for from now on.
    pub fn add(&mut self) -> StreamId {
        self.streams.push(PeerQueue {
            queue: VecDeque::new(),
            progress: Stamp::MIN,
            wait: Wait::Live,
        });
        self.stale = true;
        StreamId(self.streams.len() - 1)
    }

    /// Takes what a node sent, in the order it sent it. A batch that is not in order is sorted.
    /// `None` as time (a node that sent none) takes the time of the item before it.
    pub fn push(
        &mut self,
        stream: StreamId,
        arrived: u64,
        items: impl IntoIterator<Item = (Option<Stamp>, T)>,
    ) {
        let slot = &mut self.streams[stream.0];
        let was_empty = slot.queue.is_empty();
        let from = slot.queue.len();
        let mut last = slot.queue.back().map_or(slot.progress, |(time, ..)| *time);
        let mut sorted = true;
        for (time, item) in items {
            let time = time.unwrap_or(last);
            sorted &= time >= last || slot.queue.len() == from;
            last = time;
            slot.queue.push_back((time, arrived, item));
        }
        if !sorted {
            slot.queue.make_contiguous()[from..].sort_by_key(|(time, ..)| *time);
        }
        if let Some((time, ..)) = slot.queue.back() {
            slot.progress = slot.progress.max(*time);
        }
        if was_empty && let Some((time, ..)) = slot.queue.front() {
            self.heads.push(Reverse((*time, stream.0)));
            self.stale = true;
        }
    }

    /// A node's word that it will send nothing older than `time`.
    pub fn progress(&mut self, stream: StreamId, time: Stamp) {
        let slot = &mut self.streams[stream.0];
        slot.progress = slot.progress.max(time);
        self.stale = true;
    }

    /// Whether a node is waited for. No effect on one that ended.
    pub fn await_stream(&mut self, stream: StreamId, awaited: bool) {
        let slot = &mut self.streams[stream.0];
        if slot.wait != Wait::Ended {
            slot.wait = if awaited { Wait::Live } else { Wait::Apart };
            self.stale = true;
        }
    }

    /// A node that will send nothing more; what it sent still leaves in order.
    pub fn end(&mut self, stream: StreamId) {
        self.streams[stream.0].wait = Wait::Ended;
        self.stale = true;
    }

    /// Whether nothing of this node's is held and it may still send.
    #[must_use]
    pub fn wants(&self, stream: StreamId) -> bool {
        let slot = &self.streams[stream.0];
        slot.queue.is_empty() && slot.wait != Wait::Ended
    }

    /// Whether a node is waited for.
    #[must_use]
    pub fn awaited(&self, stream: StreamId) -> bool {
        self.streams[stream.0].wait == Wait::Live
    }

    /// Whether every node ended and nothing is held.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.heads.is_empty() && self.streams.iter().all(|stream| stream.wait == Wait::Ended)
    }

    /// Nodes whose word an item of this time waits for, with how far each has come.
    pub fn blockers(&self, time: Stamp) -> impl Iterator<Item = (StreamId, Stamp)> {
        self.streams
            .iter()
            .enumerate()
            .filter_map(move |(at, stream)| {
                (stream.wait == Wait::Live && stream.queue.is_empty() && stream.progress < time)
                    .then_some((StreamId(at), stream.progress))
            })
    }

    /// Up to where the sequence is settled: no node that is waited for has anything older to come.
    /// `None` while no node is waited for.
    #[must_use]
    pub fn horizon(&self) -> Option<Stamp> {
        let live = self
            .streams
            .iter()
            .filter(|stream| stream.wait == Wait::Live);
        live.map(|stream| {
            stream
                .queue
                .front()
                .map_or(stream.progress, |(time, ..)| *time)
        })
        .min()
    }

    /// A merge of the same nodes that goes on where this one ended: all are waited for again, and
    /// what is older than this one's newest item is late.
    #[must_use]
    pub fn resume(&self) -> Self {
        let mut next = Self {
            floor: self.floor,
            ..Self::default()
        };
        for _ in &self.streams {
            next.add();
        }
        next
    }

    /// The newest time delivered, [`Stamp::MIN`] before the first.
    #[must_use]
    pub fn floor(&self) -> Stamp {
        self.floor
    }

    /// The oldest item, if it may leave: nothing older can come from a node that is waited for.
    /// With `overdue` it leaves even so: it was held long enough.
    pub fn pop(&mut self, overdue: bool) -> MergeStep<T> {
        let Some(&Reverse((time, at))) = self.heads.peek() else {
            return MergeStep::Empty;
        };
        if self.stale {
            self.bound = self
                .streams
                .iter()
                .filter(|stream| stream.wait == Wait::Live && stream.queue.is_empty())
                .map(|stream| stream.progress)
                .min();
            self.stale = false;
        }
        let free = time <= self.floor || self.bound.is_none_or(|bound| time <= bound);
        if !free && !overdue {
            let arrived = self.streams[at]
                .queue
                .front()
                .map_or(0, |(_, arrived, _)| *arrived);
            return MergeStep::Held { time, arrived };
        }
        self.heads.pop();
        let stream = &mut self.streams[at];
        let Some((_, _, item)) = stream.queue.pop_front() else {
            return MergeStep::Empty;
        };
        match stream.queue.front() {
            Some((next, ..)) => self.heads.push(Reverse((*next, at))),
            None => self.stale = true,
        }
        let late = time < self.floor;
        self.floor = self.floor.max(time);
        MergeStep::Item(Out {
            stream: StreamId(at),
            time,
            late,
            item,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Stamp {
        Stamp { seconds, nanos: 0 }
    }

    fn drain(merge: &mut Merge<&'static str>) -> Vec<(&'static str, bool)> {
        let mut out = Vec::new();
        while let MergeStep::Item(Out { item, late, .. }) = merge.pop(false) {
            out.push((item, late));
        }
        out
    }

    fn items(list: &[(i64, &'static str)]) -> Vec<(Option<Stamp>, &'static str)> {
        list.iter()
            .map(|(time, name)| (Some(at(*time)), *name))
            .collect()
    }

    #[test]
    fn waits_for_the_slowest_node() {
        let mut merge = Merge::default();
        let (a, b) = (merge.add(), merge.add());
        merge.push(a, 0, items(&[(1, "a1"), (4, "a4")]));
        assert_eq!(
            merge.pop(false),
            MergeStep::Held {
                time: at(1),
                arrived: 0
            }
        );
        assert_eq!(
            merge
                .blockers(at(1))
                .map(|(stream, _)| stream)
                .collect::<Vec<_>>(),
            [b]
        );
        merge.push(b, 0, items(&[(2, "b2"), (3, "b3")]));
        assert_eq!(
            drain(&mut merge),
            [("a1", false), ("b2", false), ("b3", false)]
        );
        merge.progress(b, at(4));
        assert_eq!(drain(&mut merge), [("a4", false)]);
        assert!(!merge.finished());
        merge.end(a);
        merge.end(b);
        assert!(merge.finished());
    }

    #[test]
    fn an_overdue_item_leaves_and_what_follows_is_late() {
        let mut merge = Merge::default();
        let (a, b) = (merge.add(), merge.add());
        merge.push(a, 100, items(&[(5, "a5")]));
        assert_eq!(drain(&mut merge), []);
        assert!(matches!(
            merge.pop(true),
            MergeStep::Item(Out {
                item: "a5",
                late: false,
                ..
            })
        ));
        merge.push(b, 130, items(&[(3, "b3"), (5, "b5"), (6, "b6")]));
        assert_eq!(drain(&mut merge), [("b3", true), ("b5", false)]);
        assert_eq!(
            merge.pop(false),
            MergeStep::Held {
                time: at(6),
                arrived: 130
            }
        );
    }

    #[test]
    fn a_node_set_apart_holds_nobody_up() {
        let mut merge = Merge::default();
        let (a, b) = (merge.add(), merge.add());
        merge.push(a, 0, items(&[(1, "a1")]));
        merge.await_stream(b, false);
        assert_eq!(drain(&mut merge), [("a1", false)]);
        merge.await_stream(b, true);
        merge.push(a, 0, items(&[(2, "a2")]));
        assert_eq!(drain(&mut merge), []);
        merge.end(b);
        merge.await_stream(b, true);
        assert_eq!(drain(&mut merge), [("a2", false)]);
    }

    #[test]
    fn hostile_batches_are_sorted_and_missing_times_follow_their_neighbour() {
        let mut merge = Merge::default();
        let a = merge.add();
        merge.push(
            a,
            0,
            [
                (Some(at(9)), "nine"),
                (None, "nine too"),
                (Some(at(2)), "two"),
                (Some(at(i64::MIN)), "min"),
            ],
        );
        let b = merge.add();
        merge.push(b, 0, items(&[(i64::MAX, "max")]));
        merge.end(a);
        merge.end(b);
        let names: Vec<_> = drain(&mut merge);
        assert_eq!(
            names,
            [
                ("min", false),
                ("two", false),
                ("nine", false),
                ("nine too", false),
                ("max", false)
            ]
        );
    }

    /// Every interleaving of pushes over live nodes comes out in order, and complete.
    #[test]
    fn any_interleaving_is_ordered_and_complete() {
        // A small xorshift: the test is the same on every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..200 {
            let streams = usize::try_from(1 + next(6)).unwrap();
            let mut merge = Merge::default();
            let ids: Vec<_> = (0..streams).map(|_| merge.add()).collect();
            let mut clocks = vec![0_i64; streams];
            let mut sent = 0_usize;
            let mut got = Vec::new();
            for _ in 0..300 {
                let stream = usize::try_from(next(streams as u64)).unwrap();
                clocks[stream] += i64::try_from(next(5)).unwrap();
                match next(4) {
                    0 => merge.progress(ids[stream], at(clocks[stream])),
                    1 => {
                        while let MergeStep::Item(out) = merge.pop(false) {
                            got.push(out);
                        }
                    }
                    _ => {
                        merge.push(ids[stream], 0, [(Some(at(clocks[stream])), sent)]);
                        sent += 1;
                    }
                }
            }
            ids.iter().for_each(|id| merge.end(*id));
            while let MergeStep::Item(out) = merge.pop(false) {
                got.push(out);
            }
            assert!(merge.finished());
            assert_eq!(got.len(), sent);
            assert!(got.iter().all(|out| !out.late));
            assert!(got.is_sorted_by_key(|out| out.time));
        }
    }

    #[test]
    fn millis_since_is_bounded() {
        assert_eq!(at(3).millis_since(at(1)), 2000);
        assert_eq!(at(1).millis_since(at(3)), 0);
        assert_eq!(at(i64::MAX).millis_since(Stamp::MIN), u64::MAX);
    }
}
