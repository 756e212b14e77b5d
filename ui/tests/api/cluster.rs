//! A relay of ours for tests: flows, the state of a cluster, and what people say of incidents.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use explain::validate::{File, propose};
use futures::StreamExt as _;
use proto::flow::{Endpoint, Flow, Verdict, Workload};
use proto::flows::v1::policy_server::{Policy, PolicyServer};
use proto::flows::v1::{
    AcknowledgeRequest, AcknowledgeResponse, Acknowledgement, ExplainRequest, ExplainResponse,
    GetAcknowledgementsRequest, GetAcknowledgementsResponse, GetChangesRequest, GetChangesResponse,
    GetPoliciesRequest, GetPoliciesResponse, GetStateRequest, GetStateResponse,
    ListEndpointsRequest, ListEndpointsResponse, ListIdentitiesRequest, ListIdentitiesResponse,
    TraceRequest, TraceResponse, ValidateRequest, ValidateResponse, WaitRevisionRequest,
    WaitRevisionResponse,
};
use proto::google::Timestamp;
use proto::observer::{GetFlowsRequest, GetFlowsResponse};
use testing::{Running, Script, Streamed, flows, observer};
use tonic::{Request, Response, Status};

/// A server that ends when this is dropped.
pub(crate) struct Cluster {
    pub(crate) socket: PathBuf,
    pub(crate) said: Arc<Mutex<Vec<Acknowledgement>>>,
    _running: Running,
    _directory: tempfile::TempDir,
}

impl Cluster {
    /// With the objects of these manifests and these flows.
    pub(crate) fn start(manifests: &[&str], flows: Vec<GetFlowsResponse>) -> Self {
        let files: Vec<File> = manifests
            .iter()
            .enumerate()
            .map(|(number, text)| File {
                name: format!("{number}.yaml").into(),
                text: (*text).to_owned(),
            })
            .collect();
        let config = policy::Config::default();
        let (report, state) = propose(
            &files,
            &cluster::State::default(),
            &config,
            &explain::cancel::Cancel::default(),
        );
        assert_eq!(report.count(explain::validate::Severity::Error), 0);
        let state = explain::proto::state_response(&state, &state.policies, &config);
        let said = Arc::new(Mutex::new(Vec::new()));
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("relay.sock");
        let policies = Policies {
            state,
            said: Arc::clone(&said),
        };
        let services = tonic::transport::Server::builder()
            .add_service(observer(History(flows)))
            .add_service(PolicyServer::new(policies));
        Self {
            _running: Running::start(&socket, services).unwrap(),
            _directory: directory,
            socket,
            said,
        }
    }

    /// The flag that names it.
    pub(crate) fn server(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

/// The first packet of a connection between two pods of a namespace, as the destination's node decided.
pub(crate) fn flow(time: i64, namespace: &str, pods: [&str; 2], verdict: Verdict) -> Flow {
    let end = |pod: &str| {
        Some(Endpoint {
            namespace: namespace.to_owned(),
            pod_name: pod.to_owned(),
            labels: vec![
                format!("k8s:app={pod}"),
                format!("k8s:io.kubernetes.pod.namespace={namespace}"),
            ],
            workloads: vec![Workload {
                kind: "Pod".to_owned(),
                name: pod.to_owned(),
            }],
            ..Endpoint::default()
        })
    };
    let port = u32::try_from(40_000 + time % 1000).unwrap_or(40_000);
    let mut flow = Flow {
        time: Some(Timestamp::from_unix_nanos(time)),
        uuid: format!("00000000-0000-4000-8000-{:012x}", time & 0xffff_ffff_ffff),
        node_name: "one".to_owned(),
        ip: flows::ipv4("10.0.0.1", "10.0.0.2"),
        l4: flows::tcp(port, 5432),
        source: end(pods[0]),
        destination: end(pods[1]),
        ..Flow::default()
    };
    let dropped = verdict == Verdict::Dropped;
    flows::decide(
        &mut flow,
        namespace,
        "auth-database-policy",
        "app=auth-service",
        dropped,
    );
    flow
}

struct History(Vec<GetFlowsResponse>);

#[tonic::async_trait]
impl Script for History {
    async fn get_flows(
        &self,
        _: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        let history = futures::stream::iter(self.0.clone()).map(Ok);
        Ok(Box::pin(history.chain(futures::stream::pending())))
    }
}

struct Policies {
    state: GetStateResponse,
    said: Arc<Mutex<Vec<Acknowledgement>>>,
}

fn unknown<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not of this test"))
}

#[tonic::async_trait]
impl Policy for Policies {
    async fn get_state(
        &self,
        _: Request<GetStateRequest>,
    ) -> Result<Response<GetStateResponse>, Status> {
        Ok(Response::new(self.state.clone()))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        let said = request.into_inner().acknowledgement.unwrap_or_default();
        if said.incident.len() != 8 {
            return Err(Status::invalid_argument("not an incident: eight digits"));
        }
        let mut all = self.said.lock().unwrap();
        all.retain(|one| one.incident != said.incident);
        all.push(said.clone());
        Ok(Response::new(AcknowledgeResponse {
            acknowledgement: Some(said),
            node_names: vec!["one".to_owned()],
            notes: vec!["node two did not answer".to_owned()],
        }))
    }

    async fn get_acknowledgements(
        &self,
        _: Request<GetAcknowledgementsRequest>,
    ) -> Result<Response<GetAcknowledgementsResponse>, Status> {
        Ok(Response::new(GetAcknowledgementsResponse {
            acknowledgements: self.said.lock().unwrap().clone(),
            ..GetAcknowledgementsResponse::default()
        }))
    }

    async fn trace(&self, _: Request<TraceRequest>) -> Result<Response<TraceResponse>, Status> {
        unknown()
    }

    async fn explain(
        &self,
        _: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        unknown()
    }

    async fn validate(
        &self,
        _: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        unknown()
    }

    async fn get_policies(
        &self,
        _: Request<GetPoliciesRequest>,
    ) -> Result<Response<GetPoliciesResponse>, Status> {
        unknown()
    }

    async fn list_endpoints(
        &self,
        _: Request<ListEndpointsRequest>,
    ) -> Result<Response<ListEndpointsResponse>, Status> {
        unknown()
    }

    async fn list_identities(
        &self,
        _: Request<ListIdentitiesRequest>,
    ) -> Result<Response<ListIdentitiesResponse>, Status> {
        unknown()
    }

    async fn wait_revision(
        &self,
        _: Request<WaitRevisionRequest>,
    ) -> Result<Response<WaitRevisionResponse>, Status> {
        unknown()
    }

    async fn get_changes(
        &self,
        _: Request<GetChangesRequest>,
    ) -> Result<Response<GetChangesResponse>, Status> {
        unknown()
    }
}
