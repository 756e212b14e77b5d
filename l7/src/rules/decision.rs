//! What comes out of a judgement, and how it reads.

use std::fmt;

use l7_wire::name::Name;
use l7_wire::tls::ServerName;

use super::snapshot::RuleRef;
use crate::http::Mismatch;

/// Whether a request is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// By the first alternative that allows it.
    Allowed(Allowed),
    /// By none.
    Denied(Denial),
}

impl Decision {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// What allows a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The rule.
    pub rule: RuleRef,
    /// Index of its item of layer 7; `None` if it has none, and allows everything.
    pub item: Option<usize>,
}

/// Why a request is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule that came nearest; `None`: no rule of this port selects the peer.
    pub nearest: Option<Nearest>,
}

/// A rule that selects the peer and doesn't allow its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The rule.
    pub rule: RuleRef,
    /// Index of its item of layer 7; `None` if none came near.
    pub item: Option<usize>,
    /// What first doesn't fit.
    pub reason: Reason,
}

/// What of a request doesn't fit a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A part of an HTTP request.
    Http(Mismatch),
    /// The name that is asked for.
    Name {
        /// Of the question.
        asked: Box<str>,
        /// The rule's, as written.
        wanted: Box<str>,
        /// Whether that is a name rather than a pattern.
        is_literal: bool,
    },
    /// The server's name in a TLS connection.
    ServerName {
        /// As sent.
        sent: Box<str>,
        /// The rule's, as written.
        wanted: Box<str>,
        /// Whether that is a name rather than a pattern.
        is_literal: bool,
    },
    /// The connection is not TLS, or names no server.
    NoServerName,
    /// The rule has no item that could allow anything.
    AllowsNothing,
    /// The rule is of another protocol.
    OtherProtocol {
        /// What it allows.
        allows: &'static str,
    },
}

impl Reason {
    pub(super) fn name(asked: &Name, wanted: &str) -> Self {
        let asked = asked.to_string();
        // As people write it; the root stays a dot.
        let asked = asked
            .strip_suffix('.')
            .filter(|name| !name.is_empty())
            .unwrap_or(&asked);
        Self::Name {
            asked: asked.into(),
            wanted: wanted.into(),
            is_literal: !wanted.contains('*'),
        }
    }

    pub(super) fn server_name(sent: &ServerName, wanted: &str) -> Self {
        Self::ServerName {
            sent: sent.to_string().into(),
            wanted: wanted.into(),
            is_literal: !wanted.contains('*'),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nearest {
            Some(nearest) => nearest.reason.fmt(f),
            None => f.write_str("no rule selects this peer"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = |is_literal| {
            if is_literal {
                "is not"
            } else {
                "does not match"
            }
        };
        match self {
            Self::Http(mismatch) => mismatch.fmt(f),
            Self::Name {
                asked,
                wanted,
                is_literal,
            } => write!(f, "name {asked} {} {wanted}", verb(*is_literal)),
            Self::ServerName {
                sent,
                wanted,
                is_literal,
            } => write!(f, "server name {sent} {} {wanted}", verb(*is_literal)),
            Self::NoServerName => f.write_str("the connection names no TLS server"),
            Self::AllowsNothing => f.write_str("the rule allows nothing"),
            Self::OtherProtocol { allows } => write!(f, "the rule allows {allows} only"),
        }
    }
}
