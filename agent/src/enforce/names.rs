//! Addresses of names, as answers of DNS told them, and whose identity they therefore have.
//!
//! ```text
//!  answer --> told: all, for people and for policies that come later; in memory
//!        '--> filed: those that a selector of toFQDNs matches; in names.jsonl --> labels of each address
//! ```
//!
//! An address has one identity for all selectors that one of its names matches, so that ten thousand addresses
//! of a name are one identity. A name is forgotten some time after its answer has run out, since clients connect
//! late; an address with connections keeps its names as long as they live.
//!
//! While no agent runs, a proxy goes on with what is handed over to it: `handover`.

mod expiry;
mod handover;
mod selectors;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abi::maps;
use cluster::{Label, Labels, SharedMap};
use durable::{Journal, StateFileError};
use l7::learned::{GRACE, NameIdentities, NameIdentity};
use policy::{Compiled, Compiler};
use tracing::warn;

pub(super) use self::handover::withdraw;

use self::handover::Handover;
use self::selectors::{Selectors, outside};
use super::manifests::Policies;
use crate::node::ToldNames;
use crate::node::name_book::{Bounds, Entry, Full, NameBook, Seconds};
use crate::proxy::Learned;

/// How long people can ask for a name whose answer has run out.
const REMEMBERED: Seconds = 3_600;

/// How often it is written down that names hold for longer, which each answer tells again.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Sets of selectors that addresses may have: each is an identity, with an entry in each table that allows it. Who answers
/// for many selectors of a policy could else make as many as there are addresses.
const SETS: usize = 2_048;

/// How long it is told that a pod met its share.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// How much is filed: names have half of the kernel's room for addresses, so that pods and nodes always have theirs.
pub(super) fn room(sizes: &loader::Sizes) -> Bounds {
    let half = |map| {
        let entries = sizes.of(map).unwrap_or_default() / 2;
        usize::try_from(entries).unwrap_or(usize::MAX)
    };
    let (ipv4, ipv6) = (half(&maps::ADDR4), half(&maps::ADDR6));
    Bounds {
        ipv4,
        ipv6,
        entries: 2 * ipv4.saturating_add(ipv6),
        loses_own: false,
    }
}

/// What an answer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// Nothing that a policy asks about: the answer may leave.
    Nothing,
    /// Addresses that a policy asks about.
    Names,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Names {
    filed: NameBook,
    told: Arc<ToldNames>,
    /// Before any policies are known everything is filed.
    selectors: Option<Selectors>,
    /// Of which policies they are.
    policies: Policies,
    labels: SharedMap<IpAddr, Labels>,
    /// Sets of labels, and how many addresses have each.
    sets: BTreeMap<Labels, usize>,
    /// Sets that count once more than addresses have them: there is an identity before the first name.
    prepared: BTreeSet<Labels>,
    has_other_sets: bool,
    /// The sets or selectors aren't those that were handed over.
    has_other_identities: bool,
    handover: Handover,
    /// Addresses whose labels are to be looked at.
    changed: BTreeSet<IpAddr>,
    /// Addresses that are not open by all of their names, since these would be one set of selectors too many.
    beyond: BTreeSet<IpAddr>,
    journal: Journal,
    /// What isn't written down yet and must be, and what may be later, by pod, name and address.
    unsaved: [BTreeSet<(IpAddr, Arc<str>, IpAddr)>; 2],
    saved: Instant,
    looked: Option<Seconds>,
    /// Who met its share, and when.
    full: Option<(Full, Instant)>,
    /// How many addresses weren't taken.
    refused: u64,
}

