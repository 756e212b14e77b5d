//! What must mean the same to the next agent: numbers that stand in the kernel's maps, and the last
//! good form of every manifest ([`log`]). Written before the maps are, change by change
//! ([`durable`]).

use std::{collections::BTreeMap, path::PathBuf};

use cluster::{differ::changed, source::Checkpoint};
use serde::{Deserialize, Serialize};

use durable::{Damage, Found, Journal, StateFileError};

mod log;

pub(super) use log::Log;

/// What the next agent must know of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Saved {
    /// Endpoint index by `namespace/name` of the pod.
    pub(super) endpoints: BTreeMap<String, u32>,
    /// Identities, cookies, tables, and the last good form of every policy.
    pub(super) policy: policy::PersistentState,
}

/// What a change changes of it.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// `null`: the index is free again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    endpoints: BTreeMap<String, Option<u32>>,
    #[serde(
        default,
        skip_serializing_if = "policy::PersistentStateChanges::is_empty"
    )]
    policy: policy::PersistentStateChanges,
}

impl Saved {
    /// The way here from `before`; `None` if that is the same.
    fn changes(&self, before: &Self) -> Option<Record> {
        let endpoints = changed(&before.endpoints, &self.endpoints, |one, other| {
            one == other
        });
        let endpoints: BTreeMap<String, Option<u32>> = endpoints
            .into_iter()
            .map(|(pod, _, index)| (pod.clone(), index.copied()))
            .collect();
        let policy = self.policy.changes(&before.policy);
        let is_same = endpoints.is_empty() && policy.is_empty();
        (!is_same).then_some(Record { endpoints, policy })
    }

    fn apply(&mut self, record: Record) {
        for (pod, index) in record.endpoints {
            match index {
                Some(index) => drop(self.endpoints.insert(pod, index)),
                None => drop(self.endpoints.remove(&pod)),
            }
        }
        self.policy.apply(record.policy);
    }
}

/// The state file and what it says.
#[derive(Debug)]
pub(super) struct StateFile {
    journal: Journal,
    saved: Saved,
}

/// The second form: one JSON text, written as a whole.
#[derive(Deserialize)]
struct SecondForm {
    endpoints: BTreeMap<String, u32>,
    policy: policy::PersistentState,
    /// Last good objects of every file, in the first form.
    #[serde(default)]
    manifests: Checkpoint,
}

impl StateFile {
    /// Reads the file; one that isn't there says nothing. Also returns the last good objects of every
    /// file, if nothing but the log of manifests says them better: at least those of the policies that
    /// were in force.
    ///
    /// # Errors
    /// See [`StateFileError`].
    pub(super) fn load(path: PathBuf) -> Result<(Self, Checkpoint), StateFileError> {
        let mut saved = Saved::default();
        let (journal, found) = Journal::read(path, |record| saved.apply(record))?;
        let mut manifests = Checkpoint::default();
        if let Found::Earlier(text) = found {
            let earlier: SecondForm =
                serde_json::from_slice(&text).map_err(|source| StateFileError::Content {
                    path: journal.path().to_owned(),
                    line: source.line(),
                    source: Damage::Json(source),
                })?;
            saved = Saved {
                endpoints: earlier.endpoints,
                policy: earlier.policy,
            };
            manifests = earlier.manifests;
        }
        if manifests.is_empty() {
            manifests = Checkpoint::from_documents(saved.policy.documents());
        }
        Ok((Self { journal, saved }, manifests))
    }

