//! `observer.Observer`: what Hubble's servers and ours answer.

use proto::observer::{
    GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest, GetDebugEventsResponse,
    GetFlowsRequest, GetNamespacesRequest, GetNodesRequest, Namespace, Node, ServerStatusRequest,
    ServerStatusResponse, observer_client::ObserverClient,
};
use tonic::{Response, Status, Streaming, metadata::MetadataValue, transport::Channel};

use super::{
    MAX_MESSAGE, Server,
    error::{RequestError, Service},
    stream::{FlowStream, ResponseStream},
};

/// What is wanted of our servers beyond Hubble's request; stock ones ignore it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowOptions {
    /// Each flow's [`proto::flows::v1::FlowExtension`].
    pub extensions: bool,
    /// The number is one of each node, not of all together.
    pub per_node: bool,
}

impl Server {
    /// Flows of the history and, with `follow`, those that come.
    ///
    /// # Errors
    /// The server refuses, or can't be reached.
    pub async fn get_flows(
        &self,
        message: GetFlowsRequest,
        options: FlowOptions,
    ) -> Result<FlowStream, RequestError> {
        let is_endless = message.follow;
        let mut request = tonic::Request::new(message);
        for (name, is_wanted) in [
            (proto::WANT_EXTENSIONS, options.extensions),
            (proto::NUMBER_PER_NODE, options.per_node),
        ] {
            if is_wanted {
                let yes = MetadataValue::from_static("1");
                request.metadata_mut().insert(name, yes);
            }
        }
        let response = self.observer().get_flows(request).await;
        let counts_per_node = response.as_ref().is_ok_and(|response| {
            let headers = response.metadata();
            headers.contains_key(proto::RELAY_VERSION)
                && !headers.contains_key(proto::NUMBER_IN_TOTAL)
        });
        Ok(FlowStream {
            stream: self.observed("flows", is_endless, response)?,
            counts_per_node,
        })
    }

    /// What an agent says of itself.
    ///
    /// # Errors
    /// The server has none, refuses, or can't be reached.
    pub async fn get_agent_events(
        &self,
        message: GetAgentEventsRequest,
    ) -> Result<ResponseStream<GetAgentEventsResponse>, RequestError> {
        let is_endless = message.follow;
        let response = self.observer().get_agent_events(message).await;
        self.observed("agent events", is_endless, response)
    }

    /// What a datapath says for debugging.
    ///
    /// # Errors
    /// The server has none, refuses, or can't be reached.
    pub async fn get_debug_events(
        &self,
        message: GetDebugEventsRequest,
    ) -> Result<ResponseStream<GetDebugEventsResponse>, RequestError> {
        let is_endless = message.follow;
        let response = self.observer().get_debug_events(message).await;
        self.observed("debug events", is_endless, response)
    }

    /// The nodes of a relay; of an agent, itself alone.
    ///
    /// # Errors
    /// The server has no list, refuses, or can't be reached.
    pub async fn get_nodes(&self) -> Result<Vec<Node>, RequestError> {
        let request = self.request(GetNodesRequest {});
        let response = self.observer().get_nodes(request).await;
        let response = self.response(Service::Observer, "the list of nodes", response)?;
        Ok(response.nodes)
    }

    /// The namespaces seen in flows.
    ///
    /// # Errors
    /// The server has no list, refuses, or can't be reached.
    pub async fn get_namespaces(&self) -> Result<Vec<Namespace>, RequestError> {
        let request = self.request(GetNamespacesRequest {});
        let response = self.observer().get_namespaces(request).await;
        let response = self.response(Service::Observer, "the list of namespaces", response)?;
        Ok(response.namespaces)
    }

    /// What every Hubble says of itself.
    ///
    /// # Errors
    /// The server refuses, or can't be reached.
    pub async fn server_status(&self) -> Result<ServerStatusResponse, RequestError> {
        let request = self.request(ServerStatusRequest {});
        let response = self.observer().server_status(request).await;
        self.response(Service::Observer, "the server's status", response)
    }

    fn observer(&self) -> ObserverClient<Channel> {
        ObserverClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    fn observed<T>(
        &self,
        what: &'static str,
        is_endless: bool,
        response: Result<Response<Streaming<T>>, Status>,
    ) -> Result<ResponseStream<T>, RequestError> {
        Ok(ResponseStream {
            stream: self.response(Service::Observer, what, response)?,
            server: self.address.clone(),
            service: Service::Observer,
            what,
            is_endless,
        })
    }
}
