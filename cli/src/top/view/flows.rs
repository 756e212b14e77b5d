//! The table of flows.

use std::time::{SystemTime, UNIX_EPOCH};

use client::{ConnectionState, Item, Marker};
use flow::attribute::{Align, AttributeId};
use proto::google::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{cells, line, middle, put};
use crate::top::{
    data::{Line, SORTED, Unit},
    model::{LayoutRects, Mode, Model},
    source::FlowSource,
    table::Place,
    text::{cut, grouped, span, width},
};

pub(super) fn draw(model: &mut Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    if area.height < 2 {
        return;
    }
    let lines = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    laid.lines = lines;
    let height = usize::from(lines.height);
    model.table.settle(&model.data, height);
    let seen: Vec<Line> = (model.table.top..model.table.top + height)
        .map_while(|line| model.data.at(line))
        .collect();
    let drawn = cells::read(model, &seen, usize::from(area.width));
    let (zoned, namespace) = (zoned(model), with_namespace(model, "SOURCE"));
    for (at, shown) in model.table.columns.iter_mut().enumerate() {
        let texts = drawn.iter().filter_map(|drawn| drawn.texts.as_ref());
        let widest = texts.map(|texts| width(&texts[at])).max();
        shown.seen = shown.seen.max(widest.unwrap_or(0));
        if shown.column == AttributeId::Timestamp {
            shown.seen = shown.seen.max(width(&zoned));
        }
    }
    model.table.source_heading = width(&namespace);
    model.table.reveal(usize::from(area.width));
    let places = model.table.places(usize::from(area.width));
    headings(
        model,
        buffer,
        line(area, 0),
        (&places, [&zoned, &namespace]),
        laid,
    );
    if model.data.rows() == 0 || seen.is_empty() {
        // Marks are no flows: that none matches is still to be said.
        let marks = seen.len().min(height);
        let below = Rect {
            y: lines.y + u16::try_from(marks).unwrap_or(0),
            height: lines.height - u16::try_from(marks).unwrap_or(0),
            ..lines
        };
        empty(model, buffer, below);
    }
    let focus = !model.details.as_ref().is_some_and(|details| details.focus);
    for (at, drawn) in drawn.iter().enumerate() {
        let here = line(lines, at);
        match model.data.item(drawn.line.number) {
            Some(Item::Marker(mark)) => put_mark(model, buffer, here, mark),
            Some(Item::Flow(_)) | None => cells::draw(model, buffer, here, drawn, &places),
        }
        if Some(drawn.line.id) == model.table.selected {
            select(model, buffer, here, &places, focus);
        }
    }
}

fn headings(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    (places, [zoned, namespace]): (&[Place], [&str; 2]),
    laid: &mut LayoutRects,
) {
    let theme = model.theme;
    let sort = model.data.sorted_by();
    for place in places {
        let shown = &model.table.columns[place.column];
        let mark = match sort {
            Some(sort) if sort.column == shown.column && sort.descending => "▼",
            Some(sort) if sort.column == shown.column => "▲",
            _ => "",
        };
        let heading = match shown.column {
            AttributeId::Timestamp => zoned.to_owned(),
            AttributeId::Source if width(namespace) <= place.width => namespace.to_owned(),
            AttributeId::Source if namespace != "SOURCE" => {
                laid.unsaid.clone_from(&model.table.names.names().namespace);
                shown.heading().to_owned()
            }
            _ => shown.heading().to_owned(),
        };
        let heading = cut(&heading, place.width.saturating_sub(width(mark)));
        let heading = format!("{heading}{mark}");
        let mut style = theme.heading();
        if place.column == model.table.cell {
            style = style.add_modifier(Modifier::UNDERLINED);
        }
        let column = match shown.align() {
            Align::Left => place.x,
            Align::Right => place.x + place.width - width(&heading).min(place.width),
        };
        put(buffer, area, column, &heading, style);
        let area = Rect {
            x: area.x + u16::try_from(place.x).unwrap_or(0),
            width: u16::try_from(place.width).unwrap_or(0),
            ..area
        };
        laid.headings.push((area, place.column));
    }
    // What stands beyond the edge.
    let is_shown = |column: usize| places.iter().any(|place| place.column == column);
    let last = model.table.columns.len().saturating_sub(1);
    if !is_shown(last) {
        super::put_right(buffer, area, "›", theme.accent());
    }
    if model.table.left > 0
        && let Some(second) = places.get(1)
    {
        put(
            buffer,
            area,
            second.x.saturating_sub(1),
            "‹",
            theme.accent(),
        );
    }
}

/// The heading of times, with the zone that they are in.
fn zoned(model: &Model) -> String {
    let first = model.data.at(model.table.top);
    let time = first.map(|line| line.time).filter(|time| *time > 0);
    let moment = Timestamp::from_unix_nanos(time.unwrap_or(model.now));
    model.zone.heading("TIME", moment)
}

/// The heading of names, with the namespace that all of them have and do without.
fn with_namespace(model: &Model, heading: &str) -> String {
    match &model.table.names.names().namespace {
        Some(namespace) if model.data.unit() == Unit::Connections => {
            format!("{heading} ({namespace})")
        }
        _ => heading.to_owned(),
    }
}

