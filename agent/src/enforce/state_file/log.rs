//! The last good objects of every manifest file, beside the state file: a change adds the files that it is
//! about.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use cluster::{source::Memory, yaml};
use serde::{Deserialize, Serialize};

use super::{
    StateFileError,
    journal::{Damage, Found, Journal},
};

/// The files and what they say.
#[derive(Debug)]
pub(in crate::enforce) struct Log {
    journal: Journal,
    /// What the log says.
    saved: Memory,
}

/// The documents of files that changed; `null` for a file that is gone.
type Record = BTreeMap<Arc<str>, Option<Vec<Arc<yaml::Node>>>>;

/// A line of the first form.
#[derive(Serialize, Deserialize)]
struct Line<T> {
    file: Arc<str>,
    documents: Option<T>,
}

impl Log {
    /// Reads the log; `None` if there is none.
    ///
    /// # Errors
    /// The file can't be read, or isn't such a log.
    pub(in crate::enforce) fn load(
        path: PathBuf,
    ) -> Result<(Self, Option<Memory>), StateFileError> {
        let mut saved = Memory::default();
        let (journal, found) = Journal::read(path, |record: Record| {
            for (file, documents) in record {
                saved.set(file, documents);
            }
        })?;
        let memory = match found {
            Found::Nothing => None,
            Found::Records => Some(saved.clone()),
            Found::Earlier(text) => {
                let content = |(line, source)| StateFileError::Content {
                    path: journal.path().to_owned(),
                    line,
                    source,
                };
                first_form(&text).map_err(content)?
            }
        };
        Ok((Self { journal, saved }, memory))
    }

    /// Makes the log say this, and lasting.
    ///
    /// # Errors
    /// The file system refuses. The log then says what it said before.
    pub(in crate::enforce) fn store(&mut self, now: &Memory) -> Result<(), StateFileError> {
        let nothing = Memory::default();
        let whole = Changes::since(&nothing, now);
        if !self.journal.wants_whole() || !self.journal.rewrite(&whole)? {
            let changes = Changes::since(&self.saved, now);
            if !changes.0.is_empty() {
                self.journal.append(&changes)?;
            }
        }
        self.saved = now.clone();
        Ok(())
    }
}

/// A [`Record`] that is to be written.
#[derive(Serialize)]
struct Changes<'a>(BTreeMap<&'a Arc<str>, Option<&'a [Arc<yaml::Node>]>>);

impl<'a> Changes<'a> {
    fn since(before: &'a Memory, now: &'a Memory) -> Self {
        Self(now.changes(before).collect())
    }
}

/// The first form: a line per file, the last one counts. What a crash cut off is not there; `None` if
/// that is all.
fn first_form(text: &[u8]) -> Result<Option<Memory>, (usize, Damage)> {
    if text.is_empty() {
        return Err((1, Damage::Empty));
    }
    if !text.contains(&b'\n') {
        return Ok(None);
    }
    let mut memory = Memory::default();
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    for (line, number) in lines.filter(|line| line.ends_with(b"\n")).zip(1..) {
        let line: Line<Vec<Arc<yaml::Node>>> =
            serde_json::from_slice(line).map_err(|error| (number, error.into()))?;
        memory.set(line.file, line.documents);
    }
    Ok(Some(memory))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn documents(text: &str) -> Option<Vec<Arc<yaml::Node>>> {
        let parsed = yaml::parse(text).unwrap();
        Some(parsed.into_iter().map(Arc::new).collect())
    }

    fn read(path: &std::path::Path) -> Memory {
        Log::load(path.to_owned()).unwrap().1.unwrap()
    }

    #[test]
    fn each_change_is_added() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifests.jsonl");
        let (mut log, none) = Log::load(path.clone()).unwrap();
        assert_eq!(none, None);
        let mut memory = Memory::default();
        memory.set("a.yaml".into(), documents("{a: 1}"));
        memory.set("b.yaml".into(), documents("{b: 1}\n---\n{b: 2}"));
        log.store(&memory).unwrap();
        assert_eq!(read(&path), memory);
        let whole = fs::read(&path).unwrap();

        log.store(&memory).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole, "nothing changed");
        memory.set("b.yaml".into(), None);
        memory.set("c.yaml".into(), documents("{c: 1}"));
        log.store(&memory).unwrap();
        assert_eq!(read(&path), memory);
        let more = fs::read(&path).unwrap();
        assert!(more.starts_with(&whole));
        let added = String::from_utf8_lossy(&more[whole.len()..]);
        assert!(!added.contains("a.yaml"), "it stayed as it was: {added}");

        // A successor goes on.
        let (mut log, found) = Log::load(path.clone()).unwrap();
        let mut memory = found.unwrap();
        memory.set("c.yaml".into(), documents("{c: 2}"));
        log.store(&memory).unwrap();
        assert_eq!(read(&path), memory);
        assert!(fs::read(&path).unwrap().starts_with(&more));
    }

    #[test]
    fn the_first_form_is_read_and_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifests.jsonl");
        let line = |file: &str, documents| {
            let file = file.into();
            serde_json::to_string(&Line { file, documents }).unwrap() + "\n"
        };
        let text = [
            line("a.yaml", documents("{a: 1}")),
            line("b.yaml", documents("{b: 1}")),
            line("a.yaml", None),
            "{\"file\": \"c.y".to_owned(),
        ];
        fs::write(&path, text.concat()).unwrap();
        let (mut log, found) = Log::load(path.clone()).unwrap();
        let mut expected = Memory::default();
        expected.set("b.yaml".into(), documents("{b: 1}"));
        assert_eq!(found, Some(expected.clone()));
        log.store(&expected).unwrap();
        assert!(fs::read(&path).unwrap().starts_with(b"{\"version\":3}\n"));
        assert_eq!(read(&path), expected);
        for damaged in ["{\"file\": 1}\n", ""] {
            fs::write(&path, damaged).unwrap();
            let error = Log::load(path.clone()).unwrap_err().to_string();
            assert!(error.contains("stays in force"), "{error}");
        }
        // Where nothing is whole, the state file knows better.
        for torn in ["{\"file\": \"c.y", "{\"version\":3}"] {
            fs::write(&path, torn).unwrap();
            assert_eq!(Log::load(path.clone()).unwrap().1, None);
        }
    }
}
