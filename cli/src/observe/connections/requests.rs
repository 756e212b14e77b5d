//! Denied requests of layer 7, until they are shown.

use std::collections::VecDeque;

use flow::{filter::Program, request::RequestView, rows::Row};
use proto::flow::Flow;

/// Requests that are held at most: older ones are left out, and counted.
const MOST: usize = 65_536;

/// See the module.
#[derive(Default)]
pub(super) struct DeniedRequests {
    rows: VecDeque<Row>,
    /// How many were held before the first one that is.
    before: u64,
    forgotten: u64,
}

impl DeniedRequests {
    /// Takes a flow in, if it is a denied request that the filter lets through. `translate`: names instead
    /// of addresses.
    pub(super) fn push(&mut self, flow: &Flow, filter: &mut Program, translate: bool) {
        let Some(view) = RequestView::denied(flow).filter(|view| filter.matches(view)) else {
            return;
        };
        if self.rows.len() == MOST {
            self.rows.pop_front();
            self.before += 1;
            self.forgotten += 1;
        }
        self.rows.extend(Row::of_request(&view, translate));
    }

    /// Those that are held, in the order in which they came.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    /// The same, each with its number, and none is held any more.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u64, Row)> + use<> {
        let rows = std::mem::take(&mut self.rows);
        let first = self.before;
        self.before += rows.len() as u64;
        (first..).zip(rows)
    }

    /// How many were left out for want of room.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
