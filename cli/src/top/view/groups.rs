//! Sums by pair, port, reason, policy or node.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{first_seen, line, middle, put, put_right};
use crate::top::{
    data::Unit,
    groups::{By, Group, Order, STEPS},
    model::{LayoutRects, Model},
    source::FlowSource,
    text::{bars, bytes, cut, cut_name, grouped, short, span, width, wrap},
};

/// Room for the bars behind the numbers.
const BARS: usize = STEPS + 2;
/// Columns that names have at least.
const LEAST_NAME: usize = 20;
/// Between the ends of a pair.
const ARROW: &str = " → ";
/// Lines for the rules of the selected policy.
const BELOW: u16 = 8;

/// A column of numbers.
struct Column {
    title: &'static str,
    room: usize,
    order: Option<Order>,
    cell: fn(&Group, &Model) -> (String, Style),
}

#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
fn rate(group: &Group, model: &Model) -> String {
    let span = model.groups.span.max(1_000_000_000);
    format!("{}/s", short(group.flows as f64 * 1e9 / span as f64))
}

const FLOWS: Column = Column {
    title: "FLOWS",
    room: 13,
    order: Some(Order::Flows),
    cell: |group, model| (grouped(group.flows), model.theme.plain()),
};
const DROPPED: Column = Column {
    title: "DROPPED",
    room: 10,
    order: Some(Order::Dropped),
    cell: |group, model| {
        let theme = model.theme;
        let style = if group.dropped > 0 {
            theme.bad()
        } else {
            theme.quiet()
        };
        (grouped(group.dropped), style)
    },
};
const BYTES: Column = Column {
    title: "BYTES",
    room: 9,
    order: Some(Order::Bytes),
    cell: |group, model| {
        let text = (group.bytes > 0).then(|| bytes(group.bytes));
        (text.unwrap_or_default(), model.theme.plain())
    },
};
const SUMS: [Column; 4] = [
    FLOWS,
    DROPPED,
    Column {
        title: "RATE",
        room: 8,
        order: None,
        cell: |group, model| (rate(group, model), model.theme.plain()),
    },
    BYTES,
];
/// Of policies, where the server tells what the kernel counted.
const COUNTERS: [Column; 5] = [
    Column {
        title: "DECISIONS",
        room: 12,
        order: Some(Order::Flows),
        cell: |group, model| match group.count {
            Some(count) => (grouped(count.decisions), model.theme.plain()),
            None if group.refused => ("NOT ENFORCED".to_owned(), model.theme.bad()),
            None => ("not in force".to_owned(), model.theme.quiet()),
        },
    },
    Column {
        title: "RATE",
        room: 8,
        order: None,
        cell: |group, model| {
            let rate = group.count.and_then(|count| count.rate);
            let text = rate.map(|rate| format!("{}/s", short(rate)));
            (text.unwrap_or_default(), model.theme.plain())
        },
    },
    Column {
        title: "HELD",
        room: 8,
        order: None,
        cell: FLOWS.cell,
    },
    Column { room: 9, ..DROPPED },
    Column { room: 8, ..BYTES },
];

/// What can be summed by, and the time that the sums are of.
fn titles(model: &Model, buffer: &mut Buffer, first: Rect) {
    let (theme, groups) = (model.theme, &model.groups);
    let mut x = 1;
    // Where there is no room for all, the chosen one is what must be seen.
    let room = usize::from(first.width);
    let chosen = By::ALL.iter().position(|by| *by == groups.by).unwrap_or(0);
    let ends = |from: usize| {
        let titles = By::ALL[from..=chosen.max(from)].iter();
        titles.map(|by| width(by.title()) + 2).sum::<usize>()
    };
    let from = (0..chosen)
        .find(|from| ends(*from) < room)
        .unwrap_or(chosen);
    for by in &By::ALL[from..] {
        let style = if *by == groups.by {
            theme.heading().add_modifier(Modifier::UNDERLINED)
        } else {
            theme.quiet()
        };
        x = put(buffer, first, x, by.title(), style) + 2;
    }
    let time = format!("{} of {} ", model.data.unit().plural(), span(groups.span));
    if x + width(&time) <= room {
        put_right(buffer, first, &time, theme.quiet());
    }
}

