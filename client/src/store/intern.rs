//! Names that many rows share, each held once.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use flow::{FlowView, view::Message};
use foldhash::fast::RandomState;
use proto::{
    flow::{Endpoint, Flow, Service, TraceReason, TrafficDirection},
    flows::v1::{Cause, Decision, FlowExtension},
};

use super::parts::Parts;

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

/// What thousands of flows have in common: all but their times, addresses, ports and volumes.
#[derive(Debug)]
pub(super) struct Shape {
    /// That part of their messages, see [`super::parts`].
    pub(super) common: Box<[u8]>,
    pub(super) ends: [Arc<End>; 2],
    pub(super) node: Arc<Node>,
    pub(super) decided: Option<Arc<Decided>>,
    pub(super) verdict: i32,
    pub(super) drop_reason: i32,
    pub(super) event_type: Option<(i32, i32)>,
    pub(super) direction: TrafficDirection,
    pub(super) match_type: u32,
    pub(super) trace_reason: TraceReason,
    pub(super) is_reply: Option<bool>,
    /// Of our servers.
    pub(super) occasion: Option<Occasion>,
    pub(super) names: [Vec<String>; 2],
    pub(super) services: [Option<Service>; 2],
    pub(super) interface: Option<(u32, String)>,
    pub(super) policy_log: Vec<String>,
    /// Empty of layer 7, where each has its own.
    pub(super) summary: String,
}

/// What our servers say besides decisions and volumes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occasion {
    pub(super) revision: u32,
    pub(super) cause: Cause,
    pub(super) late: bool,
}

/// Everything that rows refer to.
#[derive(Debug, Default)]
pub(super) struct Names {
    hasher: RandomState,
    shapes: Pool<Shape>,
    ends: Pool<End>,
    nodes: Pool<Node>,
    decided: Pool<Decided>,
}

impl Names {
    /// What a flow has in common with others, whose part of the message this is.
    pub(super) fn shape(&mut self, common: &[u8], flow: &Flow) -> Arc<Shape> {
        let hash = self.hasher.hash_one(common);
        if let Some(known) = self.shapes.find(hash, |known| *known.common == *common) {
            return known;
        }
        // What is a flow's own may be broken, and others have the same in common.
        let extension = Parts::common_of_extension(common).or_else(|| flow.extension());
        let message = Message::new(flow);
        let shape = Shape {
            common: common.into(),
            ends: [
                self.end(flow.source.as_ref()),
                self.end(flow.destination.as_ref()),
            ],
            node: self.node(flow),
            decided: self.decided(&message, extension.as_ref()),
            verdict: flow.verdict,
            drop_reason: FlowView::drop_reason(flow),
            event_type: flow.event_type(),
            direction: flow.direction(),
            match_type: flow.match_type(),
            trace_reason: FlowView::trace_reason(flow),
            is_reply: FlowView::is_reply(flow),
            occasion: extension.map(|extension| Occasion {
                revision: extension.revision,
                cause: extension.cause(),
                late: extension.late,
            }),
            names: [flow.source_names.clone(), flow.destination_names.clone()],
            services: [
                flow.source_service.clone(),
                flow.destination_service.clone(),
            ],
            interface: FlowView::interface(flow).map(|(index, name)| (index, name.to_owned())),
            policy_log: flow.policy_log.clone(),
            summary: match &flow.l7 {
                None => FlowView::summary(flow).to_owned(),
                Some(_) => String::new(),
            },
        };
        self.shapes.get(hash, |_| false, || shape)
    }

    fn end(&mut self, end: Option<&Endpoint>) -> Arc<End> {
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

    fn node(&mut self, flow: &Flow) -> Arc<Node> {
        let hash = hash(|to| (&flow.node_name, &flow.node_labels).hash(to));
        let same = |known: &Node| known.name == flow.node_name && known.labels == flow.node_labels;
        let make = || Node {
            name: flow.node_name.clone(),
            labels: flow.node_labels.clone(),
        };
        self.nodes.get(hash, same, make)
    }

    /// Who decided. `None` if nobody is named.
    fn decided(
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
        // They refer to the others.
        self.shapes.forget_unused();
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
    fn find(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        self.known.get(&hash).filter(|known| same(known)).cloned()
    }

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
