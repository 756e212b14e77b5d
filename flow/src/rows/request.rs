//! Requests of layer 7 as rows, and what a connection's row says of those that it carried.

use super::{Alike, Judged, Row, RowEnd, port};
use crate::connection::CarriedRequests;
use crate::quantity;
use crate::request::{RequestView, summary};
use crate::view::{Direction, FlowView, Side};

/// What a row that is a request asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowRequest {
    /// As [`RequestView::subject`] has it: `POST /admin/delete`.
    pub subject: String,
    /// Whose rules judged it; `None` if that isn't told.
    pub judged_at: Option<Direction>,
    /// Why it was denied, with the rule that came nearest; may be empty. Of several the newest.
    pub reason: String,
}

/// The requests that a row's connection carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowRequests {
    /// All, the denied ones too.
    pub total: u64,
    /// Those that no rule allowed: they are rows of their own.
    pub denied: u64,
    /// Those that were allowed, and failed on the way.
    pub failed: u64,
    /// The last allowed one, with its answer if that is known: `GET /cart: 200 3ms`; empty if none was.
    pub last: String,
    /// If all asked the same, and nothing of it is open or has failed.
    pub alike: Option<Alike>,
}

impl RowRequests {
    pub(super) fn of<V: FlowView>(view: &impl FlowView, carried: &CarriedRequests<'_, V>) -> Self {
        let last = carried.newest.and_then(|flow| {
            let layer7 = flow.l7()?;
            Some(summary(layer7, flow.verdict()))
        });
        Self {
            total: carried.total,
            denied: carried.denied,
            failed: carried.failed,
            last: last.unwrap_or_default(),
            alike: Alike::of(view, carried),
        }
    }

    /// `is_later`: the other ones come behind these.
    pub(super) fn add(&mut self, other: &Self, is_later: bool) {
        self.total = self.total.saturating_add(other.total);
        self.denied = self.denied.saturating_add(other.denied);
        self.failed = self.failed.saturating_add(other.failed);
        // Of a name the answer counts that says most.
        let says = |alike: &Option<Alike>| alike.as_ref().map(|alike| alike.answered);
        let order = says(&other.alike).cmp(&says(&self.alike));
        if !other.last.is_empty() && order.then(is_later.cmp(&!is_later)).is_gt() {
            self.last.clone_from(&other.last);
            self.alike.clone_from(&other.alike);
        }
    }

    /// `12 requests`, `12 requests, 3 denied`; empty if there were none.
    pub fn text(&self) -> String {
        let mut text = match self.total {
            0 => return String::new(),
            1 => "1 request".to_owned(),
            total => format!("{} requests", quantity::grouped(total)),
        };
        for (number, what) in [(self.denied, "denied"), (self.failed, "failed")] {
            if number > 0 {
                text.push_str(&format!(", {} {what}", quantity::grouped(number)));
            }
        }
        text
    }
}

impl Row {
    /// Of a request. `translate`: names instead of addresses.
    pub fn of_request<V: FlowView>(view: &RequestView<'_, V>, translate: bool) -> Option<Self> {
        let time = view.time_ns().unwrap_or(0);
        Some(Self {
            source: RowEnd::of(view, Side::Source, translate),
            destination: RowEnd::of(view, Side::Destination, translate),
            source_port: view.port(Side::Source),
            port: port(view),
            judged: Judged::of(view),
            why: view.why(),
            facts: view.connection()?,
            start: time,
            last: time,
            bytes: 0,
            rtt_us: None,
            connections: 1,
            request: Some(Box::new(RowRequest {
                subject: view.subject(),
                judged_at: view.judged_at(),
                reason: view.reason(),
            })),
            requests: RowRequests::default(),
        })
    }
}