impl Names {
    /// With what a former agent filed. A file that can't be read is told of, and forgotten: names are asked for again.
    pub(super) fn open(run_dir: &Path, room: Bounds, told: Arc<ToldNames>) -> Self {
        let path = run_dir.join("names.jsonl");
        let mut filed = NameBook::new(room);
        let mut changed = BTreeSet::new();
        let read = Journal::read(path.clone(), |entries: Vec<Entry>| {
            for entry in entries {
                // There was room, and if there is less now the rest is asked for again.
                drop(filed.add(entry, &mut changed));
            }
        });
        let journal = match read {
            Ok((journal, _)) => journal,
            Err(error) => {
                warn!(%error, "addresses of names that were learned are lost; they are asked for again");
                Journal::new(path)
            }
        };
        let mut names = Self {
            filed,
            told,
            selectors: None,
            policies: Policies::default(),
            labels: SharedMap::default(),
            sets: BTreeMap::new(),
            prepared: BTreeSet::new(),
            has_other_sets: false,
            has_other_identities: true,
            handover: Handover::open(run_dir),
            changed,
            beyond: BTreeSet::new(),
            journal,
            unsaved: [BTreeSet::new(), BTreeSet::new()],
            saved: Instant::now(),
            looked: None,
            full: None,
            refused: 0,
        };
        for entry in handover::take(run_dir) {
            // Here, too, what there is no room for is asked for again.
            drop(names.file(entry));
        }
        match names.save() {
            Ok(()) => handover::forget(run_dir),
            Err(error) => warn!(%error, "names that flows-proxy learned are not kept yet"),
        }
        for entry in names.filed.iter() {
            names.tell(entry);
        }
        names
    }

    fn tell(&self, entry: &Entry) {
        let entry = Entry {
            until: entry.expires + REMEMBERED,
            ..entry.clone()
        };
        // It never refuses anything.
        drop(self.told.write().add(entry, &mut BTreeSet::new()));
    }

    /// Takes an answer in.
    ///
    /// # Errors
    /// The pod has its share.
    pub(super) fn learn(&mut self, learned: &Learned, now: Seconds) -> Result<Lesson, Full> {
        let mut lesson = Lesson::Nothing;
        for (place, name) in learned.names.iter().enumerate() {
            let name: Arc<str> = Arc::from(name.as_str());
            let selectors = self.selectors.as_ref();
            let is_filed = selectors.is_none_or(|selectors| selectors.select(&name));
            for address in &learned.addresses {
                let entry = Entry::told(learned.client, (place, &name), *address, now, learned.ttl);
                self.tell(&entry);
                if is_filed {
                    lesson = Lesson::Names;
                    self.file(entry)?;
                }
            }
        }
        Ok(lesson)
    }

    fn file(&mut self, entry: Entry) -> Result<(), Full> {
        let key = (entry.pod, Arc::clone(&entry.name), entry.address);
        match self.filed.add(entry, &mut self.changed) {
            Ok(is_new) => {
                self.unsaved[usize::from(!is_new)].insert(key);
                Ok(())
            }
            Err(full) => {
                self.refused += 1;
                let is_told = self.full.as_ref();
                if is_told.is_none_or(|(_, when)| when.elapsed() >= TOLD_FOR) {
                    warn!(
                        refused = self.refused,
                        "{full}; answers with more are SERVFAIL"
                    );
                    self.full = Some((full.clone(), Instant::now()));
                }
                Err(full)
            }
        }
    }

    /// What doesn't work now.
    pub(super) fn failure(&self) -> Option<String> {
        let beyond: Vec<IpAddr> = self.beyond.iter().take(1).copied().collect();
        if let Some(obstacle) = self.obstacle(&beyond) {
            return Some(format!("{obstacle}; answers with it are SERVFAIL"));
        }
        let (full, _) = self
            .full
            .as_ref()
            .filter(|(_, when)| when.elapsed() < TOLD_FOR)?;
        Some(format!(
            "{full}; its answers with more are SERVFAIL ({} addresses refused so far)",
            self.refused
        ))
    }

