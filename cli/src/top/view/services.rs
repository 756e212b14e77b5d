//! The tree of who talks to whom.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{first_seen, line, middle, put, put_right};
use crate::top::{
    model::{LayoutRects, Model},
    services::Line,
    text::{cut, grouped, span, width},
};

pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    let theme = model.theme;
    let services = &model.services;
    let all = services.lines();
    let heading = line(area, 0);
    put(buffer, heading, 1, "WHO CONNECTS TO WHAT", theme.heading());
    put_right(buffer, heading, "PASSED   DROPPED ", theme.heading());
    let area = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    laid.lines = area;
    if all.is_empty() {
        let lines = [("No connections yet.".to_owned(), theme.heading())];
        middle(buffer, area, &lines);
        return;
    }
    let height = usize::from(area.height);
    let top = first_seen(services.selected, all.len(), height);
    laid.first = top;
    for (at, shown) in all.iter().enumerate().skip(top).take(height) {
        let here = line(area, at - top);
        let wide = usize::from(here.width).saturating_sub(20);
        let (passed, dropped) = match *shown {
            Line::Branch(branch) => {
                let branch = &services.branches[branch];
                let mark = if services.is_open(branch) {
                    "▾"
                } else {
                    "▸"
                };
                let style = if branch.dropped > 0 {
                    theme.bad()
                } else {
                    theme.heading()
                };
                put(buffer, here, 1, mark, theme.accent());
                put(
                    buffer,
                    here,
                    3,
                    &cut(&branch.from, wide.saturating_sub(4)),
                    style,
                );
                (branch.passed, branch.dropped)
            }
            Line::Edge(branch, edge) => {
                let branch = &services.branches[branch];
                let last = edge + 1 == branch.edges.len();
                let edge = &branch.edges[edge];
                let bad = edge.sum.dropped > 0;
                put(buffer, here, 3, if last { "└" } else { "├" }, theme.quiet());
                let (mark, style) = match (bad, edge.sum.passed > 0) {
                    (false, _) => ("──▶", theme.good()),
                    (true, false) => ("──✗", theme.bad()),
                    (true, true) => ("─✗▶", theme.warn()),
                };
                put(buffer, here, 4, mark, style);
                let name = format!("{} {}", edge.to, edge.port);
                let name = cut(&name, wide.saturating_sub(9));
                let look = if bad { theme.bad_text() } else { theme.plain() };
                let end = put(buffer, here, 8, &name, look);
                if bad {
                    let ago = span(model.now - edge.sum.last_drop);
                    let why = format!("{ago} ago: {}", edge.sum.reason);
                    let room = wide.saturating_sub(end + 2);
                    if room > 12 {
                        put(buffer, here, end + 2, &cut(&why, room), theme.quiet());
                    }
                }
                (edge.sum.passed, edge.sum.dropped)
            }
        };
        let right = |buffer: &mut Buffer, text: &str, back: usize, style| {
            let column = usize::from(here.width).saturating_sub(back + width(text));
            put(buffer, here, column, text, style);
        };
        right(buffer, &grouped(passed), 11, theme.plain());
        let style = if dropped > 0 {
            theme.bad()
        } else {
            theme.quiet()
        };
        right(buffer, &grouped(dropped), 1, style);
        if at == services.selected {
            buffer.set_style(here, theme.selected());
        }
    }
}
