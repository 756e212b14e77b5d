//! What people said of incidents, kept on disk: that they know of one, until a time.
//!
//! It is no part of what is enforced. Each node keeps all of it; a relay tells all nodes, and of two
//! that differ takes the later one, so that a node that was away is no harm.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use proto::{
    flows::v1::Acknowledgement,
    google::Timestamp,
    json::{self, Unknown},
};
use thiserror::Error;
use tracing::warn;

use durable::{StateFileError, replace};

/// The most that are kept.
const MOST: usize = 1_000;
/// The most that a text may have, bytes.
const LONGEST: usize = 500;
/// The longest time that one may hold, ns: a year.
const LONGEST_TIME: i64 = 366 * 86_400_000_000_000;
/// What is taken back or over is remembered for so long, ns, so that no node that missed it brings it
/// back.
const REMEMBERED: i64 = 7 * 86_400_000_000_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Acknowledgements {
    /// `None`: in memory only.
    path: Option<PathBuf>,
    kept: Mutex<BTreeMap<String, Acknowledgement>>,
}

/// It isn't kept.
#[derive(Debug, Error)]
pub enum AcknowledgeError {
    /// It isn't well-formed.
    #[error("{0}")]
    Invalid(String),
    /// There are too many.
    #[error("{MOST} incidents are acknowledged already: take some back")]
    Full,
    /// It could not be written.
    #[error(transparent)]
    File(#[from] StateFileError),
}

impl Acknowledgements {
    /// Those of a file, which need not be there. What can't be read of it is said in the log and left
    /// out: nothing that is enforced depends on it.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                warn!(path = %path.display(), %error, "what was said of incidents can't be read");
                Vec::new()
            }
        };
        let mut kept = BTreeMap::new();
        for (number, line) in String::from_utf8_lossy(&text)
            .lines()
            .take(MOST)
            .enumerate()
        {
            match json::read::<Acknowledgement>(line, Unknown::Ignore) {
                Ok(one) => drop(kept.insert(one.incident.clone(), one)),
                Err(error) => {
                    warn!(path = %path.display(), line = number + 1, %error, "no acknowledgement");
                }
            }
        }
        Self {
            path: Some(path.to_owned()),
            kept: Mutex::new(kept),
        }
    }

    /// Keeps one, unless a later one of the incident is known; returns what holds.
    ///
    /// # Errors
    /// It isn't well-formed, there is no room, or it can't be written; nothing has changed.
    pub fn put(
        &self,
        mut said: Acknowledgement,
        now: Timestamp,
    ) -> Result<Acknowledgement, AcknowledgeError> {
        check(&said, now)?;
        // Of the future it could never be replaced.
        said.time = Some(said.time.map_or(now, |time| time.min(now)));
        let mut kept = self.lock();
        if let Some(known) = kept.get(&said.incident)
            && known.time > said.time
        {
            return Ok(known.clone());
        }
        let mut next = kept.clone();
        let forgotten = now.unix_nanos().saturating_sub(REMEMBERED);
        next.retain(|_, one| {
            let ends = one
                .until
                .unwrap_or_default()
                .max(one.time.unwrap_or_default());
            ends.unix_nanos() > forgotten
        });
        if next.len() >= MOST && !next.contains_key(&said.incident) {
            // What holds is worth more than the memory of what doesn't.
            let over = next
                .iter()
                .filter(|(_, one)| one.until.is_none_or(|until| until <= now));
            let oldest = over
                .min_by_key(|(_, one)| one.time)
                .map(|(id, _)| id.clone());
            match oldest {
                Some(id) => drop(next.remove(&id)),
                None => return Err(AcknowledgeError::Full),
            }
        }
        next.insert(said.incident.clone(), said.clone());
        if let Some(path) = &self.path {
            replace(path, &lines(&next)?, true)?;
        }
        *kept = next;
        Ok(said)
    }

    /// All that are known, also those that were taken back or are over: for who merges several nodes'.
    #[must_use]
    pub fn all(&self) -> Vec<Acknowledgement> {
        self.lock().values().cloned().collect()
    }

    /// It is whole at any moment.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Acknowledgement>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lines(kept: &BTreeMap<String, Acknowledgement>) -> Result<Vec<u8>, StateFileError> {
    let mut text = Vec::new();
    for one in kept.values() {
        json::append(&mut text, one).map_err(|source: io::Error| StateFileError::File {
            action: "writing",
            path: PathBuf::from("acknowledgements"),
            source,
        })?;
        text.push(b'\n');
    }
    Ok(text)
}

