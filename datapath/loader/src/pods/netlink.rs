//! Sockets of rtnetlink(7). A socket stays in the network namespace in which it was made.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::sys::socket::{
    self, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, setsockopt, sockopt,
};

/// Longer than any datagram that the kernel sends (32 KiB since 4.4).
pub(super) const BUFFER: usize = 64 << 10;

/// `NLM_F_DUMP_INTR`: the table changed while it was read.
pub(super) const INTERRUPTED: u16 = 0x10;

/// Multicast groups: links, IPv4 routes, IPv6 routes (`RTMGRP_*`).
const GROUPS: u32 = 0x1 | 0x40 | 0x400;

fn open(flags: SockFlag, groups: u32) -> io::Result<OwnedFd> {
    let family = socket::AddressFamily::Netlink;
    let flags = flags | SockFlag::SOCK_CLOEXEC;
    let socket = socket::socket(family, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    socket::bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(socket)
}

/// A socket that gets notifications and never blocks.
pub(super) fn subscribe() -> io::Result<OwnedFd> {
    let socket = open(SockFlag::SOCK_NONBLOCK, GROUPS)?;
    // Room for some thousands of routes that change at once; beyond that all are read anew.
    setsockopt(&socket, sockopt::RcvBuf, &(1 << 20))?;
    Ok(socket)
}

/// A socket for questions. The kernel answers at once.
pub(super) fn connect() -> io::Result<OwnedFd> {
    open(SockFlag::empty(), 0)
}

/// Asks for all routes of a family.
pub(super) fn ask_for_routes(socket: BorrowedFd<'_>, family: AddressFamily) -> io::Result<()> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut route = RouteMessage::default();
    route.header.address_family = family;
    let payload = NetlinkPayload::from(RouteNetlinkMessage::GetRoute(route));
    let mut message = NetlinkMessage::new(header, payload);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket::send(socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
    Ok(())
}

/// Receives a datagram.
pub(super) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(socket::recv(socket.as_raw_fd(), buffer, MsgFlags::empty())?)
}
