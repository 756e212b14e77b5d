//! A server that puts letters which steer terminals into everything it says: none of them comes out of
//! any command, in any form.

use proto::{
    flows::v1::{
        Change, ChangeOnNode, Diagnostic, EndpointState, ExplainRequest, ExplainResponse,
        GetChangesRequest, GetChangesResponse, GetPoliciesRequest, GetPoliciesResponse,
        GetStateRequest, GetStateResponse, GetStatusRequest, GetStatusResponse, IdentityState,
        Judgement, ListEndpointsRequest, ListEndpointsResponse, ListIdentitiesRequest,
        ListIdentitiesResponse, ManifestProblem, MapFill, Meaning, ObjectState, Party,
        PolicyFinding, PolicyObject, PolicyState, RuleFinding, RuleState, StateObject, Suggestion,
        TableEntry, TraceRequest, TraceResponse, ValidateRequest, ValidateResponse,
        WaitRevisionRequest, WaitRevisionResponse, get_state_response, object_state,
        policy_server::{Policy, PolicyServer},
        status_server::{Status as StatusService, StatusServer},
    },
    google::UInt32Value,
    observer::{
        GetFlowsRequest, GetFlowsResponse, GetNamespacesResponse, GetNodesResponse, Namespace,
        Node, ServerStatusResponse,
    },
};
use testing::{Running, Script, Streamed, observer};
use tonic::{Request, Response, Status};

use crate::service::{command, text};

/// Sets a title, clears the screen, begins lines of its own, turns and hides text.
const EVIL: &str = "x\u{1b}]0;t\u{7}\u{1b}[2J\rFAKE\nFAKE \u{9b}31m\u{202e}y\u{2066}\u{200b}\u{7f}";

fn evil() -> String {
    EVIL.to_owned()
}

fn evils() -> Vec<String> {
    vec![evil(), evil()]
}

#[derive(Clone)]
struct Hostile {
    /// Everything is refused, with hostile words.
    refuses: bool,
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

/// What is left of an output without the colours that are ours.
fn without_colours(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        left.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.filter(|end| after[*end..].starts_with('m')) {
            Some(end) => rest = &after[end + 1..],
            None => {
                left.push('\u{1b}');
                rest = after;
            }
        }
    }
    left + rest
}

/// Commands that ask for the state of the cluster.
fn differences() -> Vec<Vec<&'static str>> {
    vec![
        vec!["policy", "diff", "--delete", "cnp", "x/web"],
        vec!["policy", "diff", "--no-flows", "--delete", "cnp", "x/web"],
        vec![
            "policy",
            "diff",
            "--no-flows",
            "--delete",
            "cnp",
            "x/web",
            "-o",
            "json",
        ],
        vec![
            "policy",
            "diff",
            "--no-flows",
            "--delete",
            "cnp",
            "x/web",
            "-o",
            "markdown",
        ],
        vec!["policy", "diff", "--delete", EVIL, EVIL],
        vec!["who-can", "reach", "x/web"],
        vec!["who-can", "reach", "x/web", "--no-flows"],
        vec![
            "who-can",
            "be-reached-from",
            "web",
            "--no-flows",
            "-o",
            "json",
        ],
        vec!["who-can", "reach", EVIL, "--no-flows"],
    ]
}

#[test]
fn nothing_that_a_server_says_steers_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("hostile.sock");
    let manifest = directory.path().join("web.yaml");
    std::fs::write(&manifest, format!("# {EVIL}\nkind: {EVIL}\n")).unwrap();
    let manifest = manifest.to_str().unwrap();
    let server = format!("unix://{}", socket.display());
    let trace = [
        "policy",
        "trace",
        "--src-pod",
        "a/b",
        "--dst-pod",
        "a/c",
        "--dport",
        "80",
    ];
    let commands: Vec<Vec<&str>> = vec![
        vec!["status"],
        vec!["status", "-o", "dict"],
        vec!["status", "-o", "table"],
        vec!["status", "-o", "json"],
        vec!["list", "nodes", "-o", "wide"],
        vec!["list", "nodes", "-o", "json"],
        vec!["list", "namespaces", "-o", "wide"],
        vec!["list", "namespaces", "-o", "json"],
        vec!["observe"],
        vec!["policy", "get"],
        vec!["policy", "get", "web"],
        vec!["policy", "get", "nobody"],
        vec!["policy", "get", "wex"],
        vec!["policy", "get", "-o", "json"],
        vec!["policy", "wait"],
        vec!["policy", "history", "web"],
        vec!["policy", "history", "web", "--diff"],
        vec!["policy", "history", "web", "--diff", EVIL],
        vec!["policy", "history", "web", "-o", "json"],
        vec!["policy", "history", "nobody"],
        vec!["changes"],
        vec!["changes", "--name", "nobody"],
        vec!["changes", "--kind", EVIL],
        vec!["changes", "-o", "json"],
        vec!["endpoint", "list"],
        vec!["endpoint", "list", "-o", "json"],
        vec!["endpoint", "get", "x/web"],
        vec!["endpoint", "get", "x/web", "-o", "json"],
        vec!["endpoint", "get", "x/nobody"],
        vec!["identity", "list"],
        vec!["identity", "list", "-o", "json"],
        vec!["identity", "get", "300"],
        vec!["identity", "get", EVIL],
        trace.to_vec(),
        [&trace[..], &["-o", "json"]].concat(),
        vec!["policy", "validate", "--server", &server, manifest],
        vec![
            "policy", "validate", "--server", &server, "-o", "json", manifest,
        ],
        vec!["policy", "diff", manifest],
        vec!["policy", "validate", manifest],
        vec!["policy", "validate", EVIL],
        vec![
            "policy",
            "trace",
            "--src-pod",
            EVIL,
            "--dst-ip",
            EVIL,
            "--dport",
            EVIL,
        ],
    ];
    let commands = [commands, differences()].concat();
    for refuses in [false, true] {
        let hostile = Hostile { refuses };
        let (health, health_service) = tonic_health::server::health_reporter();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(health.set_service_status(
            "hubble.server.Observer",
            tonic_health::ServingStatus::Serving,
        ));
        let services = tonic::transport::Server::builder()
            .add_service(observer(hostile.clone()))
            .add_service(StatusServer::new(hostile.clone()))
            .add_service(PolicyServer::new(hostile))
            .add_service(health_service);
        let _running = Running::start(&socket, services).unwrap();
        for arguments in &commands {
            let output = command(&socket, arguments)
                .env("CLICOLOR_FORCE", "1")
                .output()
                .unwrap();
            for text in [text(&output.stdout), text(&output.stderr)] {
                let text = without_colours(text);
                let steering = text.chars().find(|c| *c != '\n' && proto::json::steers(*c));
                assert_eq!(steering, None, "{arguments:?}: {text:?}");
                let faked = text.lines().find(|line| line.starts_with("FAKE"));
                assert_eq!(faked, None, "{arguments:?}: {text}");
            }
            let all = [output.stdout, output.stderr].concat();
            assert!(!all.is_empty(), "{arguments:?} says something");
        }
    }
}
