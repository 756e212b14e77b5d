//! The lines above and below the view.

use std::time::SystemTime;

use client::ConnectionState;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{chart, put, put_right};
use crate::top::{
    data::Unit,
    keys::{self, Act},
    model::{LayoutRects, Mode, Model, Tab},
    nodes,
    source::FlowSource,
    text::{cut, cut_middle, grouped, short, span, width},
};

fn ago(since: SystemTime) -> String {
    let gone = since.elapsed().unwrap_or_default();
    span(i64::try_from(gone.as_nanos()).unwrap_or(i64::MAX))
}

/// The names of the views, and how the connection stands.
pub(super) fn tabs(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    let theme = model.theme;
    let (state, style) = state(model);
    let numbers = numbers(model);
    let room = usize::from(area.width);
    let mut x = 1;
    // Where there is no room for both, the state is what matters.
    let tabs_need = 51;
    let state_needs = width(&state) + width(&numbers) + 4;
    let short_tabs = tabs_need + state_needs > room;
    for (at, screen) in Tab::ALL.into_iter().enumerate() {
        let own = screen == model.screen;
        let start = x;
        x = put(buffer, area, x, &format!("{}", at + 1), theme.accent());
        if own || !short_tabs {
            let style = if own {
                theme.heading().add_modifier(Modifier::UNDERLINED)
            } else {
                theme.plain()
            };
            x = put(buffer, area, x + 1, screen.title(), style);
        }
        let place = Rect {
            x: area.x + u16::try_from(start).unwrap_or(0),
            width: u16::try_from(x - start).unwrap_or(0),
            ..area
        };
        laid.tabs.push((place, screen));
        x += 2;
    }
    let left = room.saturating_sub(x + width(&numbers) + 3);
    let state = cut(&state, left);
    let from = put_right(buffer, area, &format!("{numbers} "), theme.plain());
    let column = from.saturating_sub(width(&state) + 2);
    put(buffer, area, column.max(x), &state, style);
}

/// The source as people call it.
fn source(from: &FlowSource) -> String {
    match (from, from.lab()) {
        (_, Some(lab)) => cut_middle(&format!("lab {lab}"), 20),
        (FlowSource::Server(address), None) => {
            cut_middle(address.trim_start_matches("unix://"), 32)
        }
        (FlowSource::File(path), None) => cut_middle(path, 24),
    }
}

fn state(model: &Model) -> (String, Style) {
    let theme = model.theme;
    let from = source(&model.from);
    if let Some(paused) = model.data.paused() {
        let waiting = grouped(model.data.waiting());
        let gone = span(model.now - paused);
        return (format!("‖ paused {gone}, {waiting} waiting"), theme.warn());
    }
    match &model.link {
        ConnectionState::Connecting => {
            let doing = match model.from {
                FlowSource::Server(_) => "connecting to",
                FlowSource::File(_) => "reading",
            };
            (format!("… {doing} {from}"), theme.warn())
        }
        ConnectionState::Live { .. } => match &nodes::troubles(model)[..] {
            [] => (format!("● live {from}"), theme.good()),
            troubles => (format!("▲ {}, {from}", troubles.join(", ")), theme.bad()),
        },
        ConnectionState::Lost { since, .. } => {
            (format!("✗ no connection for {}", ago(*since)), theme.bad())
        }
        ConnectionState::Ended => {
            let (evicted, unreadable) = (model.data.evicted() > 0, model.data.unreadable());
            let what = if evicted { "the newest" } else { "all" };
            let style = if evicted || unreadable > 0 {
                theme.warn()
            } else {
                theme.plain()
            };
            let rest = match unreadable {
                0 => String::new(),
                1 => ", 1 line unreadable".to_owned(),
                lines => format!(", {} lines unreadable", grouped(lines)),
            };
            (format!("■ {what} of {from}{rest}"), style)
        }
        ConnectionState::Failed(_) => (format!("✗ {from}"), theme.bad()),
    }
}

fn numbers(model: &Model) -> String {
    // What is paused has no rate, and is not to look as if nothing happened.
    if !matches!(model.link, ConnectionState::Live { .. }) || model.data.paused().is_some() {
        return String::new();
    }
    let rate = model.data.rate(model.now);
    rate.map_or_else(String::new, |rate| format!("{}/s", short(rate)))
}

/// One that can be removed, in its share of the columns; where the next one begins.
fn chip(
    text: &str,
    share: usize,
    place: Option<usize>,
    (buffer, area, x, style): (&mut Buffer, Rect, usize, Style),
    laid: &mut LayoutRects,
) -> usize {
    let text = format!("[{} ×]", cut(text, share.saturating_sub(5).max(8)));
    let end = put(buffer, area, x, &text, style);
    let on = Rect {
        x: area.x + u16::try_from(x).unwrap_or(0),
        width: u16::try_from(end.saturating_sub(x)).unwrap_or(0),
        ..area
    };
    laid.chips.push((on, place));
    end + 1
}

