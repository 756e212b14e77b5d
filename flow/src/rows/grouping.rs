//! Rows as they stand together: those of one cause are one, and a connection that carried nothing but denied
//! requests, each of which is a row, is one with these.

use std::collections::{HashMap, HashSet};

use super::{Cause, Judged, Row, RowEnd};
use crate::view::ConnectionState;

/// Nodes' clocks differ by so much (ns): a request may be told before its connection began.
const SLACK: i64 = 10_000_000_000;

/// Whether a request of a moment can have been on a connection between the same ports that lived in a time
/// (Unix ns).
pub fn may_carry((start, last): (i64, i64), moment: i64) -> bool {
    (start.saturating_sub(SLACK)..=last.saturating_add(SLACK)).contains(&moment)
}

impl Row {
    /// Of a connection that is over, and of which there is no more to say than that its requests were denied:
    /// how many. Where each of them is a row, it is one with them.
    pub fn only_denied(&self) -> Option<u64> {
        let is_over = match self.facts.state {
            ConnectionState::Closed | ConnectionState::Answered | ConnectionState::Reset => true,
            ConnectionState::Opening
            | ConnectionState::Open
            | ConnectionState::Denied
            | ConnectionState::NoAnswer
            | ConnectionState::Refused => false,
        };
        let is_whole = self.judged == Judged::Allowed
            && self.facts.drops == 0
            && self.facts.lost == 0
            && self.requests.failed == 0;
        let denied = self.requests.denied;
        (is_over && is_whole && denied > 0 && denied >= self.requests.total).then_some(denied)
    }

    /// Takes in the connections that carried these denied requests: of the row that only grows.
    pub(super) fn take_carrier(&mut self, carrier: &Self) {
        self.bytes = self.bytes.saturating_add(carrier.bytes);
        self.connections = self.connections.saturating_add(carrier.connections);
    }

    fn socket(&self) -> Socket<'_> {
        let Self {
            source,
            source_port,
            destination,
            port,
            ..
        } = self;
        (source, *source_port, destination, port)
    }
}

/// Both ends with their ports.
type Socket<'a> = (&'a RowEnd, Option<u16>, &'a RowEnd, &'a str);

/// Rows by the time of their last event. Those of one [`Row::cause`] become one, and a connection of which
/// there is no more to say than its denied requests ([`Row::only_denied`]) goes with the first of them.
pub fn folded(rows: Vec<Row>) -> Vec<Row> {
    let groups = grouped(rows).into_iter();
    groups.map(|(row, _)| row).collect()
}

/// The same, each with the places that its rows had among those given.
pub fn grouped(rows: Vec<Row>) -> Vec<(Row, Vec<usize>)> {
    let carriers = carriers(&rows);
    let carried: HashSet<usize> = carriers.iter().map(|(of, _)| *of).collect();
    let mut causes: HashMap<Cause, usize> = HashMap::new();
    let mut groups: Vec<(Row, Vec<usize>)> = Vec::with_capacity(rows.len());
    // Of each row that carriers go with the place of its group.
    let mut group_of: HashMap<usize, usize> = carriers.iter().map(|(_, to)| (*to, 0)).collect();
    let mut left: Vec<(Row, usize, usize)> = Vec::with_capacity(carriers.len());
    let mut carriers = carriers.into_iter().peekable();
    for (place, row) in rows.into_iter().enumerate() {
        if carried.contains(&place) {
            let to = carriers.next_if(|(of, _)| *of == place);
            left.extend(to.map(|(of, to)| (row, of, to)));
            continue;
        }
        let at = match row.cause() {
            Some(cause) => *causes.entry(cause).or_insert(groups.len()),
            None => groups.len(),
        };
        if let Some(group) = group_of.get_mut(&place) {
            *group = at;
        }
        match groups.get_mut(at) {
            Some((known, places)) => {
                known.add(&row);
                places.push(place);
            }
            None => groups.push((row, vec![place])),
        }
    }
    for (row, place, to) in left {
        let group = group_of.get(&to).and_then(|at| groups.get_mut(*at));
        if let Some((known, places)) = group {
            known.add(&row);
            places.push(place);
        }
    }
    groups.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
    groups
}

/// The connections that go with their requests, and the place of the first of these, by place.
fn carriers(rows: &[Row]) -> Vec<(usize, usize)> {
    let mut requests: HashMap<Socket<'_>, Vec<usize>> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if row.request.is_some() {
            requests.entry(row.socket()).or_default().push(place);
        }
    }
    if requests.is_empty() {
        return Vec::new();
    }
    let carrier = |(place, row): (usize, &Row)| {
        let wanted = row.only_denied().filter(|_| row.request.is_none())?;
        let own = requests.get(&row.socket())?.iter().copied();
        let own = own.filter_map(|at| Some((at, rows.get(at)?)));
        let mut own = own.filter(|(_, of)| may_carry((row.start, row.last), of.last));
        let (first, of) = own.next()?;
        let there: u64 = own.map(|(_, of)| of.facts.drops).sum();
        (there.saturating_add(of.facts.drops) >= wanted).then_some((place, first))
    };
    rows.iter().enumerate().filter_map(carrier).collect()
}

/// Puts rows in the order of their last events, the newest last.
pub fn by_time(rows: &mut [Row]) {
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
}
