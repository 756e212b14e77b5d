//! A server that puts letters which steer terminals into everything it says.

use proto::{
    flows::v1::{
        AcknowledgeRequest, AcknowledgeResponse, Acknowledgement, Change, ChangeOnNode, Diagnostic,
        EndpointState, ExplainRequest, ExplainResponse, GetAcknowledgementsRequest,
        GetAcknowledgementsResponse, GetChangesRequest, GetChangesResponse, GetPoliciesRequest,
        GetPoliciesResponse, GetStateRequest, GetStateResponse, GetStatusRequest,
        GetStatusResponse, IdentityState, Judgement, ListEndpointsRequest, ListEndpointsResponse,
        ListIdentitiesRequest, ListIdentitiesResponse, ManifestProblem, MapFill, Meaning,
        ObjectState, Party, PolicyFinding, PolicyObject, PolicyState, RuleFinding, RuleState,
        StateObject, Suggestion, TableEntry, TraceRequest, TraceResponse, ValidateRequest,
        ValidateResponse, WaitRevisionRequest, WaitRevisionResponse, get_state_response,
        object_state, policy_server::Policy, status_server::Status as StatusService,
    },
    google::UInt32Value,
    observer::{
        GetFlowsRequest, GetFlowsResponse, GetNamespacesResponse, GetNodesResponse, Namespace,
        Node, ServerStatusResponse,
    },
};
use testing::{Script, Streamed};
use tonic::{Request, Response, Status};

/// Sets a title, clears the screen, begins lines of its own, turns and hides text.
pub(crate) const EVIL: &str =
    "x\u{1b}]0;t\u{7}\u{1b}[2J\rFAKE\nFAKE \u{9b}31m\u{202e}y\u{2066}\u{200b}\u{7f}";

fn acknowledgement() -> Acknowledgement {
    Acknowledgement {
        incident: evil(),
        by: evil(),
        reason: evil(),
        about: evil(),
        ..Acknowledgement::default()
    }
}

fn evil() -> String {
    EVIL.to_owned()
}

fn evils() -> Vec<String> {
    vec![evil(), evil()]
}

#[derive(Clone)]
pub(crate) struct Hostile {
    /// Everything is refused, with hostile words.
    pub(crate) refuses: bool,
}

impl Hostile {
    fn answer<T>(&self, answer: T) -> Result<Response<T>, Status> {
        match self.refuses {
            true => Err(Status::failed_precondition(EVIL)),
            false => Ok(Response::new(answer)),
        }
    }
}

#[tonic::async_trait]
impl Script for Hostile {
    async fn get_flows(
        &self,
        _: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        Err(Status::internal(EVIL))
    }

    async fn get_nodes(&self) -> Result<GetNodesResponse, Status> {
        let node = Node {
            name: evil(),
            version: evil(),
            address: evil(),
            ..Node::default()
        };
        Ok(self
            .answer(GetNodesResponse { nodes: vec![node] })?
            .into_inner())
    }

    async fn get_namespaces(&self) -> Result<GetNamespacesResponse, Status> {
        let namespace = Namespace {
            cluster: evil(),
            namespace: evil(),
        };
        let namespaces = vec![namespace];
        Ok(self
            .answer(GetNamespacesResponse { namespaces })?
            .into_inner())
    }

    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        let status = ServerStatusResponse {
            num_unavailable_nodes: Some(UInt32Value { value: 3 }),
            unavailable_nodes: evils(),
            version: evil(),
            ..ServerStatusResponse::default()
        };
        Ok(self.answer(status)?.into_inner())
    }
}

#[tonic::async_trait]
impl StatusService for Hostile {
    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let problem = ManifestProblem {
            file: evil(),
            line: 1,
            object: evil(),
            field: evil(),
            problem: evil(),
            remedy: evil(),
            not_enforced: true,
            ..ManifestProblem::default()
        };
        let node = GetStatusResponse {
            node_name: evil(),
            failure: evil(),
            maps: vec![MapFill {
                map: evil(),
                entries: 9,
                max: 10,
            }],
            ..GetStatusResponse::default()
        };
        self.answer(GetStatusResponse {
            failure: evil(),
            problems: vec![problem],
            nodes: vec![node],
            ..GetStatusResponse::default()
        })
    }
}

fn trace() -> TraceResponse {
    let party = || {
        Some(Party {
            name: evil(),
            labels: vec![format!("reserved:{EVIL}")],
            node_name: evil(),
            pods: evils(),
            ..Party::default()
        })
    };
    let finding = PolicyFinding {
        policy: evil(),
        version: evil(),
        place: evil(),
        rules: vec![RuleFinding {
            text: evil(),
            failed: evils(),
            ..RuleFinding::default()
        }],
        ..PolicyFinding::default()
    };
    TraceResponse {
        verdict: i32::MAX,
        source: party(),
        destination: party(),
        protocol: evil(),
        ingress: Some(Judgement {
            direction: i32::MAX,
            verdict: proto::flow::Verdict::Dropped.into(),
            reason: i32::MAX,
            text: evil(),
            policies: vec![finding],
            node_name: evil(),
            ..Judgement::default()
        }),
        notes: evils(),
        suggestions: vec![Suggestion {
            policy: evil(),
            text: evil(),
            yaml: evil(),
            direction: i32::MAX,
        }],
        node_name: evil(),
        ..TraceResponse::default()
    }
}

#[tonic::async_trait]
impl Policy for Hostile {
    async fn trace(&self, _: Request<TraceRequest>) -> Result<Response<TraceResponse>, Status> {
        self.answer(TraceResponse {
            cases: vec![trace(), trace()],
            ..trace()
        })
    }

