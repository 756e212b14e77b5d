//! A server that sends flows at a steady rate, as fast as its client takes them.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures::stream;
use proto::{
    flow::{Endpoint, Flow},
    google::Timestamp,
    observer::{
        GetFlowsRequest, GetFlowsResponse, GetNamespacesResponse, GetNodesResponse,
        ServerStatusResponse, get_flows_response::ResponseTypes,
    },
};
use testing::flows::{decide, ipv4, response, tcp};
use testing::{Running, Script, Streamed, observer};
use tokio::time::Instant;
use tonic::{Request, Status};

/// The rate.
pub(crate) const PER_SECOND: u64 = 50_000;
/// Between two batches.
const STEP: Duration = Duration::from_millis(5);
/// Pods of the cluster.
const PODS: u32 = 200;
/// Events of a connection; then another one takes its place.
const EVENTS: u64 = 8;
/// Connections that are open at a time.
const OPEN: u64 = 1000;

/// See the module.
pub(crate) struct Server {
    sent: Arc<AtomicU64>,
    _running: Running,
}

impl Server {
    pub(crate) fn start(socket: &Path) -> Self {
        let sent = Arc::new(AtomicU64::new(0));
        let service = observer(Service(Arc::clone(&sent)));
        let services = tonic::transport::Server::builder().add_service(service);
        let running = Running::start(socket, services).expect("a socket");
        Self {
            sent,
            _running: running,
        }
    }

    /// Flows that its client took so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

struct Service(Arc<AtomicU64>);

#[tonic::async_trait]
impl Script for Service {
    /// Made when they are asked for: a client that is slow is behind, as with a real server.
    async fn get_flows(
        &self,
        _: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        let sent = Arc::clone(&self.0);
        let templates: Vec<GetFlowsResponse> = (0..1000).map(template).collect();
        debug_assert_eq!(templates.len() as u64, OPEN);
        let begin = (Instant::now(), SystemTime::now());
        let flows = stream::unfold((0_u64, templates), move |(number, templates)| {
            let sent = Arc::clone(&sent);
            async move {
                // Due at its time; what is due is sent without waiting.
                let due = Duration::from_nanos(number * 1_000_000_000 / PER_SECOND);
                if number.is_multiple_of(PER_SECOND * 5 / 1000) {
                    tokio::time::sleep_until(begin.0 + due + STEP).await;
                }
                let at = usize::try_from(number % OPEN).unwrap_or(0);
                let response = timed(&templates[at], number, begin.1 + due);
                sent.fetch_add(1, Ordering::Relaxed);
                Some((Ok(response), (number + 1, templates)))
            }
        });
        Ok(Box::pin(flows))
    }

    async fn get_nodes(&self) -> Result<GetNodesResponse, Status> {
        Ok(GetNodesResponse::default())
    }

    async fn get_namespaces(&self) -> Result<GetNamespacesResponse, Status> {
        Ok(GetNamespacesResponse::default())
    }

    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        Ok(ServerStatusResponse::default())
    }
}

fn timed(template: &GetFlowsResponse, number: u64, time: SystemTime) -> GetFlowsResponse {
    let mut response = template.clone();
    let time = Some(Timestamp::from(time));
    response.time = time;
    if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
        flow.time = time;
        flow.uuid = format!("00000000-0000-4000-8000-{number:012x}");
        // Half an hour passes before the same ends and ports come again.
        let turn = number / (OPEN * EVENTS);
        let source = 1024 + u32::try_from(turn % 64 * OPEN + number % OPEN).unwrap_or(0);
        flow.l4 = tcp(source, 8080);
        if let Some(ip) = &mut flow.ip {
            let rest = ip.source.rsplitn(3, '.').collect::<Vec<_>>();
            let [last, third, _] = rest[..] else {
                return response;
            };
            ip.source = format!("10.{}.{third}.{last}", 1 + turn / 64 % 200);
        }
    }
    response
}

fn endpoint(number: u32) -> Endpoint {
    let app = number % 20;
    Endpoint {
        id: number,
        identity: 10_000 + app,
        cluster_name: "default".to_owned(),
        namespace: format!("team-{}", number % 7),
        labels: vec![
            format!("k8s:app=service-{app}"),
            format!("k8s:io.kubernetes.pod.namespace=team-{}", number % 7),
        ],
        pod_name: format!("service-{app}-{number:x}"),
        ..Endpoint::default()
    }
}

/// A flow between two pods; one in twenty is dropped.
fn template(number: u32) -> GetFlowsResponse {
    let (from, to) = (number * 7 % PODS, (number * 13 + 5) % PODS);
    let dropped = number.is_multiple_of(20);
    let ip = |pod: u32| format!("10.0.{}.{}", pod / 250, pod % 250 + 1);
    let mut flow = Flow {
        ip: ipv4(ip(from), ip(to)),
        l4: tcp(30_000 + number, 8080),
        source: Some(endpoint(from)),
        destination: Some(endpoint(to)),
        node_name: format!("node-{}", number % 3),
        ..Flow::default()
    };
    let (namespace, policy) = (format!("team-{}", to % 7), format!("service-{}", to % 20));
    let rule = "allows app=service-1 on 8080/TCP";
    decide(&mut flow, &namespace, &policy, rule, dropped);
    response(flow)
}
