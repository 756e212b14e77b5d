//! Addresses of names, as answers of DNS told them, and whose identity they therefore have.
//!
//! ```text
//!  answer --> (address, name, until when) --selectors of toFQDNs that match--> labels of the address
//! ```
//!
//! An address has one identity for all selectors that one of its names matches, so that ten thousand addresses
//! of a name are one identity. A name is forgotten some time after its answer has run out, since clients connect
//! late; an address with connections keeps its names as long as they live.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cluster::{Label, Labels};
use ipnet::IpNet;
use l7::names::{FqdnSelector, NameSpec};
use l7::wire::name::Name;
use policy::rule::Peer;
use policy::{Compiled, Policy};
use tracing::warn;

use crate::journal::{StateFileError, replace};
use crate::proxy::Learned;

/// How long a name is known after its answer has run out.
const GRACE: Duration = Duration::from_secs(30);

/// How often it is written down that names hold for longer, which each answer tells again.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Addresses that are known at a time; an answer that would add more is refused.
const MOST_ADDRESSES: usize = 65_536;

/// Names that an address is known by; more make the one that runs out first go.
const MOST_NAMES: usize = 64;

/// Seconds since 1970.
type Seconds = u64;

/// What is known, by address: names, in lower case with the dot at the end, and until when.
type Known = BTreeMap<IpAddr, BTreeMap<String, Seconds>>;

/// See the module.
#[derive(Debug)]
pub(super) struct Names {
    file: PathBuf,
    known: Known,
    is_saved: bool,
    /// When it was written down last.
    saved: Instant,
}

fn now() -> Seconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

impl Names {
    /// What a former agent learned. A file that can't be read is told of, and forgotten: names are asked for again.
    pub(super) fn load(run_dir: &Path) -> Self {
        let file = run_dir.join("names.json");
        let known = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                warn!(file = %file.display(), %error, "the addresses of names that were learned are lost");
                Known::new()
            }),
            Err(_not_there) => Known::new(),
        };
        Self {
            file,
            known,
            is_saved: true,
            saved: Instant::now(),
        }
    }

    /// Takes an answer in. Says whether it tells anything new, other than that it holds for longer.
    ///
    /// # Errors
    /// There is no room.
    pub(super) fn learn(&mut self, learned: &Learned) -> Result<bool, String> {
        let until = now() + u64::from(learned.ttl) + GRACE.as_secs();
        let mut is_new = false;
        for address in &learned.addresses {
            if !self.known.contains_key(address) && self.known.len() >= MOST_ADDRESSES {
                return Err(format!(
                    "{MOST_ADDRESSES} addresses of names are known already"
                ));
            }
            let names = self.known.entry(*address).or_default();
            for name in &learned.names {
                match names.get_mut(name) {
                    Some(known) => *known = until.max(*known),
                    None => {
                        is_new = true;
                        names.insert(name.clone(), until);
                    }
                }
            }
            while names.len() > MOST_NAMES {
                let first = names.iter().min_by_key(|(_, until)| **until);
                let Some(first) = first.map(|(name, _)| name.clone()) else {
                    break;
                };
                names.remove(&first);
            }
        }
        self.is_saved = false;
        Ok(is_new)
    }

    /// Writes down what is known, unless that is done: at once if something is new, and that it holds for longer now
    /// and then.
    pub(super) fn save(&mut self, is_new: bool) -> Result<(), StateFileError> {
        if !self.is_saved && (is_new || self.saved.elapsed() >= SAVE_EVERY) {
            let json = serde_json::to_vec(&self.known).unwrap_or_default();
            replace(&self.file, &json, false)?;
            self.is_saved = true;
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Addresses of which some name has run out.
    pub(super) fn due(&self) -> BTreeSet<IpAddr> {
        let now = now();
        let due = self.known.iter();
        let due = due.filter(|(_, names)| names.values().any(|until| *until <= now));
        due.map(|(address, _)| *address).collect()
    }

    /// Forgets names that have run out, but for those of addresses in use. Says whether any went.
    pub(super) fn forget(&mut self, due: &BTreeSet<IpAddr>, in_use: &BTreeSet<IpAddr>) -> bool {
        let now = now();
        let mut gone = false;
        for address in due {
            let Some(names) = self.known.get_mut(address) else {
                continue;
            };
            if in_use.contains(address) {
                for until in names.values_mut() {
                    *until = (*until).max(now + GRACE.as_secs());
                }
                continue;
            }
            let before = names.len();
            names.retain(|_, until| *until > now);
            gone |= names.len() < before;
            if names.is_empty() {
                self.known.remove(address);
            }
        }
        self.is_saved &= !gone;
        gone
    }

    /// The labels of the addresses that a selector of the policies selects.
    pub(super) fn labels<'a>(
        &self,
        policies: impl Iterator<Item = &'a Policy>,
        compiled: &Compiled,
    ) -> BTreeMap<IpAddr, Labels> {
        if self.known.is_empty() {
            return BTreeMap::new();
        }
        let selectors = selectors(policies);
        let labels = self.known.iter().filter_map(|(address, names)| {
            let names: Vec<Name> = names
                .keys()
                .filter_map(|name| Name::from_text(name).ok())
                .collect();
            let selected = selectors
                .iter()
                .filter(|(_, selector)| names.iter().any(|name| selector.matches(name)));
            let mut selected = selected.map(|(text, _)| Label::fqdn(text)).peekable();
            selected.peek()?;
            let outside = outside(*address, compiled);
            let labels = outside
                .into_iter()
                .flat_map(Labels::iter)
                .cloned()
                .chain(selected);
            Some((*address, labels.collect()))
        });
        labels.collect()
    }
}

/// The selectors of `toFQDNs`, by their text.
fn selectors<'a>(policies: impl Iterator<Item = &'a Policy>) -> BTreeMap<&'a str, FqdnSelector> {
    let rules = policies.flat_map(|policy| &policy.rules);
    let elements = rules.flat_map(|rule| rule.egress.iter().flat_map(|egress| &egress.elements));
    let texts = elements
        .flat_map(|element| &element.peers)
        .filter_map(|peer| match peer {
            Peer::Name(text) => Some(&**text),
            Peer::All
            | Peer::Labels(_)
            | Peer::Reserved(_)
            | Peer::Cidr(_)
            | Peer::CidrGroup { .. }
            | Peer::CidrGroups { .. } => None,
        });
    let read = texts.filter_map(|text| {
        let has_stars = text.contains('*');
        let text_of = |is: bool| is.then(|| Box::from(text));
        let spec = NameSpec {
            match_name: text_of(!has_stars),
            match_pattern: text_of(has_stars),
        };
        Some((text, FqdnSelector::new(&spec).ok()?))
    });
    read.collect()
}

/// What an address has without a name: the labels of the longest prefix that covers it.
fn outside(address: IpAddr, compiled: &Compiled) -> Option<&Labels> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefixes = (0..=longest)
        .rev()
        .filter_map(|length| IpNet::new(address, length).ok());
    let mut known = prefixes.filter_map(|prefix| compiled.prefixes.get(&prefix.trunc()));
    compiled.identities.labels(*known.next()?)
}
