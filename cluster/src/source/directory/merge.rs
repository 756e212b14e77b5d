//! From the objects of many files to one state, by what changed: a file that changed costs what it holds,
//! and not what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::file::{File, FileObject};
use crate::object::{Kind, ObjectName};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::source::Checkpoint;
use crate::state::State;
use crate::yaml;

/// The newest state, and whose each object in it is.
#[derive(Debug, Default)]
pub(super) struct MergedState {
    state: Arc<State>,
    checkpoint: Checkpoint,
    /// Which file an object was taken from: it keeps it if a second file claims the same object.
    owners: BTreeMap<ObjectName, Arc<str>>,
    /// The files that have an object, or had it until it vanished.
    files: BTreeMap<ObjectName, BTreeSet<Arc<str>>>,
    /// The objects of each file, to find those that it has no more.
    objects: BTreeMap<Arc<str>, BTreeSet<ObjectName>>,
    /// What to say of objects that stand in more than one file.
    duplicates: BTreeMap<ObjectName, Vec<Problem>>,
}

impl MergedState {
    /// Of nothing; `owner` had these objects before a restart.
    pub(super) fn set_owner<'a>(
        &mut self,
        owner: &Arc<str>,
        objects: impl Iterator<Item = &'a ObjectName>,
    ) {
        for object in objects {
            self.owners.insert(object.clone(), Arc::clone(owner));
        }
    }

    /// The newest state.
    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Of each file the objects that are taken from it.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        self.checkpoint.clone()
    }

    /// Takes files that changed, came or went. Returns the new state if it differs from the last one.
    pub(super) fn update(
        &mut self,
        files: &BTreeMap<Arc<str>, File>,
        changed: BTreeSet<Arc<str>>,
    ) -> Option<Arc<State>> {
        let is_first = self.state.generation == 0;
        if changed.is_empty() && !is_first {
            return None;
        }
        let mut concerned = BTreeSet::new();
        for name in &changed {
            concerned.extend(self.reindex(name, files.get(name)));
        }
        let mut state = State::clone(&self.state);
        let mut is_new = is_first;
        let mut touched = changed;
        let mut named_labels_changed = false;
        for object in &concerned {
            let before = self.owners.remove(object);
            let now = self.select_owner(object, before.as_ref(), files);
            is_new |= match now {
                Some((_, known)) => state.insert_if_changed(&known.object),
                None => state.remove(object),
            };
            named_labels_changed |= object.kind == Kind::NetworkPolicy;
            touched.extend(before);
            if let Some((owner, _)) = now {
                touched.insert(Arc::clone(owner));
                self.owners.insert(object.clone(), Arc::clone(owner));
            }
        }
        for name in touched {
            self.update_checkpoint(name, files);
        }
        let problems = files.values().flat_map(|file| &file.problems);
        let mut problems: Vec<Problem> = problems
            .chain(self.duplicates.values().flatten())
            .cloned()
            .collect();
        problems.sort();
        let ignored = files.values().flat_map(|file| file.ignored.iter().cloned());
        let ignored = ignored.collect();
        is_new |= problems != state.problems || ignored != state.ignored;
        if !is_new {
            return None;
        }
        (state.problems, state.ignored) = (problems, ignored);
        if named_labels_changed {
            state.rebuild_named_labels();
        }
        state.generation += 1;
        self.state = Arc::new(state);
        Some(self.state())
    }

    /// Notes which objects a file has now. Returns those and the ones that it had.
    fn reindex(&mut self, name: &Arc<str>, file: Option<&File>) -> BTreeSet<ObjectName> {
        let now: BTreeSet<ObjectName> = file
            .into_iter()
            .flat_map(File::all_objects)
            .map(|(object, _)| object.clone())
            .collect();
        let before = self.objects.remove(name).unwrap_or_default();
        for object in before.difference(&now) {
            if let Some(files) = self.files.get_mut(object) {
                files.remove(name);
                if files.is_empty() {
                    self.files.remove(object);
                }
            }
        }
        for object in now.difference(&before) {
            let files = self.files.entry(object.clone()).or_default();
            files.insert(Arc::clone(name));
        }
        let concerned = before.union(&now).cloned().collect();
        if !now.is_empty() {
            self.objects.insert(Arc::clone(name), now);
        }
        concerned
    }

    /// Which file an object is taken from, and what it is there. Says where else it stands.
    fn select_owner<'f>(
        &mut self,
        object: &ObjectName,
        before: Option<&Arc<str>>,
        files: &'f BTreeMap<Arc<str>, File>,
    ) -> Option<(&'f Arc<str>, &'f FileObject)> {
        self.duplicates.remove(object);
        let names = self.files.get(object)?;
        let holding: Vec<(&Arc<str>, &File)> = names
            .iter()
            .filter_map(|name| files.get_key_value(name))
            .collect();
        // What vanished from one file and stands in another has moved.
        let stands = |(_, file): &&(&Arc<str>, &File)| file.objects.contains_key(object);
        let mut claims: Vec<_> = holding.iter().filter(stands).copied().collect();
        if claims.is_empty() {
            claims = holding;
        }
        let (owner, file) = claims
            .iter()
            .find(|(name, _)| Some(*name) == before)
            .or(claims.first())
            .copied()?;
        let known = file.get(object)?;
        let twins = claims.iter().filter(|(name, _)| *name != owner);
        let problems: Vec<Problem> = twins
            .filter_map(|(other, file)| {
                Some(Problem {
                    origin: Some(Origin::from(Arc::clone(other)).at(file.get(object)?.document.at)),
                    object: Some(object.clone()),
                    field: String::new(),
                    problem: format!(
                        "duplicate definition; using the one in {owner}:{}",
                        known.document.at
                    ),
                    remedy: "delete one of the two".to_owned(),
                })
            })
            .collect();
        if !problems.is_empty() {
            self.duplicates.insert(object.clone(), problems);
        }
        Some((owner, known))
    }

    /// Notes which of a file's documents are to be kept over a restart.
    fn update_checkpoint(&mut self, name: Arc<str>, files: &BTreeMap<Arc<str>, File>) {
        let Some(file) = files.get(&name) else {
            self.checkpoint.set(name, None);
            return;
        };
        let taken = file
            .all_objects()
            .filter(|(object, _)| self.owners.get(*object) == Some(&name));
        let documents: Vec<Arc<yaml::Node>> = taken
            .map(|(_, known)| Arc::clone(&known.document))
            .collect();
        if !self.checkpoint.has(&name, &documents) {
            self.checkpoint.set(name, Some(documents));
        }
    }
}
