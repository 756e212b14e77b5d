//! Transparent sockets: servers see the client, clients the server.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::Duration;

use l7::names::NameSpec;
use l7::rules::{
    Allows, Alternative, Binding, Direction, Peers, Protocol, RuleRef, Rules, SetSpec, Snapshot,
    VERSION,
};
use nix::sys::socket::sockopt::{ReceiveTimeout, ReuseAddr};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike as _};
use proxy::carrier::Carrier;
use proxy::context::Context;
use proxy::control::Ports;
use proxy::dns::{NameOrder, UdpServer};
use proxy::limits::Limits;
use proxy::names::{LearnError, Learned, Names};
use proxy::network::{Listeners, Transparent};
use proxy::record::Records;
use proxy::rules::RuleStore;

use futures::future::{BoxFuture, FutureExt as _};

use super::pods::{Pod, assign, at, node, packets, world};

const PATIENCE: Duration = Duration::from_secs(30);

/// Everything is in force at once.
struct Nobody;

impl Names for Nobody {
    fn learn(&self, _: Learned) -> BoxFuture<'_, Result<(), LearnError>> {
        async { Ok(()) }.boxed()
    }
}

/// Everything but DNS of other names than `example`'s is allowed.
fn rules() -> Rules {
    let name = NameSpec {
        match_pattern: Some("*.example".into()),
        ..NameSpec::default()
    };
    let set = |allows| SetSpec {
        alternatives: vec![Alternative {
            rule: RuleRef(1),
            peers: Peers::Any,
            is_wide: false,
            allows,
        }],
    };
    let binding = |endpoint, direction, protocol, port, set| Binding {
        endpoint,
        direction,
        protocol,
        first_port: port,
        last_port: port,
        set,
    };
    let snapshot = Snapshot {
        version: VERSION,
        revision: 1,
        sets: vec![set(Allows::Everything), set(Allows::Dns(vec![name]))],
        bindings: vec![
            binding(1, Direction::Egress, Protocol::Tcp, 8080, 0),
            binding(2, Direction::Ingress, Protocol::Tcp, 8080, 0),
            binding(1, Direction::Egress, Protocol::Tcp, 53, 1),
            binding(1, Direction::Egress, Protocol::Udp, 53, 1),
        ],
    };
    Rules::compile(&snapshot, None).unwrap()
}

/// Serves the node until the program ends, on a thread of its own in the node's namespace.
fn serve() -> Arc<Context> {
    let connections = Listeners::bind(0, false).unwrap();
    let dns = Listeners::bind(0, true).unwrap();
    assert_eq!((dns.tcp.len(), dns.udp.len()), (2, 2), "both families");
    assign(Ports {
        tcp: connections.port,
        dns: dns.port,
    });
    let rules = RuleStore::default();
    rules.replace(self::rules());
    let context = Context::new(
        world(),
        Arc::new(rules),
        Arc::new(Transparent::default()),
        Arc::new(Nobody),
        Records::new(1_000),
        Limits::default(),
    );
    let order = Arc::new(NameOrder::default());
    let carrier = Arc::new(Carrier {
        context: Arc::clone(&context),
        order: Arc::clone(&order),
        http: None,
    });
    let udp = UdpServer::new(Arc::clone(&context), order);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let tcp = connections.tcp.into_iter().chain(dns.tcp).map(|listener| {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                Arc::clone(&carrier).serve(listener)
            });
            let udp = dns.udp.into_iter().map(|socket| {
                let socket = tokio::net::UdpSocket::from_std(socket).unwrap();
                Arc::clone(&udp).serve(socket)
            });
            let (tcp, udp) = (
                futures::future::join_all(tcp),
                futures::future::join_all(udp),
            );
            tokio::join!(tcp, udp)
        })
    });
    context
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A listener that doesn't wait for ever.
fn bounded(listener: TcpListener) -> TcpListener {
    let patience = TimeVal::seconds(PATIENCE.as_secs().try_into().unwrap());
    setsockopt(&listener, ReceiveTimeout, &patience).unwrap();
    listener
}

/// A listener in a pod.
fn listener(pod: &Pod, address: SocketAddr) -> TcpListener {
    bounded(pod.run(move || TcpListener::bind(address).unwrap()))
}

/// A connection from a pod's port, as soon as it can be had.
fn connected(pod: &Pod, from: SocketAddr, to: SocketAddr) -> TcpStream {
    let family = match from {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let stream = pod.run(move || {
        let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        setsockopt(&socket, ReuseAddr, &true).unwrap();
        bind(socket.as_raw_fd(), &SockaddrStorage::from(from)).unwrap();
        connect(socket.as_raw_fd(), &SockaddrStorage::from(to)).unwrap();
        TcpStream::from(socket)
    });
    patient(stream)
}

fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let (stream, from) = listener.accept().unwrap();
    (patient(stream), from)
}

fn exchange(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).unwrap();
    let mut got = vec![0; bytes.len()];
    to.read_exact(&mut got).unwrap();
    assert_eq!(got, bytes);
}

