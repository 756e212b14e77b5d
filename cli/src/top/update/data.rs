//! What comes from the server.

use std::{collections::BTreeMap, net::IpAddr};

use client::{ConnectionState, NodeStats, Row, Snapshot};
use flow::{FlowView as _, Side, Verdict};
use proto::flows::v1::ExplainResponse;

use super::Effect;
use crate::top::{
    data::{ConnectionEnds, LineId, Unit},
    details::Explained,
    model::Model,
    source::FlowSource,
};

/// How long filters rest before the server is told, ns.
const RESTS: i64 = 400_000_000;

/// A line that is looked at, whatever its id.
struct Place {
    /// Unix ns.
    time: i64,
    event: Option<CellSignature>,
    connection: Option<ConnectionEnds>,
}

/// What tells a flow from others of the same time.
type CellSignature = (
    [(Option<IpAddr>, Option<u16>); 2],
    Verdict,
    Option<(i32, i32)>,
    String,
);

fn cell_signature(row: &Row) -> CellSignature {
    let end = |side| (row.ip(side), row.port(side));
    let ends = [end(Side::Source), end(Side::Destination)];
    (ends, row.verdict(), row.event_type(), row.node().to_owned())
}

impl Model {
    pub(super) fn arrived(&mut self, snapshot: Snapshot, base: Option<Snapshot>) {
        self.data.take(snapshot, base, self.now);
    }

    /// Whether the filters let through nothing that those didn't of which the server was told.
    pub(crate) fn keeps_narrowed(&self) -> bool {
        let told = self.last_sent_filters.as_ref();
        // Of connections the server was asked for all events.
        let unit = self.data.unit();
        told.is_some_and(|(told, of)| {
            self.filters.refine(told) && (*of == unit || *of == Unit::Connections)
        })
    }

    /// Takes the sums per node.
    pub(super) fn summed(&mut self, came: BTreeMap<String, NodeStats>) {
        self.node_stats = came;
    }

    pub(super) fn restarted(&mut self) {
        self.data.restart(&self.filters, self.now);
        self.last_sent_filters = None;
        self.changed = self.filters.hide().then_some(self.now);
        self.node_stats.clear();
        self.policies.forget();
        self.changes.forget();
        self.acknowledged.forget();
        self.incidents.forget();
        self.groups.forget();
        self.services.forget();
        self.details = None;
        self.table.selected = None;
        self.table.follow = true;
        self.fetching = false;
    }

    pub(super) fn linked(&mut self, link: ConnectionState) {
        let ended = matches!(link, ConnectionState::Ended);
        self.data.set_ended(ended, self.now);
        if let (ConnectionState::Lost { since, .. }, ConnectionState::Live { .. }) =
            (&self.link, &link)
        {
            let gone = since.elapsed().unwrap_or_default();
            let gone = i64::try_from(gone.as_nanos()).unwrap_or(i64::MAX);
            self.say(format!(
                "reconnected after {}; fetching the flows in between",
                crate::top::text::span(gone)
            ));
            if let Some(details) = &mut self.details
                && let Explained::None(_) = details.explained
            {
                details.explained = Explained::NotAsked;
            }
        }
        if let ConnectionState::Lost { retry_in, .. } = &link {
            if matches!(self.link, ConnectionState::Live { .. }) {
                // This matters more than what was said before.
                self.notice = None;
            }
            let pause = i64::try_from(retry_in.as_nanos()).unwrap_or(i64::MAX);
            self.retry_at = self.now.saturating_add(pause);
        }
        self.link = link;
    }

    pub(super) fn explained(&mut self, number: u64, answer: Result<Box<ExplainResponse>, String>) {
        if let Some(details) = &mut self.details
            && details.number == number
        {
            details.explained = match answer {
                Ok(mut answer) => {
                    answer.command = self.from.command(&answer.command);
                    Explained::Answer(answer)
                }
                Err(why) => Explained::None(why),
            };
        }
    }

    pub(super) fn older_came(&mut self, came: Result<usize, String>) {
        self.fetching = false;
        match came {
            Ok(0) => self.say("the server has no older flows, or memory is full"),
            Ok(count) => self.say(format!("{count} older flows")),
            Err(why) => self.complain(why),
        }
    }

    /// What is looked at; `None`: the newest.
    fn place(&self) -> Option<Place> {
        let id = self.table.selected.filter(|_| !self.table.follow)?;
        Some(match id {
            LineId::Item(number) => Place {
                time: self.data.time(id)?,
                event: self.data.row(number).map(cell_signature),
                connection: None,
            },
            LineId::Connection(of) => Place {
                time: self.data.time(id)?,
                event: None,
                connection: self.data.ends(of),
            },
        })
    }

    /// The line in which that is by now.
    fn find(&self, place: &Place) -> Option<LineId> {
        let data = &self.data;
        if let Some(ends) = &place.connection {
            return data.find(ends);
        }
        let mut same = data.lines().filter(|found| found.time == place.time);
        let found = same.find(|found| data.row(found.number).map(cell_signature) == place.event);
        found.map(|found| found.id)
    }

    /// Goes on with what another store holds, at the same time and with the same flow where they are
    /// there.
    pub(super) fn swapped(&mut self, snapshot: Snapshot, base: Option<Snapshot>) {
        let place = self.place();
        self.data.swap(snapshot, base, &self.filters, self.now);
        self.groups.forget();
        self.services.forget();
        self.incidents.forget();
        self.fetching = false;
        self.table.selected = None;
        let Some(place) = place else {
            self.details = None;
            return;
        };
        let found = self.find(&place);
        let line = match found {
            Some(id) => self.data.line(id),
            None => self.data.line_at(place.time),
        };
        if line >= self.data.len() {
            // Nothing is held from then on: what comes is what is waited for.
            self.table.follow = true;
            self.details = None;
            return;
        }
        let page = self.page();
        self.table.jump(&self.data, line, page);
        match (&mut self.details, found) {
            (Some(details), Some(id)) => details.moved(id, &self.data),
            (details, _) => *details = None,
        }
    }

    pub(super) fn tick(&mut self, effects: &mut Vec<Effect>) {
        let rests = self
            .changed
            .is_some_and(|changed| self.now - changed >= RESTS);
        if rests && self.data.paused().is_none() {
            self.changed = None;
            if let FlowSource::Server(_) = self.from {
                let unit = self.data.unit();
                self.last_sent_filters = Some((self.filters.clone(), unit));
                let added = self.filters.added();
                let whole = added.for_connections();
                let whole = whole.filter(|_| unit == Unit::Connections);
                effects.push(Effect::Narrow(whole.unwrap_or(added)));
            }
        }
        self.data.wait(self.now);
        if self
            .notice
            .as_ref()
            .is_some_and(|notice| self.now > notice.until)
        {
            self.notice = None;
        }
    }

    /// Asks the server about the flow whose details are shown.
    pub(super) fn ask(&mut self, effects: &mut Vec<Effect>) {
        let Some(details) = &mut self.details else {
            return;
        };
        if let Some(flow) = details.ask(self.now) {
            match self.from {
                FlowSource::Server(_) => effects.push(Effect::Explain(details.number, flow)),
                FlowSource::File(_) => {
                    details.explained = Explained::None(
                        "These flows are from a file: no server to ask for an explanation."
                            .to_owned(),
                    );
                }
            }
        }
    }
}
