//! HTTP as one of the protocols that the proxy carries: both ends' rules in one pass, and records of both.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt as _};
use l7::http::{Action, HeaderMatch, RuleSpec};
use l7::rules::{
    Allows, Alternative, Binding, Direction, Peers, Protocol, RuleRef, Rules, SetSpec, Snapshot,
    VERSION,
};
use proxy::carrier::Carrier;
use proxy::context::Context;
use proxy::dns::NameOrder;
use proxy::http::{HttpConnections, Redaction};
use proxy::limits::Limits;
use proxy::names::{LearnError, Learned, Names};
use proxy::network::{Leg, Network};
use proxy::record::{Entry, Http, Layer7, Reader, Record, Records, Verdict};
use proxy::rules::RuleStore;
use proxy::world::{End, WORLD, World};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::proxy::rule;
use crate::wire::{Message, Server, Wire, get};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// Two pods of this node.
struct Pods;

impl World for Pods {
    fn end(&self, address: IpAddr) -> End {
        let pods = [(CLIENT, 1007, 7), (SERVER, 1009, 9)];
        let known = pods.iter().find(|(pod, ..)| *pod == address);
        let (identity, endpoint) = known.map_or((WORLD, None), |(_, identity, endpoint)| {
            (*identity, Some(*endpoint))
        });
        End { identity, endpoint }
    }
}

/// Leads to the server, wherever it is asked for.
struct Redirected {
    real: SocketAddr,
    legs: Mutex<Vec<Leg>>,
}

impl Network for Redirected {
    fn connect(
        &self,
        _: SocketAddr,
        _: SocketAddr,
        leg: Leg,
    ) -> BoxFuture<'_, io::Result<TcpStream>> {
        self.legs.lock().unwrap().push(leg);
        TcpStream::connect(self.real).boxed()
    }

    fn datagrams(&self, _: SocketAddr, _: SocketAddr, _: Leg) -> io::Result<UdpSocket> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn reply(&self, _: SocketAddr, _: SocketAddr, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct NoNames;

impl Names for NoNames {
    fn learn(&self, _: Learned) -> BoxFuture<'_, Result<(), LearnError>> {
        async { Ok(()) }.boxed()
    }
}

fn compile(sides: Vec<(Direction, RuleSpec)>) -> Rules {
    let mut snapshot = Snapshot {
        version: VERSION,
        revision: 1,
        sets: Vec::new(),
        bindings: Vec::new(),
    };
    for (direction, rule) in sides {
        let (endpoint, number) = match direction {
            Direction::Egress => (7, 1),
            Direction::Ingress => (9, 2),
        };
        snapshot.bindings.push(Binding {
            endpoint,
            direction,
            protocol: Protocol::Tcp,
            first_port: 1,
            last_port: u16::MAX,
            set: u32::try_from(snapshot.sets.len()).unwrap(),
        });
        snapshot.sets.push(SetSpec {
            alternatives: vec![Alternative {
                rule: RuleRef(number),
                peers: Peers::Any,
                is_wide: false,
                allows: Allows::Http(vec![rule]),
            }],
        });
    }
    Rules::compile(&snapshot, None).unwrap()
}

