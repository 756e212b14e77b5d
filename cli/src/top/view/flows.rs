//! The table of flows.

use std::time::{SystemTime, UNIX_EPOCH};

use client::{ConnectionState, Item, Marker, Row};
use flow::{
    FlowView as _, Side, Verdict,
    attribute::{Align, AttributeId, Cells},
    format,
};
use proto::google::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{line, middle, put};
use crate::top::{
    data::SORTED,
    model::{FlowSource, LayoutRects, Mode, Model},
    table::Place,
    text::{cut, cut_middle, cut_name, grouped, span, width},
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
    let numbers: Vec<u64> = (model.table.top..model.table.top + height)
        .map_while(|line| model.data.number(line))
        .collect();
    let texts = texts(model, &numbers);
    for (at, shown) in model.table.columns.iter_mut().enumerate() {
        let widest = texts
            .iter()
            .filter_map(|row| row.as_ref().map(|row| width(&row[at])))
            .max();
        shown.seen = shown.seen.max(widest.unwrap_or(0));
    }
    model.table.reveal(usize::from(area.width));
    let places = model.table.places(usize::from(area.width));
    headings(model, buffer, line(area, 0), &places, laid);
    if model.data.rows() == 0 || numbers.is_empty() {
        // Marks are no flows: that none matches is still to be said.
        let marks = numbers.len().min(height);
        let below = Rect {
            y: lines.y + u16::try_from(marks).unwrap_or(0),
            height: lines.height - u16::try_from(marks).unwrap_or(0),
            ..lines
        };
        empty(model, buffer, below);
    }
    let focus = !model.details.as_ref().is_some_and(|details| details.focus);
    for (at, (number, texts)) in numbers.iter().zip(&texts).enumerate() {
        let here = line(lines, at);
        match (model.data.item(*number), texts) {
            (Some(Item::Flow(row)), Some(texts)) => {
                for place in &places {
                    cell(model, buffer, here, row, *place, &texts[place.column]);
                }
            }
            (Some(Item::Marker(mark)), _) => put_mark(model, buffer, here, mark),
            _ => {}
        }
        if Some(*number) == model.table.selected {
            select(model, buffer, here, &places, focus);
        }
    }
}

/// Texts of the cells by column; `None` for what is no flow.
fn texts(model: &Model, numbers: &[u64]) -> Vec<Option<Vec<String>>> {
    let cells = Cells::default();
    let row = |number: &u64| {
        let row = model.data.row(*number)?;
        let columns = model.table.columns.iter();
        let text = |column: AttributeId| match column {
            AttributeId::Timestamp => model.zone.clock(row.time()),
            column => column.text(row, &cells),
        };
        Some(columns.map(|shown| text(shown.column)).collect())
    };
    numbers.iter().map(row).collect()
}

fn headings(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    places: &[Place],
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
            AttributeId::Timestamp => zoned(model, shown.heading()),
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
    let last = places.last().map_or(0, |place| place.column);
    if last + 1 < model.table.columns.len() {
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

/// With the zone that the times below are in.
fn zoned(model: &Model, heading: &str) -> String {
    let first = model.data.number(model.table.top);
    let time = first
        .and_then(|number| model.data.item(number))
        .map(Item::time);
    let time = time.filter(|time| *time > 0).unwrap_or(model.now);
    let moment = Timestamp::from_unix_nanos(time);
    model.zone.heading(heading, moment)
}

fn cell(model: &Model, buffer: &mut Buffer, area: Rect, row: &Row, place: Place, text: &str) {
    let theme = model.theme;
    let shown = &model.table.columns[place.column];
    let fitted = match shown.column {
        AttributeId::Source | AttributeId::Destination => end(row, shown.column, text, place.width),
        AttributeId::PolicyName | AttributeId::Of(..) => cut_middle(text, place.width),
        _ => cut(text, place.width),
    };
    let dropped = matches!(row.verdict(), Verdict::Dropped | Verdict::Error);
    let style = match shown.column {
        AttributeId::Verdict => theme.verdict(row.verdict()),
        AttributeId::Reason | AttributeId::Policy | AttributeId::PolicyName if dropped => {
            theme.bad_text()
        }
        AttributeId::Timestamp | AttributeId::Reason | AttributeId::Policy => theme.quiet(),
        _ => Style::new(),
    };
    let column = match shown.align() {
        Align::Left => place.x,
        Align::Right => place.x + place.width - width(&fitted).min(place.width),
    };
    put(buffer, area, column, &fitted, style);
}

/// Who is at an end, in so many columns: of the source the port goes first, as it says little; of
/// both the namespace.
fn end(row: &Row, column: AttributeId, text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let is_source = column == AttributeId::Source;
    let side = if is_source == (row.is_reply() == Some(true)) {
        Side::Destination
    } else {
        Side::Source
    };
    let host = format::host_port(row, side, true);
    let rest = match host.port {
        _ if is_source => text[host.to_string().len().min(text.len())..].to_owned(),
        0 => String::new(),
        port => format!(":{port}"),
    };
    let room = columns.saturating_sub(width(&rest));
    format!("{}{rest}", cut_name(&host.name.to_string(), room))
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
    let hidden = match held {
        0 => "No flows in memory. New ones appear as they happen.".to_owned(),
        1 => "1 flow in memory, hidden by the filters.".to_owned(),
        held => format!("{} flows in memory, hidden by the filters.", grouped(held)),
    };
    let last = filters.last().unwrap_or_default();
    let last = cut(&last, 40);
    let keys = match filters.count() {
        1 => format!("x removes the filter {last}"),
        _ => format!("x removes the last filter, {last}; X all"),
    };
    vec![
        ("No flow matches.".to_owned(), theme.heading()),
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
fn empty(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let held = model.data.held() as u64;
    let lines = match (&model.link, &model.from) {
        _ if model.data.sorted_by().is_some() && model.data.rows() > 0 => vec![(
            format!("the newest {} rows hold no flow", grouped(SORTED as u64)),
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
            ("No flows yet.".to_owned(), theme.heading()),
            (
                "They appear here as they happen; o fetches older ones.".to_owned(),
                theme.plain(),
            ),
        ],
        (ConnectionState::Ended, _) => vec![("No flows.".to_owned(), theme.heading())],
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
