//! `-o wide`: our own view, row by row as flows come.

use proto::flow::{Flow, Verdict};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::color::Color;
use super::event::Lines;
use super::safe::safely;
use super::{Options, escape};
use crate::attribute::{Attribute, AttributeId, Cells};
use crate::dedup::{Dedup, Row};
use crate::format;
use crate::view::{FlowView as _, Message};

/// The view.
#[derive(Debug)]
pub(super) struct Wide {
    dedup: Dedup,
    /// What the dedup holds back.
    held: Option<Flow>,
    rows: Rows,
    /// The policy that a flow names, kept for its memory.
    policy: String,
}

/// How rows are written.
#[derive(Debug)]
struct Rows {
    cells: Cells,
    color: Color,
    /// With the widths they have by now.
    columns: Vec<(&'static Attribute, usize)>,
    /// The zone's name in the heading above.
    zone: String,
}

impl Wide {
    pub(super) fn new(options: &Options) -> Self {
        let mut columns = Attribute::WIDE.to_vec();
        if options.node_names {
            columns.insert(1, AttributeId::Node);
        }
        let columns = columns.into_iter();
        Self {
            dedup: Dedup::default(),
            held: None,
            rows: Rows {
                cells: Cells {
                    time: options.time,
                    zone: options.zone.clone(),
                    translate: options.translate,
                    plain: false,
                },
                color: Color(options.color),
                columns: columns
                    .map(AttributeId::attribute)
                    .map(|column| (column, column.layout().width))
                    .collect(),
                zone: String::new(),
            },
            policy: String::new(),
        }
    }

    pub(super) fn print(
        &mut self,
        response: &GetFlowsResponse,
        options: &Options,
        text: &mut String,
    ) {
        match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => {
                let message = Message::new(flow);
                self.policy.clear();
                format::write_policy(&message, &mut self.policy);
                let step = self.dedup.push_with(&message, &self.policy);
                if let Some(held) = self.held.take().filter(|_| step.pending_is_row) {
                    self.held_back(&held, text);
                }
                match step.row {
                    Row::New => self.rows.flow(&message, &self.policy, text),
                    Row::Pending => self.held = Some(flow.clone()),
                    Row::Duplicate => {}
                }
            }
            Some(_) => {
                self.rows.headings(response.time.unwrap_or_default(), text);
                Lines(options).compact(response, text);
                text.push('\n');
            }
            None => {}
        }
    }

    /// Prints what waits for its drop, which did not come.
    pub(super) fn settle(&mut self, text: &mut String) {
        let is_row = self.dedup.settle();
        if let Some(held) = self.held.take().filter(|_| is_row) {
            self.held_back(&held, text);
        }
    }

    fn held_back(&mut self, flow: &Flow, text: &mut String) {
        let message = Message::new(flow);
        self.rows.flow(&message, &format::policy(&message), text);
    }
}

impl Rows {
    /// The headings, once, and again where the clock is put forward or back.
    fn headings(&mut self, moment: Timestamp, text: &mut String) {
        let zone = &self.cells.zone;
        if zone.is_called(&self.zone, moment) {
            return;
        }
        self.zone = zone.abbreviation(moment);
        let timestamp = zone.heading(AttributeId::Timestamp.attribute().layout().heading, moment);
        self.row(None, text, |_cells, column, text| {
            text.push_str(if column.id == AttributeId::Timestamp {
                &timestamp
            } else {
                column.layout().heading
            });
        });
    }

    fn flow(&mut self, flow: &Message<'_>, policy: &str, text: &mut String) {
        let moment = flow.time_ns().map(Timestamp::from_unix_nanos);
        self.headings(moment.unwrap_or_default(), text);
        self.row(Some(flow.verdict()), text, |cells, column, text| {
            safely(text, escape, |text| {
                match column.id == AttributeId::Policy {
                    true => text.push_str(policy),
                    false => column.write(flow, cells, text),
                }
            });
        });
    }

    /// A row of what `write` writes into each cell, the verdict in its colour. Columns grow with what
    /// they have to hold; the last one has no width.
    fn row(
        &mut self,
        verdict: Option<Verdict>,
        text: &mut String,
        write: impl Fn(&Cells, &Attribute, &mut String),
    ) {
        let start = text.len();
        for (column, width) in &mut self.columns {
            let cell = text.len();
            write(&self.cells, column, text);
            if column.id == AttributeId::Policy {
                continue;
            }
            let length = text[cell..].chars().count();
            *width = (*width).max(length);
            if let (AttributeId::Verdict, true, Some(verdict)) = (column.id, self.color.0, verdict)
            {
                let plain = text.split_off(cell);
                self.color
                    .verdict(verdict, text, |text| text.push_str(&plain));
            }
            blank(text, *width - length + 2);
        }
        let end = text[start..].trim_end().len() + start;
        text.truncate(end);
        text.push('\n');
    }
}

fn blank(text: &mut String, mut length: usize) {
    const BLANK: &str = "                                ";
    while length > 0 {
        let step = length.min(BLANK.len());
        text.push_str(&BLANK[..step]);
        length -= step;
    }
}
