//! Connections that pass the proxy: real pods, real sockets, and a proxy of a few lines.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use abi::event::{DROP, END, Event, FORWARDED, NEW, REDIRECTED};
use abi::identity::WORLD;
use abi::policy::{EGRESS, ENFORCED, PolicyKey, SHAPE_PORT};
use abi::{proxy, reason};
use flows_loader::{Datapath, Desired, RingItem, RingOptions, RingReader};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};
use testing_kernel::{
    ALLOW, CLIENT, CLIENT_IDENTITY, CLIENT_TABLE, Node, Pod, SERVER, allow, ip, rule,
};

const PORT: u16 = 80;
/// A host beyond the node.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 7, 1, 1);
const PATIENCE: Duration = Duration::from_secs(10);

/// A node with a client, a server, and the world behind a third interface.
struct World {
    node: Node,
    datapath: Datapath,
    readers: Vec<RingReader>,
    client: Pod,
    server: Pod,
    far: Pod,
}

impl World {
    fn up() -> Self {
        let node = Node::up();
        let client = Pod::behind("client", CLIENT);
        let server = Pod::behind("server", SERVER);
        ip("link add far type veth peer name far-in");
        ip("link set far up");
        let far = Pod::behind("far", FAR);
        for setting in ["ip_forward", "conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/ipv4/{setting}"), "1").unwrap();
        }
        for device in ["all", "client", "server", "far", "lo"] {
            let path = format!("/proc/sys/net/ipv4/conf/{device}/rp_filter");
            std::fs::write(path, "0").unwrap();
        }
        let mut datapath = node.open();
        datapath.apply(&node.usual()).unwrap();
        datapath.attach(node.client).unwrap();
        datapath.attach(node.server).unwrap();
        datapath.open_way_to_proxy().unwrap();
        // A second time changes nothing.
        datapath.open_way_to_proxy().unwrap();
        let readers = datapath.rings(RingOptions::default()).unwrap();
        Self {
            node,
            datapath,
            readers,
            client,
            server,
            far,
        }
    }

    /// The events since the last call, in order.
    fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for reader in &mut self.readers {
            reader.drain(|item| match item {
                RingItem::Event(sample) => events.push(sample.event),
                other => panic!("{other:?}"),
            });
        }
        events.sort_by_key(|event| event.time);
        events
    }

    fn event(&mut self, kind: u8) -> Event {
        let events = self.events();
        let found: Vec<_> = events.iter().filter(|event| event.kind == kind).collect();
        match found[..] {
            [event] => *event,
            _ => panic!("{events:#?}"),
        }
    }
}

/// The server's rules for a client: one that goes through the proxy's port.
fn ingress(node: &Node, identity: u32, proto: u8, proxy_port: u16) -> Desired {
    let mut desired = node.desired(&[]);
    let key = PolicyKey {
        proto,
        ..rule(identity, PORT)
    };
    let mut entry = allow(ALLOW);
    entry.proxy_port = proxy_port;
    desired.policy.insert(key, entry);
    desired
}

/// The client's own, for the world.
fn egress(node: &Node, proto: u8, proxy_port: u16) -> Desired {
    let mut desired = node.desired(&[]);
    let header = desired.tables.get_mut(&CLIENT_TABLE).unwrap();
    header.egress.peer_shapes = 1 << SHAPE_PORT;
    header.egress.flags = ENFORCED;
    let key = PolicyKey {
        table: CLIENT_TABLE,
        identity: WORLD,
        port: PORT,
        proto,
        shape: SHAPE_PORT | EGRESS,
    };
    let mut entry = allow(ALLOW);
    entry.proxy_port = proxy_port;
    desired.policy.insert(key, entry);
    desired
}

fn address(of: SocketAddr) -> SockaddrIn {
    match of {
        SocketAddr::V4(of) => SockaddrIn::from(of),
        SocketAddr::V6(_) => panic!("{of}"),
    }
}

/// A socket that may have any address, and whose packets are known as the proxy's.
fn transparent(kind: SockType, at: SocketAddr, mark: u32) -> OwnedFd {
    let made = socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
    setsockopt(&made, sockopt::IpTransparent, &true).unwrap();
    setsockopt(&made, sockopt::ReuseAddr, &true).unwrap();
    setsockopt(&made, sockopt::Mark, &mark).unwrap();
    bind(made.as_raw_fd(), &address(at)).unwrap();
    made
}

