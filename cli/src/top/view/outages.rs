//! Times of which there are no data, as they look among the bars: hatched, so that nobody takes them for
//! times in which nothing happened.

use std::ops::Range;

use client::{Outage, view::Histogram};
use ratatui::{buffer::Buffer, layout::Rect};

use super::put;
use crate::top::{
    model::Model,
    text::{cut, width},
};

/// What stands where there is no bar.
const HATCH: &str = "\u{2591}";

/// Bars of which some data are missing, and of whom.
pub(super) struct Missing {
    pub(super) bars: Range<usize>,
    pub(super) text: String,
}

/// The outages among the bars, the oldest first.
pub(super) fn missing(outages: &[Outage], histogram: &Histogram, now: i64) -> Vec<Missing> {
    let (start, length) = (histogram.start, histogram.length.max(1));
    let mut bars: Vec<Vec<&str>> = vec![Vec::new(); histogram.buckets.len()];
    for outage in outages {
        for (at, names) in bars.iter_mut().enumerate() {
            let from = start.saturating_add(length.saturating_mul(i64::try_from(at).unwrap_or(0)));
            let to = from.saturating_add(length - 1);
            if outage.touches(from, to, now) && !names.contains(&outage.node.as_str()) {
                names.push(&outage.node);
            }
        }
    }
    let mut found: Vec<Missing> = Vec::new();
    for (at, names) in bars
        .iter()
        .enumerate()
        .filter(|(_, names)| !names.is_empty())
    {
        let text = words(names);
        match found.last_mut() {
            Some(last) if last.bars.end == at && last.text == text => last.bars.end = at + 1,
            _ => found.push(Missing {
                bars: at..at + 1,
                text,
            }),
        }
    }
    found
}

/// Of whom there are no data; an empty name is that of all.
pub(super) fn words(names: &[&str]) -> String {
    if names.contains(&"") {
        return "no data: no connection".to_owned();
    }
    match names {
        [one, two, _, ..] => format!("no data from {one}, {two}, \u{2026}"),
        names => format!("no data from {}", names.join(", ")),
    }
}

/// Hatches what the bars leave free, each so many columns wide.
pub(super) fn hatch(
    model: &Model,
    missing: &[Missing],
    buffer: &mut Buffer,
    chart: Rect,
    wide: usize,
) {
    let style = model.theme.warn();
    for column in missing.iter().flat_map(|missing| columns(missing, wide)) {
        let Ok(x) = u16::try_from(column) else { break };
        for y in chart.y..chart.y.saturating_add(chart.height) {
            let place = (chart.x.saturating_add(x), y);
            if x < chart.width
                && let Some(cell) = buffer.cell_mut(place)
                && cell.symbol() == " "
            {
                cell.set_symbol(HATCH).set_style(style);
            }
        }
    }
}

fn columns(missing: &Missing, wide: usize) -> Range<usize> {
    missing.bars.start * wide..missing.bars.end * wide
}

/// Says below the bars of whom data are missing, where that is free; the columns that it took.
pub(super) fn say(
    model: &Model,
    missing: &[Missing],
    buffer: &mut Buffer,
    axis: Rect,
    wide: usize,
    is_free: impl Fn(usize, usize) -> bool,
) -> Option<Range<usize>> {
    let room = usize::from(axis.width);
    // The last one matters most.
    missing.iter().rev().find_map(|missing| {
        let text = cut(&format!("{HATCH} {}", missing.text), room);
        let last = room.saturating_sub(width(&text));
        let first = columns(missing, wide).start.min(last);
        let start = (first..=last).find(|start| is_free(*start, width(&text)))?;
        put(buffer, axis, start, &text, model.theme.warn());
        Some(start..start + width(&text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_without_data_are_found() {
        let histogram = Histogram::new([], 0, 9_000_000_000, 10);
        let outage = |node: &str, from: i64, until: Option<i64>| Outage {
            node: node.to_owned(),
            from: from.saturating_mul(1_000_000_000),
            until: until.map(|until| until * 1_000_000_000),
        };
        let now = 20_000_000_000;
        for (name, outages, want) in [
            ("none", vec![], &[][..]),
            (
                "one",
                vec![outage("one", 2, Some(5))],
                &[(2..6, "no data from one")],
            ),
            ("short", vec![outage("one", 2, Some(3))], &[]),
            (
                "before all, and lasting",
                vec![outage("one", i64::MIN, Some(1)), outage("two", 8, None)],
                &[(0..2, "no data from one"), (8..10, "no data from two")],
            ),
            (
                "two at a time",
                vec![outage("one", 2, Some(6)), outage("two", 4, Some(8))],
                &[
                    (2..4, "no data from one"),
                    (4..7, "no data from one, two"),
                    (7..9, "no data from two"),
                ],
            ),
            (
                "all",
                vec![outage("", 7, None)],
                &[(7..10, "no data: no connection")],
            ),
        ] {
            let found = missing(&outages, &histogram, now);
            let found: Vec<_> = found
                .iter()
                .map(|missing| (missing.bars.clone(), &*missing.text))
                .collect();
            assert_eq!(found, want, "{name}");
        }
    }
}
