//! By what policy decides: the state of a cluster, its policies as they are read, and how they are
//! applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::{Identities, ObjectName, Problem, State};
use policy::{Config, Policy};

use crate::trace::PolicyContext;

/// See the module.
#[derive(Clone, Debug)]
pub struct PolicyInputs {
    /// All objects.
    pub state: Arc<State>,
    /// The policies among them that can be enforced.
    pub policies: BTreeMap<ObjectName, Arc<Policy>>,
    /// How they are applied.
    pub config: Config,
    /// What is wrong; policies named here are left out.
    pub problems: Vec<Problem>,
}

impl PolicyInputs {
    /// Reads the policies of a state.
    pub fn new(state: Arc<State>, config: Config) -> Self {
        let (policies, refused) = policy::read(&state, &config);
        let problems = state.problems.iter().cloned().chain(refused).collect();
        Self {
            state,
            policies,
            config,
            problems,
        }
    }

    /// What questions are asked of.
    pub fn context(&self) -> PolicyContext<'_> {
        PolicyContext::new(
            &self.state,
            &self.policies,
            &self.config,
            Identities::new(self.state.is_dual_stack()),
        )
    }
}
