//! What pods were told for names, for people: a book that the enforcing thread writes, and in which the names of a
//! flow's ends are looked up.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwap;
use cluster::{Labels, SharedMap};

use super::name_book::{Bounds, NameBook};

/// Entries.
const ENTRIES: usize = 65_536;

/// See the module.
#[derive(Debug)]
pub struct ToldNames {
    book: RwLock<NameBook>,
    open: ArcSwap<SharedMap<IpAddr, Labels>>,
}

impl Default for ToldNames {
    fn default() -> Self {
        let bounds = Bounds {
            ipv4: ENTRIES,
            ipv6: ENTRIES,
            entries: ENTRIES,
            loses_own: true,
        };
        Self {
            book: RwLock::new(NameBook::new(bounds)),
            open: ArcSwap::default(),
        }
    }
}

impl ToldNames {
    /// To look things up. Not to be held for long: the enforcing thread waits for it.
    pub fn read(&self) -> RwLockReadGuard<'_, NameBook> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the enforcing thread.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, NameBook> {
        self.book.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses that selectors of `toFQDNs` select, with a label for each of those ([`cluster::Label::fqdn`]).
    pub fn open(&self) -> Arc<SharedMap<IpAddr, Labels>> {
        self.open.load_full()
    }

    /// For the enforcing thread.
    pub(crate) fn set_open(&self, open: SharedMap<IpAddr, Labels>) {
        self.open.store(Arc::new(open));
    }

    /// Names that a pod had asked for at a time of day (in ns) and that stood for an address, sorted, without the dot
    /// at the end: `destination_names` and `source_names` of Hubble's flows. Also those that have run out since, as
    /// long as they are kept.
    pub fn names(&self, pod: IpAddr, address: IpAddr, time: u64) -> Vec<String> {
        let book = self.read();
        let entries = book.of(&address).iter();
        let asked = entries.filter(|entry| {
            entry.pod == pod && !entry.is_alias && entry.since <= time / 1_000_000_000
        });
        let names = asked.map(|entry| entry.name.strip_suffix('.').unwrap_or(&entry.name));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_unstable();
        names
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::node::name_book::Entry;

    #[test]
    fn each_pod_has_the_names_that_it_asked_for_from_then_on() {
        let told = ToldNames::default();
        let [pod, other, server] = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        let tell = |name: &str, since, is_alias| {
            let entry = Entry {
                pod,
                name: name.into(),
                address: server,
                since,
                expires: since + 60,
                until: since + 3_600,
                is_alias,
            };
            told.write().add(entry, &mut BTreeSet::new()).expect("room");
        };
        tell("b.org.", 100, false);
        tell("a.org.", 200, false);
        tell("cdn.net.", 100, true);
        let at = |pod, seconds: u64| told.names(pod, server, seconds * 1_000_000_000);
        assert!(at(pod, 99).is_empty());
        assert_eq!(at(pod, 100), ["b.org"]);
        assert_eq!(at(pod, 300), ["a.org", "b.org"]);
        assert!(at(other, 300).is_empty());
        assert!(told.names(server, pod, 300_000_000_000).is_empty());
    }
}
