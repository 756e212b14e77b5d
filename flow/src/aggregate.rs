//! Groups of flows, or of connections: how many, how judged, how many bytes, when.
//!
//! **Whose ends.** Sources are those who opened the connection, as in the SOURCE column: a reply
//! counts with its connection.
//!
//! **Bytes.** A connection counts with all that it carried. A flow tells its connection's running totals, so they can't be summed up. What is
//! summed is how much they grew from one flow of a connection to the next ([`Connections`]). A
//! connection first seen in the middle of its life counts from there.
//!
//! **Memory** is bounded. There are at most so many groups; if one more is needed, the quarter with
//! the fewest flows is added up in [`Aggregator::other`] and forgotten. So the sum over all groups and
//! `other` is exact, always, and each group is, unless it came up after groups were forgotten: then it
//! may have been among them, and is [`Group::partial`].

mod connections;
mod trend;

use std::collections::HashMap;

use proto::flow::Verdict;

use crate::attribute::{Attribute, AttributeId, EndAttribute};
use crate::connection::ConnectionView;
use crate::spelling::did_you_mean_word;
use crate::view::{ByInitiator, Extension, FlowView, Side};
use crate::workload_ref::{self, WorkloadRef};

pub use connections::Connections;
pub use trend::{BUCKETS, Trend};

/// Between the texts of a key.
const SEPARATOR: char = '\u{1f}';

/// What is counted of a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Flows or connections.
    pub flows: u64,
    /// Flows by the number of their verdict; unknown ones count as the first.
    pub verdicts: [u64; 8],
    /// Bytes that its connections carried.
    pub bytes: u64,
    /// Packets that its connections carried.
    pub packets: u64,
    /// Further packets dropped alike, without a flow of their own.
    pub limited: u64,
    /// Packets that were dropped, those among them.
    pub drops: u64,
    /// When the first flow happened or the first connection began, in ns since 1970.
    pub first_ns: Option<i64>,
    /// When the last flow happened, of a connection its last one.
    pub last_ns: Option<i64>,
    /// Flows, or connections by their beginning, over time.
    pub trend: Trend,
    /// It may have been counted before, and been forgotten.
    pub partial: bool,
}

impl Group {
    /// Flows with that verdict.
    pub fn with(&self, verdict: Verdict) -> u64 {
        let number = usize::try_from(verdict as i32).unwrap_or(0);
        self.verdicts.get(number).copied().unwrap_or(0)
    }

    /// Adds what the other one counts.
    pub fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        for (count, more) in self.verdicts.iter_mut().zip(other.verdicts) {
            *count += more;
        }
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.packets = self.packets.saturating_add(other.packets);
        self.limited = self.limited.saturating_add(other.limited);
        self.drops = self.drops.saturating_add(other.drops);
        let first = [self.first_ns, other.first_ns].into_iter().flatten().min();
        self.first_ns = first;
        self.last_ns = self.last_ns.max(other.last_ns);
        self.trend.add(&other.trend);
        self.partial |= other.partial;
    }
}

/// Why flows can't be grouped so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// No field at all.
    #[error("nothing to aggregate by: name fields, such as src.workload,dst.workload,verdict")]
    Nothing,
    /// Not a field.
    #[error("unknown field `{name}`{}", did_you_mean_word(*.meant))]
    Unknown {
        /// What was given.
        name: String,
        /// What may have been meant.
        meant: Option<&'static str>,
    },
    /// A field of either end has two values.
    #[error("`{0}` is of source or destination: say src.{0} or dst.{0}, or both")]
    Either(&'static str),
}

/// Reads `FIELD,...`
///
/// # Errors
/// What is no field, or has two values in one flow.
pub fn fields(text: &str) -> Result<Vec<&'static Attribute>, GroupError> {
    let names = text.split(',').map(str::trim);
    let mut fields: Vec<&'static Attribute> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        let Some(field) = Attribute::field(name) else {
            return Err(GroupError::Unknown {
                name: name.to_owned(),
                meant: crate::expr::nearest_field(name),
            });
        };
        if matches!(field.id, AttributeId::Either(_)) {
            return Err(GroupError::Either(field.name));
        }
        if !fields.iter().any(|known| known.name == field.name) {
            fields.push(field);
        }
    }
    match fields.is_empty() {
        true => Err(GroupError::Nothing),
        false => Ok(fields),
    }
}

