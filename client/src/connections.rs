//! The connections among the flows of a store: joined once, or kept up to date as flows come.

mod alike;
mod entry;
mod exchanges;
mod joined;
mod list;
mod requests;
mod sums;

use flow::{
    connection::{Connection, ConnectionView, Connections},
    filter::Program,
    rows::Row,
};

use crate::store::{Row as FlowRow, Snapshot};
pub use alike::Told;
pub use entry::Entry;
pub use exchanges::{Exchange, asked, exchanges};
pub use joined::{Joined, Position};
pub use list::{Changes, ConnectionList};
pub use requests::{allowed_requests, carrier, denied_request, denied_requests};

/// The connections of what a store holds; of the events of each leg the number of the one that tells
/// most is kept.
#[must_use]
pub fn join(snapshot: &Snapshot) -> Connections<u64> {
    Joined::until(snapshot, u64::MAX).into_connections()
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
        let Some(view) = view(&connection, snapshot, now) else {
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

/// A connection with the events of the store that tell of it; `None` if it holds them no longer.
#[must_use]
pub fn view<'a>(
    connection: &Connection<'a, u64>,
    snapshot: &'a Snapshot,
    now: i64,
) -> Option<ConnectionView<'a, FlowRow>> {
    ConnectionView::new(connection, now, |number: &u64| snapshot.row(*number))
}
