//! Where events come from: the kernel's perf rings, or a test.

use std::{io, time::Duration};

use abi::event::{self, Event};

/// One thing read from a source.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// An event; its time is the kernel's.
    Event(Event),
    /// The source lost so many events before the next one.
    Lost(u64),
    /// A record that cannot be read: another version, an unknown kind.
    Malformed,
}

impl Item {
    /// Checks what a source cannot be trusted with: version and kind.
    pub fn checked(event: Event) -> Self {
        if event.version == event::VERSION && (event::NEW..=event::PACKET).contains(&event.kind) {
            Self::Event(event)
        } else {
            Self::Malformed
        }
    }
}

/// One ring. Read by one thread of its own.
pub trait Source: Send {
    /// CPU whose events it carries.
    fn cpu(&self) -> u32;

    /// Waits until there is something to read, at most `timeout`. Coming back early or with nothing
    /// there is fine.
    ///
    /// # Errors
    /// The source is broken; its reader ends, and with it the agent.
    fn wait(&mut self, timeout: Duration) -> io::Result<()>;

    /// Reads all there is, oldest first.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    fn drain(&mut self, sink: &mut dyn FnMut(Item)) -> io::Result<()>;
}
