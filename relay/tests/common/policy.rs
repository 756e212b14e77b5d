//! An agent's answers to questions on policy, made up.

use std::{sync::Arc, time::Duration};

use proto::{
    flow::{TrafficDirection, Verdict},
    flows::v1::{
        AcknowledgeRequest, AcknowledgeResponse, Acknowledgement, EndpointState, ExplainRequest,
        ExplainResponse, GetAcknowledgementsRequest, GetAcknowledgementsResponse,
        GetChangesRequest, GetChangesResponse, GetPoliciesRequest, GetPoliciesResponse,
        GetStateRequest, GetStateResponse, IdentityState, Judgement, Layer7RuleState,
        ListEndpointsRequest, ListEndpointsResponse, ListIdentitiesRequest, ListIdentitiesResponse,
        Party, PolicyState, RulePath, RuleState, Suggestion, TraceRequest, TraceResponse,
        ValidateRequest, ValidateResponse, WaitRevisionRequest, WaitRevisionResponse, end::Of,
        policy_server::Policy, rule_path, trace_response,
    },
    google::Timestamp,
};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

/// What a node says.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) name: &'static str,
    pub(crate) revision: u32,
    /// It lets everything in; out it lets all anyway.
    pub(crate) allows: bool,
    /// It doesn't know the pod `shop/web-b`.
    pub(crate) lost_b: bool,
    /// So many nodes have such pods besides `a` and `b`.
    pub(crate) more: usize,
    /// It never says a word.
    pub(crate) silent: bool,
    /// What it says changed.
    pub(crate) changes: GetChangesResponse,
    /// The policy that is waited for is in force.
    pub(crate) ready: Arc<watch::Sender<bool>>,
}

impl Scripted {
    pub(crate) fn new(name: &'static str, revision: u32) -> Self {
        Self {
            name,
            revision,
            allows: false,
            lost_b: false,
            more: 0,
            silent: false,
            changes: GetChangesResponse::default(),
            ready: Arc::new(watch::Sender::new(true)),
        }
    }

    async fn speak(&self) {
        if self.silent {
            std::future::pending::<()>().await;
        }
    }

    fn judgement(&self, direction: TrafficDirection, allows: bool) -> Judgement {
        let verdict = if allows {
            Verdict::Forwarded
        } else {
            Verdict::Dropped
        };
        Judgement {
            direction: direction.into(),
            verdict: verdict.into(),
            node_name: self.name.to_owned(),
            revision: self.revision,
            ..Judgement::default()
        }
    }
}

#[tonic::async_trait]
impl Policy for Scripted {
    /// The source is on node `a`, the destination on node `b`; a denial has a suggestion.
    ///
    /// Labels `app=web` are those of the pods `shop/web-a` and `shop/web-b`, on the nodes of these names;
    /// each node knows of its own pods only whether they are let in.
    async fn trace(
        &self,
        request: Request<TraceRequest>,
    ) -> Result<Response<TraceResponse>, Status> {
        self.speak().await;
        let request = request.into_inner();
        let party = |node: &str| {
            Some(Party {
                node_name: node.to_owned(),
                judged: true,
                ..Party::default()
            })
        };
        let asked = request.destination.and_then(|end| end.of);
        let destination = match &asked {
            Some(Of::Labels(_)) => {
                let mut pods = vec!["shop/web-a".to_owned(), "shop/web-b".to_owned()];
                pods.resize(pods.len() + self.more, "shop/web-a".to_owned());
                Some(Party {
                    judged: true,
                    pods,
                    ..Party::default()
                })
            }
            Some(Of::Pod(name)) if self.lost_b && name == "shop/web-b" => {
                return Err(Status::not_found("there is no pod shop/web-b"));
            }
            Some(Of::Pod(name)) => Some(Party {
                name: name.clone(),
                ..party(name.rsplit('-').next().unwrap_or_default()).unwrap_or_default()
            }),
            _ => party("b"),
        };
        let suggestion = Suggestion {
            text: format!("as {} says", self.name),
            direction: TrafficDirection::Ingress.into(),
            ..Suggestion::default()
        };
        Ok(Response::new(TraceResponse {
            verdict: match self.allows {
                true => trace_response::Verdict::Allowed.into(),
                false => trace_response::Verdict::Denied.into(),
            },
            source: party("a"),
            destination,
            egress: Some(self.judgement(TrafficDirection::Egress, true)),
            ingress: Some(self.judgement(TrafficDirection::Ingress, self.allows)),
            suggestions: (!self.allows).then_some(suggestion).into_iter().collect(),
            node_name: self.name.to_owned(),
            revision: self.revision,
            ..TraceResponse::default()
        }))
    }

    async fn explain(
        &self,
        _: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        self.speak().await;
        Ok(Response::new(ExplainResponse {
            node_name: self.name.to_owned(),
            revision: self.revision,
            ..ExplainResponse::default()
        }))
    }

    async fn validate(
        &self,
        _: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        self.speak().await;
        Ok(Response::new(ValidateResponse {
            node_name: self.name.to_owned(),
            ..ValidateResponse::default()
        }))
    }

