//! Questions with one answer, to the server that the flows come from.

use std::time::Duration;

use proto::{
    flow::Flow,
    flows::v1::{
        ExplainRequest, ExplainResponse, GetPoliciesRequest, GetPoliciesResponse, GetStatusRequest,
        GetStatusResponse, policy_client::PolicyClient, status_client::StatusClient,
    },
    observer::{
        GetNodesRequest, Node, ServerStatusRequest, ServerStatusResponse,
        observer_client::ObserverClient,
    },
};
use tonic::{Code, Request, Response, Status, transport::Channel};

use crate::{error::ConnectError, target::Target};

/// How long an answer may take: a relay waits some seconds for a silent node before it answers.
const PATIENCE: Duration = Duration::from_secs(12);

/// A server to ask. The connection is made when it is needed, and again when it broke.
#[derive(Clone, Debug)]
pub struct Server {
    channel: Channel,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// A stock Hubble: it doesn't know what was asked for.
    #[error("this server is a stock Hubble: it does not know {0}")]
    Stock(&'static str),
    /// Anything else, in the server's or the transport's words.
    #[error("{0}")]
    Failed(String),
}

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
    /// For a target; nothing is sent yet.
    ///
    /// # Errors
    /// The target is no address. Needs a tokio runtime.
    pub fn new(target: &Target) -> Result<Self, ConnectError> {
        Ok(Self {
            channel: target.lazy()?,
        })
    }

    /// Why a flow was decided as it was, and what would allow it.
    ///
    /// # Errors
    /// The server doesn't know the question, or can't be asked.
    pub async fn explain(&self, flow: Flow) -> Result<ExplainResponse, NoAnswer> {
        let request = within(ExplainRequest { flow: Some(flow) });
        let mut client = PolicyClient::new(self.channel.clone());
        let asked = "why a flow was decided as it was";
        answered(client.explain(request).await, asked)
    }

    /// The policies in force, with what the kernel counted for each of their rules.
    ///
    /// # Errors
    /// The server doesn't know the question, or can't be asked.
    pub async fn policies(&self) -> Result<GetPoliciesResponse, NoAnswer> {
        let request = within(GetPoliciesRequest {});
        let mut client = PolicyClient::new(self.channel.clone());
        let asked = "the policies in force";
        answered(client.get_policies(request).await, asked)
    }

    /// How the server is.
    ///
    /// # Errors
    /// It can't be asked.
    pub async fn health(&self) -> Result<Health, NoAnswer> {
        let mut observer = ObserverClient::new(self.channel.clone());
        let mut nodes = observer.clone();
        let mut status = StatusClient::new(self.channel.clone());
        let (server, nodes, ours) = tokio::join!(
            observer.server_status(within(ServerStatusRequest {})),
            nodes.get_nodes(within(GetNodesRequest {})),
            status.get_status(within(GetStatusRequest {})),
        );
        Ok(Health {
            server: answered(server, "its own status")?,
            ours: if_known(answered(ours, "losses by stage"))?,
            nodes: if_known(answered(nodes, "its nodes"))?
                .unwrap_or_default()
                .nodes,
        })
    }
}

/// The answer to a question for `asked`.
fn answered<T>(answer: Result<Response<T>, Status>, asked: &'static str) -> Result<T, NoAnswer> {
    let status = match answer {
        Ok(answer) => return Ok(answer.into_inner()),
        Err(status) if status.code() == Code::Unimplemented => return Err(NoAnswer::Stock(asked)),
        Err(status) => status,
    };
    let why = status.message();
    Err(NoAnswer::Failed(if why.is_empty() {
        status.code().to_string()
    } else {
        why.to_owned()
    }))
}

/// The answer; `None` of a server that doesn't know the question.
fn if_known<T>(answer: Result<T, NoAnswer>) -> Result<Option<T>, NoAnswer> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(NoAnswer::Stock(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn within<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    request
}
