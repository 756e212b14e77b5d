//! What is done in the view of incidents.

use crossterm::event::{KeyCode, KeyEvent};
use proto::flows::v1::AcknowledgeResponse;

use super::{Effect, prompt::leaves};
use crate::{
    incidents::acknowledge,
    top::{
        acknowledged::Prompt,
        data::Unit,
        details::Details,
        keys::Act,
        model::{Mode, Model, Tab},
        source::FlowSource,
    },
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
            Act::Acknowledge | Act::Withdraw => self.open_acknowledgement(act),
            Act::Acknowledged => {
                self.acknowledged.hidden = !self.acknowledged.hidden;
                self.say(match self.acknowledged.hidden {
                    true => "acknowledged incidents are hidden",
                    false => "acknowledged incidents are shown, last",
                });
            }
            Act::Connection | Act::Include | Act::Exclude | Act::CopyRow => {
                let expression = self.incidents.expression(&self.data);
                let missing = "no incident is selected";
                if self.act_on_line(act, expression, missing, effects) && act == Act::Connection {
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

    /// Asks until when and why somebody knows of the selected incident, or whether nobody does.
    fn open_acknowledgement(&mut self, act: Act) {
        let is_file = matches!(self.from, FlowSource::File(_));
        if let Some(why) = self.acknowledged.missing(is_file) {
            self.complain(why);
            return;
        }
        let Some(cause) = self.incidents.cause() else {
            self.complain("no incident is selected");
            return;
        };
        let known = cause.acknowledged.as_ref();
        let prompt = match act {
            Act::Withdraw if known.is_none() => {
                self.complain("this incident is not acknowledged");
                return;
            }
            Act::Withdraw => Prompt::withdraw(&cause.id, known, &self.zone),
            _ => Prompt::acknowledge(&cause.id, known, &self.zone),
        };
        self.notice = None;
        self.mode = Mode::Acknowledge(prompt);
    }

    pub(super) fn acknowledge_key(&mut self, key: &KeyEvent, effects: &mut Vec<Effect>) {
        if leaves(key) {
            self.mode = Mode::Normal;
            return;
        }
        let Mode::Acknowledge(prompt) = &mut self.mode else {
            return;
        };
        if key.code != KeyCode::Enter {
            if let Some(line) = &mut prompt.line {
                line.key(key);
                prompt.refused = None;
            }
            return;
        }
        match prompt.said(self.now, &self.zone) {
            Ok(said) => {
                let prompt = prompt.clone();
                self.mode = Mode::Normal;
                self.say("telling the server \u{2026}");
                effects.push(Effect::Acknowledge(prompt, said));
            }
            Err(why) => prompt.refused = Some(why.to_string()),
        }
    }

    /// Shows what holds now, as the server says; what it refuses can be written again.
    pub(super) fn acknowledged(
        &mut self,
        prompt: Prompt,
        answer: Result<AcknowledgeResponse, String>,
    ) {
        match answer {
            Ok(answer) => {
                self.acknowledged.answered(&prompt.id, &answer);
                let outcome = acknowledge::outcome(&prompt.id, &self.zone, &answer);
                match answer.notes.is_empty() {
                    true => self.say(outcome),
                    false => self.complain(format!("{outcome}; {}", answer.notes.join("; "))),
                }
            }
            Err(why) if matches!(self.mode, Mode::Normal) => {
                self.notice = None;
                self.mode = Mode::Acknowledge(Prompt {
                    refused: Some(why),
                    ..prompt
                });
            }
            Err(why) => self.complain(why),
        }
    }
}
