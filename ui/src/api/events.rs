//! The stream of events: how things stand, again and again.
//!
//! The connection asks for the next event when it has room. So a slow reader gets fewer, each of the
//! newest state, and what was left out is counted.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use client::connections::Entry;
use flow::attribute::{Attribute, AttributeId};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::flow_query::{self, Times, Unit};
use super::histogram::{self, BUCKETS};
use super::incidents::{self, Incidents};
use super::rows::{self, Row};
use super::{compute, connections, map, status};
use crate::app_state::{
    AppState, CachedView, ConnectionQuery, ConnectionSnapshot, FlowQuery, STREAMS, TooMany,
};
use crate::auth::User;
use crate::params::Params;
use crate::problem::Problem;

/// Between two looks at what has changed.
const TICK: Duration = Duration::from_millis(250);
/// Between two maps, and two histograms: they are counted over everything.
const SLOW: Duration = Duration::from_secs(1);

/// What takes long to make is made at most for this part of the time: one in so many.
const BUSY: u32 = 5;

#[derive(Clone, Default, PartialEq, Serialize)]
struct Update {
    at: u64,
    first: u64,
    total: usize,
    flows: usize,
    matched: u64,
    newer: usize,
    rows: Vec<Row>,
    columns: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    coalesced: u64,
}

/// What a stream was asked for, and what it has said.
struct Stream {
    app: Arc<AppState>,
    query: FlowQuery,
    unit: Unit,
    /// Keep what is looked at while the stream lives: the events if they are, else the connections of
    /// the moment, and those of now.
    view: Option<Arc<std::sync::Mutex<CachedView>>>,
    connections: [Option<ConnectionQuery>; 2],
    times: Times,
    /// Only what was there at the moment of this number; `None`: what is there now.
    at: Option<u64>,
    /// The map of that moment, and the first number that was held when it was made.
    held: Option<(u64, map::Map)>,
    columns: Vec<AttributeId>,
    rows: usize,
    buckets: usize,
    map: bool,
    incidents: bool,
    /// Connections whose requests are alike are one row.
    fold: bool,
    user: Option<String>,
    /// Events that are ready.
    ready: std::collections::VecDeque<Event>,
    /// When the last look began, and when its events were made.
    last: Option<Instant>,
    made: Instant,
    slow: Option<Instant>,
    /// Not before then are incidents looked for again.
    incidents_due: Instant,
    /// Version of the store that they were made of.
    version: Option<u64>,
    said: LastSent,
    coalesced: u64,
    _place: OwnedSemaphorePermit,
}

/// What was said last: the same isn't said again.
#[derive(Default)]
struct LastSent {
    status: Option<status::Status>,
    /// Of connections, which become something else by waiting.
    update: Option<Update>,
    map: Option<map::Map>,
    histogram: Option<histogram::Histogram>,
    incidents: Option<Incidents>,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    user: Option<Extension<User>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known = [
        "at",
        "columns",
        "rows",
        "buckets",
        "map",
        "unit",
        "incidents",
        "fold",
    ];
    let known = [&flow_query::PARAMETERS[..], &known].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let query = flow_query::flow_query(&params)?;
    let unit = Unit::read(&params, &query)?;
    let incidents = params.value("incidents")?.unwrap_or(false);
    if incidents {
        flow_query::for_connections(&query)?;
    }
    let usual = match unit {
        Unit::Events => Attribute::WIDE,
        Unit::Connections => rows::CONNECTION,
    };
    let place = Arc::clone(&app.streams)
        .try_acquire_owned()
        .map_err(|_full| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("limit of {STREAMS} event streams reached: close another page"),
            )
        })?;
    let stream = Stream {
        view: None,
        connections: [None, None],
        unit,
        times: Times::read(&params)?,
        at: params.value("at")?,
        held: None,
        columns: rows::chosen(&params, usual)?,
        rows: params.number("rows", 60, 0..=200)?,
        buckets: params.number("buckets", BUCKETS.1, 1..=BUCKETS.0)?,
        map: params.value("map")?.unwrap_or(false),
        incidents,
        fold: params.value("fold")?.unwrap_or(false),
        user: user.map(|Extension(User(name))| name),
        ready: std::collections::VecDeque::new(),
        last: None,
        made: Instant::now(),
        slow: None,
        incidents_due: Instant::now(),
        version: None,
        said: LastSent::default(),
        coalesced: 0,
        _place: place,
        query,
        app,
    };
    // There may be too many queries already: that is said at once.
    let mut stream = stream;
    stream.ask()?;
    let events = futures::stream::unfold(stream, next);
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
        .into_response();
    // A proxy that collects an answer would never pass this one on.
    let no = HeaderValue::from_static("no");
    response.headers_mut().insert("x-accel-buffering", no);
    let cache = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    Ok(response)
}

