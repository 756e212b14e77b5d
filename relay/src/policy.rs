//! `flows.v1.Policy` over all nodes: what each node can answer is asked of one, what is each node's own
//! of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proto::flows::v1::{
    ExplainRequest, ExplainResponse, GetPoliciesRequest, GetPoliciesResponse, IdentityState,
    ListEndpointsRequest, ListEndpointsResponse, ListIdentitiesRequest, ListIdentitiesResponse,
    PolicyState, TraceRequest, TraceResponse, ValidateRequest, ValidateResponse,
    WaitRevisionRequest, WaitRevisionResponse, policy_client::PolicyClient,
    policy_server::Policy as Rpc,
};
use tonic::{Code, Request, Response, Status, transport::Channel};

use crate::service::{Relay, versioned};

/// The most that an answer may hold, bytes.
const LARGEST: usize = 64 << 20;

/// What a node says that can't answer any question.
const UNABLE: [Code; 4] = [
    Code::Unavailable,
    Code::Unimplemented,
    Code::DeadlineExceeded,
    Code::ResourceExhausted,
];

/// The service.
pub(crate) struct Service {
    relay: Arc<Relay>,
}

fn client(channel: Channel) -> PolicyClient<Channel> {
    PolicyClient::new(channel)
        .max_decoding_message_size(LARGEST)
        .max_encoding_message_size(LARGEST)
}

impl Service {
    pub(crate) fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }

    /// Asks one node after the other until one has an answer: all have the same manifests.
    async fn ask_one<T, F>(&self, question: impl Fn(Channel) -> F) -> Result<Response<T>, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut last = Status::unavailable("no node is connected");
        for channel in self.relay.connected() {
            match question(channel).await {
                Ok(answer) => return Ok(versioned(answer.into_inner())),
                // Another node can do better only where this one can do nothing.
                Err(status) if UNABLE.contains(&status.code()) => last = status,
                Err(status) => return Err(status),
            }
        }
        Err(last)
    }

    /// Asks all nodes. One that can't answer is an error: a part of the truth would look like all.
    async fn ask_all<T, F>(&self, question: impl Fn(Channel) -> F) -> Result<Vec<T>, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let question = &question;
        let ask = |channel| async move { question(channel).await.map(Response::into_inner) };
        let mut answers = Vec::new();
        for (name, _, answer) in self.relay.ask_all(ask).await {
            match answer {
                Some(Ok(answer)) => answers.push(answer),
                Some(Err(status)) => {
                    return Err(Status::new(
                        status.code(),
                        format!("{name}: {}", status.message()),
                    ));
                }
                None => return Err(Status::unavailable(format!("{name} is not connected"))),
            }
        }
        Ok(answers)
    }
}

#[tonic::async_trait]
impl Rpc for Service {
    async fn trace(
        &self,
        request: Request<TraceRequest>,
    ) -> Result<Response<TraceResponse>, Status> {
        let request = request.into_inner();
        self.ask_one(|channel| {
            let request = request.clone();
            async move { client(channel).trace(request).await }
        })
        .await
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let request = request.into_inner();
        self.ask_one(|channel| {
            let request = request.clone();
            async move { client(channel).explain(request).await }
        })
        .await
    }

    async fn validate(
        &self,
        request: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        let request = request.into_inner();
        self.ask_one(|channel| {
            let request = request.clone();
            async move { client(channel).validate(request).await }
        })
        .await
    }

    /// Pods of all nodes, and decisions, connections and bytes summed over them.
    async fn get_policies(
        &self,
        _: Request<GetPoliciesRequest>,
    ) -> Result<Response<GetPoliciesResponse>, Status> {
        let ask = |channel| async move {
            let mut client = client(channel);
            client.get_policies(GetPoliciesRequest {}).await
        };
        let mut policies: BTreeMap<String, PolicyState> = BTreeMap::new();
        for answer in self.ask_all(ask).await? {
            for policy in answer.policies {
                match policies.get_mut(&policy.policy) {
                    Some(known) => add(known, policy),
                    None => drop(policies.insert(policy.policy.clone(), policy)),
                }
            }
        }
        Ok(versioned(GetPoliciesResponse {
            policies: policies.into_values().collect(),
            ..GetPoliciesResponse::default()
        }))
    }

    async fn list_endpoints(
        &self,
        request: Request<ListEndpointsRequest>,
    ) -> Result<Response<ListEndpointsResponse>, Status> {
        let request = request.into_inner();
        let ask = |channel| {
            let request = request.clone();
            async move { client(channel).list_endpoints(request).await }
        };
        let answers = self.ask_all(ask).await?;
        Ok(versioned(ListEndpointsResponse {
            endpoints: answers.into_iter().flat_map(|a| a.endpoints).collect(),
            ..ListEndpointsResponse::default()
        }))
    }

    /// Identities of pods are the same on all nodes; those of prefixes are each node's own, and stand
    /// here once for each number and set of labels.
    async fn list_identities(
        &self,
        request: Request<ListIdentitiesRequest>,
    ) -> Result<Response<ListIdentitiesResponse>, Status> {
        let request = request.into_inner();
        let ask = |channel| async move { client(channel).list_identities(request).await };
        let mut identities: BTreeMap<(u32, Vec<String>), IdentityState> = BTreeMap::new();
        for identity in self
            .ask_all(ask)
            .await?
            .into_iter()
            .flat_map(|answer| answer.identities)
        {
            let key = (identity.identity, identity.labels.clone());
            identities.entry(key).or_insert(identity);
        }
        Ok(versioned(ListIdentitiesResponse {
            identities: identities.into_values().collect(),
            ..ListIdentitiesResponse::default()
        }))
    }

    async fn wait_revision(
        &self,
        request: Request<WaitRevisionRequest>,
    ) -> Result<Response<WaitRevisionResponse>, Status> {
        let request = request.into_inner();
        if request.revision > 0 {
            return Err(Status::invalid_argument(
                "a revision is a node's own: ask its agent (--server unix:///run/flows/CLUSTER/NODE/hubble.sock)",
            ));
        }
        let ask = |channel| {
            let request = request.clone();
            async move { client(channel).wait_revision(request).await }
        };
        let answers = self.ask_all(ask).await?;
        let generation = answers.iter().map(|answer| answer.generation).min();
        Ok(versioned(WaitRevisionResponse {
            generation: generation.unwrap_or_default(),
            ..WaitRevisionResponse::default()
        }))
    }
}

fn add(sum: &mut PolicyState, node: PolicyState) {
    let selects: BTreeSet<String> = sum.selects.drain(..).chain(node.selects).collect();
    sum.selects = selects.into_iter().collect();
    sum.stale |= node.stale;
    for rule in node.rules {
        let same = |known: &&mut proto::flows::v1::RuleState| {
            known.path == rule.path && known.direction == rule.direction
        };
        match sum.rules.iter_mut().find(same) {
            Some(known) => {
                known.decisions = known.decisions.saturating_add(rule.decisions);
                known.connections = known.connections.saturating_add(rule.connections);
                known.bytes = known.bytes.saturating_add(rule.bytes);
            }
            None => sum.rules.push(rule),
        }
    }
}
