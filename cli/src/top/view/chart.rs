//! Counts over time: what passed above, what was dropped below, each to its own scale, and the
//! places where something was lost on the time axis.

use std::ops::Range;

use client::view::Bucket;
use proto::google::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    line,
    outages::{self, Missing},
    put, put_right,
};
use crate::top::{
    changes,
    model::{LayoutRects, Mode, Model},
    text::{bars, cut, grouped, short, span, width},
};

/// Room for `dropped ` before the bars.
const LABEL: u16 = 9;
/// Marks a bar in whose time something changed in the cluster's state.
const CHANGE: &str = "\u{25b2}";
/// Room for the highest count behind them.
const SCALE: u16 = 6;

pub(super) fn draw(model: &mut Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    if area.width < LABEL + SCALE + 10 || area.height < 3 {
        return;
    }
    let chart = Rect {
        x: area.x + LABEL,
        width: area.width - LABEL - SCALE,
        ..area
    };
    model.count(usize::from(chart.width));
    let (theme, histogram) = (model.theme, &model.histogram);
    let buckets = &histogram.buckets;
    // Few buckets are wide ones.
    let wide = (usize::from(chart.width) / buckets.len().max(1)).max(1);
    let lanes = (area.height - 1) / 2;
    // The newest one is at the edge.
    let long = u16::try_from(wide * buckets.len())
        .unwrap_or(chart.width)
        .min(chart.width);
    let chart = Rect {
        x: chart.x + chart.width - long,
        width: long,
        ..chart
    };
    laid.bars = chart;
    laid.bar = wide;
    let styles = [("passed", theme.good()), ("dropped", theme.bad())];
    let counts: [fn(&Bucket) -> u64; 2] = [|bucket| bucket.passed, |bucket| bucket.dropped];
    for (at, ((label, style), count)) in styles.into_iter().zip(counts).enumerate() {
        let values: Vec<u64> = buckets.iter().map(count).collect();
        let most = values.iter().copied().max().unwrap_or(0);
        let spread: Vec<u64> = values
            .iter()
            .flat_map(|value| std::iter::repeat_n(*value, wide))
            .collect();
        let top = at * usize::from(lanes);
        for (height, text) in bars(&spread, most, usize::from(lanes)).iter().enumerate() {
            put(buffer, line(chart, top + height), 0, text, style);
        }
        let last = line(area, top + usize::from(lanes) - 1);
        put(
            buffer,
            last,
            1,
            label,
            if most > 0 { style } else { theme.quiet() },
        );
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let scale = short(most as f64);
        put_right(buffer, last, &format!("{scale} "), theme.quiet());
    }
    let missing = outages::missing(&model.outages(), histogram, model.now);
    let bars = Rect {
        height: lanes * 2,
        ..chart
    };
    outages::hatch(model, &missing, buffer, bars, wide);
    let below = line(area, usize::from(lanes) * 2);
    let said = said(model, area, chart, wide);
    let taken = said.as_ref().map_or(0..0, |said| said.columns.clone());
    axis(model, buffer, below, (chart, wide), &missing, &taken);
    if let Some(said) = said {
        let style = theme.selected();
        buffer.set_style(said.place, style);
        let style = style.add_modifier(Modifier::BOLD);
        put(buffer, below, said.columns.start, &said.text, style);
    }
}

/// The time axis, but for columns that are taken.
fn axis(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    (chart, wide): (Rect, usize),
    missing: &[Missing],
    taken: &Range<usize>,
) {
    let (theme, histogram) = (model.theme, &model.histogram);
    let left = usize::from(chart.x.saturating_sub(area.x));
    // Columns from that of the first bar on.
    let is_free = |from: usize, long: usize| {
        let from = left + from;
        taken.is_empty() || from > taken.end || from + long < taken.start
    };
    let chart = Rect {
        y: area.y,
        height: 1,
        ..chart
    };
    let shown = model.data.lines().len() > 0;
    let end =
        histogram.start + histogram.length * i64::try_from(histogram.buckets.len()).unwrap_or(0);
    let days = end - histogram.start > 72_000_000_000_000;
    let clock = |time: i64| {
        let zone = &model.zone;
        let clock = if days {
            zone.hour(time)
        } else {
            zone.clock(time)
        };
        clock
            .chars()
            .take(if days { 9 } else { 8 })
            .collect::<String>()
    };
    let changed = changed(model);
    let marked = |(bucket, changed): (&Bucket, &bool)| bucket.lost > 0 || *changed;
    let unmarked = |from: usize, long: usize| {
        let under = histogram.buckets.iter().zip(&changed).skip(from / wide);
        !under.take(long / wide + 1).any(marked)
    };
    let said = outages::say(model, missing, buffer, chart, wide, |from, long| {
        is_free(from, long) && unmarked(from, long)
    });
    let is_free = |from: usize, long: usize| {
        let said = said.as_ref();
        is_free(from, long)
            && !said.is_some_and(|said| from <= said.end && from + long >= said.start)
    };
    if shown {
        let long = histogram.buckets.len() * wide;
        let legend = format!("1 bar = {}", span(histogram.length));
        let start = Timestamp::from_unix_nanos(histogram.start);
        let start = format!(
            "{} {}",
            clock(histogram.start),
            model.zone.abbreviation(start)
        );
        let from = start.len() + 2;
        // The marks of losses are what must be seen.
        let free = |from: usize, long: usize| is_free(from, long) && unmarked(from, long);
        if free(0, start.len()) {
            put(buffer, chart, 0, &start, theme.quiet());
        }
        let free = free(from, width(&legend));
        if long > 44 && free {
            put(buffer, chart, from, &legend, theme.quiet());
        }
        let end = clock(end);
        if long > 20 && is_free(long - width(&end), width(&end)) {
            put(buffer, chart, long - width(&end), &end, theme.quiet());
        }
    }
    for (at, _) in changed.iter().enumerate().filter(|(_, changed)| **changed) {
        put(buffer, chart, at * wide, CHANGE, theme.accent());
    }
    if changed.contains(&true) && (taken.is_empty() || taken.start > 9) {
        put(buffer, area, 1, &format!("change {CHANGE}"), theme.accent());
    }
    let lost = histogram.buckets.iter().map(|bucket| bucket.lost);
    let lost = lost.fold(0, u64::saturating_add);
    for (at, bucket) in histogram.buckets.iter().enumerate() {
        if bucket.lost > 0 {
            put(buffer, chart, at * wide, &"!".repeat(wide), theme.warn());
        }
    }
    if lost > 0 {
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let text = short(lost as f64);
        if taken.is_empty() || taken.start > 7 {
            put(buffer, area, 1, "lost !", theme.warn());
        }
        if taken.end + width(&text) < usize::from(area.width) {
            put_right(buffer, area, &format!("{text} "), theme.warn());
        }
    }
}

