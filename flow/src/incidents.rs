//! Incidents: denials grouped by their cause, with what is known of how long they have gone on.
//!
//! A cause is who wanted to reach whom, on which port, and who said no: the deciding rule or, where no
//! policy decided, the reason. Of a denied request what was asked is part of the cause, too. Thousands of
//! dropped packets are few causes.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hasher as _;

use fnv::FnvHasher;

use crate::aggregate::Trend;
use crate::rows::{Judged, Row, grouped};
use crate::view::Direction;
use crate::workload_ref::WorkloadRef;

/// Without a drop for so long (ns) an incident is over, unless its drops come more rarely.
const QUIET: i64 = 60_000_000_000;
/// Pods that are named of an end.
const MOST_PODS: usize = 64;

/// Whether it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The last drop is not older than they usually come apart.
    Ongoing,
    /// The same connection or request was allowed afterwards, since that moment (Unix ns).
    Allowed(i64),
    /// Nothing has been dropped for a while, nor allowed.
    Quiet,
}

/// Denials of one cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Both ends, the port, the verdict and the deciding rule, with the sums over all denials.
    pub row: Row,
    /// Pods that wanted something; the first ones by name.
    pub sources: BTreeSet<String>,
    /// Pods that it was wanted of.
    pub destinations: BTreeSet<String>,
    /// Whether it goes on.
    pub status: Status,
    /// Denied connections or requests over time.
    pub trend: Trend,
    /// Place among the rows given of the one with the last drop.
    pub newest: usize,
}

impl Incident {
    /// Tells it from others, as long as policy, workloads, port and request stay the same: eight hexadecimal
    /// digits. It is the same in every version and on every machine: servers keep what people say of it.
    pub fn id(&self) -> String {
        id(&self.row)
    }
}

/// [`Incident::id`].
fn id(row: &Row) -> String {
    let judged = row.judged.name();
    let (whose, by) = decided_by(row);
    let [source, destination] = [&row.source, &row.destination];
    let parts = [
        &*source.who.id(),
        &source.outside,
        &destination.who.id(),
        &destination.outside,
        &row.port,
        judged,
        whose,
        by,
    ];
    let mut hasher = FnvHasher::default();
    for part in parts {
        hasher.write(part.as_bytes());
        // No text has it: where one part ends counts.
        hasher.write(&[0xff]);
    }
    if let Some(request) = &row.request {
        hasher.write(request.subject.as_bytes());
        hasher.write(&[0xff]);
    }
    format!("{:08x}", hasher.finish() >> 32)
}

/// Whose rule denied, and whether it is a deny or the default of a direction. What a rule says isn't part of
/// it: that changes while the incident goes on, and may be told in other words later.
fn decided_by(row: &Row) -> (&str, &str) {
    let why = Some(&*row.why).filter(|_| row.judged == Judged::Denied);
    let (whose, rule) = why
        .and_then(|why| why.split_once(" \u{b7} "))
        .unwrap_or_default();
    let default = rule.starts_with("default deny").then_some(rule);
    (whose, default.unwrap_or_default())
}

/// Groups of one incident as one: what its rule says may have changed while it went on. The newest word counts.
fn joined(groups: Vec<(Row, Vec<usize>)>) -> Vec<(Row, Vec<usize>)> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut joined: Vec<(Row, Vec<usize>)> = Vec::with_capacity(groups.len());
    for (row, members) in groups {
        let at = *places.entry(id(&row)).or_insert(joined.len());
        let Some((known, all)) = joined.get_mut(at) else {
            joined.push((row, members));
            continue;
        };
        if row.last > known.last {
            known.why.clone_from(&row.why);
            known.request.clone_from(&row.request);
        }
        known.add(&row);
        all.extend(members);
    }
    joined
}

/// The incidents among rows, one for each connection and each denied request; `now`: Unix ns. Requests that
/// were allowed may be among them, for it to be seen which incidents have ended by that. What goes on comes first, then
/// by the number of drops.
pub fn incidents(rows: &[Row], now: i64) -> Vec<Incident> {
    let (mut denied, mut places, mut allowed) = (Vec::new(), Vec::new(), Allowed::default());
    for (place, row) in rows.iter().enumerate() {
        match row.judged {
            Judged::Denied | Judged::Dropped | Judged::Error => {
                let mut row = row.clone();
                if row.rtt_us.is_some() {
                    // It was answered before it was denied, and began when it was allowed.
                    row.start = row.last;
                }
                denied.push(row);
                places.push(place);
            }
            Judged::Allowed => allowed.add(row),
            Judged::Audited | Judged::Unknown => {}
        }
    }
    let groups = joined(grouped(denied)).into_iter();
    let mut incidents: Vec<Incident> = groups
        .filter_map(|(row, members)| {
            let members = members.into_iter().map(|at| places[at]);
            incident(row, members.collect(), rows, &allowed, now)
        })
        .collect();
    incidents.sort_by_key(|incident| {
        let goes_on = incident.status == Status::Ongoing;
        let drops = std::cmp::Reverse(incident.row.facts.drops);
        (!goes_on, drops, incident.row.start)
    });
    incidents
}

/// Who reached whom on which port, with which request, and when.
#[derive(Default)]
struct Allowed<'a>(HashMap<Tried<'a>, Vec<i64>>);

/// Both ends with the port and, of a request, what was asked and who judged that: that the source's rules
/// allow it doesn't mean that the destination's do.
type Tried<'a> = (
    [(&'a WorkloadRef, &'a str, &'a str); 2],
    Option<(&'a str, Option<Direction>)>,
);

fn tried(row: &Row) -> Tried<'_> {
    let request = row.request.as_deref();
    (
        [
            (&row.source.who, &row.source.outside, &row.port),
            (&row.destination.who, &row.destination.outside, &row.port),
        ],
        request.map(|request| (&*request.subject, request.judged_at)),
    )
}

impl<'a> Allowed<'a> {
    fn add(&mut self, row: &'a Row) {
        self.0.entry(tried(row)).or_default().push(row.start);
    }

    /// When it was first allowed after a moment.
    fn after(&self, row: &Row, moment: i64) -> Option<i64> {
        let starts = self.0.get(&tried(row))?.iter().copied();
        starts.filter(|start| *start > moment).min()
    }
}

fn incident(
    row: Row,
    members: Vec<usize>,
    rows: &[Row],
    allowed: &Allowed<'_>,
    now: i64,
) -> Option<Incident> {
    let newest = members.iter().copied().max_by_key(|at| rows[*at].last)?;
    let mut trend = Trend::default();
    let (mut sources, mut destinations) = (BTreeSet::new(), BTreeSet::new());
    for at in &members {
        let of = &rows[*at];
        trend.count(of.last);
        for (pods, end) in [
            (&mut sources, &of.source),
            (&mut destinations, &of.destination),
        ] {
            if !end.pod.is_empty() && pods.len() < MOST_PODS {
                pods.insert(end.full());
            }
        }
    }
    // What comes once an hour is not over after a minute.
    let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    let apart = row.last.saturating_sub(row.start) / count.max(1);
    let status = match allowed.after(&row, row.last) {
        Some(since) => Status::Allowed(since),
        None if now.saturating_sub(row.last) <= QUIET.max(apart.saturating_mul(3)) => {
            Status::Ongoing
        }
        None => Status::Quiet,
    };
    Some(Incident {
        row,
        sources,
        destinations,
        status,
        trend,
        newest,
    })
}
