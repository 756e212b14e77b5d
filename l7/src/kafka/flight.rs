//! Requests without an answer yet, in the order of the connection: brokers answer in order and clients
//! hold them to it, so an answer of ours waits until it is the oldest one's turn.

use std::collections::VecDeque;
use std::time::Duration;

use super::judge::Head;
use super::request::names_size;

/// A request whose answer the client waits for.
#[derive(Debug)]
pub(super) struct Slot {
    /// Number of the request, as its event has it.
    pub(super) request: u64,
    pub(super) head: Head,
    pub(super) answer: Answer,
}

/// Where a request's answer comes from.
#[derive(Debug)]
pub(super) enum Answer {
    /// From the server, as it is.
    Pass,
    /// From the server: if it names a session, these are its topics.
    Fetch(Vec<String>),
    /// From the server, with the versions that are read.
    ApiVersions,
    /// From the server, with the topics that may be seen, and refusals of these.
    Metadata(Vec<String>),
    /// From here, at that time at the earliest.
    Local { frame: Vec<u8>, due: Duration },
}

/// The requests in flight.
#[derive(Debug, Default)]
pub(super) struct Flight {
    slots: VecDeque<Slot>,
    /// Bytes kept in them.
    bytes: usize,
}

impl Slot {
    fn bytes(&self) -> usize {
        let client = self.head.client_id.as_ref().map_or(0, String::len);
        client.saturating_add(match &self.answer {
            Answer::Pass | Answer::ApiVersions => 0,
            Answer::Fetch(topics) | Answer::Metadata(topics) => names_size(topics),
            Answer::Local { frame, .. } => frame.len(),
        })
    }
}

impl Flight {
    pub(super) fn push(&mut self, slot: Slot) {
        self.bytes = self.bytes.saturating_add(slot.bytes());
        self.slots.push_back(slot);
    }

    pub(super) fn pop(&mut self) -> Option<Slot> {
        let slot = self.slots.pop_front()?;
        self.bytes = self.bytes.saturating_sub(slot.bytes());
        Some(slot)
    }

    /// Has no answer that is still to come begin a session whose topics are known.
    pub(super) fn begin_no_sessions(&mut self) {
        for slot in &mut self.slots {
            if let Answer::Fetch(topics) = &slot.answer {
                self.bytes = self.bytes.saturating_sub(names_size(topics));
                slot.answer = Answer::Pass;
            }
        }
    }

    pub(super) fn oldest(&self) -> Option<&Slot> {
        self.slots.front()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes kept in them.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest is due, if its answer is ours.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.oldest()?.answer {
            Answer::Local { due, .. } => Some(due),
            Answer::Pass | Answer::Fetch(_) | Answer::ApiVersions | Answer::Metadata(_) => None,
        }
    }
}
