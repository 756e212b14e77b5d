//! The details of a flow: what happened, why, since when, what would allow it; then everything.

mod document;
mod fields;
mod related;

use flow::time::Zone;
use proto::{
    flow::Flow,
    flows::v1::{ExplainResponse, Suggestion},
};

pub(crate) use document::{Document, Span, Style};
pub(crate) use related::Related;

use super::data::Data;

/// Time without a change of the selection before a server is asked, ns.
const QUIET: i64 = 120_000_000;

/// Least time between two looks for what is related, ns.
const LOOK: i64 = 1_000_000_000;

/// What a server says of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Explained {
    /// Nobody was asked yet.
    #[default]
    NotAsked,
    /// The answer is on its way.
    Asked,
    /// The answer.
    Answer(Box<ExplainResponse>),
    /// There is none, and why.
    None(String),
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Details {
    /// Which flow.
    pub(crate) number: u64,
    /// All of it; `None` if it has left the store.
    pub(crate) flow: Option<Box<Flow>>,
    pub(crate) explained: Explained,
    pub(crate) related: Related,
    /// Lines above the first one that is seen.
    pub(crate) scroll: usize,
    /// Keys move here, not in the table.
    pub(crate) focus: bool,
    /// The table is hidden.
    pub(crate) zoom: bool,
    /// When this flow was selected.
    since: i64,
    /// Version of the data that was looked through for what is related, and when.
    looked: (u64, i64),
}

impl Details {
    pub(crate) fn new(number: u64, data: &Data, now: i64) -> Self {
        Self {
            number,
            flow: data.snapshot().message(number).map(Box::new),
            explained: Explained::default(),
            related: Related::of(number, data),
            scroll: 0,
            focus: false,
            zoom: false,
            since: now - QUIET,
            looked: (data.version(), now),
        }
    }

    /// Shows another flow.
    pub(crate) fn change(&mut self, number: u64, data: &Data, now: i64) {
        if number != self.number {
            *self = Self {
                focus: self.focus,
                zoom: self.zoom,
                since: now,
                ..Self::new(number, data, now)
            };
        }
    }

    /// Looks for what is related among what came since.
    pub(crate) fn refresh(&mut self, data: &Data, now: i64) {
        let (version, then) = self.looked;
        if version != data.version() && now - then >= LOOK && data.row(self.number).is_some() {
            self.related = Related::of(self.number, data);
            self.looked = (data.version(), now);
        }
    }

    /// The flow to ask a server about, once the selection rests.
    pub(crate) fn ask(&mut self, now: i64) -> Option<Box<Flow>> {
        if self.explained != Explained::NotAsked || now - self.since < QUIET {
            return None;
        }
        let flow = self.flow.clone()?;
        self.explained = Explained::Asked;
        Some(flow)
    }

    fn answer(&self) -> Option<&ExplainResponse> {
        match &self.explained {
            Explained::Answer(answer) => Some(answer),
            Explained::NotAsked | Explained::Asked | Explained::None(_) => None,
        }
    }

    /// The smallest rules that would allow it, as the server says.
    pub(crate) fn suggestions(&self) -> &[Suggestion] {
        let now = self.answer().and_then(|answer| answer.now.as_ref());
        now.map_or(&[], |now| &now.suggestions)
    }

    /// The command that asks for the decision again.
    pub(crate) fn command(&self) -> Option<&str> {
        let command = self.answer().map(|answer| answer.command.as_str());
        command.filter(|command| !command.is_empty())
    }

    /// All of it, in words.
    pub(crate) fn document(&self, data: &Data, now: i64, zone: &Zone) -> Document {
        document::write(self, data, now, zone)
    }
}