/// The columns that leave room for names, from the first on; the first is always there.
fn fitting(columns: &[Column], wide: usize) -> &[Column] {
    let mut taken = 0;
    let fits = |column: &&Column| {
        taken += column.room;
        taken + LEAST_NAME <= wide
    };
    let count = columns.iter().take_while(fits).count();
    &columns[..count.max(1)]
}

/// A group's name in so many columns: of a pair each end by itself, of a policy its kind and its name.
fn fitted(name: &str, columns: usize) -> String {
    if width(name) <= columns {
        return name.to_owned();
    }
    if let Some((from, to)) = name.split_once(ARROW) {
        let room = columns.saturating_sub(width(ARROW));
        let (one, other) = (width(from), width(to));
        // What the shorter one leaves is the other's.
        let half = room / 2;
        let first = if one <= half {
            one
        } else {
            (room - half).max(room.saturating_sub(other)).min(one)
        };
        let to = cut_name(to, room.saturating_sub(first));
        return format!("{}{ARROW}{to}", cut_name(from, first));
    }
    match name.split_once(' ') {
        Some((kind, name)) if width(kind) + 9 <= columns => {
            format!("{kind} {}", cut_name(name, columns - width(kind) - 1))
        }
        _ => cut_name(name, columns),
    }
}

fn headings(
    model: &Model,
    buffer: &mut Buffer,
    heading: Rect,
    name: usize,
    columns: &[Column],
    bars: bool,
) {
    let (theme, groups) = (model.theme, &model.groups);
    put(buffer, heading, 1, groups.by.heading(), theme.heading());
    let mut x = name;
    for column in columns {
        let mark = if column.order == Some(groups.order) {
            "\u{25bc}"
        } else {
            ""
        };
        let title = match (column.title, model.data.unit()) {
            ("FLOWS", Unit::Connections) => "CONNECTIONS",
            ("FLOWS", Unit::Events) => "EVENTS",
            (title, _) => title,
        };
        let title = format!("{title}{mark}");
        let at = (x + column.room).saturating_sub(width(&title));
        put(buffer, heading, at, &title, theme.heading());
        x += column.room;
    }
    if bars {
        put(buffer, heading, x + 2, "OVER TIME", theme.heading());
    }
}

pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    let groups = &model.groups;
    titles(model, buffer, line(area, 0));
    let policies = groups.by == By::Policy;
    let columns: &[Column] = if policies && !model.policies.all().is_empty() {
        &COUNTERS
    } else {
        &SUMS
    };
    let wide = usize::from(area.width);
    let columns = fitting(columns, wide);
    let numbers: usize = columns.iter().map(|column| column.room).sum();
    // Names come before the bars, which are seen once those have what they need.
    let widest = groups.groups.iter().map(|group| width(&group.name)).max();
    let widest = widest.unwrap_or(0) + 2;
    let room = wide.saturating_sub(numbers);
    let bars = room >= widest + BARS;
    let name = if bars { room - BARS } else { room };
    headings(model, buffer, line(area, 1), name, columns, bars);
    let mut lines = Rect {
        y: area.y + 2,
        height: area.height.saturating_sub(2),
        ..area
    };
    if policies {
        let below = BELOW.min(lines.height / 2);
        lines.height -= below;
        let below = Rect {
            y: lines.y + lines.height,
            height: below,
            ..lines
        };
        policy(model, buffer, below);
    }
    laid.lines = lines;
    if groups.groups.is_empty() {
        let text = match groups.by {
            By::Reason => "Nothing in memory was dropped.",
            _ => "None in memory.",
        };
        middle(buffer, lines, &[(text.to_owned(), model.theme.heading())]);
        return;
    }
    let height = usize::from(lines.height);
    let top = first_seen(groups.selected, groups.groups.len(), height);
    laid.first = top;
    for (at, group) in groups.groups.iter().enumerate().skip(top).take(height) {
        let here = line(lines, at - top);
        let x = row(model, buffer, here, group, name, columns);
        if bars {
            over_time(model, buffer, here, group, x);
        }
        if at == groups.selected {
            buffer.set_style(here, model.theme.selected());
        }
    }
}

