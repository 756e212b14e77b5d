//! `flows.v1.Policy` over all nodes. What the manifests decide any node can tell: one is asked, the
//! node of the pod in question first. What each node did is asked of all, and a node that does not
//! answer is named beside the others' answers.

mod acknowledged;
pub(crate) mod ask;
mod cases;
mod changes;
mod ports;
mod trace;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::flows::v1::{
    AcknowledgeRequest, AcknowledgeResponse, ExplainRequest, ExplainResponse,
    GetAcknowledgementsRequest, GetAcknowledgementsResponse, GetChangesRequest, GetChangesResponse,
    GetPoliciesRequest, GetPoliciesResponse, GetStateRequest, GetStateResponse, IdentityState,
    ListEndpointsRequest, ListEndpointsResponse, ListIdentitiesRequest, ListIdentitiesResponse,
    PolicyState, TraceRequest, TraceResponse, ValidateRequest, ValidateResponse,
    WaitRevisionRequest, WaitRevisionResponse, policy_client::PolicyClient,
    policy_server::Policy as Rpc,
};
use tonic::{Request, Response, Status, transport::Channel};

use crate::relay::{Relay, versioned};

/// The most that an answer may hold, bytes.
const LARGEST: usize = 64 << 20;
/// How long a node may take over an answer. With a large cluster it has to think.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

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
}

#[tonic::async_trait]
impl Rpc for Service {
    /// Each end is judged by its own node, as far as that is connected.
    async fn trace(
        &self,
        request: Request<TraceRequest>,
    ) -> Result<Response<TraceResponse>, Status> {
        let request = request.into_inner();
        Ok(versioned(trace::trace(&self.relay, &request).await?))
    }

