//! What is lost between the kernel and the screen is told there, to the event: a reader that stalls at
//! either end of the way loses flows, and never silently.

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use common::program;
use flows_lab::netns;
use flows_lab::process::Deadline;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proto::flows::v1::{EventCounts, GetStatusRequest, status_client::StatusClient};
use proto::observer::{
    GetFlowsRequest, get_flows_response::ResponseTypes, observer_client::ObserverClient,
};
use serde_json::Value;
use testing_lab::{Follow, TestLab, metrics, options, pod, signal_agent};
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[]),
        pod("friend", "role: friend", "one", &[]),
        pod("stranger", "role: stranger", "one", &[]),
    ];
    pods.join("---\n")
}

/// Friends may use the server.
const POLICY: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: server}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
    - fromEndpoints: [{matchLabels: {role: friend}}]
"#;

/// A lab of one node, whose agent gets these arguments.
fn up(agent_args: &[&str]) -> TestLab {
    let mut options = options(program(), true);
    options.agent_args = agent_args.iter().map(|&arg| arg.to_owned()).collect();
    TestLab::up(&options, &format!("{}---{POLICY}", pods())).unwrap()
}

/// Sends a datagram to each of so many ports of the server: as many new connections.
fn flood(lab: &TestLab, from: &str, count: u16) {
    let paths = lab.lab().paths();
    let namespace = paths.pod_namespace(lab.lab().find_pod(from).unwrap());
    let server = lab.lab().find_pod("server").unwrap().ipv4;
    let sender = thread::spawn(move || {
        netns::enter(&namespace).unwrap();
        // Rings and limits are a CPU's own.
        let mut cpu = CpuSet::new();
        cpu.set(0).unwrap();
        sched_setaffinity(Pid::from_raw(0), &cpu).unwrap();
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for port in 1000..1000 + count {
            let to = SocketAddr::new(server.into(), port);
            // The server's "no such port" for an earlier datagram is told here, once.
            if socket.send_to(b"x", to).is_err() {
                socket.send_to(b"x", to).unwrap();
            }
        }
    });
    sender.join().unwrap();
}

/// Stops a client from reading, or lets it go on.
fn signal(client: &Follow, signal: Signal) {
    kill(Pid::from_raw(client.id().cast_signed()), signal).unwrap();
}

/// Asks the relay.
fn ask<T>(lab: &TestLab, question: impl AsyncFnOnce(Channel) -> T) -> T {
    let socket = format!("unix://{}", lab.lab().paths().relay_socket().display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let channel = Endpoint::from_shared(socket).unwrap().connect().await;
        question(channel.unwrap()).await
    })
}

/// The counts of the whole cluster, as the relay sums them.
fn counts(lab: &TestLab) -> EventCounts {
    ask(lab, async |channel| {
        let mut client = StatusClient::new(channel);
        let status = client.get_status(GetStatusRequest {}).await.unwrap();
        status.into_inner().events.unwrap()
    })
}

/// What a stream told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    /// Events that were shown.
    shown: u64,
    /// Lost before the agent read them.
    ring: u64,
    /// Lost in the agent's queues.
    queue: u64,
    /// Gone from the history before the stream came to them.
    evicted: u64,
}

impl Told {
    fn hear(&mut self, response: &Value) {
        let lost = &response["lost_events"];
        if lost.is_object() {
            let number = lost["num_events_lost"]
                .as_str()
                .unwrap()
                .parse::<u64>()
                .unwrap();
            *match lost["source"].as_str() {
                Some("PERF_EVENT_RING_BUFFER") => &mut self.ring,
                Some("OBSERVER_EVENTS_QUEUE") => &mut self.queue,
                Some("HUBBLE_RING_BUFFER") => &mut self.evicted,
                other => panic!("{other:?}: {response}"),
            } += number;
            return;
        }
        // An event is a drop or a packet that passes; a policy's verdict about it is a flow beside
        // that.
        match response["flow"]["event_type"]["type"].as_u64() {
            Some(1 | 4) => self.shown += 1,
            Some(5) => {}
            other => panic!("{other:?}: {response}"),
        }
    }
}

/// The counts, if what the kernel attempted has all come to the history or was lost before it.
fn stored(lab: &TestLab, sent: u64) -> Option<EventCounts> {
    let counts = counts(lab);
    let EventCounts {
        attempted,
        failed,
        limited,
        received,
        left_unread,
        queue_lost,
        malformed,
        stored,
        evicted_unread: _,
    } = counts;
    assert_eq!((limited, left_unread, malformed), (0, 0, 0));
    let complete = attempted >= sent && attempted == received + failed;
    (complete && received == stored + queue_lost).then_some(counts)
}

/// Waits until nothing is on its way any more: kernel, agent and stream agree on what was lost where.
/// Returns the counts that they agree on.
fn settled(lab: &TestLab, sent: u64, stream: &mut Follow, told: &mut Told) -> EventCounts {
    let deadline = Deadline::after(Duration::from_secs(60));
    loop {
        for response in stream.responses() {
            told.hear(&response);
        }
        let agreed = stored(lab, sent).filter(|counts| {
            told.shown + told.evicted == counts.stored
                && told.evicted == counts.evicted_unread
                && (told.ring, told.queue) == (counts.failed, counts.queue_lost)
        });
        if let Some(counts) = agreed {
            return counts;
        }
        assert!(
            deadline.pause(),
            "{sent} sent, {:?}, the stream tells {told:?} {}",
            counts(lab),
            stream.said()
        );
    }
}

