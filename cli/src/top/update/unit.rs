//! Connections or events: which of them the lines are.

use crate::top::{data::Unit, model::Model};

impl Model {
    /// Shows events instead of connections, or connections again.
    pub(super) fn toggle_unit(&mut self) {
        if let Some(of) = self.filters.of_packets() {
            let text = format!("{of} is about single packets: only events can be shown");
            self.complain(text);
            return;
        }
        self.wanted = match self.data.unit() {
            Unit::Connections => Unit::Events,
            Unit::Events => Unit::Connections,
        };
        self.change_unit();
        // The server is asked for other events.
        self.changed = self.filters.hide().then_some(self.now);
        self.say(match self.wanted {
            Unit::Connections => "showing connections",
            Unit::Events => "showing events of packets",
        });
    }

    /// Goes over to what is wanted and the filters allow, with the selection where it was; whether that
    /// is something else than before.
    pub(super) fn change_unit(&mut self) -> bool {
        let before = self.data.unit();
        let selected = self.table.selected.filter(|_| !self.table.follow);
        let number = selected.and_then(|id| self.data.number(id));
        let time = selected.and_then(|id| self.data.time(id));
        self.choose_unit();
        if self.data.unit() == before {
            return false;
        }
        self.table.selected = None;
        let found = number.and_then(|number| match self.data.unit() {
            Unit::Connections => self.data.connection_of(number),
            Unit::Events => self.data.packet_of(number),
        });
        let line = match (found, time) {
            (Some(id), _) => Some(self.data.line(id)),
            (None, Some(time)) => Some(self.data.line_at(time)),
            (None, None) => None,
        };
        if let Some(line) = line {
            let page = self.page();
            self.table.jump(&self.data, line, page);
        }
        self.groups.forget();
        self.services.forget();
        self.table.forget_seen();
        true
    }
}
