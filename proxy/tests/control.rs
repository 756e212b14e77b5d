//! `flows.v1.Proxy` over its unix socket.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use l7::names::NameSpec;
use l7::rules::{
    Allows, Alternative, Binding, Direction, Peers, Protocol, RuleRef, Rules, SetSpec, Snapshot,
    VERSION,
};
use l7::wire::name::Name;
use proto::flow::layer7::Record as Content;
use proto::flows::v1::proxy_client::ProxyClient;
use proto::flows::v1::{
    GetProxyRecordsRequest, GetProxyStatusRequest, LearnRequest, LearnResponse, SetRulesRequest,
};
use proxy::context::Context;
use proxy::control::{self, AgentNames, Control, Ports, RuleFile};
use proxy::hop::Hop;
use proxy::limits::Limits;
use proxy::names::{LearnError, Learned, Names as _};
use proxy::network::Transparent;
use proxy::record::{Dns, Layer7, Record, Records};
use proxy::rules::RuleStore;
use proxy::world::{End, World};
use serve::listen::Listen;
use testing::{PATIENCE, eventually};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};

/// Knows nobody.
struct Nobody;

impl World for Nobody {
    fn end(&self, _: IpAddr) -> End {
        End::UNKNOWN
    }
}

struct Served {
    context: Arc<Context>,
    names: Arc<AgentNames>,
    client: ProxyClient<Channel>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// The control service of a directory, with room for so many records.
async fn served(directory: &Path, records: usize) -> Served {
    let names = Arc::new(AgentNames::default());
    let context = Context::new(
        Arc::new(Nobody),
        Arc::new(RuleStore::default()),
        Arc::new(Transparent::default()),
        Arc::clone(&names) as _,
        Records::new(records),
        Limits::default(),
    );
    let socket = directory.join("proxy.sock");
    let bound = Listen::Unix(socket.clone()).bind(false).unwrap();
    let stop = CancellationToken::new();
    let control = Control {
        context: Arc::clone(&context),
        names: Arc::clone(&names),
        file: Arc::new(RuleFile::new(directory)),
        ports: Ports { tcp: 11, dns: 12 },
        stop: stop.clone(),
    };
    let serving = tokio::spawn(async move { control::serve(control, bound).await.unwrap() });
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap();
    let client = ProxyClient::new(endpoint.connect().await.unwrap());
    Served {
        context,
        names,
        client,
        stop,
        serving,
    }
}

impl Served {
    async fn end(self) {
        self.stop.cancel();
        drop(self.client);
        within(self.serving).await.unwrap();
    }

    async fn set(&mut self, revision: u64, text: &str) -> Result<u64, tonic::Status> {
        let parts: Vec<SetRulesRequest> = text
            .as_bytes()
            .chunks(1_000)
            .map(|part| SetRulesRequest {
                snapshot: String::from_utf8(part.to_vec()).unwrap(),
                revision,
            })
            .collect();
        let set = within(self.client.set_rules(tokio_stream::iter(parts))).await?;
        Ok(set.into_inner().revision)
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it happens in time")
}

fn snapshot(revision: u64, sets: u32) -> Snapshot {
    let set = SetSpec {
        alternatives: vec![Alternative {
            rule: RuleRef(1),
            peers: Peers::Any,
            is_wide: false,
            allows: Allows::Dns(vec![NameSpec {
                match_name: Some("a.example".into()),
                match_pattern: None,
            }]),
        }],
    };
    Snapshot {
        version: VERSION,
        revision,
        sets: vec![set; sets as usize],
        bindings: (0..sets)
            .map(|set| Binding {
                endpoint: set,
                direction: Direction::Egress,
                protocol: Protocol::Udp,
                first_port: 53,
                last_port: 53,
                set,
            })
            .collect(),
    }
}

fn text(snapshot: &Snapshot) -> String {
    String::from_utf8(snapshot.to_json().unwrap()).unwrap()
}

fn has_set(rules: &Rules, endpoint: u32) -> bool {
    rules
        .get(endpoint, Direction::Egress, Protocol::Udp, 53)
        .is_some()
}

#[tokio::test]
async fn rules_are_in_force_once_they_are_on_disk_and_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut served = served(directory.path(), 10).await;
    let file = RuleFile::new(directory.path());
    assert!(file.read().unwrap().is_none());
    // Many parts.
    assert_eq!(served.set(7, &text(&snapshot(7, 2_000))).await.unwrap(), 7);
    assert_eq!(served.context.rules.load().revision(), 7);
    assert!(has_set(&served.context.rules.load(), 1_999));
    let kept = file.read().unwrap().unwrap();
    assert_eq!(kept.revision(), 7);
    assert!(has_set(&kept, 1_999));
    let status = served
        .client
        .get_proxy_status(GetProxyStatusRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (status.revision, status.tcp_port, status.dns_port),
        (7, 11, 12)
    );