/// Writes a group with its numbers; where they end.
fn row(
    model: &Model,
    buffer: &mut Buffer,
    here: Rect,
    group: &Group,
    name: usize,
    columns: &[Column],
) -> usize {
    let theme = model.theme;
    let bad = group.dropped > 0 || group.refused;
    let style = if bad { theme.bad_text() } else { theme.plain() };
    let text = fitted(&group.name, name.saturating_sub(2));
    put(buffer, here, 1, &text, style);
    let mut x = name;
    for column in columns {
        let (text, style) = (column.cell)(group, model);
        let at = (x + column.room).saturating_sub(width(&text));
        put(buffer, here, at, &text, style);
        x += column.room;
    }
    x
}

fn over_time(model: &Model, buffer: &mut Buffer, here: Rect, group: &Group, x: usize) {
    let theme = model.theme;
    let bad = group.dropped > 0;
    let most = group.steps.iter().copied().max().unwrap_or(0);
    let spark = bars(&group.steps, most, 1).concat();
    let style = if bad { theme.bad_text() } else { theme.good() };
    put(buffer, here, x + 2, &spark, style);
}

/// The rules of the selected policy, with what the kernel counted of each, or why it isn't known.
fn policy(model: &Model, buffer: &mut Buffer, area: Rect) {
    let (theme, groups) = (model.theme, &model.groups);
    let ruler = "\u{2500}".repeat(usize::from(area.width));
    put(buffer, line(area, 0), 0, &ruler, theme.quiet());
    let is_file = matches!(model.from, FlowSource::File(_));
    let columns = usize::from(area.width).saturating_sub(2);
    if let Some(why) = model.policies.missing(is_file) {
        for (at, text) in wrap(&why, columns, 2).iter().enumerate() {
            put(buffer, line(area, at + 1), 1, text, theme.warn());
        }
        return;
    }
    let Some(group) = groups.groups.get(groups.selected) else {
        return;
    };
    let title = format!(" {} ", group.name);
    put(buffer, line(area, 0), 1, &title, theme.heading());
    let mut at = 1;
    if let Some(problem) = model.policies.refusal(&group.name) {
        let place = match problem.line {
            0 => problem.file.clone(),
            line => format!("{}:{line}", problem.file),
        };
        let state = match (problem.not_enforced, problem.stale) {
            (true, _) => "REFUSED, NOT ENFORCED",
            (false, true) => "REFUSED; the last good version is enforced",
            (false, false) => "REFUSED",
        };
        let text = format!("{state}: {place}: {} {}", problem.field, problem.problem);
        for text in wrap(&text, columns, 2) {
            put(buffer, line(area, at), 1, &text, theme.bad());
            at += 1;
        }
        if problem.not_enforced {
            return;
        }
    }
    let Some(policy) = model.policies.named(&group.name) else {
        let text = "No longer enforced; older flows name it.";
        put(buffer, line(area, at), 1, text, theme.plain());
        return;
    };
    let text = cut(&policy.meaning, columns);
    put(buffer, line(area, at), 1, &text, theme.plain());
    for rule in &policy.rules {
        at += 1;
        let count = match rule.decisions {
            0 => "never hit".to_owned(),
            1 => "1 decision".to_owned(),
            count => format!("{} decisions", grouped(count)),
        };
        let open = match rule.connections {
            0 => String::new(),
            count => format!(", {} open, {}", grouped(count), bytes(rule.bytes)),
        };
        let numbers = format!("{count}{open}");
        let path = explain::proto::path_text(rule.path.as_ref());
        let direction = explain::proto::direction_text(rule.direction());
        let verb = if rule.deny { "denies" } else { "allows" };
        let text = format!("{path}: {verb} {direction} {}", rule.text);
        let room = columns.saturating_sub(width(&numbers) + 2);
        let style = if rule.decisions == 0 {
            theme.quiet()
        } else {
            theme.plain()
        };
        put(buffer, line(area, at), 1, &cut(&text, room), style);
        let numbers = format!("{numbers} ");
        put_right(buffer, line(area, at), &numbers, style);
    }
}