#[test]
fn a_stalled_agent_tells_what_its_rings_could_not_hold() {
    // Room for 2,730 events of each CPU.
    let lab = up(&["--drop-events=0", "--ring-bytes=262144"]);
    let (mut stream, mut told) = (Follow::start(&lab, &[]), Told::default());
    flood(&lab, "stranger", 500);
    flood(&lab, "friend", 500);
    let counts = settled(&lab, 1000, &mut stream, &mut told);
    assert_eq!(counts.failed, 0, "a reader that keeps up loses nothing");

    signal_agent(&lab, "one", Signal::SIGSTOP);
    flood(&lab, "stranger", 4000);
    flood(&lab, "friend", 4000);
    signal_agent(&lab, "one", Signal::SIGCONT);
    flood(&lab, "stranger", 500);
    let counts = settled(&lab, 9500, &mut stream, &mut told);
    assert!(counts.failed > 0, "the rings were too small: {counts:?}");
    assert_eq!(told.shown + told.ring + told.queue, counts.attempted);

    // Who asks for the past is told the same.
    let output = lab
        .flows()
        .args(["observe", "--all", "--output", "json"])
        .output()
        .unwrap();
    let mut past = Told::default();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        past.hear(&serde_json::from_str(line).unwrap());
    }
    assert_eq!(past, told);

    let metrics = metrics(&lab);
    for (name, expected) in [
        ("flows_events_attempted_total", counts.attempted),
        ("flows_events_failed_total", counts.failed),
        ("flows_events_received_total", counts.received),
        ("flows_events_stored_total", counts.stored),
        ("flows_events_limited_total", 0),
        (
            "hubble_lost_events_total{source=\"perf_event_ring_buffer\"}",
            counts.failed,
        ),
        (
            "hubble_lost_events_total{source=\"observer_events_queue\"}",
            counts.queue_lost,
        ),
        ("hubble_lost_events_total{source=\"hubble_ring_buffer\"}", 0),
    ] {
        assert_eq!(metrics.get(name), Some(&expected), "{name}: {metrics:#?}");
    }
    let output = lab.flows().arg("status").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace(',', "");
    let line = text.lines().find(|line| line.starts_with("Events: "));
    assert_eq!(
        line.unwrap(),
        format!(
            "Events: {} attempted 0 limited; lost: {} in the kernel 0 left unread {} in queues \
             0 evicted unread",
            counts.attempted, counts.failed, counts.queue_lost
        )
    );
}

#[test]
fn a_stalled_client_is_told_what_it_missed() {
    let lab = up(&["--drop-events=0", "--history-flows=4000"]);
    let (mut stream, mut told) = (Follow::start(&lab, &[]), Told::default());
    flood(&lab, "stranger", 500);
    let counts = settled(&lab, 500, &mut stream, &mut told);
    assert_eq!(
        counts.evicted_unread, 0,
        "a client that keeps up misses nothing"
    );

    signal(&stream, Signal::SIGSTOP);
    // More than the buffers on the way to it hold.
    for _ in 0..3 {
        flood(&lab, "stranger", 4000);
    }
    let deadline = Deadline::after(Duration::from_secs(30));
    while stored(&lab, 12_500).is_none() {
        assert!(deadline.pause(), "{:?}", self::counts(&lab));
    }
    signal(&stream, Signal::SIGCONT);
    flood(&lab, "friend", 500);
    let counts = settled(&lab, 13_000, &mut stream, &mut told);
    assert!(told.evicted > 0, "it was overtaken: {counts:?}");
    assert_eq!(
        told.shown + told.ring + told.queue + told.evicted,
        counts.attempted
    );
}

/// Drops that were told, and those that they stand for besides.
fn drops(lab: &TestLab) -> (u64, u64) {
    ask(lab, async |channel| {
        let mut request = Request::new(GetFlowsRequest::default());
        let yes = MetadataValue::from_static("1");
        request.metadata_mut().insert(proto::WANT_EXTENSIONS, yes);
        let mut client = ObserverClient::new(channel);
        let mut stream = client.get_flows(request).await.unwrap().into_inner();
        let (mut told, mut limited) = (0, 0);
        while let Some(response) = stream.message().await.unwrap() {
            let Some(ResponseTypes::Flow(flow)) = response.response_types else {
                continue;
            };
            if flow.event_type.is_some_and(|event| event.r#type == 1) {
                told += 1;
                limited += flow.extension().unwrap().limited;
            }
        }
        (told, limited)
    })
}

#[test]
fn drops_that_the_limit_keeps_silent_are_told_by_number() {
    let lab = up(&["--drop-events=20"]);
    let mut sent = 5000;
    flood(&lab, "stranger", 5000);
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        // The first one after a while speaks for those before it.
        thread::sleep(Duration::from_millis(250));
        flood(&lab, "stranger", 1);
        sent += 1;
        let ((told, limited), counts) = (drops(&lab), counts(&lab));
        if told + limited == sent && limited == counts.limited {
            assert!(told < 1000, "it was limited: {told} of {sent}");
            assert_eq!(counts.failed, 0);
            return;
        }
        assert!(
            deadline.pause(),
            "{sent} sent, {told} told, {limited} limited: {counts:?}"
        );
    }
}