async fn next(mut stream: Stream) -> Option<(Result<Event, Infallible>, Stream)> {
    while stream.ready.is_empty() {
        stream = stream.make().await?;
    }
    let event = stream.ready.pop_front()?;
    Some((Ok(event), stream))
}

impl Stream {
    /// Waits for the next tick and makes its events; `None` if that is not possible any more.
    async fn make(mut self) -> Option<Self> {
        if let Some(last) = self.last {
            // Whoever reads in time asks again at once. How long we took ourselves doesn't count.
            let late = self.made.elapsed().as_millis() / TICK.as_millis();
            self.coalesced += u64::try_from(late).unwrap_or(0);
            tokio::time::sleep((last + TICK).saturating_duration_since(Instant::now())).await;
        }
        self.last = Some(Instant::now());
        let app = Arc::clone(&self.app);
        let looked = compute(app, move |_| {
            self.look();
            Ok(self)
        });
        let mut this = looked.await.ok()?;
        this.made = Instant::now();
        Some(this)
    }

    /// Looks at what has changed, and puts it among what is ready.
    fn look(&mut self) {
        let version = *self.app.store.changes().borrow();
        let now = Instant::now();
        let slow = self.slow.is_none_or(|slow| now >= slow + SLOW);
        let changed = self.version != Some(version);
        if !changed && !slow {
            return;
        }
        let rates = self.app.came().into_values().filter_map(|from| from.rate);
        let rate = rates.reduce(|sum, rate| sum + rate);
        let status = slow.then(|| status::now(&self.app, self.user.clone()));
        // With too many queries at once it comes with a later look.
        if self.ask().is_err() {
            return;
        }
        let (mut update, histogram) = match self.unit {
            Unit::Events => self.events(slow),
            Unit::Connections => self.connections(slow),
        };
        update.rate = rate;
        let map = if self.map { self.make_map(slow) } else { None };
        let incidents = if slow { self.make_incidents() } else { None };
        // What comes first tells the page how things stand.
        Self::tell(&mut self.ready, "status", status, &mut self.said.status);
        match self.unit {
            Unit::Connections => {
                Self::tell(
                    &mut self.ready,
                    "update",
                    Some(update),
                    &mut self.said.update,
                );
            }
            // A time that is a duration before now moves by itself, and so does the rate.
            Unit::Events => {
                if changed || !self.times.is_all() || rate.is_some_and(|rate| rate > 0.0) {
                    self.ready.extend(event("update", &update));
                }
            }
        }
        Self::tell(
            &mut self.ready,
            "histogram",
            histogram,
            &mut self.said.histogram,
        );
        Self::tell(&mut self.ready, "map", map, &mut self.said.map);
        Self::tell(
            &mut self.ready,
            "incidents",
            incidents,
            &mut self.said.incidents,
        );
        self.version = Some(version);
        if slow {
            self.slow = Some(now);
        }
    }

    /// Sees to it that what is looked at is kept.
    fn ask(&mut self) -> Result<(), TooMany> {
        if self.view.is_none() && self.unit == Unit::Events {
            self.view = Some(self.app.view(&self.query)?);
        }
        if self.unit == Unit::Connections {
            let query = self.app.connections(&self.query, self.at)?;
            self.connections[0] = Some(match self.map {
                true => query.with_traffic(),
                false => query,
            });
            let present = self.at.map(|_| self.app.connections(&self.query, None));
            self.connections[1] = present.transpose()?;
        }
        Ok(())
    }

    fn events(&mut self, slow: bool) -> (Update, Option<histogram::Histogram>) {
        let Some(looked) = self.view.clone() else {
            return (Update::default(), None);
        };
        let (looked, snapshot) = CachedView::advanced(&looked, &self.app.store, false);
        let range = snapshot.range();
        let view = &looked.view;
        let at = self.at.unwrap_or(u64::MAX);
        self.times.hold(&snapshot, at);
        let end = view.place(at.saturating_add(1));
        let (from, to) = self.times.bounds();
        let all = self.times.is_all();
        let within = |time: i64| all || (from..=to).contains(&time);
        let matches = || view.matches().range(..end);
        let newest = matches().rev().filter(|found| within(found.time));
        let (total, flows) = match all {
            true => (end, looked.flows(end)),
            false => matches()
                .filter(|found| within(found.time))
                .fold((0, 0), |(total, flows), found| {
                    (total + 1, flows + usize::from(found.is_flow()))
                }),
        };
        let update = Update {
            at: at.min(range.end.saturating_sub(1)),
            first: range.start,
            total,
            flows,
            matched: looked.matched,
            newer: view.flows() - looked.flows(end),
            rows: newest
                .take(self.rows)
                .filter_map(|found| Row::of(&snapshot, found.number, &self.columns))
                .collect(),
            columns: rows::names(&self.columns),
            rate: None,
            coalesced: self.coalesced,
        };
        let histogram = slow.then(|| {
            let times = (&self.times, self.at.is_none());
            histogram::over(
                &self.app,
                &snapshot,
                matches().copied(),
                times,
                self.buckets,
            )
        });
        (update, histogram)
    }

