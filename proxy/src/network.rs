//! The proxy's side of the network: listeners that see the original destination, connections to servers
//! from the client's own address and port, answers from the server's.

mod listen;
mod raw;
mod transparent;

use std::io;
use std::net::SocketAddr;

use futures::future::BoxFuture;
use tokio::net::{TcpStream, UdpSocket};

pub use listen::{
    Datagram, ListenError, Listeners, pause_unless_fatal, receive, with_original_destination,
};
pub use transparent::Transparent;

/// The marks of the proxy's own packets, by which the datapath's programs know them (Cilium's numbers:
/// `MARK_MAGIC_PROXY_INGRESS` and `_EGRESS` of `bpf/lib/common.h`).
pub mod mark {
    /// Rules of ingress of the destination were judged as well: nothing is left to judge.
    pub const INGRESS: u32 = abi::proxy::FROM_INGRESS;
    /// Rules of egress of the source were judged; those of ingress, if any, are still to be.
    pub const EGRESS: u32 = abi::proxy::FROM_EGRESS;
}

/// Which rules were judged last, and so which mark a packet to the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The source's.
    Egress,
    /// The destination's.
    Ingress,
}

impl Leg {
    /// Its mark.
    pub fn mark(self) -> u32 {
        match self {
            Self::Egress => mark::EGRESS,
            Self::Ingress => mark::INGRESS,
        }
    }
}

/// How servers are reached, and clients answered.
pub trait Network: Send + Sync + 'static {
    /// Connects to the server as the client.
    ///
    /// # Errors
    /// As `connect(2)` and `bind(2)`. How long it may take is the caller's.
    fn connect(
        &self,
        client: SocketAddr,
        server: SocketAddr,
        leg: Leg,
    ) -> BoxFuture<'_, io::Result<TcpStream>>;

    /// A socket for datagrams as if from the client to the server, connected.
    ///
    /// # Errors
    /// As `bind(2)`: the address and port are taken.
    fn datagrams(&self, client: SocketAddr, server: SocketAddr, leg: Leg) -> io::Result<UdpSocket>;

    /// Sends a datagram to the client as if from the server. Never waits.
    ///
    /// # Errors
    /// As `sendmsg(2)`.
    fn reply(&self, server: SocketAddr, client: SocketAddr, bytes: &[u8]) -> io::Result<()>;
}
