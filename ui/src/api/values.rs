//! Values that flows have, for completion: of the newest ones, which is what is asked for mostly.

use std::collections::HashMap;

use client::Snapshot;

use flow::FlowView as _;
use flow::attribute::{AttributeId, Cells, EndAttribute};
use flow::expr::Values;

/// Flows that are looked at.
const LOOKED_AT: u64 = 5000;
/// Values of an answer.
const MOST: usize = 20;

/// See the module.
pub(super) struct StoreValues(Snapshot);

impl StoreValues {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self(snapshot)
    }
}

impl Values for StoreValues {
    fn values(&self, field: &str, beginning: &str) -> Vec<String> {
        // A field of either end has the values of both.
        let names = [
            field.to_owned(),
            format!("src.{field}"),
            format!("dst.{field}"),
        ];
        let columns: Vec<AttributeId> = names
            .iter()
            .filter_map(|name| AttributeId::column(name))
            .collect();
        let cells = Cells {
            plain: true,
            ..Cells::default()
        };
        let beginning = beginning.to_lowercase();
        let mut counts: HashMap<String, usize> = HashMap::new();
        let range = self.0.range();
        let from = range.end.saturating_sub(LOOKED_AT).max(range.start);
        for number in from..range.end {
            let Some(row) = self.0.row(number) else {
                continue;
            };
            for column in &columns {
                let mut text = column.text(row, &cells);
                // Lists of labels and the like are no values.
                if text.is_empty() || text.contains([',', ' ']) {
                    continue;
                }
                let mut begins = text.to_lowercase().starts_with(&beginning);
                // A name alone would be that of pods in every namespace.
                if let AttributeId::Of(side, EndAttribute::Pod | EndAttribute::Workload) = column
                    && !row.namespace(*side).is_empty()
                {
                    text = format!("{}/{text}", row.namespace(*side));
                    begins |= text.to_lowercase().starts_with(&beginning);
                }
                if begins {
                    *counts.entry(text).or_default() += 1;
                }
            }
        }
        let mut values: Vec<(String, usize)> = counts.into_iter().collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        values
            .into_iter()
            .take(MOST)
            .map(|(value, _)| value)
            .collect()
    }
}
