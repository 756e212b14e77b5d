//! What is known of a connection as a whole, where a form of flow is one.

use super::Direction;

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConnectionState {
    /// Its packets are dropped.
    Denied,
    /// Its first packets passed, and an answer may still come.
    Opening,
    /// Nothing came back.
    NoAnswer,
    /// TCP: nobody listens there.
    Refused,
    /// TCP: an end broke it off.
    Reset,
    /// TCP: both ends closed it.
    Closed,
    /// TCP: it is open, as far as is told.
    Open,
    /// Not TCP: the other end answered.
    Answered,
}

impl ConnectionState {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Closed,
        Self::Answered,
        Self::Denied,
        Self::NoAnswer,
        Self::Refused,
        Self::Reset,
        Self::Opening,
    ];

    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Opening => "opening",
            Self::NoAnswer => "no answer",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Answered => "answered",
        }
    }

    /// What it means, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Self::Denied => "its packets are dropped",
            Self::Opening => "it began less than 3 s ago, and nothing came back so far",
            Self::NoAnswer => "nothing came back",
            Self::Refused => "nobody listens on that port",
            Self::Reset => "an end broke it off",
            Self::Closed => "both ends closed it",
            Self::Open => "it is open, as far as is told",
            Self::Answered => "the other end answered (not TCP)",
        }
    }

    /// Whether its fate is known: what may still come changes only how long it lived and how much it
    /// carried.
    pub fn is_final(self) -> bool {
        match self {
            Self::Denied | Self::NoAnswer | Self::Refused | Self::Reset | Self::Closed => true,
            Self::Opening | Self::Open | Self::Answered => false,
        }
    }
}

/// What is known of a connection, besides what any of its flows tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// How it stands.
    pub state: ConnectionState,
    /// From its first to its last event, ns; of what is still open, until now.
    pub age_ns: i64,
    /// Packets that were dropped.
    pub drops: u64,
    /// A pod's end of which nothing was told, though it judges.
    pub silent: Option<Direction>,
    /// Events that its nodes lost while it lived, and that may have been its own.
    pub lost: u64,
}
