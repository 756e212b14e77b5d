//! A file of records, each of which says what a change changed: a change costs what it is, and not what
//! there is.
//!
//! ```text
//! {"version":3}
//! 1f0c29aa53b7e604 {...}     the first record: what differs from nothing
//! 77ab01c2d4e5f690 {...}     the next: what differs since
//! ```
//!
//! Before a record stands its checksum, in which that of the one before is: none between others can be
//! missing. A last line without an end is one that a crash cut off: what it says never came into force,
//! and it is as if it weren't there. Whatever else doesn't fit is an error. Once most of a file is history,
//! it is written anew beside it and takes its place.
//!
//! The enforcing thread's state files are such files, and the journal of changes is one.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tracing::{debug, warn};

use crate::digest::checksum;
use crate::error::{Damage, StateFileError, VERSION, failed};
use crate::file::{self, replace};

/// History up to this size is never worth a new file, bytes.
const SMALL: u64 = 1 << 20;

/// A file of records, of which this process is the only writer.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// `None`: the next record is a whole one, in a new file.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
    /// Length when it was written as a whole.
    whole: u64,
    /// Checksum of the last record.
    sum: u64,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
}

/// What a file is found to be.
pub enum Found {
    /// There is none.
    Nothing,
    /// It has an earlier form.
    Earlier(Vec<u8>),
    /// Its records went to whoever asked.
    Records,
}

impl Journal {
    /// A file of which nothing is known: the first record takes its place.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Leaves what the file holds: the next record is a whole one, in a new file.
    pub fn abandon(&mut self) {
        self.open = None;
    }

    /// Notes in the file's modification time that what it says is still so.
    pub fn touch(&self, now: SystemTime) {
        let open = self.open.as_ref();
        if let Some(Err(error)) = open.map(|open| open.file.set_modified(now)) {
            debug!(path = %self.path.display(), %error, "modification time not set");
        }
    }

