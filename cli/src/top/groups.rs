//! Sums of what is shown, connections or events, by pair, port, reason, policy or node. They are of
//! exactly what is shown: what leaves the store, or is filtered out, leaves the sums.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use client::policies::DecisionCount;
use flow::{
    FlowView, Side, Verdict, WorkloadRef,
    attribute::{AttributeId, Cells},
    expr::quote,
    filter_for,
    view::Extension,
};

use super::{
    data::{Data, Line},
    filters,
    keys::{self, Act},
    policies::Policies,
    tally::{Counted, Tally},
};

/// Least time between two looks at what changes, ns.
const PAUSE: i64 = 1_000_000_000;
/// Steps of time that a sparkline has.
pub(crate) const STEPS: usize = 16;

/// By what flows are summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum By {
    #[default]
    Pair,
    Port,
    Reason,
    Policy,
    Node,
}

impl By {
    pub(crate) const ALL: [Self; 5] = [
        Self::Pair,
        Self::Port,
        Self::Reason,
        Self::Policy,
        Self::Node,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Pair => "Pairs",
            Self::Port => "Ports",
            Self::Reason => "Drop reasons",
            Self::Policy => "Policies",
            Self::Node => "Nodes",
        }
    }

    /// The heading of a group's name.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Pair => "PAIR",
            Self::Port => "PORT",
            Self::Reason => "DROP REASON",
            Self::Policy => "POLICY",
            Self::Node => "NODE",
        }
    }

    /// The group of a flow; `None`: it is in none. Of several policies: all, with commas between.
    fn key<V: FlowView>(self, row: &V, cells: &Cells) -> Option<String> {
        let [from, to] = filter_for::opened(row);
        let text = match self {
            Self::Pair => format!(
                "{} → {}",
                WorkloadRef::of(row, from),
                WorkloadRef::of(row, to)
            ),
            Self::Port => {
                let protocol = AttributeId::Protocol.text(row, cells);
                match row.port(to) {
                    Some(port) => format!("{port}/{protocol}"),
                    None => protocol,
                }
            }
            Self::Reason if dropped(row) => AttributeId::Reason.text(row, cells),
            Self::Reason => return None,
            Self::Policy => AttributeId::PolicyName.text(row, cells),
            Self::Node => row.node().to_owned(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// An expression that holds for the flows of a group, of which `row` is one.
    fn expression<V: FlowView>(self, row: &V) -> Option<String> {
        let [from, to] = filter_for::opened(row);
        match self {
            Self::Pair => Some(format!(
                "{} and {}",
                WorkloadRef::of(row, from).term_at(Side::Source),
                WorkloadRef::of(row, to).term_at(Side::Destination)
            )),
            Self::Port => match row.port(to) {
                Some(port) => Some(format!("dst.port == {port}")),
                None => filters::same(row, AttributeId::Protocol),
            },
            Self::Reason => filters::same(row, AttributeId::Reason),
            // Of the policy that is meant, which needn't be the flow's first.
            Self::Policy => None,
            Self::Node => filters::same(row, AttributeId::Node),
        }
    }
}

fn dropped<V: FlowView>(row: &V) -> bool {
    matches!(row.verdict(), Verdict::Dropped | Verdict::Error)
}

/// By what groups are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    #[default]
    Flows,
    Dropped,
    Bytes,
}

/// The sum of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) flows: u64,
    pub(crate) dropped: u64,
    /// Of the connections, as far as the flows tell.
    pub(crate) bytes: u64,
    /// Flows over the time that is held.
    pub(crate) steps: [u64; STEPS],
    /// Its newest line.
    example: Option<Line>,
    /// Of a policy: what the kernel counted.
    pub(crate) count: Option<DecisionCount>,
    /// Its present form is refused.
    pub(crate) refused: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) by: By,
    pub(crate) order: Order,
    pub(crate) groups: Vec<Group>,
    pub(crate) selected: usize,
    /// Time that the sums are of, ns.
    pub(crate) span: i64,
    /// What each flow counts as.
    tally: Tally<String>,
    /// The data that was looked at, and when, and what was known of policies.
    seen: Option<(u64, i64, u64)>,
}

impl Groups {
    /// Everything is to be looked at anew.
    pub(crate) fn forget(&mut self) {
        self.seen = None;
    }

    /// Looks at what is shown, if it changed.
    pub(crate) fn advance(&mut self, data: &Data, policies: &Policies, now: i64) {
        let known = policies.version();
        if let Some((version, then, said)) = self.seen
            && said == known
            && (version == data.version() || (now - then < PAUSE && now >= then))
        {
            return;
        }
        self.seen = Some((data.version(), now, known));
        let name = self
            .groups
            .get(self.selected)
            .map(|group| group.name.clone());
        self.groups = self.sum(data);
        if self.by == By::Policy {
            self.groups = by_policy(std::mem::take(&mut self.groups), policies);
        }
        let order = self.order;
        self.groups.sort_by(|a, b| {
            let key = |group: &Group| match order {
                // What isn't as it was written comes first, then what is exact.
                Order::Flows if group.refused => u64::MAX,
                Order::Flows => group.count.map_or(group.flows, |count| count.decisions),
                Order::Dropped => group.dropped,
                Order::Bytes => group.bytes,
            };
            let by = key(b).cmp(&key(a)).then(b.flows.cmp(&a.flows));
            by.then_with(|| a.name.cmp(&b.name))
        });
        // The selection stays with its group.
        let place = name.and_then(|name| self.groups.iter().position(|group| group.name == name));
        self.selected = place.unwrap_or(self.selected);
        self.selected = self.selected.min(self.groups.len().saturating_sub(1));
    }

