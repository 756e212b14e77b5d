//! What can go wrong with a lab. Every variant names the place and, where there is one, the remedy.

use std::io;
use std::path::{Path, PathBuf};

/// Result of most functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the lab.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Namespaces and links need privileges.
    #[error("flows-lab makes network namespaces and needs root: run it with sudo")]
    NotRoot,
    /// A manifest that can't be read as one.
    #[error("{}:{line}: {message}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Line in it, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// No manifest was found where some were expected.
    #[error("{}: no manifests here (files ending in .yaml, .yml or .json)", path.display())]
    NoManifests {
        /// The file or directory given.
        path: PathBuf,
    },
    /// Manifests that don't fit together.
    #[error("{what}")]
    Plan {
        /// What doesn't fit, naming the object.
        what: String,
    },
    /// The name is taken.
    #[error("lab {name} exists already: `flows-lab down --name {name}` removes it")]
    Exists {
        /// The lab.
        name: String,
    },
    /// There is no such lab.
    #[error("no lab named {name}{}", known_labs(known))]
    NoSuchLab {
        /// The name asked for.
        name: String,
        /// Labs that exist.
        known: Vec<String>,
    },
    /// A name that can't name a lab.
    #[error("{name:?} can't name a lab: up to 32 of a-z, 0-9 and -, beginning with a letter")]
    BadName {
        /// The name asked for.
        name: String,
    },
    /// No pod, or more than one, goes by the name.
    #[error("{what}")]
    NoSuchPod {
        /// The name, and what there is instead.
        what: String,
    },
    /// Another flows-lab holds the lab's lock.
    #[error("timed out waiting for the lock on {}: another flows-lab is changing it", path.display())]
    Busy {
        /// The locked directory.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A server of layer 7 doesn't serve.
    #[error(transparent)]
    App(#[from] apps::Error),
    /// The kernel refused a change of links, addresses or routes.
    #[error("cannot {action} in network namespace {namespace}: {source}")]
    Netlink {
        /// What was attempted.
        action: String,
        /// The namespace's name in the lab.
        namespace: String,
        /// Why it failed.
        #[source]
        source: rtnetlink::Error,
    },
    /// A pod's veth can't be cut off until an agent guards it.
    #[error("cannot cut off interface {interface}: {source}; Linux 6.6 or newer is needed")]
    Close {
        /// The interface.
        interface: String,
        /// Why.
        #[source]
        source: Box<loader::Error>,
    },
    /// A program of ours isn't where it should be.
    #[error(
        "{program} is not beside {}: build it (`cargo build`), or give --no-agent for bare networking",
        beside.display()
    )]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// The program it should stand beside.
        beside: PathBuf,
    },
    /// The cluster didn't become ready.
    #[error("not ready after {seconds} s: {missing}")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// What is missing, and where to look.
        missing: String,
    },
    /// A node doesn't enforce what was applied.
    #[error("node {node} doesn't enforce it: {why}")]
    NotInForce {
        /// The node.
        node: String,
        /// What its agent said.
        why: String,
    },
    /// A command in a pod couldn't be run or understood.
    #[error("{what}")]
    Command {
        /// Which command, and what it said.
        what: String,
    },
    /// lab.json can't be read.
    #[error("{}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

fn known_labs(known: &[String]) -> String {
    if known.is_empty() {
        "; no lab is up (`flows-lab up FILE` makes one)".to_owned()
    } else {
        format!("; there are: {}", known.join(", "))
    }
}

/// Adds what was attempted and on which file to an I/O error.
pub trait Context<T> {
    /// Turns the error into [`Error::Io`].
    ///
    /// # Errors
    /// That one.
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::Io {
            action,
            path: path.to_owned(),
            source: error.into(),
        })
    }
}
