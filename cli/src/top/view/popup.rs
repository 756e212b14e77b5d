//! What is shown over the view for a moment.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{first_seen, line, put, put_right};
use crate::top::{
    filters::VERDICTS,
    keys::{BINDINGS, Binding, Place},
    model::{LayoutRects, Model, Tab},
    text::{cut, width, wrap},
    update::offered,
};

/// An empty box in the middle, with a title; what is within it.
fn open(model: &Model, buffer: &mut Buffer, area: Rect, size: (usize, usize), title: &str) -> Rect {
    let wide = u16::try_from(size.0 + 4)
        .unwrap_or(u16::MAX)
        .min(area.width);
    // A few columns beside it would only be in the way.
    let wide = if wide + 6 > area.width {
        area.width
    } else {
        wide
    };
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
        &format!(" {} ", cut(title, usize::from(wide).saturating_sub(6))),
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
pub(super) fn help(
    model: &Model,
    from: usize,
    buffer: &mut Buffer,
    area: Rect,
    laid: &mut LayoutRects,
) {
    let theme = model.theme;
    let bindings = |place: Place| BINDINGS.iter().filter(move |one| one.place == place);
    let names = |binding: &Binding| binding.keys.replace(' ', ", ");
    let keys = BINDINGS.iter().map(|binding| width(&names(binding)));
    let keys = keys.max().unwrap_or(0);
    let room = usize::from(area.width).saturating_sub(keys + 6);
    let mut lines: Vec<(String, String, bool)> = Vec::new();
    for place in places(model) {
        if !lines.is_empty() {
            lines.push((String::new(), String::new(), false));
        }
        lines.push((place.title().to_owned(), String::new(), true));
        for binding in bindings(place) {
            let mut names = names(binding);
            for text in wrap(binding.help, room, 2) {
                lines.push((std::mem::take(&mut names), text, false));
            }
        }
    }
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
    more(
        model,
        buffer,
        inner,
        (from, lines.len() - from - height.min(lines.len())),
    );
}

/// Says in the frame how many lines there are above and below.
fn more(model: &Model, buffer: &mut Buffer, inner: Rect, (above, below): (usize, usize)) {
    let edge = |y: u16| Rect {
        y,
        height: 1,
        ..inner
    };
    let style = model.theme.accent();
    if above > 0 {
        let text = format!(" {above} more above ");
        put_right(buffer, edge(inner.y.saturating_sub(1)), &text, style);
    }
    if below > 0 {
        let text = format!(" {below} more below ");
        put_right(buffer, edge(inner.y + inner.height), &text, style);
    }
}

/// What keys are for, the place where one is first.
fn places(model: &Model) -> Vec<Place> {
    let mut places = match (model.screen, &model.details) {
        (Tab::Flows, Some(_)) => vec![Place::Details, Place::Flows],
        (Tab::Flows, None) => vec![Place::Flows],
        (Tab::Top | Tab::Services, _) => vec![Place::Sums],
        (Tab::Incidents, Some(_)) => vec![Place::Details, Place::Incidents],
        (Tab::Incidents, None) => vec![Place::Incidents],
        (Tab::Nodes, _) => vec![],
    };
    for place in [
        Place::Everywhere,
        Place::Flows,
        Place::Details,
        Place::Sums,
        Place::Incidents,
        Place::Time,
    ] {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Columns to choose.
pub(super) fn columns(model: &Model, selected: usize, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let all = offered(&model.table.columns);
    let names = all.iter().map(|about| width(about.name)).max().unwrap_or(0);
    let wide = all
        .iter()
        .map(|about| names + 6 + width(about.help()))
        .max()
        .unwrap_or(0);
    let title = "Columns: Space shows or hides, < > moves, Esc closes";
    // What is cut in the list stands below it.
    let room = usize::from(area.width).saturating_sub(4);
    let cut_off = wide > room;
    let lines = all.len() + usize::from(cut_off);
    let mut inner = open(model, buffer, area, (wide, lines), title);
    if let Some(about) = all.get(selected).filter(|_| cut_off && inner.height > 2) {
        inner.height -= 1;
        let below = Rect {
            y: inner.y + inner.height,
            height: 1,
            ..inner
        };
        if 6 + names + width(about.help()) > room {
            put(buffer, below, 0, &cut(about.help(), room), theme.heading());
        }
    }
    let height = usize::from(inner.height);
    let from = first_seen(selected, all.len(), height);
    let below = all.len().saturating_sub(from + height);
    let frame = Rect {
        height: inner.height + u16::from(cut_off),
        ..inner
    };
    more(model, buffer, frame, (from, below));
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
        let help = cut(about.help(), room.saturating_sub(6 + names));
        put(buffer, here, 6 + names, &help, theme.plain());
        if at == selected {
            buffer.set_style(here, theme.selected());
        }
    }
}

/// Verdicts to choose.
pub(super) fn verdicts(model: &Model, selected: usize, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let title = "Verdicts: Space or their key shows or hides, Esc closes";
    let size = (width(title) + 2, VERDICTS.len());
    let inner = open(model, buffer, area, size, title);
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
        if at == selected {
            buffer.set_style(here, theme.selected());
        }
    }
}
