//! Fetch sessions (KIP-227): later requests of a session name only what changes, so what is asked for
//! is what earlier ones named.
//!
//! What a session forgets stays in its set: should a rule no longer allow it, the session is refused,
//! and the client begins a new one, with all that it still wants.

use std::collections::VecDeque;

use super::request::names_size;

/// The sessions of a connection, the newest last.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: VecDeque<Session>,
}

#[derive(Debug)]
struct Session {
    id: i64,
    topics: Vec<String>,
}

/// Clients have one for each connection.
const MAX_SESSIONS: usize = 4;

/// How a fetch stands to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It names all that it wants.
    Full,
    /// It names what changes in the session.
    Incremental,
}

impl Kind {
    /// By the request's epoch: 0 begins a session, -1 wants none.
    pub(super) const fn of(epoch: i64) -> Self {
        match epoch {
            0 | -1 => Self::Full,
            _ => Self::Incremental,
        }
    }
}

impl Sessions {
    /// All topics of a session; none: it isn't known.
    pub(super) fn topics(&self, id: i64) -> Option<&[String]> {
        let session = self.known.iter().find(|session| session.id == id)?;
        Some(&session.topics)
    }

    /// Sets what a session's topics are. The oldest of too many is forgotten: its client is told to
    /// begin anew.
    pub(super) fn set(&mut self, id: i64, topics: Vec<String>) {
        self.forget(id);
        if self.known.len() >= MAX_SESSIONS {
            self.known.pop_front();
        }
        self.known.push_back(Session { id, topics });
    }

    /// Bytes kept.
    pub(super) fn size(&self) -> usize {
        let sizes = self.known.iter().map(|known| names_size(&known.topics));
        sizes.fold(0, usize::saturating_add)
    }

    /// Forgets a session.
    pub(super) fn forget(&mut self, id: i64) {
        self.known.retain(|session| session.id != id);
    }
}
