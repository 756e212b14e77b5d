//! The policies in force, with what the kernel counted of each: every decision, while flows are some
//! of them, and only those that are held.

use client::{
    RequestError,
    policies::{DecisionCount, DecisionRates},
};
use proto::flows::v1::{GetPoliciesResponse, ManifestProblem, PolicyState};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    /// As the server said last; `None`: it has not been asked yet.
    said: Option<Result<Vec<PolicyState>, RequestError>>,
    rates: DecisionRates,
    /// Those of which the present form is refused, with why.
    refused: Vec<ManifestProblem>,
    /// Counts the answers.
    version: u64,
}

impl Policies {
    /// Takes what a server said.
    pub(crate) fn take(&mut self, answer: Result<GetPoliciesResponse, RequestError>, now: i64) {
        self.version += 1;
        if let Ok(answer) = &answer {
            self.rates.add(&answer.policies, now);
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
    pub(crate) fn count(&self, policy: &PolicyState) -> DecisionCount {
        self.rates.count(policy)
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
    use super::*;

    #[test]
    fn a_stock_hubble_has_no_policies() {
        let mut policies = Policies::default();
        let answer = GetPoliciesResponse {
            policies: vec![PolicyState {
                policy: "cnp shop/db".to_owned(),
                ..PolicyState::default()
            }],
            ..GetPoliciesResponse::default()
        };
        policies.take(Ok(answer), 1);
        assert!(policies.named("cnp shop/db").is_some());
        assert_eq!(policies.missing(false), None);
        let status = tonic::Status::unimplemented("");
        let error = RequestError::new("a:1", client::Service::Policy, "policies", status);
        policies.take(Err(error), 2);
        assert!(policies.all().is_empty());
        assert!(policies.missing(false).unwrap().contains("stock Hubble"));
    }
}
