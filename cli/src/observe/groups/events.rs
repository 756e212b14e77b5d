//! Groups of flows.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use flow::{
    aggregate::Aggregator,
    dedup::{Dedup, Row},
    view::Message,
};
use proto::flow::Flow;

use super::Groups;

/// Counts flows, and shows what it counted.
pub(crate) struct EventGroups {
    aggregator: Aggregator,
    dedup: Dedup,
    held: Option<Flow>,
    groups: Groups,
}

impl EventGroups {
    pub(crate) fn new((groups, aggregator): (Groups, Aggregator)) -> Self {
        Self {
            aggregator,
            dedup: Dedup::default(),
            held: None,
            groups,
        }
    }

    /// Counts a flow; the several flows of one packet once.
    pub(crate) fn push(&mut self, flow: &Flow, out: &mut dyn Write) -> io::Result<()> {
        let message = Message::new(flow);
        let step = self.dedup.push(&message);
        if let Some(held) = self.held.take().filter(|_| step.pending_is_row) {
            self.aggregator.push(&Message::new(&held));
        }
        match step.row {
            Row::New => self.aggregator.push(&message),
            Row::Pending => self.held = Some(flow.clone()),
            Row::Duplicate => {}
        }
        // Many flows at once leave no time to wait in.
        match self.aggregator.total().flows.is_multiple_of(1024) {
            true => self.refresh(out),
            false => Ok(()),
        }
    }

    /// When the next refresh is due.
    pub(crate) fn refreshes_in(&self) -> Option<Duration> {
        self.groups.refreshes_in()
    }

    /// Shows the groups, if it is time.
    pub(crate) fn refresh(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.groups.is_due() {
            true => self.groups.show(&self.aggregator, Instant::now(), out),
            false => Ok(()),
        }
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let is_row = self.dedup.settle();
        if let Some(held) = self.held.take().filter(|_| is_row) {
            self.aggregator.push(&Message::new(&held));
        }
        self.groups.show(&self.aggregator, Instant::now(), out)
    }
}
