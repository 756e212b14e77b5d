//! Sockets of rtnetlink(7). A socket stays in the network namespace in which it was made.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::sys::socket::{
    self, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, setsockopt, sockopt,
};
use tracing::warn;

use crate::{Error, IfIndex};

/// Longer than any datagram that the kernel sends (32 KiB since 4.4).
pub(crate) const BUFFER: usize = 64 << 10;

/// `NLM_F_DUMP_INTR`: the table changed while it was read.
pub(crate) const INTERRUPTED: u16 = 0x10;

/// Multicast groups: links, IPv4 routes, IPv4 rules, IPv6 routes (`RTMGRP_*`), IPv6 rules (bit
/// `RTNLGRP_IPV6_RULE` - 1).
const GROUPS: u32 = 0x1 | 0x40 | 0x80 | 0x400 | 1 << 18;

fn open(flags: SockFlag, groups: u32) -> io::Result<OwnedFd> {
    let family = socket::AddressFamily::Netlink;
    let flags = flags | SockFlag::SOCK_CLOEXEC;
    let socket = socket::socket(family, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    socket::bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(socket)
}

/// A socket that gets notifications and never blocks.
pub(crate) fn subscribe() -> io::Result<OwnedFd> {
    let socket = open(SockFlag::SOCK_NONBLOCK, GROUPS)?;
    // Room for some thousands of routes that change at once; beyond that all are read again.
    setsockopt(&socket, sockopt::RcvBuf, &(1 << 20))?;
    Ok(socket)
}

/// A socket for questions. The kernel answers at once.
pub(crate) fn connect() -> io::Result<OwnedFd> {
    open(SockFlag::empty(), 0)
}

/// Asks for all routes of a family.
pub(crate) fn ask_for_routes(socket: BorrowedFd<'_>, family: AddressFamily) -> io::Result<()> {
    let mut route = RouteMessage::default();
    route.header.address_family = family;
    ask(socket, NLM_F_REQUEST | NLM_F_DUMP, 0, route)
}

/// Asks which route a packet takes that comes in by an interface. The answer bears the number.
pub(crate) fn ask_for_route(
    socket: BorrowedFd<'_>,
    number: u32,
    from: IpAddr,
    to: IpAddr,
    by: IfIndex,
) -> io::Result<()> {
    let mut route = RouteMessage::default();
    let (family, length) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    route.header.address_family = family;
    route.header.destination_prefix_length = length;
    route.header.source_prefix_length = length;
    route.attributes = vec![
        RouteAttribute::Destination(to.into()),
        RouteAttribute::Source(from.into()),
        RouteAttribute::Iif(by.0),
    ];
    ask(socket, NLM_F_REQUEST, number, route)
}

fn ask(socket: BorrowedFd<'_>, flags: u16, number: u32, route: RouteMessage) -> io::Result<()> {
    let question = RouteNetlinkMessage::GetRoute(route);
    send(socket, flags, number, question)
}

/// Adds a rule or a route, unless there is one like it.
pub(crate) fn add(socket: BorrowedFd<'_>, what: RouteNetlinkMessage) -> io::Result<()> {
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    send(socket, flags, 0, what)?;
    let mut buffer = vec![0; BUFFER];
    let length = receive(socket, &mut buffer)?;
    for message in messages(&buffer[..length]) {
        if let NetlinkPayload::Error(answer) = message.payload {
            let error = answer.to_io();
            return match answer.code {
                None => Ok(()),
                Some(_) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                Some(_) => Err(error),
            };
        }
    }
    Err(io::Error::other("the kernel gave no answer"))
}

fn send(
    socket: BorrowedFd<'_>,
    flags: u16,
    number: u32,
    message: RouteNetlinkMessage,
) -> io::Result<()> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = number;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket::send(socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
    Ok(())
}

/// Receives what is there already.
pub(crate) fn receive_now(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let flags = MsgFlags::MSG_DONTWAIT;
    Ok(socket::recv(socket.as_raw_fd(), buffer, flags)?)
}

/// Receives a datagram.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(socket::recv(socket.as_raw_fd(), buffer, MsgFlags::empty())?)
}

pub(crate) fn failed(action: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Netlink { action, source }
}

/// The whole messages in a datagram.
pub(crate) fn messages(
    mut bytes: &[u8],
) -> impl Iterator<Item = NetlinkMessage<RouteNetlinkMessage>> + '_ {
    std::iter::from_fn(move || {
        loop {
            let length = bytes.get(..4)?;
            let length = u32::from_ne_bytes(length.try_into().ok()?);
            let length = usize::try_from(length)
                .ok()
                .filter(|&length| length >= 16)?;
            let message = bytes.get(..length)?;
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
            match NetlinkMessage::deserialize(message) {
                Ok(message) => return Some(message),
                Err(error) => warn!(%error, "a netlink message that can't be read"),
            }
        }
    })
}
