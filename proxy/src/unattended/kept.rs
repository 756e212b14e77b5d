//! What was learned without an agent, in bounded memory and in a file for the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Journal, StateFileError};
use l7::learned::{Entry, LEARNED, Seconds};
use l7::wire::name::Name;

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

/// See the module.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    journal: Journal,
    addresses: BTreeMap<IpAddr, Vec<Entry>>,
    /// How many entries each pod has.
    pods: BTreeMap<IpAddr, usize>,
    /// What isn't in the file yet: pod, name and address.
    unsaved: BTreeSet<(IpAddr, Arc<str>, IpAddr)>,
    /// Addresses of which nothing is kept any more, and which may be in the maps still.
    left: BTreeSet<IpAddr>,
    /// Addresses that have fewer names than before.
    narrowed: BTreeSet<IpAddr>,
    was_read: bool,
    /// There is a file.
    was_saved: bool,
}

impl Kept {
    pub(super) fn new(run_dir: &Path) -> Self {
        let path = run_dir.join(LEARNED);
        Self {
            journal: Journal::new(path.clone()),
            path,
            addresses: BTreeMap::new(),
            pods: BTreeMap::new(),
            unsaved: BTreeSet::new(),
            left: BTreeSet::new(),
            narrowed: BTreeSet::new(),
            was_read: false,
            was_saved: false,
        }
    }

    /// Begins a turn, with the maps locked: what an agent took since is no longer kept here, and what has run out
    /// is forgotten.
    pub(super) fn begin(&mut self, now: Seconds) {
        if !self.was_read {
            self.read();
        } else if self.was_saved && !fs::exists(&self.path).unwrap_or(true) {
            self.leave_to_agent();
        }
        let (left, narrowed, pods) = (&mut self.left, &mut self.narrowed, &mut self.pods);
        self.addresses.retain(|address, entries| {
            let before = entries.len();
            entries.retain(|entry| {
                let holds = entry.until > now;
                if !holds && let Some(held) = pods.get_mut(&entry.pod) {
                    *held -= 1;
                }
                holds
            });
            if entries.is_empty() {
                left.insert(*address);
            } else if entries.len() < before {
                narrowed.insert(*address);
            }
            !entries.is_empty()
        });
        pods.retain(|_, held| *held > 0);
    }

    /// An agent is there, which takes the file and puts the maps right.
    pub(super) fn leave_to_agent(&mut self) {
        self.addresses.clear();
        self.pods.clear();
        self.unsaved.clear();
        self.left.clear();
        self.narrowed.clear();
        // Should it have ended before it took the file.
        (self.was_read, self.was_saved) = (false, false);
    }

    /// What a proxy before this one learned.
    fn read(&mut self) {
        self.was_read = true;
        let mut all = Vec::new();
        let read = Journal::read(self.path.clone(), |more: Vec<Entry>| all.extend(more));
        match read {
            Ok((journal, _)) => {
                self.was_saved = !all.is_empty();
                self.journal = journal;
                self.add(all);
                self.unsaved.clear();
            }
            Err(error) => {
                tracing::warn!(%error, "what was learned without an agent before is lost; names are asked for again");
            }
        }
    }

    /// When the first entry runs out.
    pub(super) fn next_end(&self) -> Option<Seconds> {
        let entries = self.addresses.values().flatten();
        entries.map(|entry| entry.until).min()
    }

    /// Whether there is room for an answer's entries.
    pub(super) fn has_room(&self, entries: &[Entry]) -> Result<(), Full> {
        let is_new = |entry: &&Entry| self.find(entry).is_none();
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
        let held = self.pods.values().sum::<usize>();
        // What is in the maps still takes room there.
        if held + new + self.left.len() > MOST {
            return Err(Full {
                whose: "all pods".to_owned(),
                held,
                most: MOST,
            });
        }
        Ok(())
    }

    fn find(&self, like: &Entry) -> Option<&Entry> {
        let mut entries = self.addresses.get(&like.address)?.iter();
        entries.find(|entry| entry.pod == like.pod && entry.name == like.name)
    }

    /// The names of an address, and until when each holds.
    pub(super) fn names(&self, address: IpAddr) -> Vec<(Name, Seconds)> {
        self.names_with(address, std::iter::empty())
    }

