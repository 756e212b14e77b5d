//! The way to the node's layer-7 proxy: the program on the loopback interface that gives packets to its
//! listeners, and routes that take them to this host, whatever their destination.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use abi::proxy;
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_packet_route::route::{
    RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::sys::{self, Hook};
use crate::{Datapath, Error, netlink};

/// The loopback interface of every network namespace.
const LOOPBACK: u32 = 1;
/// How the link's pin ends.
const PIN: &str = "proxy";
/// The routing table, and where its rule stands: as in Cilium (`pkg/datapath/linux/route`), before any rule of
/// the node's own and behind the one for its own addresses.
const TABLE: u32 = 2004;
const PRIORITY: u32 = 9;

impl Datapath {
    /// Makes the way to the proxy, as far as it isn't there. It stays when the agent goes. The calling thread must
    /// be in the node's network namespace.
    ///
    /// # Errors
    /// The kernel refuses the program, the rule or the route.
    pub fn open_way_to_proxy(&mut self) -> Result<(), Error> {
        self.attach_to_loopback()?;
        keep_forwarding()?;
        let failed = |source| Error::Netlink {
            action: "making routes to the proxy",
            source,
        };
        let socket = netlink::connect().map_err(failed)?;
        raise_loopback(socket.as_fd()).map_err(failed)?;
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            match route(socket.as_fd(), family) {
                // A kernel without IPv6 has no packets of it either.
                Err(error) if family == AddressFamily::Inet6 && is_not_there(&error) => {}
                made => made.map_err(failed)?,
            }
        }
        Ok(())
    }

    fn attach_to_loopback(&mut self) -> Result<(), Error> {
        let path = self.pins.link(LOOPBACK, PIN);
        let program = self.programs.to_proxy.as_fd();
        if let Ok(link) = sys::open_pin(&path)
            && sys::link_info(link.as_fd()).is_ok_and(|info| info.ifindex == LOOPBACK)
            && sys::link_update(link.as_fd(), program).is_ok()
        {
            return Ok(());
        }
        let link = sys::link_create(program, LOOPBACK, Hook::Ingress).map_err(|source| {
            Error::Interface {
                action: "attaching to",
                ifindex: LOOPBACK,
                source,
            }
        })?;
        self.pins.replace(link.as_fd(), &path)?;
        self.inodes = self.pins.inodes()?;
        Ok(())
    }
}

/// The kernel looks for a socket of a packet before it routes it, and drops what it is to forward if it finds
/// one. The proxy's sockets have the addresses of packets that are on their way to a pod, where alone they are
/// judged. So it is not to look before.
fn keep_forwarding() -> Result<(), Error> {
    for setting in ["tcp_early_demux", "udp_early_demux"] {
        let path = Path::new("/proc/sys/net/ipv4").join(setting);
        fs::write(&path, "0").map_err(|source| Error::Path {
            action: "writing 0 to",
            path,
            source,
        })?;
    }
    Ok(())
}

fn is_not_there(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP | libc::EPROTONOSUPPORT)
    )
}

/// A namespace of one's own begins with a loopback interface that is down, and routes by it can't be made.
fn raise_loopback(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut link = LinkMessage::default();
    link.header.index = LOOPBACK;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    netlink::add(socket, RouteNetlinkMessage::SetLink(link))
}

/// A local route for everything, and a rule that sends packets with the proxy's mark there.
fn route(socket: BorrowedFd<'_>, family: AddressFamily) -> io::Result<()> {
    let mut local = RouteMessage::default();
    local.header.address_family = family;
    local.header.kind = RouteType::Local;
    local.header.scope = RouteScope::Host;
    local.header.protocol = RouteProtocol::Static;
    local.attributes = vec![RouteAttribute::Table(TABLE), RouteAttribute::Oif(LOOPBACK)];
    netlink::add(socket, RouteNetlinkMessage::NewRoute(local))?;
    let mut rule = RuleMessage::default();
    rule.header.family = family;
    rule.header.action = RuleAction::ToTable;
    rule.attributes = vec![
        RuleAttribute::Priority(PRIORITY),
        RuleAttribute::FwMark(proxy::TO),
        RuleAttribute::FwMask(proxy::MASK),
        RuleAttribute::Table(TABLE),
    ];
    netlink::add(socket, RouteNetlinkMessage::NewRule(rule))
}
