//! What the relay costs per flow, whether its order holds, and how old a flow is when it comes out.
//!
//! The relay is the real program in a process of its own, so that its processor time is that of all it
//! does; 2, 8 or 32 made-up nodes on unix sockets and the client are this process.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench: it fails where it stands, and counts in small numbers"
)]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use proto::{
    flow::{
        CiliumEventType, Endpoint, Flow, Ip, IpVersion, Layer4, Tcp, TcpFlags, Verdict, layer4,
    },
    google::Timestamp,
    observer::{
        GetFlowsRequest, GetFlowsResponse, ServerStatusResponse, get_flows_response::ResponseTypes,
        observer_client::ObserverClient,
    },
};
use testing::{Running, Script, Streamed, flows::response, observer, until};
use testing_bench::{Row, median};
use testing_program::{Background, built, processor_time};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint as Address},
};

/// Flows of all nodes together.
const FLOWS: u64 = 100_000;
const RUNS: usize = 5;
/// As our agents do it.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    for nodes in [2, 8, 32] {
        runtime.block_on(measure(nodes));
    }
}

/// The relay over so many nodes' sockets; it gives up root, and reaches them as anybody.
fn relay(directory: &Path, nodes: u64) -> Background {
    let peers: String = (0..nodes)
        .map(|node| format!("node-{node}=unix://{}/{node}.sock\n", directory.display()))
        .collect();
    let file = directory.join("peers");
    fs::write(&file, peers).unwrap();
    let mut command = Command::new(built("flows-relay"));
    command
        .arg("--peers-file")
        .arg(file)
        .arg("--listen")
        .arg(format!("unix://{}/relay.sock", directory.display()))
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Background::start(&mut command)
}

struct Agent {
    node: u64,
    nodes: u64,
    history: Vec<GetFlowsResponse>,
}

/// A made-up node.
async fn agent(directory: &Path, node: u64, nodes: u64) -> Running {
    let history = (node..FLOWS).step_by(usize::try_from(nodes).unwrap());
    // A flow each 10 us, the nodes in turns.
    let history = history.map(|n| flow(node, Timestamp::from_unix_nanos(n as i64 * 10_000)));
    let agent = Agent {
        node,
        nodes,
        history: history.collect(),
    };
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status(
            serve::health::OBSERVER,
            tonic_health::ServingStatus::Serving,
        )
        .await;
    let services = tonic::transport::Server::builder()
        .add_service(observer(agent))
        .add_service(health);
    let socket = directory.join(format!("{node}.sock"));
    let running = Running::start(&socket, services).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    running
}

/// A flow as an agent tells it, about 600 bytes.
fn flow(node: u64, time: Timestamp) -> GetFlowsResponse {
    let name = format!("node-{node}");
    let endpoint = |pod: &str, identity| Endpoint {
        id: 101,
        identity,
        namespace: "shop".to_owned(),
        pod_name: pod.to_owned(),
        labels: vec![
            format!("k8s:app={pod}"),
            "k8s:io.kubernetes.pod.namespace=shop".to_owned(),
            "k8s:io.cilium.k8s.policy.cluster=default".to_owned(),
        ],
        ..Endpoint::default()
    };
    let tcp = Tcp {
        source_port: 40_001,
        destination_port: 8080,
        flags: Some(TcpFlags {
            syn: true,
            ..TcpFlags::default()
        }),
    };
    let flow = Flow {
        time: Some(time),
        uuid: "7c1b2f6e-0a9c-4a53-9f0e-1b2c3d4e5f60".to_owned(),
        verdict: Verdict::Forwarded.into(),
        ip: Some(Ip {
            source: "10.0.1.11".to_owned(),
            destination: "10.0.1.12".to_owned(),
            ip_version: IpVersion::IPv4.into(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(layer4::Protocol::Tcp(tcp)),
        }),
        source: Some(endpoint("frontend-6d9c7b-xk2vq", 20_001)),
        destination: Some(endpoint("cart-0", 20_002)),
        node_name: name,
        event_type: Some(CiliumEventType {
            r#type: 4,
            sub_type: 0,
        }),
        ..Flow::default()
    };
    response(flow)
}

fn now() -> i64 {
    i64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos(),
    )
    .unwrap()
}

