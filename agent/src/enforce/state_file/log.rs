//! What the source of manifests must know again after a restart, beside the state file: a change adds what
//! it is about.

use std::{path::PathBuf, sync::Arc};

use cluster::{
    source::{Checkpoint, CheckpointChanges},
    yaml,
};
use serde::{Deserialize, Serialize};

use durable::{Damage, Found, Journal, StateFileError};

/// The log and what it says.
#[derive(Debug)]
pub(in crate::enforce) struct Log {
    journal: Journal,
    /// What the log says.
    saved: Checkpoint,
}

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
    ) -> Result<(Self, Option<Checkpoint>), StateFileError> {
        let mut saved = Checkpoint::default();
        let (journal, found) = Journal::read(path, |changes: CheckpointChanges| {
            saved.apply(changes);
        })?;
        let checkpoint = match found {
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
        Ok((Self { journal, saved }, checkpoint))
    }

    /// Makes the log say this, and lasting.
    ///
    /// # Errors
    /// The file system refuses. The log then says what it said before.
    pub(in crate::enforce) fn store(&mut self, now: &Checkpoint) -> Result<(), StateFileError> {
        let is_whole = self.journal.wants_whole()
            && self.journal.rewrite(&now.changes(&Checkpoint::default()))?;
        if !is_whole {
            let changes = now.changes(&self.saved);
            if !changes.is_empty() {
                self.journal.append(&changes)?;
            }
        }
        self.saved = now.clone();
        Ok(())
    }
}

/// The first form: a line per file, the last one counts. What a crash cut off is not there; `None` if
/// that is all.
fn first_form(text: &[u8]) -> Result<Option<Checkpoint>, (usize, Damage)> {
    if text.is_empty() {
        return Err((1, Damage::Empty));
    }
    if !text.contains(&b'\n') {
        return Ok(None);
    }
    let mut checkpoint = Checkpoint::default();
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    for (line, number) in lines.filter(|line| line.ends_with(b"\n")).zip(1..) {
        let line: Line<Vec<Arc<yaml::Node>>> =
            serde_json::from_slice(line).map_err(|error| (number, error.into()))?;
        checkpoint.set(line.file, line.documents);
    }
    Ok(Some(checkpoint))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn documents(text: &str) -> Option<Vec<Arc<yaml::Node>>> {
        let parsed = yaml::parse(text).unwrap();
        Some(parsed.into_iter().map(Arc::new).collect())
    }

    fn read(path: &std::path::Path) -> Checkpoint {
        Log::load(path.to_owned()).unwrap().1.unwrap()
    }

    #[test]
    fn each_change_is_added() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifests.jsonl");
        let (mut log, none) = Log::load(path.clone()).unwrap();
        assert_eq!(none, None);
        let mut checkpoint = Checkpoint::default();
        checkpoint.set("a.yaml".into(), documents("{a: 1}"));
        checkpoint.set("b.yaml".into(), documents("{b: 1}\n---\n{b: 2}"));
        log.store(&checkpoint).unwrap();
        assert_eq!(read(&path), checkpoint);
        let whole = fs::read(&path).unwrap();

        log.store(&checkpoint).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole, "nothing changed");
        checkpoint.set("b.yaml".into(), None);
        checkpoint.set("c.yaml".into(), documents("{c: 1}"));
        log.store(&checkpoint).unwrap();
        assert_eq!(read(&path), checkpoint);
        let more = fs::read(&path).unwrap();
        assert!(more.starts_with(&whole));
        let added = String::from_utf8_lossy(&more[whole.len()..]);
        assert!(!added.contains("a.yaml"), "it stayed as it was: {added}");

        // A successor goes on.
        let (mut log, found) = Log::load(path.clone()).unwrap();
        let mut checkpoint = found.unwrap();
        checkpoint.set("c.yaml".into(), documents("{c: 2}"));
        log.store(&checkpoint).unwrap();
        assert_eq!(read(&path), checkpoint);
        assert!(fs::read(&path).unwrap().starts_with(&more));
    }

    /// As agents wrote it that knew directories only.
    #[test]
    fn the_present_form_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifests.jsonl");
        let mut text = "{\"version\":3}\n".to_owned();
        let mut sum = 0;
        for record in [
            r#"{"a.yaml":[{"at":{"line":1,"column":1},"value":{"Map":[{"key":"a","at":{"line":1,"column":2},"node":{"at":{"line":1,"column":5},"value":{"Int":1}}}]}}],"b.yaml":[]}"#,
            r#"{"b.yaml":null}"#,
        ] {
            sum = durable::checksum(sum, record.as_bytes());
            text += &format!("{sum:016x} {record}\n");
        }
        fs::write(&path, &text).unwrap();
        let mut expected = Checkpoint::default();
        expected.set("a.yaml".into(), documents("{a: 1}"));
        assert_eq!(read(&path), expected);
        fs::remove_file(&path).unwrap();
        let (mut log, _) = Log::load(path.clone()).unwrap();
        log.store(&expected).unwrap();
        let written = fs::read_to_string(&path).unwrap();
        let first = text.lines().nth(1).unwrap();
        let first = first[17..].replace(",\"b.yaml\":[]", "");
        assert_eq!(written.lines().nth(1).unwrap()[17..], first);
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
        let mut expected = Checkpoint::default();
        expected.set("b.yaml".into(), documents("{b: 1}"));
        assert_eq!(found, Some(expected.clone()));
        log.store(&expected).unwrap();
        assert!(fs::read(&path).unwrap().starts_with(b"{\"version\":3}\n"));
        assert_eq!(read(&path), expected);
        for damaged in ["{\"file\": 1}\n", ""] {
            fs::write(&path, damaged).unwrap();
            let error = Log::load(path.clone()).unwrap_err().to_string();
            assert!(error.contains("stays enforced"), "{error}");
        }
        // Where nothing is whole, the state file knows better.
        for torn in ["{\"file\": \"c.y", "{\"version\":3}"] {
            fs::write(&path, torn).unwrap();
            assert_eq!(Log::load(path.clone()).unwrap().1, None);
        }
    }
}
