//! `flows.v1.Policy`: what is decided and why, and what is in force.

use std::{collections::BTreeMap, time::Duration};

use proto::{
    flow::Flow,
    flows::v1::{
        AcknowledgeRequest, AcknowledgeResponse, Acknowledgement, ExplainRequest, ExplainResponse,
        GetAcknowledgementsRequest, GetAcknowledgementsResponse, GetChangesRequest,
        GetChangesResponse, GetPoliciesRequest, GetPoliciesResponse, GetStateRequest,
        GetStateResponse, ListEndpointsRequest, ListEndpointsResponse, ListIdentitiesRequest,
        ListIdentitiesResponse, ManifestFile, TraceRequest, TraceResponse, ValidateRequest,
        ValidateResponse, WaitRevisionRequest, WaitRevisionResponse, policy_client::PolicyClient,
        trace_response::Verdict,
    },
};
use tonic::{Response, Status, transport::Channel};

use super::{
    MAX_MESSAGE, Server,
    error::{RequestError, Service},
};

/// How long a response may take beyond the time that the server itself waits: it then says how far the
/// nodes are.
const RESPONSE_TIME: Duration = Duration::from_secs(3);

impl Server {
    /// Why a flow was decided as it was, and what would allow it.
    ///
    /// # Errors
    /// The server is a stock Hubble, refuses, or can't be reached; or it judges the connection of a flow of layer 7,
    /// as older ones do: that one is allowed would be taken for the request that a proxy denied.
    pub async fn explain(&self, flow: Flow) -> Result<ExplainResponse, RequestError> {
        let is_of_request = flow.l7.is_some();
        let request = self.request(ExplainRequest { flow: Some(flow) });
        let response = self.policy().explain(request).await;
        let response = response.and_then(|response| {
            let allows_unread =
                |now: &TraceResponse| now.request.is_empty() && now.verdict() == Verdict::Allowed;
            let now = response.get_ref().now.as_ref();
            match is_of_request && now.is_some_and(allows_unread) {
                true => Err(Status::unimplemented("it judges connections, not requests")),
                false => Ok(response),
            }
        });
        self.decided("explanations of flows", response)
    }

    /// Whether a connection would be allowed, and why.
    ///
    /// # Errors
    /// The server is a stock Hubble, refuses, or can't be reached.
    pub async fn trace(&self, message: TraceRequest) -> Result<TraceResponse, RequestError> {
        let response = self.policy().trace(self.request(message)).await;
        self.decided("policy traces", response)
    }

    /// What is wrong with manifests, beside what the cluster has.
    ///
    /// # Errors
    /// The server is a stock Hubble, refuses, or can't be reached.
    pub async fn validate(
        &self,
        files: Vec<ManifestFile>,
    ) -> Result<ValidateResponse, RequestError> {
        let request = self.request(ValidateRequest { files });
        let response = self.policy().validate(request).await;
        self.decided("validation of policies", response)
    }

    /// The policies in force, with what the kernel counted for each of their rules.
    ///
    /// # Errors
    /// The server is a stock Hubble, refuses, or can't be reached.
    pub async fn get_policies(&self) -> Result<GetPoliciesResponse, RequestError> {
        let request = self.request(GetPoliciesRequest {});
        let response = self.policy().get_policies(request).await;
        self.decided("the policies in force", response)
    }

    /// Pods as the nodes enforce policy for them: one (`shop/web`), or all (an empty name).
    ///
    /// # Errors
    /// The server is a stock Hubble, refuses, or can't be reached.
    pub async fn list_endpoints(&self, pod: &str) -> Result<ListEndpointsResponse, RequestError> {
        let pod = pod.to_owned();
        let request = self.request(ListEndpointsRequest { pod });
        let response = self.policy().list_endpoints(request).await;
        self.decided("the list of endpoints", response)
    }

    /// Identities: one, or all (0).
    ///
    /// # Errors
    /// The server is a stock Hubble, refuses, or can't be reached.
    pub async fn list_identities(
        &self,
        identity: u32,
    ) -> Result<ListIdentitiesResponse, RequestError> {
        let request = self.request(ListIdentitiesRequest { identity });
        let response = self.policy().list_identities(request).await;
        self.decided("the list of identities", response)
    }

    /// Waits until a revision (0: that of the current manifests) and versions of policies by name (an
    /// empty version: none) are in force.
    ///
    /// # Errors
    /// Not in time ([`RequestError::is_deadline`], in words how far it is); the server is a stock Hubble,
    /// refuses, or can't be reached.
    pub async fn wait_revision(
        &self,
        revision: u32,
        versions: BTreeMap<String, String>,
        within: Duration,
    ) -> Result<WaitRevisionResponse, RequestError> {
        let millis = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
        let mut request = tonic::Request::new(WaitRevisionRequest {
            revision,
            versions,
            patience_ms: millis.max(1),
        });
        request.set_timeout(within.saturating_add(RESPONSE_TIME));
        let response = self.policy().wait_revision(request).await;
        self.decided("waiting for a revision", response)
    }

    /// What changed in the cluster's state, the newest changes last.
    ///
    /// # Errors
    /// The server is a stock Hubble, refuses, or can't be reached.
    pub async fn get_changes(
        &self,
        message: GetChangesRequest,
    ) -> Result<GetChangesResponse, RequestError> {
        let response = self.policy().get_changes(self.request(message)).await;
        self.decided("changes of the cluster's state", response)
    }

    /// Keeps with the servers that somebody knows of an incident.
    ///
    /// # Errors
    /// The server is a stock Hubble, is too old, refuses, or can't be reached.
    pub async fn acknowledge(
        &self,
        acknowledgement: Acknowledgement,
    ) -> Result<AcknowledgeResponse, RequestError> {
        let acknowledgement = Some(acknowledgement);
        let request = self.request(AcknowledgeRequest { acknowledgement });
        let response = self.policy().acknowledge(request).await;
        self.decided("acknowledging incidents", response)
    }

    /// The incidents that somebody knows of; also those that were taken back or are over.
    ///
    /// # Errors
    /// The server is a stock Hubble, is too old, refuses, or can't be reached.
    pub async fn get_acknowledgements(&self) -> Result<GetAcknowledgementsResponse, RequestError> {
        let request = self.request(GetAcknowledgementsRequest {});
        let response = self.policy().get_acknowledgements(request).await;
        self.decided("acknowledged incidents", response)
    }

    /// Everything by which the policies in force are decided.
    ///
    /// # Errors
    /// The server is a stock Hubble, is too old, refuses, or can't be reached.
    pub async fn get_state(&self) -> Result<GetStateResponse, RequestError> {
        let request = self.request(GetStateRequest {});
        let response = self.policy().get_state(request).await;
        self.decided("the cluster's state", response)
    }

    fn policy(&self) -> PolicyClient<Channel> {
        PolicyClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    fn decided<T>(
        &self,
        what: &'static str,
        response: Result<Response<T>, Status>,
    ) -> Result<T, RequestError> {
        self.response(Service::Policy, what, response)
    }
}
