//! Who there is: policies, pods and prefixes that came, went or changed, and what that makes dirty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use abi::identity as number;
use cluster::differ::{changed, same};
use cluster::identities::Exhausted;
use cluster::{Identities, Identity, Labels, NamespacedName, Pod, Problem, SharedMap, State};

use super::Incremental;
use super::dirty::Dirty;
use crate::compiler::Compiler;
use crate::cookies::NamedPort;
use crate::output::Compiled;
use crate::selector_cache::StalePrefixes;

impl Incremental {
    /// Takes CIDR groups that came, went or changed, for the policies that are there already.
    pub(super) fn groups(&mut self, state: &State, dirty: &mut Dirty) {
        for (identity, selectors) in self.selector_cache.set_groups(&state.cidr_groups) {
            self.mark_identity(identity, &selectors, false, dirty);
        }
    }

    /// Takes policies that came, went or changed.
    pub(super) fn policies(
        &mut self,
        compiler: &mut Compiler,
        old: &State,
        state: &State,
        dirty: &mut Dirty,
    ) {
        for (name, _, raw) in SharedMap::changed(&old.policies, &state.policies, same) {
            let [before, now] = compiler.read_policy(name, raw);
            let is_same = match (&before, &now) {
                (Some(before), Some(now)) => Arc::ptr_eq(before, now),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if is_same {
                continue;
            }
            if before.is_some() {
                self.mark_policy(name, dirty);
                self.rule_store.remove(name, &mut self.selector_cache);
            }
            if let Some(now) = now {
                self.rule_store.insert(&now, &mut self.selector_cache);
                self.mark_policy(name, dirty);
            }
        }
    }

    /// Takes pods that came, went or changed, or whose namespace did. Returns their names.
    pub(super) fn pods(
        &mut self,
        compiler: &mut Compiler,
        old: &State,
        state: &State,
        dirty: &mut Dirty,
    ) -> BTreeSet<NamespacedName> {
        let pods = SharedMap::changed(&old.pods, &state.pods, same).into_iter();
        let mut moved: BTreeSet<NamespacedName> = pods.map(|(name, ..)| name.clone()).collect();
        for (namespace, ..) in changed(&old.namespaces, &state.namespaces, same) {
            let first = NamespacedName::new(namespace, "");
            let pods = state.pods.range_from(&first).map(|(name, _)| name);
            moved.extend(
                pods.take_while(|name| name.namespace == *namespace)
                    .cloned(),
            );
        }
        // What an earlier form of a policy names counts as long as it is in force.
        let mut named = state.named_labels.clone();
        let stale = compiler
            .policies
            .values()
            .filter(|known| known.refused.is_some());
        for (raw, _) in stale.filter_map(|known| known.good.as_ref()) {
            named.add(raw);
        }
        if named != self.named_labels {
            let before = std::mem::replace(&mut self.named_labels, named);
            let pods = state.pods.values();
            let differs = |pod: &&Arc<Pod>| !before.for_pod(pod).eq(self.named_labels.for_pod(pod));
            moved.extend(pods.filter(differs).map(|pod| pod.name.clone()));
        }
        let mut met: BTreeSet<Identity> = BTreeSet::new();
        for name in &moved {
            if let (Some(identity), Some(pod)) = (self.pods.remove(name), old.pods.get(name)) {
                self.endpoints_by_identity
                    .entry(identity)
                    .or_default()
                    .leave(pod);
                met.insert(identity);
            }
        }
        // In the order of labels, not of pods, so that nodes meet colliding labels in the same order.
        let mut by_labels: BTreeMap<Labels, Vec<&Arc<Pod>>> = BTreeMap::new();
        let present = moved.iter().filter_map(|name| state.pods.get(name));
        for pod in present.filter(|pod| !pod.host_network) {
            let cluster = &compiler.config.cluster;
            let labels = state.identity_labels_with(pod, cluster, &self.named_labels);
            by_labels.entry(labels).or_default().push(pod);
        }
        for (labels, pods) in by_labels {
            match number_of(&mut compiler.compiled, &labels) {
                Ok(identity) => {
                    met.insert(identity);
                    let endpoints = self.endpoints_by_identity.entry(identity).or_default();
                    for pod in pods {
                        endpoints.join(pod);
                        self.pods.insert(pod.name.clone(), identity);
                    }
                }
                Err(error) => self.out_of_numbers(&format!("a pod with labels {labels}"), error),
            }
        }
        for identity in met {
            self.meet(identity, &compiler.compiled.identities, dirty);
        }
        moved
    }

    fn out_of_numbers(&mut self, what: &str, error: Exhausted) {
        self.exhausted.push(Problem {
            origin: None,
            object: None,
            field: String::new(),
            problem: format!("{what} has no identity: {error}"),
            remedy: String::new(),
        });
    }

    /// An identity's pods have changed: it may be new, gone, or have other named ports.
    fn meet(&mut self, identity: Identity, identities: &Identities, dirty: &mut Dirty) {
        let was = self.selector_cache.has(identity);
        let ports_before = self.named_ports.remove(&identity).unwrap_or_default();
        let endpoints = self
            .endpoints_by_identity
            .get(&identity)
            .filter(|endpoints| endpoints.pods > 0);
        let Some(endpoints) = endpoints else {
            self.endpoints_by_identity.remove(&identity);
            let selectors = self.selector_cache.remove(identity);
            self.mark_identity(identity, &selectors, !ports_before.is_empty(), dirty);
            return;
        };
        let ports: BTreeSet<NamedPort> = endpoints.ports.keys().cloned().collect();
        let has_names = ports != ports_before;
        if !ports.is_empty() {
            self.named_ports.insert(identity, ports);
        }
        if !was {
            let Some(labels) = identities.labels(identity) else {
                return;
            };
            let selectors = self.selector_cache.add(identity, labels);
            self.mark_identity(identity, &selectors, has_names, dirty);
        } else if has_names {
            let selectors = self.selector_cache.for_identity(identity);
            self.mark_identity(identity, &selectors, true, dirty);
        }
    }

    /// Gives prefixes that are named now their identities, takes those of the others, and changes those of
    /// prefixes whose labels are others now. Returns whether there were any.
    pub(super) fn prefixes(&mut self, compiler: &mut Compiler, dirty: &mut Dirty) -> bool {
        let StalePrefixes {
            renamed,
            relabelled,
        } = self.selector_cache.take_stale_prefixes();
        for prefix in renamed.union(&relabelled) {
            let before = self.prefixes.get(prefix).copied();
            let is_named = self.selector_cache.is_named(*prefix);
            if is_named && before.is_some() && !relabelled.contains(prefix) {
                continue;
            }
            let mut now = None;
            if is_named {
                let further = self.selector_cache.group_labels(*prefix);
                let identities = Arc::make_mut(&mut compiler.compiled.identities);
                match identities.for_prefix(*prefix, further) {
                    Ok(identity) => now = Some(identity),
                    Err(error) => self.out_of_numbers(&format!("prefix {prefix}"), error),
                }
            }
            if now == before {
                continue;
            }
            if let Some(identity) = before {
                self.prefixes.remove(prefix);
                // The whole address space is the world, which is always there.
                if identity.0 >= number::FIRST_DERIVED {
                    let selectors = self.selector_cache.remove(identity);
                    self.mark_identity(identity, &selectors, false, dirty);
                }
            }
            if let Some(identity) = now {
                self.prefixes.insert(*prefix, identity);
                if let Some(labels) = compiler.compiled.identities.labels(identity) {
                    let selectors = self.selector_cache.add(identity, labels);
                    self.mark_identity(identity, &selectors, false, dirty);
                }
            }
        }
        !renamed.is_empty() || !relabelled.is_empty()
    }

    /// Takes labels that addresses have by their names now, and no longer have.
    pub(super) fn names(&mut self, compiler: &mut Compiler, dirty: &mut Dirty) {
        let gone = self.names.keys();
        let gone: Vec<Labels> = gone
            .filter(|labels| !compiler.names.contains(labels))
            .cloned()
            .collect();
        for labels in gone {
            if let Some(identity) = self.names.remove(&labels) {
                let selectors = self.selector_cache.remove(identity);
                self.mark_identity(identity, &selectors, false, dirty);
            }
        }
        for labels in &compiler.names {
            if self.names.contains_key(labels) {
                continue;
            }
            let identities = &mut compiler.compiled.identities;
            let known = identities.find(labels).map(Ok);
            let number =
                known.unwrap_or_else(|| Arc::make_mut(identities).for_outside(labels.clone()));
            match number {
                Ok(identity) => {
                    self.names.insert(labels.clone(), identity);
                    let selectors = self.selector_cache.add(identity, labels);
                    self.mark_identity(identity, &selectors, false, dirty);
                }
                Err(error) => {
                    self.out_of_numbers(&format!("addresses with labels {labels}"), error);
                }
            }
        }
    }
}

/// The number of a pod's labels.
fn number_of(compiled: &mut Compiled, labels: &Labels) -> Result<Identity, Exhausted> {
    match compiled.identities.find(labels) {
        Some(identity) => Ok(identity),
        None => Arc::make_mut(&mut compiled.identities).for_labels(labels),
    }
}