struct Rig {
    context: Arc<Context>,
    network: Arc<Redirected>,
    reader: Reader,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Rig {
    async fn start(server: &Server, sides: Vec<(Direction, RuleSpec)>) -> Self {
        let listener = TcpListener::bind((SERVER, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = Arc::new(Redirected {
            real: server.address,
            legs: Mutex::default(),
        });
        let records = Records::new(1000);
        let reader = records.reader();
        let rules = Arc::new(RuleStore::default());
        rules.replace(compile(sides));
        let context = Context::new(
            Arc::new(Pods),
            rules,
            Arc::clone(&network) as _,
            Arc::new(NoNames),
            records,
            Limits::default(),
        );
        let http = HttpConnections {
            redaction: Redaction::new(["content-type"]),
            ..HttpConnections::default()
        };
        let carrier = Arc::new(Carrier {
            context: Arc::clone(&context),
            order: Arc::new(NameOrder::default()),
            http: Some(Arc::new(http)),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { carrier.serve(listener).await.unwrap() });
        Self {
            context,
            network,
            reader,
            address,
            _tasks: tasks,
        }
    }

    async fn client(&self) -> Wire {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((CLIENT, 0).into()).unwrap();
        Wire::new(socket.connect(self.address).await.unwrap())
    }

    async fn records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        while records.len() < count {
            let entries = tokio::time::timeout(crate::wire::PATIENCE, self.reader.next(1));
            let entries = entries.await.unwrap().unwrap();
            let [Entry::Record(record)] = &*entries else {
                panic!("{entries:?} after {records:?}");
            };
            records.push(record.clone());
        }
        records
    }
}

fn http(record: &Record) -> &Http {
    let Layer7::Http(http) = &record.layer7 else {
        panic!("{record:?}");
    };
    http
}

/// Side, verdict, rule, whether it is the reply, status.
fn told(record: &Record) -> (Direction, Verdict, Option<u32>, bool, u16) {
    let rule = record.rule.map(|rule| rule.0);
    (
        record.direction,
        record.verdict,
        rule,
        record.is_reply,
        http(record).status,
    )
}

#[tokio::test]
async fn both_ends_must_allow_and_both_tell() {
    use Direction::{Egress, Ingress};
    use Verdict::{Allowed, Denied};
    let server = Server::start().await;
    let sides = vec![
        (Egress, rule("GET", "/a.*")),
        (Ingress, rule("GET", "/ab.*")),
    ];
    let mut rig = Rig::start(&server, sides).await;
    let mut client = rig.client().await;
    let statuses = [("/abc", 200), ("/a", 403), ("/b", 403)];
    for (path, status) in statuses {
        assert_eq!(client.ask(get(path)).await.status(), status, "{path}");
    }
    let records = rig.records(4 + 4 + 2).await;
    let wanted = [
        (Egress, Allowed, Some(1), false, 0),
        (Ingress, Allowed, Some(2), false, 0),
        (Egress, Allowed, None, true, 200),
        (Ingress, Allowed, None, true, 200),
        (Egress, Allowed, Some(1), false, 0),
        (Ingress, Denied, Some(2), false, 0),
        (Egress, Allowed, None, true, 403),
        (Ingress, Allowed, None, true, 403),
        // What never leaves is nothing that the other end judges.
        (Egress, Denied, Some(1), false, 0),
        (Egress, Allowed, None, true, 403),
    ];
    assert_eq!(records.iter().map(told).collect::<Vec<_>>(), wanted);
    assert_eq!(&*records[5].reason, "path /a does not match /ab.*");
    assert!(records[2].latency.is_some());
    let http = http(&records[0]);
    let url = (&*http.method, &*http.url, http.protocol);
    assert_eq!(url, ("GET", "http://be/abc", "HTTP/1.1"));
    let names: Vec<_> = http.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["host", "x-request-id"]);
    assert_eq!(
        http.headers.iter().last(),
        self::http(&records[3]).headers.iter().last()
    );
    assert_eq!(*rig.network.legs.lock().unwrap(), [Leg::Egress]);
}

#[tokio::test]
async fn the_second_end_judges_what_the_first_makes_of_it() {
    let server = Server::start().await;
    let matches = |mismatch| RuleSpec {
        header_matches: vec![HeaderMatch {
            name: "X-User".into(),
            value: Some("fe".into()),
            secret: None,
            mismatch,
        }],
        ..RuleSpec::default()
    };
    let (replace, exact) = (matches(Some(Action::Replace)), matches(None));
    let sides = vec![
        (Direction::Egress, replace),
        (Direction::Ingress, exact.clone()),
    ];
    let mut rig = Rig::start(&server, sides).await;
    let mut client = rig.client().await;
    let request = "GET / HTTP/1.1\r\nHost: be\r\nX-User: eve\r\n\r\n";
    assert_eq!(client.ask(request).await.status(), 200);
    let seen: Vec<_> = server
        .seen()
        .iter()
        .map(|one| one.header("x-user").map(str::to_owned))
        .collect();
    assert_eq!(seen, [Some("fe".to_owned())]);
    let rejected = http(&rig.records(1).await[0]).rejected.clone();
    assert_eq!(
        rejected.iter().collect::<Vec<_>>(),
        [("x-user", "[redacted]")]
    );
    // Alone it doesn't allow.
    rig.context
        .rules
        .replace(compile(vec![(Direction::Ingress, exact)]));
    assert_eq!(client.ask(request).await.status(), 403);
}

#[tokio::test]
async fn rules_that_go_leave_what_is_open() {
    let server = Server::start().await;
    let mut rig = Rig::start(&server, vec![(Direction::Egress, rule("GET", "/a"))]).await;
    let mut client = rig.client().await;
    assert_eq!(client.ask(get("/b")).await.status(), 403);
    rig.context.rules.replace(compile(vec![]));
    assert_eq!(client.ask(get("/b")).await.status(), 200);
    let records = rig.records(4).await;
    let wanted = (Direction::Egress, Verdict::Allowed, None, false, 0);
    assert_eq!(told(&records[2]), wanted);
    assert_eq!(*rig.network.legs.lock().unwrap(), [Leg::Egress]);
}

/// Rules of the client that select nobody.
fn select_nobody() -> Rules {
    let snapshot = Snapshot {
        version: VERSION,
        revision: 2,
        sets: vec![SetSpec::default()],
        bindings: vec![Binding {
            endpoint: 7,
            direction: Direction::Egress,
            protocol: Protocol::Tcp,
            first_port: 1,
            last_port: u16::MAX,
            set: 0,
        }],
    };
    Rules::compile(&snapshot, None).unwrap()
}

#[tokio::test]
async fn a_peer_that_is_no_longer_selected_is_reset_between_requests() {
    let server = Server::start().await;
    let mut rig = Rig::start(&server, vec![(Direction::Egress, rule("GET", "/a"))]).await;
    let mut client = rig.client().await;
    assert_eq!(client.ask(get("/a")).await.status(), 200);
    rig.context.rules.replace(select_nobody());
    let mut byte = [0];
    let read = tokio::time::timeout(crate::wire::PATIENCE, client.stream.read(&mut byte));
    let error = read.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let record = rig.records(3).await.remove(2);
    assert_eq!(record.verdict, Verdict::Denied);
    assert_eq!(record.layer7, Layer7::Connection);
    assert_eq!(&*record.reason, "no rule selects this peer");
}

#[tokio::test]
async fn what_fails_is_told_as_an_error() {
    let server = Server::scripted(|mut wire| async move {
        wire.message().await;
    })
    .await;
    let mut rig = Rig::start(&server, vec![(Direction::Egress, rule("GET", "/a"))]).await;
    let mut client = rig.client().await;
    let response: Message = client.ask(get("/a")).await;
    assert_eq!(response.status(), 502);
    let mut client = rig.client().await;
    assert_eq!(client.ask("hello\r\n\r\n").await.status(), 400);
    drop(server);
    let mut client = rig.client().await;
    assert_eq!(client.ask(get("/a")).await.status(), 503);
    let records = rig.records(5).await;
    let errors = records
        .iter()
        .filter(|record| record.verdict == Verdict::Error);
    let errors: Vec<_> = errors.map(|one| (http(one).status, &*one.reason)).collect();
    assert_eq!(
        errors[0],
        (
            502,
            "the server closed the connection before the response was complete"
        )
    );
    assert_eq!(errors[1], (400, "a malformed request line"));
    assert_eq!(errors[2].0, 503);
    assert!(
        errors[2].1.starts_with("the server cannot be reached: "),
        "{errors:?}"
    );
    assert_eq!(rig.context.counters.connects_failed.get(), 1);
}
