//! What must mean the same to the next agent: numbers that stand in the kernel's maps, and the last
//! good form of every manifest ([`log`]). Written before the maps are.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

mod log;

pub(super) use log::Log;

/// Form of the file; another one is not read, except the first.
const VERSION: u32 = 2;
/// With the manifests in it.
const FIRST: u32 = 1;

/// The state file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) version: u32,
    /// Endpoint index by `namespace/name` of the pod.
    pub(super) endpoints: BTreeMap<String, u32>,
    /// Identities, cookies, tables, and the last good form of every policy.
    pub(super) policy: policy::Memory,
    /// Last good objects of every file, in a file of the first form.
    #[serde(default, skip_serializing)]
    pub(super) manifests: cluster::source::Memory,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            version: VERSION,
            endpoints: BTreeMap::new(),
            policy: policy::Memory::default(),
            manifests: cluster::source::Memory::default(),
        }
    }
}

/// The state file cannot be used.
#[derive(Debug, Error)]
pub enum SavedError {
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
        "{}: {source}; what is enforced now stays in force. To start anew, remove the file: policies \
         whose manifests are invalid are then not enforced", path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// Of another version.
    #[error(
        "{} has form {found}, this agent reads {VERSION}; what is enforced now stays in force. To \
         start anew, remove the file", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
}

#[derive(Deserialize)]
struct Form {
    version: u32,
}

impl Saved {
    /// Reads the file; the default if there is none.
    ///
    /// # Errors
    /// See [`SavedError`].
    pub(super) fn load(path: &Path) -> Result<Self, SavedError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(failed("reading", path)(source)),
        };
        let content = |source| SavedError::Content {
            path: path.to_owned(),
            source,
        };
        let Form { version } = serde_json::from_slice(&text).map_err(content)?;
        if version != VERSION && version != FIRST {
            return Err(SavedError::Version {
                path: path.to_owned(),
                found: version,
            });
        }
        let saved: Self = serde_json::from_slice(&text).map_err(content)?;
        Ok(Self {
            version: VERSION,
            ..saved
        })
    }

    /// The last good objects of every file, if nothing else says them any more: at least those of the
    /// policies that were in force.
    pub(super) fn take_manifests(&mut self) -> cluster::source::Memory {
        let manifests = std::mem::take(&mut self.manifests);
        if manifests != cluster::source::Memory::default() {
            return manifests;
        }
        let mut files: BTreeMap<Arc<str>, Vec<Arc<cluster::yaml::Node>>> = BTreeMap::new();
        for (file, document) in self.policy.documents() {
            let documents = files.entry(Arc::clone(file)).or_default();
            documents.push(Arc::clone(document));
        }
        let mut manifests = cluster::source::Memory::default();
        for (file, documents) in files {
            manifests.set(file, Some(documents));
        }
        manifests
    }

    /// Writes the file: all of it or, if the machine stops meanwhile, nothing.
    ///
    /// # Errors
    /// The file system refuses; the file is as before.
    pub(super) fn store(&self, path: &Path) -> Result<(), SavedError> {
        let text = serde_json::to_vec(self).map_err(|source| SavedError::Content {
            path: path.to_owned(),
            source,
        })?;
        replace(path, &text, true)
    }
}

/// Puts a file in place of another at once; with `durable`, so that a power cut does not undo it.
///
/// # Errors
/// The file system refuses; the file is as before.
pub(super) fn replace(path: &Path, content: &[u8], durable: bool) -> Result<(), SavedError> {
    let new = path.with_extension("new");
    let mut file = File::create(&new).map_err(failed("creating", &new))?;
    file.write_all(content).map_err(failed("writing", &new))?;
    if durable {
        file.sync_all().map_err(failed("writing", &new))?;
    }
    fs::rename(&new, path).map_err(failed("replacing", path))?;
    if durable && let Some(directory) = path.parent() {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("writing", directory))?;
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SavedError {
    let path = path.to_owned();
    move |source| SavedError::File {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_and_refuses_what_it_does_not_know() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        assert!(Saved::load(&path).unwrap().endpoints.is_empty());
        let mut saved = Saved::default();
        saved.endpoints.insert("shop/cart-0".into(), 7);
        saved.store(&path).unwrap();
        assert_eq!(Saved::load(&path).unwrap().endpoints["shop/cart-0"], 7);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        for (content, expected) in [
            ("{\"version\": 3}", "has form 3"),
            ("{\"version\": 1}", "stays in force"),
            ("", "stays in force"),
        ] {
            fs::write(&path, content).unwrap();
            let error = Saved::load(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{content}: {error}");
        }
    }
}
