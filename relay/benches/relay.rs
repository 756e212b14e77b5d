//! What the relay costs per flow, whether its order holds, and how old a flow is when it comes out.
//!
//! Three processes, so that each one's CPU time is its own: this one is the client; it starts itself
//! as `agents` (2, 8 or 32 made-up nodes on unix sockets) and as `relay`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench: it fails where it stands, prints its rows, and counts in small numbers"
)]

use std::{
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use flows_relay::{
    Config, Server,
    peer::{Backoff, Change},
    query::Timeouts,
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
use serve::listen::Listen;
use testing::{Script, Streamed, observer};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Status};

/// Flows of all nodes together.
const FLOWS: u64 = 100_000;
const RUNS: usize = 5;
/// As our agents do it.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    match &words[..] {
        ["agents", directory, nodes] => {
            runtime().block_on(agents(directory, nodes.parse().unwrap()))
        }
        ["relay", directory, nodes] => runtime().block_on(relay(directory, nodes.parse().unwrap())),
        _ => runtime().block_on(client()),
    }
}

/// A child process that is gone with its owner.
struct Running(Child);

impl Running {
    /// Starts this program in a role and waits until it says that it is ready.
    fn start(role: &str, directory: &Path, nodes: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(role)
            .arg(directory)
            .arg(nodes.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line.trim(), "ready", "{role} did not start");
        Self(child)
    }

    /// CPU time of all its threads, in ns.
    fn cpu(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap();
        let times = tasks.map(|task| {
            let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        times.sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn ready() {
    println!("ready");
    std::io::stdout().flush().unwrap();
}

async fn relay(directory: &str, nodes: u64) {
    let directory = Path::new(directory);
    let peers = (0..nodes).map(|node| Change::Put {
        name: Arc::from(format!("node-{node}")),
        address: Arc::from(format!("unix://{}/{node}.sock", directory.display())),
        tls_server_name: None,
    });
    let config = Config {
        peers: peers.collect(),
        peer_service: None,
        listen: vec![Listen::Unix(directory.join("relay.sock"))],
        insecure: false,
        metrics_listen: None,
        user: None,
        limits: serve::grpc::Limits::relay(),
        name: Arc::from("relay"),
        timeouts: Timeouts::default(),
        backoff: Backoff::default(),
    };
    let server = Server::bind(config).unwrap();
    ready();
    server.run(std::future::pending()).await.unwrap();
}

struct Agent {
    node: u64,
    nodes: u64,
    history: Vec<GetFlowsResponse>,
}

async fn agents(directory: &str, nodes: u64) {
    let mut servers = tokio::task::JoinSet::new();
    for node in 0..nodes {
        let history = (node..FLOWS).step_by(usize::try_from(nodes).unwrap());
        // A flow each 10 us, the nodes in turns.
        let history = history.map(|n| flow(node, Timestamp::from_unix_nanos(n as i64 * 10_000)));
        let agent = Agent {
            node,
            nodes,
            history: history.collect(),
        };
        let listener = UnixListener::bind(format!("{directory}/{node}.sock")).unwrap();
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter
            .set_service_status(
                serve::health::OBSERVER,
                tonic_health::ServingStatus::Serving,
            )
            .await;
        servers.spawn(
            tonic::transport::Server::builder()
                .add_service(observer(agent))
                .add_service(health)
                .serve_with_incoming(UnixListenerStream::new(listener)),
        );
    }
    ready();
    while let Some(ended) = servers.join_next().await {
        ended.unwrap().unwrap();
    }
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
        node_name: name.clone(),
        event_type: Some(CiliumEventType {
            r#type: 4,
            sub_type: 0,
        }),
        ..Flow::default()
    };
    GetFlowsResponse {
        node_name: name,
        time: Some(time),
        response_types: Some(ResponseTypes::Flow(flow)),
    }
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

async fn query(directory: &Path, request: GetFlowsRequest, length: Option<Duration>) -> Seen {
    let endpoint = format!("unix://{}/relay.sock", directory.display());
    let channel = tonic::transport::Endpoint::from_shared(endpoint)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut stream = ObserverClient::new(channel)
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

/// The middle one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row(name: &str, value: f64, unit: &str, base: Option<(&str, f64)>, goal: &str) {
    let value = (value * 1000.0).round() / 1000.0;
    let base = base.map_or(String::new(), |(base, of)| {
        format!(
            ", \"base\": \"{base}\", \"base_value\": {of}, \"ratio\": {:.4}",
            value / of
        )
    });
    println!(
        "{{\"name\": \"{name}\", \"value\": {value}, \"unit\": \"{unit}\"{base}, \"goal\": \"{goal}\"}}"
    );
}

async fn client() {
    for nodes in [2, 8, 32] {
        let directory = tempfile::tempdir().unwrap();
        let _agents = Running::start("agents", directory.path(), nodes);
        let relay = Running::start("relay", directory.path(), nodes);
        // The first round also waits for all connections.
        loop {
            if query(directory.path(), GetFlowsRequest::default(), None)
                .await
                .flows
                == FLOWS
            {
                break;
            }
        }
        let (mut cost, mut disorder, mut speed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (before, start) = (relay.cpu(), now());
            let seen = query(directory.path(), GetFlowsRequest::default(), None).await;
            assert_eq!(seen.flows, FLOWS);
            cost.push((relay.cpu() - before) as f64 / 1e3 / FLOWS as f64);
            speed.push(FLOWS as f64 / ((now() - start) as f64 / 1e9));
            disorder.push(seen.out_of_order as f64);
        }
        let hubble = Some(("Hubble Relay", 15.0));
        row(
            &format!("CPU per flow, {nodes} nodes"),
            median(&mut cost),
            "us",
            hubble,
            "<= 3",
        );
        row(
            &format!("out of order, {nodes} nodes"),
            median(&mut disorder),
            "of 100000 flows",
            None,
            "0",
        );
        row(
            &format!("throughput, {nodes} nodes"),
            median(&mut speed),
            "flows/s",
            None,
            "-",
        );
        if nodes != 8 {
            continue;
        }
        for (rate, seconds, hubble) in [(2, 10, 50_000.0), (20, 10, 5_000.0), (8_000, 5, 13.0)] {
            let until = Some(Timestamp {
                seconds: i64::from(i32::MAX),
                nanos: rate,
            });
            let request = GetFlowsRequest {
                follow: true,
                until,
                ..GetFlowsRequest::default()
            };
            let mut seen = query(
                directory.path(),
                request,
                Some(Duration::from_secs(seconds)),
            )
            .await;
            assert!(seen.flows > 0, "no flow came at {rate}/s");
            let middle = median(&mut seen.ages_ms);
            let most = seen.ages_ms[(seen.ages_ms.len() - 1) * 99 / 100];
            let base = Some(("Hubble Relay", hubble));
            row(
                &format!("age in follow, {rate}/s, 8 nodes, median"),
                middle,
                "ms",
                base,
                "<= 250",
            );
            row(
                &format!("age in follow, {rate}/s, 8 nodes, 99th percentile"),
                most,
                "ms",
                None,
                "<= 250",
            );
            let disorder = seen.out_of_order as f64;
            row(
                &format!("out of order in follow, {rate}/s, of {}", seen.flows),
                disorder,
                "flows",
                None,
                "0",
            );
        }
    }
}
