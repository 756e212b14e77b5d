//! A change of the cluster's state in words, what it does to the rules of a policy, and which pods it can
//! concern.

use std::sync::Arc;

use cluster::{Object, ObjectChange};
use policy::{Direction, Language, RulePath};

mod concerns;
mod object;
mod policy_rules;

pub use concerns::{NoSuchPod, PodScope};

/// A change as people are told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSummary {
    /// What changed, in one line: `lost rule ingress[1] (allows app=web on 6379/TCP)`. Bounded, whatever the
    /// object holds.
    pub text: String,
    /// Of a policy: the rules that it lost, then those that it got.
    pub rules: Vec<RuleChange>,
}

/// A rule that a policy lost or got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// It got it; else it lost it.
    pub gained: bool,
    /// Where it stands or, of one that was lost, stood.
    pub path: RulePath,
    /// What it is about.
    pub direction: Direction,
    /// Denies instead of allows.
    pub deny: bool,
    /// `app=web on 6379/TCP`.
    pub text: Arc<str>,
}

/// Says what changed. Policies are read in `language`.
pub fn summary<'l>(change: &ObjectChange, language: impl Into<Language<'l>>) -> ChangeSummary {
    let language = language.into();
    match (&change.before, &change.after) {
        (Some(Object::Policy(before)), Some(Object::Policy(after))) => {
            policy_rules::summary(Some(before), Some(after), language)
        }
        (Some(Object::Policy(before)), None) => policy_rules::summary(Some(before), None, language),
        (None, Some(Object::Policy(after))) => policy_rules::summary(None, Some(after), language),
        (before, after) => ChangeSummary {
            text: object::summary(before.as_ref(), after.as_ref()),
            rules: Vec::new(),
        },
    }
}
