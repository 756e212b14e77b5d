//! What happens changes the model, and says what is to be done outside of it.

mod data;
mod flows;
mod incidents;
mod mouse;
mod normal;
mod prompt;
mod time;
mod unit;

use std::collections::BTreeMap;

use client::{ConnectionState, Health, NodeStats, RequestError, Snapshot};
use crossterm::event::{KeyEvent, MouseEvent};
use flow::{Filter, print::escape};
use proto::{
    flow::Flow,
    flows::v1::{
        AcknowledgeResponse, Acknowledgement, ExplainResponse, GetAcknowledgementsResponse,
        GetChangesResponse, GetPoliciesResponse,
    },
};

pub(crate) use prompt::offered;

use super::{
    acknowledged::Prompt,
    export::{Export, ExportError},
    keys::{self, Act, Place},
    model::{Mode, Model},
    theme::Theme,
};

/// What happens.
#[derive(Debug)]
pub(crate) enum Event {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Paste(String),
    /// What the store holds now.
    Data(Snapshot),
    /// What came from each node so far.
    Sums(BTreeMap<String, NodeStats>),
    /// A new store is filled from now on.
    Restarted,
    /// What a store of what the filters let through holds now, and what the one of all does.
    FilteredStore(Snapshot, Snapshot),
    /// Another store takes the place of the present one; with the one of all, if it isn't that.
    Swapped(Snapshot, Option<Snapshot>),
    Connection(ConnectionState),
    /// The server's answer about the flow of a number.
    Explained(u64, Result<Box<ExplainResponse>, String>),
    Health(Result<Box<Health>, String>),
    Policies(Result<GetPoliciesResponse, RequestError>),
    Changes(Result<GetChangesResponse, RequestError>),
    /// What is known of incidents.
    Acknowledgements(Result<GetAcknowledgementsResponse, RequestError>),
    /// What the server answered to what was said of one.
    Acknowledged(Prompt, Result<AcknowledgeResponse, String>),
    /// How many older flows came.
    Older(Result<usize, String>),
    /// What became of an export.
    Written(Result<String, ExportError>),
    /// Something went wrong that is to be known.
    Failed(String),
    /// Whether the terminal's background is light.
    Background(bool),
    /// Time goes by.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Effect {
    Quit,
    /// Ask the server about the flow of that number.
    Explain(u64, Box<Flow>),
    /// Tell the server what was written there of an incident.
    Acknowledge(Prompt, Acknowledgement),
    /// Fetch older flows.
    Older,
    /// Give a text to the terminal's clipboard.
    Copy(String),
    /// Write a file.
    Export(Export),
    /// Catch the mouse, or let the terminal have it.
    Mouse(bool),
    /// Keep the expressions for the next time.
    Remember(Vec<String>),
    /// Try at once to connect again.
    Retry,
    /// Read everything anew.
    Restart,
    /// Ask the server for what these filters let through, besides the command line's.
    Narrow(Filter),
    /// Draw everything, not only what changed.
    Redraw,
    /// Give the terminal back, and stop until somebody wants it to go on.
    Suspend,
}

impl Effect {
    /// Gives a line to the clipboard. Somebody will paste it into a terminal: what is in it that steers
    /// one, or would end the line and run it, is escaped, but for the ends of cells.
    fn copy(line: &str) -> Self {
        let cells: Vec<_> = line.split('\t').map(escape).collect();
        Self::Copy(cells.join("\t"))
    }
}

impl Model {
    /// Takes what happened at a moment (Unix ns).
    pub(crate) fn update(&mut self, event: Event, now: i64) -> Vec<Effect> {
        self.now = now;
        let mut effects = Vec::new();
        match event {
            Event::Key(key) => self.key(&key, &mut effects),
            Event::Mouse(mouse) => self.mouse(&mouse, &mut effects),
            Event::Paste(text) => self.paste(&text),
            Event::Data(snapshot) => self.arrived(snapshot, None),
            Event::FilteredStore(snapshot, base) => self.arrived(snapshot, Some(base)),
            Event::Sums(came) => self.summed(came),
            Event::Restarted => self.restarted(),
            Event::Swapped(snapshot, base) => self.swapped(snapshot, base),
            Event::Connection(link) => self.linked(link),
            Event::Explained(number, answer) => self.explained(number, answer),
            // What was said before the connection broke is all there is.
            Event::Health(Err(_)) if matches!(self.link, ConnectionState::Lost { .. }) => {}
            Event::Health(health) => {
                if let Ok(health) = &health {
                    let ours = health.ours.as_ref();
                    let problems = ours.map_or(&[][..], |ours| &ours.problems);
                    self.policies.refuse(problems);
                }
                self.health = Some(health);
            }
            Event::Changes(answer) => self.changes.take(answer),
            Event::Acknowledgements(answer) => self.acknowledged.take(answer),
            Event::Acknowledged(prompt, answer) => self.acknowledged(prompt, answer),
            Event::Policies(answer) => self.policies.take(answer, self.now),
            Event::Older(came) => self.older_came(came),
            Event::Written(done) => self.written(done),
            Event::Failed(text) => self.complain(text),
            Event::Background(light) => self.theme = Theme::on(light),
            Event::Tick => self.tick(&mut effects),
        }
        self.settle();
        self.ask(&mut effects);
        effects
    }

    fn key(&mut self, key: &KeyEvent, effects: &mut Vec<Effect>) {
        // Wherever one is, also where something is written.
        if keys::act(key, &[Place::Everywhere]) == Some(Act::Suspend) {
            effects.push(Effect::Suspend);
            return;
        }
        match self.mode {
            Mode::Normal => self.normal_key(key, effects),
            Mode::Filter => self.filter_key(key, effects),
            Mode::Time => self.time_key(key),
            Mode::Help(from) => self.help_key(key, from),
            Mode::Columns(line) => self.columns_key(key, line),
            Mode::Verdicts(line) => self.verdicts_key(key, line),
            Mode::Export(_) => self.export_key(key, effects),
            Mode::Acknowledge(_) => self.acknowledge_key(key, effects),
        }
    }

    fn paste(&mut self, text: &str) {
        match &mut self.mode {
            Mode::Filter => {
                self.bar.line.insert(text);
                self.bar.changed(&self.data);
            }
            Mode::Export(name) => name.line.insert(text),
            Mode::Acknowledge(prompt) => {
                if let Some(line) = &mut prompt.line {
                    line.insert(text);
                }
            }
            Mode::Normal | Mode::Time | Mode::Help(_) | Mode::Columns(_) | Mode::Verdicts(_) => {}
        }
    }

    /// Says why events are shown, if a filter is about single packets.
    pub(crate) fn say_what_is_of_packets(&mut self) {
        if let Some(of) = self.filters.of_packets() {
            let text = format!("{of} is about single packets: events are shown while it is on");
            self.say(text);
        }
    }

    /// Shows what other filters let through.
    pub(crate) fn refilter(&mut self) {
        let before = self.data.unit();
        if !self.change_unit() {
            self.data.refilter(&self.filters, self.now);
        }
        if before != self.data.unit() {
            self.say_what_is_of_packets();
        }
        self.changed = Some(self.now);
        self.groups.forget();
        self.services.forget();
        self.incidents.forget();
        self.table.forget_seen();
    }
}
