//! Sums by pair, port, reason, policy or node.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{first_seen, line, middle, put, put_right};
use crate::top::{
    groups::{By, Order, STEPS},
    model::{Laid, Model},
    text::{bars, bytes, cut_middle, grouped, short, span, width},
};

/// Room for the numbers behind the name.
const NUMBERS: usize = 9 + 10 + 8 + 9 + STEPS + 2;

/// What can be summed by, and the time that the sums are of.
fn titles(model: &Model, buffer: &mut Buffer, first: Rect) {
    let (theme, groups) = (model.theme, &model.groups);
    let mut x = 1;
    for by in By::ALL {
        let style = if by == groups.by {
            theme.heading().add_modifier(Modifier::UNDERLINED)
        } else {
            theme.quiet()
        };
        x = put(buffer, first, x, by.title(), style) + 2;
    }
    put_right(
        buffer,
        first,
        &format!("of {} ", span(groups.span)),
        theme.quiet(),
    );
}

pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut Laid) {
    let theme = model.theme;
    let groups = &model.groups;
    titles(model, buffer, line(area, 0));
    let heading = line(area, 1);
    let wide = usize::from(area.width);
    // On a narrow screen what fits beside a name of some length.
    let name = wide.saturating_sub(NUMBERS).max(18.min(wide));
    let columns = [
        ("FLOWS", 9, Some(Order::Flows)),
        ("DROPPED", 10, Some(Order::Dropped)),
        ("RATE", 8, None),
        ("BYTES", 9, Some(Order::Bytes)),
    ];
    put(
        buffer,
        heading,
        1,
        groups
            .by
            .title()
            .trim_end_matches('s')
            .to_uppercase()
            .as_str(),
        theme.heading(),
    );
    let mut x = name;
    for (title, room, order) in columns {
        let sorted = order == Some(groups.order);
        let title = if sorted {
            format!("{title}▼")
        } else {
            title.to_owned()
        };
        put(
            buffer,
            heading,
            x + room - width(&title),
            &title,
            theme.heading(),
        );
        x += room;
    }
    put(buffer, heading, x + 2, "OVER TIME", theme.heading());
    let lines = Rect {
        y: area.y + 2,
        height: area.height.saturating_sub(2),
        ..area
    };
    laid.lines = lines;
    if groups.groups.is_empty() {
        let text = match groups.by {
            By::Reason => "Nothing was dropped, as far as flows are held.",
            _ => "No flow has one, as far as flows are held.",
        };
        middle(buffer, lines, &[(text.to_owned(), theme.heading())]);
        return;
    }
    let height = usize::from(lines.height);
    let top = first_seen(groups.selected, groups.groups.len(), height);
    laid.first = top;
    for (at, group) in groups.groups.iter().enumerate().skip(top).take(height) {
        let here = line(lines, at - top);
        let bad = group.dropped > 0;
        let style = if bad { theme.bad_text() } else { theme.plain() };
        put(
            buffer,
            here,
            1,
            &cut_middle(&group.name, name.saturating_sub(2)),
            style,
        );
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let rate = group.flows as f64 * 1e9 / groups.span.max(1_000_000_000) as f64;
        let texts = [
            (grouped(group.flows), theme.plain()),
            (
                grouped(group.dropped),
                if bad { theme.bad() } else { theme.quiet() },
            ),
            (format!("{}/s", short(rate)), theme.plain()),
            (
                if group.bytes > 0 {
                    bytes(group.bytes)
                } else {
                    String::new()
                },
                theme.plain(),
            ),
        ];
        let mut x = name;
        for ((text, style), (_, room, _)) in texts.iter().zip(columns) {
            put(
                buffer,
                here,
                (x + room).saturating_sub(width(text)),
                text,
                *style,
            );
            x += room;
        }
        let most = group.steps.iter().copied().max().unwrap_or(0);
        let spark = bars(&group.steps, most, 1).concat();
        put(
            buffer,
            here,
            x + 2,
            &spark,
            if bad { theme.bad_text() } else { theme.good() },
        );
        if at == groups.selected {
            buffer.set_style(here, theme.selected());
        }
    }
}
