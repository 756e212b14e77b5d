//! The file of changes. What is wrong with it never keeps an agent from enforcing.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tracing::warn;

use super::entry::{Entry, Record};
use durable::{Found, Journal, StateFileError};

/// The file.
#[derive(Debug)]
pub(super) struct ChangesFile {
    journal: Journal,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) complete_since: u64,
    /// Sequence number of the next entry.
    pub(super) next: u64,
    pub(super) entries: Vec<Arc<Entry>>,
    /// Begun, and not known to have come into force.
    pub(super) begun: Option<Arc<Entry>>,
    /// When what it says was last seen to be so, ns since 1970; 0: not known.
    pub(super) seen: u64,
    /// The file was damaged: changes may be missing behind those that could be read.
    pub(super) is_damaged: bool,
}

impl Stored {
    fn take(&mut self, record: Record) {
        match record {
            Record::Whole {
                complete_since,
                next,
                entries,
                begun,
            } => {
                let seen = self.seen;
                *self = Self {
                    complete_since,
                    next,
                    entries,
                    begun,
                    seen,
                    is_damaged: false,
                };
            }
            Record::Begun(entry) => {
                self.next = self.next.max(entry.sequence.saturating_add(1));
                self.begun = Some(entry);
            }
            Record::InForce {
                sequence,
                time,
                revision,
            } => {
                if let Some(begun) = self.begun.take_if(|begun| begun.sequence == sequence) {
                    let mut entry = Arc::unwrap_or_clone(begun);
                    (entry.time, entry.revision) = (time, revision);
                    if self.complete_since == 0 || entry.changes().is_empty() {
                        self.complete_since = time;
                    }
                    self.entries.push(Arc::new(entry));
                }
            }
        }
    }
}

impl ChangesFile {
    /// Reads the file. One that is damaged is read as far as that goes.
    pub(super) fn open(path: PathBuf) -> (Self, Stored) {
        let mut stored = Stored::default();
        if let Ok(metadata) = fs::metadata(&path) {
            let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
            let ns = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
            stored.seen = u64::try_from(ns).unwrap_or(0);
        }
        let why = match Journal::read(path.clone(), |record| stored.take(record)) {
            Ok((journal, Found::Nothing | Found::Records)) => return (Self { journal }, stored),
            Ok((_, Found::Earlier(_))) => "it is not a journal of changes".to_owned(),
            // Without the remedy, which is one for what enforcement needs.
            Err(StateFileError::Content { line, source, .. }) => format!("line {line}: {source}"),
            Err(error @ (StateFileError::File { .. } | StateFileError::Version { .. })) => {
                error.to_string()
            }
        };
        warn!(
            path = %path.display(),
            error = why,
            read = stored.entries.len(),
            "the journal of changes is damaged: what could be read of it is kept, and it is written anew"
        );
        stored.is_damaged = true;
        let journal = Journal::new(path);
        (Self { journal }, stored)
    }

    /// Adds a record. Where the file lacks earlier ones, or is mostly history, `whole` takes its place.
    ///
    /// # Errors
    /// The file system refuses. The file lacks the record until all of it can be written.
    pub(super) fn append(
        &mut self,
        record: &Record,
        whole: impl FnOnce() -> Record,
    ) -> Result<(), StateFileError> {
        let is_whole = self.journal.wants_whole() && self.journal.rewrite(&whole())?;
        if is_whole {
            return Ok(());
        }
        self.journal.append(record).inspect_err(|_refused| {
            // Nothing may stand behind what is missing.
            self.journal.abandon();
        })
    }

    /// Notes that nothing else has changed until now, ns since 1970.
    pub(super) fn touch(&self, now: u64) {
        self.journal.touch(UNIX_EPOCH + Duration::from_nanos(now));
    }
}
