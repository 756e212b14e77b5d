//! What was learned without an agent, in bounded memory and in a file for the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Journal, StateFileError};
use l7::learned::{Entry, LEARNED, Seconds};

/// Names of addresses at a time, and a pod's of them.
const MOST: usize = 8_192;
const MOST_OF_A_POD: usize = 1_024;

/// There is no room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no agent runs, and {whose} learned {held} addresses of names since; no more than {most} are kept until one runs"
)]
pub(super) struct Full {
    whose: String,
    held: usize,
    most: usize,
}

type Key = (IpAddr, Arc<str>, IpAddr);

/// See the module.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    journal: Journal,
    entries: BTreeMap<Key, Entry>,
    pods: BTreeMap<IpAddr, usize>,
    /// What isn't in the file yet.
    unsaved: Vec<Entry>,
    /// Addresses of which nothing is kept any more.
    run_out: BTreeSet<IpAddr>,
    was_read: bool,
}

impl Kept {
    pub(super) fn new(run_dir: &Path) -> Self {
        let path = run_dir.join(LEARNED);
        Self {
            journal: Journal::new(path.clone()),
            path,
            entries: BTreeMap::new(),
            pods: BTreeMap::new(),
            unsaved: Vec::new(),
            run_out: BTreeSet::new(),
            was_read: false,
        }
    }

    /// Begins a turn, with the maps locked: what an agent took since is no longer kept here, and what has run out
    /// is forgotten.
    pub(super) fn begin(&mut self, now: Seconds) {
        if !self.was_read {
            self.read();
        } else if !fs::exists(&self.path).unwrap_or(true) {
            self.entries.clear();
            self.pods.clear();
        }
        let out = self.entries.iter().filter(|(_, entry)| entry.until <= now);
        let out: Vec<Key> = out.map(|(key, _)| key.clone()).collect();
        for key in out {
            self.entries.remove(&key);
            if let Some(held) = self.pods.get_mut(&key.0) {
                *held -= 1;
                if *held == 0 {
                    self.pods.remove(&key.0);
                }
            }
            self.run_out.insert(key.2);
        }
    }

    /// What a proxy before this one learned.
    fn read(&mut self) {
        self.was_read = true;
        let (mut entries, mut pods) = (BTreeMap::new(), BTreeMap::new());
        let read = Journal::read(self.path.clone(), |more: Vec<Entry>| {
            for entry in more {
                let key = (entry.pod, Arc::clone(&entry.name), entry.address);
                if entries.insert(key, entry.clone()).is_none() {
                    *pods.entry(entry.pod).or_insert(0) += 1;
                }
            }
        });
        match read {
            Ok((journal, _)) => {
                self.journal = journal;
                (self.entries, self.pods) = (entries, pods);
            }
            Err(error) => {
                tracing::warn!(%error, "what was learned without an agent before is lost; names are asked for again");
            }
        }
    }

    /// Whether there is room for an answer's entries.
    pub(super) fn has_room(&self, entries: &[Entry]) -> Result<(), Full> {
        let is_new = |entry: &&Entry| {
            let key = (entry.pod, Arc::clone(&entry.name), entry.address);
            !self.entries.contains_key(&key)
        };
        let new = entries.iter().filter(is_new).count();
        let Some(pod) = entries.first().map(|entry| entry.pod) else {
            return Ok(());
        };
        let held = self.pods.get(&pod).copied().unwrap_or_default();
        if held + new > MOST_OF_A_POD {
            return Err(Full {
                whose: format!("pod {pod}"),
                held,
                most: MOST_OF_A_POD,
            });
        }
        if self.entries.len() + new > MOST {
            return Err(Full {
                whose: "all pods".to_owned(),
                held: self.entries.len(),
                most: MOST,
            });
        }
        Ok(())
    }