    // What can't be used changes nothing.
    let mut twice = snapshot(8, 1);
    twice.bindings.push(twice.bindings[0]);
    let mut other_version = snapshot(8, 1);
    other_version.version = 99;
    for (revision, text, says) in [
        (8, text(&twice), "endpoint 0 has two sets for port 53"),
        (8, text(&other_version), "version 99 of the rules"),
        (8, text(&snapshot(9, 1)), "the snapshot has revision 9"),
        (8, "{".to_owned(), "not a snapshot of rules: EOF"),
        (8, String::new(), "not a snapshot of rules: EOF"),
    ] {
        let error = served.set(revision, &text).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().contains(says), "{error}");
    }
    assert_eq!(served.context.rules.load().revision(), 7);
    assert_eq!(file.read().unwrap().unwrap().revision(), 7);

    // Nor does what can't be kept.
    std::fs::remove_file(file.path()).unwrap();
    std::fs::create_dir(file.path()).unwrap();
    let error = served.set(9, &text(&snapshot(9, 1))).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(error.message().ends_with("stay in force"), "{error}");
    assert_eq!(served.context.rules.load().revision(), 7);
    served.end().await;
}

#[tokio::test]
async fn a_damaged_file_of_rules_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = RuleFile::new(directory.path());
    file.write(b"{\"version\":1").unwrap();
    let error = file.read().unwrap_err();
    assert!(error.to_string().contains("proxy-rules.json"), "{error}");
}

#[tokio::test]
async fn a_pipe_in_place_of_the_rules_is_refused_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let file = RuleFile::new(directory.path());
    nix::unistd::mkfifo(file.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Nobody writes to it: to open it is to wait.
    let reader = file.clone();
    let read = within(tokio::task::spawn_blocking(move || reader.read()));
    let error = read.await.unwrap().unwrap_err().to_string();
    let says = "proxy-rules.json: is not a regular file; remove it";
    assert!(error.ends_with(says), "{error}");

    let mut served = served(directory.path(), 10).await;
    assert_eq!(served.set(1, &text(&snapshot(1, 1))).await.unwrap(), 1);
    assert_eq!(file.read().unwrap().unwrap().revision(), 1);
    served.end().await;
}

#[tokio::test]
async fn one_call_at_a_time_sets_rules() {
    let directory = tempfile::tempdir().unwrap();
    let mut served = served(directory.path(), 10).await;
    // It has begun, and says nothing more for now.
    let (send, receive) = mpsc::channel(1);
    let mut slow = served.client.clone();
    let slow = tokio::spawn(async move { slow.set_rules(ReceiverStream::new(receive)).await });
    // The second one is not taken from the channel before the call has begun and has read the first.
    for _ in 0..3 {
        within(send.send(SetRulesRequest::default())).await.unwrap();
    }
    let refused = async {
        loop {
            if let Err(error) = served.set(1, &text(&snapshot(1, 1))).await {
                return error;
            }
        }
    };
    let error = within(refused).await;
    assert_eq!(error.code(), Code::Aborted);
    drop(send);
    assert!(within(slow).await.unwrap().is_err(), "it said nothing");
    assert_eq!(served.set(2, &text(&snapshot(2, 1))).await.unwrap(), 2);
    served.end().await;
}

fn record(name: &str) -> Record {
    let end = |identity, endpoint| End { identity, endpoint };
    let hop = Hop {
        protocol: Protocol::Udp,
        client: "10.0.0.1:4000".parse().unwrap(),
        server: "[fd00::2]:53".parse().unwrap(),
        source: end(77, Some(5)),
        destination: end(2, None),
    };
    let dns = Dns {
        query: name.into(),
        qtype: 28,
        ..Dns::default()
    };
    Record::request(SystemTime::now(), hop, Direction::Egress, Layer7::Dns(dns))
}

#[tokio::test]
async fn records_come_in_order_and_what_was_lost_at_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut served = served(directory.path(), 4).await;
    for name in ["a.", "b.", "c.", "d.", "lost.", "lost."] {
        served.context.records.push(record(name));
    }
    let mut stream = served
        .client
        .get_proxy_records(GetProxyRecordsRequest {})
        .await
        .unwrap()
        .into_inner();
    let first = within(stream.message()).await.unwrap().unwrap();
    let names = first.records.iter().map(|record| {
        let Some(Content::Dns(dns)) = record.layer7.clone().unwrap().record else {
            panic!("not DNS: {record:?}");
        };
        assert_eq!(dns.qtypes, ["AAAA"]);
        dns.query
    });
    assert_eq!(names.collect::<Vec<_>>(), ["a.", "b.", "c.", "d."]);
    assert_eq!(first.lost, 2);
    let one = &first.records[0];
    let (client, server) = (one.client.clone().unwrap(), one.server.clone().unwrap());
    assert_eq!((&*client.address, client.endpoint), ("10.0.0.1", Some(5)));
    assert_eq!((&*server.address, server.endpoint), ("fd00::2", None));
    assert_eq!((one.protocol, client.identity), (17, 77));
    served.context.records.push(record("e."));
    let second = within(stream.message()).await.unwrap().unwrap();
    assert_eq!((second.records.len(), second.lost), (1, 0));
    let status = served
        .client
        .get_proxy_status(GetProxyStatusRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (
            status.records,
            status.records_delivered,
            status.records_lost,
            status.records_waiting,
        ),
        (7, 5, 2, 0)
    );
    // A newer reader takes over.
    let mut newer = served
        .client
        .get_proxy_records(GetProxyRecordsRequest {})
        .await
        .unwrap()
        .into_inner();
    let ended = within(stream.message()).await.unwrap_err();
    assert_eq!(ended.code(), Code::Aborted);
    served.context.records.push(record("f."));
    assert_eq!(
        within(newer.message())
            .await
            .unwrap()
            .unwrap()
            .records
            .len(),
        1
    );
    served.end().await;
}

