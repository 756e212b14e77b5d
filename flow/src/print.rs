//! Flows as text: Hubble's formats, character by character, and our own.
//!
//! A [`Printer`] takes the responses of a stream one by one. What a user pipes on goes to `out`,
//! what the relay says of its nodes to `err`.

mod color;
pub mod csv;
mod dict;
mod event;
pub mod markdown;
mod safe;
mod table;
mod wide;

use std::io::{self, Write};

use proto::google::Timestamp;
use proto::json;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};
use proto::relay::NodeState;
use serde::Serialize;

use crate::time::{TimeFormat, Zone};
use event::Lines;
pub use safe::{escape, escape_lines, shell_word};

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One line per flow.
    Compact,
    /// One block per flow.
    Dict,
    /// A table, when the stream ends.
    Table,
    /// One JSON object per line: the whole response.
    Json,
    /// One JSON object per line: the bare flow.
    LegacyJson,
    /// Our own: columns, as flows come; the policy verdict and the drop of one packet are one row.
    Wide,
}

/// How to print.
#[derive(Debug, Clone)]
pub struct Options {
    /// The format.
    pub format: Format,
    /// How moments are written.
    pub time: TimeFormat,
    /// The zone they are in.
    pub zone: Zone,
    /// With terminal colours (not in tables).
    pub color: bool,
    /// With the node's name.
    pub node_names: bool,
    /// With the names of policies behind policy verdicts.
    pub policy_names: bool,
    /// Names instead of addresses.
    pub translate: bool,
    /// With what the relay says of nodes that are well.
    pub debug: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Compact,
            time: TimeFormat::default(),
            zone: Zone::default(),
            color: false,
            node_names: false,
            policy_names: false,
            translate: true,
            debug: false,
        }
    }
}

impl Options {
    fn moment(&self, moment: Option<&Timestamp>) -> String {
        self.time.text(moment, &self.zone)
    }
}

/// Prints the responses of one stream.
#[derive(Debug)]
pub struct Printer {
    options: Options,
    /// Nothing has been printed so far.
    first: bool,
    table: table::Table,
    wide: wide::Wide,
    /// What is printed at once, kept for its memory.
    text: String,
    /// The same of JSON.
    json: Vec<u8>,
}

impl Printer {
    /// A printer at the beginning of a stream.
    pub fn new(options: Options) -> Self {
        Self {
            wide: wide::Wide::new(&options),
            options,
            first: true,
            table: table::Table::default(),
            text: String::new(),
            json: Vec::new(),
        }
    }

    /// Prints one response. Progress, a response with nothing in it, prints nothing of its own.
    ///
    /// # Errors
    /// A writer fails, or a response has no JSON form.
    pub fn print<'a>(
        &mut self,
        response: &GetFlowsResponse,
        out: &'a mut (dyn Write + 'a),
        err: &'a mut (dyn Write + 'a),
    ) -> io::Result<()> {
        let (out, is_node) = match &response.response_types {
            None => return self.settle(out),
            Some(ResponseTypes::NodeStatus(status)) => {
                let trouble = matches!(
                    status.state_change(),
                    NodeState::NodeUnavailable | NodeState::NodeError
                );
                if !trouble && !self.options.debug || self.options.format == Format::LegacyJson {
                    return Ok(());
                }
                (err, true)
            }
            Some(ResponseTypes::Flow(_) | ResponseTypes::LostEvents(_)) => (out, false),
        };
        self.text.clear();
        match self.options.format {
            Format::Json => return self.json_line(response, out),
            Format::LegacyJson => {
                return match &response.response_types {
                    Some(ResponseTypes::Flow(flow)) => self.json_line(flow, out),
                    Some(ResponseTypes::LostEvents(lost)) => self.json_line(lost, out),
                    Some(ResponseTypes::NodeStatus(_)) | None => Ok(()),
                };
            }
            Format::Dict => {
                if !std::mem::take(&mut self.first) {
                    self.text.push_str("------------\n");
                }
                self.text.push_str(&dict::block(response, &self.options));
            }
            Format::Table if !is_node => self.table.push(response, &self.options),
            Format::Wide if !is_node => self.wide.print(response, &self.options, &mut self.text),
            Format::Compact | Format::Table | Format::Wide => {
                Lines(&self.options).compact(response, &mut self.text);
                self.text.push('\n');
            }
        }
        out.write_all(self.text.as_bytes())
    }

    /// Prints what waits for a flow that did not come.
    fn settle(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.text.clear();
        self.wide.settle(&mut self.text);
        out.write_all(self.text.as_bytes())
    }

    fn json_line(&mut self, message: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
        self.json.clear();
        json::append(&mut self.json, message)?;
        self.json.push(b'\n');
        out.write_all(&self.json)
    }

    /// Prints what was held back until the end of the stream.
    ///
    /// # Errors
    /// The writer fails.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.settle(out)?;
        self.table.flush(out)
    }
}
