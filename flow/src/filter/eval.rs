//! Holding a filter against flows, one by one and, before that, against what is known of many.

use proto::flow::Verdict;

use super::Filter;
use super::leaf::{Labels, Leaf};
use crate::identity::Identity;
use crate::view::{FlowView, Side};

/// One reader's copy of a filter, with the cheap questions first. It remembers how the labels of an
/// identity fared, for flows whose labels follow from the identity.
#[derive(Debug, Clone)]
pub struct Program {
    filter: Filter,
    memory: Vec<Memory>,
}

/// Answers by identity: a direct-mapped cache of the 1024 last ones.
#[derive(Debug, Clone)]
pub(super) struct Memory(Box<[u64; Memory::LENGTH]>);

impl Memory {
    const LENGTH: usize = 1024;

    fn new() -> Self {
        Self(Box::new([0; Self::LENGTH]))
    }

    #[inline]
    fn ask(&mut self, identity: Identity, answer: impl FnOnce() -> bool) -> bool {
        // Entry: identity, a bit that says it is one, the answer.
        let key = u64::from(identity.0) << 2 | 2;
        // Numbers in a row, as allocated, and hashed ones alike spread over the low bits.
        let at = identity.0 as usize % Self::LENGTH;
        let entry = &mut self.0[at];
        if *entry & !1 != key {
            *entry = key | u64::from(answer());
        }
        *entry & 1 == 1
    }
}

impl Program {
    pub(super) fn new(filter: &Filter) -> Self {
        let mut filter = filter.clone();
        let mut slots = 0;
        prepare(&mut filter, &mut slots);
        Self {
            filter,
            memory: vec![Memory::new(); slots],
        }
    }

    /// Whether the flow matches.
    #[inline]
    pub fn matches<V: FlowView>(&mut self, flow: &V) -> bool {
        matches(&self.filter, flow, &mut self.memory)
    }

    /// Whether a flow within these bounds could match; if not, none of them needs a look.
    pub fn could_match(&self, bounds: &impl Bounds) -> bool {
        could_match(&self.filter, bounds)
    }
}

/// Numbers the label leaves and sorts by cost.
fn prepare(filter: &mut Filter, slots: &mut usize) {
    match filter {
        Filter::All(of) | Filter::Any(of) => {
            of.sort_by_key(Filter::cost);
            for filter in of {
                prepare(filter, slots);
            }
        }
        Filter::Not(not) => prepare(not, slots),
        Filter::Leaf(Leaf::Labels(labels)) => {
            labels.slot = *slots;
            *slots += 1;
        }
        Filter::Leaf(_) => {}
    }
}

pub(super) fn matches<V: FlowView>(filter: &Filter, flow: &V, memory: &mut [Memory]) -> bool {
    match filter {
        Filter::All(all) => all.iter().all(|filter| matches(filter, flow, memory)),
        Filter::Any(any) => any.iter().any(|filter| matches(filter, flow, memory)),
        Filter::Not(not) => !matches(not, flow, memory),
        Filter::Leaf(Leaf::Labels(labels)) => by_labels(labels, flow, memory),
        Filter::Leaf(leaf) => leaf.of(flow),
    }
}

fn by_labels<V: FlowView>(labels: &Labels, flow: &V, memory: &mut [Memory]) -> bool {
    if flow.labels_follow_identity()
        && let (Some(memory), Some(identity)) =
            (memory.get_mut(labels.slot), flow.identity(labels.side))
    {
        return memory.ask(identity, || labels.of(flow));
    }
    labels.of(flow)
}

/// What is known of many flows at once, say of a segment of history. Each method may say true too
/// often, never too rarely.
pub trait Bounds {
    /// Whether a flow with that verdict may be among them.
    fn verdict(&self, _verdict: Verdict) -> bool {
        true
    }
    /// Whether a flow with that identity may be among them.
    fn identity(&self, _side: Side, _identity: Identity) -> bool {
        true
    }
    /// Whether a flow with that event type may be among them.
    fn event_type(&self, _kind: i32) -> bool {
        true
    }
    /// Whether a flow with that port may be among them.
    fn port(&self, _side: Side, _port: u16) -> bool {
        true
    }
}

fn could_match(filter: &Filter, bounds: &impl Bounds) -> bool {
    match filter {
        Filter::All(all) => all.iter().all(|filter| could_match(filter, bounds)),
        Filter::Any(any) => any.iter().any(|filter| could_match(filter, bounds)),
        Filter::Leaf(Leaf::Verdict(set)) => (0..32)
            .filter(|number| set >> number & 1 == 1)
            .filter_map(|number| Verdict::try_from(number).ok())
            .any(|verdict| bounds.verdict(verdict)),
        Filter::Leaf(Leaf::DropReason(_)) => bounds.verdict(Verdict::Dropped),
        Filter::Leaf(Leaf::Identity(side, identities)) => identities
            .iter()
            .any(|identity| bounds.identity(*side, Identity(*identity))),
        Filter::Leaf(Leaf::EventType(types)) => types
            .iter()
            .any(|(kind, _)| kind.is_none_or(|kind| bounds.event_type(kind))),
        Filter::Leaf(Leaf::Port(side, ports)) => ports.iter().any(|port| bounds.port(*side, *port)),
        // That something may match says nothing of whether its opposite may.
        Filter::Not(_) | Filter::Leaf(_) => true,
    }
}
