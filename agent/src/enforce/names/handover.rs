//! What a proxy goes by while no agent runs, and what it has learned when one runs again.
//!
//! ```text
//!  before the maps change   what stands in the file and still holds afterwards
//!  once they have           all
//! ```
//!
//! So whatever moment an agent ends in, no number in the file stands for something else in the maps.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use durable::{Damage, Journal, StateFileError, remove, replace};
use l7::learned::{Entry, LEARNED, NAME_IDENTITIES, NameIdentities};
use tracing::warn;

/// How often numbers of new sets of names are written down, if nothing else asks for it.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Handover {
    path: PathBuf,
    /// What the file says; `None`: anything.
    written: Option<NameIdentities>,
    /// What it is to say; `None`: that isn't known before the maps have changed once.
    wanted: Option<NameIdentities>,
    tried: Instant,
}

impl Handover {
    pub(super) fn open(run_dir: &Path) -> Self {
        let path = run_dir.join(NAME_IDENTITIES);
        let text = fs::read(&path).ok();
        let written = text.and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            path,
            written,
            wanted: None,
            tried: Instant::now(),
        }
    }

    /// The maps are about to change: what doesn't hold afterwards goes.
    ///
    /// # Errors
    /// The file system refuses: the maps must not change.
    pub(super) fn narrow(&mut self, wanted: &NameIdentities) -> Result<(), StateFileError> {
        let common = self
            .written
            .as_ref()
            .and_then(|written| written.common(wanted));
        match common {
            Some(common) => self.write(common),
            // Without a file nothing is learned.
            None => self.remove(),
        }
    }

    /// They have changed. What there is more is written down at once if the policies select other names, else in a
    /// while.
    ///
    /// # Errors
    /// The file system refuses. It is tried again.
    pub(super) fn settle(&mut self, wanted: NameIdentities) -> Result<(), StateFileError> {
        let selectors = &wanted.selectors;
        let written = self.written.as_ref();
        let may_wait = written.is_some_and(|written| written.selectors == *selectors);
        self.wanted = Some(wanted.clone());
        if may_wait { Ok(()) } else { self.write(wanted) }
    }

    /// Writes down what there is more, if it is time to.
    ///
    /// # Errors
    /// The file system refuses. It is tried again.
    pub(super) fn catch_up(&mut self) -> Result<(), StateFileError> {
        if self.tried.elapsed() < WRITE_EVERY {
            return Ok(());
        }
        self.tried = Instant::now();
        match self.wanted.clone() {
            Some(wanted) => self.write(wanted),
            None => Ok(()),
        }
    }

    fn remove(&mut self) -> Result<(), StateFileError> {
        self.written = None;
        remove(&self.path)
    }

    fn write(&mut self, identities: NameIdentities) -> Result<(), StateFileError> {
        if self.written.as_ref() == Some(&identities) {
            return Ok(());
        }
        let text = serde_json::to_vec(&identities).map_err(|source| StateFileError::Content {
            path: self.path.clone(),
            line: 0,
            source: Damage::Json(source),
        })?;
        self.written = None;
        replace(&self.path, &text, true)?;
        self.written = Some(identities);
        Ok(())
    }
}

/// Has a proxy learn nothing without an agent: there is to be none of layer 7.
///
/// # Errors
/// The file system refuses.
pub(in crate::enforce) fn withdraw(run_dir: &Path) -> Result<(), StateFileError> {
    remove(&run_dir.join(NAME_IDENTITIES))
}

/// What a proxy learned without an agent. To be dropped by [`forget`] once it is kept elsewhere.
pub(super) fn take(run_dir: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    let read = Journal::read(run_dir.join(LEARNED), |more: Vec<Entry>| {
        entries.extend(more);
    });
    if let Err(error) = read {
        warn!(%error, "names that flows-proxy learned without an agent are lost from there on; they are asked for again");
    }
    entries
}

/// See [`take`].
pub(super) fn forget(run_dir: &Path) {
    if let Err(error) = remove(&run_dir.join(LEARNED)) {
        warn!(%error, "names that flows-proxy learned without an agent are taken again by the next agent");
    }
}
