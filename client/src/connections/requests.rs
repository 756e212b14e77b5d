//! The requests of layer 7 among the flows of a store: the denied ones, each a row of its own, and of the
//! allowed ones those that tell whether denials have ended.

use std::collections::HashSet;

use flow::{
    FlowView as _, Verdict,
    connection::{Connection, Connections},
    filter::Program,
    request::RequestView,
    rows::Row,
};

use crate::store::{Item, Row as FlowRow, Snapshot};

/// A denied request of a store, read; `None` if the number is of something else.
#[must_use]
pub fn denied_request(snapshot: &Snapshot, number: u64) -> Option<RequestView<'_, FlowRow>> {
    RequestView::denied(snapshot.row(number)?)
}

/// The connection that carried a request or an answer: of those of its ends and ports the newest that had begun.
#[must_use]
pub fn carrier<'a>(joined: &'a Connections<u64>, row: &FlowRow) -> Option<Connection<'a, u64>> {
    let all = joined.of(joined.id_of(row)?);
    let begun = all.iter().filter(|of| of.start() <= row.time());
    let place = begun.max_by_key(|of| of.start()).map(Connection::id);
    let mut all = all.into_iter();
    match place {
        Some(id) => all.find(|of| of.id() == id),
        None => all.next(),
    }
}

/// A row for each denied request that the filter lets through, with the number of its flow.
pub fn denied_requests(snapshot: &Snapshot, filter: &mut Program) -> Vec<(Row, u64)> {
    let mut rows = Vec::new();
    for (number, item) in snapshot.iter(snapshot.range()) {
        let Item::Flow(flow) = item else { continue };
        let Some(view) = RequestView::denied(flow) else {
            continue;
        };
        if filter.matches(&view)
            && let Some(row) = Row::of_request(&view, true)
        {
            rows.push((row, number));
        }
    }
    rows
}

/// A row for each request that was allowed later than one of these denied ones asked the same: for
/// [`flow::incidents::incidents`] to see which have ended. With the number of its flow.
pub fn allowed_requests(snapshot: &Snapshot, denied: &[&Row]) -> Vec<(Row, u64)> {
    let subject = |row: &&Row| row.request.as_ref().map(|asked| asked.subject.clone());
    let subjects: HashSet<String> = denied.iter().filter_map(subject).collect();
    let mut rows = Vec::new();
    if subjects.is_empty() {
        return rows;
    }
    let earliest = denied.iter().map(|row| row.last).min().unwrap_or(i64::MAX);
    for (number, item) in snapshot.iter(snapshot.range()) {
        let Item::Flow(flow) = item else { continue };
        if flow.time() <= earliest || flow.verdict() != Verdict::Forwarded {
            continue;
        }
        let Some(view) = RequestView::new(flow) else {
            continue;
        };
        if subjects.contains(&view.subject())
            && let Some(row) = Row::of_request(&view, true)
        {
            rows.push((row, number));
        }
    }
    rows
}