    fn sum(&mut self, data: &Data) -> Vec<Group> {
        let (cells, by) = (Cells::default(), self.by);
        self.tally.advance(data, |row| {
            let key = by.key(row, &cells)?;
            let volume = Extension::read(row, |extra| extra.volume().map(|volume| volume.bytes));
            Some(Counted {
                key,
                bytes: volume.flatten().unwrap_or(0),
                connection: connection(row),
            })
        });
        let times = || data.lines().map(|found| found.time);
        let last = times().max().unwrap_or(0);
        let first = times().filter(|time| *time > 0).min().unwrap_or(last);
        self.span = (last - first).max(0);
        let step = (self.span / i64::try_from(STEPS).unwrap_or(1)).max(1);
        let mut groups = vec![Group::default(); self.tally.keys().len()];
        // Flows tell what went through their connection so far: the most of each counts.
        let mut volumes: foldhash::HashMap<u64, u64> = foldhash::HashMap::default();
        for (key, entry) in self.tally.entries() {
            let group = &mut groups[key];
            group.example = Some(entry.line);
            group.flows += 1;
            group.dropped += u64::from(entry.line.is_bad());
            let at = usize::try_from((entry.line.time - first) / step).unwrap_or(0);
            group.steps[at.min(STEPS - 1)] += 1;
            if entry.bytes > 0 {
                let known = volumes.entry(entry.connection).or_default();
                let more = entry.bytes.saturating_sub(*known);
                group.bytes = group.bytes.saturating_add(more);
                *known = entry.bytes.max(*known);
            }
        }
        for (group, key) in groups.iter_mut().zip(self.tally.keys()) {
            group.name.clone_from(key);
        }
        groups.retain(|group| group.flows > 0);
        self.tally.tidy(groups.len());
        groups
    }

    pub(crate) fn click(&mut self, line: usize, top: usize) {
        self.selected = (top + line).min(self.groups.len().saturating_sub(1));
    }

    /// Moves, and changes what is summed and how it is sorted.
    pub(crate) fn act(&mut self, act: Act, page: usize) {
        let last = self.groups.len().saturating_sub(1);
        let at = self.selected.min(last);
        self.selected = keys::moved(act, at, page, last);
        let by = By::ALL.iter().position(|by| *by == self.by).unwrap_or(0);
        let count = By::ALL.len();
        match act {
            Act::NextGrouping | Act::Right => self.by = By::ALL[(by + 1) % count],
            Act::Left => self.by = By::ALL[(by + count - 1) % count],
            Act::Sort => {
                self.order = match self.order {
                    Order::Flows => Order::Dropped,
                    Order::Dropped => Order::Bytes,
                    Order::Bytes => Order::Flows,
                };
            }
            _ => return,
        }
        self.selected = 0;
        self.groups.clear();
        if self.by != By::ALL[by] {
            self.tally.forget();
        }
        self.forget();
    }

    /// An expression that holds for the flows of the selected group.
    pub(crate) fn expression(&self, data: &Data) -> Option<String> {
        let group = self.groups.get(self.selected)?;
        if self.by == By::Policy {
            // Without the kind: a policy of this name, of whichever kind.
            let name = group
                .name
                .split_once(' ')
                .map_or(&*group.name, |(_, name)| name);
            return Some(format!("policy == {}", quote(name)));
        }
        data.with_flow(group.example?.id, |flow| self.by.expression(flow))?
    }
}

/// Sums by policy, of sums by the policies that a flow names; with those that no flow names.
fn by_policy(sums: Vec<Group>, policies: &Policies) -> Vec<Group> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    let named = |name: &str| Group {
        name: name.to_owned(),
        ..Group::default()
    };
    for sum in &sums {
        for name in sum.name.split(", ") {
            let group = groups.entry(name.to_owned()).or_insert_with(|| named(name));
            group.flows += sum.flows;
            group.dropped += sum.dropped;
            group.bytes = group.bytes.saturating_add(sum.bytes);
            let examples = [group.example, sum.example].into_iter().flatten();
            group.example = examples.max_by_key(Line::order);
            for (step, more) in group.steps.iter_mut().zip(sum.steps) {
                *step += more;
            }
        }
    }
    for policy in policies.all() {
        let name = &policy.policy;
        let group = groups.entry(name.clone()).or_insert_with(|| named(name));
        group.count = Some(policies.count(policy));
    }
    for problem in policies.refused() {
        // What is no policy stands in the first line only.
        let name = &problem.object;
        let known = groups.contains_key(name);
        if !name.is_empty() && (known || problem.not_enforced) {
            let group = groups.entry(name.clone()).or_insert_with(|| named(name));
            group.refused = true;
        }
    }
    groups.into_values().collect()
}

/// What tells a connection from others.
fn connection<V: FlowView>(row: &V) -> u64 {
    let mut hasher = DefaultHasher::new();
    let [from, to] = filter_for::opened(row);
    (
        row.ip(from),
        row.port(from),
        row.ip(to),
        row.port(to),
        row.transport(),
    )
        .hash(&mut hasher);
    hasher.finish()
}
