//! A directory of manifests as the policy engine wants it.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use cluster::{Directory, Identities, ObjectName, Problem, State, source::Checkpoint};
use explain::trace::PolicyContext;
use policy::{Config, Mode, Policy};

use crate::{args::Args, error::Error, line::line};

/// What a directory holds.
pub(super) struct Known {
    pub(super) state: Arc<State>,
    pub(super) policies: BTreeMap<ObjectName, Arc<Policy>>,
    pub(super) config: Config,
    /// What is wrong; policies named here are left out.
    problems: Vec<Problem>,
}

/// Reads a directory as an agent does.
pub(super) fn directory(args: &Args, path: &Path) -> Result<Known, Error> {
    let config = config(args)?;
    let state = Directory::open(path, &Checkpoint::default())?.state();
    let (policies, refused) = policy::read(&state, &config.cluster);
    let problems = state.problems.iter().cloned().chain(refused).collect();
    Ok(Known {
        state,
        policies,
        config,
        problems,
    })
}

/// How policies are applied, as the command line has it.
pub(super) fn config(args: &Args) -> Result<Config, Error> {
    let mode = match args.value("enable-policy").as_deref() {
        None | Some("default") => Mode::Default,
        Some("always") => Mode::Always,
        Some("never") => Mode::Never,
        Some(other) => {
            return Err(Error::Usage(format!(
                "{other:?} is no mode of enforcement: use default, always or never"
            )));
        }
    };
    Ok(Config {
        mode,
        ..Config::default()
    })
}

impl Known {
    /// Tells people what was left out, on standard error.
    pub(super) fn complain(&self) {
        let mut err = io::stderr().lock();
        for problem in &self.problems {
            // Nowhere to complain to when standard error is gone as well.
            let _gone = line!(err, "not considered: {problem}");
        }
    }

    /// What questions are asked of.
    pub(super) fn context(&self) -> PolicyContext<'_> {
        PolicyContext::new(
            &self.state,
            &self.policies,
            &self.config,
            Identities::new(self.state.is_dual_stack()),
        )
    }
}
