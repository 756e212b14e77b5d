//! Orders other than that of time.

use std::cmp::Ordering;

use flow::attribute::{AttributeId, SortKey};

use super::{Data, Line};

/// Most lines that are sorted by something else than time; the newest are.
pub(crate) const SORTED: usize = 50_000;
/// An order other than that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: AttributeId,
    pub(crate) descending: bool,
}

impl Data {
    /// The newest lines in an order.
    pub(super) fn in_order(&self, sort: Sort) -> Vec<Line> {
        let from = self.lines.len().saturating_sub(SORTED);
        let newest = (from..self.lines.len()).filter_map(|at| self.lines.get(at));
        let mut keyed: Vec<(SortKey, Line)> = newest
            .filter_map(|line| {
                let key = self.with_flow(line.id, |flow| sort.column.key(flow))?;
                Some((key, line))
            })
            .collect();
        keyed.sort_by(|(a, first), (b, second)| {
            let by_key = match (a, b) {
                // What has nothing there is last either way.
                (SortKey::None, SortKey::None) => Ordering::Equal,
                (SortKey::None, _) => Ordering::Greater,
                (_, SortKey::None) => Ordering::Less,
                (a, b) if sort.descending => b.cmp(a),
                (a, b) => a.cmp(b),
            };
            by_key.then((second.order()).cmp(&first.order()))
        });
        keyed.into_iter().map(|(_, line)| line).collect()
    }
}
