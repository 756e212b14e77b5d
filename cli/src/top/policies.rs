//! The policies in force, with what the kernel counted of each: every decision, while flows are some
//! of them, and only those that are held.

use std::collections::{HashMap, VecDeque};

use client::RequestError;
use proto::flows::v1::{GetPoliciesResponse, ManifestProblem, PolicyState};

/// Answers over which rates are counted.
const RATED: usize = 6;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    /// As the server said last; `None`: it has not been asked yet.
    said: Option<Result<Vec<PolicyState>, RequestError>>,
    /// Decisions by policy at some moments (Unix ns), the oldest first.
    counted: VecDeque<(i64, HashMap<String, u64>)>,
    /// Those of which the present form is refused, with why.
    refused: Vec<ManifestProblem>,
    /// Counts the answers.
    version: u64,
}

/// What is counted of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Count {
    /// In the kernel, since it has the policy's rules.
    pub(crate) decisions: u64,
    /// Per second; `None`: not known yet.
    pub(crate) rate: Option<f64>,
}

fn decisions(policy: &PolicyState) -> u64 {
    let decisions = policy.rules.iter().map(|rule| rule.decisions);
    decisions.fold(0, u64::saturating_add)
}

impl Policies {
    /// Takes what a server said.
    pub(crate) fn take(&mut self, answer: Result<GetPoliciesResponse, RequestError>, now: i64) {
        self.version += 1;
        if let Ok(answer) = &answer {
            let counts = answer.policies.iter();
            let counts = counts.map(|policy| (policy.policy.clone(), decisions(policy)));
            self.counted.push_back((now, counts.collect()));
            while self.counted.len() > RATED {
                self.counted.pop_front();
            }
        }
        self.said = Some(answer.map(|answer| answer.policies));
    }

    /// Takes what a server refuses.
    pub(crate) fn refuse(&mut self, problems: &[ManifestProblem]) {
        if self.refused != problems {
            self.refused = problems.to_vec();
            self.version += 1;
        }
    }

    /// What is refused of manifests, policies among them.
    pub(crate) fn refused(&self) -> &[ManifestProblem] {
        &self.refused
    }

    /// Why the present form of a policy is refused.
    pub(crate) fn refusal(&self, name: &str) -> Option<&ManifestProblem> {
        self.refused.iter().find(|problem| problem.object == name)
    }

    /// Another server, or another connection: nothing is known.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            version: self.version + 1,
            ..Self::default()
        };
    }

    /// Grows with each answer.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// All of them; empty if the server doesn't say.
    pub(crate) fn all(&self) -> &[PolicyState] {
        match &self.said {
            Some(Ok(policies)) => policies,
            Some(Err(_)) | None => &[],
        }
    }

    /// The one of a name, as `cnp shop/db`.
    pub(crate) fn named(&self, name: &str) -> Option<&PolicyState> {
        self.all().iter().find(|policy| policy.policy == name)
    }

    /// What is counted of one.
    pub(crate) fn count(&self, policy: &PolicyState) -> Count {
        let decisions = decisions(policy);
        let (first, last) = (self.counted.front(), self.counted.back());
        let rate = first.zip(last).and_then(|((begin, before), (end, _))| {
            let past = end - begin;
            // Fewer than before: an agent, or its tables, began anew.
            let more = decisions.checked_sub(*before.get(&policy.policy)?)?;
            #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
            let rate = more as f64 * 1e9 / past as f64;
            (past > 0).then_some(rate)
        });
        Count { decisions, rate }
    }

    /// Why only flows are counted; `None` if decisions are.
    pub(crate) fn missing(&self, is_file: bool) -> Option<String> {
        let only = "counts cover the flows in memory, not the kernel's decisions";
        match &self.said {
            _ if is_file => Some(format!("a file: {only}")),
            None => Some("asking the server for its counters \u{2026}".to_owned()),
            Some(Ok(policies)) if policies.is_empty() => {
                Some("the server has no policy in force".to_owned())
            }
            Some(Ok(_)) => None,
            Some(Err(error)) if error.is_unsupported() => Some(format!("a stock Hubble: {only}")),
            Some(Err(error)) => Some(format!("no counters: {}", error.message())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::flows::v1::RuleState;

    use super::*;

    fn answer(decisions: u64) -> GetPoliciesResponse {
        let rule = RuleState {
            decisions,
            ..RuleState::default()
        };
        GetPoliciesResponse {
            policies: vec![PolicyState {
                policy: "cnp shop/db".to_owned(),
                rules: vec![rule.clone(), rule],
                ..PolicyState::default()
            }],
            ..GetPoliciesResponse::default()
        }
    }

    #[test]
    fn rates_are_of_the_last_answers_and_never_negative() {
        let second = 1_000_000_000;
        let mut policies = Policies::default();
        for (at, decisions, want) in [
            (0, 100, None),
            (2, 110, Some(10.0)),
            (4, 150, Some(25.0)),
            (6, 3, None),
        ] {
            policies.take(Ok(answer(decisions)), at * second);
            let policy = policies.named("cnp shop/db").unwrap();
            let count = policies.count(policy);
            assert_eq!(count.decisions, 2 * decisions);
            assert_eq!(count.rate, want, "after {at} s");
        }
        let status = tonic::Status::unimplemented("");
        let error = RequestError::new("a:1", client::Service::Policy, "policies", status);
        policies.take(Err(error), 8 * second);
        assert!(policies.all().is_empty());
        assert!(policies.missing(false).unwrap().contains("stock Hubble"));
    }
}
