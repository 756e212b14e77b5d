//! `flows.v1.Status`, and all of what a server says of itself.

use proto::{
    flows::v1::{GetStatusRequest, GetStatusResponse, status_client::StatusClient},
    observer::{Node, ServerStatusResponse},
};

use super::{
    MAX_MESSAGE, Server,
    error::{RequestError, Service},
};

/// How a server is, and its nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// What every Hubble says.
    pub server: ServerStatusResponse,
    /// What only ours say: policies, problems, losses; of a relay, those of each node.
    pub ours: Option<GetStatusResponse>,
    /// The nodes of a relay; of an agent, itself alone; empty of a server that has no list.
    pub nodes: Vec<Node>,
}

impl Server {
    /// Policies, problems and losses; `None` of a stock Hubble.
    ///
    /// # Errors
    /// The server refuses, or can't be reached.
    pub async fn get_status(&self) -> Result<Option<GetStatusResponse>, RequestError> {
        let request = self.request(GetStatusRequest {});
        let mut client =
            StatusClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let response = client.get_status(request).await;
        if_supported(self.response(Service::Status, "the status of policies", response))
    }

    /// How the server is.
    ///
    /// # Errors
    /// The server refuses, or can't be reached.
    pub async fn health(&self) -> Result<Health, RequestError> {
        let (server, nodes, ours) =
            tokio::join!(self.server_status(), self.get_nodes(), self.get_status());
        Ok(Health {
            server: server?,
            ours: ours?,
            nodes: if_supported(nodes)?.unwrap_or_default(),
        })
    }
}

/// The response; `None` of a server that doesn't support the request.
fn if_supported<T>(response: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match response {
        Ok(response) => Ok(Some(response)),
        Err(error) if error.is_unsupported() => Ok(None),
        Err(error) => Err(error),
    }
}