#[test]
fn a_server_sees_the_clients_own_address_and_port() {
    let [first, second] = node();
    let context = serve();
    for (client, server) in first.addresses.into_iter().zip(second.addresses) {
        let listener = listener(&second, at(server, 8080));
        let from = at(client, 40_000);
        // Its port is used again at once, whoever ended the connection before and how.
        for ends in ["server", "client resets", "server resets", "nobody"] {
            let mut stream = connected(&first, from, at(server, 8080));
            assert_eq!(stream.peer_addr().unwrap(), at(server, 8080));
            let (mut served, seen) = accepted(&listener);
            assert_eq!(seen, from, "{ends}");
            exchange(&mut stream, &mut served, b"question");
            exchange(&mut served, &mut stream, b"answer");
            match ends {
                "server" => {
                    drop(served);
                    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                }
                "client resets" => {
                    reset(stream);
                    let error = served.read(&mut [0]).unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                }
                "server resets" => {
                    reset(served);
                    let error = stream.read(&mut [0]).unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                }
                _ => {}
            }
        }
    }
    // To the server, and back to the client.
    assert!(packets("egress") > 0 && packets("ingress") > 0);
    assert_eq!(context.counters.connections.get(), 8);
    assert_eq!(context.counters.connects_failed.get(), 0);
}

fn reset(stream: TcpStream) {
    let linger = nix::libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(&stream, nix::sys::socket::sockopt::Linger, &linger).unwrap();
    drop(stream);
}

/// A query for a name of one label below `example` or another one.
fn query(id: u16, domain: &str) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a']);
    bytes.push(u8::try_from(domain.len()).unwrap());
    bytes.extend(domain.as_bytes());
    bytes.extend([0, 0, 16, 0, 1]);
    bytes
}

/// Its answer, with so many bytes of text.
fn answer(query: &[u8], text: usize) -> Vec<u8> {
    let mut bytes = query.to_vec();
    bytes[2] = 0x81;
    let strings = vec![200; 201].repeat(text / 201);
    bytes[7] = 1;
    bytes.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 9]);
    bytes.extend(u16::try_from(strings.len()).unwrap().to_be_bytes());
    bytes.extend(strings);
    bytes
}

fn socket_at(pod: &Pod, address: SocketAddr) -> UdpSocket {
    let socket = pod.run(move || UdpSocket::bind(address).unwrap());
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn datagrams_have_the_addresses_of_who_said_them() {
    let [first, second] = node();
    serve();
    let mut buffer = vec![0; 65_536];
    for (client, server) in first.addresses.into_iter().zip(second.addresses) {
        let resolver = socket_at(&second, at(server, 53));
        let from = at(client, 41_000);
        let socket = socket_at(&first, from);
        // Nothing but the server's own answers get to it.
        socket.connect(at(server, 53)).unwrap();
        for (id, text) in [(1, 201), (2, 8_040), (3, 40_200)] {
            let query = query(id, "example");
            socket.send(&query).unwrap();
            let (length, seen) = resolver.recv_from(&mut buffer).unwrap();
            assert_eq!(seen, from);
            assert_eq!(buffer[2..length], query[2..]);
            let reply = answer(&buffer[..length], text);
            // In fragments, there and on.
            resolver.send_to(&reply, seen).unwrap();
            let length = socket.recv(&mut buffer).unwrap();
            assert!(buffer[..length] == answer(&query, text), "{id}");
        }
        socket.send(&query(4, "org")).unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        assert_eq!(
            (length, &buffer[..4]),
            (query(4, "org").len(), &[0, 4, 0x81, 5][..])
        );
    }
    assert!(packets("egress") > 0);
}

#[test]
fn servers_on_the_node_itself_are_reached_and_keep_their_packets() {
    let [first, _second] = node();
    serve();
    let mut buffer = vec![0; 512];
    for client in first.addresses {
        // The node's end of the pod's link.
        let server = match client {
            std::net::IpAddr::V4(_) => "10.9.1.1".parse().unwrap(),
            std::net::IpAddr::V6(_) => "fd09:1::1".parse().unwrap(),
        };
        let resolver = UdpSocket::bind(at(server, 53)).unwrap();
        resolver.set_read_timeout(Some(PATIENCE)).unwrap();
        let socket = socket_at(&first, at(client, 0));
        socket.connect(at(server, 53)).unwrap();
        for id in [1, 2] {
            let query = query(id, "example");
            socket.send(&query).unwrap();
            let (length, seen) = resolver.recv_from(&mut buffer).unwrap();
            let reply = answer(&buffer[..length], 201);
            resolver.send_to(&reply, seen).unwrap();
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..length], answer(&query, 201));
            // What isn't assigned comes to it, though its address was answered for.
            let other = UdpSocket::bind(at(server, 0)).unwrap();
            other.send_to(b"direct", at(server, 53)).unwrap();
            assert_eq!(resolver.recv(&mut buffer).unwrap(), 6);
        }
        let listener = bounded(TcpListener::bind(at(server, 8080)).unwrap());
        let mut stream = connected(&first, at(client, 42_000), at(server, 8080));
        let (mut served, _) = accepted(&listener);
        exchange(&mut stream, &mut served, b"question");
        exchange(&mut served, &mut stream, b"answer");
    }
}

#[test]
fn dns_by_tcp_from_the_port_of_the_client() {
    let [first, second] = node();
    serve();
    let (client, server) = (first.addresses[0], second.addresses[0]);
    let listener = listener(&second, at(server, 53));
    let mut stream = connected(&first, at(client, 43_000), at(server, 53));
    let query = query(7, "example");
    let framed = |message: &[u8]| {
        let length = u16::try_from(message.len()).unwrap();
        [&length.to_be_bytes(), message].concat()
    };
    stream.write_all(&framed(&query)).unwrap();
    let (mut served, seen) = accepted(&listener);
    assert_eq!(seen, at(client, 43_000));
    let mut passed = vec![0; framed(&query).len()];
    served.read_exact(&mut passed).unwrap();
    served
        .write_all(&framed(&answer(&passed[2..], 402)))
        .unwrap();
    let wanted = framed(&answer(&query, 402));
    let mut got = vec![0; wanted.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, wanted);
}
