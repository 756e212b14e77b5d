//! Flows over time.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::view::Match;
use client::{Histogram as Counted, Outage, Snapshot};
use serde::Serialize;

use super::connections;
use super::flow_query::{self, Times, Unit};
use super::{Answer, compute, milliseconds};
use crate::app_state::{AppState, CachedView};
use crate::params::Params;

/// Most buckets of an answer, and how many there are if nothing is said.
pub(super) const BUCKETS: (usize, usize) = (600, 120);

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Histogram {
    start: f64,
    width: f64,
    passed: Vec<u64>,
    dropped: Vec<u64>,
    lost: Vec<u64>,
    outages: Vec<OutageSpan>,
}

/// A stretch of time of which there are no data, as far as it is part of the histogram.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct OutageSpan {
    /// Empty: of all nodes.
    node: String,
    since: f64,
    until: f64,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Histogram> {
    let known = [&flow_query::PARAMETERS[..], &["at", "buckets", "unit"]].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    let unit = Unit::read(&params, &flow_query)?;
    let mut times = Times::read(&params)?;
    let at: Option<u64> = params.value("at")?;
    let buckets = params.number("buckets", BUCKETS.1, 1..=BUCKETS.0)?;
    let histogram = compute(app, move |app| {
        let live = at.is_none();
        if unit == Unit::Connections {
            let wanted = app.connections(&flow_query, at)?;
            return Ok(app.look(&wanted, |known| {
                if !live {
                    times.hold_at(known.now);
                }
                let matches = connections::matches(known);
                over(app, known.snapshot, matches, (&times, live), buckets)
            }));
        }
        let at = at.unwrap_or(u64::MAX);
        let looked = app.view(&flow_query)?;
        let (looked, snapshot) = CachedView::advanced(&looked, &app.store, false);
        times.hold(&snapshot, at);
        let view = &looked.view;
        let matches = view.matches().range(..view.place(at.saturating_add(1)));
        Ok(over(
            app,
            &snapshot,
            matches.copied(),
            (&times, live),
            buckets,
        ))
    });
    Ok(Json(histogram.await?))
}

/// Of matches within a time: an end that is open is that of the matches.
///
/// While some node is away, what is `live` ends now: that nothing comes from it is to be seen.
pub(super) fn over(
    app: &AppState,
    snapshot: &Snapshot,
    matches: impl Iterator<Item = Match> + Clone,
    (times, live): (&Times, bool),
    buckets: usize,
) -> Histogram {
    let outages = app.outages(snapshot);
    let live = live && app.goes_on();
    let (from, to) = times.bounds();
    // Flows of several nodes come nearly in order: who stands first needn't be the oldest.
    let mut timed = matches
        .clone()
        .map(|found| found.time)
        .filter(|time| *time > 0);
    let (mut oldest, mut newest) = (i64::MAX, i64::MIN);
    if from == i64::MIN || to == i64::MAX {
        timed.by_ref().for_each(|time| {
            oldest = oldest.min(time);
            newest = newest.max(time);
        });
    }
    let from = if from == i64::MIN { oldest } else { from };
    let lasts = |outage: &Outage| outage.until.is_none();
    let away = outages.iter().any(lasts);
    let to = match to {
        i64::MAX if live && away && newest > 0 => newest.max(flow_query::now()),
        i64::MAX => newest,
        to => to,
    };
    if from > to {
        return Histogram {
            start: 0.0,
            width: 1000.0,
            passed: Vec::new(),
            dropped: Vec::new(),
            lost: Vec::new(),
            outages: Vec::new(),
        };
    }
    let counted = Counted::counted(matches, from, to, buckets);
    let buckets = &counted.buckets;
    Histogram {
        start: milliseconds(counted.start),
        width: milliseconds(counted.length),
        passed: buckets.iter().map(|bucket| bucket.passed).collect(),
        dropped: buckets.iter().map(|bucket| bucket.dropped).collect(),
        lost: buckets.iter().map(|bucket| bucket.lost).collect(),
        outages: spans(&outages, &counted),
    }
}

/// Those of a stretch of time.
fn spans(known: &[Outage], counted: &Counted) -> Vec<OutageSpan> {
    let count = i64::try_from(counted.buckets.len()).unwrap_or(i64::MAX);
    let from = counted.start;
    let to = from.saturating_add(counted.length.saturating_mul(count));
    let shown = known
        .iter()
        .filter(|outage| outage.touches(from, to, flow_query::now()));
    let span = |outage: &Outage| OutageSpan {
        node: outage.node.clone(),
        since: milliseconds(outage.from.max(from)),
        until: milliseconds(outage.until.unwrap_or(to).min(to)),
    };
    shown.map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_cut_to_what_is_shown() {
        let second = 1_000_000_000;
        let counted = Counted::new(&[], 10 * second, 19 * second, 10);
        let outage = |node: &str, from, until: Option<i64>| Outage {
            node: node.to_owned(),
            from,
            until: until.map(|until| until * second),
        };
        let known = [
            outage("early", 2 * second, Some(9)),
            outage("first", i64::MIN, Some(12)),
            outage("short", 13 * second, Some(14)),
            outage("", 15 * second, Some(18)),
            outage("last", 16 * second, None),
        ];
        let spans = spans(&known, &counted);
        let spans: Vec<_> = spans
            .iter()
            .map(|span| (span.node.as_str(), span.since, span.until))
            .collect();
        let want = [
            ("first", 10_000.0, 12_000.0),
            ("", 15_000.0, 18_000.0),
            ("last", 16_000.0, 20_000.0),
        ];
        assert_eq!(spans, want);
    }
}