/// The filters, and how many connections or events they let through.
pub(super) fn chips(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    let theme = model.theme;
    let filters = &model.filters;
    let (shown, held) = (model.data.rows() as u64, model.data.held() as u64);
    let unit = model.data.unit();
    let count = match (filters.hide(), area.width >= 60) {
        (true, true) => format!("{} of {} ", grouped(shown), unit.many(held)),
        (false, true) => format!("{} ", unit.many(held)),
        (true, false) => format!("{} of {} ", grouped(shown), grouped(held)),
        (false, false) => format!("{} ", grouped(held)),
    };
    let count = match &model.laid.unsaid {
        Some(namespace) => format!("{count}in {} ", cut(namespace, 20)),
        None => count,
    };
    let room = usize::from(area.width).saturating_sub(width(&count) + 1);
    let left = Rect {
        width: u16::try_from(room).unwrap_or(area.width),
        ..area
    };
    put_right(buffer, area, &count, theme.quiet());
    let mut x = 1;
    if !filters.given.is_empty() {
        x = put(
            buffer,
            left,
            x,
            &format!("[{}]", filters.given),
            theme.plain(),
        ) + 1;
    }
    if let Some(verdicts) = filters.verdicts() {
        let look = if filters.only_drops() {
            theme.bad()
        } else {
            theme.accent()
        };
        let share = room.saturating_sub(x) / (1 + filters.chips.len());
        x = chip(&verdicts, share, None, (buffer, left, x, look), laid);
    }
    let count = filters.chips.len();
    for (at, one) in filters.chips.iter().enumerate() {
        // The last one is the one that keys are about.
        let share = room.saturating_sub(x) / (count - at);
        let to = (&mut *buffer, left, x, theme.accent());
        x = chip(&one.text, share, Some(at), to, laid);
    }
    if x == 1 {
        put(buffer, left, x, "no filter", theme.quiet());
    }
}

/// What is said or, with nothing to say, what can be pressed.
pub(super) fn footer(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    if let Some(notice) = &model.notice {
        let style = if notice.bad {
            theme.warn()
        } else {
            theme.accent()
        };
        put(buffer, area, 1, &notice.text, style);
        return;
    }
    match &model.link {
        ConnectionState::Lost { why, .. } => {
            let when = if model.now < model.retry_at {
                let left = model.retry_at.saturating_sub(model.now);
                let seconds = left.saturating_sub(1) / 1_000_000_000 + 1;
                format!("next try in {seconds} s, R tries now")
            } else {
                "trying now …".to_owned()
            };
            // When is what changes: the reason has the room that is left.
            let room = usize::from(area.width).saturating_sub(width(&when) + 4);
            let why = cut(&format!("no connection: {why}"), room);
            put(buffer, area, 1, &format!("{why}; {when}"), theme.bad());
            return;
        }
        ConnectionState::Failed(why) => {
            put(buffer, area, 1, why, theme.bad());
            return;
        }
        ConnectionState::Connecting | ConnectionState::Live { .. } | ConnectionState::Ended => {}
    }
    let events = match model.data.unit() {
        Unit::Connections => "events",
        Unit::Events => "connections",
    };
    let changed = chart::what_changed(model);
    let hints: &[(Act, &str)] = match (&model.mode, model.screen, &model.details) {
        (Mode::Time, ..) if changed.is_some() => {
            let text = changed.unwrap_or_default();
            let text = cut(&text, usize::from(area.width).saturating_sub(2));
            put(buffer, area, 1, &text, theme.accent());
            return;
        }
        (Mode::Time, ..) => {
            let text = if model.anchor.is_some() {
                "Enter only this time  ←→ Shift-←→ more, less  + - zoom  Esc leave"
            } else {
                "Enter go there  ←→ move  Shift-←→ select  + - zoom  0 all  Esc leave"
            };
            put(buffer, area, 1, text, theme.plain());
            return;
        }
        (_, Tab::Flows, Some(_)) => &[
            (Act::Back, "close"),
            (Act::Focus, "focus"),
            (Act::Zoom, "zoom"),
            (Act::CopyRule, "copy rule"),
            (Act::CopyCommand, "copy trace"),
            (Act::Connection, "connection"),
            (Act::Help, "help"),
        ],
        (_, Tab::Flows, None) => &[
            (Act::Open, "why"),
            (Act::Incidents, "incidents"),
            (Act::NextDrop, "next denied"),
            (Act::Unit, events),
            (Act::Filter, "filter"),
            (Act::Include, "this"),
            (Act::Exclude, "not this"),
            (
                Act::Pause,
                if model.data.paused().is_some() {
                    "go on"
                } else {
                    "pause"
                },
            ),
            (Act::Help, "help"),
        ],
        (_, Tab::Incidents, Some(_)) => &[
            (Act::Back, "close"),
            (Act::Focus, "focus"),
            (Act::Zoom, "zoom"),
            (Act::CopyRule, "copy rule"),
            (Act::CopyCommand, "copy trace"),
            (Act::Connection, "connections"),
            (Act::Help, "help"),
        ],
        (_, Tab::Incidents, None) => &[
            (Act::Open, "why"),
            (Act::Connection, "connections"),
            (Act::Acknowledge, "acknowledge"),
            (Act::Filter, "filter"),
            (Act::Include, "this"),
            (Act::Back, "back"),
            (Act::Help, "help"),
        ],
        (_, Tab::Top | Tab::Services, _) => &[
            (Act::Open, model.data.unit().plural()),
            (Act::NextGrouping, "next grouping"),
            (Act::OnlyDrops, "denied"),
            (Act::Sort, "sort"),
            (Act::Filter, "filter"),
            (Act::Help, "help"),
        ],
        (_, Tab::Nodes, _) => &[
            (Act::Open, model.data.unit().plural()),
            (Act::NextView, "next view"),
            (Act::Help, "help"),
            (Act::Quit, "quit"),
        ],
    };
    let mut x = 1;
    for (act, text) in hints {
        let key = keys::shown(*act);
        if x + width(key) + width(text) + 1 > usize::from(area.width) {
            break;
        }
        x = put(buffer, area, x, key, theme.accent());
        x = put(buffer, area, x + 1, text, theme.plain()) + 2;
    }
}
