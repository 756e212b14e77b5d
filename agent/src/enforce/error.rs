//! Why the agent cannot start to enforce, or is not in step.

use std::path::PathBuf;

use cluster::source::DirectoryError;
use thiserror::Error;

use crate::{error::chain, proxy::ProxyError};

/// The agent cannot start to enforce.
#[derive(Debug, Error)]
pub enum EnforceError {
    /// No manifests.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// They cannot be followed.
    #[error(transparent)]
    Watch(#[from] cluster::source::WatchError),
    /// The state file is no good.
    #[error(transparent)]
    StateFile(#[from] super::StateFileError),
    /// Nothing, where there was something before.
    #[error(
        "{source_name} has no usable manifests, and this node enforced some before: the last applied \
         policy stays enforced. Name the right directory or, if the cluster is to be empty, confirm it: \
         touch {} and start again",
        confirm.display()
    )]
    Emptied {
        /// What the manifests come from.
        source_name: String,
        /// The file that confirms it, removed by the start that it is for.
        confirm: PathBuf,
    },
    /// What confirms it would confirm the next start, too.
    #[error(
        "{} can't be removed: {source}. It must confirm one start only: the last applied policy stays enforced",
        confirm.display()
    )]
    Confirm {
        /// The file.
        confirm: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kernel refuses.
    #[error("{context}: {cause}")]
    Loader {
        /// What was tried.
        context: &'static str,
        /// Why it failed, with its causes.
        cause: Box<LoaderError>,
    },
    /// The proxy has other rules than it should.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A descriptor cannot be had.
    #[error("waiting for changes: {0}")]
    Wait(#[from] nix::Error),
    /// A thread cannot be had.
    #[error("starting a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A loader's error whose text has its causes, too.
#[derive(Debug, Error)]
#[error("{}", chain(.0))]
pub struct LoaderError(pub(super) loader::Error);

pub(super) fn loader_error(context: &'static str) -> impl FnOnce(loader::Error) -> EnforceError {
    move |source| EnforceError::Loader {
        context,
        cause: Box::new(LoaderError(source)),
    }
}
