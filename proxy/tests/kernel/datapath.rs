//! The process behind the datapath's own programs: pods whose policy sends them through it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use abi::identity::WORLD;
use abi::policy::{EGRESS, ENFORCED, PolicyKey, SHAPE_PORT};
use l7::names::NameSpec;
use l7::rules::{
    Allows, Alternative, Binding, Direction, Peers, Protocol, RuleRef, SetSpec, Snapshot, VERSION,
};
use loader::{Datapath, Desired};
use proto::flow::Verdict;
use proto::flows::v1::proxy_client::ProxyClient;
use proto::flows::v1::{
    GetProxyRecordsRequest, GetProxyStatusRequest, LearnRequest, LearnResponse, ProxyRecord,
    SetRulesRequest,
};
use proxy::world::{End, NodeMaps, World as _};
use testing_kernel::{
    ALLOW, CLIENT, CLIENT_IDENTITY, CLIENT_TABLE, Node, Pod, SERVER, SERVER_TABLE, allow, ip, rule,
};
use testing_program::Background;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use super::process::{client, start_with};

const PORT: u16 = 80;
/// A host beyond the node.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 7, 1, 1);
const PATIENCE: Duration = Duration::from_secs(30);

/// A node with two pods, a host beyond it, and the proxy.
struct World {
    client: Pod,
    server: Pod,
    far: Pod,
    control: ProxyClient<Channel>,
    runtime: Runtime,
    tcp_port: u16,
    dns_port: u16,
    datapath: Datapath,
    proxy: Background,
    directory: tempfile::TempDir,
    node: Node,
}

