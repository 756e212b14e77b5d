//! Where events come from: the kernel's perf rings, or a test.

use std::{io, time::Duration};

use abi::event::Sample;

use crate::fact::Arrived;

/// One thing read from a source.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// A packet; its time is the kernel's.
    Packet(Arrived),
    /// The source lost so many events before the next one.
    Lost(u64),
    /// A record that cannot be read: another version, an unknown kind.
    Malformed,
}

impl Item {
    /// What a record says.
    pub fn read(sample: &Sample) -> Self {
        Arrived::read(sample).map_or(Self::Malformed, Self::Packet)
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
