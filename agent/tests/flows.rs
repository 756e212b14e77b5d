//! GetFlows over a unix socket: where a stream begins and ends, what it says of losses, and that bad
//! requests get an error.

mod common;

use abi::event::{self, Event};
use common::{
    new_connection,
    server::{Agent, T0, flow},
};
use proto::{
    flow::{FlowFilter, LostEventSource, Verdict},
    google::{FieldMask, Timestamp},
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
};
use tonic::Code;

const SECOND: u64 = 1_000_000_000;

/// One trace flow at second `n`, told apart by its source port.
fn trace(n: u16) -> Event {
    Event {
        kind: event::ACTIVE,
        src_port: n,
        ..new_connection(u64::from(n) * SECOND)
    }
}

fn at(second: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: T0 + second,
        nanos: 0,
    })
}

/// Source ports of the flows.
fn ports<'a>(responses: impl IntoIterator<Item = &'a GetFlowsResponse>) -> Vec<u32> {
    use proto::flow::layer4::Protocol;
    responses
        .into_iter()
        .filter_map(flow)
        .map(|flow| match &flow.l4.as_ref().expect("TCP").protocol {
            Some(Protocol::Tcp(tcp)) => tcp.source_port,
            other => unreachable!("all events are TCP: {other:?}"),
        })
        .collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn begins_and_ends_where_asked() {
    let agent = Agent::start(10_000, 1000).await;
    agent.store((0..10).map(trace)).await;
    let request = GetFlowsRequest::default;
    let rows = [
        ("everything", request(), (0..10).collect::<Vec<u32>>()),
        (
            "last 3",
            GetFlowsRequest {
                number: 3,
                ..request()
            },
            vec![7, 8, 9],
        ),
        (
            "last of more than there are",
            GetFlowsRequest {
                number: 99,
                ..request()
            },
            (0..10).collect(),
        ),
        (
            "first 3",
            GetFlowsRequest {
                number: 3,
                first: true,
                ..request()
            },
            vec![0, 1, 2],
        ),
        (
            "first without number",
            GetFlowsRequest {
                first: true,
                ..request()
            },
            (0..10).collect(),
        ),
        (
            "since, inclusive",
            GetFlowsRequest {
                since: at(7),
                ..request()
            },
            vec![7, 8, 9],
        ),
        (
            "until, inclusive",
            GetFlowsRequest {
                until: at(2),
                ..request()
            },
            vec![0, 1, 2],
        ),
        (
            "between",
            GetFlowsRequest {
                since: at(2),
                until: at(4),
                ..request()
            },
            vec![2, 3, 4],
        ),
        (
            "since with number: the oldest of them, as upstream",
            GetFlowsRequest {
                since: at(4),
                number: 2,
                ..request()
            },
            vec![4, 5],
        ),
        (
            "since wins over first",
            GetFlowsRequest {
                since: at(4),
                first: true,
                number: 2,
                ..request()
            },
            vec![4, 5],
        ),
        (
            "last before a time",
            GetFlowsRequest {
                number: 2,
                until: at(5),
                ..request()
            },
            vec![4, 5],
        ),
        (
            "nothing in range",
            GetFlowsRequest {
                since: at(50),
                ..request()
            },
            vec![],
        ),
        (
            "before 1970",
            GetFlowsRequest {
                until: Some(Timestamp {
                    seconds: -5,
                    nanos: 0,
                }),
                ..request()
            },
            vec![],
        ),
        (
            "huge number",
            GetFlowsRequest {
                number: u64::MAX,
                ..request()
            },
            (0..10).collect(),
        ),
        (
            "filtered",
            GetFlowsRequest {
                whitelist: vec![FlowFilter {
                    verdict: vec![Verdict::Dropped.into()],
                    ..FlowFilter::default()
                }],
                ..request()
            },
            vec![],
        ),
        (
            "a whitelist of one empty filter is everything",
            GetFlowsRequest {
                whitelist: vec![FlowFilter::default()],
                number: 1,
                ..request()
            },
            vec![9],
        ),
    ];
    for (name, request, expected) in rows {
        let responses = agent.get(request).await.unwrap();
        assert_eq!(ports(&responses), expected, "{name}");
        for response in &responses {
            let flow = flow(response).unwrap();
            assert_eq!(
                (response.node_name.as_str(), response.time),
                ("node-a", flow.time),
                "{name}"
            );
        }
    }
    agent.end().await;
}

#[tokio::test]
async fn last_counts_flows_and_may_begin_inside_an_event() {
    let agent = Agent::start(10_000, 1000).await;
    // Two flows each: policy verdict and trace.
    agent
        .store((0..3).map(|n| new_connection(n * SECOND)))
        .await;
    let request = GetFlowsRequest {
        number: 3,
        ..GetFlowsRequest::default()
    };
    let kinds: Vec<_> = agent
        .get(request)
        .await
        .unwrap()
        .iter()
        .map(|response| {
            let flow = flow(response).unwrap();
            (
                flow.time.unwrap().seconds - T0,
                flow.event_type.unwrap().r#type,
            )
        })
        .collect();
    assert_eq!(kinds, [(1, 4), (2, 5), (2, 4)]);
    agent.end().await;
}

#[tokio::test]
async fn follows_with_progress_and_ends_with_ok() {
    let agent = Agent::start(10_000, 1000).await;
    agent.store((0..5).map(trace)).await;
    let request = GetFlowsRequest {
        number: 2,
        follow: true,
        ..GetFlowsRequest::default()
    };
    let mut stream = agent.stream(request, &[proto::WANT_PROGRESS]).await;
    let mut flows = vec![];
    let mut progress = None;
    while progress.is_none() {
        let response = stream.message().await.unwrap().unwrap();
        match &response.response_types {
            Some(_) => flows.push(response),
            None => progress = response.time,
        }
    }
    assert_eq!(ports(&flows), [3, 4]);
    assert!(
        progress >= at(4),
        "{progress:?}: all that was stored is older"
    );
    // The newest is there at once, nothing has to come after it.
    agent.feeds[0].events([trace(6)]);
    loop {
        let response = stream.message().await.unwrap().unwrap();
        if flow(&response).is_some() {
            assert_eq!(ports([&response]), [6]);
            break;
        }
    }
    agent.stop.cancel();
    while stream.message().await.unwrap().is_some() {}
    drop(stream);
    agent.end().await;
}

#[tokio::test]
async fn follow_without_number_shows_only_what_is_new_and_until_ends_it() {
    let agent = Agent::start(10_000, 1000).await;
    agent.store((0..5).map(trace)).await;
    let now = flows_agent::node::clock::monotonic().unwrap();
    let until = T0.unsigned_abs() * SECOND + now + SECOND / 4;
    let request = GetFlowsRequest {
        follow: true,
        until: Some(Timestamp::from_unix_nanos(i64::try_from(until).unwrap())),
        ..GetFlowsRequest::default()
    };
    let mut stream = agent
        .client()
        .get_flows(request)
        .await
        .unwrap()
        .into_inner();
    agent.feeds[0].events([Event {
        time: now,
        ..trace(6)
    }]);
    let mut seen = vec![];
    // Ends by itself, once nothing that old can come any more.
    while let Some(response) = stream.message().await.unwrap() {
        seen.push(response);
    }
    assert_eq!(ports(&seen), [6]);
    agent.end().await;
}

#[tokio::test]
async fn losses_stand_at_their_place() {
    let agent = Agent::start(10_000, 1000).await;
    agent.feeds[1].feed([flows_agent::observe::source::Item::Lost(42)]);
    agent.store([trace(1)]).await;
    let responses = loop {
        let responses = agent.get(GetFlowsRequest::default()).await.unwrap();
        if responses.len() == 2 {
            break responses;
        }
        tokio::task::yield_now().await;
    };
    let lost = responses
        .iter()
        .find_map(|response| match response.response_types.as_ref()? {
            ResponseTypes::LostEvents(lost) => Some(lost),
            ResponseTypes::Flow(_) | ResponseTypes::NodeStatus(_) => None,
        })
        .unwrap();
    assert_eq!(lost.source(), LostEventSource::PerfEventRingBuffer);
    assert_eq!(
        (lost.num_events_lost, lost.cpu.map(|cpu| cpu.value)),
        (42, Some(1))
    );
    let (first, last) = (lost.first.unwrap(), lost.last.unwrap());
    assert!((first.seconds, first.nanos) < (last.seconds, last.nanos));
    agent.end().await;
}

#[tokio::test]
async fn stalled_reader_is_told_what_it_missed() {
    const EVENTS: u64 = 20_000;
    let agent = Agent::start(1000, 65_536).await;
    let request = GetFlowsRequest {
        follow: true,
        ..GetFlowsRequest::default()
    };
    let mut stream = agent
        .client()
        .get_flows(request)
        .await
        .unwrap()
        .into_inner();
    for _ in 0..EVENTS / 100 {
        agent.store((0..100).map(|_| trace(1))).await;
    }
    agent.store([trace(2)]).await;
    let (mut seen, mut lost) = (0, 0);
    loop {
        let response = stream.message().await.unwrap().unwrap();
        match response.response_types.as_ref().unwrap() {
            ResponseTypes::Flow(_) if ports([&response]) == [2] => break,
            ResponseTypes::Flow(_) => seen += 1,
            ResponseTypes::LostEvents(event) => {
                assert_eq!(event.source(), LostEventSource::HubbleRingBuffer);
                lost += event.num_events_lost;
            }
            ResponseTypes::NodeStatus(status) => panic!("{status:?}"),
        }
    }
    assert!(lost > 0, "the reader was stalled");
    assert_eq!(seen + lost, EVENTS);
    drop(stream);
    agent.end().await;
}

#[tokio::test]
async fn bad_requests_get_an_error() {
    let agent = Agent::start(1000, 1000).await;
    agent.store([trace(1)]).await;
    let request = GetFlowsRequest::default;
    let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
    let rows = [
        (
            "first and follow",
            GetFlowsRequest {
                first: true,
                follow: true,
                ..request()
            },
        ),
        (
            "nanos beyond a second",
            GetFlowsRequest {
                since: time(1, 1_000_000_000),
                ..request()
            },
        ),
        (
            "negative nanos",
            GetFlowsRequest {
                until: time(1, -1),
                ..request()
            },
        ),
        (
            "year 300 billion",
            GetFlowsRequest {
                since: time(i64::MAX, 0),
                ..request()
            },
        ),
        (
            "before year 1",
            GetFlowsRequest {
                since: time(i64::MIN, 0),
                ..request()
            },
        ),
        (
            "no such field",
            GetFlowsRequest {
                field_mask: Some(FieldMask {
                    paths: vec!["source.nonsense".into()],
                }),
                ..request()
            },
        ),
        (
            "bad address",
            GetFlowsRequest {
                whitelist: vec![FlowFilter {
                    source_ip: vec!["10.0.0.256".into()],
                    ..FlowFilter::default()
                }],
                ..request()
            },
        ),
        (
            "bad label selector in the blacklist",
            GetFlowsRequest {
                blacklist: vec![FlowFilter {
                    source_label: vec!["in in (".into()],
                    ..FlowFilter::default()
                }],
                ..request()
            },
        ),
        (
            "bad regular expression",
            GetFlowsRequest {
                whitelist: vec![FlowFilter {
                    http_path: vec!["(".into()],
                    ..FlowFilter::default()
                }],
                ..request()
            },
        ),
    ];
    for (name, request) in rows {
        let status = agent.get(request).await.expect_err(name);
        assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status}");
        assert!(!status.message().is_empty(), "{name}");
    }
    // The server is none the worse for it.
    assert_eq!(agent.get(request()).await.unwrap().len(), 1);
    agent.end().await;
}

#[tokio::test]
async fn masked_flows_keep_time_and_node_in_the_wrapper() {
    let agent = Agent::start(1000, 1000).await;
    agent.store([trace(1)]).await;
    let request = GetFlowsRequest {
        field_mask: Some(FieldMask {
            paths: vec!["source.pod_name".into()],
        }),
        ..GetFlowsRequest::default()
    };
    let responses = agent.get(request).await.unwrap();
    let masked = flow(&responses[0]).unwrap();
    assert_eq!(
        masked.source.as_ref().unwrap().pod_name,
        "frontend-6d9c7b-xk2vq"
    );
    assert_eq!(
        (masked.time, masked.destination.clone(), masked.verdict),
        (None, None, 0)
    );
    assert_eq!(
        (responses[0].node_name.as_str(), responses[0].time),
        ("node-a", at(1))
    );
    agent.end().await;
}
