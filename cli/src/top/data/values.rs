//! Values that are offered while a filter is written: those of what is shown.

use std::collections::HashMap;

use flow::{
    attribute::{AttributeId, Cells},
    expr::Values,
};

use super::Data;

/// Lines whose values are offered; the newest are.
const OFFERED_OF: usize = 2000;
/// Most values that are offered.
const OFFERED: usize = 50;

impl Values for Data {
    fn values(&self, field: &str, beginning: &str) -> Vec<String> {
        let Some(column) = AttributeId::column(field) else {
            return Vec::new();
        };
        let cells = Cells {
            plain: true,
            ..Cells::default()
        };
        let mut counts: HashMap<String, usize> = HashMap::new();
        for line in self.lines().rev().take(OFFERED_OF) {
            let text = self.with_flow(line.id, |flow| column.text(flow, &cells));
            let text = text.unwrap_or_default();
            if !text.is_empty() && text.starts_with(beginning) {
                *counts.entry(text).or_default() += 1;
            }
        }
        let mut values: Vec<_> = counts.into_iter().collect();
        values.sort_by(|(a, often), (b, less)| less.cmp(often).then_with(|| a.cmp(b)));
        values
            .into_iter()
            .take(OFFERED)
            .map(|(text, _)| text)
            .collect()
    }
}
