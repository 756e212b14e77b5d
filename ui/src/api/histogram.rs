//! Flows over time.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::{Histogram as Counted, View};
use serde::Serialize;

use super::question::{self, Times};
use super::{Answer, compute, milliseconds};
use crate::desk::{Desk, Looked};
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
}

pub(super) async fn get(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
) -> Answer<Histogram> {
    let known = [&question::PARAMETERS[..], &["at", "buckets"]].concat();
    let params = Params::read(query.as_deref(), &known, &question::REPEATED)?;
    let question = question::question(&params)?;
    let mut times = Times::read(&params)?;
    let at = params.value("at")?.unwrap_or(u64::MAX);
    let buckets = params.number("buckets", BUCKETS.1, 1..=BUCKETS.0)?;
    let histogram = compute(desk, move |desk| {
        let looked = desk.views.get(&question)?;
        let (looked, snapshot) = Looked::advanced(&looked, &desk.store, false);
        times.hold(&snapshot, at);
        Ok(over(&looked.view, &times, at, buckets))
    });
    Ok(Json(histogram.await?))
}

/// Of a view's matches up to a number, within a time: an end that is open is that of the matches.
pub(super) fn over(view: &View, times: &Times, at: u64, buckets: usize) -> Histogram {
    let matches = || view.matches().range(..view.place(at.saturating_add(1)));
    let (from, to) = times.bounds();
    // Flows of several nodes come nearly in order: who stands first needn't be the oldest.
    let mut timed = matches().map(|found| found.time).filter(|time| *time > 0);
    let (mut oldest, mut newest) = (i64::MAX, i64::MIN);
    if from == i64::MIN || to == i64::MAX {
        timed.by_ref().for_each(|time| {
            oldest = oldest.min(time);
            newest = newest.max(time);
        });
    }
    let from = if from == i64::MIN { oldest } else { from };
    let to = if to == i64::MAX { newest } else { to };
    if from > to {
        return Histogram {
            start: 0.0,
            width: 1000.0,
            passed: Vec::new(),
            dropped: Vec::new(),
            lost: Vec::new(),
        };
    }
    let counted = Counted::new(matches(), from, to, buckets);
    let buckets = &counted.buckets;
    Histogram {
        start: milliseconds(counted.start),
        width: milliseconds(counted.length),
        passed: buckets.iter().map(|bucket| bucket.passed).collect(),
        dropped: buckets.iter().map(|bucket| bucket.dropped).collect(),
        lost: buckets.iter().map(|bucket| bucket.lost).collect(),
    }
}
