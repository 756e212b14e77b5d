//! The real program against a real gRPC server.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    pin::Pin,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use futures::{Stream, StreamExt};
use proto::{
    flow::{Endpoint, Flow, Ip, Verdict},
    google::{Timestamp, UInt32Value},
    observer::{
        GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest,
        GetDebugEventsResponse, GetFlowsRequest, GetFlowsResponse, GetNamespacesRequest,
        GetNamespacesResponse, GetNodesRequest, GetNodesResponse, Namespace, Node,
        ServerStatusRequest, ServerStatusResponse,
        get_flows_response::ResponseTypes,
        observer_server::{Observer, ObserverServer},
    },
    relay::{NodeState, NodeStatusEvent},
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};

/// What the server answers, and what it was asked.
#[derive(Default)]
struct Script {
    flows: Vec<Result<GetFlowsResponse, Status>>,
    asked: Vec<(GetFlowsRequest, bool)>,
}

#[derive(Clone, Default)]
struct Service(Arc<Mutex<Script>>);
type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Observer for Service {
    type GetFlowsStream = Streamed<GetFlowsResponse>;
    type GetAgentEventsStream = Streamed<GetAgentEventsResponse>;
    type GetDebugEventsStream = Streamed<GetDebugEventsResponse>;

    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Response<Self::GetFlowsStream>, Status> {
        let extensions = request.metadata().get(proto::WANT_EXTENSIONS).is_some();
        let request = request.into_inner();
        let mut script = self.0.lock().unwrap();
        script.asked.push((request.clone(), extensions));
        let flows = futures::stream::iter(script.flows.clone());
        Ok(Response::new(if request.follow {
            Box::pin(flows.chain(futures::stream::pending()))
        } else {
            Box::pin(flows)
        }))
    }

    async fn get_agent_events(
        &self,
        _: Request<GetAgentEventsRequest>,
    ) -> Result<Response<Self::GetAgentEventsStream>, Status> {
        Err(Status::unimplemented("GetAgentEvents not yet implemented"))
    }

    async fn get_debug_events(
        &self,
        _: Request<GetDebugEventsRequest>,
    ) -> Result<Response<Self::GetDebugEventsStream>, Status> {
        Err(Status::unimplemented("GetDebugEvents not yet implemented"))
    }

    async fn get_nodes(
        &self,
        _: Request<GetNodesRequest>,
    ) -> Result<Response<GetNodesResponse>, Status> {
        let node = |name: &str, state: NodeState| Node {
            name: name.to_owned(),
            state: state.into(),
            ..Node::default()
        };
        let nodes = vec![
            node("b", NodeState::NodeUnavailable),
            node("a", NodeState::NodeConnected),
        ];
        Ok(Response::new(GetNodesResponse { nodes }))
    }

    async fn get_namespaces(
        &self,
        _: Request<GetNamespacesRequest>,
    ) -> Result<Response<GetNamespacesResponse>, Status> {
        let shop = Namespace {
            cluster: String::new(),
            namespace: "shop".to_owned(),
        };
        Ok(Response::new(GetNamespacesResponse {
            namespaces: vec![shop],
        }))
    }

    async fn server_status(
        &self,
        _: Request<ServerStatusRequest>,
    ) -> Result<Response<ServerStatusResponse>, Status> {
        Ok(Response::new(ServerStatusResponse {
            num_flows: 1000,
            max_flows: 2000,
            flows_rate: 1.5,
            num_connected_nodes: Some(UInt32Value { value: 1 }),
            num_unavailable_nodes: Some(UInt32Value { value: 1 }),
            unavailable_nodes: vec!["b".to_owned()],
            ..ServerStatusResponse::default()
        }))
    }
}

/// A server on a socket of its own.
struct Server {
    directory: tempfile::TempDir,
    service: Service,
    runtime: tokio::runtime::Runtime,
    health: tonic_health::server::HealthReporter,
}

