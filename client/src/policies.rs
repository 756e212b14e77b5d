//! The policies in force: how often their rules decided, and at what rate, out of the answers of a server
//! to `GetPolicies` one after the other.

use std::collections::{HashMap, VecDeque};

use proto::flows::v1::PolicyState;

/// Answers over which rates are counted.
const RATED: usize = 6;

/// What is counted of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DecisionCount {
    /// In the kernel, since it has the policy's rules.
    pub decisions: u64,
    /// Per second; `None`: not known yet.
    pub rate: Option<f64>,
}

/// Decisions of policies over the last answers.
#[derive(Clone, Debug, Default)]
pub struct DecisionRates {
    /// By policy at some moments (Unix ns), the oldest first.
    counted: VecDeque<(i64, HashMap<String, u64>)>,
}

/// Decisions of all rules of a policy.
#[must_use]
pub fn decisions(policy: &PolicyState) -> u64 {
    let decisions = policy.rules.iter().map(|rule| rule.decisions);
    decisions.fold(0, u64::saturating_add)
}

impl DecisionRates {
    /// Takes the policies of an answer; `now`: Unix ns.
    pub fn add(&mut self, policies: &[PolicyState], now: i64) {
        let counts = policies.iter();
        let counts = counts.map(|policy| (policy.policy.clone(), decisions(policy)));
        self.counted.push_back((now, counts.collect()));
        while self.counted.len() > RATED {
            self.counted.pop_front();
        }
    }

    /// When the last answer came, Unix ns.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.counted.back().map(|(time, _)| *time)
    }

    /// What is counted of one policy of the last answer.
    #[must_use]
    pub fn count(&self, policy: &PolicyState) -> DecisionCount {
        let decisions = decisions(policy);
        let (first, last) = (self.counted.front(), self.counted.back());
        let rate = first.zip(last).and_then(|((begin, before), (end, _))| {
            let past = end - begin;
            // Fewer than before: an agent, or its tables, began again.
            let more = decisions.checked_sub(*before.get(&policy.policy)?)?;
            #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
            let rate = more as f64 * 1e9 / past as f64;
            (past > 0).then_some(rate)
        });
        DecisionCount { decisions, rate }
    }
}

#[cfg(test)]
mod tests {
    use proto::flows::v1::RuleState;

    use super::*;

    #[test]
    fn rates_are_of_the_last_answers_and_never_negative() {
        let mut rates = DecisionRates::default();
        for (at, decisions, want) in [
            (0, 100, None),
            (2, 110, Some(10.0)),
            (4, 150, Some(25.0)),
            (6, 3, None),
        ] {
            let rule = RuleState {
                decisions,
                ..RuleState::default()
            };
            let policy = PolicyState {
                policy: "cnp shop/db".to_owned(),
                rules: vec![rule.clone(), rule],
                ..PolicyState::default()
            };
            rates.add(std::slice::from_ref(&policy), at * 1_000_000_000);
            let count = rates.count(&policy);
            assert_eq!(count.decisions, 2 * decisions);
            assert_eq!(count.rate, want, "after {at} s");
        }
    }
}
