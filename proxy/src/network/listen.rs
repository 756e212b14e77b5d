//! Listening sockets to which the datapath assigns what is meant for others.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

use abi::proxy;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4OrigDstAddr, Ipv6OrigDstAddr};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;
/// Until a listener that failed is tried again.
const PAUSE: Duration = Duration::from_millis(50);
/// How often another port is tried, if a family or a transport doesn't have the one that the first got.
const TRIES: u32 = 16;

/// A socket can't be had.
#[derive(Debug, thiserror::Error)]
#[error("listening on {address} ({transport}): {source}{}", hint(source))]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// `TCP` or `UDP`.
    pub transport: &'static str,
    /// What the system says.
    pub source: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "; transparent sockets need CAP_NET_ADMIN or CAP_NET_RAW"
    } else if error.kind() == io::ErrorKind::AddrInUse {
        "; choose another port, or 0"
    } else {
        ""
    }
}

/// Sockets on one port, for each family that the machine has.
#[derive(Debug)]
pub struct Listeners {
    /// For connections.
    pub tcp: Vec<std::net::TcpListener>,
    /// For datagrams; none if they weren't asked for.
    pub udp: Vec<std::net::UdpSocket>,
    /// The port, the same for all.
    pub port: u16,
}

impl Listeners {
    /// Binds to loopback addresses, which other machines don't reach: packets of pods are assigned. With port 0
    /// the system chooses one.
    ///
    /// # Errors
    /// The port is taken, or transparent sockets are not allowed.
    pub fn bind(port: u16, with_udp: bool) -> Result<Self, ListenError> {
        let mut tried = 0;
        loop {
            match Self::bind_once(port, with_udp) {
                Err(error)
                    if port == 0
                        && tried < TRIES
                        && error.source.kind() == io::ErrorKind::AddrInUse =>
                {
                    tried += 1;
                }
                bound => return bound,
            }
        }
    }

    fn bind_once(port: u16, with_udp: bool) -> Result<Self, ListenError> {
        let mut listeners = Self {
            tcp: Vec::new(),
            udp: Vec::new(),
            port,
        };
        for ip in [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ] {
            let address = SocketAddr::new(ip, listeners.port);
            let failed = |transport| {
                move |source| ListenError {
                    address,
                    transport,
                    source,
                }
            };
            let tcp = match tcp(address) {
                // No IPv6 here.
                Err(error)
                    if ip.is_ipv6()
                        && matches!(
                            error.raw_os_error().map(Errno::from_raw),
                            Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)
                        ) =>
                {
                    continue;
                }
                tcp => tcp.map_err(failed("TCP"))?,
            };
            listeners.port = tcp.local_addr().map_err(failed("TCP"))?.port();
            listeners.tcp.push(tcp);
            if with_udp {
                let address = SocketAddr::new(ip, listeners.port);
                listeners.udp.push(udp(address).map_err(failed("UDP"))?);
            }
        }
        Ok(listeners)
    }
}

fn tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = open(address, Type::STREAM)?;
    // What ended a moment ago doesn't keep a successor from the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn udp(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = open(address, Type::DGRAM)?;
    socket.bind(&address.into())?;
    with_original_destination(&socket, address)?;
    Ok(socket.into())
}

fn open(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    socket.set_nonblocking(true)?;
    set_transparent(&socket, address)?;
    // Of a connection that is accepted, too: the datapath knows the proxy's packets by it.
    socket.set_mark(proxy::FROM_INGRESS)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Lets a socket have others' addresses.
///
/// # Errors
/// The process may not.
pub(super) fn set_transparent(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => socket.set_ip_transparent_v4(true),
        SocketAddr::V6(_) => socket.set_ip_transparent_v6(true),
    }
}

/// Has a socket's datagrams tell where they were going to.
///
/// # Errors
/// The system doesn't know the option.
pub fn with_original_destination(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => setsockopt(socket, Ipv4OrigDstAddr, &true)?,
        SocketAddr::V6(_) => setsockopt(socket, Ipv6OrigDstAddr, &true)?,
    }
    Ok(())
}

/// Waits a moment after a listener's failure for want of memory or of file descriptors, which is logged.
///
/// # Errors
/// The listener will never be ready again.
pub async fn pause_unless_fatal(error: io::Error, what: &'static str) -> io::Result<()> {
    let number = error.raw_os_error().map(Errno::from_raw);
    if matches!(
        number,
        Some(Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK | Errno::EOPNOTSUPP)
    ) {
        return Err(error);
    }
    tracing::warn!(%error, "{what}");
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Its bytes in the buffer.
    pub length: usize,
    /// Whose it is.
    pub client: SocketAddr,
    /// Where it was going to.
    pub server: SocketAddr,
}

/// Receives a datagram of a socket [with its original destination](with_original_destination). One without
/// addresses, or longer than the buffer, is passed over.
///
/// # Errors
/// As `recvmsg(2)`.
pub async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Datagram> {
    loop {
        let received = socket
            .async_io(Interest::READABLE, || receive_now(socket, buffer))
            .await?;
        if let Some(datagram) = received {
            return Ok(datagram);
        }
    }
}

fn receive_now(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
    // An address of IPv6, which is the longer one, and whatever else a caller's socket may tell.
    let mut control = [0; 256];
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Ok(None);
    }
    let client = message.address.as_ref().and_then(socket_address);
    let mut server = None;
    for part in message.cmsgs()? {
        if let ControlMessageOwned::Ipv4OrigDstAddr(address) = part {
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            let port = u16::from_be(address.sin_port);
            server = Some(SocketAddrV4::new(ip, port).into());
        } else if let ControlMessageOwned::Ipv6OrigDstAddr(address) = part {
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            let port = u16::from_be(address.sin6_port);
            server = Some(SocketAddrV6::new(ip, port, 0, address.sin6_scope_id).into());
        }
    }
    Ok(client.zip(server).map(|(client, server)| Datagram {
        length: message.bytes,
        client,
        server,
    }))
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().copied();
    let v6 = address.as_sockaddr_in6().copied();
    v4.map(|v4| SocketAddrV4::from(v4).into())
        .or(v6.map(|v6| SocketAddrV6::from(v6).into()))
}
