//! `-o wide`: our own view, row by row as flows come.

use std::io::{self, Write};

use proto::flow::Flow;
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::event::Lines;
use super::paint::Paint;
use super::{Options, escape};
use crate::columns::{Cells, Column};
use crate::fold::{Fold, Row};
use crate::view::{FlowView as _, Message};

/// The state of the view.
#[derive(Debug, Default)]
pub(super) struct Wide {
    columns: Vec<(Column, usize)>,
    fold: Fold,
    /// What the fold holds back.
    held: Option<Flow>,
    /// The zone's name in the heading above.
    zone: String,
}

impl Wide {
    pub(super) fn print(
        &mut self,
        response: &GetFlowsResponse,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut text = String::new();
        match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => {
                let message = Message::new(flow);
                let step = self.fold.push(&message);
                if let Some(held) = self.held.take().filter(|_| step.held_is_row) {
                    self.flow(&Message::new(&held), options, &mut text);
                }
                match step.row {
                    Row::New => self.flow(&message, options, &mut text),
                    Row::Held => self.held = Some(flow.clone()),
                    Row::Said => {}
                }
            }
            Some(_) => {
                self.headings(response.time.unwrap_or_default(), options, &mut text);
                text.push_str(&Lines(options).compact(response));
                text.push('\n');
            }
            None => {}
        }
        out.write_all(text.as_bytes())
    }

    /// Prints what waits for its drop, which did not come.
    pub(super) fn settle(&mut self, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut text = String::new();
        let is_row = self.fold.settle();
        if let Some(held) = self.held.take().filter(|_| is_row) {
            self.flow(&Message::new(&held), options, &mut text);
        }
        out.write_all(text.as_bytes())
    }

    /// The headings, once, and again where the clock is put forward or back.
    fn headings(&mut self, moment: Timestamp, options: &Options, text: &mut String) {
        if self.columns.is_empty() {
            let columns = Column::WIDE.iter();
            self.columns = columns
                .map(|column| (*column, column.about().width))
                .collect();
            if options.node_names {
                self.columns
                    .insert(1, (Column::Node, Column::Node.about().width));
            }
        }
        let zone = options.zone.abbreviation(moment);
        if zone == self.zone {
            return;
        }
        let heading = |column: &Column| match (column, column.about().heading) {
            (Column::Timestamp, heading) => options.zone.heading(heading, moment),
            (_, heading) => heading.to_owned(),
        };
        let columns = self.columns.iter();
        let headings: Vec<String> = columns.map(|(column, _)| heading(column)).collect();
        self.row(&headings, &headings, text);
        self.zone = zone;
    }

    fn flow(&mut self, flow: &Message<'_>, options: &Options, text: &mut String) {
        let moment = flow.time_ns().map(Timestamp::from_unix_nanos);
        self.headings(moment.unwrap_or_default(), options, text);
        let cells = Cells {
            time: options.time,
            zone: options.zone.clone(),
            translate: options.translate,
            plain: false,
        };
        let columns = self.columns.iter();
        let plain: Vec<String> = columns
            .map(|(column, _)| escape(&column.text(flow, &cells)))
            .collect();
        let paint = Paint(options.color);
        let painted = plain.iter().zip(&self.columns).map(|(cell, (column, _))| {
            if *column == Column::Verdict {
                paint.verdict(flow.verdict(), cell)
            } else {
                cell.clone()
            }
        });
        let painted: Vec<String> = painted.collect();
        self.row(&plain, &painted, text);
    }

    /// Columns grow with what they have to hold; the last one has no width.
    fn row(&mut self, plain: &[String], painted: &[String], text: &mut String) {
        let start = text.len();
        for ((cell, painted), (column, width)) in plain.iter().zip(painted).zip(&mut self.columns) {
            text.push_str(painted);
            if *column != Column::Policy {
                let length = cell.chars().count();
                *width = (*width).max(length);
                text.extend(std::iter::repeat_n(' ', *width - length + 2));
            }
        }
        let end = text[start..].trim_end().len() + start;
        text.truncate(end);
        text.push('\n');
    }
}
