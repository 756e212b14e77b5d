//! What is shown over the view for a moment.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{first_seen, line, put, put_right};
use crate::top::{
    filters::VERDICTS,
    keys::{BINDINGS, Place},
    model::{Laid, Model},
    text::width,
    update::offered,
};

/// An empty box in the middle, with a title; what is within it.
fn open(model: &Model, buffer: &mut Buffer, area: Rect, size: (usize, usize), title: &str) -> Rect {
    let wide = u16::try_from(size.0 + 4)
        .unwrap_or(u16::MAX)
        .min(area.width);
    let high = u16::try_from(size.1 + 2)
        .unwrap_or(u16::MAX)
        .min(area.height);
    let frame = Rect {
        x: area.x + (area.width - wide) / 2,
        y: area.y + (area.height - high) / 2,
        width: wide,
        height: high,
    };
    let blank = " ".repeat(usize::from(wide));
    for at in 0..usize::from(high) {
        let here = line(frame, at);
        buffer.set_style(here, ratatui::style::Style::reset());
        put(buffer, here, 0, &blank, model.theme.plain());
        put(buffer, here, 0, "│", model.theme.quiet());
        put_right(buffer, here, "│", model.theme.quiet());
    }
    let bar = "─".repeat(usize::from(wide).saturating_sub(2));
    for (at, ends) in [
        (0, ["╭", "╮"]),
        (usize::from(high).saturating_sub(1), ["╰", "╯"]),
    ] {
        let edge = format!("{}{bar}{}", ends[0], ends[1]);
        put(buffer, line(frame, at), 0, &edge, model.theme.quiet());
    }
    put(
        buffer,
        line(frame, 0),
        2,
        &format!(" {title} "),
        model.theme.heading(),
    );
    Rect {
        x: frame.x + 2,
        y: frame.y + 1,
        width: wide.saturating_sub(4),
        height: high.saturating_sub(2),
    }
}

/// Every key.
pub(super) fn help(model: &Model, from: usize, buffer: &mut Buffer, area: Rect, laid: &mut Laid) {
    let theme = model.theme;
    let mut lines: Vec<(String, &str, bool)> = Vec::new();
    for place in [
        Place::Everywhere,
        Place::Flows,
        Place::Details,
        Place::Sums,
        Place::Time,
    ] {
        if !lines.is_empty() {
            lines.push((String::new(), "", false));
        }
        lines.push((place.title().to_owned(), "", true));
        let here = BINDINGS.iter().filter(|binding| binding.place == place);
        lines.extend(here.map(|binding| (binding.keys.replace(' ', ", "), binding.help, false)));
    }
    let keys = lines
        .iter()
        .filter(|(.., title)| !title)
        .map(|(keys, ..)| width(keys))
        .max()
        .unwrap_or(0);
    let wide = lines
        .iter()
        .map(|(_, help, _)| keys + 2 + width(help))
        .max()
        .unwrap_or(0);
    let inner = open(
        model,
        buffer,
        area,
        (wide, lines.len()),
        "Keys (any other key closes)",
    );
    let height = usize::from(inner.height);
    laid.lines = inner;
    let from = from.min(lines.len().saturating_sub(height));
    for (at, (keys_text, help, title)) in lines.iter().skip(from).take(height).enumerate() {
        let style = if *title {
            theme.heading()
        } else {
            theme.accent()
        };
        put(buffer, line(inner, at), 0, keys_text, style);
        put(buffer, line(inner, at), keys + 2, help, theme.plain());
    }
    let below = lines.len() - from - height.min(lines.len());
    if below > 0 {
        let last = Rect {
            y: inner.y + inner.height,
            height: 1,
            ..inner
        };
        put_right(
            buffer,
            last,
            &format!(" {below} more below "),
            theme.accent(),
        );
    }
}

/// Columns to choose.
pub(super) fn columns(model: &Model, selected: usize, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let all = offered(&model.table.columns);
    let names = all.iter().map(|about| width(about.name)).max().unwrap_or(0);
    let wide = all
        .iter()
        .map(|about| names + 6 + width(about.help))
        .max()
        .unwrap_or(0);
    let title = "Columns: Space shows or hides, < > moves, Esc closes";
    let inner = open(model, buffer, area, (wide, all.len()), title);
    let height = usize::from(inner.height);
    let from = first_seen(selected, all.len(), height);
    for (at, about) in all.iter().enumerate().skip(from).take(height) {
        let here = line(inner, at - from);
        let shown = at < model.table.columns.len();
        put(
            buffer,
            here,
            0,
            if shown { "[x]" } else { "[ ]" },
            theme.plain(),
        );
        put(buffer, here, 4, about.name, theme.accent());
        put(buffer, here, 6 + names, about.help, theme.plain());
        if at == selected {
            buffer.set_style(here, theme.selected());
        }
    }
}

/// Verdicts to choose.
pub(super) fn verdicts(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let title = "Verdicts: their key shows or hides them";
    let inner = open(model, buffer, area, (width(title), VERDICTS.len()), title);
    for (at, (key, verdict)) in VERDICTS.iter().enumerate() {
        let here = line(inner, at);
        let shown = model.filters.shows(*verdict);
        put(buffer, here, 0, &key.to_string(), theme.accent());
        put(
            buffer,
            here,
            2,
            if shown { "[x]" } else { "[ ]" },
            theme.plain(),
        );
        put(
            buffer,
            here,
            6,
            verdict.as_str_name(),
            theme.verdict(*verdict),
        );
    }
}