    /// The node that decided the flow knows best.
    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let request = request.into_inner();
        let node = request.flow.as_ref().map(|flow| flow.node_name.clone());
        let node = node.unwrap_or_default();
        let question = |channel| {
            let request = request.clone();
            async move { client(channel).explain(request).await }
        };
        let (_, mut answer) = ask::first(&self.relay, &[&node], question).await?;
        if !node.is_empty() && answer.node_name != node {
            answer.notes.push(format!(
                "{node}, which recorded this flow, is unreachable; answered by {}",
                answer.node_name
            ));
        }
        Ok(versioned(answer))
    }

    async fn validate(
        &self,
        request: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        let request = request.into_inner();
        let question = |channel| {
            let request = request.clone();
            async move { client(channel).validate(request).await }
        };
        let (_, answer) = ask::first(&self.relay, &[], question).await?;
        Ok(versioned(answer))
    }

    /// Pods of all nodes, and decisions, connections and bytes summed over them.
    async fn get_policies(
        &self,
        _: Request<GetPoliciesRequest>,
    ) -> Result<Response<GetPoliciesResponse>, Status> {
        let question = |channel| async move {
            let mut client = client(channel);
            client.get_policies(GetPoliciesRequest {}).await
        };
        let (answers, mut notes) = ask::all(&self.relay, question).await?;
        let mut policies: BTreeMap<String, PolicyState> = BTreeMap::new();
        for answer in answers {
            notes.extend(ask::of_node(&answer.node_name, answer.notes));
            for policy in answer.policies {
                match policies.get_mut(&policy.policy) {
                    Some(known) => add(known, policy),
                    None => drop(policies.insert(policy.policy.clone(), policy)),
                }
            }
        }
        Ok(versioned(GetPoliciesResponse {
            policies: policies.into_values().collect(),
            notes,
            ..GetPoliciesResponse::default()
        }))
    }

    async fn list_endpoints(
        &self,
        request: Request<ListEndpointsRequest>,
    ) -> Result<Response<ListEndpointsResponse>, Status> {
        let request = request.into_inner();
        let question = |channel| {
            let request = request.clone();
            async move { client(channel).list_endpoints(request).await }
        };
        let (answers, mut notes) = ask::all(&self.relay, question).await?;
        let mut endpoints = Vec::new();
        for answer in answers {
            notes.extend(ask::of_node(&answer.node_name, answer.notes));
            endpoints.extend(answer.endpoints);
        }
        Ok(versioned(ListEndpointsResponse {
            endpoints,
            notes,
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
        let question = |channel| async move { client(channel).list_identities(request).await };
        let (answers, mut notes) = ask::all(&self.relay, question).await?;
        let mut identities: BTreeMap<(u32, Vec<String>), IdentityState> = BTreeMap::new();
        for answer in answers {
            notes.extend(ask::of_node(&answer.node_name, answer.notes));
            for identity in answer.identities {
                let key = (identity.identity, identity.labels.clone());
                identities.entry(key).or_insert(identity);
            }
        }
        Ok(versioned(ListIdentitiesResponse {
            identities: identities.into_values().collect(),
            notes,
            ..ListIdentitiesResponse::default()
        }))
    }

    async fn wait_revision(
        &self,
        request: Request<WaitRevisionRequest>,
    ) -> Result<Response<WaitRevisionResponse>, Status> {
        if request.get_ref().revision > 0 {
            return Err(Status::invalid_argument(
                "revisions are counted per node: query the node's agent (--server unix:///run/flows/CLUSTER/NODE/hubble.sock)",
            ));
        }
        Ok(versioned(wait::wait(&self.relay, request).await?))
    }

    /// Told to all nodes, and kept by those that are connected.
    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        let mut request = request.into_inner();
        // The same moment everywhere.
        if let Some(said) = &mut request.acknowledgement {
            said.time = said.time.or_else(|| Some(SystemTime::now().into()));
        }
        let question = |channel| {
            let request = request.clone();
            async move { client(channel).acknowledge(request).await }
        };
        let (answers, notes) = ask::all(&self.relay, question).await?;
        let (acknowledgements, node_names) = acknowledged::merged(
            answers
                .into_iter()
                .map(|answer| (answer.acknowledgement, answer.node_names)),
        );
        Ok(versioned(AcknowledgeResponse {
            acknowledgement: acknowledgements.into_iter().next(),
            node_names,
            notes,
        }))
    }

    async fn get_acknowledgements(
        &self,
        _: Request<GetAcknowledgementsRequest>,
    ) -> Result<Response<GetAcknowledgementsResponse>, Status> {
        let question = |channel| async move {
            let mut client = client(channel);
            client
                .get_acknowledgements(GetAcknowledgementsRequest {})
                .await
        };
        let (answers, notes) = ask::all(&self.relay, question).await?;
        let (acknowledgements, node_names) = acknowledged::merged(
            answers
                .into_iter()
                .map(|answer| (answer.acknowledgements, answer.node_names)),
        );
        Ok(versioned(GetAcknowledgementsResponse {
            acknowledgements,
            node_names,
            notes,
        }))
    }

    /// Each change once, with the nodes where it is in force.
    async fn get_changes(
        &self,
        request: Request<GetChangesRequest>,
    ) -> Result<Response<GetChangesResponse>, Status> {
        let request = request.into_inner();
        let question = |channel| {
            let request = request.clone();
            async move { client(channel).get_changes(request).await }
        };
        let (mut answers, mut notes) = ask::all(&self.relay, question).await?;
        for answer in &mut answers {
            notes.extend(ask::of_node(
                &answer.node_name,
                std::mem::take(&mut answer.notes),
            ));
        }
        let number = match request.number {
            0 => usize::MAX,
            number => usize::try_from(number).unwrap_or(usize::MAX),
        };
        Ok(versioned(GetChangesResponse {
            notes,
            ..changes::merged(answers, number)
        }))
    }

    /// Every node knows the whole cluster.
    async fn get_state(
        &self,
        _: Request<GetStateRequest>,
    ) -> Result<Response<GetStateResponse>, Status> {
        let question = |channel| async move { client(channel).get_state(GetStateRequest {}).await };
        let (_, answer) = ask::first(&self.relay, &[], question).await?;
        Ok(versioned(answer))
    }
}

fn add(sum: &mut PolicyState, node: PolicyState) {
    let selects: BTreeSet<String> = sum.selects.drain(..).chain(node.selects).collect();
    sum.selects = selects.into_iter().collect();
    sum.stale |= node.stale;
    for rule in node.rules {
        let same = |known: &&mut proto::flows::v1::RuleState| {
            (known.path, known.direction) == (rule.path, rule.direction)
        };
        match sum.rules.iter_mut().find(same) {
            Some(known) => {
                known.decisions = known.decisions.saturating_add(rule.decisions);
                known.connections = known.connections.saturating_add(rule.connections);
                known.bytes = known.bytes.saturating_add(rule.bytes);
                for item in rule.layer7 {
                    let items = &mut known.layer7;
                    match items.iter_mut().find(|known| known.path == item.path) {
                        Some(known) => {
                            known.allowed = known.allowed.saturating_add(item.allowed);
                            known.denied = known.denied.saturating_add(item.denied);
                        }
                        None => items.push(item),
                    }
                }
            }
            None => sum.rules.push(rule),
        }
    }
}