/// The selected line is reversed, its selected cell is underlined as well.
fn select(model: &Model, buffer: &mut Buffer, area: Rect, places: &[Place], focus: bool) {
    let mut style = model.theme.selected();
    if !focus {
        style = style.add_modifier(Modifier::DIM);
    }
    buffer.set_style(area, style);
    if let Some(place) = places.iter().find(|place| place.column == model.table.cell) {
        let cell = Rect {
            x: area.x + u16::try_from(place.x).unwrap_or(0),
            width: u16::try_from(place.width).unwrap_or(0),
            ..area
        };
        buffer.set_style(
            cell.intersection(area),
            style.add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
        );
    }
}

fn put_mark(model: &Model, buffer: &mut Buffer, area: Rect, mark: &Marker) {
    let theme = model.theme;
    let (text, style) = match mark {
        Marker::Lost {
            node,
            events,
            stage,
            ..
        } => {
            let at = if node.is_empty() {
                String::new()
            } else {
                format!(" at {node}")
            };
            let stage = crate::top::nodes::stage(*stage as i32);
            (
                format!("{} events lost{at}: {stage}", grouped(*events)),
                theme.warn(),
            )
        }
        Marker::Nodes {
            nodes,
            state,
            message,
            ..
        } => {
            let state = state
                .as_str_name()
                .trim_start_matches("NODE_")
                .to_lowercase();
            let colon = if message.is_empty() { "" } else { ": " };
            let good = *state == *"connected";
            let style = if good { theme.quiet() } else { theme.warn() };
            (
                format!("{} {state}{colon}{message}", nodes.join(", ")),
                style,
            )
        }
        Marker::Reconnected {
            lost,
            time,
            why,
            complete,
        } => {
            let rest = if *complete {
                "nothing is missing"
            } else {
                "some flows were evicted before reconnecting"
            };
            let style = if *complete {
                theme.quiet()
            } else {
                theme.warn()
            };
            (
                format!("no connection for {}, {rest}: {why}", span(time - lost)),
                style,
            )
        }
        Marker::Unreadable { line, why } => {
            (format!("line {line} is not a flow: {why}"), theme.warn())
        }
    };
    let time = mark.time();
    if time > 0 {
        put(buffer, area, 0, &model.zone.clock(time), theme.quiet());
    }
    let text = cut(
        &format!("── {text} "),
        usize::from(area.width).saturating_sub(13),
    );
    let end = put(buffer, area, 13, &text, style);
    let rest = usize::from(area.width).saturating_sub(end);
    put(buffer, area, end, &"─".repeat(rest), style);
}

/// What hides the flows, and which keys show them again.
fn no_match(model: &Model, held: u64) -> Vec<(String, Style)> {
    let (theme, filters) = (model.theme, &model.filters);
    let unit = model.data.unit();
    let hidden = match held {
        0 => "Nothing in memory. New ones appear as they happen.".to_owned(),
        held => format!("{} in memory, hidden by the filters.", unit.many(held)),
    };
    let last = filters.last().unwrap_or_default();
    let last = cut(&last, 40);
    let keys = match filters.count() {
        1 => format!("x removes the filter {last}"),
        _ => format!("x removes the last filter, {last}; X all"),
    };
    vec![
        (format!("No {} matches.", unit.name()), theme.heading()),
        (hidden, theme.plain()),
        (keys, theme.plain()),
        (
            "E edits it, o fetches older flows".to_owned(),
            theme.quiet(),
        ),
    ]
}

/// So long after a connection was made its history may still be on its way, ns.
const READING: i64 = 3_000_000_000;

fn is_new(since: SystemTime, now: i64) -> bool {
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = i64::try_from(since.as_nanos()).unwrap_or(0);
    now.saturating_sub(since) < READING
}

/// Why there is nothing to see.
pub(super) fn empty(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let held = model.data.held() as u64;
    let lines = match (&model.link, &model.from) {
        _ if model.data.sorted_by().is_some() && model.data.rows() > 0 => vec![(
            format!("the newest {} rows hold none", grouped(SORTED as u64)),
            theme.plain(),
        )],
        (ConnectionState::Live { .. } | ConnectionState::Ended, _) if model.filters.hide() => {
            no_match(model, held)
        }
        (ConnectionState::Lost { .. }, _) if held > 0 => no_match(model, held),
        (ConnectionState::Connecting, FlowSource::Server(address)) => {
            vec![(format!("Connecting to {address} …"), theme.heading())]
        }
        (ConnectionState::Connecting, FlowSource::File(path)) => {
            vec![(format!("Reading {path} …"), theme.heading())]
        }
        (ConnectionState::Live { since }, _) if is_new(*since, model.now) => {
            vec![("Reading the history \u{2026}".to_owned(), theme.heading())]
        }
        (ConnectionState::Live { .. }, _) => vec![
            (
                format!("No {} yet.", model.data.unit().plural()),
                theme.heading(),
            ),
            (
                "They appear here as they happen; o fetches older ones.".to_owned(),
                theme.plain(),
            ),
        ],
        (ConnectionState::Ended, _) => vec![(
            format!("No {}.", model.data.unit().plural()),
            theme.heading(),
        )],
        (ConnectionState::Lost { why, .. } | ConnectionState::Failed(why), _) => vec![
            ("Not connected.".to_owned(), theme.bad()),
            (why.clone(), theme.plain()),
            ("R reconnects now".to_owned(), theme.quiet()),
        ],
    };
    if !matches!(model.mode, Mode::Help(_)) {
        middle(buffer, area, &lines);
    }
}
