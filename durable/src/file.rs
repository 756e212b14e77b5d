//! Files: how one takes another's place, and what can be wrong with one.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::journal::{Damage, VERSION};

/// The state file cannot be used.
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

/// Puts a file in place of another at once; with `durable`, so that a power cut does not undo it.
///
/// # Errors
/// The file system refuses; the file is as before.
pub fn replace(path: &Path, content: &[u8], durable: bool) -> Result<(), StateFileError> {
    let new = path.with_extension("new");
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(content)?;
        if durable { file.sync_all() } else { Ok(()) }
    });
    let put = written
        .map_err(failed("writing", &new))
        .and_then(|()| fs::rename(&new, path).map_err(failed("replacing", path)));
    if let Err(error) = put {
        // Half of it may hold the last room there is.
        drop(fs::remove_file(&new));
        return Err(error);
    }
    if durable && let Some(directory) = path.parent() {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("writing", directory))?;
    }
    Ok(())
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
