//! What the control thread waits for: a bell that others ring, and the routes' descriptor.

use std::{
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::{EfdFlags, EventFd},
};

/// Rings the bell. Clones ring the same one.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    event: EventFd,
    rung: AtomicBool,
    stop: AtomicBool,
}

impl Waker {
    /// There is something to look at.
    pub fn ring(&self) {
        self.0.rung.store(true, Ordering::Release);
        self.wake();
    }

    /// It is over.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// Ends the waiting, without anything to look at.
    pub(super) fn wake(&self) {
        if let Err(error) = self.0.event.write(1) {
            // Only a full counter can refuse, and then the bell is ringing anyway.
            tracing::debug!(%error, "bell");
        }
    }
}

/// The bell.
#[derive(Debug)]
pub struct Bell(Waker);

/// Why waiting ended; nothing set: the time is up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Woken {
    /// [`Waker::ring`].
    pub rung: bool,
    /// [`Waker::stop`].
    pub stop: bool,
    /// The other descriptor is readable.
    pub routes: bool,
}

impl Bell {
    /// A bell.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> Result<Self, nix::Error> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self(Waker(Arc::new(Shared {
            event: EventFd::from_flags(flags)?,
            rung: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }))))
    }

    /// One who can ring it.
    pub fn waker(&self) -> Waker {
        self.0.clone()
    }

    /// Waits for the bell, for `other` to become readable, or for the time to be up.
    ///
    /// # Errors
    /// Polling fails.
    pub fn wait(&self, other: &impl AsFd, timeout: Duration) -> Result<Woken, nix::Error> {
        let shared = &self.0.0;
        let mut fds = [
            PollFd::new(shared.event.as_fd(), PollFlags::POLLIN),
            PollFd::new(other.as_fd(), PollFlags::POLLIN),
        ];
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error),
        }
        let routes = fds[1].any().unwrap_or(false);
        if fds[0].any().unwrap_or(false) {
            shared.event.read()?;
        }
        Ok(Woken {
            rung: shared.rung.swap(false, Ordering::AcqRel),
            stop: shared.stop.load(Ordering::Acquire),
            routes,
        })
    }
}
