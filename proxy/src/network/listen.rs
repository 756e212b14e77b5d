//! Listening sockets to which the datapath assigns what is meant for others.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

use abi::proxy;
use listenfd::ListenFd;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4OrigDstAddr, Ipv6OrigDstAddr, RcvBufForce};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;
/// Until a listener that failed is tried again.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes of queries that wait while nobody reads them: some thousands, what arrives until a proxy that ended is back.
const WAITING_QUERIES: usize = 8 << 20;
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

/// Sockets that were handed over can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// What they should be, and aren't.
    #[error(
        "the {found} sockets that were handed over (LISTEN_FDS) have none {missing}: there must be a TCP and a UDP \
         socket on one port, for DNS, and a TCP socket on another one, for connections"
    )]
    Missing {
        /// What for.
        missing: &'static str,
        /// How many there are.
        found: usize,
    },
    /// One is of another kind, or refuses an option.
    #[error("socket {index} of those that were handed over (LISTEN_FDS): {source}")]
    Socket {
        /// Which, from 0.
        index: usize,
        /// What is wrong.
        source: io::Error,
    },
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
    /// Takes over what this process was started with, by a supervisor or by systemd: those for connections, and those
    /// for DNS, which are on the port of the UDP sockets. `None`: it was started with none. To be called before there is
    /// a second thread.
    ///
    /// # Errors
    /// They are not what is needed.
    pub fn adopt() -> Result<Option<[Self; 2]>, AdoptError> {
        let mut handed = ListenFd::from_env();
        let found = handed.len();
        if found == 0 {
            return Ok(None);
        }
        let (mut streams, mut datagrams) = (Vec::new(), Vec::new());
        for index in 0..found {
            let failed = |source| AdoptError::Socket { index, source };
            if let Ok(Some(udp)) = handed.take_udp_socket(index) {
                let address = udp.local_addr().map_err(failed)?;
                prepare_udp(&udp, address).map_err(failed)?;
                datagrams.push((address.port(), udp));
                continue;
            }
            let tcp = handed.take_tcp_listener(index).map_err(failed)?;
            if let Some(tcp) = tcp {
                let address = tcp.local_addr().map_err(failed)?;
                prepare(SockRef::from(&tcp), address).map_err(failed)?;
                streams.push((address.port(), tcp));
            }
        }
        sort(streams, datagrams, found).map(Some)
    }

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

/// Those for connections, and those for DNS.
fn sort(
    streams: Vec<(u16, std::net::TcpListener)>,
    datagrams: Vec<(u16, std::net::UdpSocket)>,
    found: usize,
) -> Result<[Listeners; 2], AdoptError> {
    let missing = |missing| move || AdoptError::Missing { missing, found };
    let dns = datagrams.first().map(|(port, _)| *port);
    let dns = dns.ok_or_else(missing("for DNS by UDP"))?;
    let (of_dns, others): (Vec<_>, Vec<_>) =
        streams.into_iter().partition(|(port, _)| *port == dns);
    let tcp = others.first().map(|(port, _)| *port);
    let tcp = tcp.ok_or_else(missing("for connections"))?;
    if of_dns.is_empty() {
        return Err(missing("for DNS by TCP")());
    }
    let of_port = |port| move |(own, socket)| (own == port).then_some(socket);
    Ok([
        Listeners {
            tcp: others.into_iter().filter_map(of_port(tcp)).collect(),
            udp: Vec::new(),
            port: tcp,
        },
        Listeners {
            tcp: of_dns.into_iter().map(|(_, socket)| socket).collect(),
            udp: datagrams
                .into_iter()
                .filter_map(|(own, socket)| (own == dns).then_some(socket))
                .collect(),
            port: dns,
        },
    ])
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
    let socket = socket.into();
    prepare_udp(&socket, address)?;
    Ok(socket)
}

fn open(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    prepare(SockRef::from(&socket), address)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// What a listening socket of either kind needs, whoever made it.
fn prepare(socket: SockRef<'_>, address: SocketAddr) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    set_transparent(&socket, address)?;
    // Of a connection that is accepted, too: the datapath knows the proxy's packets by it.
    socket.set_mark(proxy::FROM_INGRESS)
}

fn prepare_udp(socket: &std::net::UdpSocket, address: SocketAddr) -> io::Result<()> {
    prepare(SockRef::from(socket), address)?;
    with_original_destination(socket, address)?;
    // More than the machine's limit for everybody, which takes CAP_NET_ADMIN.
    setsockopt(socket, RcvBufForce, &WAITING_QUERIES)?;
    Ok(())
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