    /// Writes down what is filed, unless that is done: at once if something is new, and that it holds for longer now
    /// and then.
    ///
    /// # Errors
    /// The file system refuses. It is tried again the next time.
    pub(super) fn save(&mut self) -> Result<(), StateFileError> {
        if let Err(error) = self.handover.catch_up() {
            warn!(%error, "new numbers of names are not handed over yet");
        }
        let [new, longer] = &self.unsaved;
        let is_due = !longer.is_empty() && self.saved.elapsed() >= SAVE_EVERY;
        if new.is_empty() && !is_due {
            return Ok(());
        }
        let all = || self.filed.iter().collect::<Vec<_>>();
        if !self.journal.wants_whole() || !self.journal.rewrite(&all())? {
            let keys = new.iter().chain(longer.iter().filter(|_| is_due));
            let entries = keys.filter_map(|(pod, name, address)| {
                let mut entries = self.filed.of(address).iter();
                entries.find(|entry| entry.pod == *pod && entry.name == *name)
            });
            let entries: Vec<&Entry> = entries.collect();
            self.journal.append(&entries)?;
        }
        self.unsaved[0].clear();
        if is_due {
            self.unsaved[1].clear();
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Has the selectors of the compiler's policies, if those are others than before: what they match of what pods
    /// were told is filed, and nothing else. `prefixes`: what addresses are without names may have changed.
    pub(super) fn follow(&mut self, compiler: &Compiler, prefixes: bool, now: Seconds) {
        let policies = compiler.manifests();
        let is_known = self.selectors.is_some() && policies.is_same(&self.policies);
        if !is_known {
            self.policies = policies;
            let policies = compiler.policies();
            self.select(
                Selectors::new(policies.values().map(|policy| &**policy)),
                now,
            );
        }
        if !is_known || prefixes {
            let all = self.filed.iter().map(|entry| entry.address);
            self.changed.extend(all);
            self.prepare(compiler.compiled());
        }
        self.relabel(compiler.compiled());
    }

    fn prepare(&mut self, compiled: &Compiled) {
        let selectors = self.selectors.as_ref();
        let prepared = selectors.map_or_else(BTreeSet::new, |of| of.prepared(compiled));
        for labels in prepared.difference(&self.prepared) {
            self.has_other_sets |= count_one(&mut self.sets, labels);
        }
        for labels in self.prepared.difference(&prepared) {
            self.has_other_sets |= forget_one(&mut self.sets, labels);
        }
        self.prepared = prepared;
        self.has_other_identities = true;
    }

    fn select(&mut self, selectors: Selectors, now: Seconds) {
        let out = self.filed.iter();
        let out: Vec<Entry> = out
            .filter(|entry| !selectors.select(&entry.name))
            .cloned()
            .collect();
        for entry in out {
            self.filed.remove(&entry, &mut self.changed);
        }
        let told = self.told.read();
        let holds = told.iter().filter(|entry| entry.expires + GRACE > now);
        let selected: Vec<Entry> = holds
            .filter(|entry| selectors.select(&entry.name))
            .cloned()
            .collect();
        drop(told);
        self.selectors = Some(selectors);
        for entry in selected {
            let entry = Entry {
                until: entry.expires + GRACE,
                ..entry
            };
            // Whose there is no room for is asked for again.
            drop(self.file(entry));
        }
    }

    /// Finds the labels of addresses whose names changed. Says whether any has others than before.
    pub(super) fn relabel(&mut self, compiled: &Compiled) -> bool {
        let Some(selectors) = &self.selectors else {
            return false;
        };
        let mut differs = false;
        for address in mem::take(&mut self.changed) {
            let names = self.filed.of(&address).iter();
            let selected = names.flat_map(|entry| selectors.of_name(&entry.name));
            let mut selected = selected.peekable();
            let labels: Option<Labels> = selected.peek().is_some().then(|| {
                let outside = outside(address, compiled).into_iter();
                let outside = outside.flat_map(Labels::iter);
                outside.chain(selected).cloned().collect()
            });
            let before = self.labels.get(&address);
            self.beyond.remove(&address);
            if before == labels.as_ref() {
                continue;
            }
            let mut labels = labels;
            if let Some(wanted) = &labels
                && self.sets.len() >= SETS
                && !self.sets.contains_key(wanted)
            {
                self.beyond.insert(address);
                let has = |label: &Label| wanted.iter().any(|other| other == label);
                let is_less = |before: &Labels| before.iter().all(has);
                if before.is_some_and(is_less) {
                    continue;
                }
                // What it was it is no more: by none of its names it is open.
                labels = None;
            }
            differs = true;
            if let Some(before) = before.cloned() {
                let has_room = forget_one(&mut self.sets, &before);
                self.has_other_sets |= has_room;
                if has_room {
                    self.changed.extend(&self.beyond);
                }
            }
            match labels {
                Some(labels) => {
                    self.has_other_sets |= count_one(&mut self.sets, &labels);
                    self.labels.insert(address, labels);
                }
                None => drop(self.labels.remove(&address)),
            }
        }
        if differs {
            self.told.set_open(self.labels.clone());
        }
        differs
    }

    /// Why an answer with these addresses may not leave although they are filed.
    pub(super) fn obstacle(&self, addresses: &[IpAddr]) -> Option<String> {
        let address = addresses
            .iter()
            .find(|address| self.beyond.contains(address))?;
        Some(format!(
            "{address} has names of one more set of selectors, and there are {SETS} sets already: fewer selectors of \
             toFQDNs, or such that don't match the same addresses, make fewer"
        ))
    }

    /// The labels of the addresses that a selector of the policies selects.
    pub(super) fn labels(&self) -> &SharedMap<IpAddr, Labels> {
        &self.labels
    }

    /// The sets of labels, if there are others than when this was asked last.
    pub(super) fn take_sets(&mut self) -> Option<BTreeSet<Labels>> {
        let is_other = mem::take(&mut self.has_other_sets);
        self.has_other_identities |= is_other;
        is_other.then(|| self.sets.keys().cloned().collect())
    }

    /// The maps are about to say what was compiled.
    ///
    /// # Errors
    /// The file system refuses: they must not.
    pub(super) fn before_change(&mut self, compiled: &Compiled) -> Result<(), StateFileError> {
        if !self.has_other_identities {
            return Ok(());
        }
        let identities = self.identities(compiled);
        self.handover.narrow(&identities)
    }

    /// They do.
    pub(super) fn after_change(&mut self, compiled: &Compiled) {
        if mem::take(&mut self.has_other_identities)
            && let Err(error) = self.handover.settle(self.identities(compiled))
        {
            // It is tried again.
            warn!(%error, "flows-proxy learns no new names without an agent yet");
        }
    }

    /// What each set of labels has for a number.
    fn identities(&self, compiled: &Compiled) -> NameIdentities {
        let Some(selectors) = &self.selectors else {
            return NameIdentities::default();
        };
        let identity = |labels: &Labels| {
            let (named, outside): (Vec<&Label>, Vec<&Label>) = labels
                .iter()
                .partition(|label| selectors.place(label).is_some());
            let outside: Labels = outside.into_iter().cloned().collect();
            let places = named.into_iter().filter_map(|label| selectors.place(label));
            let mut places: Vec<u32> = places.filter_map(|place| place.try_into().ok()).collect();
            places.sort_unstable();
            Some(NameIdentity {
                outside: compiled.identities.find(&outside)?.0,
                selectors: places,
                identity: compiled.identities.find(labels)?.0,
            })
        };
        NameIdentities {
            selectors: selectors.specs(),
            identities: self.sets.keys().filter_map(identity).collect(),
        }
    }
}

/// An address more that has them; whether it is the first one.
fn count_one(sets: &mut BTreeMap<Labels, usize>, labels: &Labels) -> bool {
    let count = sets.entry(labels.clone()).or_insert(0);
    *count += 1;
    *count == 1
}

/// An address less that has them; whether it was the last one.
fn forget_one(sets: &mut BTreeMap<Labels, usize>, labels: &Labels) -> bool {
    let Some(count) = sets.get_mut(labels) else {
        return false;
    };
    *count -= 1;
    if *count == 0 {
        sets.remove(labels);
        return true;
    }
    false
}

#[cfg(test)]
mod tests;
