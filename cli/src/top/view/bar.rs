//! The lines in which something is written.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{first_seen, line, put};
use crate::top::{
    acknowledged::Prompt,
    bar::Bar,
    edit::Line,
    export::Name,
    filters::Refused,
    model::Model,
    text::{cut, width, wrap},
};

/// Most offers that are listed.
const OFFERS: usize = 6;

/// Most lines of what is wrong, where that doesn't fit beside the place.
const WRONG: usize = 2;

/// Lines that the filter bar takes.
pub(super) fn height(model: &Model, area: Rect) -> u16 {
    let offers = model.bar.offers.len().min(OFFERS);
    let wrong = model.bar.refused.as_ref();
    let wrong = wrong.map_or(0, |refused| below(&model.bar, refused, area).len());
    let lines = u16::try_from(offers + 2 + wrong).unwrap_or(2);
    lines.min(area.height / 2)
}

/// What is wrong, as lines below its place; none if it fits beside it.
fn below(bar: &Bar, refused: &Refused, area: Rect) -> Vec<String> {
    let columns = usize::from(area.width);
    let letters = || bar.line.text().chars();
    let from = width(
        &letters()
            .take(refused.column.saturating_sub(1))
            .collect::<String>(),
    );
    let message = width(&refused.message);
    let [shorter, longer] = [" edit: ", " filter: "].map(width);
    let seen = width(bar.line.text()) + longer < columns;
    let behind = longer + from + refused.length.max(1) + 1 + message <= columns;
    let before = shorter + from > message;
    if seen && (behind || before) {
        return Vec::new();
    }
    let mut lines = wrap(&refused.message, columns.saturating_sub(2), 2);
    lines.truncate(WRONG);
    lines
}

/// Writes a prompt and a line; the part with the cursor is what is seen. Says where the line begins,
/// and how many columns of it are left out there.
fn prompt(
    model: &Model,
    text: &str,
    written: &Line,
    buffer: &mut Buffer,
    area: Rect,
) -> ((usize, usize), Position) {
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
    ((start, cut), Position::new(x, area.y))
}

/// The filter bar: offers above, the line, and below it what is wrong with it.
pub(super) fn filter(model: &Model, buffer: &mut Buffer, area: Rect) -> Position {
    let theme = model.theme;
    let bar = &model.bar;
    let wrong = bar.refused.as_ref();
    let wrong = wrong.map_or_else(Vec::new, |refused| below(bar, refused, area));
    let offers = usize::from(area.height).saturating_sub(2 + wrong.len());
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
    let ((start, left), cursor) = prompt(model, word, &bar.line, buffer, line(area, offers));
    let below = line(area, offers + 1);
    match &bar.refused {
        Some(refused) => {
            let most = usize::from(area.width);
            let letters = || bar.line.text().chars();
            let wide = |from: usize, count: usize| {
                width(&letters().skip(from).take(count).collect::<String>())
            };
            let at = refused.column.saturating_sub(1);
            // What stands beyond an edge is shown at it.
            let from = (start + wide(0, at)).saturating_sub(left).max(start);
            let until = (start + wide(0, at + refused.length)).saturating_sub(left);
            let from = from.min(most.saturating_sub(1));
            let carets = until.clamp(from + 1, most.max(from + 1)) - from;
            put(buffer, below, from, &"^".repeat(carets), theme.bad());
            let message = width(&refused.message);
            let behind = from + carets + 1;
            if !wrong.is_empty() {
                for (at, text) in wrong.iter().enumerate() {
                    put(buffer, line(area, offers + 2 + at), 1, text, theme.bad());
                }
            } else if behind + message <= most {
                put(buffer, below, behind, &refused.message, theme.bad());
            } else {
                let column = from.saturating_sub(message + 1);
                put(buffer, below, column, &refused.message, theme.bad());
            }
        }
        None => {
            let text = "Enter apply   Tab complete   ↑↓ those before   Esc leave   e.g. dst.port == 53 and dst.ns == shop";
            put(buffer, below, 1, text, theme.quiet());
        }
    }
    cursor
}

/// The line for the name of a file, and below it what is wrong with that.
pub(super) fn export(model: &Model, name: &Name, buffer: &mut Buffer, area: Rect) -> Position {
    if let Some(refused) = &name.refused {
        let text = cut(refused, usize::from(area.width).saturating_sub(2));
        put(buffer, line(area, 1), 1, &text, model.theme.bad());
    }
    let text = "write to (.json or .csv):";
    prompt(model, text, &name.line, buffer, line(area, 0)).1
}

/// The line in which an incident is acknowledged or that taken back; below it what is wrong, what holds,
/// or how it is written.
pub(super) fn acknowledge(
    model: &Model,
    asked: &Prompt,
    buffer: &mut Buffer,
    area: Rect,
) -> Option<Position> {
    let theme = model.theme;
    let room = usize::from(area.width).saturating_sub(2);
    let known = asked.known.as_deref();
    let (below, style) = match (&asked.refused, known, &asked.line) {
        (Some(refused), ..) => (refused.clone(), theme.bad()),
        (None, Some(known), _) => (format!("it is acknowledged {known}"), theme.quiet()),
        (None, None, Some(_)) => {
            let text = "how long or until when[, why]: 8h, moves on Monday   Enter for everybody   Esc leave";
            (text.to_owned(), theme.quiet())
        }
        (None, None, None) => (String::new(), theme.quiet()),
    };
    put(buffer, line(area, 1), 1, &cut(&below, room), style);
    let id = &asked.id;
    match &asked.line {
        Some(written) => {
            let text = format!("acknowledge {id} until:");
            Some(prompt(model, &text, written, buffer, line(area, 0)).1)
        }
        None => {
            let text = format!("withdraw the acknowledgement of {id}?   Enter yes   Esc leave");
            put(buffer, line(area, 0), 1, &text, theme.accent());
            None
        }
    }
}
