//! Who talks to whom: a tree of those who open connections, and to what, from what is shown.

use std::collections::{BTreeMap, HashSet};

use flow::{
    FlowView as _, Side, WorkloadRef,
    attribute::{AttributeId, Cells},
    filter_for,
};

use super::{
    data::{Data, LineId},
    keys::{self, Act},
    tally::{Counted, Tally},
};

/// Least time between two looks at what changes, ns.
const PAUSE: i64 = 1_000_000_000;

/// Flows of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) passed: u64,
    pub(crate) dropped: u64,
    /// Of the youngest drop, Unix ns.
    pub(crate) last_drop: i64,
    /// Why it was dropped.
    pub(crate) reason: String,
    /// A line that it is of, for filters.
    pub(crate) example: Option<LineId>,
}

/// Where somebody connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) to: String,
    /// `5432/TCP`
    pub(crate) port: String,
    pub(crate) sum: Sum,
}

/// Somebody who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) from: String,
    pub(crate) edges: Vec<Edge>,
    pub(crate) passed: u64,
    pub(crate) dropped: u64,
}

/// A line of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Branch(usize),
    Edge(usize, usize),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Services {
    pub(crate) branches: Vec<Branch>,
    /// Names whose branches are closed.
    closed: HashSet<String>,
    pub(crate) selected: usize,
    /// From whom to whom at which port each flow is.
    tally: Tally<(String, String, String)>,
    /// The data that was looked at, and when.
    seen: Option<(u64, i64)>,
}

impl Services {
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
        let selected = self.key(self.selected);
        let cells = Cells::default();
        self.tally.advance(data, |row| {
            let [from, to] = filter_for::opened(row);
            let protocol = AttributeId::Protocol.text(row, &cells);
            let port = match row.port(to) {
                Some(port) => format!("{port}/{protocol}"),
                None => protocol,
            };
            Some(Counted {
                key: (
                    WorkloadRef::of(row, from).to_string(),
                    WorkloadRef::of(row, to).to_string(),
                    port,
                ),
                bytes: 0,
                connection: 0,
            })
        });
        let mut sums = vec![Sum::default(); self.tally.keys().len()];
        for (key, entry) in self.tally.entries() {
            let (sum, line) = (&mut sums[key], entry.line);
            if line.is_bad() {
                sum.dropped += 1;
                if line.last >= sum.last_drop {
                    sum.last_drop = line.last;
                    sum.example = Some(line.id);
                }
            } else {
                sum.passed += 1;
                if sum.dropped == 0 {
                    sum.example = Some(line.id);
                }
            }
        }
        let sums: Vec<_> = self
            .tally
            .keys()
            .iter()
            .cloned()
            .zip(sums)
            .filter(|(_, sum)| sum.passed + sum.dropped > 0)
            .collect();
        self.tally.tidy(sums.len());
        let mut branches: BTreeMap<String, Vec<Edge>> = BTreeMap::new();
        for ((from, to, port), mut sum) in sums {
            if sum.dropped > 0
                && let Some(id) = sum.example
            {
                let reason = data.with_flow(id, |flow| AttributeId::Reason.text(flow, &cells));
                sum.reason = reason.unwrap_or_default();
            }
            branches
                .entry(from)
                .or_default()
                .push(Edge { to, port, sum });
        }
        self.branches = branches
            .into_iter()
            .map(|(from, edges)| branch(from, edges))
            .collect();
        // Those with drops first: they are what is looked for. Then by name, so that lines stay.
        self.branches.sort_by_key(|branch| branch.dropped == 0);
        if let Some(key) = selected {
            let lines = self.lines();
            let place = (0..lines.len()).find(|line| self.key(*line).as_ref() == Some(&key));
            self.selected = place.unwrap_or(self.selected);
        }
        self.selected = self.selected.min(self.lines().len().saturating_sub(1));
    }

    /// What a line is about, whatever its place.
    fn key(&self, line: usize) -> Option<(String, String, String)> {
        match *self.lines().get(line)? {
            Line::Branch(at) => {
                Some((self.branches[at].from.clone(), String::new(), String::new()))
            }
            Line::Edge(at, edge) => {
                let branch = &self.branches[at];
                let edge = &branch.edges[edge];
                Some((branch.from.clone(), edge.to.clone(), edge.port.clone()))
            }
        }
    }

    /// The lines of the tree, without those of closed branches.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, branch) in self.branches.iter().enumerate() {
            lines.push(Line::Branch(at));
            if self.is_open(branch) {
                lines.extend((0..branch.edges.len()).map(|edge| Line::Edge(at, edge)));
            }
        }
        lines
    }

    pub(crate) fn is_open(&self, branch: &Branch) -> bool {
        !self.closed.contains(&branch.from)
    }

    pub(crate) fn click(&mut self, line: usize, top: usize) {
        self.selected = (top + line).min(self.lines().len().saturating_sub(1));
    }

    /// Moves, opens and closes.
    pub(crate) fn act(&mut self, act: Act, page: usize) {
        let lines = self.lines();
        let last = lines.len().saturating_sub(1);
        let at = self.selected.min(last);
        self.selected = keys::moved(act, at, page, last);
        let branch = match lines.get(at) {
            Some(Line::Branch(branch) | Line::Edge(branch, _)) => &self.branches[*branch],
            None => return,
        };
        match act {
            Act::Left => {
                self.closed.insert(branch.from.clone());
                // From a line that is gone now to the one that it belonged to.
                let name = branch.from.clone();
                let place = self.lines().iter().position(
                    |line| matches!(line, Line::Branch(at) if self.branches[*at].from == name),
                );
                self.selected = place.unwrap_or(0);
            }
            Act::Right => {
                self.closed.remove(&branch.from.clone());
            }
            _ => {}
        }
    }

    /// An expression that holds for the flows of the selected line.
    pub(crate) fn expression(&self, data: &Data) -> Option<String> {
        let line = *self.lines().get(self.selected)?;
        let (example, whole) = match line {
            Line::Branch(at) => (self.branches[at].edges.first()?.sum.example, true),
            Line::Edge(at, edge) => (self.branches[at].edges[edge].sum.example, false),
        };
        data.with_flow(example?, |flow| {
            if whole {
                let [from, _] = filter_for::opened(flow);
                return WorkloadRef::of(flow, from).term_at(Side::Source);
            }
            filter_for::ends(flow)
        })
    }
}

fn branch(from: String, mut edges: Vec<Edge>) -> Branch {
    edges.sort_by(|a, b| {
        let drops = (a.sum.dropped == 0).cmp(&(b.sum.dropped == 0));
        drops.then_with(|| (&a.to, &a.port).cmp(&(&b.to, &b.port)))
    });
    Branch {
        passed: edges.iter().map(|edge| edge.sum.passed).sum(),
        dropped: edges.iter().map(|edge| edge.sum.dropped).sum(),
        from,
        edges,
    }
}