/// Counts flows by the values of some fields.
#[derive(Debug, Clone)]
pub struct Aggregator {
    fields: Vec<&'static Attribute>,
    most: usize,
    groups: HashMap<Box<str>, Group>,
    other: Group,
    forgotten: u64,
    connections: Connections,
    total: Group,
    /// The key being made.
    key: String,
}

impl Aggregator {
    /// Most groups, if nothing else is said.
    pub const MOST: usize = 10_000;

    /// Groups by these fields; at most `most` groups are told apart.
    pub fn new(fields: Vec<&'static Attribute>, most: usize) -> Self {
        Self {
            fields,
            most: most.max(4),
            groups: HashMap::new(),
            other: Group::default(),
            forgotten: 0,
            connections: Connections::default(),
            total: Group::default(),
            key: String::new(),
        }
    }

    /// By what flows are grouped.
    pub fn fields(&self) -> &[&'static Attribute] {
        &self.fields
    }

    /// Counts a flow.
    pub fn push<V: FlowView>(&mut self, flow: &V) {
        let flow = &ByInitiator::new(flow);
        let carried = self.connections.growth(flow);
        let limited = Extension::read(flow, |extension| extension.limited).unwrap_or(0);
        let is_drop = flow.verdict() == Verdict::Dropped;
        let dropped = (limited, limited.saturating_add(u64::from(is_drop)));
        let time = flow.time_ns();
        self.count(flow, carried, dropped, (time, time));
    }

    /// Counts a connection that began at a moment (Unix ns), with all that it carried.
    pub fn push_connection<V: FlowView>(&mut self, connection: &ConnectionView<'_, V>, start: i64) {
        let volume = Extension::read(connection, |extension| extension.volume()).flatten();
        let carried = volume.map_or((0, 0), |volume| (volume.bytes, volume.packets));
        let drops = connection.connection().map_or(0, |facts| facts.drops);
        let times = (Some(start), connection.time_ns());
        self.count(connection, carried, (0, drops), times);
    }

    /// Counts what was from a moment to another one.
    fn count<V: FlowView>(
        &mut self,
        flow: &V,
        (bytes, packets): (u64, u64),
        (limited, drops): (u64, u64),
        (start, last): (Option<i64>, Option<i64>),
    ) {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        for (at, field) in self.fields.iter().enumerate() {
            if at > 0 {
                key.push(SEPARATOR);
            }
            key.push_str(&value(field, flow).replace(SEPARATOR, " "));
        }
        let number = usize::try_from(flow.verdict_number()).unwrap_or(0);
        let count = |group: &mut Group| {
            group.flows += 1;
            group.verdicts[if number < 8 { number } else { 0 }] += 1;
            group.bytes = group.bytes.saturating_add(bytes);
            group.packets = group.packets.saturating_add(packets);
            group.limited = group.limited.saturating_add(limited);
            group.drops = group.drops.saturating_add(drops);
            if let Some(start) = start {
                group.first_ns = Some(group.first_ns.map_or(start, |first| first.min(start)));
                group.trend.count(start);
            }
            group.last_ns = group.last_ns.max(last);
        };
        if let Some(group) = self.groups.get_mut(key.as_str()) {
            count(group);
        } else {
            if self.groups.len() == self.most {
                self.forget();
            }
            let mut group = Group {
                partial: self.forgotten > 0,
                ..Group::default()
            };
            count(&mut group);
            self.groups.insert(key.as_str().into(), group);
        }
        count(&mut self.total);
        self.key = key;
    }

