//! A relay and those who ask too much of it.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use std::{
    io::Read as _,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use common::{Agent, Behaviour, Relay, flow};
use flows_relay::query::Timeouts;
use prost::Message as _;
use proto::{
    flow::{FlowFilter, flow_filter::Experimental},
    observer::{
        GetFlowsRequest, ServerStatusRequest, get_flows_response::ResponseTypes,
        observer_client::ObserverClient,
    },
};
use serve::grpc::{Limits, MAX_CELS, MAX_FILTERS, MAX_PATTERN_BYTES, MAX_PATTERNS, MAX_VALUES};
use testing::{
    http2::{Frame, Raw},
    until,
};
use tonic::{Code, Status};

const GET_FLOWS: &str = "/observer.Observer/GetFlows";

async fn relay(directory: &Path, limits: Limits) -> (Agent, Relay, PathBuf) {
    let behaviour = Behaviour {
        history: vec![flow("a", 1)],
        ..Behaviour::default()
    };
    let agent = Agent::start(directory, "a", behaviour).await;
    let peer = flows_relay::peer::Change::Put {
        name: "a".into(),
        address: format!("unix://{}", agent.socket.display()).into(),
        tls_server_name: None,
    };
    let timeouts = Timeouts::default();
    let relay = Relay::bounded(directory, vec![peer], None, 1, timeouts, limits).await;
    (agent, relay, directory.join("relay.sock"))
}

async fn asked(relay: &Relay, request: GetFlowsRequest) -> Result<usize, Status> {
    let mut client = ObserverClient::new(relay.channel.clone());
    let mut stream = client.get_flows(request).await?.into_inner();
    let mut flows = 0;
    while let Some(response) = stream.message().await? {
        flows += usize::from(matches!(
            response.response_types,
            Some(ResponseTypes::Flow(_))
        ));
    }
    Ok(flows)
}

/// Blocking reads and writes apart from the runtime that serves them.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The flows of a call's frames, or `None` if the call was refused.
fn answer(raw: &mut Raw, stream: u32) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        match raw.frame().unwrap() {
            Some(Frame {
                kind: 0,
                stream: of,
                payload,
                ..
            }) if of == stream => data.extend(payload),
            Some(Frame {
                kind: 1,
                flags,
                stream: of,
                ..
            }) if of == stream => {
                if flags & 1 != 0 {
                    return Some(data);
                }
            }
            Some(Frame { kind: 3 | 7, .. }) | None => return None,
            Some(_) => {}
        }
    }
}

