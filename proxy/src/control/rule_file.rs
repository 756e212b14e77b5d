//! The rules on disk: what was in force last, for a proxy that starts alone.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use durable::StateFileError;
use l7::rules::{CompileError, LoadError, MAX_BYTES, Rules, Snapshot};

/// The file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    path: PathBuf,
}

/// The rules on disk can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleFileError {
    /// What the system says.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// What is in it is not a snapshot.
    #[error("{}: {source}", path.display())]
    Load {
        /// Of which file.
        path: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// A rule in it can't be used.
    #[error("{}: {source}", path.display())]
    Compile {
        /// Of which file.
        path: PathBuf,
        /// Which.
        source: CompileError,
    },
}

impl RuleFile {
    /// `proxy-rules.json` in that directory.
    pub fn new(directory: &Path) -> Self {
        Self {
            path: directory.join("proxy-rules.json"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; `None`: there is none yet.
    ///
    /// # Errors
    /// It can't be read, or isn't what was written.
    pub fn read(&self) -> Result<Option<Rules>, RuleFileError> {
        let path = || self.path.clone();
        let file = match durable::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(self.failed("opening"))?,
        };
        let mut bytes = Vec::new();
        // One more, so that what is too long is seen to be.
        let mut file = file.take(MAX_BYTES as u64 + 1);
        file.read_to_end(&mut bytes)
            .map_err(self.failed("reading"))?;
        let snapshot = Snapshot::from_json(&bytes);
        let snapshot = snapshot.map_err(|source| RuleFileError::Load {
            path: path(),
            source,
        })?;
        let rules = Rules::compile(&snapshot, None);
        let rules = rules.map_err(|source| RuleFileError::Compile {
            path: path(),
            source,
        })?;
        Ok(Some(rules))
    }

    /// Replaces it: whoever reads it, also after a crash, finds the former content or this one.
    ///
    /// # Errors
    /// It can't be written; the former content stays.
    pub fn write(&self, bytes: &[u8]) -> Result<(), StateFileError> {
        durable::replace(&self.path, bytes, true)
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> RuleFileError {
        let path = self.path.clone();
        move |source| RuleFileError::Io {
            action,
            path,
            source,
        }
    }
}