impl Server {
    fn start(flows: Vec<Result<GetFlowsResponse, Status>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = Service::default();
        service.0.lock().unwrap().flows = flows;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (health, health_service) = tonic_health::server::health_reporter();
        let observer = ObserverServer::new(service.clone());
        let listener = {
            let _entered = runtime.enter();
            UnixListener::bind(directory.path().join("server.sock")).unwrap()
        };
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(observer)
                .add_service(health_service)
                .serve_with_incoming(UnixListenerStream::new(listener)),
        );
        let server = Self {
            directory,
            service,
            runtime,
            health,
        };
        server.healthy(true);
        server
    }

    fn healthy(&self, healthy: bool) {
        let status = if healthy {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        self.runtime.block_on(
            self.health
                .set_service_status("hubble.server.Observer", status),
        );
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("server.sock")
    }

    fn flows(&self, args: &[&str]) -> Output {
        command(&self.socket(), args).output().unwrap()
    }

    fn asked(&self) -> (GetFlowsRequest, bool) {
        self.service.0.lock().unwrap().asked.pop().unwrap()
    }
}

fn command(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command
        .args(args)
        .env_clear()
        .env("FLOWS_SERVER", format!("unix://{}", socket.display()));
    command.stdin(Stdio::null());
    command
}

fn flow(number: i64) -> Result<GetFlowsResponse, Status> {
    let time = Some(Timestamp {
        seconds: number,
        nanos: 0,
    });
    let pod = |name: &str| {
        Some(Endpoint {
            namespace: "shop".to_owned(),
            pod_name: name.to_owned(),
            identity: 20_001,
            ..Endpoint::default()
        })
    };
    let flow = Flow {
        time,
        verdict: Verdict::Dropped.into(),
        ip: Some(Ip {
            source: "10.0.0.1".to_owned(),
            destination: "10.0.0.2".to_owned(),
            ..Ip::default()
        }),
        source: pod("frontend"),
        destination: pod("cart"),
        ..Flow::default()
    };
    Ok(GetFlowsResponse {
        time,
        node_name: "a".to_owned(),
        response_types: Some(ResponseTypes::Flow(flow)),
    })
}

fn status(state: NodeState, message: &str) -> Result<GetFlowsResponse, Status> {
    let event = NodeStatusEvent {
        state_change: state.into(),
        node_names: vec!["b".to_owned()],
        message: message.to_owned(),
    };
    Ok(GetFlowsResponse {
        node_name: "relay".to_owned(),
        time: Some(Timestamp::default()),
        response_types: Some(ResponseTypes::NodeStatus(event)),
    })
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn said(output: &Output) -> (&str, Option<i32>) {
    (text(&output.stderr), output.status.code())
}

#[test]
fn defaults_of_the_request_are_hubbles() {
    let server = Server::start(vec![]);
    type Check = fn(&GetFlowsRequest) -> bool;
    let rows: &[(&[&str], bool, Check)] = &[
        (&["observe"], true, |asked| {
            asked.number == 20 && !asked.follow && !asked.first
        }),
        (&["observe", "-o", "compact"], false, |asked| {
            asked.number == 20
        }),
        (&["observe", "--all", "-o", "json"], false, |asked| {
            asked.number == u64::MAX
        }),
        (&["observe", "--since", "1h"], true, |asked| {
            asked.number == 0 && asked.since.is_some()
        }),
        (&["observe", "--first", "7"], true, |asked| {
            asked.number == 7 && asked.first
        }),
        (&["observe", "--last", "7"], true, |asked| {
            asked.number == 7 && !asked.first
        }),
        (&["observe", "--from", "ns:shop"], true, |asked| {
            asked.whitelist[0].source_pod == ["shop/"]
        }),
        (&["observe", "--to", "pod:shop/cart"], true, |asked| {
            asked.whitelist[0].destination_pod == ["shop/cart"]
        }),
        (
            &[
                "observe",
                "--field-mask",
                "time,source.pod_name",
                "-o",
                "json",
            ],
            false,
            |asked| asked.field_mask.as_ref().unwrap().paths == ["time", "source.pod_name"],
        ),
    ];
    for (args, extensions, check) in rows {
        let output = server.flows(args);
        assert_eq!(said(&output), ("", Some(0)), "{args:?}");
        let (asked, own) = server.asked();
        assert!(check(&asked), "{args:?}: {asked:?}");
        assert_eq!(own, *extensions, "{args:?}");
    }
}

#[test]
fn flows_go_out_and_nodes_are_named_beside_them() {
    let server = Server::start(vec![
        status(NodeState::NodeConnected, ""),
        status(NodeState::NodeUnavailable, ""),
        flow(1),
        status(NodeState::NodeError, "boom"),
        flow(2),
    ]);
    let output = server.flows(&["observe", "-o", "compact"]);
    assert_eq!(
        text(&output.stdout),
        "Jan  1 00:00:01.000: shop/frontend (ID:20001) <> shop/cart (ID:20001) UNKNOWN DROPPED ()\n\
         Jan  1 00:00:02.000: shop/frontend (ID:20001) <> shop/cart (ID:20001) UNKNOWN DROPPED ()\n"
    );
    assert_eq!(
        said(&output),
        (
            "Jan  1 00:00:00.000 [relay]: 1 nodes are unavailable: b\n\
             Jan  1 00:00:00.000 [relay]: Error \"boom\" on 1 nodes: b\n",
            Some(0)
        )
    );
    assert_eq!(said(&server.flows(&["observe", "-s"])), ("", Some(0)));
    let wide = server.flows(&["observe"]);
    let heading = text(&wide.stdout).lines().next().unwrap();
    for column in [
        "TIMESTAMP",
        "SOURCE",
        "DESTINATION",
        "TYPE",
        "VERDICT",
        "REASON",
        "POLICY",
    ] {
        assert!(heading.contains(column), "{heading}");
    }
}

#[test]
fn a_servers_refusal_is_one_line() {
    for (refusal, want) in [
        (
            Status::invalid_argument("bad filter"),
            "rpc error: code = InvalidArgument desc = bad filter\n",
        ),
        (Status::unknown("bad filter"), "bad filter\n"),
    ] {
        let server = Server::start(vec![flow(1), Err(refusal)]);
        let output = server.flows(&["observe", "-o", "compact"]);
        assert_eq!(said(&output), (want, Some(1)));
        assert_eq!(
            text(&output.stdout).lines().count(),
            1,
            "what came before is shown"
        );
    }
}

#[test]
fn a_server_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("none.sock");
    for args in [
        &["observe"][..],
        &["status"],
        &["list", "nodes"],
        &["watch", "peers"],
    ] {
        let output = command(&socket, args).output().unwrap();
        let (line, code) = said(&output);
        assert_eq!(code, Some(1), "{args:?}");
        let want = format!("cannot reach unix://{}: ", socket.display());
        assert!(
            line.starts_with(&want) && line.lines().count() == 1,
            "{args:?}: {line}"
        );
    }
    let output = command(&socket, &["--lab", "no/lab", "status"])
        .output()
        .unwrap();
    assert_eq!(
        said(&output),
        ("\"no/lab\" is not the name of a lab\n", Some(1))
    );
}

