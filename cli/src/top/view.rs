//! Draws the model. What stands where is returned, for the mouse and for pages.
//!
//! ```text
//! 1 Flows  2 Top  3 Services  4 Nodes  5 Incidents   ● live   1.2k/s
//! filters as chips                                  12 of 20,000
//! passed   ▁▂▃▅▂▁
//! dropped     █
//!          12:00:00                                     12:05:00
//! the view
//! keys, or what is said, or what is written
//! ```

mod bar;
mod cells;
mod chart;
mod details;
mod flows;
mod groups;
mod header;
mod incidents;
mod nodes;
mod outages;
mod popup;
mod services;

use ratatui::{Frame, buffer::Buffer, layout::Rect, style::Style};

use super::{
    model::{LayoutRects, Mode, Model, Tab},
    text::{shown, width},
};

/// Less than this is no screen.
const LEAST: (u16, u16) = (20, 6);
/// Below this height the lines are needed for the view.
const LOW: u16 = 16;

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let mut laid = LayoutRects::default();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        put(buffer, area, 0, "too small", Style::new());
        return;
    }
    let mut rest = area;
    header::tabs(model, buffer, take(&mut rest, 1), &mut laid);
    header::chips(model, buffer, take(&mut rest, 1), &mut laid);
    let foot = match model.mode {
        Mode::Filter => bar::height(model, area),
        Mode::Export(ref name) if name.refused.is_some() => 2,
        Mode::Acknowledge(_) => 2,
        _ => 1,
    };
    let footer = take_below(&mut rest, foot);
    let cursor = matches!(model.mode, Mode::Time);
    let listed = matches!(model.screen, Tab::Flows | Tab::Incidents);
    let needed = listed && model.details.is_some() && area.height < 30;
    let charted = listed || model.screen == Tab::Top;
    if (cursor || (area.height >= LOW && !needed)) && charted {
        let lanes = if area.height >= 36 { 2 } else { 1 };
        let chart = take(&mut rest, 2 * lanes + 1);
        chart::draw(model, buffer, chart, &mut laid);
    }
    match model.screen {
        Tab::Flows => split(model, buffer, rest, &mut laid, flows::draw),
        Tab::Incidents => split(
            model,
            buffer,
            rest,
            &mut laid,
            |model, buffer, area, laid| {
                incidents::draw(model, buffer, area, laid);
            },
        ),
        Tab::Top => groups::draw(model, buffer, rest, &mut laid),
        Tab::Services => services::draw(model, buffer, rest, &mut laid),
        Tab::Nodes => nodes::draw(model, buffer, rest, &mut laid),
    }
    match &model.mode {
        Mode::Normal | Mode::Time | Mode::Filter | Mode::Export(_) | Mode::Acknowledge(_) => {}
        Mode::Help(from) => popup::help(model, *from, buffer, rest, &mut laid),
        Mode::Columns(line) => popup::columns(model, *line, buffer, rest),
        Mode::Verdicts(line) => popup::verdicts(model, *line, buffer, rest),
    }
    match &model.mode {
        Mode::Filter => {
            let cursor = bar::filter(model, buffer, footer);
            frame.set_cursor_position(cursor);
        }
        Mode::Export(name) => {
            let cursor = bar::export(model, name, buffer, footer);
            frame.set_cursor_position(cursor);
        }
        Mode::Acknowledge(prompt) => {
            if let Some(cursor) = bar::acknowledge(model, prompt, buffer, footer) {
                frame.set_cursor_position(cursor);
            }
        }
        _ => header::footer(model, buffer, footer),
    }
    model.laid = laid;
}

/// A table, and the details beside or below it.
fn split(
    model: &mut Model,
    buffer: &mut Buffer,
    area: Rect,
    laid: &mut LayoutRects,
    draw: impl Fn(&mut Model, &mut Buffer, Rect, &mut LayoutRects),
) {
    let Some(open) = &model.details else {
        draw(model, buffer, area, laid);
        return;
    };
    if open.zoom {
        details::draw(model, buffer, area, laid);
        laid.lines = Rect {
            height: area.height.saturating_sub(1),
            ..area
        };
        return;
    }
    let mut table = area;
    let pane = if area.width >= 150 {
        let width = area.width * 9 / 20;
        table.width -= width + 1;
        Rect {
            x: area.x + table.width + 1,
            width,
            ..area
        }
    } else {
        let height = (area.height * 3 / 5).max(area.height.saturating_sub(24));
        table.height -= height;
        Rect {
            y: area.y + table.height,
            height,
            ..area
        }
    };
    draw(model, buffer, table, laid);
    details::draw(model, buffer, pane, laid);
}

/// The first lines of an area; the area is what is left.
fn take(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    let first = Rect {
        height: lines,
        ..*area
    };
    area.y += lines;
    area.height -= lines;
    first
}

/// The last lines of an area; the area is what is left.
fn take_below(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    area.height -= lines;
    Rect {
        y: area.y + area.height,
        height: lines,
        ..*area
    }
}

/// Writes a text at a column of the area's first line, as far as it fits; says where it ends. Control
/// characters are left out by the buffer.
fn put(buffer: &mut Buffer, area: Rect, column: usize, text: &str, style: Style) -> usize {
    let text = shown(text);
    let column = u16::try_from(column).unwrap_or(u16::MAX);
    if column >= area.width || area.height == 0 {
        return usize::from(column);
    }
    let room = usize::from(area.width - column);
    let (end, _) = buffer.set_stringn(area.x + column, area.y, &*text, room, style);
    usize::from(end.saturating_sub(area.x))
}

/// Writes a text so that it ends with the area's first line.
fn put_right(buffer: &mut Buffer, area: Rect, text: &str, style: Style) -> usize {
    let column = usize::from(area.width).saturating_sub(width(text));
    put(buffer, area, column, text, style);
    column
}

/// The line of an area, from 0; empty below it.
fn line(area: Rect, at: usize) -> Rect {
    let at = u16::try_from(at).unwrap_or(u16::MAX);
    if at >= area.height {
        return Rect { height: 0, ..area };
    }
    Rect {
        y: area.y + at,
        height: 1,
        ..area
    }
}

/// Lines in the middle of an area.
fn middle(buffer: &mut Buffer, area: Rect, lines: &[(String, Style)]) {
    let top = usize::from(area.height).saturating_sub(lines.len()) / 3;
    for (at, (text, style)) in lines.iter().enumerate() {
        let wide = usize::from(area.width);
        let text = super::text::cut(text, wide);
        put(
            buffer,
            line(area, top + at),
            (wide - width(&text)) / 2,
            &text,
            *style,
        );
    }
}

/// The first line that is seen so that the selected one is, in a list without a memory of its own.
fn first_seen(selected: usize, len: usize, height: usize) -> usize {
    let most = len.saturating_sub(height);
    selected.saturating_sub(height / 2).min(most)
}