    /// Adds the quarter with the fewest flows to the rest.
    fn forget(&mut self) {
        let mut by_flows: Vec<(u64, Box<str>)> = self
            .groups
            .iter()
            .map(|(key, group)| (group.flows, key.clone()))
            .collect();
        let few = (by_flows.len() / 4).max(1);
        by_flows.select_nth_unstable(few - 1);
        // All that is added then fits the buckets.
        self.other.trend = self.framed(&self.other);
        for (_, key) in by_flows.drain(..few) {
            if let Some(group) = self.groups.remove(&key) {
                self.other.add(&group);
                self.forgotten += 1;
            }
        }
    }

    /// The groups with the most flows first, with the values of the fields; an empty text is none.
    pub fn top(&self) -> Vec<(Vec<&str>, &Group)> {
        let groups = self.groups.iter();
        let mut groups: Vec<(&str, &Group)> = groups.map(|(key, group)| (&**key, group)).collect();
        // Equal ones always in the same order.
        groups.sort_unstable_by(|(a_key, a), (b_key, b)| {
            b.flows.cmp(&a.flows).then_with(|| a_key.cmp(b_key))
        });
        let groups = groups.into_iter();
        groups
            .map(|(key, group)| (key.split(SEPARATOR).collect(), group))
            .collect()
    }

    /// The sum of the groups that were forgotten, and how often one was.
    pub fn other(&self) -> (&Group, u64) {
        (&self.other, self.forgotten)
    }

    /// The sum of what was forgotten and of the groups that are not among the first `shown`; `None`
    /// if that is nothing.
    pub fn rest(&self, shown: usize) -> Option<Group> {
        let top = self.top();
        if top.len() <= shown && self.forgotten == 0 {
            return None;
        }
        let mut rest = Group {
            trend: self.total.trend.emptied(),
            ..Group::default()
        };
        rest.add(&self.other);
        let hidden = top.iter().skip(shown);
        hidden.for_each(|(_, group)| rest.add(group));
        Some(rest)
    }

    /// A group's trend in the buckets of all flows.
    fn framed(&self, group: &Group) -> Trend {
        let mut framed = self.total.trend.emptied();
        framed.add(&group.trend);
        framed
    }

    /// The sum over all flows.
    pub fn total(&self) -> &Group {
        &self.total
    }

    /// Time between the first and the last flow of all, in ns; at least a second.
    pub fn span_ns(&self) -> i64 {
        let (first, last) = (self.total.first_ns, self.total.last_ns);
        let span = last.unwrap_or(0).saturating_sub(first.unwrap_or(0));
        span.max(1_000_000_000)
    }

    /// Flows per second of a group, over the time between the first and the last flow of all.
    pub fn rate(&self, group: &Group) -> f64 {
        per_second(group.flows, self.span_ns())
    }

    /// Bytes per second of a group.
    pub fn byte_rate(&self, group: &Group) -> f64 {
        per_second(group.bytes, self.span_ns())
    }
}

fn per_second(count: u64, span_ns: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    let (count, span) = (count as f64, span_ns as f64);
    count / (span / 1e9)
}

/// The text by which a flow is grouped. Where a name is missing that only pods have, the reserved
/// identity stands for it in parentheses.
fn value<V: FlowView>(field: &Attribute, flow: &V) -> String {
    let AttributeId::Of(side, of) = field.id else {
        return field.value(flow);
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "names of pods only are missing elsewhere"
    )]
    match of {
        EndAttribute::Pod => match (flow.namespace(side), flow.pod(side)) {
            (_, "") => nameless(flow, side),
            ("", pod) => pod.to_owned(),
            (namespace, pod) => format!("{namespace}/{pod}"),
        },
        EndAttribute::Workload => match WorkloadRef::of(flow, side) {
            end if matches!(
                end.kind,
                workload_ref::Kind::Workload | workload_ref::Kind::Pod
            ) =>
            {
                end.to_string()
            }
            _ => nameless(flow, side),
        },
        EndAttribute::Namespace => match flow.namespace(side) {
            "" => nameless(flow, side),
            namespace => namespace.to_owned(),
        },
        _ => field.value(flow),
    }
}

fn nameless<V: FlowView>(flow: &V, side: Side) -> String {
    let identity = flow.identity(side).and_then(crate::Identity::name);
    identity.map_or_else(String::new, |name| format!("({name})"))
}