    /// Reads a file: `each` is called with every record, in order.
    ///
    /// # Errors
    /// The file can't be read, is damaged, or is of a later form.
    pub fn read<R: DeserializeOwned>(
        path: PathBuf,
        mut each: impl FnMut(R),
    ) -> Result<(Self, Found), StateFileError> {
        let text = match file::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Self::new(path), Found::Nothing));
            }
            Err(source) => return Err(failed("reading", &path)(source)),
        };
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        let head = lines.next().unwrap_or_default();
        match serde_json::from_slice(head) {
            Ok(Head { version: VERSION }) if head.ends_with(b"\n") => {}
            Ok(Head { version }) if version > VERSION => {
                return Err(StateFileError::Version {
                    path,
                    found: version,
                });
            }
            Ok(_) | Err(_) => return Ok((Self::new(path), Found::Earlier(text))),
        }
        let mut length = head.len() as u64;
        let mut whole = None;
        let mut sum = 0;
        for (line, number) in lines.zip(2_usize..) {
            if !line.ends_with(b"\n") {
                break;
            }
            let record = record(line, &mut sum).map_err(|source| StateFileError::Content {
                path: path.clone(),
                line: number,
                source,
            })?;
            each(record);
            length += line.len() as u64;
            whole.get_or_insert(length);
        }
        // A new file takes its place with its first record in it.
        let Some(whole) = whole else {
            return Err(StateFileError::Content {
                path,
                line: 2,
                source: Damage::Empty,
            });
        };
        let mut journal = Self::new(path);
        journal.open = Some(journal.adopt(length, whole, sum)?);
        Ok((journal, Found::Records))
    }

    /// Opens the file for more; what is beyond `length` goes.
    fn adopt(&self, length: u64, whole: u64, sum: u64) -> Result<Open, StateFileError> {
        let file = OpenOptions::new().append(true).open(&self.path);
        let file = file.map_err(failed("opening", &self.path))?;
        let found = file.metadata().map_err(failed("reading", &self.path))?;
        if found.len() != length {
            warn!(
                path = %self.path.display(),
                bytes = found.len().saturating_sub(length),
                "the last line was cut off by a crash; it is dropped"
            );
            file.set_len(length)
                .and_then(|()| file.sync_all())
                .map_err(failed("mending", &self.path))?;
        }
        Ok(Open {
            file,
            length,
            whole,
            sum,
        })
    }

    /// Whether the next record should be a whole one.
    pub fn wants_whole(&mut self) -> bool {
        if !self.is_in_place() {
            self.open = None;
        }
        let grown = |open: &Open| open.length > SMALL.max(2 * open.whole);
        self.open.as_ref().is_none_or(grown)
    }

    /// Whether the file that is open is the one that the next agent will find.
    fn is_in_place(&self) -> bool {
        let number = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let open = self.open.as_ref();
        let open = open.and_then(|open| open.file.metadata().ok().map(number));
        open.is_some() && open == fs::metadata(&self.path).ok().map(number)
    }

    /// Adds a record, lasting.
    ///
    /// # Errors
    /// The file system refuses: the file then says what it said before.
    pub fn append(&mut self, record: &impl Serialize) -> Result<(), StateFileError> {
        let before = self.open.as_ref().map_or(0, |open| open.sum);
        let (line, sum) = self.line(record, before)?;
        let Some(open) = &mut self.open else {
            return self.replace(&line, sum);
        };
        let written = open
            .file
            .write_all(&line)
            .and_then(|()| open.file.sync_data());
        if let Err(source) = written {
            // Half of a line must not have another one behind it.
            if open.file.set_len(open.length).is_err() {
                self.open = None;
            }
            return Err(failed("writing", &self.path)(source));
        }
        open.length += line.len() as u64;
        open.sum = sum;
        Ok(())
    }

    /// Puts a new file in the place of this one, of one record that says all. `false`: there is no room
    /// for it, but there may be for a record more in this one.
    ///
    /// # Errors
    /// The file system refuses: the file is as before.
    pub fn rewrite(&mut self, record: &impl Serialize) -> Result<bool, StateFileError> {
        let (line, sum) = self.line(record, 0)?;
        match self.replace(&line, sum) {
            Ok(()) => Ok(true),
            Err(error) if self.open.is_some() => {
                debug!(%error, "a journal is not rewritten");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn replace(&mut self, line: &[u8], sum: u64) -> Result<(), StateFileError> {
        let mut text = format!("{{\"version\":{VERSION}}}\n").into_bytes();
        text.extend_from_slice(line);
        if let Err(error) = replace(&self.path, &text, true) {
            if !self.is_in_place() {
                // The new file may be there already: the next record is a whole one as well.
                self.open = None;
            }
            return Err(error);
        }
        self.open = None;
        let length = text.len() as u64;
        self.open = Some(self.adopt(length, length, sum)?);
        Ok(())
    }

    /// The line of a record behind one with the checksum `before`, and its own checksum.
    fn line(&self, record: &impl Serialize, before: u64) -> Result<(Vec<u8>, u64), StateFileError> {
        let text = serde_json::to_vec(record).map_err(|source| StateFileError::Content {
            path: self.path.clone(),
            line: 0,
            source: source.into(),
        })?;
        let sum = checksum(before, &text);
        let mut line = format!("{sum:016x} ").into_bytes();
        line.extend_from_slice(&text);
        line.push(b'\n');
        Ok((line, sum))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The record of a line behind one with the checksum `before`, which becomes its own.
fn record<R: DeserializeOwned>(line: &[u8], before: &mut u64) -> Result<R, Damage> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (said, text) = line.split_at_checked(17).ok_or(Damage::Checksum)?;
    let sum = checksum(*before, text);
    if said != format!("{sum:016x} ").as_bytes() {
        return Err(Damage::Checksum);
    }
    *before = sum;
    Ok(serde_json::from_slice(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Records = Vec<Vec<u32>>;

    fn read(path: &Path) -> Result<(Journal, Records), StateFileError> {
        let mut records = Records::new();
        let (journal, _) = Journal::read(path.to_owned(), |record| records.push(record))?;
        Ok((journal, records))
    }

    /// A file of three records, its path and text.
    fn three(directory: &Path) -> (PathBuf, Vec<u8>) {
        let path = directory.join("state");
        let (mut journal, none) = read(&path).expect("no file");
        assert!(none.is_empty() && journal.wants_whole());
        for record in [vec![1], vec![2, 20], vec![3]] {
            journal.append(&record).expect("written");
        }
        assert!(!journal.wants_whole());
        let text = fs::read(&path).expect("a file");
        (path, text)
    }

    #[test]
    fn a_line_that_was_cut_off_never_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, text) = three(directory.path());
        assert_eq!(
            read(&path).expect("whole").1,
            [vec![1], vec![2, 20], vec![3]]
        );
        let last = text[..text.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .expect("lines")
            + 1;
        for cut in last..text.len() {
            fs::write(&path, &text[..cut]).expect("write");
            let (mut journal, records) = read(&path).expect("cut off");
            assert_eq!(records, [vec![1], vec![2, 20]], "{cut}");
            // What comes next stands in a line of its own.
            journal.append(&vec![4]).expect("written");
            let records = read(&path).expect("mended").1;
            assert_eq!(records, [vec![1], vec![2, 20], vec![4]], "{cut}");
        }
    }

    #[test]
    fn damage_is_told_wherever_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, text) = three(directory.path());
        let first = text.iter().position(|byte| *byte == b'\n').expect("lines") + 1;
        for place in first..text.len() - 1 {
            let mut damaged = text.clone();
            damaged[place] ^= 1;
            fs::write(&path, &damaged).expect("write");
            let error = read(&path).expect_err("damaged").to_string();
            assert!(error.contains("stays enforced"), "{place}: {error}");
        }
        // A line less: what it says is missing in the middle.
        let second = first
            + text[first..]
                .iter()
                .position(|b| *b == b'\n')
                .expect("lines");
        let joined = [&text[..second], &text[second + 1..]].concat();
        fs::write(&path, joined).expect("write");
        let error = read(&path).expect_err("joined").to_string();
        assert!(
            error.contains("line 2") && error.contains("checksum"),
            "{error}"
        );
        // One that is missing as a whole.
        let third = second
            + 1
            + text[second + 1..]
                .iter()
                .position(|b| *b == b'\n')
                .expect("lines");
        let without = [&text[..=second], &text[third + 1..]].concat();
        fs::write(&path, without).expect("write");
        let error = read(&path).expect_err("without one").to_string();
        assert!(error.contains("line 3"), "{error}");
        fs::write(&path, "{\"version\":4}\n").expect("write");
        let error = read(&path).expect_err("of tomorrow").to_string();
        assert!(error.contains("has form 4"), "{error}");
    }

    #[test]
    fn history_goes() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("state");
        let (mut journal, _) = read(&path).expect("no file");
        let large: Vec<u32> = (0..50_000).collect();
        let mut rewritten = 0;
        for _ in 0..12 {
            if journal.wants_whole() {
                assert!(journal.rewrite(&large).expect("written"));
                rewritten += 1;
            } else {
                journal.append(&large).expect("written");
            }
            let size = fs::metadata(&path).expect("a file").size();
            assert!(size < 3 * SMALL, "{size}");
        }
        assert!((2..6).contains(&rewritten), "{rewritten}");
        assert_eq!(
            fs::read_dir(directory.path()).expect("a directory").count(),
            1
        );
    }

    #[test]
    fn without_room_for_a_new_file_the_old_one_grows() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, _) = three(directory.path());
        let (mut journal, _) = read(&path).expect("a file");
        // Nothing can be created in its place.
        fs::create_dir(path.with_extension("new")).expect("a directory");
        assert!(
            !journal
                .rewrite(&vec![1, 2, 3])
                .expect("the old one is good")
        );
        journal.append(&vec![4]).expect("written");
        let records = read(&path).expect("whole").1;
        assert_eq!(records, [vec![1], vec![2, 20], vec![3], vec![4]]);
    }

    #[test]
    fn a_file_that_was_taken_away_is_written_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, _) = three(directory.path());
        let (mut journal, _) = read(&path).expect("a file");
        for replaced in [false, true] {
            fs::remove_file(&path).expect("it is there");
            if replaced {
                fs::write(&path, "something else").expect("write");
            }
            assert!(journal.wants_whole());
            assert!(journal.rewrite(&vec![9]).expect("room"));
            assert_eq!(read(&path).expect("whole").1, [vec![9]]);
        }
    }

    #[test]
    fn a_full_disk_is_told_and_takes_nothing_away() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, text) = three(directory.path());
        let (mut journal, _) = read(&path).expect("a file");
        let open = journal.open.as_mut().expect("open");
        // Whatever is written there, no room is left.
        open.file = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("a device");
        let error = journal.append(&vec![4]).expect_err("full").to_string();
        assert!(error.contains("No space left"), "{error}");
        assert!(error.contains("state"), "{error}");
        assert_eq!(fs::read(&path).expect("a file"), text);
        // Once there is, all of it is written.
        assert!(journal.wants_whole());
        assert!(journal.rewrite(&vec![1, 2, 3, 4]).expect("room"));
        assert_eq!(read(&path).expect("whole").1, [vec![1, 2, 3, 4]]);
    }
}
