//! What can be wrong with a file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Form of the files. Earlier ones were one JSON text, or lines without a head.
pub const VERSION: u32 = 3;

/// A file cannot be used, or written.
#[derive(Debug, Error)]
pub enum StateFileError {
    /// The file system refuses.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Not what an agent writes.
    #[error(
        "{}: line {line}: {source}; the last applied policy stays enforced. To start over, remove the file: \
         policies whose manifests are invalid are then not enforced", path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// Where it is wrong, from 1.
        line: usize,
        /// What is wrong.
        source: Damage,
    },
    /// Of another version.
    #[error(
        "{} has form {found}, this program reads {VERSION}; the last applied policy stays enforced. To \
         start over, remove the file", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
}

/// What is wrong in a file.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It says nothing, not even that there is nothing.
    #[error("there is nothing in it: the file was damaged or edited")]
    Empty,
    /// It isn't what was written.
    #[error("its checksum is another one: the file was damaged or edited")]
    Checksum,
    /// It isn't such a record.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

pub(crate) fn failed(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> StateFileError {
    let path = path.to_owned();
    move |source| StateFileError::File {
        action,
        path,
        source,
    }
}
