//! The enforcing thread's side: what is about to come into force, and what did.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use cluster::changes::{StateView, between};
use cluster::source::Checkpoint;
use cluster::{ObjectName, Origin, SharedMap, State, manifest};
use tracing::{error, info, warn};

use super::entry::{Entry, FirstState, Found, Record, Recorded, What};
use super::file::{ChangesFile, Stored};
use super::kept::Changes;

/// How often it is noted that nothing has changed, ns.
const SEEN_EVERY: u64 = 10_000_000_000;

/// A state that came into force, or is about to.
#[derive(Clone, Debug)]
pub(crate) struct EnforcedState {
    /// The manifests.
    pub(crate) state: Arc<State>,
    /// The policies of it that are in force, in their last good forms.
    pub(crate) policies: SharedMap<ObjectName, Arc<manifest::Policy>>,
    /// The documents of all objects.
    pub(crate) checkpoint: Checkpoint,
}

impl EnforcedState {
    pub(super) fn view(&self) -> StateView<'_> {
        StateView {
            state: &self.state,
            policies: &self.policies,
        }
    }
}

/// What is about to come into force.
#[derive(Debug)]
struct Begun {
    /// `None`: no object differs.
    entry: Option<Arc<Entry>>,
    now: EnforcedState,
}

/// Records what comes into force.
#[derive(Debug)]
pub(crate) struct Recorder {
    changes: Arc<Changes>,
    file: ChangesFile,
    /// What was in force last; `None`: nothing is known to compare with.
    before: Option<EnforcedState>,
    begun: Option<Begun>,
    /// Until the first state of this run: how what differs from the last run's was found.
    found: Option<Found>,
    next: u64,
    /// Time of the newest entry, or of the last look.
    time: u64,
    /// When it was noted last that nothing has changed.
    seen: u64,
}

impl Recorder {
    /// Reads what earlier agents recorded. `before` is what they had in force; `None` if they had nothing,
    /// or there was none. `limit` is the room for changes in bytes, `now` in ns since 1970.
    pub(crate) fn open(
        path: PathBuf,
        cluster: &str,
        limit: usize,
        before: Option<EnforcedState>,
        now: u64,
    ) -> Self {
        let changes = Changes::new(cluster, limit);
        let (file, stored) = ChangesFile::open(path);
        let mut before = before;
        let is_whole = match &mut before {
            Some(before) => {
                withdraw_begun(before, stored.begun.as_deref());
                !stored.is_damaged && is_continued(before, &stored)
            }
            None => false,
        };
        changes.complete_since(stored.complete_since);
        let time = stored.entries.last().map_or(0, |entry| entry.time);
        for entry in &stored.entries {
            changes.push(Arc::clone(entry));
        }
        if before.is_some() && (!is_whole || stored.complete_since == 0) {
            changes.complete_since(now);
        }
        Self {
            found: before.as_ref().map(|_| Found {
                since: stored.seen.max(time),
            }),
            changes,
            file,
            before,
            begun: None,
            next: stored.next.max(1),
            time,
            seen: 0,
        }
    }

    /// What the rest of the agent reads.
    pub(crate) fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    /// A state is about to come into force. `origins` says where the objects stand whose documents differ
    /// from a checkpoint's.
    pub(crate) fn begin(
        &mut self,
        now: EnforcedState,
        time: u64,
        origins: impl FnOnce(&Checkpoint) -> BTreeMap<ObjectName, Origin>,
    ) {
        let what = match &self.before {
            None => Some(What::FirstState(FirstState::from(now.view()))),
            Some(before) => {
                let found = between(before.view(), now.view());
                (!found.is_empty()).then(|| {
                    let mut origins = origins(&before.checkpoint);
                    let recorded = found.into_iter().map(|change| {
                        let own = match change.after.as_ref().or(change.before.as_ref()) {
                            Some(cluster::Object::Policy(policy)) => Some(policy.origin.clone()),
                            _ => None,
                        };
                        Recorded {
                            origin: origins.remove(&change.name).or(own),
                            change,
                        }
                    });
                    What::Changes(recorded.collect())
                })
            }
        };
        let Some(what) = what else {
            self.begun = Some(Begun { entry: None, now });
            return;
        };
        // What is tried again is written already.
        let written = self.begun.take().and_then(|begun| begun.entry);
        let entry = match written {
            Some(entry) if entry.what == what => entry,
            Some(_) | None => {
                let entry = Arc::new(Entry {
                    sequence: self.next,
                    time: time.max(self.time),
                    revision: 0,
                    found: self.found,
                    what,
                });
                self.next += 1;
                self.write(&Record::Begun(Arc::clone(&entry)), Some(&entry));
                entry
            }
        };
        self.begun = Some(Begun {
            entry: Some(entry),
            now,
        });
    }