/// Whether nothing comes any more, after what comes still.
fn is_closed(raw: &mut Raw) -> bool {
    loop {
        match raw.frame() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(error) => return testing::http2::is_closed(&error),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_too_much_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let (agent, relay, _) = relay(directory.path(), Limits::relay()).await;
    let filters = |whitelist| GetFlowsRequest {
        whitelist,
        ..GetFlowsRequest::default()
    };
    let none = FlowFilter::default;
    let values = |count| FlowFilter {
        source_pod: vec!["a/".into(); count],
        ..none()
    };
    let patterns = |pattern: &str, count| FlowFilter {
        http_url: vec![pattern.into(); count],
        ..none()
    };
    let cels = |count| FlowFilter {
        experimental: Some(Experimental {
            cel_expression: vec!["true".into(); count],
        }),
        ..none()
    };
    assert_eq!(
        asked(&relay, filters(vec![none(); MAX_FILTERS]))
            .await
            .unwrap(),
        1
    );
    for (name, request, code, text) in [
        (
            "filters",
            filters(vec![none(); MAX_FILTERS + 1]),
            Code::InvalidArgument,
            "whitelist and blacklist: more than 1024 filters; send at most 1024",
        ),
        (
            "values",
            filters(vec![none(), values(MAX_VALUES + 1)]),
            Code::InvalidArgument,
            "whitelist[1]: more than 16384 values in all filters together; send at most 16384",
        ),
        (
            "regular expressions",
            filters(vec![patterns("a", MAX_PATTERNS + 1)]),
            Code::InvalidArgument,
            "whitelist[0].http_url: more than 32 regular expressions in all filters together; send at most 32",
        ),
        (
            "a long regular expression",
            filters(vec![patterns(&"a".repeat(MAX_PATTERN_BYTES + 1), 1)]),
            Code::InvalidArgument,
            "whitelist[0].http_url: a regular expression of 1025 bytes; at most 1024 are allowed",
        ),
        (
            "CEL expressions, few in each filter",
            filters(vec![cels(1); MAX_CELS + 1]),
            Code::InvalidArgument,
            "whitelist[16].experimental.cel_expression: more than 16 CEL expressions in all filters together; send at most 16",
        ),
        (
            "bytes",
            filters(vec![FlowFilter {
                source_pod: vec!["a".repeat(1 << 20)],
                ..none()
            }]),
            Code::ResourceExhausted,
            "the request has more than 1048576 bytes; send at most 1048576",
        ),
    ] {
        let error = asked(&relay, request).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (code, text), "{name}");
    }
    assert_eq!(
        agent.shared.requests.lock().unwrap().len(),
        1,
        "none of them went on to a node"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_places_are_told_to_come_later() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        calls: 2,
        memory_kib: 600,
        ..Limits::relay()
    };
    let (_agent, relay, _) = relay(directory.path(), limits).await;
    let follow = || GetFlowsRequest {
        follow: true,
        ..GetFlowsRequest::default()
    };
    let mut client = ObserverClient::new(relay.channel.clone());
    // A large one, which leaves no memory for a second one.
    let large = || GetFlowsRequest {
        whitelist: vec![FlowFilter::default(); 200],
        ..follow()
    };
    let first = client.get_flows(large()).await.unwrap();
    let error = client.get_flows(large()).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(
        error
            .message()
            .contains("all requests in progress may take 600 KiB together"),
        "{error}"
    );
    let second = client.get_flows(follow()).await.unwrap();
    let error = client
        .server_status(ServerStatusRequest {})
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(
        error.message(),
        "2 calls are in progress, the most that this server answers at a time; retry later"
    );
    drop((first, second));
    until("a place comes back with the end of its call", async || {
        let status = client.clone().server_status(ServerStatusRequest {}).await;
        status.map_err(|status| status.to_string())
    })
    .await;
    client.get_flows(large()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_too_many_or_say_nothing_are_closed() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        connections: 3,
        first_bytes: Duration::from_millis(300),
        idle: Duration::from_secs(2),
        request: Duration::from_millis(400),
        ..Limits::relay()
    };
    let (_agent, relay, socket) = relay(directory.path(), limits).await;
    assert_eq!(asked(&relay, GetFlowsRequest::default()).await.unwrap(), 1);
    let is_silently_closed = |mut silent: UnixStream| {
        let read = silent.read_to_end(&mut Vec::new());
        read.as_ref()
            .map_or_else(testing::http2::is_closed, |_bytes| true)
    };
    aside(move || {
        let silent = Raw::silent(&socket).unwrap();
        let mut idle = Raw::connect(&socket).unwrap();
        idle.call(1, GET_FLOWS, "x").unwrap();
        idle.message(1, &[]).unwrap();
        assert!(answer(&mut idle, 1).is_some());
        // The test's own, the silent one and this one: the places are taken, and the silent one gives way.
        let mut third = Raw::connect(&socket).unwrap();
        third.call(1, GET_FLOWS, "x").unwrap();
        third.message(1, &[]).unwrap();
        assert!(answer(&mut third, 1).is_some());
        assert!(is_silently_closed(silent), "who gives way");
        // Now all have called something. The next one may be closed before it has said who it is.
        let is_refused = match Raw::connect(&socket) {
            Ok(mut more) => is_closed(&mut more),
            Err(error) => testing::http2::is_closed(&error),
        };
        assert!(is_refused, "a connection too many");
        // A call that goes on keeps its connection, a request that doesn't come whole goes.
        let follow = GetFlowsRequest {
            follow: true,
            ..GetFlowsRequest::default()
        };
        idle.call(3, GET_FLOWS, "x").unwrap();
        idle.message(3, &follow.encode_to_vec()).unwrap();
        assert!(is_closed(&mut third), "who has no call");
        let silent = Raw::silent(&socket).unwrap();
        assert!(is_silently_closed(silent), "who says nothing");
        let since = Instant::now();
        let mut slow = Raw::connect(&socket).unwrap();
        slow.call(1, GET_FLOWS, "x").unwrap();
        slow.send(0, 0, 1, &[0, 0, 0]).unwrap();
        answer(&mut slow, 1);
        assert!(since.elapsed() >= Duration::from_millis(300));
        assert!(is_closed(&mut slow), "who has no call");
        assert!(since.elapsed() >= Duration::from_secs(2));
        idle.call(5, GET_FLOWS, "x").unwrap();
        idle.message(5, &[]).unwrap();
        assert!(answer(&mut idle, 5).is_some(), "the call that goes on");
    })
    .await;
    assert_eq!(asked(&relay, GetFlowsRequest::default()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_headers_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        streams: 2,
        ..Limits::relay()
    };
    let (_agent, _relay, socket) = relay(directory.path(), limits).await;
    aside(move || {
        let mut raw = Raw::connect(&socket).unwrap();
        for stream in [1, 3, 5] {
            raw.call(stream, GET_FLOWS, "x").unwrap();
        }
        let refused = loop {
            match raw.frame().unwrap().expect("a connection") {
                Frame {
                    kind: 3,
                    stream,
                    payload,
                    ..
                } => break (stream, payload),
                _ => continue,
            }
        };
        // REFUSED_STREAM
        assert_eq!(refused, (5, vec![0, 0, 0, 7]));

        let mut raw = Raw::connect(&socket).unwrap();
        raw.call(1, GET_FLOWS, &"x".repeat(100)).unwrap();
        raw.message(1, &[]).unwrap();
        assert!(answer(&mut raw, 1).is_some_and(|data| !data.is_empty()));
        let mut block = vec![0x83, 0x86];
        // Small on the wire, 17 KiB for who unpacks it: 0xbe is the entry added last, 74 bytes and more.
        block.extend([&[0x40, 1, b'a', 100][..], &[b'b'; 100], &[0xbe; 130]].concat());
        raw.send(1, 5, 3, &block).unwrap();
        let answered = answer(&mut raw, 3);
        assert!(
            answered.is_none_or(|data| data.is_empty()),
            "headers of 17 KiB"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escaped_path_as_authority_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let (_agent, _relay, socket) = relay(directory.path(), Limits::relay()).await;
    aside(move || {
        let authority = "%2Frun%2Fflows%2Fdemo%2Frelay.sock";
        let mut raw = Raw::connect(&socket).unwrap();
        // The second time it may stand in the table of headers.
        for stream in [1, 3] {
            raw.call(stream, GET_FLOWS, authority).unwrap();
            raw.message(stream, &[]).unwrap();
            let data = answer(&mut raw, stream).expect("an answer");
            assert!(!data.is_empty());
        }
    })
    .await;
}
