//! The identities of addresses that have names, as the last agent wrote them down.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use l7::learned::{Identities, NAME_IDENTITIES, NameIdentities};
use l7::names::NameRuleError;

/// No identities can be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum NumbersError {
    /// The file system refuses.
    #[error("reading {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// It isn't what an agent writes.
    #[error("{}: {source}", path.display())]
    Content {
        path: PathBuf,
        source: serde_json::Error,
    },
    /// A selector in it can't be used.
    #[error("{}: {source}", path.display())]
    Name {
        path: PathBuf,
        source: NameRuleError,
    },
}

/// Which file was read: another one takes its place when it changes.
type Version = (u64, i64, i64, u64);

/// See the module.
#[derive(Debug)]
pub(super) struct Numbers {
    path: PathBuf,
    read: Option<(Version, Identities)>,
}

impl Numbers {
    pub(super) fn new(run_dir: &Path) -> Self {
        Self {
            path: run_dir.join(NAME_IDENTITIES),
            read: None,
        }
    }

    /// What is written, read again if that is another file. The maps must be locked.
    ///
    /// # Errors
    /// It can't be used.
    pub(super) fn read(&mut self) -> Result<&Identities, NumbersError> {
        let path = &self.path;
        let failed = |source| NumbersError::File {
            path: path.clone(),
            source,
        };
        let metadata = fs::metadata(path).map_err(failed)?;
        let version = (
            metadata.ino(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.len(),
        );
        if self.read.as_ref().is_none_or(|(read, _)| *read != version) {
            let text = durable::read(path).map_err(failed)?;
            let written: NameIdentities =
                serde_json::from_slice(&text).map_err(|source| NumbersError::Content {
                    path: path.clone(),
                    source,
                })?;
            let identities =
                Identities::compile(&written).map_err(|source| NumbersError::Name {
                    path: path.clone(),
                    source,
                })?;
            self.read = Some((version, identities));
        }
        let (_, identities) = self.read.as_ref().expect("just read");
        Ok(identities)
    }
}
