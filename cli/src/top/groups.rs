//! Sums of the flows that are shown, by pair, port, reason, policy or node. They are of exactly what
//! is shown: what leaves the store, or is filtered out, leaves the sums.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use client::{Item, Row, view::Kind};
use flow::{
    FlowView as _, Side, Verdict,
    columns::{Cells, Column},
    view::Extra,
};

use super::{data::Data, filters, keys::Act, services};

/// Most flows that are looked at; the newest are.
const LOOKED_AT: usize = 200_000;
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

    /// The group of a flow; `None`: it is in none.
    fn key(self, row: &Row, cells: &Cells) -> Option<String> {
        let [from, to] = ends(row);
        let text = match self {
            Self::Pair => format!(
                "{} → {}",
                services::name(row, from),
                services::name(row, to)
            ),
            Self::Port => {
                let protocol = Column::Protocol.text(row, cells);
                match row.port(to) {
                    Some(port) => format!("{port}/{protocol}"),
                    None => protocol,
                }
            }
            Self::Reason if dropped(row) => Column::Reason.text(row, cells),
            Self::Reason => return None,
            Self::Policy => Column::PolicyName.text(row, cells),
            Self::Node => row.node().to_owned(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// An expression that holds for the flows of a group, of which `row` is one.
    fn expression(self, row: &Row) -> Option<String> {
        let [from, to] = ends(row);
        match self {
            Self::Pair => Some(format!(
                "{} and {}",
                services::who(row, from, "src")?,
                services::who(row, to, "dst")?
            )),
            Self::Port => match row.port(to) {
                Some(port) => Some(format!("dst.port == {port}")),
                None => filters::same(row, Column::Protocol),
            },
            Self::Reason => filters::same(row, Column::Reason),
            Self::Policy => filters::same(row, Column::PolicyName),
            Self::Node => filters::same(row, Column::Node),
        }
    }
}

fn dropped(row: &Row) -> bool {
    matches!(row.verdict(), Verdict::Dropped | Verdict::Error)
}

fn ends(row: &Row) -> [Side; 2] {
    match row.is_reply() {
        Some(true) => [Side::Destination, Side::Source],
        Some(false) | None => [Side::Source, Side::Destination],
    }
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) flows: u64,
    pub(crate) dropped: u64,
    /// Of the connections, as far as the flows tell.
    pub(crate) bytes: u64,
    /// Flows over the time that is held.
    pub(crate) steps: [u64; STEPS],
    /// Of the youngest flow, Unix ns.
    pub(crate) last: i64,
    /// Number of one of its flows.
    example: u64,
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
    seen: Option<(u64, i64)>,
}

impl Groups {
    /// Everything is to be looked at anew.
    pub(crate) fn forget(&mut self) {
        self.seen = None;
    }

    /// Looks at what is shown, if it changed.
    pub(crate) fn advance(&mut self, data: &Data, now: i64) {
        if let Some((version, then)) = self.seen
            && (version == data.version() || (now - then < PAUSE && now >= then))
        {
            return;
        }
        self.seen = Some((data.version(), now));
        let name = self
            .groups
            .get(self.selected)
            .map(|group| group.name.clone());
        self.groups = self.sum(data);
        let order = self.order;
        self.groups.sort_by(|a, b| {
            let key = |group: &Group| match order {
                Order::Flows => group.flows,
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
        let cells = Cells::default();
        let newest = || data.matches().rev().take(LOOKED_AT);
        let last = newest().map(|found| found.time).next().unwrap_or(0);
        let first = newest()
            .map(|found| found.time)
            .filter(|time| *time > 0)
            .min();
        let first = first.unwrap_or(last);
        self.span = (last - first).max(0);
        let step = (self.span / i64::try_from(STEPS).unwrap_or(1)).max(1);
        let mut groups: HashMap<String, Group> = HashMap::new();
        // Flows tell what went through their connection so far: the most of each counts.
        let mut volumes: HashMap<u64, u64> = HashMap::new();
        for found in newest() {
            let Kind::Flow(_) = found.kind else { continue };
            let Some(row) = data.row(found.number) else {
                continue;
            };
            let Some(name) = self.by.key(row, &cells) else {
                continue;
            };
            let group = match groups.entry(name) {
                Entry::Occupied(group) => group.into_mut(),
                Entry::Vacant(place) => {
                    let name = place.key().clone();
                    place.insert(Group {
                        name,
                        example: found.number,
                        last: found.time,
                        ..Group::default()
                    })
                }
            };
            group.flows += 1;
            group.dropped += u64::from(dropped(row));
            let at = usize::try_from((found.time - first) / step).unwrap_or(0);
            group.steps[at.min(STEPS - 1)] += 1;
            let volume = Extra::read(row, |extra| extra.volume().map(|volume| volume.bytes));
            if let Some(bytes) = volume.flatten() {
                let known = volumes.entry(connection(row)).or_default();
                group.bytes += bytes.saturating_sub(*known);
                *known = bytes.max(*known);
            }
        }
        groups.into_values().collect()
    }

    pub(crate) fn click(&mut self, line: usize, top: usize) {
        self.selected = (top + line).min(self.groups.len().saturating_sub(1));
    }

    /// Moves, and changes what is summed and how it is sorted.
    pub(crate) fn act(&mut self, act: Act, page: usize) {
        let last = self.groups.len().saturating_sub(1);
        let at = self.selected.min(last);
        self.selected = match act {
            Act::Up => at.saturating_sub(1),
            Act::Down => at + 1,
            Act::PageUp => at.saturating_sub(page),
            Act::PageDown => at + page,
            Act::Oldest => 0,
            Act::Newest => last,
            _ => at,
        }
        .min(last);
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
        self.forget();
    }

    /// An expression that holds for the flows of the selected group.
    pub(crate) fn expression(&self, data: &Data) -> Option<String> {
        let group = self.groups.get(self.selected)?;
        match data.item(group.example)? {
            Item::Flow(row) => self.by.expression(row),
            Item::Mark(_) => None,
        }
    }
}

/// What tells a connection from others.
fn connection(row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    let [from, to] = ends(row);
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