    /// What the file says.
    pub(super) fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Makes the file say this, and lasting.
    ///
    /// # Errors
    /// The file system refuses; the file says what it said before.
    pub(super) fn store(&mut self, now: Saved) -> Result<(), StateFileError> {
        let is_whole = self.journal.wants_whole() && {
            let whole = now.changes(&Saved::default()).unwrap_or_default();
            self.journal.rewrite(&whole)?
        };
        if !is_whole && let Some(record) = now.changes(&self.saved) {
            self.journal.append(&record)?;
        }
        self.saved = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn saved(index: u32) -> Saved {
        Saved {
            endpoints: BTreeMap::from([("shop/cart-0".to_owned(), index)]),
            ..Saved::default()
        }
    }

    fn read(path: &Path) -> Saved {
        let (file, _) = StateFile::load(path.to_owned()).unwrap();
        file.saved().clone()
    }

    #[test]
    fn says_what_was_stored_last() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let (mut file, _) = StateFile::load(path.clone()).unwrap();
        assert_eq!(*file.saved(), Saved::default());
        // The first says all, even if that is nothing.
        for saved in [
            Saved::default(),
            saved(7),
            saved(8),
            Saved::default(),
            saved(9),
        ] {
            file.store(saved.clone()).unwrap();
            assert_eq!(read(&path), saved);
        }
        let before = fs::read(&path).unwrap();
        file.store(saved(9)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), before, "nothing changed");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn earlier_forms_are_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let memory = serde_json::to_string(&policy::PersistentState::default()).unwrap();
        for version in [1, 2] {
            let text = format!(
                "{{\"version\":{version},\"endpoints\":{{\"shop/cart-0\":7}},\"policy\":{memory},\
                 \"manifests\":{{\"a.yaml\":[]}}}}"
            );
            fs::write(&path, text).unwrap();
            let (mut file, manifests) = StateFile::load(path.clone()).unwrap();
            assert_eq!(*file.saved(), saved(7));
            assert!(!manifests.is_empty());
            file.store(saved(8)).unwrap();
            assert!(fs::read(&path).unwrap().starts_with(b"{\"version\":3}\n"));
            assert_eq!(read(&path), saved(8));
        }
    }

    /// By an agent whose default denies named all rules of a policy at once.
    #[test]
    fn cookies_that_were_journaled_with_joined_paths_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let (mut journal, _) = Journal::read(path.clone(), |_: Record| ()).unwrap();
        let origin = |name: &str, rule: &str| {
            serde_json::json!({
                "policy": {"kind": "CiliumNetworkPolicy", "namespace": "shop", "name": name},
                "uid": null, "version": "1", "rule": rule, "text": "allows nothing",
                "labels": ["unspec:team=sales"], "log": null
            })
        };
        let origins = [origin("cart", "spec, specs[2]"), origin("web", "spec")];
        let reason = serde_json::json!({
            "direction": "ingress", "kind": "default-deny", "origins": origins
        });
        let cookies = serde_json::json!({"next": 17, "reasons": {"16": reason}});
        let record = serde_json::json!({"policy": {"cookies": cookies}});
        assert!(journal.rewrite(&record).unwrap());

        let (mut file, _) = StateFile::load(path.clone()).unwrap();
        let now = Saved {
            endpoints: BTreeMap::from([("shop/cart-0".to_owned(), 7)]),
            ..file.saved().clone()
        };
        // What is written as a whole has the present form.
        file.journal = Journal::read(directory.path().join("new.json"), |_: Record| ())
            .unwrap()
            .0;
        file.store(now.clone()).unwrap();
        let written = fs::read_to_string(directory.path().join("new.json")).unwrap();
        for (rule, times) in [("spec", 2), ("specs[2]", 1), ("spec, specs[2]", 0)] {
            let found = written.matches(&format!("\"rule\":\"{rule}\"")).count();
            assert_eq!(found, times, "{rule}: {written}");
        }
        assert_eq!(read(&directory.path().join("new.json")), now);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        for (content, expected) in [
            ("{\"version\": 4}", "has form 4"),
            ("{\"version\": 1}", "stays enforced"),
            // A head without its end is no file of an agent: those are written as a whole.
            ("{\"version\":3}", "stays enforced"),
            ("{\"version\":3}\n", "stays enforced"),
            ("", "stays enforced"),
            ("\n", "stays enforced"),
        ] {
            fs::write(&path, content).unwrap();
            let error = StateFile::load(path.clone()).unwrap_err().to_string();
            assert!(error.contains(expected), "{content}: {error}");
        }
    }
}
