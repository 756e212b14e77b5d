//! A proxy with a network, a world and names that a test decides.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use l7::rules::{
    Allows, Alternative, Binding, Direction, Peers, Protocol, RuleRef, Rules, SetSpec, Snapshot,
    VERSION,
};
use proxy::carrier::{Carrier, HttpServer};
use proxy::context::Context;
use proxy::dns::{NameOrder, UdpServer};
use proxy::limits::Limits;
use proxy::names::{LearnError, Learned, Names};
use proxy::network::{Leg, Network, with_original_destination};
use proxy::record::{Entry, Reader, Record, Records};
use proxy::rules::RuleStore;
use proxy::world::{End, WORLD, World};
use testing::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A pod that asks.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// A pod that is asked.
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
/// Somebody of whom nothing is known.
pub(crate) const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));
pub(crate) const CLIENT_ENDPOINT: u32 = 7;
pub(crate) const SERVER_ENDPOINT: u32 = 9;
pub(crate) const CLIENT_IDENTITY: u32 = 1007;
pub(crate) const SERVER_IDENTITY: u32 = 1009;

/// Two pods.
struct Pods;

impl World for Pods {
    fn end(&self, address: IpAddr) -> End {
        let pods = [
            (CLIENT, CLIENT_IDENTITY, CLIENT_ENDPOINT),
            (SERVER, SERVER_IDENTITY, SERVER_ENDPOINT),
        ];
        let pod = pods.into_iter().find(|(own, _, _)| *own == address);
        let (identity, endpoint) = pod.map_or((WORLD, None), |(_, identity, endpoint)| {
            (identity, Some(endpoint))
        });
        End { identity, endpoint }
    }
}

/// Original destinations and where they really are.
#[derive(Default)]
pub(crate) struct Redirected {
    real: Mutex<HashMap<SocketAddr, SocketAddr>>,
    /// Sockets that answer for addresses.
    replies: Mutex<HashMap<SocketAddr, std::net::UdpSocket>>,
    /// Which leg each connection had.
    pub(crate) legs: Mutex<Vec<Leg>>,
}

impl Redirected {
    fn real(&self, server: SocketAddr) -> io::Result<SocketAddr> {
        let real = self.real.lock().unwrap().get(&server).copied();
        real.ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }
}

impl Network for Redirected {
    fn connect(
        &self,
        _: SocketAddr,
        server: SocketAddr,
        leg: Leg,
    ) -> BoxFuture<'_, io::Result<TcpStream>> {
        async move {
            self.legs.lock().unwrap().push(leg);
            TcpStream::connect(self.real(server)?).await
        }
        .boxed()
    }

    fn datagrams(&self, _: SocketAddr, server: SocketAddr, leg: Leg) -> io::Result<UdpSocket> {
        self.legs.lock().unwrap().push(leg);
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        socket.connect(self.real(server)?)?;
        UdpSocket::from_std(socket)
    }

    fn reply(&self, server: SocketAddr, client: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let replies = self.replies.lock().unwrap();
        replies[&server].send_to(bytes, client).map(drop)
    }
}

/// What was learned, and what the answer to it is.
#[derive(Default)]
pub(crate) struct Agent {
    pub(crate) learned: Mutex<Vec<Learned>>,
    /// None: in force at once.
    pub(crate) refuses: Mutex<Option<LearnError>>,
    /// Held by a test that delays.
    pub(crate) gate: tokio::sync::Mutex<()>,
}

impl Names for Agent {
    fn learn(&self, learned: Learned) -> BoxFuture<'_, Result<(), LearnError>> {
        async move {
            self.learned.lock().unwrap().push(learned);
            drop(self.gate.lock().await);
            self.refuses.lock().unwrap().clone().map_or(Ok(()), Err)
        }
        .boxed()
    }
}

/// A proxy that serves one address.
pub(crate) struct Rig {
    pub(crate) context: Arc<Context>,
    pub(crate) network: Arc<Redirected>,
    pub(crate) agent: Arc<Agent>,
    /// The server's address as clients know it.
    pub(crate) address: SocketAddr,
    reader: Reader,
    pub(crate) tasks: JoinSet<()>,
    /// Of the proxy's order of names.
    order: Arc<NameOrder>,
    revision: u64,
}

/// Rules of one side.
pub(crate) struct Side(pub(crate) Direction, pub(crate) Vec<(Peers, Allows)>);

/// The client's rules for everybody.
pub(crate) fn egress(allows: Allows) -> Side {
    Side(Direction::Egress, vec![(Peers::Any, allows)])
}

/// The server's rules for everybody.
pub(crate) fn ingress(allows: Allows) -> Side {
    Side(Direction::Ingress, vec![(Peers::Any, allows)])
}

fn snapshot(revision: u64, sides: Vec<Side>) -> Snapshot {
    let mut snapshot = Snapshot {
        version: VERSION,
        revision,
        sets: Vec::new(),
        bindings: Vec::new(),
    };
    let mut rule = 100;
    for Side(direction, alternatives) in sides {
        let set = u32::try_from(snapshot.sets.len()).unwrap();
        let alternatives = alternatives.into_iter().map(|(peers, allows)| {
            rule += 1;
            Alternative {
                rule: RuleRef(rule),
                peers,
                is_wide: false,
                allows,
            }
        });
        snapshot.sets.push(SetSpec {
            alternatives: alternatives.collect(),
        });
        let endpoint = match direction {
            Direction::Egress => CLIENT_ENDPOINT,
            Direction::Ingress => SERVER_ENDPOINT,
        };
        snapshot
            .bindings
            .extend([Protocol::Tcp, Protocol::Udp].map(|protocol| Binding {
                endpoint,
                direction,
                protocol,
                first_port: 1,
                last_port: u16::MAX,
                set,
            }));
    }
    snapshot
}