/// In which bars something changed in the cluster's state.
fn changed(model: &Model) -> Vec<bool> {
    let histogram = &model.histogram;
    let length = histogram.length.max(1);
    let mut changed = vec![false; histogram.buckets.len()];
    let bars = i64::try_from(changed.len()).unwrap_or(0);
    let end = histogram.start + length * bars - 1;
    for change in model.changes.between(histogram.start, end) {
        let at = usize::try_from((changes::time(change) - histogram.start) / length);
        if let Some(changed) = changed.get_mut(at.unwrap_or(usize::MAX)) {
            *changed = true;
        }
    }
    changed
}

/// What changed at the time cursor, in a line: of several one, and which it is of how many. In a selected time the
/// first, and how many more.
pub(super) fn what_changed(model: &Model) -> Option<String> {
    let at = model.cursor?;
    let length = model.histogram.length.max(1);
    let begin = at.div_euclid(length) * length;
    let (from, to) = model.selection().unwrap_or((begin, begin + length - 1));
    let found = model.changes.between(from, to);
    let selected = model.selection().is_some();
    let told = if selected { 0 } else { model.told_change() };
    let told = told.min(found.len().saturating_sub(1));
    let text = changes::text(found.get(told)?, &model.zone);
    Some(match found.len() {
        0 | 1 => format!("{CHANGE} {text}"),
        all if selected => format!("{CHANGE} +{} more, {text}", all - 1),
        all => format!("{CHANGE} {} of {all}, {text}", told + 1),
    })
}

/// What happened at the time cursor or in the selected time, and where that stands.
struct Said {
    /// Columns of the area.
    columns: Range<usize>,
    text: String,
    /// The bars.
    place: Rect,
}

/// What is said of the time cursor; the bars begin at a column of the area, and are so wide.
fn said(model: &Model, area: Rect, bars: Rect, wide: usize) -> Option<Said> {
    let (Some(at), Mode::Time) = (model.cursor, &model.mode) else {
        return None;
    };
    let histogram = &model.histogram;
    let length = histogram.length.max(1);
    let end = i64::try_from(histogram.buckets.len()).unwrap_or(1);
    // Within what is seen.
    let bar = |time: i64| {
        let bar = (time - histogram.start).div_euclid(length);
        usize::try_from(bar.clamp(0, end - 1)).unwrap_or(0)
    };
    let selected = model.selection();
    let begin = at.div_euclid(length) * length;
    let (from, to) = selected.unwrap_or((begin, begin + length - 1));
    let (first, last) = (bar(from), bar(to));
    let column = |bar: usize| u16::try_from(bar * wide).unwrap_or(u16::MAX);
    let place = Rect {
        x: bars.x.saturating_add(column(first)),
        width: column(last + 1 - first),
        ..bars
    };
    let place = place.intersection(bars);
    // Of the time that is said, whatever part of it is seen.
    let mut sum = Bucket::default();
    for found in model.data.lines() {
        if (from..=to).contains(&found.time) {
            sum.add(found.kind);
        }
    }
    let outages = model.outages();
    let outages = outages
        .iter()
        .filter(|outage| outage.touches(from, to, model.now));
    let mut names: Vec<&str> = outages.map(|outage| outage.node.as_str()).collect();
    names.dedup();
    let away = match &names[..] {
        [] => String::new(),
        names => format!(", {}", outages::words(names)),
    };
    let room = usize::from(area.width);
    let mut text = String::new();
    for brief in [false, true] {
        let clock = |time: i64| {
            let clock = model.zone.clock(time);
            let seconds = if brief && length % 1_000_000_000 == 0 {
                8
            } else {
                12
            };
            clock.chars().take(seconds).collect::<String>()
        };
        let when = match selected {
            Some((from, to)) if brief => format!("{}\u{2013}{}", clock(from), clock(to)),
            Some((from, to)) => format!("{} \u{2013} {}", clock(from), clock(to)),
            None => clock(at),
        };
        let lost = match sum.lost {
            0 => String::new(),
            lost => format!(", {} lost", grouped(lost)),
        };
        let (passed, dropped) = (grouped(sum.passed), grouped(sum.dropped));
        text = format!(" {when} {passed} passed, {dropped} dropped{lost}{away} ");
        if width(&text) <= room {
            break;
        }
    }
    let text = cut(&text, room);
    let column = usize::from(place.x.saturating_sub(area.x)).min(room - width(&text));
    Some(Said {
        columns: column..column + width(&text),
        text,
        place,
    })
}
