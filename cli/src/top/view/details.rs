//! The pane with the details of a flow.

use ratatui::{buffer::Buffer, layout::Rect, style};

use super::{line, put, put_right};
use crate::top::{
    details::{Known, Span, Style},
    model::{LayoutRects, Model},
    text::{width, wrap},
    theme::Theme,
};

fn style(theme: Theme, look: Style) -> style::Style {
    match look {
        Style::Plain => theme.plain(),
        Style::Quiet => theme.quiet(),
        Style::Heading => theme.heading(),
        Style::Verdict(verdict) => theme.verdict(verdict),
        Style::Good => theme.good(),
        Style::Bad => theme.bad(),
        Style::Warn => theme.warn(),
        Style::Accent => theme.accent(),
    }
}

pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    let Some(details) = &model.details else {
        return;
    };
    if area.height < 2 || area.width < 10 {
        return;
    }
    let theme = model.theme;
    let side = area.x > 0;
    // A line switch between table and details.
    let (edge, inner) = if side {
        let edge = Rect { width: 1, ..area };
        for at in 0..usize::from(area.height) {
            put(buffer, line(edge, at), 0, "│", theme.quiet());
        }
        (
            Rect {
                x: area.x + 2,
                width: area.width - 2,
                height: 1,
                ..area
            },
            Rect {
                x: area.x + 2,
                y: area.y + 1,
                width: area.width - 2,
                height: area.height - 1,
            },
        )
    } else {
        let edge = Rect { height: 1, ..area };
        put(
            buffer,
            edge,
            0,
            &"─".repeat(usize::from(area.width)),
            theme.quiet(),
        );
        (
            edge,
            Rect {
                x: area.x + 1,
                y: area.y + 1,
                width: area.width - 1,
                height: area.height - 1,
            },
        )
    };
    let title = if details.focus {
        theme.heading()
    } else {
        theme.plain()
    };
    let title = if details.focus {
        title.patch(theme.accent())
    } else {
        title
    };
    put(buffer, edge, 1, " Details ", title);

    let document = details.document(&Known {
        data: &model.data,
        changes: &model.changes,
        from: &model.from,
        zone: &model.zone,
        now: model.now,
    });
    let columns = usize::from(inner.width).saturating_sub(1).max(8);
    let mut fitted: Vec<Vec<Span>> = Vec::new();
    for (at, pieces) in document.lines.iter().enumerate() {
        if document.sections.contains(&at) {
            laid.sections.push(fitted.len());
        }
        fit(pieces, columns, &mut fitted);
    }
    laid.details = inner;
    laid.details_lines = fitted.len();
    let height = usize::from(inner.height);
    let from = details.scroll.min(fitted.len().saturating_sub(height));
    for (at, pieces) in fitted.iter().skip(from).take(height).enumerate() {
        let mut x = 0;
        for piece in pieces {
            x = put(
                buffer,
                line(inner, at),
                x,
                &piece.text,
                style(theme, piece.look),
            );
        }
    }
    if fitted.len() > height {
        let below = fitted.len() - height - from;
        let text = match below {
            0 => " end ".to_owned(),
            below => format!(" {below} more lines "),
        };
        put_right(buffer, edge, &text, theme.quiet());
    }
}

/// Breaks a line of pieces into lines that fit.
fn fit(pieces: &[Span], columns: usize, to: &mut Vec<Vec<Span>>) {
    let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    if width(&whole) <= columns {
        to.push(pieces.to_vec());
        return;
    }
    // Letters keep the look of the piece that they are from; spaces at breaks go, indents come.
    let mut looks = pieces
        .iter()
        .flat_map(|piece| piece.text.chars().map(|letter| (letter, piece.look)))
        .peekable();
    for (at, text) in wrap(&whole, columns, 2).iter().enumerate() {
        let mut line: Vec<Span> = Vec::new();
        let indent = text.len() - text.trim_start_matches(' ').len();
        let body = if at == 0 {
            text.as_str()
        } else {
            &text[indent..]
        };
        if at > 0 {
            while looks.next_if(|(letter, _)| *letter == ' ').is_some() {}
            line.push(Span {
                text: " ".repeat(indent),
                look: Style::Plain,
            });
        }
        for letter in body.chars() {
            let look = looks.next().map_or(Style::Plain, |(_, look)| look);
            match line.last_mut() {
                Some(last) if last.look == look => last.text.push(letter),
                _ => line.push(Span {
                    text: letter.to_string(),
                    look,
                }),
            }
        }
        to.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_keep_their_looks() {
        let piece = |text: &str, look| Span {
            text: text.to_owned(),
            look,
        };
        let pieces = [
            piece("  path: ", Style::Quiet),
            piece("one two three four", Style::Good),
        ];
        let mut lines = Vec::new();
        fit(&pieces, 16, &mut lines);
        let texts: Vec<String> = lines
            .iter()
            .map(|line| line.iter().map(|piece| piece.text.as_str()).collect())
            .collect();
        assert_eq!(texts, ["  path: one two", "    three four"]);
        let last = lines[1].last().unwrap();
        assert_eq!((last.text.as_str(), last.look), ("three four", Style::Good));
    }
}
