//! Wakes the enforcing thread: other threads notify it, and it waits for that or for the routes' descriptor.

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

/// Wakes the thread that waits on the [`NotificationReceiver`]. Clones wake the same one.
#[derive(Clone, Debug)]
pub struct Notifier(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    event: EventFd,
    notified: AtomicBool,
    stop: AtomicBool,
}

impl Notifier {
    /// Something has changed.
    pub fn notify(&self) {
        self.0.notified.store(true, Ordering::Release);
        self.wake();
    }

    /// The thread is to end.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// Ends the waiting without a change to look at.
    pub(super) fn wake(&self) {
        if let Err(error) = self.0.event.write(1) {
            // Only a full counter can refuse, and then the thread is woken anyway.
            tracing::debug!(%error, "eventfd not written");
        }
    }
}

/// The waiting side.
#[derive(Debug)]
pub struct NotificationReceiver(Notifier);

/// Why waiting ended; nothing set: the timeout.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wakeup {
    /// [`Notifier::notify`].
    pub notified: bool,
    /// [`Notifier::stop`].
    pub stop: bool,
    /// The other descriptor is readable.
    pub routes: bool,
}

impl NotificationReceiver {
    /// A receiver that nobody has notified yet.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> Result<Self, nix::Error> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self(Notifier(Arc::new(Shared {
            event: EventFd::from_flags(flags)?,
            notified: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }))))
    }

    /// A handle to notify it.
    pub fn notifier(&self) -> Notifier {
        self.0.clone()
    }

    /// Waits for a notification, for `other` to become readable, or for the timeout.
    ///
    /// # Errors
    /// Polling fails.
    pub fn wait(&self, other: &impl AsFd, timeout: Duration) -> Result<Wakeup, nix::Error> {
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
        Ok(Wakeup {
            notified: shared.notified.swap(false, Ordering::AcqRel),
            stop: shared.stop.load(Ordering::Acquire),
            routes,
        })
    }
}
