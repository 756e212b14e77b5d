//! Which interface is whose: a pod's address has a host route (/32 or /128) to the host side of its
//! veth, without a gateway. Whoever makes the pod makes the route; this follows it.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use tracing::debug;

use crate::netlink::{self, failed, messages};
use crate::{Error, IfIndex};

/// What became of a pod's route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The pod's address.
    pub address: IpAddr,
    /// The interface before, `None` if there was no route.
    pub old: Option<IfIndex>,
    /// The interface now, `None` if there is no route.
    pub new: Option<IfIndex>,
}

/// The host routes of one network namespace: that which the thread was in that made this.
#[derive(Debug)]
pub struct Routes {
    /// Gets the notifications.
    socket: OwnedFd,
    /// For questions; opened at the same time, so that it is in the same namespace.
    questions: OwnedFd,
    table: BTreeMap<IpAddr, IfIndex>,
    buffer: Vec<u8>,
}

impl Routes {
    /// Reads the routes of the calling thread's network namespace and begins to follow them.
    ///
    /// # Errors
    /// Netlink fails.
    pub fn open() -> Result<Self, Error> {
        let socket = netlink::subscribe().map_err(failed("subscribing to"))?;
        let questions = netlink::connect().map_err(failed("connecting for"))?;
        let buffer = vec![0; netlink::BUFFER];
        let mut routes = Self {
            socket,
            questions,
            table: BTreeMap::new(),
            buffer,
        };
        routes.table = routes.read_all()?;
        Ok(routes)
    }

    /// The interface that leads to a pod's address.
    pub fn get(&self, address: IpAddr) -> Option<IfIndex> {
        self.table.get(&address).copied()
    }

    /// All host routes.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, IfIndex)> {
        self.table
            .iter()
            .map(|(&address, &interface)| (address, interface))
    }

    /// Takes in what happened since the last call, without waiting. If the kernel had to drop
    /// notifications, everything is read again; the changes are complete in any case. An address
    /// stands at most once.
    ///
    /// # Errors
    /// Netlink fails. The table is as before; call again.
    pub fn read(&mut self) -> Result<Vec<Change>, Error> {
        let mut table = self.table.clone();
        let mut is_overrun = false;
        loop {
            match netlink::receive(self.socket.as_fd(), &mut self.buffer) {
                Ok(length) => {
                    for message in messages(&self.buffer[..length]) {
                        if let NetlinkPayload::InnerMessage(message) = message.payload {
                            follow(&mut table, &message);
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => is_overrun = true,
                Err(error) => return Err(failed("following")(error)),
            }
        }
        if is_overrun {
            debug!("route notifications were dropped, reading all routes");
            table = self.read_all()?;
        }
        let old = std::mem::replace(&mut self.table, table);
        Ok(difference(&old, &self.table))
    }

    fn read_all(&mut self) -> Result<BTreeMap<IpAddr, IfIndex>, Error> {
        let mut table = BTreeMap::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            self.read_family(family, &mut table)?;
        }
        Ok(table)
    }

    /// Asks for all routes of a family, again if they changed meanwhile.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "padding between messages says nothing"
    )]
    fn read_family(
        &mut self,
        family: AddressFamily,
        table: &mut BTreeMap<IpAddr, IfIndex>,
    ) -> Result<(), Error> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            netlink::ask_for_routes(self.questions.as_fd(), family)
                .map_err(failed("asking for"))?;
            let mut found = BTreeMap::new();
            let mut is_whole = true;
            'answer: loop {
                let length = netlink::receive(self.questions.as_fd(), &mut self.buffer)
                    .map_err(failed("reading"))?;
                for message in messages(&self.buffer[..length]) {
                    is_whole &= message.header.flags & netlink::INTERRUPTED == 0;
                    match message.payload {
                        NetlinkPayload::Done(_) => break 'answer,
                        NetlinkPayload::Error(error) => {
                            return Err(failed("reading")(error.to_io()));
                        }
                        NetlinkPayload::InnerMessage(message) => follow(&mut found, &message),
                        _ => {}
                    }
                }
            }
            if is_whole {
                table.extend(found);
                return Ok(());
            }
        }
        Err(failed("reading")(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "they changed while being read, eight times in a row",
        )))
    }
}

impl AsRawFd for Routes {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for Routes {
    /// Readable when [`Routes::read`] has something to take in.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Does to the table what the message says.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel says much that is not about pods' routes"
)]
fn follow(table: &mut BTreeMap<IpAddr, IfIndex>, message: &RouteNetlinkMessage) {
    match message {
        RouteNetlinkMessage::NewRoute(route) => {
            if let Some((address, interface)) = host_route(route) {
                table.insert(address, interface);
            }
        }
        RouteNetlinkMessage::DelRoute(route) => {
            if let Some((address, interface)) = host_route(route)
                && table.get(&address) == Some(&interface)
            {
                table.remove(&address);
            }
        }
        // The kernel removes IPv4 routes of an interface that goes down without telling.
        RouteNetlinkMessage::NewLink(link) if !link.header.flags.contains(LinkFlags::Up) => {
            forget(table, link);
        }
        RouteNetlinkMessage::DelLink(link) => forget(table, link),
        _ => {}
    }
}

fn forget(table: &mut BTreeMap<IpAddr, IfIndex>, link: &LinkMessage) {
    table.retain(|_, interface| interface.0 != link.header.index);
}

/// Address and interface of a unicast route of the main table to a single address, without a gateway.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel says much that is not about pods' routes"
)]
fn host_route(route: &RouteMessage) -> Option<(IpAddr, IfIndex)> {
    let header = &route.header;
    if header.kind != RouteType::Unicast {
        return None;
    }
    let (mut address, mut interface) = (None, None);
    let mut table = u32::from(header.table);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(to))
                if header.destination_prefix_length == 32 =>
            {
                address = Some(IpAddr::V4(*to));
            }
            RouteAttribute::Destination(RouteAddress::Inet6(to))
                if header.destination_prefix_length == 128 =>
            {
                address = Some(IpAddr::V6(*to));
            }
            RouteAttribute::Oif(index) => interface = Some(IfIndex(*index)),
            RouteAttribute::Table(id) => table = *id,
            RouteAttribute::Gateway(_)
            | RouteAttribute::Via(_)
            | RouteAttribute::MultiPath(_)
            | RouteAttribute::Encap(_) => return None,
            _ => {}
        }
    }
    const MAIN: u32 = 254;
    if table != MAIN {
        return None;
    }
    address.zip(interface)
}

fn difference(old: &BTreeMap<IpAddr, IfIndex>, new: &BTreeMap<IpAddr, IfIndex>) -> Vec<Change> {
    let gone = old.iter().filter(|(address, _)| !new.contains_key(address));
    let gone = gone.map(|(&address, &was)| Change {
        address,
        old: Some(was),
        new: None,
    });
    let come = new
        .iter()
        .filter(|(address, interface)| old.get(address) != Some(interface));
    let come = come.map(|(&address, &is)| Change {
        address,
        old: old.get(&address).copied(),
        new: Some(is),
    });
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests;
