//! A directory of manifests as the policy engine wants it.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use cluster::{Directory, Identities, ObjectName, Problem, State, source::Checkpoint};
use explain::trace::PolicyContext;
use policy::{Config, Mode, Policy};

use crate::{
    error::Error,
    flag::{self, Given, Value},
    line::line,
};

/// Which policies and pods are looked at.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Policies")]
pub(super) struct StateArgs {
    /// use the manifests in this directory instead of a running cluster
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// with --state: default (pods that a policy selects), always (all pods) or never [default: default]
    #[arg(long, value_name = "MODE")]
    enable_policy: Option<Given<Mode>>,
}

impl Value for Mode {
    const NAMES: &'static [&'static str] = &["default", "always", "never"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "default" => Ok(Self::Default),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            other => Err((
                format!("{other:?} is not a mode of enforcement: use default, always or never"),
                None,
            )),
        }
    }
}

impl StateArgs {
    /// How policies are applied.
    pub(super) fn config(&self) -> Result<Config, Error> {
        Ok(Config {
            mode: flag::get(&self.enable_policy)?.unwrap_or(Mode::Default),
            ..Config::default()
        })
    }

    /// Refuses what a running cluster can't be told.
    pub(super) fn check_running_cluster(&self) -> Result<(), Error> {
        match self.enable_policy {
            None => Ok(()),
            Some(_) => Err(Error::Usage(
                "--enable-policy goes with --state: a running cluster has its own mode".to_owned(),
            )),
        }
    }
}

/// What a directory holds.
pub(super) struct Manifests {
    pub(super) state: Arc<State>,
    pub(super) policies: BTreeMap<ObjectName, Arc<Policy>>,
    pub(super) config: Config,
    /// What is wrong; policies named here are left out.
    problems: Vec<Problem>,
}

/// Reads a directory as an agent does.
pub(super) fn read(path: &Path, config: Config) -> Result<Manifests, Error> {
    let state = Directory::open(path, &Checkpoint::default())?.state();
    let (policies, refused) = policy::read(&state, &config.cluster);
    let problems = state.problems.iter().cloned().chain(refused).collect();
    Ok(Manifests {
        state,
        policies,
        config,
        problems,
    })
}

impl Manifests {
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
