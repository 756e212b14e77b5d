//! Counts over time: what passed above, what was dropped below, each to its own scale, and the
//! places where something was lost on the time axis.

use client::view::Bucket;
use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{line, put, put_right};
use crate::top::{
    model::{Laid, Mode, Model},
    text::{bars, clock, day, grouped, short, span, width},
};

/// Room for `dropped ` before the bars.
const LABEL: u16 = 9;
/// Room for the highest count behind them.
const SCALE: u16 = 6;

pub(super) fn draw(model: &mut Model, buffer: &mut Buffer, area: Rect, laid: &mut Laid) {
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
    axis(
        model,
        buffer,
        line(area, usize::from(lanes) * 2),
        chart,
        wide,
    );
    cursor(model, buffer, laid, wide);
}

fn axis(model: &Model, buffer: &mut Buffer, area: Rect, chart: Rect, wide: usize) {
    let (theme, histogram) = (model.theme, &model.histogram);
    let chart = Rect {
        y: area.y,
        height: 1,
        ..chart
    };
    let shown = model.data.matches().len() > 0;
    let end =
        histogram.start + histogram.length * i64::try_from(histogram.buckets.len()).unwrap_or(0);
    let days = end - histogram.start > 72_000_000_000_000;
    let clock = |time: i64| {
        let clock = if days { day(time) } else { clock(time) };
        clock
            .chars()
            .take(if days { 9 } else { 8 })
            .collect::<String>()
    };
    if shown {
        let long = histogram.buckets.len() * wide;
        let legend = format!("1 bar = {}", span(histogram.length));
        let from = clock(end).len() + 2;
        let marked = |bucket: &Bucket| bucket.lost > 0;
        // The marks of losses are what must be seen.
        let free = |from: usize, long: usize| {
            let under = histogram.buckets.iter().skip(from / wide);
            !under.take(long / wide + 1).any(marked)
        };
        let start = clock(histogram.start);
        if free(0, start.len()) {
            put(buffer, chart, 0, &start, theme.quiet());
        }
        let free = free(from, width(&legend));
        if long > 44 && free {
            put(buffer, chart, from, &legend, theme.quiet());
        }
        if long > 20 {
            let end = clock(end);
            put(buffer, chart, long - width(&end), &end, theme.quiet());
        }
    }
    let lost: u64 = histogram.buckets.iter().map(|bucket| bucket.lost).sum();
    for (at, bucket) in histogram.buckets.iter().enumerate() {
        if bucket.lost > 0 {
            put(buffer, chart, at * wide, &"!".repeat(wide), theme.warn());
        }
    }
    if lost > 0 {
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let text = short(lost as f64);
        put(buffer, area, 1, "lost !", theme.warn());
        put_right(buffer, area, &format!("{text} "), theme.warn());
    }
}

/// The bars of the time cursor or of the selected time, with what happened there.
fn cursor(model: &Model, buffer: &mut Buffer, laid: &Laid, wide: usize) {
    let (Some(at), Mode::Time) = (model.cursor, &model.mode) else {
        return;
    };
    let histogram = &model.histogram;
    let length = histogram.length.max(1);
    let end = i64::try_from(histogram.buckets.len()).unwrap_or(1);
    // Within what is seen.
    let bar = |time: i64| {
        (time - histogram.start)
            .div_euclid(length)
            .clamp(0, end - 1)
    };
    let selected = model.selection();
    let (from, to) = selected.unwrap_or((at, at));
    let [first, last] = [from, to].map(|time| usize::try_from(bar(time)).unwrap_or(0));
    let column = |bar: usize| u16::try_from(bar * wide).unwrap_or(u16::MAX);
    let place = Rect {
        x: laid.bars.x.saturating_add(column(first)),
        width: column(last + 1 - first),
        ..laid.bars
    };
    let place = place.intersection(laid.bars);
    buffer.set_style(place, model.theme.selected());
    let mut sum = Bucket::default();
    for bucket in histogram.buckets.iter().take(last + 1).skip(first) {
        sum.passed += bucket.passed;
        sum.dropped += bucket.dropped;
        sum.lost += bucket.lost;
    }
    let when = match selected {
        Some((from, to)) => format!("{} \u{2013} {}", clock(from), clock(to)),
        None => clock(at),
    };
    let text = format!(
        " {when} {} passed, {} dropped{} ",
        grouped(sum.passed),
        grouped(sum.dropped),
        if sum.lost > 0 {
            format!(", {} lost", grouped(sum.lost))
        } else {
            String::new()
        }
    );
    let below = line(laid.bars, usize::from(laid.bars.height) - 1);
    // Few bars are short: the text may go beyond them.
    let below = Rect {
        x: below.x.min(
            buffer
                .area
                .right()
                .saturating_sub(u16::try_from(width(&text)).unwrap_or(0)),
        ),
        width: buffer.area.right().saturating_sub(below.x).max(below.width),
        ..below
    };
    let below = below.intersection(buffer.area);
    let column = usize::from(place.x.saturating_sub(below.x));
    let column = column.min(usize::from(below.width).saturating_sub(width(&text)));
    put(
        buffer,
        below,
        column,
        &text,
        model.theme.selected().add_modifier(Modifier::BOLD),
    );
}
