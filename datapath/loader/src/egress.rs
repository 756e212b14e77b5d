//! By which device packets leave the node: asked of the kernel, which knows its rules and tables.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteType};

use crate::netlink::{self, failed, messages};
use crate::{Error, IfIndex};

/// Answers that are kept.
const KEPT: usize = 16_384;

/// The devices of one network namespace: that which the thread was in that made this.
#[derive(Debug)]
pub struct EgressRoutes {
    /// Tells that routes or links changed.
    changes: OwnedFd,
    questions: OwnedFd,
    /// By the interface that a packet comes from, and its addresses.
    known: HashMap<(IfIndex, IpAddr, IpAddr), Option<IfIndex>>,
    /// Questions so far.
    asked: u32,
    buffer: Vec<u8>,
}

impl EgressRoutes {
    /// Knows nothing so far.
    ///
    /// # Errors
    /// Netlink fails.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            changes: netlink::subscribe().map_err(failed("subscribing to"))?,
            questions: netlink::connect().map_err(failed("connecting for"))?,
            known: HashMap::new(),
            asked: 0,
            buffer: vec![0; netlink::BUFFER],
        })
    }

    /// Forgets what it knows if routes or links changed since the last call. True if they did.
    ///
    /// # Errors
    /// Netlink fails; nothing is known then.
    pub fn refresh(&mut self) -> Result<bool, Error> {
        let mut is_changed = false;
        loop {
            match netlink::receive(self.changes.as_fd(), &mut self.buffer) {
                Ok(_) => is_changed = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => is_changed = true,
                Err(error) => {
                    self.known.clear();
                    return Err(failed("following")(error));
                }
            }
        }
        if is_changed {
            self.known.clear();
        }
        Ok(is_changed)
    }

    /// What is known without asking: the device by which a packet leaves, `Some(None)` if it doesn't.
    pub fn known(&self, from: IpAddr, to: IpAddr, by: IfIndex) -> Option<Option<IfIndex>> {
        self.known.get(&(by, from, to)).copied()
    }

    /// The device by which a packet leaves that came in by an interface; `None` if no route leads there.
    /// Takes a few us.
    ///
    /// # Errors
    /// Netlink fails.
    pub fn ask(&mut self, from: IpAddr, to: IpAddr, by: IfIndex) -> Result<Option<IfIndex>, Error> {
        self.asked = self.asked.wrapping_add(1);
        let questions = self.questions.as_fd();
        netlink::ask_for_route(questions, self.asked, from, to, by)
            .map_err(failed("asking for"))?;
        // The kernel has answered by now; what it said to a question before is passed over.
        let answer = loop {
            let length = netlink::receive_now(questions, &mut self.buffer);
            let length = length.map_err(failed("reading"))?;
            let mut own = messages(&self.buffer[..length])
                .filter(|message| message.header.sequence_number == self.asked);
            if let Some(message) = own.next() {
                break message.payload;
            }
        };
        let device =
            if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) = &answer {
                device(route)
            } else {
                if let NetlinkPayload::Error(error) = answer
                    && !says_no_way(&error.to_io())
                {
                    return Err(failed("reading")(error.to_io()));
                }
                None
            };
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert((by, from, to), device);
        Ok(device)
    }
}

/// Whether the kernel says that no route leads there, or that it forwards nothing.
fn says_no_way(error: &io::Error) -> bool {
    let no_way = [
        libc::ENETUNREACH,
        libc::EHOSTUNREACH,
        libc::EACCES,
        libc::EINVAL,
        libc::EXDEV,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| no_way.contains(&code))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a route has much that says nothing about its device"
)]
fn device(route: &RouteMessage) -> Option<IfIndex> {
    if route.header.kind != RouteType::Unicast {
        return None;
    }
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(IfIndex(*index)),
            _ => None,
        })
}