fn tcp_listener() -> TcpListener {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let made = transparent(SockType::Stream, loopback, proxy::FROM_INGRESS);
    nix::sys::socket::listen(&made, nix::sys::socket::Backlog::new(16).unwrap()).unwrap();
    TcpListener::from(made)
}

/// Closes a listener (`table`: tcp or udp) and waits until the kernel has none at its port any more: a process that
/// another test just starts has this one's sockets until it runs its program.
fn close<T: Into<OwnedFd>>(listener: T, table: &str, port: u16) {
    drop(listener.into());
    let (local, listens) = (format!("0100007F:{port:04X}"), ["0A", "07"]);
    let is_there = || {
        let sockets = std::fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap();
        sockets.lines().any(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            columns.get(1) == Some(&&*local) && listens.contains(&columns[3])
        })
    };
    let since = Instant::now();
    while is_there() {
        assert!(since.elapsed() < PATIENCE, "port {port} is still open");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn port_of(at: SocketAddr) -> u16 {
    at.port()
}

/// The proxy's connection to the server, with the client's address and port.
fn upstream(client: &TcpStream) -> TcpStream {
    let from = client.peer_addr().unwrap();
    let made = transparent(SockType::Stream, from, proxy::FROM_EGRESS);
    let to = address(client.local_addr().unwrap());
    connect(made.as_raw_fd(), &to).unwrap();
    TcpStream::from(made)
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn listen_on(pod: &Pod) -> TcpListener {
    pod.run(|| TcpListener::bind(("0.0.0.0", PORT)).unwrap())
}

fn accept(listener: &TcpListener) -> TcpStream {
    patient(listener.accept().unwrap().0)
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// A question and an answer through the proxy, and the end. Gives the client's address.
fn converse(from: &Pod, to: Ipv4Addr, at: &Pod, proxy: &TcpListener) -> SocketAddr {
    let server = listen_on(at);
    let mut client = patient(from.run(move || TcpStream::connect((to, PORT)).unwrap()));
    let own = client.local_addr().unwrap();
    let mut accepted = accept(proxy);
    assert_eq!(accepted.peer_addr().unwrap(), own);
    assert_eq!(accepted.local_addr().unwrap(), SocketAddr::from((to, PORT)));
    let mut onward = patient(upstream(&accepted));
    let mut served = accept(&server);
    assert_eq!(
        served.peer_addr().unwrap(),
        own,
        "the server sees the client"
    );
    client.write_all(b"question").unwrap();
    assert_eq!(read(&mut accepted, 8), b"question");
    onward.write_all(b"judged").unwrap();
    assert_eq!(read(&mut served, 6), b"judged");
    served.write_all(b"answer").unwrap();
    assert_eq!(read(&mut onward, 6), b"answer");
    accepted.write_all(b"answer!").unwrap();
    assert_eq!(read(&mut client, 7), b"answer!");
    for end in [&client, &onward, &served, &accepted] {
        end.shutdown(Shutdown::Write).unwrap();
    }
    for end in [&mut client, &mut accepted, &mut onward, &mut served] {
        assert_eq!(end.read(&mut [0]).unwrap(), 0);
    }
    own
}

#[test]
fn between_two_pods_of_a_node() {
    let mut world = World::up();
    let listener = tcp_listener();
    let port = port_of(listener.local_addr().unwrap());
    let desired = ingress(&world.node, CLIENT_IDENTITY, 6, port);
    world.datapath.apply(&desired).unwrap();
    let own = converse(&world.client, SERVER, &world.server, &listener);
    let events = world.events();
    let of = |kind| -> Vec<_> { events.iter().filter(|event| event.kind == kind).collect() };
    let [new] = of(NEW)[..] else {
        panic!("{events:#?}")
    };
    assert_eq!((new.src_port, new.dst_port), (own.port(), PORT));
    assert_eq!((new.egress, new.ingress), (FORWARDED, REDIRECTED));
    assert_eq!(new.ingress_cookie, ALLOW);
    // The client's leg alone is counted: "answer!" is longer than what the server sent.
    let [end] = of(END)[..] else {
        panic!("{events:#?}")
    };
    assert!(end.packets[0] >= 4 && end.packets[1] >= 3, "{end:#?}");
    assert_eq!(of(DROP), [] as [&Event; 0]);
}

#[test]
fn from_beyond_and_to_beyond() {
    let mut world = World::up();
    let listener = tcp_listener();
    let port = port_of(listener.local_addr().unwrap());
    let desired = ingress(&world.node, WORLD, 6, port);
    world.datapath.apply(&desired).unwrap();
    converse(&world.far, SERVER, &world.server, &listener);
    let new = world.event(NEW);
    assert_eq!((new.egress, new.ingress), (0, REDIRECTED));

    let desired = egress(&world.node, 6, port);
    world.datapath.apply(&desired).unwrap();
    converse(&world.client, FAR, &world.far, &listener);
    let new = world.event(NEW);
    assert_eq!((new.egress, new.ingress), (REDIRECTED, 0));
}

#[test]
fn without_a_proxy_nothing_passes() {
    let mut world = World::up();
    let listener = tcp_listener();
    let port = port_of(listener.local_addr().unwrap());
    let desired = ingress(&world.node, CLIENT_IDENTITY, 6, port);
    world.datapath.apply(&desired).unwrap();
    let server = listen_on(&world.server);
    server.set_nonblocking(true).unwrap();
    let connects = |world: &World| {
        world.client.run(|| {
            let to = SocketAddr::from((SERVER, PORT));
            TcpStream::connect_timeout(&to, Duration::from_millis(300)).is_ok()
        })
    };
    assert!(connects(&world), "the proxy takes it");
    close(listener, "tcp", port);
    world.events();
    assert!(!connects(&world));
    let drop = world.event(DROP);
    assert_eq!(
        (drop.egress, drop.ingress),
        (FORWARDED, reason::PROXY_LOOKUP_FAILED)
    );
    assert_eq!(drop.ingress_cookie, ALLOW, "the rule that wants a proxy");
    let nobody = server.accept().unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
    // Another one takes its place.
    let loopback = SocketAddr::from(([127, 0, 0, 1], port));
    let made = transparent(SockType::Stream, loopback, proxy::FROM_INGRESS);
    nix::sys::socket::listen(&made, nix::sys::socket::Backlog::new(16).unwrap()).unwrap();
    let _listener = TcpListener::from(made);
    assert!(connects(&world));
}

#[test]
fn an_open_connection_is_reset_when_the_proxy_is_to_judge_it() {
    let mut world = World::up();
    let server = listen_on(&world.server);
    let mut client = patient(
        world
            .client
            .run(|| TcpStream::connect((SERVER, PORT)).unwrap()),
    );
    let mut served = accept(&server);
    client.write_all(b"before").unwrap();
    assert_eq!(read(&mut served, 6), b"before");
    let listener = tcp_listener();
    let port = port_of(listener.local_addr().unwrap());
    let desired = ingress(&world.node, CLIENT_IDENTITY, 6, port);
    world.datapath.apply(&desired).unwrap();
    client.write_all(b"after").unwrap();
    let told = client.read(&mut [0]).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::ConnectionReset);
    served.set_nonblocking(true).unwrap();
    let nothing = served.read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_the_proxy_has_stays_with_it_until_it_is_denied() {
    let mut world = World::up();
    let listener = tcp_listener();
    let port = port_of(listener.local_addr().unwrap());
    let desired = ingress(&world.node, CLIENT_IDENTITY, 6, port);
    world.datapath.apply(&desired).unwrap();
    let server = listen_on(&world.server);
    let mut client = patient(
        world
            .client
            .run(|| TcpStream::connect((SERVER, PORT)).unwrap()),
    );
    let mut accepted = accept(&listener);
    let mut onward = upstream(&accepted);
    let mut served = accept(&server);
    // No rule of layer 7 any more.
    world.datapath.apply(&world.node.usual()).unwrap();
    client.write_all(b"on").unwrap();
    assert_eq!(read(&mut accepted, 2), b"on");
    onward.write_all(b"on").unwrap();
    assert_eq!(read(&mut served, 2), b"on");
    served.write_all(b"back").unwrap();
    assert_eq!(read(&mut patient(onward.try_clone().unwrap()), 4), b"back");
    // No rule at all any more: neither leg.
    world.datapath.apply(&world.node.desired(&[])).unwrap();
    world.events();
    served.set_nonblocking(true).unwrap();
    onward.write_all(b"late").unwrap();
    client.write_all(b"late").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let nothing = served.read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    let drops = world.events();
    assert!(!drops.is_empty() && drops.iter().all(|event| event.kind == DROP));
    assert!(
        drops
            .iter()
            .all(|event| event.ingress == reason::POLICY_DENIED)
    );
}

#[test]
fn a_pods_address_is_no_proxys() {
    let mut world = World::up();
    let desired = ingress(&world.node, CLIENT_IDENTITY, 6, 1);
    world.datapath.apply(&desired).unwrap();
    let server = listen_on(&world.server);
    server.set_nonblocking(true).unwrap();
    // Some program of the node's, without the mark and with it: there is no such connection.
    for mark in [0, proxy::FROM_EGRESS] {
        let from = SocketAddr::from((CLIENT, 40_000));
        let made = transparent(SockType::Stream, from, mark);
        let stream = TcpStream::from(made);
        stream.set_nonblocking(true).unwrap();
        let to = address(SocketAddr::from((SERVER, PORT)));
        let under_way = connect(stream.as_raw_fd(), &to).unwrap_err();
        assert_eq!(under_way, nix::errno::Errno::EINPROGRESS);
        std::thread::sleep(Duration::from_millis(200));
        let drop = world.event(DROP);
        assert_eq!(drop.ingress, reason::INVALID_SOURCE_IP, "mark {mark:#x}");
    }
    assert!(server.accept().is_err());
}

#[test]
fn datagrams() {
    let mut world = World::up();
    let at = SocketAddr::from(([127, 0, 0, 1], 0));
    let proxy = UdpSocket::from(transparent(SockType::Datagram, at, proxy::FROM_EGRESS));
    proxy.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = port_of(proxy.local_addr().unwrap());
    let desired = egress(&world.node, 17, port);
    world.datapath.apply(&desired).unwrap();
    let resolver = world
        .far
        .run(|| UdpSocket::bind(("0.0.0.0", PORT)).unwrap());
    resolver.set_read_timeout(Some(PATIENCE)).unwrap();
    let client = world.client.run(|| UdpSocket::bind((CLIENT, 0)).unwrap());
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = client.local_addr().unwrap();
    let server = SocketAddr::from((FAR, PORT));
    let mut buffer = [0; 64];
    for round in 0..3 {
        client.send_to(b"query", server).unwrap();
        let (length, from) = proxy.recv_from(&mut buffer).unwrap();
        assert_eq!((length, from), (5, own), "{round}");
        let onward = UdpSocket::from(transparent(SockType::Datagram, own, proxy::FROM_EGRESS));
        onward.set_read_timeout(Some(PATIENCE)).unwrap();
        onward.send_to(b"asked", server).unwrap();
        assert_eq!(resolver.recv_from(&mut buffer).unwrap(), (5, own));
        resolver.send_to(b"told", own).unwrap();
        assert_eq!(onward.recv_from(&mut buffer).unwrap(), (4, server));
        let back = UdpSocket::from(transparent(SockType::Datagram, server, proxy::FROM_EGRESS));
        back.send_to(b"answer", own).unwrap();
        assert_eq!(client.recv_from(&mut buffer).unwrap(), (6, server));
    }
    // A datagram in parts is not the proxy's.
    client.send_to(&[7; 4_000], server).unwrap();
    close(proxy, "udp", port);
    world.events();
    client.send_to(b"query", server).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let dropped = world.event(DROP);
    assert_eq!(dropped.egress, reason::PROXY_LOOKUP_FAILED);
    resolver.set_nonblocking(true).unwrap();
    assert!(
        resolver.recv_from(&mut buffer).is_err(),
        "nothing reached it"
    );
}

#[test]
fn what_no_socket_of_the_proxy_gets_is_counted() {
    let mut world = World::up();
    let at = SocketAddr::from(([127, 0, 0, 1], 0));
    let proxy = UdpSocket::from(transparent(SockType::Datagram, at, proxy::FROM_INGRESS));
    proxy.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = port_of(proxy.local_addr().unwrap());
    let desired = ingress(&world.node, CLIENT_IDENTITY, 17, port);
    world.datapath.apply(&desired).unwrap();
    let missed = |world: &World| {
        let counters = world.datapath.stats().counters().unwrap();
        counters.proxy_missed
    };
    let client = world.client.run(|| UdpSocket::bind((CLIENT, 0)).unwrap());
    let mut buffer = [0; 4_096];
    client.send_to(b"whole", (SERVER, PORT)).unwrap();
    assert_eq!(proxy.recv(&mut buffer).unwrap(), 5);
    assert_eq!(missed(&world), 0);
    // Fragments come together behind the place where sockets are assigned.
    client.send_to(&[0; 3_000], (SERVER, PORT)).unwrap();
    client.send_to(b"behind", (SERVER, PORT)).unwrap();
    assert_eq!(proxy.recv(&mut buffer).unwrap(), 6);
    assert_eq!(missed(&world), 3);
}
