//! The proxy's side of the network: listeners that see the original destination, connections to servers
//! from the client's own address and port, answers from the server's.

mod listen;
mod raw;
mod transparent;

use std::io;
use std::net::SocketAddr;

use abi::proxy;
use futures::future::BoxFuture;
use tokio::net::{TcpStream, UdpSocket};

pub use listen::{
    AdoptError, Datagram, ListenError, Listeners, pause_unless_fatal, receive,
    with_original_destination,
};
pub use transparent::Transparent;

/// Whose rules were judged, and so which mark a packet to the server has: by it the datapath's programs know the
/// proxy's own packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The source's, and perhaps the destination's as well.
    Egress,
    /// The destination's alone.
    Ingress,
}

impl Leg {
    /// Its mark.
    pub fn mark(self) -> u32 {
        match self {
            Self::Egress => proxy::FROM_EGRESS,
            Self::Ingress => proxy::FROM_INGRESS,
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
