//! Which group an end of a recorded flow belongs to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use cluster::{Labels, NamespacedName, Workload};
use ipnet::IpNet;

use super::name_selectors::NameSelectors;
use super::peer_groups::{Member, PeerKind};
use crate::flow_groups::{RecordedPeer, is_pod};

/// Entities that say more than an address does.
const NAMED: [&str; 3] = ["kube-apiserver", "host", "remote-node"];

/// Finds groups; each by its index.
pub(crate) struct Locator {
    pods: HashMap<NamespacedName, usize>,
    /// `None`: its pods are of several groups.
    workloads: HashMap<(Arc<str>, Workload), Option<usize>>,
    labels: HashMap<Labels, usize>,
    names: HashMap<String, usize>,
    /// Which selectors match a name, and groups by all that match theirs.
    selectors: NameSelectors,
    by_selectors: Vec<(BTreeSet<Arc<str>>, usize)>,
    /// Prefixes by length, and the name of the group that their addresses are in.
    prefixes: BTreeMap<u8, HashMap<IpNet, String>>,
}

impl Locator {
    /// `prefixes` are all that are told apart, with the names of their groups; `selectors` those of names.
    pub(super) fn new<const N: usize>(
        members: &[Member<N>],
        prefixes: &[(IpNet, String)],
        selectors: &NameSelectors,
    ) -> Self {
        let mut locator = Self {
            pods: HashMap::new(),
            workloads: HashMap::new(),
            labels: HashMap::new(),
            names: HashMap::new(),
            selectors: selectors.clone(),
            by_selectors: Vec::new(),
            prefixes: BTreeMap::new(),
        };
        for (index, member) in members.iter().enumerate() {
            let group = &member.group;
            match group.kind {
                PeerKind::Prefix | PeerKind::Entity => {
                    locator.names.insert(group.name.clone(), index);
                }
                PeerKind::Name => {
                    let matching = member.selectors.clone();
                    locator.by_selectors.push((matching, index));
                }
                PeerKind::Pods => {
                    locator
                        .labels
                        .entry(member.labels[0].clone())
                        .or_insert(index);
                    locator.add_pods(index, &group.pods, group.workload.as_ref());
                }
                PeerKind::FormerPods => {
                    locator
                        .labels
                        .entry(member.labels[0].clone())
                        .or_insert(index);
                }
            }
        }
        for (prefix, name) in prefixes {
            let of_length = locator.prefixes.entry(prefix.prefix_len()).or_default();
            of_length.insert(prefix.trunc(), name.clone());
        }
        locator
    }

    fn add_pods(&mut self, index: usize, pods: &[NamespacedName], workload: Option<&Workload>) {
        self.pods
            .extend(pods.iter().map(|pod| (pod.clone(), index)));
        let namespaces: BTreeSet<&Arc<str>> = pods.iter().map(|pod| &pod.namespace).collect();
        for namespace in namespaces {
            if let Some(workload) = workload {
                let key = (Arc::clone(namespace), workload.clone());
                self.workloads
                    .entry(key)
                    .and_modify(|known| *known = None)
                    .or_insert(Some(index));
            }
        }
    }

    /// The group of an end; `None` if it can't be told. A pod that is gone counts as one of its workload, if
    /// there is that, or of whoever has its labels.
    pub(crate) fn find(&self, end: &RecordedPeer) -> Option<usize> {
        if !end.pod_name.is_empty() {
            let name = NamespacedName::new(&end.namespace, &end.pod_name);
            if let Some(index) = self.pods.get(&name) {
                return Some(*index);
            }
            if let Some(workload) = &end.workload {
                let key = (name.namespace, workload.clone());
                if let Some(Some(index)) = self.workloads.get(&key) {
                    return Some(*index);
                }
            }
        }
        let labels = end.identity_labels();
        if is_pod(&labels) {
            return self.labels.get(&labels).copied();
        }
        if let Some(name) = NAMED.iter().find(|name| labels.is_reserved(name)) {
            return self.names.get(*name).copied();
        }
        match self.named(&end.names) {
            Some(index) => Some(index),
            None => self.address(end.ip.parse().ok()?),
        }
    }

    /// The group of what has these names: that of which the most selectors match them. What a policy says of such an
    /// address by a prefix is not counted.
    pub(crate) fn named(&self, names: &[String]) -> Option<usize> {
        if names.is_empty() || self.by_selectors.is_empty() {
            return None;
        }
        let matching = self.selectors.matching(names);
        let groups = self.by_selectors.iter();
        let groups = groups.filter(|(selectors, _)| selectors.is_subset(&matching));
        let group = groups.max_by_key(|(selectors, _)| selectors.len());
        group.map(|(_, index)| *index)
    }

    fn address(&self, ip: IpAddr) -> Option<usize> {
        let longest = self.prefixes.iter().rev().find_map(|(length, prefixes)| {
            let prefix = IpNet::new(ip, *length).ok()?.trunc();
            prefixes.get(&prefix)
        });
        let world = match ip {
            IpAddr::V4(_) => "world-ipv4",
            IpAddr::V6(_) => "world-ipv6",
        };
        let names = longest
            .map(String::as_str)
            .into_iter()
            .chain([world, "world"]);
        names
            .filter_map(|name| self.names.get(name))
            .next()
            .copied()
    }
}
