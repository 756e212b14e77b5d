//! Views that are looked at, shared by all who ask the same: a filter over a million flows is
//! evaluated once, and from then on for what comes.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use client::{Snapshot, Store, View};
use flow::Filter;

use super::cache::Cache;
use crate::map::EventTraffic;

/// Which flows are asked for.
#[derive(Clone, Debug)]
pub(crate) struct FlowQuery {
    /// The same text, the same filter.
    pub(crate) key: String,
    pub(crate) filter: Filter,
}

/// A view and what is counted over it.
#[derive(Debug)]
pub(crate) struct CachedView {
    pub(crate) view: View,
    /// Who talks to whom, once somebody asked.
    pub(crate) traffic: Option<EventTraffic>,
    /// Flows that matched so far, those that have left included.
    pub(crate) matched: u64,
    /// Numbers of the marks among the matches: few, beside the flows.
    marks: VecDeque<u64>,
    /// Numbers of the store that have been looked at.
    seen: Range<u64>,
}

/// See the module.
pub(crate) type Views = Cache<CachedView>;

impl CachedView {
    /// Of a question; it has seen nothing yet.
    pub(crate) fn new(flow_query: &FlowQuery) -> Self {
        Self {
            view: View::new(&flow_query.filter, true),
            traffic: None,
            matched: 0,
            marks: VecDeque::new(),
            seen: 0..0,
        }
    }

    /// Locks it, and looks at what has come.
    pub(crate) fn advanced<'a>(
        looked: &'a Mutex<Self>,
        store: &Store,
        with_traffic: bool,
    ) -> (MutexGuard<'a, Self>, Snapshot) {
        let mut this = looked.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken with the lock held: a view never goes back.
        let snapshot = store.snapshot();
        let advance = this.view.advance(&snapshot);
        let newer = this.count_marks(snapshot.range());
        this.matched += advance.newer.saturating_sub(newer) as u64;
        let Self { view, traffic, .. } = &mut *this;
        if with_traffic || traffic.is_some() {
            let traffic = traffic.get_or_insert_with(EventTraffic::default);
            traffic.advance(view, &snapshot, advance.older > 0);
        }
        (this, snapshot)
    }

    /// Follows the view's marks; says how many came at the end.
    fn count_marks(&mut self, now: Range<u64>) -> usize {
        let Self { view, marks, .. } = self;
        while marks.front().is_some_and(|first| *first < now.start) {
            marks.pop_front();
        }
        let is_mark = |found: &&client::view::Match| !found.is_flow();
        let matches = view.matches();
        // Of the first look everything is newer.
        let older = matches.range(..view.place(self.seen.start));
        for found in older.rev().filter(is_mark) {
            marks.push_front(found.number);
        }
        let before = marks.len();
        let newer = matches.range(view.place(self.seen.end)..).filter(is_mark);
        marks.extend(newer.map(|found| found.number));
        self.seen = now;
        marks.len() - before
    }

    /// How many of the first so many matches are flows, and no marks.
    pub(crate) fn flows(&self, end: usize) -> usize {
        let marks = match self.view.matches().get(end) {
            None => self.marks.len(),
            Some(next) => self.marks.partition_point(|mark| *mark < next.number),
        };
        end.saturating_sub(marks)
    }
}
