//! observer.Observer.

use std::{collections::BTreeSet, pin::Pin};

use futures::Stream;
use proto::{observer as api, observer::observer_server::Observer, relay::NodeState};
use tonic::{Request, Response, Status};

use super::{
    Api, VERSION,
    agent_events::{self, EventQuery},
    flows,
    request::Query,
    versioned,
};
use crate::{
    history::{Entry, View},
    node::clock,
};

pub(super) struct Service {
    api: Api,
}

impl Service {
    pub(super) fn new(api: Api) -> Self {
        Self { api }
    }

    fn uptime(&self) -> Result<u64, Status> {
        let now = clock::monotonic().map_err(|error| Status::internal(error.to_string()))?;
        Ok(now.saturating_sub(self.api.started))
    }
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Observer for Service {
    type GetFlowsStream = Responses<api::GetFlowsResponse>;
    type GetAgentEventsStream = Responses<api::GetAgentEventsResponse>;
    type GetDebugEventsStream = Responses<api::GetDebugEventsResponse>;

    async fn get_flows(
        &self,
        request: Request<api::GetFlowsRequest>,
    ) -> Result<Response<Self::GetFlowsStream>, Status> {
        let (metadata, _, message) = request.into_parts();
        // Regular expressions take their time to be built.
        let query = tokio::task::spawn_blocking(move || Query::new(message, &metadata))
            .await
            .map_err(|_panicked| Status::internal("the request could not be read"))??;
        let stream = flows::stream(
            std::sync::Arc::clone(&self.api.history),
            self.api.flow_builder.clone(),
            query,
            self.api.stop.clone(),
        );
        Ok(versioned(Box::pin(stream)))
    }

    async fn get_agent_events(
        &self,
        request: Request<api::GetAgentEventsRequest>,
    ) -> Result<Response<Self::GetAgentEventsStream>, Status> {
        let query = EventQuery::new(request.get_ref())?;
        let stream = agent_events::stream(
            std::sync::Arc::clone(&self.api.events),
            query,
            self.api.flow_builder.node_name().to_owned(),
            self.api.stop.clone(),
        );
        Ok(versioned(Box::pin(stream)))
    }

    async fn get_debug_events(
        &self,
        request: Request<api::GetDebugEventsRequest>,
    ) -> Result<Response<Self::GetDebugEventsStream>, Status> {
        // The programs send none; who follows waits for the end.
        let stop = self.api.stop.clone();
        let follow = request.get_ref().follow;
        let stream = futures::stream::once(async move {
            if follow {
                stop.cancelled().await;
            }
            futures::stream::empty()
        });
        Ok(versioned(Box::pin(futures::StreamExt::flatten(stream))))
    }

    async fn get_nodes(
        &self,
        _: Request<api::GetNodesRequest>,
    ) -> Result<Response<api::GetNodesResponse>, Status> {
        let view = self.api.history.view();
        Ok(versioned(api::GetNodesResponse {
            nodes: vec![api::Node {
                name: self.api.flow_builder.node_name().to_owned(),
                version: VERSION.into(),
                address: self.api.address.clone(),
                state: NodeState::NodeConnected.into(),
                tls: None,
                uptime_ns: self.uptime()?,
                num_flows: held(&view, self.api.history.capacity()),
                max_flows: self.api.history.capacity(),
                seen_flows: view.end().flows,
            }],
        }))
    }

    async fn get_namespaces(
        &self,
        _: Request<api::GetNamespacesRequest>,
    ) -> Result<Response<api::GetNamespacesResponse>, Status> {
        let view = self.api.history.view();
        let namespaces: BTreeSet<(&str, &str)> = view
            .segments()
            .iter()
            .flat_map(|segment| segment.endpoints())
            .filter(|endpoint| !endpoint.namespace.is_empty())
            .map(|endpoint| {
                // Hubble leaves the name of the cluster `default` out.
                let cluster = match endpoint.cluster.as_str() {
                    "default" => "",
                    name => name,
                };
                (cluster, endpoint.namespace.as_str())
            })
            .collect();
        Ok(versioned(api::GetNamespacesResponse {
            namespaces: namespaces
                .into_iter()
                .map(|(cluster, namespace)| api::Namespace {
                    cluster: cluster.to_owned(),
                    namespace: namespace.to_owned(),
                })
                .collect(),
        }))
    }

    async fn server_status(
        &self,
        _: Request<api::ServerStatusRequest>,
    ) -> Result<Response<api::ServerStatusResponse>, Status> {
        let now = clock::wall().map_err(|error| Status::internal(error.to_string()))?;
        let view = self.api.history.view();
        Ok(versioned(api::ServerStatusResponse {
            num_flows: held(&view, self.api.history.capacity()),
            max_flows: self.api.history.capacity(),
            seen_flows: view.end().flows,
            uptime_ns: self.uptime()?,
            num_connected_nodes: None,
            num_unavailable_nodes: None,
            unavailable_nodes: vec![],
            version: VERSION.into(),
            flows_rate: rate(&view, now),
        }))
    }
}

/// Flows held, at most what is promised: segments go as a whole, so a few more may be there.
fn held(view: &View, capacity: u64) -> u64 {
    view.flows().min(capacity)
}

const MINUTE_NS: u64 = 60_000_000_000;

/// Flows per second over the last minute, or over what is held if that is less.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(view: &View, now: u64) -> f64 {
    let from = now.saturating_sub(MINUTE_NS);
    let (mut flows, mut oldest) = (0, now);
    for segment in view.segments().iter().rev() {
        let summary = segment.summary();
        if summary.max_time < from {
            break;
        }
        oldest = oldest.min(summary.min_time);
        if summary.min_time >= from {
            flows += segment.flows();
            continue;
        }
        flows += segment
            .iter_from(0)
            .filter_map(|entry| match entry {
                Entry::Packet(stored) if stored.packet().time() >= from => {
                    Some(u64::from(stored.parts().count()))
                }
                Entry::Request(stored) if stored.request().time >= from => Some(1),
                Entry::Packet(_) | Entry::Request(_) | Entry::Loss(_) => None,
            })
            .sum::<u64>();
    }
    let covered = now.saturating_sub(oldest.max(from)) as f64 / 1e9;
    if covered > 0.0 {
        flows as f64 / covered
    } else {
        0.0
    }
}
