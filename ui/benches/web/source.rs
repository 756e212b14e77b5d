//! A server of made-up flows at a steady rate, one in fifty denied: everybody asks everybody, or each
//! workload asks some few as in a cluster.

use std::path::Path;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use proto::flow::{
    CiliumEventType, DropReason, Endpoint, Flow, FlowType, Ip, IpVersion, Layer4, Tcp, TcpFlags,
    Verdict, layer4,
};
use proto::google::Timestamp;
use proto::observer::{
    GetFlowsRequest, GetFlowsResponse, ServerStatusResponse, get_flows_response::ResponseTypes,
};
use testing::{Running, Script, Streamed, observer};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::IntervalStream;
use tonic::{Request, Status};

/// Flows are sent in so many portions per second.
const PORTIONS: u64 = 50;
const NODE: &str = "bench/one";

/// Whom a workload of a cluster asks: the one before it, one of its namespace, one of another.
const ASKED: u64 = 3;

/// Serves on a socket, until it is dropped.
pub(crate) fn serve(socket: &Path, cluster: Cluster, rate: u64) -> std::io::Result<Running> {
    let services = tonic::transport::Server::builder().add_service(observer(Source {
        cluster,
        portion: rate / PORTIONS,
    }));
    Running::start(socket, services)
}

/// Who is there.
#[derive(Clone, Copy)]
pub(crate) enum Cluster {
    /// 40 workloads in 4 namespaces, each of which asks all.
    Everybody,
    /// So many workloads in namespaces of so many, each of which asks [`ASKED`].
    Sparse { workloads: u32, per_namespace: u32 },
}

/// Who asks whom on what port.
struct Asking {
    from: u32,
    to: u32,
    port: u32,
    dropped: bool,
}

fn small(value: u64, of: u32) -> u32 {
    u32::try_from(value % u64::from(of)).unwrap_or(0)
}

impl Cluster {
    fn asking(self, number: u64) -> Asking {
        let port = |number: u64| [80, 443, 5432, 8080][(number % 4) as usize];
        let Self::Sparse {
            workloads,
            per_namespace,
        } = self
        else {
            return Asking {
                from: small(number, 40),
                to: small(number / 7 + 1, 40),
                port: port(number),
                dropped: number.is_multiple_of(50),
            };
        };
        let edge = number % (u64::from(workloads) * ASKED);
        let from = small(edge / ASKED, workloads);
        let (first, place) = (from - from % per_namespace, from % per_namespace);
        let to = match edge % ASKED {
            0 => first + place / 2,
            1 => first + (place * 7 + 3) % per_namespace,
            _ => small(u64::from(from) * 31 + 17, workloads),
        };
        Asking {
            from,
            to,
            port: port(u64::from(to)),
            dropped: edge % 50 == 49,
        }
    }

    fn endpoint(self, number: u32) -> Endpoint {
        let (namespace, name) = match self {
            Self::Everybody => (number % 4, number / 4),
            Self::Sparse { per_namespace, .. } => (number / per_namespace, number % per_namespace),
        };
        endpoint(number, namespace, name)
    }
}

struct Source {
    cluster: Cluster,
    /// Flows at a time.
    portion: u64,
}

fn endpoint(number: u32, namespace: u32, name: u32) -> Endpoint {
    Endpoint {
        identity: 1000 + number,
        namespace: format!("team-{namespace}"),
        pod_name: format!("service-{name}"),
        labels: vec![format!("k8s:app=service-{name}")],
        ..Endpoint::default()
    }
}

fn flow(cluster: Cluster, number: u64) -> GetFlowsResponse {
    let Asking {
        from,
        to,
        port,
        dropped,
    } = cluster.asking(number);
    let address = |end: u32| format!("10.{}.{}.1", end / 256, end % 256);
    let time = Some(Timestamp::from(SystemTime::now()));
    let flow = Flow {
        time,
        uuid: format!("00000000-0000-4000-8000-{number:012x}"),
        verdict: if dropped {
            Verdict::Dropped
        } else {
            Verdict::Forwarded
        }
        .into(),
        drop_reason_desc: if dropped {
            DropReason::PolicyDenied as i32
        } else {
            0
        },
        ip: Some(Ip {
            source: address(from),
            destination: address(to),
            ip_version: IpVersion::IPv4.into(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(layer4::Protocol::Tcp(Tcp {
                source_port: 32_768 + small(number, 28_000),
                destination_port: port,
                flags: Some(TcpFlags {
                    syn: true,
                    ..TcpFlags::default()
                }),
            })),
        }),
        source: Some(cluster.endpoint(from)),
        destination: Some(cluster.endpoint(to)),
        r#type: FlowType::L3L4.into(),
        event_type: Some(if dropped {
            CiliumEventType {
                r#type: 1,
                sub_type: 133,
            }
        } else {
            CiliumEventType {
                r#type: 4,
                sub_type: 0,
            }
        }),
        node_name: NODE.to_owned(),
        ..Flow::default()
    };
    GetFlowsResponse {
        response_types: Some(ResponseTypes::Flow(flow)),
        node_name: NODE.to_owned(),
        time,
    }
}

#[tonic::async_trait]
impl Script for Source {
    async fn get_flows(
        &self,
        _: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        let mut ticks = interval(Duration::from_secs(1) / u32::try_from(PORTIONS).unwrap_or(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (cluster, portion) = (self.cluster, self.portion);
        let numbers = IntervalStream::new(ticks)
            .enumerate()
            .flat_map(move |(tick, _)| {
                let first = tick as u64 * portion;
                futures::stream::iter(first..first + portion)
            });
        Ok(Box::pin(
            numbers.map(move |number| Ok(flow(cluster, number))),
        ))
    }

    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        Ok(ServerStatusResponse::default())
    }
}