fn check(said: &Acknowledgement, now: Timestamp) -> Result<(), AcknowledgeError> {
    let invalid = |why: String| Err(AcknowledgeError::Invalid(why));
    let is_id = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if said.incident.len() != 8 || !said.incident.bytes().all(is_id) {
        let shown: String = said.incident.chars().take(40).collect();
        return invalid(format!(
            "{shown:?} is not an incident: eight hexadecimal digits, as `flows incidents` shows them"
        ));
    }
    for (name, text) in [
        ("by", &said.by),
        ("reason", &said.reason),
        ("about", &said.about),
    ] {
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return invalid(format!(
                "`{name}` must be one line of at most {LONGEST} bytes"
            ));
        }
    }
    match said.until {
        Some(until) if until <= now => invalid("`until` is in the past".to_owned()),
        Some(until) if until.unix_nanos() - now.unix_nanos() > LONGEST_TIME => {
            invalid("`until` is more than a year away".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_unix_nanos(1_700_000_000_000_000_000 + hours * HOUR)
    }

    fn said(incident: &str, until: i64) -> Acknowledgement {
        Acknowledgement {
            incident: incident.to_owned(),
            until: Some(at(until)),
            by: "alice@laptop".to_owned(),
            ..Acknowledgement::default()
        }
    }

    #[test]
    fn it_is_there_after_a_restart_and_can_be_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acknowledged");
        let kept = Acknowledgements::open(&path);
        kept.put(said("0123abcd", 2), at(0)).unwrap();
        kept.put(said("0123abce", 2), at(0)).unwrap();
        let again = Acknowledgements::open(&path);
        assert_eq!(again.all(), kept.all());
        assert_eq!(again.all().len(), 2);
        let back = Acknowledgement {
            until: None,
            ..said("0123abcd", 0)
        };
        assert_eq!(again.put(back, at(1)).unwrap().until, None);
        // One that was said before that doesn't bring it back.
        let late = Acknowledgement {
            time: Some(at(0)),
            ..said("0123abcd", 5)
        };
        assert_eq!(again.put(late, at(1)).unwrap().until, None);
        assert_eq!(Acknowledgements::open(&path).all(), again.all());
        // What is long over is forgotten.
        again.put(said("0123abce", 500), at(400)).unwrap();
        assert_eq!(again.all().len(), 1);
    }

    #[test]
    fn what_is_of_the_future_can_be_replaced() {
        let kept = Acknowledgements::default();
        let ahead = Acknowledgement {
            time: Some(at(1000)),
            ..said("0123abcd", 2)
        };
        assert_eq!(kept.put(ahead, at(0)).unwrap().time, Some(at(0)));
        assert_eq!(
            kept.put(said("0123abcd", 9), at(1)).unwrap().until,
            Some(at(9))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let kept = Acknowledgements::default();
        for bad in [
            said("", 1),
            said("0123ABCD", 1),
            said("0123abcde", 1),
            said("0123abcd", 0),
            said("0123abcd", 24 * 400),
            Acknowledgement {
                reason: "x".repeat(LONGEST + 1),
                ..said("0123abcd", 1)
            },
            Acknowledgement {
                by: "a\u{1b}[2Jb".to_owned(),
                ..said("0123abcd", 1)
            },
        ] {
            let refused = kept.put(bad.clone(), at(0));
            assert!(
                matches!(refused, Err(AcknowledgeError::Invalid(_))),
                "{bad:?}"
            );
        }
        assert_eq!(kept.all(), []);
    }

    #[test]
    fn there_is_an_end_to_them() {
        let kept = Acknowledgements::default();
        for number in 0..MOST {
            kept.put(said(&format!("{number:08x}"), 1), at(0)).unwrap();
        }
        let refused = kept.put(said("ffffffff", 1), at(0));
        assert!(matches!(refused, Err(AcknowledgeError::Full)));
        // What is kept already can be said anew, and what is taken back makes room.
        kept.put(said("00000000", 3), at(0)).unwrap();
        let back = Acknowledgement {
            until: None,
            ..said("00000001", 1)
        };
        kept.put(back, at(0)).unwrap();
        kept.put(said("ffffffff", 1), at(0)).unwrap();
        assert_eq!(kept.all().len(), MOST);
    }

    #[test]
    fn a_damaged_file_is_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acknowledged");
        fs::write(&path, b"{\"incident\":\"0123abcd\"}\nnonsense\n\xff\n").unwrap();
        assert_eq!(Acknowledgements::open(&path).all().len(), 1);
        // A directory in its place: nothing is claimed to be kept.
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        let kept = Acknowledgements::open(&path);
        kept.put(said("0123abcd", 1), at(0)).unwrap_err();
        assert_eq!(kept.all(), []);
    }
}
