//! The proxy: the carrier of flows-proxy, with one rule.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use futures::future::{BoxFuture, FutureExt as _};
use l7::http::RuleSpec;
use l7::names::NameSpec;
use l7::rules::{
    Allows, Alternative, Binding, Direction, Peers, Protocol, RuleRef, Rules, SetSpec, Snapshot,
    VERSION,
};
use proxy::carrier::Carrier;
use proxy::context::Context;
use proxy::dns::{NameOrder, UdpServer};
use proxy::http::HttpConnections;
use proxy::limits::Limits;
use proxy::names::{LearnError, Learned, Names};
use proxy::network::{Leg, Network, with_original_destination};
use proxy::record::Records;
use proxy::rules::RuleStore;
use proxy::world::{End, WORLD, World};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::role::tell;

/// The pod that asks.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// The server, as the pod knows it.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
const ENDPOINT: u32 = 7;

struct Pods;

impl World for Pods {
    fn end(&self, address: IpAddr) -> End {
        End {
            identity: if address == CLIENT { 1007 } else { WORLD },
            endpoint: (address == CLIENT).then_some(ENDPOINT),
        }
    }
}

/// Where the server really is, and what answers for it by UDP.
struct Redirected {
    server: SocketAddr,
    replies: OnceLock<std::net::UdpSocket>,
}

impl Network for Redirected {
    fn connect(
        &self,
        _: SocketAddr,
        _: SocketAddr,
        _: Leg,
    ) -> BoxFuture<'_, io::Result<TcpStream>> {
        TcpStream::connect(self.server).boxed()
    }

    fn datagrams(&self, _: SocketAddr, _: SocketAddr, _: Leg) -> io::Result<UdpSocket> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        socket.connect(self.server)?;
        UdpSocket::from_std(socket)
    }

    fn reply(&self, _: SocketAddr, client: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let replies = self.replies.get().unwrap();
        replies.send_to(bytes, client).map(drop)
    }
}

/// Addresses are in force at once: what the agent takes for it is no part of this.
struct AtOnce;

impl Names for AtOnce {
    fn learn(&self, _: Learned) -> BoxFuture<'_, Result<(), LearnError>> {
        async { Ok(()) }.boxed()
    }
}

pub(crate) fn http() -> Allows {
    Allows::Http(vec![RuleSpec {
        method: Some("GET".into()),
        path: Some("/public.*".into()),
        ..RuleSpec::default()
    }])
}

pub(crate) fn dns() -> Allows {
    Allows::Dns(vec![NameSpec {
        match_pattern: Some("*.example".into()),
        ..NameSpec::default()
    }])
}

pub(crate) fn kafka() -> Allows {
    Allows::Kafka(vec![l7::kafka::RuleSpec {
        role: Some("produce".into()),
        topic: Some("bench".into()),
        ..l7::kafka::RuleSpec::default()
    }])
}

fn compile(snapshot: &Snapshot) -> Rules {
    Rules::compile(snapshot, None).unwrap()
}

fn read(file: &Path) -> Snapshot {
    Snapshot::from_json(&std::fs::read(file).unwrap()).unwrap()
}

fn snapshot(allows: Allows) -> Snapshot {
    let bindings = [Protocol::Tcp, Protocol::Udp].map(|protocol| Binding {
        endpoint: ENDPOINT,
        direction: Direction::Egress,
        protocol,
        first_port: 1,
        last_port: u16::MAX,
        set: 0,
    });
    Snapshot {
        version: VERSION,
        revision: 1,
        sets: vec![SetSpec {
            alternatives: vec![Alternative {
                rule: RuleRef(1),
                peers: Peers::Any,
                is_wide: false,
                allows,
            }],
        }],
        bindings: bindings.into(),
    }
}

/// Serves until the process is killed, by these rules or, if there is one, those of a file.
pub(crate) async fn serve(allows: Allows, server: SocketAddr, file: Option<PathBuf>) {
    // As flows-proxy: without it each span of h2 costs what only spans that are told of cost.
    serve::process::log();
    let is_dns = matches!(allows, Allows::Dns(_));
    let listener = TcpListener::bind((SERVER, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let network = Arc::new(Redirected {
        server,
        replies: OnceLock::new(),
    });
    let rules = RuleStore::default();
    rules.replace(compile(
        &file.map_or_else(|| snapshot(allows), |file| read(&file)),
    ));
    let records = Records::new(65_536);
    let mut reader = records.reader();
    tokio::spawn(async move { while reader.next(256).await.is_some() {} });
    let context = Context::new(
        Arc::new(Pods),
        Arc::new(rules),
        Arc::clone(&network) as _,
        Arc::new(AtOnce),
        records,
        Limits::default(),
    );
    let order = Arc::new(NameOrder::default());
    if is_dns {
        let socket = std::net::UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        with_original_destination(&socket, address).unwrap();
        network.replies.set(socket.try_clone().unwrap()).unwrap();
        let datagrams = UdpServer::new(Arc::clone(&context), Arc::clone(&order));
        let socket = UdpSocket::from_std(socket).unwrap();
        tokio::spawn(async move { datagrams.serve(socket).await.unwrap() });
    }
    let carrier = Arc::new(Carrier {
        context,
        order,
        http: Some(Arc::new(HttpConnections::default())),
    });
    tell(address);
    carrier.serve(listener).await.unwrap();
}
