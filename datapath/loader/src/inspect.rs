//! A look at what others may have changed behind the agent's back, and putting it right: programs that
//! were taken off an interface or replaced, pins that were removed, a bpffs that was unmounted.
//!
//! While a program is away, the one behind it drops everything ([`crate::guard`]): such a change costs
//! packets, and lets none pass.

use std::os::fd::{AsFd, BorrowedFd};

use crate::links::{Found, is_gone};
use crate::repair::{Damage, Repair};
use crate::{Datapath, Error, IfIndex, sys};

/// What a look found.
#[derive(Debug, Default)]
pub struct Inspection {
    /// What was put right.
    pub repairs: Vec<Repair>,
    /// Programs of others that run before ours, by the kernel's number: what they pass on or redirect,
    /// no policy sees.
    pub ahead: Vec<(IfIndex, u32)>,
    /// What could not be put right.
    pub errors: Vec<Error>,
}

impl Datapath {
    /// Looks at these interfaces, at the pins and at the bpffs, and puts right what is not as it was
    /// left. Costs two questions to the kernel per interface and one reading of the directory. An
    /// interface that is gone is none of the errors.
    pub fn inspect(&mut self, interfaces: impl IntoIterator<Item = IfIndex>) -> Inspection {
        let mut inspection = Inspection::default();
        // First of all: where programs are put back, they are pinned.
        match self.pins.remount() {
            Ok(false) => {}
            Ok(true) => inspection.repairs.push(Repair {
                damage: Damage::Mount,
                interface: None,
                name: self.pins.directory().display().to_string(),
            }),
            Err(error) => inspection.errors.push(error),
        }
        for interface in interfaces {
            let mut found = Found::default();
            let ensured = self
                .links
                .ensure(&self.pins, &self.programs, interface, &mut found);
            // Also of what was put right before something failed.
            inspection.repairs.extend(found.repairs);
            inspection.ahead.extend(found.ahead);
            match ensured {
                Ok(()) => {}
                Err(Error::Interface { source, .. }) if is_gone(&source) => {}
                Err(error) => inspection.errors.push(error),
            }
        }
        if let Err(error) = self.inspect_pins(&mut inspection.repairs) {
            inspection.errors.push(error);
        }
        inspection
    }

    fn inspect_pins(&mut self, repairs: &mut Vec<Repair>) -> Result<(), Error> {
        let present = self.pins.inodes()?;
        let links = self.links.pinned();
        let links = links.map(|(ifindex, end, link)| {
            let interface = Some(IfIndex(ifindex));
            (self.pins.link(ifindex, end), interface, link)
        });
        let others = self.pinned.iter();
        let others = others.map(|(path, object)| (path.clone(), None, object.as_fd()));
        for (path, interface, object) in links.chain(others) {
            let name = path.file_name().unwrap_or_default();
            let inode = present.get(name).copied();
            if inode.is_some() && inode == self.inodes.get(name).copied() {
                continue;
            }
            let is_ours = inode.is_some() && is_same(object, &path);
            if !is_ours {
                self.pins.replace(object, &path)?;
                repairs.push(Repair {
                    damage: Damage::Pin,
                    interface,
                    name: name.to_string_lossy().into_owned(),
                });
            }
        }
        if present != self.inodes {
            self.inodes = self.pins.inodes()?;
        }
        Ok(())
    }
}

/// Whether an object is what is pinned at a path.
fn is_same(object: BorrowedFd<'_>, path: &std::path::Path) -> bool {
    let pinned = sys::open_pin(path).and_then(|pinned| sys::identity(pinned.as_fd()));
    let ours = sys::identity(object);
    matches!((pinned, ours), (Ok(pinned), Ok(ours)) if pinned == ours)
}
