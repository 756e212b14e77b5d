//! The connections among the flows that are held: joined once for all who ask, with a list for each
//! question; those of a moment that somebody holds are joined anew up to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use client::connections::{Changes, ConnectionList, Joined};
use client::{Snapshot, Store};
use flow::connection::Connection;

use super::cache::{Cache, Limits, TooMany};
use super::views::FlowQuery;
use crate::map::ConnectionTraffic;

/// Moments that are held at a time: each has its own connections, of up to the whole store.
const MOMENTS: Limits = Limits { idle: 2, most: 16 };
/// Questions about one moment.
const QUESTIONS: usize = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Connections {
    joined: RwLock<Joined>,
    lists: Cache<CachedList>,
    moments: Cache<Moment>,
}

/// The list of a question, and who talks to whom among it.
#[derive(Debug)]
struct CachedList {
    list: ConnectionList,
    /// Once somebody asked.
    traffic: Option<ConnectionTraffic>,
}

/// What was known at a moment.
#[derive(Debug, Default)]
struct Moment {
    /// The first number that was held when it was joined.
    first: u64,
    joined: Option<Joined>,
    lists: HashMap<String, CachedList>,
}

/// Which connections are asked for, as known at which moment. Keeps what is known of them in memory.
#[derive(Debug)]
pub(crate) struct ConnectionQuery {
    query: FlowQuery,
    kept: Kept,
    with_traffic: bool,
}

#[derive(Debug)]
enum Kept {
    Present(Arc<Mutex<CachedList>>),
    /// Up to a number.
    Moment(u64, Arc<Mutex<Moment>>),
}

/// How often the connections were joined anew: they then have other ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// What is read of a question: all of one state.
#[derive(Debug)]
pub(crate) struct ConnectionSnapshot<'a> {
    pub(crate) list: &'a ConnectionList,
    /// Who talks to whom, if that was asked for.
    pub(crate) traffic: Option<&'a ConnectionTraffic>,
    /// As long as it is the same, entries mean the same connections.
    pub(crate) generation: Generation,
    pub(crate) joined: &'a Joined,
    pub(crate) snapshot: &'a Snapshot,
    /// The present or the moment, Unix ns.
    pub(crate) now: i64,
    /// The last number that was looked at.
    pub(crate) at: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            joined: RwLock::default(),
            lists: Cache::default(),
            moments: Cache::new(MOMENTS),
        }
    }
}

impl Connections {
    /// Connections as they are, or as they were known when the item of number `at` was the newest.
    pub(crate) fn query(
        &self,
        query: &FlowQuery,
        at: Option<u64>,
        store: &Store,
    ) -> Result<ConnectionQuery, TooMany> {
        // What is yet to come is no moment that was.
        let at = at.filter(|at| *at < store.snapshot().range().end);
        let kept = match at {
            None => Kept::Present(self.lists.get(&query.key, || CachedList::new(query))?),
            Some(at) => Kept::Moment(at, self.moments.get(&at.to_string(), Moment::default)?),
        };
        Ok(ConnectionQuery {
            query: query.clone(),
            kept,
            with_traffic: false,
        })
    }

    /// Looks at what has become of the connections; `now`: the present, Unix ns.
    pub(crate) fn look<T>(
        &self,
        query: &ConnectionQuery,
        store: &Store,
        now: i64,
        read: impl FnOnce(&ConnectionSnapshot<'_>) -> T,
    ) -> T {
        match &query.kept {
            Kept::Present(cached) => {
                let mut joined = self.joined.write().unwrap_or_else(PoisonError::into_inner);
                joined.advance(&store.snapshot());
                drop(joined);
                let joined = self.joined.read().unwrap_or_else(PoisonError::into_inner);
                let snapshot = store.snapshot();
                let mut cached = cached.lock().unwrap_or_else(PoisonError::into_inner);
                cached.advance(&joined, &snapshot, now, query.with_traffic);
                read(&ConnectionSnapshot {
                    list: &cached.list,
                    traffic: cached.traffic.as_ref(),
                    generation: Generation(joined.epoch()),
                    joined: &joined,
                    snapshot: &snapshot,
                    now,
                    at: joined.seen().end.saturating_sub(1),
                })
            }
            Kept::Moment(at, moment) => {
                let mut moment = moment.lock().unwrap_or_else(PoisonError::into_inner);
                let with_traffic = query.with_traffic;
                moment.look(&query.query, with_traffic, *at, &store.snapshot(), read)
            }
        }
    }
}

impl ConnectionQuery {
    /// Who talks to whom is counted, too.
    pub(crate) fn with_traffic(mut self) -> Self {
        self.with_traffic = true;
        self
    }
}

impl Moment {
    fn look<T>(
        &mut self,
        query: &FlowQuery,
        with_traffic: bool,
        at: u64,
        snapshot: &Snapshot,
        read: impl FnOnce(&ConnectionSnapshot<'_>) -> T,
    ) -> T {
        let range = snapshot.range();
        // Older flows that are put before the others belong to it, too.
        if self.joined.is_none() || range.start < self.first {
            self.first = range.start;
            self.lists.clear();
            self.joined = Some(Joined::until(snapshot, at));
        }
        let joined = self.joined.get_or_insert_default();
        if self.lists.len() >= QUESTIONS && !self.lists.contains_key(&query.key) {
            self.lists.clear();
        }
        let mut before = snapshot
            .iter(range.start..at.saturating_add(1).min(range.end))
            .rev();
        let now = before.find_map(|(_, item)| Some(item.time()).filter(|time| *time > 0));
        let now = now.unwrap_or(0);
        let cached = self.lists.entry(query.key.clone());
        let cached = cached.or_insert_with(|| CachedList::new(query));
        cached.advance(joined, snapshot, now, with_traffic);
        read(&ConnectionSnapshot {
            list: &cached.list,
            traffic: cached.traffic.as_ref(),
            // Joined anew only when older flows are put before.
            generation: Generation(self.first),
            joined,
            snapshot,
            now,
            at,
        })
    }
}

impl CachedList {
    fn new(query: &FlowQuery) -> Self {
        Self {
            list: ConnectionList::new(&query.filter).with_requests(),
            traffic: None,
        }
    }

    fn advance(&mut self, joined: &Joined, snapshot: &Snapshot, now: i64, with_traffic: bool) {
        let changes = self.list.advance(joined, snapshot, now);
        if let Some(traffic) = &mut self.traffic {
            traffic.advance(&changes, joined, snapshot, now);
        } else if with_traffic {
            let all = Changes {
                gone: Vec::new(),
                fresh: self.list.entries().to_vec(),
            };
            let traffic = self.traffic.insert(ConnectionTraffic::default());
            traffic.advance(&all, joined, snapshot, now);
        }
    }
}

impl<'a> ConnectionSnapshot<'a> {
    /// The connection of an entry; `None` of a mark, and of a denied request.
    pub(crate) fn connection(
        &self,
        entry: &client::connections::Entry,
    ) -> Option<Connection<'a, u64>> {
        self.joined.connections().get(entry.id?)
    }
}
