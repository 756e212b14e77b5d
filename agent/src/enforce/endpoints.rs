//! The pods of this node: which interface is whose, and the index under which the datapath knows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::Path,
};

use abi::conntrack::SHARES;
use abi::endpoint::MAX_ENDPOINTS;
use cluster::NamespacedName;
use loader::IfIndex;
use serde::Serialize;

use durable::{StateFileError, replace};

/// The host side of a pod's veth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// Index in the node's network namespace.
    pub(super) index: IfIndex,
    /// Name.
    pub(super) name: String,
}

/// A pod of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Index in the endpoints map.
    pub(super) index: u32,
    /// Its addresses, the primary first.
    pub(super) ips: Vec<IpAddr>,
    /// Its veth; `None` as long as no route leads to it.
    pub(super) interface: Option<Interface>,
}

/// All pods of this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Endpoints {
    known: BTreeMap<NamespacedName, Known>,
    /// Index given out last: freed ones come back as late as possible.
    last: u32,
}

/// One line of `endpoints.json`.
#[derive(Serialize)]
struct Ready<'a> {
    namespace: &'a str,
    name: &'a str,
    address: Option<&'a IpAddr>,
    addresses: &'a [IpAddr],
    ifindex: u32,
}

impl Endpoints {
    /// The pod of this name.
    pub(super) fn get(&self, name: &NamespacedName) -> Option<&Known> {
        self.known.get(name)
    }

    /// All, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&NamespacedName, &Known)> {
        self.known.iter()
    }

    /// Takes the pods of a new snapshot and where their routes lead. A pod keeps its index; `saved`
    /// has those of an earlier agent. Returns indices that are another pod's from now on, and names
    /// of pods for which none is left.
    pub(super) fn update<'a>(
        &mut self,
        pods: impl Iterator<Item = (&'a NamespacedName, &'a [IpAddr])>,
        route: impl Fn(IpAddr) -> Option<IfIndex>,
        saved: &BTreeMap<String, u32>,
    ) -> (Vec<u32>, Vec<NamespacedName>) {
        let mut before = std::mem::take(&mut self.known);
        let pods: Vec<_> = pods.collect();
        // What a pod has counts before what it had once: that may be another's by now.
        let mut taken: BTreeSet<u32> = pods
            .iter()
            .filter_map(|(name, _)| before.get(*name))
            .map(|known| known.index)
            .collect();
        let mut wanting = Vec::new();
        for (name, ips) in pods {
            let known = before.remove(name);
            let had = || saved.get(&name.to_string()).copied();
            let index = match &known {
                Some(known) => Some(known.index),
                None => had().filter(|index| *index != 0 && taken.insert(*index)),
            };
            let interface = ips.iter().find_map(|ip| route(*ip)).map(|index| {
                let known = known.and_then(|known| known.interface);
                known
                    .filter(|known| known.index == index)
                    .unwrap_or_else(|| Interface {
                        index,
                        name: interface_name(index),
                    })
            });
            let known = Known {
                index: index.unwrap_or(0),
                ips: ips.to_vec(),
                interface,
            };
            if known.index == 0 {
                wanting.push((name.clone(), known));
            } else {
                self.known.insert(name.clone(), known);
            }
        }
        let (mut given, mut refused) = (Vec::new(), Vec::new());
        // Those with a share of the connection table of their own first.
        let from = |first: u32, end: u32| {
            let steps = end - first;
            let next = self.last + 1;
            let start = if (first..end).contains(&next) {
                next - first
            } else {
                0
            };
            (0..steps).map(move |step| (start + step) % steps + first)
        };
        let mut free = from(1, SHARES)
            .chain(from(SHARES, MAX_ENDPOINTS))
            .filter(|index| !taken.contains(index));
        let mut last = self.last;
        for (name, known) in wanting {
            let Some(index) = free.next() else {
                refused.push(name);
                continue;
            };
            last = index;
            given.push(index);
            self.known.insert(name, Known { index, ..known });
        }
        drop(free);
        self.last = last;
        (given, refused)
    }

    /// For the state file.
    pub(super) fn indices(&self) -> BTreeMap<String, u32> {
        self.known
            .iter()
            .map(|(name, known)| (name.to_string(), known.index))
            .collect()
    }

    /// Writes the list of those pods that may come up: known to the datapath, programs attached.
    ///
    /// # Errors
    /// The file system refuses.
    pub(super) fn write(&self, path: &Path, attached: &[IfIndex]) -> Result<(), StateFileError> {
        let ready: Vec<Ready<'_>> = self
            .known
            .iter()
            .filter_map(|(name, known)| {
                let interface = known.interface.as_ref()?;
                attached.contains(&interface.index).then(|| Ready {
                    namespace: &name.namespace,
                    name: &name.name,
                    address: known.ips.first(),
                    addresses: &known.ips,
                    ifindex: interface.index.0,
                })
            })
            .collect();
        let text = serde_json::to_vec_pretty(&ready).map_err(|source| StateFileError::Content {
            path: path.to_owned(),
            line: 0,
            source: source.into(),
        })?;
        replace(path, &text, false)
    }
}

/// An interface's name; its number if it has just gone.
fn interface_name(index: IfIndex) -> String {
    nix::net::if_::if_indextoname(index.0)
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| index.0.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(pod: &str) -> NamespacedName {
        NamespacedName {
            namespace: "shop".into(),
            name: pod.into(),
        }
    }

    /// The indices after a snapshot with these pods.
    fn after(endpoints: &mut Endpoints, pods: &[&str], saved: &BTreeMap<String, u32>) -> Vec<u32> {
        let names: Vec<_> = pods.iter().map(|pod| name(pod)).collect();
        let none: &[IpAddr] = &[];
        let (_, refused) = endpoints.update(names.iter().map(|name| (name, none)), |_| None, saved);
        assert!(refused.is_empty());
        let index = |name| endpoints.get(name).map(|known| known.index);
        names.iter().filter_map(index).collect()
    }

    #[test]
    fn no_two_pods_have_one_index() {
        let mut endpoints = Endpoints::default();
        // The state file still says that the first index is web's.
        let saved = BTreeMap::from([("shop/web".to_owned(), 1), ("shop/zero".to_owned(), 0)]);
        assert_eq!(after(&mut endpoints, &["api"], &saved), [1]);
        let both = after(&mut endpoints, &["api", "web", "zero"], &saved);
        assert_eq!(both[0], 1, "who has it keeps it");
        let different: BTreeSet<_> = both.iter().filter(|index| **index != 0).collect();
        assert_eq!(different.len(), 3, "{both:?}");
        // After a restart it is web's.
        let mut restarted = Endpoints::default();
        let both = after(&mut restarted, &["api", "web"], &saved);
        assert_eq!(both[1], 1);
        assert_ne!(both[0], 1);
    }
}