#[tonic::async_trait]
impl Script for Agent {
    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        let request = request.into_inner();
        if !request.follow {
            let history = futures::stream::iter(self.history.clone()).map(Ok);
            return Ok(Box::pin(history));
        }
        // All nodes' flows per second stand in a field that nobody else uses here.
        let rate = request.until.unwrap().nanos;
        let gap = Duration::from_secs_f64(self.nodes as f64 / f64::from(rate));
        let node = self.node;
        // The nodes in turns, a flow at a time; at high rates, what is due at each tick.
        let tick = gap.max(Duration::from_millis(5));
        let first = tokio::time::Instant::now() + gap.mul_f64(node as f64 / self.nodes as f64);
        let mut ticks = tokio::time::interval_at(first, tick);
        let mut progress = tokio::time::interval(PROGRESS_EVERY);
        let mut owed = 0.0;
        let stream = async_stream(move |sender| async move {
            loop {
                let batch = tokio::select! {
                    _ = ticks.tick() => {
                        owed += tick.as_secs_f64() / gap.as_secs_f64();
                        let due = owed as usize;
                        owed -= due as f64;
                        (0..due).map(|_| flow(node, Timestamp::from_unix_nanos(now()))).collect()
                    }
                    _ = progress.tick() => {
                        let time = Some(Timestamp::from_unix_nanos(now()));
                        vec![GetFlowsResponse { node_name: format!("node-{node}"), time, response_types: None }]
                    }
                };
                for response in batch {
                    if sender.send(Ok(response)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(stream)
    }

    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        Ok(ServerStatusResponse::default())
    }
}

/// A stream fed by a task that ends with its reader.
fn async_stream<F>(
    feed: impl FnOnce(tokio::sync::mpsc::Sender<Result<GetFlowsResponse, Status>>) -> F,
) -> Streamed<GetFlowsResponse>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = tokio::sync::mpsc::channel(1024);
    let mut task = tokio::task::JoinSet::new();
    task.spawn(feed(sender));
    let receiver = tokio_stream::wrappers::ReceiverStream::new(receiver);
    // The task lives as long as the stream that holds it.
    Box::pin(receiver.map(move |item| {
        let _held = &task;
        item
    }))
}

/// What one query showed.
#[derive(Default)]
struct Seen {
    flows: u64,
    out_of_order: u64,
    ages_ms: Vec<f64>,
}

async fn query(relay: &Channel, request: GetFlowsRequest, length: Option<Duration>) -> Seen {
    let mut stream = ObserverClient::new(relay.clone())
        .get_flows(request)
        .await
        .unwrap()
        .into_inner();
    let mut seen = Seen::default();
    let mut newest = i64::MIN;
    let deadline = length.map(|length| tokio::time::Instant::now() + length);
    loop {
        let message = match deadline {
            None => stream.message().await,
            Some(deadline) => match tokio::time::timeout_at(deadline, stream.message()).await {
                Ok(message) => message,
                Err(_) => return seen,
            },
        };
        let Some(response) = message.unwrap() else {
            return seen;
        };
        if let Some(ResponseTypes::Flow(_)) = response.response_types {
            let time = response.time.unwrap().unix_nanos();
            seen.flows += 1;
            seen.out_of_order += u64::from(time < newest);
            newest = newest.max(time);
            if deadline.is_some() {
                seen.ages_ms.push((now() - time) as f64 / 1e6);
            }
        }
    }
}

async fn measure(nodes: u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    let mut agents = Vec::new();
    for node in 0..nodes {
        agents.push(agent(path, node, nodes).await);
    }
    let process = relay(path, nodes);
    let address = Address::from_shared(format!("unix://{}/relay.sock", path.display())).unwrap();
    let relay = until("the relay listens", async || {
        let connected = address.connect().await;
        connected.map_err(|error| error.to_string())
    })
    .await;
    until("all nodes are connected", async || {
        let seen = query(&relay, GetFlowsRequest::default(), None).await;
        match seen.flows {
            FLOWS => Ok(()),
            fewer => Err(format!("{fewer} flows")),
        }
    })
    .await;
    let (mut cost, mut disorder, mut speed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (before, start) = (processor_time(process.id()), now());
        let seen = query(&relay, GetFlowsRequest::default(), None).await;
        assert_eq!(seen.flows, FLOWS);
        let used = processor_time(process.id()) - before;
        cost.push(used.as_secs_f64() * 1e6 / FLOWS as f64);
        speed.push(FLOWS as f64 / ((now() - start) as f64 / 1e9));
        disorder.push(seen.out_of_order as f64);
    }
    let name = format!("CPU per flow, whole process, {nodes} nodes");
    Row::new(name, median(cost), "us").goal("<= 1.5").print();
    let name = format!("out of order, {nodes} nodes");
    let unit = format!("of {FLOWS} flows");
    Row::new(name, median(disorder), &unit).goal("0").print();
    let name = format!("throughput, {nodes} nodes");
    Row::new(name, median(speed), "flows/s").print();
    if nodes == 8 {
        for (rate, seconds) in [(2, 10), (20, 10), (8_000, 5)] {
            ages(&relay, rate, Duration::from_secs(seconds)).await;
        }
    }
}

/// How old flows are that come at so many a second.
async fn ages(relay: &Channel, rate: i32, length: Duration) {
    let request = GetFlowsRequest {
        follow: true,
        until: Some(Timestamp {
            seconds: i64::from(i32::MAX),
            nanos: rate,
        }),
        ..GetFlowsRequest::default()
    };
    let mut seen = query(relay, request, Some(length)).await;
    assert!(seen.flows > 0, "no flow came at {rate}/s");
    seen.ages_ms.sort_by(f64::total_cmp);
    let most = seen.ages_ms[(seen.ages_ms.len() - 1) * 99 / 100];
    for (what, age) in [("median", median(seen.ages_ms)), ("99th percentile", most)] {
        let name = format!("age in follow, {rate}/s, 8 nodes, {what}");
        Row::new(name, age, "ms").goal("<= 250").print();
    }
    let name = format!("out of order in follow, {rate}/s, of {}", seen.flows);
    let disorder = seen.out_of_order as f64;
    Row::new(name, disorder, "flows").goal("0").print();
}
