//! Entries that were removed from maps, until no program can be reading them any more.
//!
//! The kernel gives the memory of a hash's removed entry to whatever is written to the map next, without
//! waiting for programs that have just found it: they would read another key's value. So nothing new is
//! written before a grace period has passed. A thread waits for its end, so that only a change that comes
//! within milliseconds of the last one waits as well.

use std::io;
use std::thread::{self, JoinHandle};

use crate::{Error, sys};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    /// Something was removed, and it isn't known that nobody reads it.
    are_read: bool,
    waiting: Option<JoinHandle<io::Result<()>>>,
}

impl Removals {
    /// To be called when entries were removed.
    pub(crate) fn happened(&mut self) {
        self.are_read = true;
        // Where there is no thread to be had, the next change waits from its beginning.
        self.waiting = thread::Builder::new().spawn(sys::grace_period).ok();
    }

    /// Waits until nobody reads what was removed.
    pub(crate) fn wait(&mut self) -> Result<(), Error> {
        if self.are_read {
            match self.waiting.take().map(JoinHandle::join) {
                Some(Ok(Ok(()))) => {}
                None | Some(Ok(Err(_)) | Err(_)) => {
                    sys::grace_period().map_err(Error::GracePeriod)?;
                }
            }
            self.are_read = false;
        }
        Ok(())
    }
}
