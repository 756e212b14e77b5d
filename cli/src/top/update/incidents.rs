//! What is done in the view of incidents.

use super::Effect;
use crate::top::{
    data::Unit,
    details::Details,
    keys::Act,
    model::{Model, Tab},
};

impl Model {
    /// Goes to the incidents or, from there, back.
    pub(super) fn show_incidents(&mut self) {
        if self.screen == Tab::Incidents {
            self.leave_incidents();
            return;
        }
        self.details = None;
        self.screen = Tab::Incidents;
        self.incidents.forget();
        // They are of connections.
        if self.data.unit() == Unit::Events && self.filters.of_packets().is_none() {
            self.wanted = Unit::Connections;
            self.change_unit();
        }
    }

    fn leave_incidents(&mut self) {
        self.details = None;
        self.screen = Tab::Flows;
    }

    pub(super) fn incidents_act(&mut self, act: Act, effects: &mut Vec<Effect>) {
        if self.has_focus() && self.details_act(act) || self.open_details_act(act, effects) {
            return;
        }
        match act {
            Act::Open => self.open_incident(),
            Act::Back if self.details.is_none() => self.leave_incidents(),
            Act::Back => self.back(),
            Act::Connection | Act::Include | Act::Exclude | Act::CopyRow => {
                let Some(text) = self.incidents.expression(&self.data) else {
                    self.complain("no incident is selected");
                    return;
                };
                match act {
                    Act::Exclude => self.narrow(&format!("not ({text})")),
                    Act::CopyRow => {
                        effects.push(Effect::copy(&text));
                        self.say("filter copied to the terminal's clipboard");
                    }
                    _ => self.narrow(&text),
                }
                if act == Act::Connection {
                    self.leave_incidents();
                    self.table.follow = true;
                }
            }
            act => self.incidents.act(act, self.page()),
        }
    }

    /// Why, and what would allow it: the details of its newest connection.
    pub(super) fn open_incident(&mut self) {
        if let Some(details) = &mut self.details {
            details.focus = true;
            return;
        }
        if let Some(cause) = self.incidents.cause() {
            self.details = Some(Details::of_incident(cause, &self.data, self.now));
        }
    }
}
