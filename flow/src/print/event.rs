//! The parts of a line, and the compact line made of them.

use proto::flow::{Flow, LostEvent};
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};
use proto::relay::{NodeState, NodeStatusEvent};

use super::Options;
use super::paint::Paint;
use super::safe::escape_but_tabs;
use crate::describe;
use crate::view::{FlowView as _, Side};

/// Makes lines as the options say.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a>(pub(super) &'a Options);

impl Lines<'_> {
    pub(super) fn paint(self) -> Paint {
        Paint(self.0.color)
    }

    pub(super) fn host(self, flow: &Flow, side: Side) -> String {
        self.paint()
            .host(&describe::host(flow, side, self.0.translate))
    }

    fn host_and_identity(self, flow: &Flow, side: Side) -> String {
        let identity = flow.identity(side).unwrap_or_default();
        let identity = self.paint().identity(&format!("({identity})"));
        format!("{} {identity}", self.host(flow, side))
    }

    /// With the names of policies, if wanted.
    pub(super) fn verdict(self, flow: &Flow) -> String {
        let mut verdict = describe::verdict(flow);
        let names = match self.0.policy_names {
            true => describe::policy_names(flow),
            false => String::new(),
        };
        if !names.is_empty() {
            verdict = format!("{verdict} BY {}", escape_but_tabs(&names));
        }
        // The names are coloured with the verdict.
        self.paint().verdict(flow.verdict(), &verdict)
    }

    pub(super) fn summary(self, flow: &Flow) -> String {
        let summary = escape_but_tabs(&describe::summary(flow));
        match describe::auth(flow) {
            Some(auth) => format!("{summary}; Auth: {}", self.paint().auth(&auth)),
            None => summary,
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

    pub(super) fn compact(self, response: &GetFlowsResponse) -> String {
        match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => self.flow(flow),
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
            None => String::new(),
        }
    }

    fn flow(self, flow: &Flow) -> String {
        let (left, arrow, right) = match flow.is_reply() {
            None => (Side::Source, "<>", Side::Destination),
            Some(false) => (Side::Source, "->", Side::Destination),
            Some(true) => (Side::Destination, "<-", Side::Source),
        };
        let node = match self.0.node_names {
            true => format!(" [{}]", escape_but_tabs(&flow.node_name)),
            false => String::new(),
        };
        format!(
            "{}{node}: {} {arrow} {} {} {} ({})",
            self.0.moment(flow.time.as_ref()),
            self.host_and_identity(flow, left),
            self.host_and_identity(flow, right),
            escape_but_tabs(&describe::kind(flow)),
            self.verdict(flow),
            self.summary(flow)
        )
    }
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