    fn connections(&mut self, slow: bool) -> (Update, Option<histogram::Histogram>) {
        let [wanted, present] = &self.connections;
        let Some(wanted) = wanted else {
            return (Update::default(), None);
        };
        let mut held_at = None;
        let (mut update, histogram) = self.app.look(wanted, |known| {
            let mut times = self.times.clone();
            if self.at.is_some() {
                times.hold_at(known.now);
                held_at = Some(known.now);
            }
            let (newest, total, flows) = match self.fold {
                true => connections::newest(known, &times, self.rows),
                false => self.newest_of_each(known, &times),
            };
            let update = Update {
                at: known.at,
                first: known.snapshot.range().start,
                total,
                flows,
                matched: known.list.entered(),
                newer: 0,
                rows: newest
                    .iter()
                    .filter_map(|entry| match self.fold {
                        true => connections::told(known, &times, entry, &self.columns),
                        false => connections::row(known, entry, &self.columns),
                    })
                    .collect(),
                columns: rows::names(&self.columns),
                rate: None,
                coalesced: self.coalesced,
            };
            let histogram = slow.then(|| {
                let times = (&times, self.at.is_none());
                let matches = connections::matches(known);
                histogram::over(&self.app, known.snapshot, matches, times, self.buckets)
            });
            (update, histogram)
        });
        if let (Some(held_at), Some(present)) = (held_at, present) {
            update.newer = self.app.look(present, |known| {
                let entries = known.list.entries();
                let newer = entries.partition_point(|entry| entry.start <= held_at);
                entries[newer..]
                    .iter()
                    .filter(|entry| !entry.is_mark())
                    .count()
            });
        }
        (update, histogram)
    }

    /// The newest connections and marks of a time, the newest first, how many there are, and how many without marks.
    fn newest_of_each(
        &self,
        known: &ConnectionSnapshot<'_>,
        times: &Times,
    ) -> (Vec<Entry>, usize, usize) {
        let (list, lived) = (&known.list, connections::lived(times));
        let entries = || list.entries().iter().filter(|entry| lived(entry));
        let (total, flows) = match times.is_all() {
            true => (list.entries().len(), list.connections()),
            false => entries().fold((0, 0), |(total, flows), entry| {
                (total + 1, flows + usize::from(!entry.is_mark()))
            }),
        };
        let newest = entries().rev().take(self.rows).copied();
        (newest.collect(), total, flows)
    }

    fn make_map(&mut self, slow: bool) -> Option<map::Map> {
        match self.unit {
            Unit::Connections => {
                let query = self.connections[0].as_ref().filter(|_| slow)?;
                let (times, at) = (&self.times, self.at);
                Some(
                    self.app
                        .look(query, |known| map::of_connections(known, times, at)),
                )
            }
            Unit::Events => self.make_map_of_events(slow),
        }
    }

    fn make_map_of_events(&mut self, slow: bool) -> Option<map::Map> {
        let looked = self.view.clone()?;
        let (looked, snapshot) = CachedView::advanced(&looked, &self.app.store, self.at.is_none());
        self.times.hold(&snapshot, self.at.unwrap_or(u64::MAX));
        if !slow {
            return None;
        }
        // Of a moment it changes only when older flows are put before.
        let first = snapshot.range().start;
        let make = || map::of_events(&looked, &snapshot, &self.times, self.at);
        match (self.at, &self.held) {
            (None, _) => Some(make()),
            (Some(_), Some((held, map))) if first >= *held => Some(map.clone()),
            (Some(_), _) => {
                let map = make();
                self.held = Some((first, map.clone()));
                Some(map)
            }
        }
    }

    fn make_incidents(&mut self) -> Option<Incidents> {
        let begun = Instant::now();
        if !self.incidents || begun < self.incidents_due {
            return None;
        }
        let found = incidents::of(&self.app, &self.query, &self.times, self.at);
        self.incidents_due = Instant::now() + begun.elapsed() * BUSY;
        found.ok()
    }

    /// Says something if it isn't what was said last.
    fn tell<T: Serialize + PartialEq>(
        ready: &mut std::collections::VecDeque<Event>,
        name: &str,
        now: Option<T>,
        last: &mut Option<T>,
    ) {
        if now.is_some() && now != *last {
            ready.extend(now.as_ref().and_then(|now| event(name, now)));
            *last = now;
        }
    }
}

fn event<T: Serialize>(name: &str, data: &T) -> Option<Event> {
    let event = Event::default().event(name).json_data(data);
    event
        .inspect_err(|error| tracing::error!(%error, name, "an event has no JSON"))
        .ok()
}
