//! Other flows that belong to one: of the same connection, and of the same pair and port.

use std::{collections::HashSet, net::IpAddr};

use client::{Item, Row};
use flow::{
    FlowView as _, Side, Verdict,
    dedup::{self, Dedup},
    view::Transport,
};

use crate::top::data::{ConnectionEnds, Data, EndsKey};

/// Most flows of the same connection that are listed; the newest are.
const LISTED: usize = 50;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Related {
    /// Numbers of flows of the same connection, in order, the flow itself among them.
    pub(crate) connection: Vec<u64>,
    /// Further ones that are older.
    pub(crate) connection_more: u64,
    /// Numbers of the newest flows of a proxy among them, in order.
    pub(crate) requests: Vec<u64>,
    /// Flows of the same pair, port and verdict.
    pub(crate) alike: u64,
    /// Flows of the same pair and port with another verdict.
    pub(crate) others: u64,
    /// The first one alike.
    pub(crate) since: Option<i64>,
    /// The last one alike.
    pub(crate) until: Option<i64>,
}

/// Addresses, ports and protocol, whichever way round.
type Connection = ([(IpAddr, Option<u16>); 2], Option<Transport>);

fn connection(row: &Row) -> Option<Connection> {
    let end = |side| Some((row.ip(side)?, row.port(side)));
    let mut ends = [end(Side::Source)?, end(Side::Destination)?];
    ends.sort_unstable();
    Some((ends, row.transport()))
}

/// What an end is, whichever of its copies.
#[derive(PartialEq)]
enum Who<'a> {
    Pod(&'a str, &'a str),
    Ip(Option<IpAddr>),
}

/// Pair, port and protocol, in the direction in which the connection was opened.
fn pair(row: &Row) -> (Who<'_>, Who<'_>, Option<u16>, Option<Transport>) {
    let [from, to] = match row.is_reply() {
        Some(true) => [Side::Destination, Side::Source],
        Some(false) | None => [Side::Source, Side::Destination],
    };
    let who = |side| match row.pod(side) {
        "" => Who::Ip(row.ip(side)),
        pod => Who::Pod(row.namespace(side), pod),
    };
    (who(from), who(to), row.port(to), row.transport())
}

/// Both are packets' events, or both are requests or both answers.
fn is_alike(one: &Row, other: &Row) -> bool {
    match (one.l7(), other.l7()) {
        (None, None) => true,
        (Some(_), Some(_)) => one.is_reply() == other.is_reply(),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn dropped(row: &Row) -> bool {
    matches!(row.verdict(), Verdict::Dropped | Verdict::Error)
}

impl Related {
    /// Looks through all that is held. `alike`: the connections that are one line with that of the flow.
    pub(crate) fn of(number: u64, alike: &HashSet<EndsKey>, data: &Data) -> Self {
        let mut related = Self::default();
        let Some(this) = data.row(number) else {
            return related;
        };
        let (this_connection, this_pair, this_dropped) =
            (connection(this), pair(this), dropped(this));
        let snapshot = data.snapshot();
        // The several flows of one packet count as one.
        let mut dedup = Dedup::default();
        let mut held: Option<&Row> = None;
        for (number, item) in snapshot.iter(snapshot.range()) {
            let Item::Flow(row) = item else { continue };
            if row.transport() != this_pair.3 {
                continue;
            }
            // What a proxy tells of a request is none of the connection's packets.
            if pair(row) == this_pair && is_alike(row, this) {
                let step = dedup.push(row);
                if let Some(before) = held.take().filter(|_| step.pending_is_row) {
                    related.count(before, this_dropped);
                }
                match step.row {
                    dedup::Row::New => related.count(row, this_dropped),
                    dedup::Row::Pending => held = Some(row),
                    dedup::Row::Duplicate => {}
                }
            }
            if this_connection.is_some() && connection(row) == this_connection {
                related.connection.push(number);
                if row.l7().is_some() {
                    related.requests.push(number);
                }
            } else if !alike.is_empty()
                && row.l7().is_some()
                && let Some(either) = ConnectionEnds::of_event(row)
                && either.iter().any(|ends| alike.contains(&ends.key()))
            {
                related.requests.push(number);
            }
        }
        if let Some(last) = held.filter(|_| dedup.settle()) {
            related.count(last, this_dropped);
        }
        // Of each request up to four: asked and answered, as judged at both ends.
        let more = related.requests.len().saturating_sub(4 * LISTED);
        related.requests.drain(..more);
        let more = related.connection.len().saturating_sub(LISTED);
        related.connection_more = more as u64;
        related.connection.drain(..more);
        related
    }

    fn count(&mut self, row: &Row, is_dropped: bool) {
        if dropped(row) == is_dropped {
            self.alike += 1;
            self.since.get_or_insert(row.time());
            self.until = Some(row.time());
        } else {
            self.others += 1;
        }
    }
}
