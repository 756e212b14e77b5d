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
pub struct Leaving {
    /// Tells that routes or links changed.
    changes: OwnedFd,
    questions: OwnedFd,
    /// By the interface that a packet comes from, and where it goes.
    known: HashMap<(IfIndex, IpAddr), Option<IfIndex>>,
    buffer: Vec<u8>,
}

impl Leaving {
    /// Knows nothing so far.
    ///
    /// # Errors
    /// Netlink fails.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            changes: netlink::subscribe().map_err(failed("subscribing to"))?,
            questions: netlink::connect().map_err(failed("connecting for"))?,
            known: HashMap::new(),
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
    pub fn known(&self, to: IpAddr, by: IfIndex) -> Option<Option<IfIndex>> {
        self.known.get(&(by, to)).copied()
    }

    /// The device by which a packet leaves that came in by an interface; `None` if no route leads there.
    /// Takes a few us.
    ///
    /// # Errors
    /// Netlink fails.
    pub fn ask(&mut self, from: IpAddr, to: IpAddr, by: IfIndex) -> Result<Option<IfIndex>, Error> {
        let questions = self.questions.as_fd();
        netlink::ask_for_route(questions, from, to, by).map_err(failed("asking for"))?;
        let length = netlink::receive(questions, &mut self.buffer).map_err(failed("reading"))?;
        // An error instead of a route says that there is none.
        let answer = messages(&self.buffer[..length]).find_map(|message| {
            let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) =
                message.payload
            else {
                return None;
            };
            device(&route)
        });
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert((by, to), answer);
        Ok(answer)
    }
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
