//! `flows.v1.Status` over all nodes: what is wrong anywhere, and what was lost everywhere.

use std::sync::Arc;

use proto::flows::v1::{
    EventCounts, GetStatusRequest, GetStatusResponse, status_client::StatusClient,
    status_server::Status as Rpc,
};
use tonic::{Code, Request, Response, Status, transport::Channel};

use crate::relay::{Relay, versioned};

/// The service.
pub(crate) struct Service {
    relay: Arc<Relay>,
}

impl Service {
    pub(crate) fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

async fn ask(channel: Channel) -> Result<GetStatusResponse, Status> {
    let answer = StatusClient::new(channel)
        .get_status(GetStatusRequest {})
        .await?;
    Ok(answer.into_inner())
}

#[tonic::async_trait]
impl Rpc for Service {
    /// Counts are sums over the nodes that answer; a problem that several nodes see stands once.
    /// Nodes of a stock Hubble don't know the question and are left out.
    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let mut sum = GetStatusResponse::default();
        let mut events = EventCounts::default();
        let mut failures = Vec::new();
        for (name, _, answer) in self.relay.ask_all(ask).await {
            let status = match answer {
                Some(Ok(status)) => status,
                Some(Err(error)) if error.code() == Code::Unimplemented => continue,
                Some(Err(error)) => GetStatusResponse {
                    failure: error.message().to_owned(),
                    ..GetStatusResponse::default()
                },
                None => GetStatusResponse {
                    failure: "not connected".to_owned(),
                    ..GetStatusResponse::default()
                },
            };
            if !status.failure.is_empty() {
                failures.push(format!("{name}: {}", status.failure));
            }
            sum.generation = sum.generation.max(status.generation);
            sum.policies = sum.policies.max(status.policies);
            sum.endpoints = sum.endpoints.saturating_add(status.endpoints);
            sum.history_bytes = sum.history_bytes.saturating_add(status.history_bytes);
            sum.selected_endpoints = sum
                .selected_endpoints
                .saturating_add(status.selected_endpoints);
            sum.repairs = sum.repairs.saturating_add(status.repairs);
            for problem in &status.problems {
                if !sum.problems.contains(problem) {
                    sum.problems.push(problem.clone());
                }
            }
            add(&mut events, &status.events.unwrap_or_default());
            sum.nodes.push(GetStatusResponse {
                node_name: name.to_string(),
                ..status
            });
        }
        sum.nodes.sort_by(|a, b| a.node_name.cmp(&b.node_name));
        sum.failure = failures.join("; ");
        sum.events = Some(events);
        Ok(versioned(sum))
    }
}

fn add(sum: &mut EventCounts, node: &EventCounts) {
    let EventCounts {
        attempted,
        failed,
        limited,
        received,
        left_unread,
        queue_lost,
        malformed,
        stored,
        evicted_unread,
    } = node;
    for (sum, node) in [
        (&mut sum.attempted, attempted),
        (&mut sum.failed, failed),
        (&mut sum.limited, limited),
        (&mut sum.received, received),
        (&mut sum.left_unread, left_unread),
        (&mut sum.queue_lost, queue_lost),
        (&mut sum.malformed, malformed),
        (&mut sum.stored, stored),
        (&mut sum.evicted_unread, evicted_unread),
    ] {
        *sum = sum.saturating_add(*node);
    }
}