    /// Those, and new ones.
    pub(super) fn names_with<'a>(
        &'a self,
        address: IpAddr,
        new: impl Iterator<Item = &'a Entry> + Clone,
    ) -> Vec<(Name, Seconds)> {
        let renewed = |entry: &&Entry| {
            let mut new = new.clone();
            !new.any(|new| new.pod == entry.pod && new.name == entry.name)
        };
        let known = self.addresses.get(&address).into_iter().flatten();
        let named = |entry: &Entry| Some((Name::from_text(&entry.name).ok()?, entry.until));
        let renewals = new.clone().map(|entry| {
            let known = self.find(entry).map_or(0, |known| known.until);
            (&entry.name, known.max(entry.until))
        });
        let renewals = renewals.filter_map(|(name, until)| {
            let name = Name::from_text(name).ok()?;
            Some((name, until))
        });
        known
            .filter(renewed)
            .filter_map(named)
            .chain(renewals)
            .collect()
    }

    pub(super) fn add(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.left.remove(&entry.address);
            let key = (entry.pod, Arc::clone(&entry.name), entry.address);
            self.unsaved.insert(key);
            let of_address = self.addresses.entry(entry.address).or_default();
            let known = of_address
                .iter_mut()
                .find(|known| known.pod == entry.pod && known.name == entry.name);
            match known {
                Some(known) => {
                    known.expires = known.expires.max(entry.expires);
                    known.until = known.until.max(entry.until);
                }
                None => {
                    *self.pods.entry(entry.pod).or_insert(0) += 1;
                    of_address.push(entry);
                }
            }
        }
    }

    /// Notes addresses that may be in the maps, though nothing is kept of some.
    pub(super) fn leave(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        let unknown = addresses.filter(|address| !self.addresses.contains_key(address));
        self.left.extend(unknown);
    }

    /// Addresses of which nothing is kept any more, and which may be in the maps still.
    pub(super) fn left(&self) -> impl Iterator<Item = IpAddr> {
        self.left.iter().copied()
    }

    /// Only these of them are.
    pub(super) fn retain_left(&mut self, there: &BTreeSet<IpAddr>) {
        self.left.retain(|address| there.contains(address));
    }

    /// Addresses that have fewer names than before, once.
    pub(super) fn take_narrowed(&mut self) -> BTreeSet<IpAddr> {
        mem::take(&mut self.narrowed)
    }

    /// Writes down what is new.
    ///
    /// # Errors
    /// The file system refuses. It is tried again the next time.
    pub(super) fn save(&mut self) -> Result<(), StateFileError> {
        if self.unsaved.is_empty() {
            return Ok(());
        }
        let all = || self.addresses.values().flatten().collect::<Vec<_>>();
        if !self.journal.wants_whole() || !self.journal.rewrite(&all())? {
            let entries = self.addresses.values().flatten();
            let is_unsaved = |entry: &&Entry| {
                let key = (entry.pod, Arc::clone(&entry.name), entry.address);
                self.unsaved.contains(&key)
            };
            let unsaved: Vec<&Entry> = entries.filter(is_unsaved).collect();
            self.journal.append(&unsaved)?;
        }
        self.was_saved = true;
        self.unsaved.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(kept.left().count(), 0);
        assert_eq!(kept.next_end(), Some(T + 60));
        kept.begin(T + 60);
        assert_eq!(kept.left().count(), MOST - 1);
        assert_eq!(kept.next_end(), Some(T + 90));
        // As long as they are in the maps they take room.
        assert!(
            kept.has_room(&[entry(9, 1, T + 60), entry(9, 2, T + 60)])
                .is_err()
        );
        kept.retain_left(&BTreeSet::new());
        assert_eq!(fill(&mut kept, 1, 0), MOST_OF_A_POD - 1);
    }

    #[test]
    fn an_address_has_its_names_as_long_as_each_holds() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(directory.path());
        kept.begin(T);
        let named = |pod, name: &str, until| Entry {
            name: name.into(),
            ..entry(pod, 1, until)
        };
        kept.add(vec![named(1, "a.b.", T + 30)]);
        let new = [named(2, "c.d.", T + 600), named(1, "a.b.", T + 20)];
        let address = new[0].address;
        let told = |names: Vec<(Name, Seconds)>| -> Vec<(String, Seconds)> {
            let names = names.into_iter();
            names
                .map(|(name, until)| (name.to_string(), until))
                .collect()
        };
        let both = [("c.d.".to_owned(), T + 600), ("a.b.".to_owned(), T + 30)];
        assert_eq!(told(kept.names_with(address, new.iter())), both);
        kept.add(new.to_vec());
        assert!(kept.take_narrowed().is_empty());
        assert_eq!(kept.next_end(), Some(T + 30));
        kept.begin(T + 30);
        assert_eq!(kept.take_narrowed(), BTreeSet::from([address]));
        assert_eq!(told(kept.names(address)), both[..1]);
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
        assert_eq!(next.next_end(), Some(T + 90));
        let left: Vec<IpAddr> = next.left().collect();
        assert_eq!(left, [IpAddr::from([192, 0, 0, 2])]);
        // An agent was there.
        fs::remove_file(directory.path().join(LEARNED)).unwrap();
        next.begin(T + 61);
        assert!(next.addresses.is_empty() && next.pods.is_empty());
        next.add(vec![entry(2, 3, T + 90)]);
        next.save().unwrap();
        let mut last = Kept::new(directory.path());
        last.begin(T + 61);
        assert_eq!(
            last.addresses.len(),
            1,
            "what the agent has stands there no more"
        );
    }
}
