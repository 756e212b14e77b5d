//! A server of made-up flows at a steady rate: 40 workloads in 4 namespaces, one flow in fifty denied.

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

/// Serves on a socket, until it is dropped.
pub(crate) fn serve(socket: &Path, rate: u64) -> std::io::Result<Running> {
    let services = tonic::transport::Server::builder().add_service(observer(Source(rate)));
    Running::start(socket, services)
}

struct Source(u64);

fn endpoint(number: u32) -> Endpoint {
    let (namespace, name) = (number % 4, number / 4);
    Endpoint {
        identity: 1000 + number,
        namespace: format!("team-{namespace}"),
        pod_name: format!("service-{name}"),
        labels: vec![format!("k8s:app=service-{name}")],
        ..Endpoint::default()
    }
}

fn flow(number: u64) -> GetFlowsResponse {
    let small = |value: u64, of: u64| u32::try_from(value % of).unwrap_or(0);
    let (from, to) = (small(number, 40), small(number / 7 + 1, 40));
    let dropped = number.is_multiple_of(50);
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
            source: format!("10.0.{from}.1"),
            destination: format!("10.0.{to}.1"),
            ip_version: IpVersion::IPv4.into(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(layer4::Protocol::Tcp(Tcp {
                source_port: 32_768 + small(number, 28_000),
                destination_port: [80, 443, 5432, 8080][(number % 4) as usize],
                flags: Some(TcpFlags {
                    syn: true,
                    ..TcpFlags::default()
                }),
            })),
        }),
        source: Some(endpoint(from)),
        destination: Some(endpoint(to)),
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
        let portion = self.0 / PORTIONS;
        let numbers = IntervalStream::new(ticks)
            .enumerate()
            .flat_map(move |(tick, _)| {
                let first = tick as u64 * portion;
                futures::stream::iter(first..first + portion)
            });
        Ok(Box::pin(numbers.map(|number| Ok(flow(number)))))
    }

    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        Ok(ServerStatusResponse::default())
    }
}
