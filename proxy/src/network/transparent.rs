//! The real network: all that the proxy sends has the address of who said it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;

use futures::future::{BoxFuture, FutureExt as _};
use nix::sys::socket::sockopt::{IpTransparent, Mark, ReuseAddr};
use nix::sys::socket::{SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::{Leg, Network, listen::family, raw::RawSockets};

/// Sockets that are bound to others' addresses. Needs CAP_NET_ADMIN, and CAP_NET_RAW for answers by UDP.
#[derive(Debug, Default)]
pub struct Transparent {
    replies: RawSockets,
}

impl Transparent {
    /// A socket for a connection to a server, bound to the client's address and port.
    fn socket(client: SocketAddr, leg: Leg) -> io::Result<TcpSocket> {
        let socket = match client {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A client may have connections to several servers from one port.
        socket.set_reuseaddr(true)?;
        setsockopt(&socket, IpTransparent, &true)?;
        setsockopt(&socket, Mark, &leg.mark())?;
        socket.bind(client)?;
        Ok(socket)
    }
}

impl Network for Transparent {
    fn connect(
        &self,
        client: SocketAddr,
        server: SocketAddr,
        leg: Leg,
    ) -> BoxFuture<'_, io::Result<TcpStream>> {
        async move {
            let socket = Self::socket(client, leg)?;
            socket.connect(server).await
        }
        .boxed()
    }

    fn datagrams(&self, client: SocketAddr, server: SocketAddr, leg: Leg) -> io::Result<UdpSocket> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(family(client), SockType::Datagram, flags, None)?;
        setsockopt(&socket, ReuseAddr, &true)?;
        setsockopt(&socket, IpTransparent, &true)?;
        setsockopt(&socket, Mark, &leg.mark())?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(client))?;
        let socket = std::net::UdpSocket::from(socket);
        socket.connect(server)?;
        UdpSocket::from_std(socket)
    }

    fn reply(&self, server: SocketAddr, client: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.replies.send(server, client, bytes)
    }
}
