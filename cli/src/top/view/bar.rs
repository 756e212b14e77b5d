//! The lines in which something is written.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{first_seen, line, put};
use crate::top::{
    edit::Line,
    model::Model,
    text::{cut, width},
};

/// Most offers that are listed.
const OFFERS: usize = 6;

/// Lines that the filter bar takes.
pub(super) fn height(model: &Model, most: u16) -> u16 {
    let offers = model.bar.offers.len().min(OFFERS);
    let lines = u16::try_from(offers + 2).unwrap_or(2);
    lines.min(most / 2)
}

/// Writes a prompt and a line; the part with the cursor is what is seen.
fn prompt(
    model: &Model,
    text: &str,
    written: &Line,
    buffer: &mut Buffer,
    area: Rect,
) -> (usize, Position) {
    let start = put(buffer, area, 1, text, model.theme.accent()) + 1;
    let room = usize::from(area.width).saturating_sub(start + 1).max(1);
    let before = width(&written.text()[..written.cursor()]);
    // Cut off at the left what the cursor leaves no room for.
    let skip = before.saturating_sub(room);
    let mut cut = 0;
    let shown = written.text().char_indices().find(|(at, _)| {
        cut = width(&written.text()[..*at]);
        cut >= skip
    });
    let shown = shown.map_or("", |(at, _)| &written.text()[at..]);
    put(buffer, area, start, shown, model.theme.plain());
    let column = start + before - cut.min(before);
    let x = area.x
        + u16::try_from(column)
            .unwrap_or(0)
            .min(area.width.saturating_sub(1));
    (start - cut.min(start), Position::new(x, area.y))
}

/// The filter bar: offers above, the line, and below it what is wrong with it.
pub(super) fn filter(model: &Model, buffer: &mut Buffer, area: Rect) -> Position {
    let theme = model.theme;
    let bar = &model.bar;
    let offers = usize::from(area.height).saturating_sub(2);
    let from = first_seen(bar.offer.unwrap_or(0), bar.offers.len(), offers);
    let widest = bar
        .offers
        .iter()
        .map(|offer| width(&offer.text))
        .max()
        .unwrap_or(0);
    for (at, offer) in bar.offers.iter().enumerate().skip(from).take(offers) {
        let here = line(area, at - from);
        put(buffer, here, 3, &offer.text, theme.accent());
        put(buffer, here, 5 + widest.min(30), &offer.doc, theme.quiet());
        if bar.offer == Some(at) {
            buffer.set_style(here, theme.selected());
        }
    }
    let word = if bar.edits.is_some() {
        "edit:"
    } else {
        "filter:"
    };
    let (start, cursor) = prompt(model, word, &bar.line, buffer, line(area, offers));
    let below = line(area, offers + 1);
    match &bar.refused {
        Some(refused) => {
            let column = start + refused.column.saturating_sub(1);
            let carets = "^".repeat(refused.length.max(1));
            let text = format!("{carets} {}", refused.message);
            let most = usize::from(area.width);
            // A message that would be cut stands further left.
            let column =
                column.min(most.saturating_sub(width(&refused.message) + carets.len() + 2));
            put(
                buffer,
                below,
                column,
                &cut(&text, most - column),
                theme.bad(),
            );
        }
        None => {
            let text = "Enter apply   Tab complete   ↑↓ those before   Esc leave   e.g. dst.port == 53 and not reply";
            put(buffer, below, 1, text, theme.quiet());
        }
    }
    cursor
}

/// The line for the name of a file.
pub(super) fn export(model: &Model, written: &Line, buffer: &mut Buffer, area: Rect) -> Position {
    prompt(model, "write to (.json or .csv):", written, buffer, area).1
}