fn learned(name: &str, address: &str) -> Learned {
    Learned {
        endpoint: 5,
        client: IpAddr::from([10, 0, 0, 1]),
        names: vec![Name::from_text(name).unwrap()],
        addresses: vec![address.parse::<IpAddr>().unwrap()],
        ttl: 60,
    }
}

/// An agent's call.
async fn agent(
    client: &mut ProxyClient<Channel>,
) -> (mpsc::Sender<LearnRequest>, Streaming<LearnResponse>) {
    let (send, receive) = mpsc::channel(16);
    send.send(LearnRequest::default()).await.unwrap();
    let call = client.learn(ReceiverStream::new(receive)).await.unwrap();
    (send, call.into_inner())
}

fn acknowledgement(id: u64, error: &str, holds_for_seconds: u32) -> LearnRequest {
    LearnRequest {
        id,
        error: error.to_owned(),
        holds_for_seconds,
    }
}

#[tokio::test]
async fn addresses_are_learned_once_the_agent_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut served = served(directory.path(), 10).await;
    let names = Arc::clone(&served.names);
    assert_eq!(
        names.learn(learned("a.b", "192.0.2.1")).await,
        Err(LearnError::NoAgent)
    );
    let (acknowledge, mut told) = agent(&mut served.client).await;
    eventually("the agent is there", || names.has_agent()).await;
    let learn = |name: &'static str, address: &'static str| {
        let names = Arc::clone(&names);
        tokio::spawn(async move { names.learn(learned(name, address)).await })
    };
    let waiting = learn("a.b", "192.0.2.1");
    let message = within(told.message()).await.unwrap().unwrap();
    assert_eq!(
        (
            message.endpoint,
            &message.names[..],
            &message.addresses[..],
            message.ttl_seconds
        ),
        (
            5,
            &["a.b.".to_owned()][..],
            &["192.0.2.1".to_owned()][..],
            60
        )
    );
    assert!(!waiting.is_finished());
    // Of something else.
    acknowledge.send(acknowledgement(99, "", 0)).await.unwrap();
    acknowledge
        .send(acknowledgement(message.id, "", 1_000))
        .await
        .unwrap();
    assert_eq!(within(waiting).await.unwrap(), Ok(()));
    let waiting = learn("c.d", "192.0.2.2");
    let message = within(told.message()).await.unwrap().unwrap();
    acknowledge
        .send(acknowledgement(message.id, "the map is full", 0))
        .await
        .unwrap();
    let refused = LearnError::Refused("the map is full".into());
    assert_eq!(within(waiting).await.unwrap(), Err(refused));

    // A newer agent gets what waits.
    let waiting = learn("e.f", "192.0.2.3");
    let first = within(told.message()).await.unwrap().unwrap();
    let (acknowledge, mut newer) = agent(&mut served.client).await;
    let ended = within(told.message()).await.unwrap_err();
    assert_eq!(ended.code(), Code::Aborted);
    let again = within(newer.message()).await.unwrap().unwrap();
    assert_eq!(again, first);
    acknowledge
        .send(acknowledgement(again.id, "", 0))
        .await
        .unwrap();
    assert_eq!(within(waiting).await.unwrap(), Ok(()));

    // It goes: what holds still needs nobody, anything else fails, also what waits.
    let waiting = learn("g.h", "192.0.2.4");
    within(newer.message()).await.unwrap().unwrap();
    drop((acknowledge, newer));
    assert_eq!(within(waiting).await.unwrap(), Err(LearnError::NoAgent));
    eventually("it is gone", || !names.has_agent()).await;
    for (name, address, result) in [
        ("a.b", "192.0.2.1", Ok(())),
        ("a.b", "192.0.2.9", Err(LearnError::NoAgent)),
        ("e.f", "192.0.2.3", Err(LearnError::NoAgent)),
        ("x.b", "192.0.2.1", Err(LearnError::NoAgent)),
    ] {
        assert_eq!(names.learn(learned(name, address)).await, result, "{name}");
    }
    served.end().await;
}
