//! Names that many rows share, each held once.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use flow::{FlowView as _, view::Message};
use proto::{
    flow::{Endpoint, Flow},
    flows::v1::{Decision, FlowExtension},
};

/// An end's names; `None` if the server named nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End(pub(super) Option<Endpoint>);

/// Where a flow was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
}

/// Who decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Decided {
    /// Kind, namespace and name of those in Hubble's lists.
    pub(super) policies: Vec<[String; 3]>,
    /// At the source and at the destination, as our servers tell.
    pub(super) ends: [Option<Decision>; 2],
}

/// Everything that rows refer to.
#[derive(Debug, Default)]
pub(super) struct Names {
    ends: Pool<End>,
    nodes: Pool<Node>,
    decided: Pool<Decided>,
}

impl Names {
    pub(super) fn end(&mut self, end: Option<&Endpoint>) -> Arc<End> {
        let hash = hash(|to| {
            let Some(end) = end else { return };
            (end.id, end.identity, &end.cluster_name, &end.namespace).hash(to);
            (&end.labels, &end.pod_name).hash(to);
            for workload in &end.workloads {
                (&workload.kind, &workload.name).hash(to);
            }
        });
        let same = |known: &End| known.0.as_ref() == end;
        self.ends.get(hash, same, || End(end.cloned()))
    }

    pub(super) fn node(&mut self, flow: &Flow) -> Arc<Node> {
        let hash = hash(|to| (&flow.node_name, &flow.node_labels).hash(to));
        let same = |known: &Node| known.name == flow.node_name && known.labels == flow.node_labels;
        let make = || Node {
            name: flow.node_name.clone(),
            labels: flow.node_labels.clone(),
        };
        self.nodes.get(hash, same, make)
    }

    /// Who decided. `None` if nobody is named.
    pub(super) fn decided(
        &mut self,
        flow: &Message<'_>,
        extension: Option<&FlowExtension>,
    ) -> Option<Arc<Decided>> {
        let ends = [
            extension.and_then(|e| e.egress.as_ref()),
            extension.and_then(|e| e.ingress.as_ref()),
        ];
        let mut policies = 0;
        let hash = hash(|to| {
            flow.any_policy(&mut |policy| {
                policies += 1;
                policy.hash(to);
                false
            });
            for end in ends {
                end.map(decision).hash(to);
            }
        });
        if policies == 0 && ends.iter().all(Option::is_none) {
            return None;
        }
        let same = |known: &Decided| {
            let mut left = known.policies.iter();
            let differs = flow.any_policy(&mut |policy| {
                let [kind, namespace, name] = [policy.kind, policy.namespace, policy.name];
                left.next()
                    .is_none_or(|known| *known != [kind, namespace, name])
            });
            !differs && left.next().is_none() && known.ends.iter().map(Option::as_ref).eq(ends)
        };
        let make = || {
            let mut policies = Vec::new();
            flow.any_policy(&mut |policy| {
                policies.push([policy.kind, policy.namespace, policy.name].map(str::to_owned));
                false
            });
            Decided {
                policies,
                ends: ends.map(Option::<&Decision>::cloned),
            }
        };
        Some(self.decided.get(hash, same, make))
    }

    /// Lets go of what no row refers to any more.
    pub(super) fn forget_unused(&mut self) {
        self.ends.forget_unused();
        self.nodes.forget_unused();
        self.decided.forget_unused();
    }
}

/// What a decision's hash is made of.
fn decision(of: &Decision) -> impl Hash + use<'_> {
    (of.verdict, of.drop_reason, of.match_type, &of.rules)
}

/// The hash of a text or the like, equal for equal values.
pub(super) fn hash(of: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = BuildHasherDefault::<DefaultHasher>::default().build_hasher();
    of(&mut hasher);
    hasher.finish()
}

/// Values, each once, by a hash that the caller takes of the parts: nothing is allocated to find one.
#[derive(Debug)]
struct Pool<T> {
    known: HashMap<u64, Arc<T>>,
    /// Size at which it is worth looking for unused ones.
    sweep_at: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            sweep_at: 1024,
        }
    }
}

impl<T> Pool<T> {
    fn get(&mut self, hash: u64, same: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> Arc<T> {
        match self.known.get(&hash) {
            Some(known) if same(known) => known.clone(),
            // Another value with this hash: it is held by its row alone.
            Some(_) => Arc::new(make()),
            None => {
                let value = Arc::new(make());
                self.known.insert(hash, value.clone());
                value
            }
        }
    }

    /// Chunks leave one at a time: only a pool that has doubled since is looked through.
    fn forget_unused(&mut self) {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, value| Arc::strong_count(value) > 1);
            self.sweep_at = (2 * self.known.len()).max(1024);
        }
    }
}
