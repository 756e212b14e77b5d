//! The real network: all that the proxy sends has the address of who said it.
//!
//! But to a server in the proxy's own namespace (on the node's network): its answers to the client's address
//! would leave for the client itself, past the proxy. It sees the node's address, as with Cilium.

use std::io;
use std::net::{IpAddr, SocketAddr};

use futures::future::{BoxFuture, FutureExt as _};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::listen::set_transparent;
use super::raw::RawSockets;
use super::{Leg, Network};

/// Sockets that are bound to others' addresses. Needs CAP_NET_ADMIN, and CAP_NET_RAW for answers by UDP.
#[derive(Debug, Default)]
pub struct Transparent {
    replies: RawSockets,
}

/// Gives a socket to a server its mark and, unless the server is here, the client's address and port.
fn prepare(
    socket: SockRef<'_>,
    client: SocketAddr,
    server: SocketAddr,
    leg: Leg,
) -> io::Result<()> {
    socket.set_mark(leg.mark())?;
    if is_local(server.ip()) {
        return Ok(());
    }
    // A client may have several servers at one port.
    socket.set_reuse_address(true)?;
    set_transparent(&socket, client)?;
    socket.bind(&client.into())
}

/// Whether an address is one of this namespace: only then a socket without further rights can be bound to it.
fn is_local(ip: IpAddr) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}

impl Network for Transparent {
    fn connect(
        &self,
        client: SocketAddr,
        server: SocketAddr,
        leg: Leg,
    ) -> BoxFuture<'_, io::Result<TcpStream>> {
        async move {
            let socket = match client {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            prepare((&socket).into(), client, server, leg)?;
            socket.connect(server).await
        }
        .boxed()
    }

    fn datagrams(&self, client: SocketAddr, server: SocketAddr, leg: Leg) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(client), Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        prepare((&socket).into(), client, server, leg)?;
        socket.connect(&server.into())?;
        UdpSocket::from_std(socket.into())
    }

    fn reply(&self, server: SocketAddr, client: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.replies.send(server, client, bytes)
    }
}
