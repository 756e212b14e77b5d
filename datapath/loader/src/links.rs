//! Programs on interfaces, by pinned TCX links: they stay when the agent goes.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use tracing::{debug, info};

use crate::pins::Pins;
use crate::programs::Programs;
use crate::sys::{self, Hook};
use crate::{Error, IfIndex};

/// The two programs of a pod's veth and how their links' pins end.
pub(crate) const FROM_POD: End = End {
    pin: "from",
    hook: Hook::Ingress,
};
pub(crate) const TO_POD: End = End {
    pin: "to",
    hook: Hook::Egress,
};

/// One of an interface's two links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pin: &'static str,
    hook: Hook,
}

impl Programs {
    fn ends(&self) -> [(End, BorrowedFd<'_>); 2] {
        // What comes to the pod is guarded first: its replies then find their connection.
        [
            (TO_POD, self.to_pod.as_fd()),
            (FROM_POD, self.from_pod.as_fd()),
        ]
    }
}

/// Gives every pinned link the new program in place of its old one. A link whose interface is gone is
/// removed. Returns the interfaces with both links in place; to one that has only one of them
/// (an agent died while attaching) the other is added.
pub(crate) fn adopt(pins: &Pins, programs: &Programs) -> Result<Vec<IfIndex>, Error> {
    let mut interfaces = Vec::new();
    for (ifindex, end) in pins.links()? {
        let ends = programs.ends();
        let Some((end, program)) = ends.iter().find(|(known, _)| known.pin == end) else {
            continue;
        };
        let path = pins.link(ifindex, end.pin);
        let at_path = |action| {
            let path = path.clone();
            move |source| Error::Path {
                action,
                path,
                source,
            }
        };
        let link = sys::open_pin(&path).map_err(at_path("opening link"))?;
        let is_of = sys::link_info(link.as_fd())
            .map_err(at_path("asking about link"))?
            .ifindex;
        if is_of != ifindex {
            info!(ifindex, "removing the link of an interface that is gone");
            Pins::remove(&path)?;
            continue;
        }
        match sys::link_update(link.as_fd(), *program) {
            Ok(()) => interfaces.push(IfIndex(ifindex)),
            // The interface went away since the question.
            Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => Pins::remove(&path)?,
            Err(error) => return Err(at_path("replacing the program of link")(error)),
        }
    }
    interfaces.dedup();
    let mut whole = Vec::new();
    for interface in interfaces {
        match attach(pins, programs, interface) {
            Ok(()) => whole.push(interface),
            Err(Error::Interface { source, .. }) if is_gone(&source) => {
                detach(pins, interface)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(whole)
}

fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENODEV)
}

/// Whether a link is pinned at a path and on its interface.
fn is_alive(path: &Path, ifindex: u32) -> Result<bool, Error> {
    let failed = |source| Error::Path {
        action: "opening link",
        path: path.to_path_buf(),
        source,
    };
    let link = match sys::open_pin(path) {
        Ok(link) => link,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    Ok(sys::link_info(link.as_fd()).map_err(failed)?.ifindex == ifindex)
}

/// Attaches both programs to an interface of the calling thread's network namespace, unless they are.
pub(crate) fn attach(pins: &Pins, programs: &Programs, interface: IfIndex) -> Result<(), Error> {
    let ifindex = interface.0;
    for (end, program) in programs.ends() {
        let path = pins.link(ifindex, end.pin);
        if is_alive(&path, ifindex)? {
            continue;
        }
        let link =
            sys::link_create(program, ifindex, end.hook).map_err(|source| Error::Interface {
                action: "attaching to",
                ifindex,
                source,
            })?;
        pins.replace(link.as_fd(), &path)?;
    }
    debug!(ifindex, "attached");
    Ok(())
}

/// Takes the programs off an interface, if they are on it.
pub(crate) fn detach(pins: &Pins, interface: IfIndex) -> Result<(), Error> {
    // In the reverse order of attaching.
    for end in [FROM_POD, TO_POD] {
        Pins::remove(&pins.link(interface.0, end.pin))?;
    }
    debug!(ifindex = interface.0, "detached");
    Ok(())
}

/// The kernel's numbers of the programs that pinned links have.
pub(crate) fn programs(pins: &Pins) -> Result<BTreeSet<u32>, Error> {
    let mut programs = BTreeSet::new();
    for (ifindex, end) in pins.links()? {
        let path = pins.link(ifindex, &end);
        let info = sys::open_pin(&path).and_then(|link| sys::link_info(link.as_fd()));
        let info = info.map_err(|source| Error::Path {
            action: "asking about link",
            path,
            source,
        })?;
        programs.insert(info.program);
    }
    Ok(programs)
}

/// Interfaces whose links are alive.
pub(crate) fn attached(pins: &Pins) -> Result<Vec<IfIndex>, Error> {
    let mut interfaces = Vec::new();
    for (ifindex, end) in pins.links()? {
        if end == FROM_POD.pin
            && is_alive(&pins.link(ifindex, FROM_POD.pin), ifindex)?
            && is_alive(&pins.link(ifindex, TO_POD.pin), ifindex)?
        {
            interfaces.push(IfIndex(ifindex));
        }
    }
    Ok(interfaces)
}
