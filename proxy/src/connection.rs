//! A client's connection: who it is between, how its server is reached, and what is reported of it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::SystemTime;

use l7::rules::{Denial, Direction, PeerKind, Protocol, Rules};
use nix::sys::socket::{Shutdown, shutdown};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::context::Context;
use crate::hop::{Hop, Kind};
use crate::network::Leg;
use crate::record::{Layer7, Record};
use crate::room::ClientRoom;

/// A connection that was accepted.
pub struct Connection {
    /// Of the proxy.
    pub context: Arc<Context>,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's, as the client wrote it.
    pub server: SocketAddr,
    /// When it was accepted.
    pub began: SystemTime,
}

impl Connection {
    /// Who its ends are now.
    pub fn hop(&self) -> Hop {
        let world = &*self.context.world;
        Hop::new(world, Protocol::Tcp, self.client, self.server)
    }

    /// Room for what its readers don't take.
    pub fn room(&self) -> ClientRoom {
        self.context.room.of(self.client.ip())
    }

    /// A record of the connection as such.
    pub fn record(&self, direction: Direction) -> Record {
        Record::request(self.began, self.hop(), direction, Layer7::Connection)
    }

    /// Connects to the server as the client. `None`: it can't be reached, and that was reported.
    pub async fn connect(&self) -> Option<TcpStream> {
        let hop = self.hop();
        let limit = self.context.limits.connect;
        let connecting = async {
            let leg = leg(&hop, &self.context.rules.load());
            let stream = self
                .context
                .network
                .connect(self.client, self.server, leg)
                .await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };
        let reason = match timeout(limit, connecting).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => format!("connecting to the server: {error}"),
            Err(_elapsed) => format!(
                "connecting to the server: no answer within {} s",
                limit.as_secs_f32()
            ),
        };
        self.context.counters.connects_failed.add();
        let record = self.record(hop.direction()).failed(reason);
        self.context.records.push(record);
        None
    }

    /// Tells why the connection is reset: its rules say what `kind` is.
    pub fn report_refused(&self, rules: &Rules, kind: Kind) {
        let hop = self.hop();
        let records = &self.context.records;
        let failed = |reason| records.push(self.record(hop.direction()).failed(reason));
        match kind {
            Kind::NoRules => failed("no rules for this port at either end"),
            Kind::SidesDiffer => failed("the rules of its two ends are of different protocols"),
            Kind::Is(PeerKind::NotSelected) => {
                for (side, set) in hop.judges(rules) {
                    if set.peer_kind(side.peer) == PeerKind::NotSelected {
                        let denial = Denial { nearest: None };
                        records.push(self.record(side.direction).denied(&denial));
                    }
                }
            }
            Kind::Is(PeerKind::Conflict) => {
                failed("rules of several protocols select this peer on one port");
            }
            Kind::Is(PeerKind::Http) => failed("its rules are of HTTP, which can't be judged here"),
            Kind::Is(PeerKind::Kafka) => {
                failed("its rules are of Kafka, which can't be judged here");
            }
            Kind::Is(PeerKind::Dns) => failed("its rules are of DNS, which can't be judged here"),
            Kind::Is(PeerKind::Tls) => failed("its rules are of TLS, which can't be judged here"),
            Kind::Is(PeerKind::Plain) => {}
        }
    }

    /// Whether the rules no longer allow a connection on which `carried` is spoken, or one without rules of layer 7
    /// if that is plain: its peer isn't selected, or it would have to be judged from its middle. That is reported. A
    /// port without any rules is no longer redirected: what is open goes on.
    pub fn is_refused(&self, rules: &Rules, carried: PeerKind) -> bool {
        match self.hop().kind(rules) {
            Kind::NoRules | Kind::Is(PeerKind::Plain) => false,
            Kind::Is(kind) if kind == carried => false,
            kind @ (Kind::Is(_) | Kind::SidesDiffer) => {
                self.report_refused(rules, kind);
                true
            }
        }
    }

    /// Resolves when `refused` finds something in the rules: it is asked now, and whenever they were replaced.
    pub async fn until_refused<T>(&self, mut refused: impl FnMut(&Rules) -> Option<T>) -> T {
        let mut replaced = self.context.rules.watch();
        loop {
            if let Some(found) = refused(&self.context.rules.load()) {
                return found;
            }
            if replaced.changed().await.is_err() {
                // There will be no others.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Whose rules are judged.
pub fn leg(hop: &Hop, rules: &Rules) -> Leg {
    // The source's come first.
    let first = hop.judges(rules).next().map(|(side, _)| side.direction);
    match first {
        Some(Direction::Ingress) => Leg::Ingress,
        Some(Direction::Egress) | None => Leg::Egress,
    }
}

/// Ends a connection with a reset, as far as its socket allows.
pub fn reset(stream: TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection is closed where it should be reset");
    }
}

/// Tells the other end that nothing more comes.
///
/// # Errors
/// The connection is gone.
pub fn end_writing(stream: &TcpStream) -> io::Result<()> {
    Ok(shutdown(stream.as_raw_fd(), Shutdown::Write)?)
}

/// Writes all of it.
///
/// # Errors
/// The connection is gone.
pub async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
