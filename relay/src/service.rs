//! `observer.Observer` over all nodes.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::ready,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use futures::Stream;
use proto::{
    google::UInt32Value,
    observer::{
        GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest,
        GetDebugEventsResponse, GetFlowsRequest, GetFlowsResponse, GetNamespacesRequest,
        GetNamespacesResponse, GetNodesRequest, GetNodesResponse, Node, ServerStatusRequest,
        ServerStatusResponse, Tls,
        observer_client::ObserverClient,
        observer_server::{Observer, ObserverServer},
    },
    relay::NodeState,
};
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Service, http},
    metadata::MetadataValue,
    server::{Grpc, NamedService, ServerStreamingService},
    transport::Channel,
};

use crate::{
    query::{self, Plan, RequestOptions},
    raw::{ClientCodec, Raw},
    relay::{Relay, versioned},
};

/// Names of unavailable nodes in a ServerStatus, at most.
const NAMED: usize = 10;

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The Observer service: GetFlows undecoded, the rest as generated.
#[derive(Clone)]
pub(crate) struct ObserverService {
    relay: Arc<Relay>,
    generated: ObserverServer<Relay>,
}

impl ObserverService {
    /// A service over the peers.
    #[must_use]
    pub(crate) fn new(relay: Arc<Relay>) -> Self {
        Self {
            generated: ObserverServer::from_arc(Arc::clone(&relay)),
            relay,
        }
    }
}

impl NamedService for ObserverService {
    const NAME: &'static str = <ObserverServer<Relay> as NamedService>::NAME;
}

impl Service<http::Request<Body>> for ObserverService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let flows = request.uri().path() == "/observer.Observer/GetFlows";
        if !flows {
            return self.generated.call(request);
        }
        let relay = Arc::clone(&self.relay);
        Box::pin(async move {
            Ok(Grpc::new(ClientCodec)
                .server_streaming(Flows(relay), request)
                .await)
        })
    }
}

/// GetFlows, one call.
struct Flows(Arc<Relay>);

impl ServerStreamingService<GetFlowsRequest> for Flows {
    type Response = Raw;
    type ResponseStream = Streamed<Raw>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<GetFlowsRequest>) -> Self::Future {
        let asks = |name| {
            request
                .metadata()
                .get(name)
                .is_some_and(|value| value == "1")
        };
        let asked = RequestOptions {
            progress: asks(proto::WANT_PROGRESS),
            extensions: asks(proto::WANT_EXTENSIONS),
            per_node: asks(proto::NUMBER_PER_NODE),
        };
        let plan = Plan::new(request.into_inner(), asked);
        ready(plan.map(|plan| {
            let stream: Streamed<Raw> = Box::pin(query::flows(self.0.context.clone(), plan));
            let mut response = versioned(stream);
            if !asked.per_node {
                let total = MetadataValue::from_static("1");
                let metadata = response.metadata_mut();
                metadata.insert(proto::NUMBER_IN_TOTAL, total);
            }
            response
        }))
    }
}

#[tonic::async_trait]
impl Observer for Relay {
    type GetFlowsStream = Streamed<GetFlowsResponse>;
    type GetAgentEventsStream = Streamed<GetAgentEventsResponse>;
    type GetDebugEventsStream = Streamed<GetDebugEventsResponse>;

    async fn get_flows(
        &self,
        _: Request<GetFlowsRequest>,
    ) -> Result<Response<Self::GetFlowsStream>, Status> {
        // ObserverService takes these calls before they come here.
        Err(Status::internal("GetFlows is served undecoded"))
    }

    async fn get_agent_events(
        &self,
        _: Request<GetAgentEventsRequest>,
    ) -> Result<Response<Self::GetAgentEventsStream>, Status> {
        Err(Status::unimplemented("GetAgentEvents not yet implemented"))
    }