    pub(super) fn add(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let key = (entry.pod, Arc::clone(&entry.name), entry.address);
            self.run_out.remove(&entry.address);
            match self.entries.get_mut(&key) {
                Some(known) => {
                    known.expires = known.expires.max(entry.expires);
                    known.until = known.until.max(entry.until);
                    self.unsaved.push(known.clone());
                }
                None => {
                    *self.pods.entry(entry.pod).or_insert(0) += 1;
                    self.unsaved.push(entry.clone());
                    self.entries.insert(key, entry);
                }
            }
        }
    }

    /// Writes down what is new.
    ///
    /// # Errors
    /// The file system refuses. It is tried again the next time.
    pub(super) fn save(&mut self) -> Result<(), StateFileError> {
        if self.unsaved.is_empty() {
            return Ok(());
        }
        let all = || self.entries.values().collect::<Vec<_>>();
        if !self.journal.wants_whole() || !self.journal.rewrite(&all())? {
            self.journal.append(&self.unsaved)?;
        }
        self.unsaved.clear();
        Ok(())
    }

    /// Addresses of which nothing is kept any more, once.
    pub(super) fn run_out(&mut self) -> Vec<IpAddr> {
        let kept: BTreeSet<IpAddr> = self.entries.keys().map(|key| key.2).collect();
        let out = mem::take(&mut self.run_out);
        out.into_iter()
            .filter(|address| !kept.contains(address))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const T: Seconds = 1_000_000;

    fn entry(pod: u8, number: usize, until: Seconds) -> Entry {
        let [_, _, high, low] = u32::try_from(number).unwrap().to_be_bytes();
        Entry {
            pod: IpAddr::from([10, 0, 0, pod]),
            name: "a.b.".into(),
            address: IpAddr::from([192, 0, high, low]),
            since: T,
            expires: until,
            until,
            is_alias: false,
        }
    }

    /// How many of a pod's addresses there is room for.
    fn fill(kept: &mut Kept, pod: u8, from: usize) -> usize {
        let mut taken = 0;
        loop {
            let entries = vec![entry(pod, from + taken, T + 60)];
            if kept.has_room(&entries).is_err() {
                return taken;
            }
            kept.add(entries);
            taken += 1;
        }
    }

    #[test]
    fn pods_have_shares_and_what_has_run_out_makes_room() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(directory.path());
        kept.begin(T);
        for pod in 0..8 {
            let taken = fill(&mut kept, pod, usize::from(pod) * MOST_OF_A_POD);
            assert_eq!(taken, MOST_OF_A_POD, "pod {pod}");
        }
        let full = kept.has_room(&[entry(9, 1, T + 60)]).unwrap_err();
        assert!(full.to_string().contains("8192"), "{full}");
        // What is there takes no more room.
        let again = vec![entry(1, MOST_OF_A_POD, T + 90)];
        kept.has_room(&again).unwrap();
        kept.add(again);
        kept.save().unwrap();
        assert!(kept.run_out().is_empty());
        kept.begin(T + 60);
        assert_eq!(kept.run_out().len(), MOST - 1);
        assert!(kept.run_out().is_empty(), "once");
        assert_eq!(fill(&mut kept, 1, 0), MOST_OF_A_POD - 1);
    }

    #[test]
    fn the_next_proxy_knows_it_until_an_agent_takes_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(directory.path());
        kept.begin(T);
        kept.add(vec![entry(1, 1, T + 60), entry(1, 2, T + 30)]);
        kept.save().unwrap();
        kept.add(vec![entry(1, 1, T + 90)]);
        kept.save().unwrap();
        let mut next = Kept::new(directory.path());
        next.begin(T + 60);
        let left: Vec<Seconds> = next.entries.values().map(|entry| entry.until).collect();
        assert_eq!(left, [T + 90]);
        assert_eq!(next.run_out(), [IpAddr::from([192, 0, 0, 2])]);
        // An agent was there.
        fs::remove_file(directory.path().join(LEARNED)).unwrap();
        next.begin(T + 61);
        assert!(next.entries.is_empty() && next.pods.is_empty());
        next.add(vec![entry(2, 3, T + 90)]);
        next.save().unwrap();
        let mut last = Kept::new(directory.path());
        last.begin(T + 61);
        assert_eq!(
            last.entries.len(),
            1,
            "what the agent has stands there no more"
        );
    }
}
