//! The last good objects of every manifest file, beside the state file: a change appends the files
//! that it is about, so that it costs what it changed and not what the cluster is.
//!
//! A line per file, the last one counts; `null` for a file that is gone. A line that a crash cut off is
//! not there. Written anew once most of it is history.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
};

use cluster::{source::Memory, yaml};
use serde::{Deserialize, Serialize};

use super::{SavedError, failed, replace};

/// History up to this size is never worth a rewrite, bytes.
const SMALL: u64 = 1 << 20;

/// The open log.
#[derive(Debug)]
pub(in crate::control) struct Log {
    path: PathBuf,
    /// What the file says. `None`: it has to be written anew.
    saved: Option<Saved>,
}

#[derive(Debug)]
struct Saved {
    memory: Memory,
    file: File,
    length: u64,
    /// Length when it was written as a whole.
    whole: u64,
}

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
    pub(in crate::control) fn load(path: PathBuf) -> Result<(Self, Option<Memory>), SavedError> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Self { path, saved: None }, None));
            }
            Err(source) => return Err(failed("reading", &path)(source)),
        };
        let mut memory = Memory::default();
        // What comes after the last end of a line is not whole.
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        for line in lines.filter(|line| line.ends_with(b"\n")) {
            let line: Line<Vec<Arc<yaml::Node>>> =
                serde_json::from_slice(line).map_err(|source| SavedError::Content {
                    path: path.clone(),
                    source,
                })?;
            memory.set(line.file, line.documents);
        }
        // Written anew by the first change: it may have a line that was cut off.
        Ok((Self { path, saved: None }, Some(memory)))
    }

    /// Makes the file say this, and lasting.
    ///
    /// # Errors
    /// The file system refuses. The file then says this or what it said before.
    pub(in crate::control) fn store(&mut self, now: &Memory) -> Result<(), SavedError> {
        // Whatever fails midway, the next time it is written as a whole.
        let saved = match self.saved.take() {
            Some(saved) if saved.length <= SMALL.max(2 * saved.whole) => self.append(saved, now)?,
            Some(_) | None => self.rewrite(now)?,
        };
        self.saved = Some(saved);
        Ok(())
    }

    fn append(&self, mut saved: Saved, now: &Memory) -> Result<Saved, SavedError> {
        let lines = self.lines(now.changes(&saved.memory))?;
        if !lines.is_empty() {
            saved
                .file
                .write_all(&lines)
                .and_then(|()| saved.file.sync_data())
                .map_err(failed("writing", &self.path))?;
            saved.length += lines.len() as u64;
        }
        saved.memory = now.clone();
        Ok(saved)
    }

    fn rewrite(&self, now: &Memory) -> Result<Saved, SavedError> {
        let lines = self.lines(now.changes(&Memory::default()))?;
        replace(&self.path, &lines, true)?;
        let file = OpenOptions::new().append(true).open(&self.path);
        let length = lines.len() as u64;
        Ok(Saved {
            memory: now.clone(),
            file: file.map_err(failed("opening", &self.path))?,
            length,
            whole: length,
        })
    }

    fn lines<'a>(
        &self,
        changes: impl Iterator<Item = (&'a Arc<str>, Option<&'a [Arc<yaml::Node>]>)>,
    ) -> Result<Vec<u8>, SavedError> {
        let mut lines = Vec::new();
        for (file, documents) in changes {
            let line = Line {
                file: Arc::clone(file),
                documents,
            };
            serde_json::to_writer(&mut lines, &line).map_err(|source| SavedError::Content {
                path: self.path.clone(),
                source,
            })?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Option<Vec<Arc<yaml::Node>>> {
        let parsed = yaml::parse(text).unwrap();
        Some(parsed.into_iter().map(Arc::new).collect())
    }

    fn read(path: &std::path::Path) -> Memory {
        Log::load(path.to_owned()).unwrap().1.unwrap()
    }

    #[test]
    fn each_change_is_appended_and_history_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifests.jsonl");
        let (mut log, none) = Log::load(path.clone()).unwrap();
        assert_eq!(none, None);
        let mut memory = Memory::default();
        memory.set("a.yaml".into(), documents("{a: 1}"));
        memory.set("b.yaml".into(), documents("{b: 1}\n---\n{b: 2}"));
        log.store(&memory).unwrap();
        assert_eq!(read(&path), memory);
        let whole = fs::metadata(&path).unwrap().len();

        log.store(&memory).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), whole, "nothing changed");
        memory.set("b.yaml".into(), None);
        memory.set("c.yaml".into(), documents("{c: 1}"));
        log.store(&memory).unwrap();
        assert_eq!(read(&path), memory);
        let before = fs::read(&path).unwrap();
        assert!(before.len() as u64 > whole);

        // A crash cuts the next line off: it never was.
        memory.set("a.yaml".into(), documents("{a: 2}"));
        log.store(&memory).unwrap();
        let text = fs::read(&path).unwrap();
        assert!(text.starts_with(&before));
        let former = {
            fs::write(&path, &text[..text.len() - 3]).unwrap();
            read(&path)
        };
        assert_ne!(former, memory);
        // A successor begins with a whole file.
        let (mut log, found) = Log::load(path.clone()).unwrap();
        assert_eq!(found, Some(former));
        log.store(&memory).unwrap();
        assert_eq!(read(&path), memory);
        assert!(fs::metadata(&path).unwrap().len() < text.len() as u64);

        let large = format!("{{text: {}}}", "x".repeat(300_000));
        for _ in 0..12 {
            memory.set("a.yaml".into(), documents(&large));
            log.store(&memory).unwrap();
            assert_eq!(read(&path), memory);
        }
        assert!(fs::metadata(&path).unwrap().len() < 2 * SMALL);
        fs::write(&path, "{\"file\": 1}\n").unwrap();
        let error = Log::load(path).unwrap_err().to_string();
        assert!(error.contains("stays in force"), "{error}");
    }
}
