//! What judges requests: the caller's rules.

use futures::future::BoxFuture;
use l7::http::{Effects, Request};
use l7::rules::{Decision, Direction};

/// Judges requests by the rules as they are at the moment of the call: a change of policy counts for the next
/// request of a connection that is open, and for one in flight, for which it is asked again.
pub trait Judge: Sync {
    /// Judges a request whose head has one meaning, and whose path is normalized. Must not block.
    fn judge(&self, request: &Request<'_, [(&str, &[u8])]>) -> Decisions;

    /// Resolves when the rules were replaced after this call.
    fn changed(&self) -> BoxFuture<'_, ()>;
}

/// What the rules say of a request. Where one pass judges both ends, there is a decision of each, up to the first
/// that denies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Of whose rules, and what. All must allow.
    pub decisions: Vec<(Direction, Decision)>,
    /// Whether no decision at all allows: there are no rules any more, and what is open goes on.
    pub is_unruled: bool,
    /// What the rules change about the request's headers if it is allowed.
    pub effects: Effects,
}

impl Decisions {
    /// Whether the request may be forwarded.
    pub fn is_allowed(&self) -> bool {
        if self.decisions.is_empty() {
            return self.is_unruled;
        }
        let mut decisions = self.decisions.iter();
        decisions.all(|(_, decision)| decision.is_allowed())
    }
}

#[cfg(test)]
mod tests {
    use l7::rules::{Allowed, Denial, RuleRef};

    use super::*;

    #[test]
    fn all_must_allow() {
        let allowed = Decision::Allowed(Allowed {
            rule: RuleRef(1),
            item: None,
        });
        let denied = Decision::Denied(Denial { nearest: None });
        let (egress, ingress) = (Direction::Egress, Direction::Ingress);
        let rows = [
            (vec![(egress, allowed.clone())], false, true),
            (
                vec![(egress, allowed.clone()), (ingress, allowed.clone())],
                false,
                true,
            ),
            (
                vec![(egress, allowed), (ingress, denied.clone())],
                true,
                false,
            ),
            (vec![(ingress, denied)], true, false),
            (vec![], true, true),
            (vec![], false, false),
        ];
        for (decisions, is_unruled, wanted) in rows {
            let decisions = Decisions {
                decisions,
                is_unruled,
                ..Decisions::default()
            };
            assert_eq!(decisions.is_allowed(), wanted, "{decisions:?}");
        }
    }
}
