//! A directory of manifests as the policy engine wants it.

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use cluster::{Directory, State, source::Checkpoint};
use explain::{policy_inputs::PolicyInputs, validate::File};
use policy::{Config, Mode, ProxyPorts};

use super::list::notes;
use crate::{
    connect::ServerArgs,
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
    /// with --state or files alone: on (rules of layer 7 are judged) or off (they are refused), as agents are started [default: on]
    #[arg(long, value_name = "WHETHER")]
    l7_proxy: Option<Given<L7Proxy>>,
}

/// Whether agents take rules of layer 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum L7Proxy {
    On,
    Off,
}

impl Value for L7Proxy {
    const NAMES: &'static [&'static str] = &["on", "off"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            other => Err((format!("{other:?} is neither on nor off"), None)),
        }
    }
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
            layer7: match flag::get(&self.l7_proxy)?.unwrap_or(L7Proxy::On) {
                // Nothing is redirected here: any ports do.
                L7Proxy::On => Some(ProxyPorts { tcp: 1, dns: 2 }),
                L7Proxy::Off => None,
            },
            ..Config::default()
        })
    }

    /// Refuses what a running cluster can't be told.
    pub(super) fn check_running_cluster(&self) -> Result<(), Error> {
        let refuse = |text: &str| Err(Error::Usage(text.to_owned()));
        match (&self.enable_policy, &self.l7_proxy) {
            (None, None) => Ok(()),
            (Some(_), _) => {
                refuse("--enable-policy goes with --state: a running cluster has its own mode")
            }
            (None, Some(_)) => refuse(
                "--l7-proxy goes with --state: agents of a running cluster have a proxy or none",
            ),
        }
    }
}

/// What a directory holds, or a running cluster enforces.
pub(super) struct Manifests {
    pub(super) inputs: PolicyInputs,
    /// Where it was read; `None`: in files.
    pub(super) server: Option<client::Server>,
}

/// Reads a directory as an agent does.
pub(super) fn read(path: &Path, config: Config) -> Result<Manifests, Error> {
    let state = Directory::open(path, &Checkpoint::default())?.state();
    Ok(Manifests::of_state(state, config))
}

/// What a running cluster enforces, and whatever is to be known about the answer on standard error.
pub(super) async fn of_server(server: &ServerArgs) -> Result<Manifests, Error> {
    let server = server.connect().await?;
    let answer = server.get_state().await.map_err(Error::Request)?;
    notes(&answer.notes);
    let (state, config) =
        explain::proto::read_state(&answer).map_err(|error| Error::Usage(error.to_string()))?;
    Ok(Manifests {
        server: Some(server),
        ..Manifests::of_state(state.into(), config)
    })
}

impl Manifests {
    /// Of a state, whose policies are read.
    pub(super) fn of_state(state: Arc<State>, config: Config) -> Self {
        Self {
            inputs: PolicyInputs::new(state, config),
            server: None,
        }
    }

    /// Tells people what was left out, on standard error.
    pub(super) fn complain(&self) {
        let mut err = io::stderr().lock();
        for problem in &self.inputs.problems {
            // Nowhere to complain to when standard error is gone as well.
            let _gone = line!(err, "not considered: {problem}");
        }
    }
}

/// Reads all files that are named, and those in directories that are named.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text)?;
            files.push(File {
                name: "<stdin>".into(),
                text,
            });
            continue;
        }
        let paths = match path.is_dir() {
            true => within(path)?,
            false => vec![path.clone()],
        };
        if paths.is_empty() {
            // A path with a mistake in it shall pass no test of others.
            let text = format!(
                "no manifests in {} (files ending in .yaml, .yml or .json)",
                path.display()
            );
            return Err(Error::Usage(text));
        }
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.push(File {
                name: path.to_string_lossy().into(),
                text,
            });
        }
    }
    Ok(files)
}

/// Manifests in a directory and those below it, hidden ones left out, in the order of their names.
fn within(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(unreadable(directory))?;
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let extension = path.extension().and_then(|extension| extension.to_str());
        if hidden {
            continue;
        }
        if path.is_dir() {
            found.extend(within(&path)?);
        } else if matches!(extension, Some("yaml" | "yml" | "json")) {
            found.push(path);
        }
    }
    Ok(found)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |error| Error::Input { path, error }
}
