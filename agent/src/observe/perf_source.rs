//! The kernel's rings as sources of events.

use std::{io, os::fd::AsFd as _, sync::atomic::Ordering, time::Duration};

use loader::{RingItem, RingReader};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::source::{Item, Source};
use crate::node::RingDropCounter;

/// A ring of the kernel.
///
/// The ring's own mark of a loss comes only with the next event that finds room, and none comes if
/// there was no ring. The counter knows at once. Both tell of the same events: what was marked by the
/// counter is taken off the ring's next marks.
#[derive(Debug)]
pub struct PerfSource {
    reader: RingReader,
    failed: RingDropCounter,
    /// Of `failed`, before this reader.
    before: u64,
    marked: u64,
    /// Of `marked`, what the ring has not yet told of.
    ahead: u64,
    /// The counter as it was at the last drain: what is older than a drain and not told by the ring
    /// is marked.
    settled: u64,
}

impl PerfSource {
    /// Reads events from `reader`; `failed` holds the counter of its CPU, as it was before the ring
    /// was opened.
    pub fn new(reader: RingReader, failed: RingDropCounter) -> Self {
        let before = failed.load(Ordering::Relaxed);
        Self {
            reader,
            failed,
            before,
            marked: 0,
            ahead: 0,
            settled: 0,
        }
    }
}

impl Source for PerfSource {
    fn cpu(&self) -> u32 {
        self.reader.cpu()
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let mut fds = [PollFd::new(self.reader.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::ZERO);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn drain(&mut self, sink: &mut dyn FnMut(Item)) -> io::Result<()> {
        let (marked, ahead) = (&mut self.marked, &mut self.ahead);
        self.reader.drain(|item| match item {
            RingItem::Event(sample) => sink(Item::read(sample)),
            RingItem::Lost(events) => {
                let known = events.min(*ahead);
                *ahead -= known;
                *marked += events - known;
                if events > known {
                    sink(Item::Lost(events - known));
                }
            }
            RingItem::Malformed(_) => sink(Item::Malformed),
        });
        let missing = self.settled.saturating_sub(self.marked);
        if missing > 0 {
            self.marked += missing;
            self.ahead += missing;
            sink(Item::Lost(missing));
        }
        self.settled = self
            .failed
            .load(Ordering::Relaxed)
            .saturating_sub(self.before);
        Ok(())
    }
}
