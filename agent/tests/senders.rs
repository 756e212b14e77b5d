//! Who is told to have sent a packet with somebody else's address, and how filters find it.

mod common;

use abi::{
    event::{self, Event},
    reason,
};
use common::{CART, REMOTE, new_connection, server::Agent, server::flow, words};
use proto::{flow as pb, observer::GetFlowsRequest};

/// Endpoint indices of the shared names.
const FRONTEND_AT: u32 = 101;

/// A packet with cart's address, dropped at somebody's veth.
fn forged(time: u64, at: u32) -> Event {
    Event {
        kind: event::DROP,
        src: words(CART),
        dst: words(REMOTE),
        src_identity: 20_002,
        egress: reason::INVALID_SOURCE_IP,
        egress_cookie: 0,
        ingress: event::NOT_JUDGED,
        ingress_cookie: 0,
        match_types: 0,
        aux: at,
        ..new_connection(time)
    }
}

async fn asked(agent: &Agent, from: &str) -> Vec<pb::Flow> {
    let request = GetFlowsRequest {
        whitelist: vec![pb::FlowFilter {
            source_pod: vec![from.to_owned()],
            ..pb::FlowFilter::default()
        }],
        ..GetFlowsRequest::default()
    };
    agent.extended(request).await
}

#[tokio::test]
async fn the_pod_at_the_veth_is_the_sender_not_the_owner() {
    let agent = Agent::start(100, 100).await;
    let from_network = Event {
        flags: 0,
        egress: event::NOT_JUDGED,
        ingress: reason::INVALID_SOURCE_IP,
        dst: words(common::FRONTEND),
        ..forged(2, FRONTEND_AT)
    };
    agent
        .store([forged(1, FRONTEND_AT), from_network, forged(3, 999)])
        .await;

    let flows = asked(&agent, "shop/frontend").await;
    assert_eq!(flows.len(), 1);
    let source = flows[0].source.as_ref().unwrap();
    assert_eq!(
        (source.pod_name.as_str(), source.identity, source.id),
        ("frontend-6d9c7b-xk2vq", 20_001, FRONTEND_AT)
    );
    assert_eq!(flows[0].ip.as_ref().unwrap().source, CART);
    assert_eq!(flows[0].drop_reason_desc(), pb::DropReason::InvalidSourceIp);
    let why = |flow: &pb::Flow| {
        let extension = flow.extension().unwrap();
        extension.egress.or(extension.ingress).unwrap().why
    };
    assert_eq!(
        why(&flows[0]),
        format!("shop/frontend-6d9c7b-xk2vq sent as {CART}")
    );

    assert_eq!(
        asked(&agent, "shop/cart").await,
        [],
        "the owner is not blamed"
    );
    let all = agent.get(GetFlowsRequest::default()).await.unwrap();
    let sources: Vec<_> = all
        .iter()
        .filter_map(flow)
        .map(|flow| flow.source.as_ref().unwrap().pod_name.as_str())
        .collect();
    assert_eq!(sources, ["frontend-6d9c7b-xk2vq", "", ""]);
    agent.end().await;
}

#[tokio::test]
async fn sctp_tells_its_first_chunk() {
    let agent = Agent::start(100, 100).await;
    let chunk = |(time, number)| Event {
        kind: event::PACKET,
        proto: 132,
        tcp_flags: number,
        ..new_connection(time)
    };
    let numbers = [1, 2, 0, 6, 7, 8, 14];
    agent.store((1..).zip(numbers).map(chunk)).await;
    let all = agent.get(GetFlowsRequest::default()).await.unwrap();
    let chunks = all.iter().filter_map(flow).map(|flow| {
        let Some(pb::layer4::Protocol::Sctp(sctp)) = flow.l4.as_ref().unwrap().protocol else {
            unreachable!("all are SCTP")
        };
        sctp.chunk_type()
    });
    use pb::SctpChunkType::{
        Abort, Init, InitAck, Shutdown, ShutdownAck, ShutdownComplete, Unsupported,
    };
    assert_eq!(
        chunks.collect::<Vec<_>>(),
        [
            Init,
            InitAck,
            Unsupported,
            Abort,
            Shutdown,
            ShutdownAck,
            ShutdownComplete
        ]
    );
    agent.end().await;
}