impl Rig {
    /// For connections. Nothing is behind it yet.
    pub(crate) async fn new(sides: Vec<Side>) -> Self {
        Self::with(Limits::default(), sides).await
    }

    pub(crate) async fn with(limits: Limits, sides: Vec<Side>) -> Self {
        Self::carrying(limits, None, sides).await
    }

    /// With what carries HTTP.
    pub(crate) async fn carrying(
        limits: Limits,
        http: Option<Arc<dyn HttpServer>>,
        sides: Vec<Side>,
    ) -> Self {
        let mut rig = Self::in_world(limits, http, Arc::new(Pods)).await;
        rig.set(sides);
        rig
    }

    /// Where a test says who the client and the server are. There are no rules yet.
    pub(crate) async fn in_world(
        limits: Limits,
        http: Option<Arc<dyn HttpServer>>,
        world: Arc<dyn World>,
    ) -> Self {
        let listener = TcpListener::bind((SERVER, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (network, agent) = (Arc::new(Redirected::default()), Arc::new(Agent::default()));
        let records = Records::new(100_000);
        let reader = records.reader();
        let context = Context::new(
            world,
            Arc::new(RuleStore::default()),
            Arc::clone(&network) as _,
            Arc::clone(&agent) as _,
            records,
            limits,
        );
        let order = Arc::new(NameOrder::default());
        let carrier = Arc::new(Carrier {
            context: Arc::clone(&context),
            order: Arc::clone(&order),
            http,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { carrier.serve(listener).await.unwrap() });
        Self {
            context,
            network,
            agent,
            address,
            reader,
            tasks,
            order,
            revision: 0,
        }
    }

    /// Puts other rules in force.
    pub(crate) fn set(&mut self, sides: Vec<Side>) {
        self.revision += 1;
        let rules = Rules::compile(&snapshot(self.revision, sides), None).unwrap();
        self.context.rules.replace(rules);
    }

    /// Puts a server behind the address, and returns its listener.
    pub(crate) async fn server(&self) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let real = listener.local_addr().unwrap();
        self.network.real.lock().unwrap().insert(self.address, real);
        listener
    }

    /// Serves the address by UDP, too, and puts a server behind it.
    pub(crate) async fn udp_server(&mut self) -> UdpSocket {
        let listener = std::net::UdpSocket::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        with_original_destination(&listener, self.address).unwrap();
        let replies = listener.try_clone().unwrap();
        self.network
            .replies
            .lock()
            .unwrap()
            .insert(self.address, replies);
        let listener = UdpSocket::from_std(listener).unwrap();
        let udp = UdpServer::new(Arc::clone(&self.context), Arc::clone(&self.order));
        self.tasks
            .spawn(async move { udp.serve(listener).await.unwrap() });
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let real = server.local_addr().unwrap();
        self.network.real.lock().unwrap().insert(self.address, real);
        server
    }

    /// A connection of the client.
    pub(crate) async fn client(&self) -> TcpStream {
        self.client_from(CLIENT).await
    }

    pub(crate) async fn client_from(&self, address: IpAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        within(socket.connect(self.address)).await.unwrap()
    }

    /// A socket of the client, connected to the server.
    pub(crate) async fn udp_client(&self) -> UdpSocket {
        let socket = UdpSocket::bind((CLIENT, 0)).await.unwrap();
        socket.connect(self.address).await.unwrap();
        socket
    }

    /// The next records, so many.
    pub(crate) async fn records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        while records.len() < count {
            let entries = within(self.reader.next(count - records.len())).await;
            for entry in entries.expect("there is one reader") {
                match entry {
                    Entry::Record(record) => records.push(record),
                    Entry::Lost(lost) => panic!("{lost} records lost"),
                }
            }
        }
        records
    }

    /// The next record.
    pub(crate) async fn record(&mut self) -> Record {
        self.records(1).await.remove(0)
    }
}

/// What must happen soon.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it happens in time")
}

/// Reads so many bytes.
pub(crate) async fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    within(stream.read_exact(&mut bytes)).await.unwrap();
    bytes
}

/// Sends bytes.
pub(crate) async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    within(stream.write_all(bytes)).await.unwrap();
}

/// Waits until a connection is reset.
pub(crate) async fn is_reset(stream: &mut TcpStream) {
    let mut bytes = [0; 1024];
    loop {
        match within(stream.read(&mut bytes)).await {
            Ok(0) => panic!("closed, not reset"),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                return;
            }
        }
    }
}

/// Waits until a connection is closed in order.
pub(crate) async fn is_closed(stream: &mut TcpStream) {
    let mut bytes = [0; 1024];
    while within(stream.read(&mut bytes)).await.unwrap() > 0 {}
}

/// A short while, where nothing should happen.
pub(crate) const SHORT: Duration = Duration::from_millis(100);
