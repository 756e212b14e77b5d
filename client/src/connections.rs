//! The connections among the flows of a store.

use flow::{
    connection::{ConnectionView, Connections, Limits},
    filter::Program,
    rows::Row,
};

use crate::store::{Item, Marker, Snapshot};

/// The connections of what a store holds; of the events of each leg the number of the one that tells
/// most is kept.
#[must_use]
pub fn join(snapshot: &Snapshot) -> Connections<u64> {
    let range = snapshot.range();
    // No flow is of two connections.
    let flows = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut joined = Connections::new(Limits { tuples: flows });
    for (number, item) in snapshot.iter(range) {
        match item {
            Item::Flow(row) => {
                joined.push(row, || number);
            }
            Item::Marker(marker) => {
                if let Marker::Lost {
                    time, node, events, ..
                } = &**marker
                {
                    joined.lost(node, (*time, *time), *events);
                }
            }
        }
    }
    joined
}

/// A row for each connection that the filter lets through, with the number of the flow that explains
/// it; `now`: Unix ns.
pub fn rows(
    joined: &Connections<u64>,
    snapshot: &Snapshot,
    now: i64,
    filter: &mut Program,
) -> Vec<(Row, u64)> {
    let mut rows = Vec::new();
    for connection in joined.iter() {
        let read = |number: &u64| snapshot.row(*number);
        let Some(view) = ConnectionView::new(&connection, now, read) else {
            continue;
        };
        if filter.matches(&view)
            && let Some(row) = Row::new(&connection, &view, true)
        {
            rows.push((row, *connection.deciding()));
        }
    }
    rows
}
