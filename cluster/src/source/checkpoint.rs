//! What a source must know again after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::manifest::{self, Document};
use crate::origin::Origin;
use crate::shared_map::SharedMap;
use crate::state::State;
use crate::yaml;

/// Documents that share a key.
type Documents = Arc<[Arc<yaml::Node>]>;

/// What a source must be given after a restart, so that an object that went bad meanwhile keeps its last
/// good form: documents under keys. What a key is only the source knows (the directory's are its files);
/// for whoever stores it, it is plain data. Shares the documents with the source; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint(SharedMap<Arc<str>, Documents>);

/// What differs between two checkpoints, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckpointChanges(BTreeMap<Arc<str>, Option<Documents>>);

impl CheckpointChanges {
    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Checkpoint {
    /// A checkpoint of a part of the objects: those of which there are documents, by where they came from.
    pub fn from_documents<'a>(
        documents: impl Iterator<Item = (&'a Origin, &'a Arc<yaml::Node>)>,
    ) -> Self {
        let mut keys: BTreeMap<Arc<str>, Vec<Arc<yaml::Node>>> = BTreeMap::new();
        for (origin, document) in documents {
            let key = match origin {
                Origin::File(file) => Arc::clone(&file.path),
                Origin::Cluster(origin) => origin.object.to_string().into(),
            };
            keys.entry(key).or_default().push(Arc::clone(document));
        }
        let keys = keys.into_iter();
        Self(
            keys.map(|(key, documents)| (key, documents.into()))
                .collect(),
        )
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces the documents under a key; `None` removes it.
    pub fn set(&mut self, key: Arc<str>, documents: Option<Vec<Arc<yaml::Node>>>) {
        match documents {
            Some(documents) => self.0.insert(key, documents.into()),
            None => self.0.remove(&key),
        };
    }

    /// What leads here from `before`. Equal documents that were read again count as others.
    pub fn changes(&self, before: &Self) -> CheckpointChanges {
        let changed = SharedMap::changed(&before.0, &self.0, Arc::ptr_eq).into_iter();
        CheckpointChanges(
            changed
                .map(|(key, _, now)| (Arc::clone(key), now.cloned()))
                .collect(),
        )
    }

    /// Applies what [`Self::changes`] returned.
    pub fn apply(&mut self, changes: CheckpointChanges) {
        for (key, documents) in changes.0 {
            match documents {
                Some(documents) => drop(self.0.insert(key, documents)),
                None => drop(self.0.remove(&key)),
            }
        }
    }

    /// The state of the objects that the documents are.
    pub fn to_state(&self) -> State {
        let mut state = State::default();
        for (key, documents) in self.iter() {
            let origin = Origin::from(Arc::clone(key));
            for document in documents {
                for document in manifest::read(&origin, yaml::Node::clone(document)) {
                    if let Document::Object(_, object, _) = document {
                        state.insert(object);
                    }
                }
            }
        }
        state
    }

    /// The documents that stand under other keys than before, or are others there: those that were there,
    /// then those that are.
    pub(super) fn changed_documents<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Arc<yaml::Node>)> {
        let differ = SharedMap::changed(&before.0, &self.0, Arc::ptr_eq);
        let with_key = |key, documents: Option<&'a Documents>| {
            let documents = documents.into_iter().flat_map(|documents| &**documents);
            documents.map(move |document| (key, document))
        };
        let gone: Vec<_> = differ
            .iter()
            .flat_map(|(key, was, _)| with_key(*key, *was))
            .collect();
        let there: Vec<_> = differ
            .iter()
            .flat_map(|(key, _, is)| with_key(*key, *is))
            .collect();
        gone.into_iter().chain(there)
    }

    /// The documents under all keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &[Arc<yaml::Node>])> {
        self.0.iter().map(|(key, documents)| (key, &**documents))
    }

    /// Whether there are these very documents under a key.
    pub(super) fn has(&self, key: &Arc<str>, documents: &[Arc<yaml::Node>]) -> bool {
        self.0.get(key).is_some_and(|known| {
            known.len() == documents.len()
                && known.iter().zip(documents).all(|(a, b)| Arc::ptr_eq(a, b))
        })
    }
}
