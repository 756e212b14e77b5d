//! `-o wide`: our own view, row by row as flows come.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::IpAddr;

use proto::flow::{Flow, Verdict};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::event::Lines;
use super::paint::Paint;
use super::{Options, escape};
use crate::columns::{Cells, Column, NODE, POLICY, VERDICT, WIDE};
use crate::describe;
use crate::view::{FlowView as _, Side};

/// Rows remembered, among which another flow of the same packet is looked for.
const REMEMBERED: usize = 64;

/// One packet at one node, and how it was judged.
#[derive(Debug, PartialEq)]
struct Packet {
    time: Timestamp,
    node: String,
    ends: [(Option<IpAddr>, Option<u16>); 2],
    verdict: i32,
}

/// The state of the view.
#[derive(Debug, Default)]
pub(super) struct Wide {
    columns: Vec<(Column, usize)>,
    /// What was printed last, with the policy that was named.
    last: VecDeque<(Packet, String)>,
    /// One end allowed a packet that the other one dropped: not worth a row of its own, if the drop
    /// follows at once.
    held: Option<Flow>,
}

impl Packet {
    /// The packet of a flow, if it can be told from others.
    fn of(flow: &Flow) -> Option<Self> {
        let end = |side| (flow.ip(side), flow.port(side));
        flow.ip(Side::Source)?;
        Some(Self {
            time: flow.time?,
            node: flow.node_name.clone(),
            ends: [end(Side::Source), end(Side::Destination)],
            verdict: flow.verdict,
        })
    }

    fn unjudged(self) -> Self {
        Self { verdict: 0, ..self }
    }
}

/// Whether this says that one end allowed a packet which, as our extension tells, the other dropped.
fn allowed_of_dropped(flow: &Flow) -> bool {
    let dropped = |end: Option<proto::flows::v1::Decision>| {
        end.is_some_and(|end| end.verdict() == Verdict::Dropped)
    };
    flow.verdict() == Verdict::Forwarded
        && flow
            .extension()
            .is_some_and(|extension| dropped(extension.egress) || dropped(extension.ingress))
}

impl Wide {
    pub(super) fn print(
        &mut self,
        response: &GetFlowsResponse,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut text = self.headings(options);
        match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => {
                let same = |held: &Flow| {
                    Packet::of(held).map(Packet::unjudged) == Packet::of(flow).map(Packet::unjudged)
                };
                if let Some(held) = self.held.take()
                    && !same(&held)
                {
                    self.flow(&held, options, &mut text);
                }
                if allowed_of_dropped(flow) {
                    self.held = Some(flow.clone());
                } else {
                    self.flow(flow, options, &mut text);
                }
            }
            Some(_) => {
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
        if let Some(held) = self.held.take() {
            self.flow(&held, options, &mut text);
        }
        out.write_all(text.as_bytes())
    }

    fn headings(&mut self, options: &Options) -> String {
        let mut text = String::new();
        if self.columns.is_empty() {
            self.columns = WIDE.iter().map(|column| (*column, column.width)).collect();
            if options.node_names {
                self.columns.insert(1, (NODE, NODE.width));
            }
            let headings = self.columns.iter().map(|(column, _)| column.heading);
            let headings: Vec<String> = headings.map(ToOwned::to_owned).collect();
            self.row(&headings, &headings, &mut text);
        }
        text
    }

    fn flow(&mut self, flow: &Flow, options: &Options, text: &mut String) {
        if self.shown(flow) {
            return;
        }
        let cells = Cells {
            time: options.time,
            translate: options.translate,
        };
        let columns = self.columns.iter();
        let plain: Vec<String> = columns
            .map(|(column, _)| escape(&(column.text)(flow, &cells)))
            .collect();
        let paint = Paint(options.color);
        let painted = plain.iter().zip(&self.columns).map(|(cell, (column, _))| {
            if column.name == VERDICT.name {
                paint.verdict(flow.verdict(), cell)
            } else {
                cell.clone()
            }
        });
        let painted: Vec<String> = painted.collect();
        self.row(&plain, &painted, text);
    }

    /// Whether a row already says what this flow does: it is of the same packet with the same
    /// verdict, and names no other policy.
    fn shown(&mut self, flow: &Flow) -> bool {
        let Some(packet) = Packet::of(flow) else {
            return false;
        };
        let policy = describe::policy(flow);
        let said = |(last, named): &(Packet, String)| {
            *last == packet && (policy.is_empty() || *named == policy)
        };
        if self.last.iter().any(said) {
            return true;
        }
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back((packet, policy));
        false
    }

    /// Columns grow with what they have to hold; the last one has no width.
    fn row(&mut self, plain: &[String], painted: &[String], text: &mut String) {
        let start = text.len();
        for ((cell, painted), (column, width)) in plain.iter().zip(painted).zip(&mut self.columns) {
            text.push_str(painted);
            if column.name != POLICY.name {
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