    /// What was begun is in force, at this revision.
    pub(crate) fn commit(&mut self, revision: u32, time: u64) {
        let Some(Begun { entry, now }) = self.begun.take() else {
            return;
        };
        self.before = Some(now);
        let found = self.found.take();
        let Some(entry) = entry else {
            return;
        };
        self.time = time.max(self.time);
        let record = Record::InForce {
            sequence: entry.sequence,
            time: self.time,
            revision,
        };
        let entry = Entry {
            time: self.time,
            revision,
            ..Arc::unwrap_or_clone(entry)
        };
        if matches!(entry.what, What::FirstState(_)) {
            self.changes.complete_since(self.time);
        }
        if let (Some(found), number @ 1..) = (found, entry.changes().len()) {
            info!(
                changes = number,
                seconds = self.time.saturating_sub(found.since) / 1_000_000_000,
                "the cluster's state changed while no agent ran"
            );
        }
        self.changes.push(Arc::new(entry));
        self.write(&record, None);
    }

    /// Notes, now and then, that nothing else has changed until now.
    pub(crate) fn seen(&mut self, now: u64) {
        if self.begun.is_none() && now >= self.seen.saturating_add(SEEN_EVERY) {
            self.seen = now;
            self.file.touch(now.max(self.time));
        }
    }

    fn write(&mut self, record: &Record, begun: Option<&Arc<Entry>>) {
        let (changes, next) = (&self.changes, self.next);
        let written = self.file.append(record, || {
            let log = changes.log();
            Record::Whole {
                complete_since: log.complete_since,
                next,
                entries: log.entries,
                begun: begun.cloned(),
            }
        });
        let failed = written.is_err();
        let before = changes.written(written.map_err(|error| error.to_string()));
        match (before, failed) {
            (None, true) => error!(
                error = changes.log().problem,
                "changes are not written to the journal; they are kept in memory, and enforced"
            ),
            (Some(_), false) => info!("the journal of changes is written again"),
            (None, false) | (Some(_), true) => {}
        }
    }
}

/// Takes back what an agent began to enforce and may not have finished: it counts from this agent's start,
/// as far as it came into force.
fn withdraw_begun(before: &mut EnforcedState, begun: Option<&Entry>) {
    let Some(begun) = begun else {
        return;
    };
    let mut state = before.view().to_state();
    let present = begun.changes().iter().map(|recorded| &recorded.change);
    let present: Vec<_> = present.filter(|change| change.is_present(&state)).collect();
    state.undo(present);
    before.policies = state.policies.clone();
    before.state = Arc::new(state);
}

/// Whether what was in force is what the newest changes led to. Something that is missing may have been
/// lost with a full disk.
fn is_continued(before: &EnforcedState, stored: &Stored) -> bool {
    let state = before.view().to_state();
    let mut known = HashSet::new();
    for recorded in stored
        .entries
        .iter()
        .rev()
        .flat_map(|entry| entry.changes().iter().rev())
    {
        let change = &recorded.change;
        if known.insert(&change.name) && !change.is_present(&state) {
            warn!(
                object = %change.name,
                "changes are missing in the journal: it says otherwise than what was in force"
            );
            return false;
        }
    }
    true
}