    async fn get_policies(
        &self,
        _: Request<GetPoliciesRequest>,
    ) -> Result<Response<GetPoliciesResponse>, Status> {
        self.speak().await;
        let rule = RuleState {
            path: Some(RulePath {
                list: rule_path::List::Ingress.into(),
                ..RulePath::default()
            }),
            direction: TrafficDirection::Ingress.into(),
            decisions: self.revision.into(),
            connections: 1,
            bytes: u64::MAX - 1,
            layer7: vec![Layer7RuleState {
                allowed: 2,
                denied: u64::MAX - 1,
                ..Layer7RuleState::default()
            }],
            ..RuleState::default()
        };
        let policy = PolicyState {
            policy: "cnp shop/web".to_owned(),
            selects: vec![format!("shop/web-{}", self.name)],
            rules: vec![rule],
            ..PolicyState::default()
        };
        Ok(Response::new(GetPoliciesResponse {
            policies: vec![policy],
            node_name: self.name.to_owned(),
            revision: self.revision,
            notes: vec!["its counts lag".to_owned()],
        }))
    }

    async fn list_endpoints(
        &self,
        request: Request<ListEndpointsRequest>,
    ) -> Result<Response<ListEndpointsResponse>, Status> {
        self.speak().await;
        let pod = format!("shop/web-{}", self.name);
        let asked = request.into_inner().pod;
        let endpoint = EndpointState {
            pod: pod.clone(),
            node_name: self.name.to_owned(),
            ..EndpointState::default()
        };
        let asked_for = asked.is_empty() || asked == pod;
        Ok(Response::new(ListEndpointsResponse {
            endpoints: asked_for.then_some(endpoint).into_iter().collect(),
            ..ListEndpointsResponse::default()
        }))
    }

    /// Keeps nothing.
    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        self.speak().await;
        Ok(Response::new(AcknowledgeResponse {
            acknowledgement: request.into_inner().acknowledgement,
            node_names: vec![self.name.to_owned()],
            notes: Vec::new(),
        }))
    }

    async fn get_acknowledgements(
        &self,
        _: Request<GetAcknowledgementsRequest>,
    ) -> Result<Response<GetAcknowledgementsResponse>, Status> {
        self.speak().await;
        Ok(Response::new(GetAcknowledgementsResponse {
            acknowledgements: vec![Acknowledgement {
                incident: "0123abcd".to_owned(),
                by: self.name.to_owned(),
                time: Some(Timestamp::from_unix_nanos(self.revision.into())),
                ..Acknowledgement::default()
            }],
            node_names: vec![self.name.to_owned()],
            notes: Vec::new(),
        }))
    }

    async fn get_state(
        &self,
        _: Request<GetStateRequest>,
    ) -> Result<Response<GetStateResponse>, Status> {
        self.speak().await;
        Ok(Response::new(GetStateResponse {
            node_name: self.name.to_owned(),
            ..GetStateResponse::default()
        }))
    }

    async fn list_identities(
        &self,
        _: Request<ListIdentitiesRequest>,
    ) -> Result<Response<ListIdentitiesResponse>, Status> {
        self.speak().await;
        let identity = |identity: u32, label: &str| IdentityState {
            identity,
            labels: vec![label.to_owned()],
            ..IdentityState::default()
        };
        let own = format!("cidr:{}", self.name);
        Ok(Response::new(ListIdentitiesResponse {
            identities: vec![identity(20_001, "k8s:app=web"), identity(1 << 24, &own)],
            ..ListIdentitiesResponse::default()
        }))
    }

    async fn wait_revision(
        &self,
        request: Request<WaitRevisionRequest>,
    ) -> Result<Response<WaitRevisionResponse>, Status> {
        self.speak().await;
        let request = request.into_inner();
        if request.versions.contains_key("cnp shop/bad") {
            return Err(Status::failed_precondition("cnp shop/bad is refused: why"));
        }
        let mut ready = self.ready.subscribe();
        let there = async { ready.wait_for(|ready| *ready).await.is_ok() };
        let timeouts = match request.patience_ms {
            0 => Duration::from_secs(3600),
            timeouts => Duration::from_millis(timeouts.into()),
        };
        match tokio::time::timeout(timeouts, there).await {
            Ok(_) => Ok(Response::new(WaitRevisionResponse {
                revision: self.revision,
                generation: self.revision.into(),
                node_name: self.name.to_owned(),
                ..WaitRevisionResponse::default()
            })),
            Err(_) => Err(Status::deadline_exceeded(format!(
                "{} is at revision {}: not yet",
                self.name, self.revision
            ))),
        }
    }

    async fn get_changes(
        &self,
        _: Request<GetChangesRequest>,
    ) -> Result<Response<GetChangesResponse>, Status> {
        self.speak().await;
        Ok(Response::new(GetChangesResponse {
            node_name: self.name.to_owned(),
            ..self.changes.clone()
        }))
    }
}
