//! Closed interfaces: a program that drops everything, attached behind whatever decides.
//!
//! The programs that decide never pass a packet on to the next one, so that the one behind them runs only
//! where they are missing: on a pod's veth before an agent knows it, or after somebody took them off. It
//! needs no pin and no process, and goes with its interface.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use tracing::debug;

use crate::sys::{self, Attached, Hook};
use crate::{Error, IfIndex};

/// Name of the program, as bpftool shows it.
const NAME: &str = "flows_closed";

/// Both hooks of an interface.
const HOOKS: [Hook; 2] = [Hook::Ingress, Hook::Egress];

/// Closes an interface of the calling thread's network namespace: nothing passes, in either direction,
/// until an agent attaches its programs. To be called while the interface is down, before its other end
/// is anybody's.
///
/// # Errors
/// No such interface, or no right to do it.
pub fn close(interface: IfIndex) -> Result<(), Error> {
    let mut guard = Guard::default();
    for hook in HOOKS {
        let chain = query(interface.0, hook)?;
        guard.ensure(interface.0, hook, &chain)?;
    }
    Ok(())
}

/// What runs at a hook, in order.
pub(crate) fn query(ifindex: u32, hook: Hook) -> Result<Vec<Attached>, Error> {
    sys::query(ifindex, hook).map_err(|source| Error::Interface {
        action: "asking what is attached to",
        ifindex,
        source,
    })
}

/// The program, loaded when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    program: Option<OwnedFd>,
    /// Numbers of programs that are known to be such ones, this process's or others'.
    known: Vec<u32>,
}

impl Guard {
    /// Attaches the program to a hook unless `chain`, what runs there, has one. Says whether it was
    /// missing.
    pub(crate) fn ensure(
        &mut self,
        ifindex: u32,
        hook: Hook,
        chain: &[Attached],
    ) -> Result<bool, Error> {
        if chain.iter().any(|attached| self.is_guard(attached)) {
            return Ok(false);
        }
        let failed = |source| Error::Interface {
            action: "cutting off",
            ifindex,
            source,
        };
        let program = match self.program.take() {
            Some(program) => program,
            None => {
                let program = sys::load_drop(NAME).map_err(failed)?;
                self.known
                    .push(sys::program_id(program.as_fd()).map_err(failed)?);
                program
            }
        };
        let attached = sys::attach_last(program.as_fd(), ifindex, hook);
        self.program = Some(program);
        attached.map_err(failed)?;
        debug!(ifindex, ?hook, "cut off");
        Ok(true)
    }

    /// Takes the program off both hooks. An interface that is gone has none.
    pub(crate) fn open(&mut self, ifindex: u32) -> Result<(), Error> {
        for hook in HOOKS {
            for attached in sys::query(ifindex, hook).unwrap_or_default() {
                if !self.is_guard(&attached) {
                    continue;
                }
                let removed = sys::program_by_id(attached.program)
                    .and_then(|(program, _)| sys::detach(program.as_fd(), ifindex, hook));
                match removed {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::Interface {
                            action: "opening",
                            ifindex,
                            source: error,
                        });
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Whether it is such a program, this process's or another's.
    pub(crate) fn is_guard(&mut self, attached: &Attached) -> bool {
        if attached.link != 0 {
            return false;
        }
        if self.known.contains(&attached.program) {
            return true;
        }
        let is_ours =
            sys::program_by_id(attached.program).is_ok_and(|(_program, name)| name == NAME);
        if is_ours {
            self.known.push(attached.program);
        }
        is_ours
    }
}
