//! What judges requests: the caller's rules.

use l7::http::{Effects, Request};
use l7::rules::{Decision, Direction};

/// Judges requests by the rules as they are at the moment of the call: a change of policy counts for the next
/// request of a connection that is open.
pub trait Judge: Sync {
    /// Judges a request whose head has one meaning, and whose path is normalized. Must not block.
    fn judge(&self, request: &Request<'_, [(&str, &[u8])]>) -> Decisions;
}

/// What the rules say of a request. Where one pass judges both ends, there is a decision of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Of whose rules, and what. All must allow; none at all denies.
    pub decisions: Vec<(Direction, Decision)>,
    /// What the rules change about the request's headers if it is allowed.
    pub effects: Effects,
}

impl Decisions {
    /// Whether the request may be forwarded.
    pub fn is_allowed(&self) -> bool {
        let mut decisions = self.decisions.iter();
        !self.decisions.is_empty() && decisions.all(|(_, decision)| decision.is_allowed())
    }
}
