//! What a query's client gets to see.

use std::time::{Duration, SystemTime};

use proto::{
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::{NodeState, NodeStatusEvent},
};
use tokio::time::Instant;
use tonic::Status;

use super::{
    Query, Stage,
    plan::{self, Limit},
};
use crate::{
    merge::Out,
    raw::{Kind, Raw},
};

/// How often a client that asked for progress gets it at most.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

impl Query {
    /// Something left the merge.
    pub(super) fn emit(&mut self, out: Out<Raw>) {
        let Out {
            stream,
            late,
            mut item,
            ..
        } = out;
        let flow = item.kind == Kind::Flow;
        if late {
            self.context.metrics.late(&self.nodes[stream.index()].name);
            if flow && self.plan.extensions {
                item = crate::late_marker::mark(item);
            }
        }
        if self.stage == Stage::Past {
            match self.plan.limit {
                Limit::All => {}
                Limit::Oldest(most) => {
                    if flow && self.delivered + 1 >= most {
                        self.stage = Stage::Done;
                        self.tasks.abort_all();
                    }
                }
                Limit::Newest(most) => {
                    self.kept_bytes += item.bytes.len();
                    self.kept_flows += u64::from(flow);
                    self.kept.push_back(item);
                    while self.kept_flows > most {
                        self.forget();
                    }
                    while self.kept_bytes > self.plan.memory {
                        self.forgotten += 1;
                        self.forget();
                    }
                    return;
                }
            }
        }
        self.deliver(item);
    }

    fn forget(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.kept_bytes -= oldest.bytes.len();
            self.kept_flows -= u64::from(oldest.kind == Kind::Flow);
        }
    }

    /// The newest flows of the past are known: out with them.
    pub(super) fn flush(&mut self) {
        if self.forgotten > 0 {
            self.context.metrics.forgotten(self.forgotten);
            let message = plan::forgotten(&self.context.name, self.forgotten);
            self.out.push(Ok(Raw::encode(&message, Kind::LostEvents)));
        }
        for item in std::mem::take(&mut self.kept) {
            self.deliver(item);
        }
        (self.kept_flows, self.kept_bytes, self.forgotten) = (0, 0, 0);
    }

    fn deliver(&mut self, item: Raw) {
        self.delivered += u64::from(item.kind == Kind::Flow);
        self.context.metrics.delivered();
        self.out.push(Ok(item));
    }

    /// A status event of the relay's own; nothing when it names no node.
    pub(super) fn send_status(&mut self, state: NodeState, mut names: Vec<String>, message: &str) {
        if names.is_empty() {
            return;
        }
        names.sort_unstable();
        let event = NodeStatusEvent {
            state_change: state.into(),
            node_names: names,
            message: message.to_owned(),
        };
        let message = GetFlowsResponse {
            node_name: self.context.name.to_string(),
            time: Some(SystemTime::now().into()),
            response_types: Some(ResponseTypes::NodeStatus(event)),
        };
        self.out.push(Ok(Raw::encode(&message, Kind::NodeStatus)));
    }

    /// Tells a client that wants to know how far the sequence is settled.
    pub(super) fn tell_progress(&mut self, now: Instant) {
        if !self.plan.progress
            || self.stage != Stage::Present
            || now < self.progress.1 + PROGRESS_EVERY
        {
            return;
        }
        if let Some(horizon) = self
            .merge
            .horizon()
            .filter(|horizon| *horizon > self.progress.0)
        {
            self.progress = (horizon, now);
            let message = GetFlowsResponse {
                node_name: self.context.name.to_string(),
                time: Some(proto::google::Timestamp {
                    seconds: horizon.seconds,
                    nanos: horizon.nanos,
                }),
                response_types: None,
            };
            self.out.push(Ok(Raw::encode(&message, Kind::Progress)));
        }
    }

    pub(super) fn fail(&mut self, status: Status) {
        self.out.push(Err(status));
        self.stage = Stage::Done;
        self.tasks.abort_all();
    }
}