    async fn get_debug_events(
        &self,
        _: Request<GetDebugEventsRequest>,
    ) -> Result<Response<Self::GetDebugEventsStream>, Status> {
        Err(Status::unimplemented("GetDebugEvents not yet implemented"))
    }

    async fn get_nodes(
        &self,
        _: Request<GetNodesRequest>,
    ) -> Result<Response<GetNodesResponse>, Status> {
        let nodes = self
            .ask_all(server_status)
            .await
            .into_iter()
            .map(|(name, peer, answer)| {
                let mut node = Node {
                    name: name.to_string(),
                    address: peer.address.to_string(),
                    tls: Some(Tls {
                        enabled: peer.tls_server_name.is_some(),
                        server_name: peer
                            .tls_server_name
                            .map(|name| name.to_string())
                            .unwrap_or_default(),
                    }),
                    state: NodeState::NodeUnavailable.into(),
                    ..Node::default()
                };
                match answer {
                    None => {}
                    Some(Err(_)) => node.state = NodeState::NodeError.into(),
                    Some(Ok(status)) => {
                        node.state = NodeState::NodeConnected.into();
                        node.version = status.version;
                        node.uptime_ns = status.uptime_ns;
                        node.num_flows = status.num_flows;
                        node.max_flows = status.max_flows;
                        node.seen_flows = status.seen_flows;
                    }
                }
                node
            });
        Ok(versioned(GetNodesResponse {
            nodes: nodes.collect(),
        }))
    }

    async fn get_namespaces(
        &self,
        _: Request<GetNamespacesRequest>,
    ) -> Result<Response<GetNamespacesResponse>, Status> {
        let answers = self.ask_all(namespaces).await;
        let named: BTreeSet<_> = answers
            .into_iter()
            .filter_map(|(_, _, answer)| answer?.ok())
            .flat_map(|answer| answer.namespaces)
            .map(|namespace| (namespace.cluster, namespace.namespace))
            .collect();
        let namespaces = named
            .into_iter()
            .map(|(cluster, namespace)| proto::observer::Namespace { cluster, namespace })
            .collect();
        Ok(versioned(GetNamespacesResponse { namespaces }))
    }

    async fn server_status(
        &self,
        _: Request<ServerStatusRequest>,
    ) -> Result<Response<ServerStatusResponse>, Status> {
        let mut sum = ServerStatusResponse {
            version: format!("flows-relay v{}", env!("CARGO_PKG_VERSION")),
            ..ServerStatusResponse::default()
        };
        let (mut connected, mut unavailable) = (0, Vec::new());
        for (name, _, answer) in self.ask_all(server_status).await {
            let Some(Ok(status)) = answer else {
                unavailable.push(name.to_string());
                continue;
            };
            connected += 1;
            sum.num_flows = sum.num_flows.saturating_add(status.num_flows);
            sum.max_flows = sum.max_flows.saturating_add(status.max_flows);
            sum.seen_flows = sum.seen_flows.saturating_add(status.seen_flows);
            sum.uptime_ns = sum.uptime_ns.max(status.uptime_ns);
            sum.flows_rate += status.flows_rate;
        }
        sum.num_connected_nodes = Some(UInt32Value { value: connected });
        let absent = u32::try_from(unavailable.len()).unwrap_or(u32::MAX);
        sum.num_unavailable_nodes = Some(UInt32Value { value: absent });
        unavailable.truncate(NAMED);
        sum.unavailable_nodes = unavailable;
        Ok(versioned(sum))
    }
}

async fn server_status(channel: Channel) -> Result<ServerStatusResponse, Status> {
    let answer = ObserverClient::new(channel)
        .server_status(ServerStatusRequest {})
        .await?;
    Ok(answer.into_inner())
}

async fn namespaces(channel: Channel) -> Result<GetNamespacesResponse, Status> {
    let answer = ObserverClient::new(channel)
        .get_namespaces(GetNamespacesRequest {})
        .await?;
    Ok(answer.into_inner())
}