#[test]
fn status_and_lists() {
    let server = Server::start(vec![]);
    let output = server.flows(&["status"]);
    assert_eq!(
        text(&output.stdout),
        format!(
            "Healthcheck (via unix://{}): Ok\nCurrent/Max Flows: 1,000/2,000 (50.00%)\nFlows/s: 1.50\n\
             Connected Nodes: 1/2\nUnavailable Nodes: 1\n  - b\n",
            server.socket().display()
        )
    );
    let output = server.flows(&["list", "nodes"]);
    let names: Vec<_> = text(&output.stdout)
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["NAME", "a", "b"]);
    assert_eq!(
        text(&server.flows(&["list", "namespaces"]).stdout),
        "NAMESPACE\nshop\n"
    );
    server.healthy(false);
    assert_eq!(said(&server.flows(&["status"])), ("not healthy\n", Some(1)));
}

/// Ctrl-C ends a follow, a reader that goes away ends a long answer; both quietly.
#[test]
fn ends_that_are_no_errors() {
    let server = Server::start(vec![flow(1)]);
    let mut follow = command(&server.socket(), &["observe", "-f", "-o", "compact"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(follow.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("DROPPED"), "{line}");
    let pid = follow.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = follow.wait_with_output().unwrap();
    assert_eq!(said(&output), ("", Some(0)));

    let server = Server::start((0..50_000).map(flow).collect());
    let mut long = command(&server.socket(), &["observe", "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(long.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    let output = long.wait_with_output().unwrap();
    assert_eq!(said(&output), ("", Some(0)));
    drop(server.runtime);
}

#[test]
fn help_and_completion() {
    let socket = Path::new("/nonexistent");
    let help = command(socket, &["observe", "--help"]).output().unwrap();
    for part in [
        "Examples:",
        "--from-pod",
        "Filters: ends of a flow",
        "--not",
        "Server:",
    ] {
        assert!(text(&help.stdout).contains(part), "{part}");
    }
    let completion = command(socket, &["completion", "bash"]).output().unwrap();
    assert!(text(&completion.stdout).contains("--drop-reason-desc"));
    assert_eq!(said(&completion), ("", Some(0)));
}
