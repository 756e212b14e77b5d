//! A source whose objects are put into it: what a source has to do, in the smallest form. For tests.
//!
//! Objects come as an API server delivers them: each document is one object, with an
//! [`Origin::Cluster`] of its own metadata, and all of them at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Checkpoint, Health, Notify, Snapshot, Source};
use crate::manifest::{self, Document, Object};
use crate::object::ObjectName;
use crate::origin::{ClusterOrigin, Origin};
use crate::state::State;
use crate::yaml;

/// Objects that whoever holds a clone replaces.
#[derive(Clone, Debug)]
pub struct InMemory(Arc<Mutex<Content>>);

struct Content {
    /// Each object in its last good form, under its name as the checkpoint has it.
    objects: BTreeMap<Arc<str>, (Object, Arc<yaml::Node>)>,
    checkpoint: Checkpoint,
    state: Arc<State>,
    health: Health,
    notify: Notify,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut content = f.debug_struct("Content");
        content.field("state", &self.state);
        content.field("health", &self.health);
        content.finish_non_exhaustive()
    }
}

impl InMemory {
    /// A source that has delivered nothing yet. What it knows from before a restart is a snapshot already.
    pub fn new(checkpoint: &Checkpoint, notify: Notify) -> Self {
        let mut content = Content {
            objects: BTreeMap::new(),
            checkpoint: Checkpoint::default(),
            state: Arc::default(),
            health: Health::Syncing("the first objects".to_owned()),
            notify,
        };
        let documents = checkpoint.iter().flat_map(|(_, documents)| documents);
        let documents: Vec<yaml::Node> = documents.map(|node| (**node).clone()).collect();
        if !documents.is_empty() {
            content.replace(documents);
            content.health = Health::Stale("no objects since the restart".to_owned());
        }
        Self(Arc::new(Mutex::new(content)))
    }

    /// Replaces all objects by those of a text of YAML documents.
    ///
    /// # Errors
    /// The text is no YAML: nothing changes.
    pub fn publish(&self, text: &str) -> Result<(), yaml::Error> {
        let documents = yaml::parse(text)?;
        let mut content = self.lock();
        content.replace(documents);
        content.health = Health::Synced;
        (content.notify)();
        Ok(())
    }

    /// Nothing more is seen of the cluster.
    pub fn fail(&self, reason: &str) {
        let mut content = self.lock();
        content.health = match content.state.generation {
            0 => Health::Syncing(reason.to_owned()),
            _ => Health::Stale(reason.to_owned()),
        };
        (content.notify)();
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn replace(&mut self, documents: Vec<yaml::Node>) {
        let mut before = std::mem::take(&mut self.objects);
        let mut state = State {
            generation: self.state.generation + 1,
            ..State::default()
        };
        let mut nameless = false;
        for document in documents {
            let origin = origin(&document);
            for document in manifest::read(&origin, document) {
                match document {
                    Document::Object(name, object, document) => {
                        self.objects.insert(key(&name), (object, document));
                    }
                    Document::Bad(name, problem) => {
                        nameless |= name.is_none();
                        let last_good = name.and_then(|name| before.remove_entry(&key(&name)));
                        self.objects.extend(last_good);
                        state.problems.push(problem);
                    }
                    Document::Ignored(ignored) => state.ignored.push(ignored),
                }
            }
        }
        // It may be any of those that are missing.
        if nameless {
            for (key, object) in before {
                self.objects.entry(key).or_insert(object);
            }
        }
        self.checkpoint = Checkpoint::default();
        for (key, (object, document)) in &self.objects {
            state.insert(object.clone());
            let documents = vec![Arc::clone(document)];
            self.checkpoint.set(Arc::clone(key), Some(documents));
        }
        state.problems.sort();
        self.state = Arc::new(state);
    }
}

impl Source for InMemory {
    fn describe(&self) -> String {
        "objects in memory".to_owned()
    }

    fn snapshot(&self) -> Option<Snapshot> {
        let content = self.lock();
        (content.state.generation > 0).then(|| Snapshot {
            state: Arc::clone(&content.state),
            checkpoint: content.checkpoint.clone(),
        })
    }

    fn health(&self) -> Health {
        self.lock().health.clone()
    }

    fn locate(&self, snapshot: &Snapshot, object: &ObjectName, _field: &str) -> Option<Origin> {
        let key = key(object);
        let mut keys = snapshot.checkpoint.iter();
        let (_, documents) = keys.find(|(known, _)| **known == key)?;
        documents.first().map(|document| origin(document))
    }

    fn origin(&self, _key: &Arc<str>, document: &yaml::Node) -> Origin {
        origin(document)
    }
}

fn key(object: &ObjectName) -> Arc<str> {
    object.to_string().into()
}

/// Of what a document says of itself. What has no name that can be read has no origin of its own either.
fn origin(document: &yaml::Node) -> Origin {
    let text = |key| document.get("metadata").and_then(|node| node.text(key));
    let name = manifest::object_name(document);
    name.map_or_else(
        || Origin::from("unnamed object"),
        |object| {
            Origin::Cluster(ClusterOrigin {
                object,
                uid: text("uid").unwrap_or_default().into(),
                resource_version: text("resourceVersion").unwrap_or_default().into(),
            })
        },
    )
}