    async fn explain(
        &self,
        _: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        self.answer(ExplainResponse::default())
    }

    async fn validate(
        &self,
        request: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        let file = request.into_inner().files.into_iter().next();
        let diagnostic = |file: String| Diagnostic {
            severity: i32::MAX,
            code: evil(),
            file,
            line: 1,
            column: 1,
            object: evil(),
            field: evil(),
            problem: evil(),
            remedy: evil(),
        };
        let name = file.map(|file| file.name).unwrap_or_default();
        self.answer(ValidateResponse {
            diagnostics: vec![diagnostic(name), diagnostic(evil())],
            meanings: vec![Meaning {
                policy: evil(),
                file: evil(),
                line: 1,
                text: evil(),
            }],
            ..ValidateResponse::default()
        })
    }

    async fn get_policies(
        &self,
        _: Request<GetPoliciesRequest>,
    ) -> Result<Response<GetPoliciesResponse>, Status> {
        let rule = RuleState {
            direction: i32::MAX,
            text: evil(),
            ..RuleState::default()
        };
        self.answer(GetPoliciesResponse {
            policies: vec![PolicyState {
                policy: format!("cnp {EVIL}/web"),
                version: evil(),
                place: evil(),
                meaning: evil(),
                selects: evils(),
                rules: vec![rule],
                ..PolicyState::default()
            }],
            notes: evils(),
            ..GetPoliciesResponse::default()
        })
    }

    async fn list_endpoints(
        &self,
        request: Request<ListEndpointsRequest>,
    ) -> Result<Response<ListEndpointsResponse>, Status> {
        let entry = TableEntry {
            direction: proto::flow::TrafficDirection::Ingress.into(),
            labels: evils(),
            port: evil(),
            text: evil(),
            ..TableEntry::default()
        };
        let endpoint = EndpointState {
            pod: evil(),
            labels: evils(),
            ips: evils(),
            policies: evils(),
            entries: vec![entry],
            ingress_default: evil(),
            egress_default: evil(),
            node_name: evil(),
            ..EndpointState::default()
        };
        let nobody = request.into_inner().pod == "x/nobody";
        self.answer(ListEndpointsResponse {
            endpoints: if nobody { Vec::new() } else { vec![endpoint] },
            notes: evils(),
            ..ListEndpointsResponse::default()
        })
    }

    async fn list_identities(
        &self,
        _: Request<ListIdentitiesRequest>,
    ) -> Result<Response<ListIdentitiesResponse>, Status> {
        self.answer(ListIdentitiesResponse {
            identities: vec![IdentityState {
                identity: 300,
                labels: evils(),
                pods: evils(),
                policies: evils(),
            }],
            notes: evils(),
            ..ListIdentitiesResponse::default()
        })
    }

    async fn wait_revision(
        &self,
        _: Request<WaitRevisionRequest>,
    ) -> Result<Response<WaitRevisionResponse>, Status> {
        let node = WaitRevisionResponse {
            node_name: evil(),
            ..WaitRevisionResponse::default()
        };
        self.answer(WaitRevisionResponse {
            nodes: vec![node],
            ..WaitRevisionResponse::default()
        })
    }

    async fn get_changes(
        &self,
        request: Request<GetChangesRequest>,
    ) -> Result<Response<GetChangesResponse>, Status> {
        let object = || {
            let policy = PolicyObject {
                version: evil(),
                uid: evil(),
                yaml: evil(),
            };
            Some(ObjectState {
                of: Some(object_state::Of::Policy(policy)),
            })
        };
        let node = ChangeOnNode {
            node_name: evil(),
            ..ChangeOnNode::default()
        };
        let change = Change {
            object: format!("cnp {EVIL}/web"),
            kind: "CiliumNetworkPolicy".to_owned(),
            nodes: vec![node],
            place: evil(),
            summary: evil(),
            before: object(),
            concerns: evil(),
            ..Change::default()
        };
        let changes = [object(), None].map(|after| Change {
            after,
            ..change.clone()
        });
        let nobody = request.into_inner().name == "nobody";
        self.answer(GetChangesResponse {
            changes: if nobody { vec![] } else { changes.to_vec() },
            node_names: [evils(), evils()].concat(),
            notes: evils(),
            ..GetChangesResponse::default()
        })
    }

    async fn acknowledge(
        &self,
        _: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        self.answer(AcknowledgeResponse {
            acknowledgement: Some(acknowledgement()),
            node_names: vec![evil()],
            notes: vec![evil()],
        })
    }

    async fn get_acknowledgements(
        &self,
        _: Request<GetAcknowledgementsRequest>,
    ) -> Result<Response<GetAcknowledgementsResponse>, Status> {
        self.answer(GetAcknowledgementsResponse {
            acknowledgements: vec![acknowledgement()],
            node_names: vec![evil()],
            notes: vec![evil()],
        })
    }

    async fn get_state(
        &self,
        _: Request<GetStateRequest>,
    ) -> Result<Response<GetStateResponse>, Status> {
        let object = |yaml: &str| StateObject {
            yaml: yaml.to_owned(),
            file: evil(),
            ..StateObject::default()
        };
        self.answer(GetStateResponse {
            objects: vec![
                object(
                    "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: x, ownerReferences: \
                     [{kind: \"k\\e]0;t\\a\", name: \"w\\e[2J\\rFAKE\\nFAKE\"}]}}",
                ),
                object(
                    "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web, \
                     namespace: x}, spec: {endpointSelector: {}, ingress: [{}]}}",
                ),
            ],
            mode: get_state_response::Mode::Default.into(),
            cluster_name: evil(),
            node_name: evil(),
            notes: evils(),
            ..GetStateResponse::default()
        })
    }
}
