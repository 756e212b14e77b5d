//! Connections in groups.
//!
//! What becomes of a connection changes what it counts as, so all that are held are counted again each
//! time that groups are shown. Of `-f` those that are over are added up for good and forgotten: how many
//! connections there were doesn't matter then, only how many there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    time::{Duration, Instant},
};

use flow::{
    aggregate::Aggregator,
    connection::{Connection, ConnectionId, ConnectionView, Connections, Limits, TupleId},
    filter::Program,
};
use proto::flow::Flow;

use super::{super::groups::Groups, LINGER, Most, is_past};

/// Events between two looks at whether room becomes scarce.
pub(super) const LOOK: u64 = 4096;

/// See the module.
pub(super) struct Sums {
    groups: Groups,
    /// What is over, and not held any more.
    settled: Aggregator,
}

/// The connections, which of them are wanted, and as of when (Unix ns).
pub(super) struct Held<'a> {
    pub(super) joined: &'a mut Connections<Box<Flow>>,
    pub(super) filter: &'a mut Program,
    pub(super) now: i64,
}

impl Held<'_> {
    /// Those that the filter lets through, with the time of their last event.
    pub(super) fn matching(&mut self) -> Vec<(i64, ConnectionId)> {
        let mut matching = Vec::new();
        for connection in self.joined.iter() {
            let view = view(&connection, self.now);
            if view.is_some_and(|view| self.filter.matches(&view)) {
                matching.push((connection.last(), connection.id()));
            }
        }
        matching
    }
}

fn view<'a>(connection: &Connection<'a, Box<Flow>>, now: i64) -> Option<ConnectionView<'a, Flow>> {
    ConnectionView::new(connection, now, |flow| Some(&**flow))
}

impl Sums {
    pub(super) fn new((groups, settled): (Groups, Aggregator)) -> Self {
        Self { groups, settled }
    }

    pub(super) fn refreshes_in(&self) -> Option<Duration> {
        self.groups.refreshes_in()
    }

    pub(super) fn is_due(&self) -> bool {
        self.groups.is_due()
    }

    /// Makes room, if it becomes scarce: what there is no room for would not be counted.
    pub(super) fn make_room(&mut self, held: &mut Held<'_>) {
        if held.joined.len() > Limits::default().tuples / 4 * 3 {
            self.settle(held, 0);
        }
    }

    /// Adds up what has been over for longer than so long (ns), and forgets it.
    fn settle(&mut self, held: &mut Held<'_>, linger: i64) {
        let mut over: BTreeMap<TupleId, bool> = BTreeMap::new();
        for connection in held.joined.iter() {
            let is_over = is_past(&connection, held.now, linger);
            *over.entry(connection.id().tuple).or_insert(true) &= is_over;
        }
        for (id, _) in over.into_iter().filter(|(_, is_over)| *is_over) {
            for connection in &held.joined.of(id) {
                count(&mut self.settled, connection, held.filter, held.now);
            }
            held.joined.forget(id);
        }
    }

    /// With `-f`: shows what there is so far.
    pub(super) fn look(&mut self, mut held: Held<'_>, out: &mut dyn Write) -> io::Result<()> {
        let begun = Instant::now();
        self.settle(&mut held, LINGER);
        let mut counted = self.settled.clone();
        for connection in held.joined.iter() {
            count(&mut counted, &connection, held.filter, held.now);
        }
        self.groups.show(&counted, begun, out)
    }

    /// Of a history only so many are wanted: forgets the others.
    pub(super) fn leave_out(most: Most, held: &mut Held<'_>) {
        let kept: BTreeSet<TupleId> = picked(most, held).into_iter().map(|id| id.tuple).collect();
        let all: BTreeSet<TupleId> = held.joined.iter().map(|of| of.id().tuple).collect();
        for id in all.difference(&kept) {
            held.joined.forget(*id);
        }
    }

    /// Nothing comes any more: shows those that are wanted, and says how many they are.
    pub(super) fn finish(
        &mut self,
        most: Most,
        mut held: Held<'_>,
        out: &mut dyn Write,
    ) -> io::Result<u64> {
        let begun = Instant::now();
        let picked = picked(most, &mut held);
        let number = u64::try_from(picked.len()).unwrap_or(u64::MAX);
        for id in picked {
            if let Some(connection) = held.joined.get(id) {
                count(&mut self.settled, &connection, held.filter, held.now);
            }
        }
        self.groups.show(&self.settled, begun, out)?;
        Ok(number)
    }
}

/// Counts a connection, if the filter lets it through.
fn count(
    to: &mut Aggregator,
    connection: &Connection<'_, Box<Flow>>,
    filter: &mut Program,
    now: i64,
) {
    if let Some(view) = view(connection, now).filter(|view| filter.matches(view)) {
        to.push_connection(&view, connection.start());
    }
}

/// Those that are wanted, of those that the filter lets through.
fn picked(most: Most, held: &mut Held<'_>) -> Vec<ConnectionId> {
    let mut matching = held.matching();
    let number = most
        .number()
        .and_then(|number| usize::try_from(number).ok());
    if let Some(number) = number {
        matching.sort_unstable();
        match most {
            Most::Last(_) => drop(matching.drain(..matching.len().saturating_sub(number))),
            Most::First(_) | Most::All => matching.truncate(number),
        }
    }
    matching.into_iter().map(|(_, id)| id).collect()
}
