//! The cells of the table: of connections as `flows observe` has them, of events as columns have them.

use client::Row as Event;
use flow::{
    FlowView as _, Side, Verdict,
    attribute::{Align, AttributeId, Cells},
    format, quantity,
    rows::{Column, Judged, Row},
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::put;
use crate::{
    observe::cells,
    top::{
        data::Line,
        model::Model,
        table::{Place, Table, of_connection},
        text::{cut, cut_middle, cut_name, width},
    },
};

/// A line with the texts of its cells, by column.
pub(super) struct Drawn {
    pub(super) line: Line,
    /// `None` of what is no flow.
    pub(super) texts: Option<Vec<String>>,
    /// If it is a connection, or a denied request.
    row: Option<Row>,
}

/// Reads the lines that are seen, in a table of this width.
pub(super) fn read(model: &mut Model, seen: &[Line], width: usize) -> Vec<Drawn> {
    let row = |line: &Line| model.data.line_row(line.id);
    let rows: Vec<Option<Row>> = seen.iter().map(row).collect();
    for row in rows.iter().flatten() {
        model.table.see(row);
    }
    let model = &*model;
    let drawn = seen.iter().zip(rows).map(|(line, row)| Drawn {
        line: *line,
        texts: texts(model, *line, row.as_ref(), width),
        row,
    });
    drawn.collect()
}

fn texts(model: &Model, line: Line, row: Option<&Row>, width: usize) -> Option<Vec<String>> {
    let cells = Cells::default();
    model.data.with_flow(line.id, |flow| {
        let columns = model.table.columns.iter().map(|shown| shown.column);
        let text = |column: AttributeId| match (column, row, of_connection(column)) {
            (AttributeId::Timestamp, Some(_), _) if !Table::is_roomy(width) => {
                model.zone.clock_seconds(line.time)
            }
            (AttributeId::Timestamp, ..) => model.zone.clock(line.time),
            (_, Some(row), Some(of)) => of_row(model, row, of),
            (column, ..) => column.text(flow, &cells),
        };
        columns.map(text).collect()
    })
}

/// What `flows observe` shows of a connection.
fn of_row(model: &Model, row: &Row, column: Column) -> String {
    let names = model.table.names.names();
    match column {
        Column::Time => model.zone.clock_seconds(row.start),
        Column::Source => names.short(&row.source),
        Column::Destination => cells::destination(row, names.short(&row.destination)),
        Column::Verdict => row.judged.name().to_owned(),
        Column::Why => cells::why(row),
        Column::State => row.state(),
        Column::Bytes if row.bytes == 0 => "-".to_owned(),
        Column::Bytes => quantity::bytes(row.bytes),
        Column::Rtt => row.rtt_us.map_or_else(|| "-".to_owned(), quantity::micros),
        Column::Age => quantity::span(row.facts.age_ns),
    }
}

/// Draws a cell in its place.
pub(super) fn draw(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    drawn: &Drawn,
    places: &[Place],
) {
    let Some(texts) = &drawn.texts else { return };
    for place in places {
        let shown = &model.table.columns[place.column];
        let text = &texts[place.column];
        let (fitted, style) = match (&drawn.row, of_connection(shown.column)) {
            (Some(row), Some(column)) => {
                of_connection_cell(model, row, column, text, place, places)
            }
            _ => of_event(model, drawn, shown.column, text, place.width),
        };
        let column = match shown.align() {
            Align::Left => place.x,
            Align::Right => place.x + place.width - width(&fitted).min(place.width),
        };
        put(buffer, area, column, &fitted, style);
    }
}

fn of_connection_cell(
    model: &Model,
    row: &Row,
    column: Column,
    text: &str,
    place: &Place,
    places: &[Place],
) -> (String, Style) {
    let theme = model.theme;
    let state = row.facts.state;
    let bad = matches!(row.judged, Judged::Denied | Judged::Dropped | Judged::Error);
    let is_trouble = cells::is_trouble(state);
    let mut text = text.to_owned();
    let has_state = || {
        let columns = places
            .iter()
            .map(|place| &model.table.columns[place.column]);
        columns
            .map(|shown| shown.column)
            .any(|of| of == AttributeId::State)
    };
    if column == Column::Why {
        text = cells::why_beside(row, text, has_state());
    }
    if width(&text) > place.width {
        text = cells::shortened(column, place.width, &text, row, model.table.names.names());
    }
    let style = match column {
        Column::Verdict => match row.judged {
            Judged::Allowed => theme.verdict(Verdict::Forwarded),
            Judged::Denied | Judged::Dropped => theme.verdict(Verdict::Dropped),
            Judged::Error => theme.verdict(Verdict::Error),
            Judged::Audited => theme.verdict(Verdict::Audit),
            Judged::Unknown => theme.warn(),
        },
        Column::Why if bad => theme.bad_text(),
        Column::State if is_trouble => theme.warn(),
        Column::Time | Column::Why | Column::Rtt | Column::Age => theme.quiet(),
        Column::Source | Column::Destination | Column::State | Column::Bytes => Style::new(),
    };
    (text, style)
}

fn of_event(
    model: &Model,
    drawn: &Drawn,
    column: AttributeId,
    text: &str,
    columns: usize,
) -> (String, Style) {
    let theme = model.theme;
    let event = model.data.row(drawn.line.number);
    let fitted = match (column, event) {
        (AttributeId::Source | AttributeId::Destination, Some(event)) => {
            end(event, column, text, columns)
        }
        (AttributeId::PolicyName | AttributeId::Of(..), _) => cut_middle(text, columns),
        _ => cut(text, columns),
    };
    let bad = drawn.line.is_bad();
    let style = match column {
        AttributeId::Verdict => event.map_or_else(Style::new, |of| theme.verdict(of.verdict())),
        AttributeId::Reason | AttributeId::Policy | AttributeId::PolicyName if bad => {
            theme.bad_text()
        }
        AttributeId::Timestamp | AttributeId::Reason | AttributeId::Policy => theme.quiet(),
        _ => Style::new(),
    };
    (fitted, style)
}

/// Who is at an end, in so many columns: of the source the port goes first, as it says little; of
/// both the namespace.
fn end(row: &Event, column: AttributeId, text: &str, columns: usize) -> String {
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
