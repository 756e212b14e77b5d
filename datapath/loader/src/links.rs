//! Programs on interfaces, by pinned TCX links: they stay when the agent goes. The links are held open
//! as well: while there is an agent, a pin that somebody removes takes no program off.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use tracing::{debug, info};

use crate::guard::{self, Guard};
use crate::pins::Pins;
use crate::programs::Programs;
use crate::repair::{Damage, Repair};
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

/// A link.
#[derive(Debug)]
struct Held {
    link: OwnedFd,
    /// Kernel's number.
    id: u32,
}

impl Held {
    fn new(link: OwnedFd) -> io::Result<Self> {
        let id = sys::link_info(link.as_fd())?.id;
        Ok(Self { link, id })
    }
}

/// The links of all interfaces, by interface and pin's end.
#[derive(Debug, Default)]
pub(crate) struct Links {
    held: BTreeMap<(u32, &'static str), Held>,
    guard: Guard,
}

impl Links {
    /// Gives every pinned link the new program in place of its old one. A link whose interface is gone
    /// is removed. To an interface that has only one of its links (an agent died while attaching) the
    /// other is added.
    pub(crate) fn adopt(pins: &Pins, programs: &Programs) -> Result<Self, Error> {
        let mut links = Self::default();
        let mut interfaces = BTreeSet::new();
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
                Ok(()) => {
                    let held = Held::new(link).map_err(at_path("asking about link"))?;
                    links.held.insert((ifindex, end.pin), held);
                    interfaces.insert(ifindex);
                }
                // The interface went away since the question.
                Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => Pins::remove(&path)?,
                Err(error) => return Err(at_path("replacing the program of link")(error)),
            }
        }
        for ifindex in interfaces {
            match links.ensure(pins, programs, IfIndex(ifindex), &mut Found::default()) {
                Ok(()) => {}
                Err(Error::Interface { source, .. }) if is_gone(&source) => {
                    links.detach(pins, IfIndex(ifindex))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(links)
    }

    /// Makes both hooks of an interface of the calling thread's network namespace as they shall be:
    /// our program first, by our link, and behind it the one that drops. What wasn't so goes to `found`.
    pub(crate) fn ensure(
        &mut self,
        pins: &Pins,
        programs: &Programs,
        interface: IfIndex,
        found: &mut Found,
    ) -> Result<(), Error> {
        let ifindex = interface.0;
        for (end, program) in programs.ends() {
            let mut repaired = |damage| {
                found.repairs.push(Repair {
                    damage,
                    interface: Some(interface),
                    name: end.pin.to_owned(),
                });
            };
            let failed = |action| {
                move |source| Error::Interface {
                    action,
                    ifindex,
                    source,
                }
            };
            let chain = guard::query(ifindex, end.hook)?;
            let held = self.held.get(&(ifindex, end.pin));
            let place = held.and_then(|held| chain.iter().position(|one| one.link == held.id));
            // Where ours isn't either, that is said already.
            if self.guard.ensure(ifindex, end.hook, &chain)? && place.is_some() {
                repaired(Damage::Guard);
            }
            match (held, place) {
                (Some(held), Some(place)) => {
                    let ours = sys::program_id(program).map_err(failed("asking about"))?;
                    if chain[place].program != ours {
                        sys::link_update(held.link.as_fd(), program)
                            .map_err(failed("putting back the program of"))?;
                        repaired(Damage::Program);
                    }
                    found.ahead.extend(
                        chain[..place]
                            .iter()
                            .map(|attached| (interface, attached.program)),
                    );
                }
                (held, _) => {
                    let was_there = held.is_some();
                    let link = sys::link_create(program, ifindex, end.hook)
                        .map_err(failed("attaching to"))?;
                    pins.replace(link.as_fd(), &pins.link(ifindex, end.pin))?;
                    let link = Held::new(link).map_err(failed("asking about a link of"))?;
                    self.held.insert((ifindex, end.pin), link);
                    if was_there {
                        repaired(Damage::Link);
                    }
                }
            }
        }
        debug!(ifindex, "attached");
        Ok(())
    }

    /// Takes the programs off an interface, if they are on it.
    pub(crate) fn detach(&mut self, pins: &Pins, interface: IfIndex) -> Result<(), Error> {
        // In the reverse order of attaching.
        for end in [FROM_POD, TO_POD] {
            Pins::remove(&pins.link(interface.0, end.pin))?;
            self.held.remove(&(interface.0, end.pin));
        }
        self.guard.open(interface.0)?;
        debug!(ifindex = interface.0, "detached");
        Ok(())
    }

    /// Interfaces whose links are alive.
    pub(crate) fn attached(&self) -> Result<Vec<IfIndex>, Error> {
        let mut alive: BTreeMap<u32, usize> = BTreeMap::new();
        for ((ifindex, _), held) in &self.held {
            let info = sys::link_info(held.link.as_fd()).map_err(|source| Error::Interface {
                action: "asking about a link of",
                ifindex: *ifindex,
                source,
            })?;
            *alive.entry(*ifindex).or_default() += usize::from(info.ifindex == *ifindex);
        }
        let both = alive.into_iter().filter(|(_, ends)| *ends == 2);
        Ok(both.map(|(ifindex, _)| IfIndex(ifindex)).collect())
    }

    /// What shall be pinned: the links and their pins' names.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = (u32, &'static str, BorrowedFd<'_>)> {
        let held = self.held.iter();
        held.map(|((ifindex, end), held)| (*ifindex, *end, held.link.as_fd()))
    }
}

/// What an interface was like.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What was put right.
    pub(crate) repairs: Vec<Repair>,
    /// Programs that run before ours, by the kernel's number.
    pub(crate) ahead: Vec<(IfIndex, u32)>,
}

pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENODEV)
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
