//! The parts of a line, and the compact line made of them.

use proto::flow::{Flow, LostEvent};
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};
use proto::relay::{NodeState, NodeStatusEvent};

use super::Options;
use super::color::Color;
use super::safe::{escape_but_tabs, safely};
use crate::format;
use crate::view::{FlowView as _, Side};

/// Makes lines as the options say.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a>(pub(super) &'a Options);

impl Lines<'_> {
    pub(super) fn color(self) -> Color {
        Color(self.0.color)
    }

    pub(super) fn host(self, flow: &Flow, side: Side, out: &mut String) {
        let host = format::host_port(flow, side, self.0.translate);
        self.color().host(&host, out);
    }

    fn host_and_identity(self, flow: &Flow, side: Side, out: &mut String) {
        self.host(flow, side, out);
        out.push(' ');
        let identity = flow.identity(side).unwrap_or_default();
        self.color().identity(identity, out);
    }

    pub(super) fn kind(self, flow: &Flow, out: &mut String) {
        safely(out, escape_but_tabs, |out| {
            out.push_str(&format::kind(flow))
        });
    }

    /// With the names of policies, if wanted.
    pub(super) fn verdict(self, flow: &Flow, out: &mut String) {
        // The names are coloured with the verdict.
        self.color().verdict(flow.verdict(), out, |out| {
            out.push_str(&format::verdict(flow));
            let names = match self.0.policy_names {
                true => format::policy_names(flow),
                false => String::new(),
            };
            if !names.is_empty() {
                out.push_str(" BY ");
                out.push_str(&escape_but_tabs(&names));
            }
        });
    }

    pub(super) fn summary(self, flow: &Flow, out: &mut String) {
        safely(out, escape_but_tabs, |out| {
            out.push_str(&format::summary(flow));
        });
        if let Some(auth) = format::auth(flow) {
            out.push_str("; Auth: ");
            self.color().auth(&auth, out);
        }
    }

    /// `12 (first: .., last: ..)`
    pub(super) fn lost_count(self, lost: &LostEvent) -> String {
        let count = lost.num_events_lost;
        match (&lost.first, &lost.last) {
            (Some(first), Some(last)) => format!(
                "{count} (first: {}, last: {})",
                self.0.moment(Some(first)),
                self.0.moment(Some(last))
            ),
            _ => count.to_string(),
        }
    }

    /// Adds the line of a response to what stands in `out`.
    pub(super) fn compact(self, response: &GetFlowsResponse, out: &mut String) {
        let line = match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => return self.flow(flow, out),
            Some(ResponseTypes::LostEvents(lost)) => format!(
                "{} EVENTS LOST: {} CPU({}) {}",
                self.0.moment(response.time.as_ref()),
                lost_source(lost),
                lost_cpu(lost),
                self.lost_count(lost)
            ),
            Some(ResponseTypes::NodeStatus(status)) => format!(
                "{} [{}]: {}",
                self.0.moment(response.time.as_ref()),
                escape_but_tabs(&response.node_name),
                node_status(status)
            ),
            None => return,
        };
        out.push_str(&line);
    }

    fn flow(self, flow: &Flow, out: &mut String) {
        let (left, arrow, right) = match flow.is_reply() {
            None => (Side::Source, " <> ", Side::Destination),
            Some(false) => (Side::Source, " -> ", Side::Destination),
            Some(true) => (Side::Destination, " <- ", Side::Source),
        };
        let Options { time, zone, .. } = self.0;
        time.write(flow.time.as_ref(), zone, out);
        if self.0.node_names {
            for part in [" [", &escape_but_tabs(&flow.node_name), "]"] {
                out.push_str(part);
            }
        }
        out.push_str(": ");
        self.host_and_identity(flow, left, out);
        out.push_str(arrow);
        self.host_and_identity(flow, right, out);
        out.push(' ');
        self.kind(flow, out);
        out.push(' ');
        self.verdict(flow, out);
        out.push_str(" (");
        self.summary(flow, out);
        out.push(')');
    }
}

/// What `write` writes.
pub(super) fn text(write: impl FnOnce(&mut String)) -> String {
    let mut text = String::new();
    write(&mut text);
    text
}

pub(super) fn lost_source(lost: &LostEvent) -> String {
    match proto::flow::LostEventSource::try_from(lost.source) {
        Ok(source) => source.as_str_name().to_owned(),
        Err(_) => lost.source.to_string(),
    }
}

/// The node that lost events, `-` if that isn't known.
pub(super) fn lost_node(response: &GetFlowsResponse) -> String {
    match response.node_name.as_str() {
        "" => "-".to_owned(),
        node => escape_but_tabs(node),
    }
}

pub(super) fn lost_cpu(lost: &LostEvent) -> i32 {
    lost.cpu.map_or(0, |cpu| cpu.value)
}

/// Names joined with commas, cut at about 50 characters but never before the first one.
pub(super) fn node_list(names: &[String]) -> String {
    const ABOUT: usize = 50;
    let mut length = 0;
    let mut shown = names.len();
    for (at, name) in names.iter().enumerate() {
        length += name.len() + 2;
        if length > ABOUT && at > 0 {
            shown = at;
            break;
        }
    }
    let joined = escape_but_tabs(&names[..shown].join(", "));
    match names.len() - shown {
        0 => joined,
        more => format!("{joined} (and {more} more)"),
    }
}

/// As Go quotes a string.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}").replace("\\'", "'")
}

fn node_status(status: &NodeStatusEvent) -> String {
    let names = &status.node_names;
    let (count, list) = (names.len(), node_list(names));
    match status.state_change() {
        NodeState::NodeConnected => format!("Receiving flows from {count} nodes: {list}"),
        NodeState::NodeUnavailable => format!("{count} nodes are unavailable: {list}"),
        NodeState::NodeGone => format!("{count} nodes removed from cluster: {list}"),
        NodeState::NodeError => {
            format!("Error {} on {count} nodes: {list}", quoted(&status.message))
        }
        NodeState::UnknownNodeState => format!("unknown state of {count} nodes: {list}"),
    }
}