impl World {
    fn up() -> Self {
        let node = Node::up();
        let client_pod = Pod::behind("client", CLIENT);
        let server_pod = Pod::behind("server", SERVER);
        ip("link add far type veth peer name far-in");
        ip("link set far up");
        let far = Pod::behind("far", FAR);
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        for device in ["all", "client", "server", "far", "lo"] {
            let path = format!("/proc/sys/net/ipv4/conf/{device}/rp_filter");
            fs::write(path, "0").unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        let mut datapath = node.open();
        datapath.apply(&node.usual()).unwrap();
        datapath.attach(node.client).unwrap();
        datapath.attach(node.server).unwrap();
        datapath.open_way_to_proxy().unwrap();
        let proxy = start_with(
            directory.path(),
            &["--bpffs".as_ref(), node.pins().as_ref()],
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut control = runtime.block_on(client(directory.path()));
        let status = runtime
            .block_on(control.get_proxy_status(GetProxyStatusRequest {}))
            .unwrap()
            .into_inner();
        Self {
            client: client_pod,
            server: server_pod,
            far,
            control,
            runtime,
            tcp_port: status.tcp_port.try_into().unwrap(),
            dns_port: status.dns_port.try_into().unwrap(),
            datapath,
            proxy,
            directory,
            node,
        }
    }

    /// Puts rules in force at the proxy.
    fn set(&mut self, revision: u64, rules: Vec<(Binding, Peers, Allows)>) {
        let mut snapshot = Snapshot {
            version: VERSION,
            revision,
            sets: Vec::new(),
            bindings: Vec::new(),
        };
        for (binding, peers, allows) in rules {
            let set = u32::try_from(snapshot.sets.len()).unwrap();
            snapshot.bindings.push(Binding { set, ..binding });
            let alternatives = vec![Alternative {
                rule: RuleRef(ALLOW),
                peers,
                is_wide: false,
                allows,
            }];
            snapshot.sets.push(SetSpec { alternatives });
        }
        let request = SetRulesRequest {
            snapshot: String::from_utf8(snapshot.to_json().unwrap()).unwrap(),
            revision,
        };
        let set = self.control.set_rules(tokio_stream::iter([request]));
        self.runtime.block_on(set).unwrap();
    }

    /// The records so far, at least so many.
    fn records(&mut self, count: usize) -> Vec<ProxyRecord> {
        let control = &mut self.control;
        self.runtime.block_on(async {
            let stream = control.get_proxy_records(GetProxyRecordsRequest {}).await;
            let mut stream = stream.unwrap().into_inner();
            let mut records = Vec::new();
            while records.len() < count {
                let next = tokio::time::timeout(PATIENCE, stream.message()).await;
                records.extend(next.unwrap().unwrap().unwrap().records);
            }
            records
        })
    }
}

fn binding(endpoint: u32, direction: Direction, protocol: Protocol, port: u16) -> Binding {
    Binding {
        endpoint,
        direction,
        protocol,
        first_port: port,
        last_port: port,
        set: 0,
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn connect(pod: &Pod) -> TcpStream {
    patient(pod.run(|| TcpStream::connect((SERVER, PORT)).unwrap()))
}

fn exchange(from: &mut TcpStream, to: &mut TcpStream) {
    from.write_all(b"bytes").unwrap();
    let mut bytes = [0; 5];
    to.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"bytes");
}

/// The server's rules: clients of both kinds go through the proxy.
fn ingress(node: &Node, port: u16) -> Desired {
    let mut desired = node.desired(&[]);
    for identity in [CLIENT_IDENTITY, WORLD] {
        let mut entry = allow(ALLOW);
        entry.proxy_port = port;
        desired.policy.insert(rule(identity, PORT), entry);
    }
    desired
}

#[test]
fn connections_of_pods_and_from_beyond() {
    let mut world = World::up();
    let desired = ingress(&world.node, world.tcp_port);
    world.datapath.apply(&desired).unwrap();
    // The proxy knows the client's identity, and lets it alone in.
    let of_server = binding(SERVER_TABLE, Direction::Ingress, Protocol::Tcp, PORT);
    let client = || Peers::Identities([CLIENT_IDENTITY].into());
    world.set(1, vec![(of_server, client(), Allows::Everything)]);
    let listener = world
        .server
        .run(|| TcpListener::bind(("0.0.0.0", PORT)).unwrap());
    let mut stream = connect(&world.client);
    let (served, seen) = listener.accept().unwrap();
    let mut served = patient(served);
    assert_eq!(seen, stream.local_addr().unwrap());
    exchange(&mut stream, &mut served);
    exchange(&mut served, &mut stream);

    let mut other = connect(&world.far);
    let error = other.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let records = world.records(1);
    let denied = &records[0];
    assert_eq!(denied.verdict(), Verdict::Dropped);
    assert_eq!(denied.reason, "no rule selects this peer");
    let (from, to) = (
        denied.client.clone().unwrap(),
        denied.server.clone().unwrap(),
    );
    assert_eq!((from.identity, from.endpoint), (WORLD, None));
    assert_eq!(
        (&*to.address, to.endpoint),
        ("10.7.0.2", Some(SERVER_TABLE))
    );

    // It is still open; until its rules go to another peer.
    exchange(&mut stream, &mut served);
    let world_only = Peers::Identities([WORLD].into());
    world.set(2, vec![(of_server, world_only, Allows::Everything)]);
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn addresses_are_known_once_an_agent_has_pinned_its_maps() {
    let node = Node::up();
    let pinned = NodeMaps::new(node.pins().to_owned());
    assert_eq!(pinned.end(CLIENT.into()), End::UNKNOWN);
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    let known = End {
        identity: CLIENT_IDENTITY,
        endpoint: Some(CLIENT_TABLE),
    };
    let deadline = Instant::now() + PATIENCE;
    while pinned.end(CLIENT.into()) != known {
        assert!(Instant::now() < deadline, "{:?}", pinned.end(CLIENT.into()));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(pinned.end(FAR.into()), End::UNKNOWN);
}

/// The client's own rules: DNS to the world goes through the proxy.
fn egress(node: &Node, port: u16) -> Desired {
    let mut desired = node.desired(&[]);
    let header = desired.tables.get_mut(&CLIENT_TABLE).unwrap();
    header.egress.peer_shapes = 1 << SHAPE_PORT;
    header.egress.flags = ENFORCED;
    let key = PolicyKey {
        table: CLIENT_TABLE,
        identity: WORLD,
        port: 53,
        proto: 17,
        shape: SHAPE_PORT | EGRESS,
    };
    let mut entry = allow(ALLOW);
    entry.proxy_port = port;
    desired.policy.insert(key, entry);
    desired
}

#[test]
fn dns_of_a_pod_waits_for_the_agent() {
    let mut world = World::up();
    let desired = egress(&world.node, world.dns_port);
    world.datapath.apply(&desired).unwrap();
    let of_client = binding(CLIENT_TABLE, Direction::Egress, Protocol::Udp, 53);
    let name = NameSpec {
        match_pattern: Some("*.example".into()),
        ..NameSpec::default()
    };
    world.set(1, vec![(of_client, Peers::Any, Allows::Dns(vec![name]))]);
    // An agent that acknowledges what it is told, and passes it on.
    let (told, learned) = std::sync::mpsc::channel::<LearnResponse>();
    let mut control = world.control.clone();
    world.runtime.spawn(async move {
        let (send, receive) = tokio::sync::mpsc::channel(8);
        send.send(LearnRequest::default()).await.unwrap();
        let requests = tokio_stream::wrappers::ReceiverStream::new(receive);
        let mut stream = control.learn(requests).await.unwrap().into_inner();
        while let Ok(Some(message)) = stream.message().await {
            let id = message.id;
            told.send(message).unwrap();
            let acknowledgement = LearnRequest {
                id,
                ..LearnRequest::default()
            };
            send.send(acknowledgement).await.unwrap();
        }
    });
    let mut control = world.control.clone();
    world
        .runtime
        .block_on(testing::until("the agent is there", async || {
            let status = control.get_proxy_status(GetProxyStatusRequest {}).await;
            let has_agent = status.unwrap().into_inner().has_agent;
            has_agent.then_some(()).ok_or_else(|| "not yet".to_owned())
        }));
    let socket = |pod: &Pod, at: SocketAddr| {
        let socket = pod.run(move || UdpSocket::bind(at).unwrap());
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    };
    let resolver = socket(&world.far, (FAR, 53).into());
    let pod = socket(&world.client, (CLIENT, 5_353).into());
    pod.connect((FAR, 53)).unwrap();
    let mut buffer = [0; 512];
    for id in [1, 2] {
        // a.example, A, and its answer.
        let mut query = vec![0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 7];
        query.extend(b"example\0\0\x01\0\x01");
        pod.send(&query).unwrap();
        let (length, seen) = resolver.recv_from(&mut buffer).unwrap();
        assert_eq!(seen, pod.local_addr().unwrap());
        assert_eq!(buffer[2..length], query[2..]);
        let mut answer = buffer[..length].to_vec();
        answer[2] = 0x81;
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
        resolver.send_to(&answer, seen).unwrap();
        let length = pod.recv(&mut buffer).unwrap();
        assert_eq!((buffer[1], &buffer[2..length]), (id, &answer[2..]));
        let learned = learned.recv_timeout(PATIENCE).unwrap();
        assert_eq!(learned.endpoint, CLIENT_TABLE);
        assert_eq!(learned.client, CLIENT.to_string());
        assert_eq!(learned.names, ["a.example."]);
        assert_eq!(learned.addresses, ["192.0.2.7"]);
    }
    // A name that isn't allowed never gets there.
    let mut query = vec![0, 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 3];
    query.extend(b"org\0\0\x01\0\x01");
    pod.send(&query).unwrap();
    let length = pod.recv(&mut buffer).unwrap();
    assert_eq!((length, buffer[1], buffer[3] & 0xf), (query.len(), 3, 5));
}

#[test]
fn a_proxy_that_is_killed_is_followed_by_one_with_its_rules() {
    let mut world = World::up();
    let desired = ingress(&world.node, world.tcp_port);
    world.datapath.apply(&desired).unwrap();
    let of_server = binding(SERVER_TABLE, Direction::Ingress, Protocol::Tcp, PORT);
    world.set(1, vec![(of_server, Peers::Any, Allows::Everything)]);
    let listener = world
        .server
        .run(|| TcpListener::bind(("0.0.0.0", PORT)).unwrap());
    let mut stream = connect(&world.client);
    let mut served = patient(listener.accept().unwrap().0);
    exchange(&mut stream, &mut served);
    world.proxy.kill();
    // Its connections end with it.
    assert!(!matches!(stream.read(&mut [0]), Ok(1..)));
    // Another one at the same port needs nobody to tell it the rules.
    let port = format!("{}", world.tcp_port);
    let arguments: [&Path; 4] = [
        "--tcp-port".as_ref(),
        port.as_ref(),
        "--bpffs".as_ref(),
        world.node.pins(),
    ];
    world.proxy = start_with(world.directory.path(), &arguments);
    world.runtime.block_on(client(world.directory.path()));
    let mut stream = connect(&world.client);
    let mut served = patient(listener.accept().unwrap().0);
    exchange(&mut stream, &mut served);
    exchange(&mut served, &mut stream);
}
