//! The table of incidents.

use flow::{
    aggregate::Trend,
    incidents::Status,
    rows::{GAP, Judged},
};
use proto::google::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{first_seen, flows, line, middle, put};
use crate::{
    observe::cells::without_namespaces,
    top::{
        data::Unit,
        incidents::Cause,
        keys::{self, Act},
        model::{LayoutRects, Model},
        text::{cut, cut_name, grouped, many, span, width},
    },
};

/// The columns, from the left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Status,
    Source,
    Destination,
    Why,
    Drops,
    Since,
    Last,
    Acknowledged,
    Trend,
}

const ALL: [Column; 9] = [
    Column::Status,
    Column::Source,
    Column::Destination,
    Column::Why,
    Column::Drops,
    Column::Since,
    Column::Last,
    Column::Acknowledged,
    Column::Trend,
];
/// What is left out first where there is no room.
const DISPENSABLE: [Column; 4] = [
    Column::Trend,
    Column::Since,
    Column::Acknowledged,
    Column::Last,
];
/// The reason is worth this much before a column is left out, before names are cut, and at least.
const WHY: [usize; 3] = [40, 30, 12];
/// Names are cut to this before the reason is, and at most.
const NAME: [usize; 2] = [20, 10];

impl Column {
    fn heading(self, model: &Model) -> String {
        match self {
            Self::Status => "STATUS".to_owned(),
            Self::Source => "SOURCE".to_owned(),
            Self::Destination => "DESTINATION".to_owned(),
            Self::Why => "WHY".to_owned(),
            Self::Drops => "DROPS".to_owned(),
            Self::Since => {
                let moment = Timestamp::from_unix_nanos(model.data.present());
                model.zone.heading("SINCE", moment)
            }
            Self::Last => "LAST".to_owned(),
            Self::Acknowledged => "ACKNOWLEDGED".to_owned(),
            Self::Trend => "OVER TIME".to_owned(),
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Drops | Self::Last)
    }

    fn text(self, model: &Model, cause: &Cause) -> String {
        let (incident, names) = (&cause.incident, &model.incidents.names);
        let row = &incident.row;
        match self {
            Self::Status => match cause.acknowledged {
                Some(_) => format!("\u{2713} {}", status(incident.status)),
                None => status(incident.status).to_owned(),
            },
            Self::Source => names.shortest(&row.source),
            Self::Destination => format!("{}{}", names.shortest(&row.destination), row.port),
            Self::Why if row.judged == Judged::Denied => row.why.clone(),
            Self::Why => format!("{} \u{b7} {}", row.judged.name(), row.why),
            Self::Drops => grouped(row.facts.drops),
            Self::Since => model.zone.clock_seconds(row.start),
            Self::Last => span(model.data.present().saturating_sub(row.last)),
            Self::Acknowledged => cause.acknowledged.as_ref().map_or(String::new(), |said| {
                let until = said.until.unwrap_or_default().unix_nanos();
                format!("{} until {}", said.by, model.zone.hour(until))
            }),
            Self::Trend => {
                let counts = incident.trend.within(&model.incidents.frame);
                Trend::sparkline(&counts).trim_end().to_owned()
            }
        }
    }

    /// A text that is too long for its place: ports stay.
    fn fitted(self, text: &str, cause: &Cause, wide: usize) -> String {
        match self {
            _ if width(text) <= wide => text.to_owned(),
            Self::Source => cut_name(text, wide),
            Self::Destination => {
                let port = &cause.incident.row.port;
                let name = text.strip_suffix(&**port).unwrap_or(text);
                let name = cut_name(name, wide.saturating_sub(width(port)));
                format!("{name}{port}")
            }
            Self::Why => cut(&without_namespaces(text, &cause.incident.row), wide),
            _ => cut(text, wide),
        }
    }
}

/// In a word.
fn status(status: Status) -> &'static str {
    match status {
        Status::Ongoing => "ongoing",
        Status::Allowed(_) => "allowed",
        Status::Quiet => "quiet",
    }
}

pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    let theme = model.theme;
    let incidents = &model.incidents;
    let lines = Rect {
        y: area.y.saturating_add(1),
        height: area.height.saturating_sub(1),
        ..area
    };
    let hidden = u64::try_from(incidents.hidden()).unwrap_or(u64::MAX);
    let mut lines = lines;
    if hidden > 0 && lines.height > 1 {
        lines.height -= 1;
        let text = format!(
            "{} not shown: {} shows",
            many(hidden, "acknowledged incident"),
            keys::shown(Act::Acknowledged)
        );
        let last = line(area, usize::from(area.height).saturating_sub(1));
        put(buffer, last, 1, &text, theme.quiet());
    }
    laid.lines = lines;
    if incidents.shown().is_empty() {
        match (model.data.rows(), model.data.unit()) {
            (0, Unit::Connections) => flows::empty(model, buffer, lines),
            _ => middle(buffer, lines, &nothing(model)),
        }
        return;
    }
    let height = usize::from(lines.height);
    let top = first_seen(incidents.selected, incidents.shown().len(), height);
    laid.first = top;
    let seen = incidents.shown().iter().enumerate().skip(top).take(height);
    let texts: Vec<(usize, &Cause, [String; ALL.len()])> = seen
        .map(|(at, cause)| (at, cause, ALL.map(|column| column.text(model, cause))))
        .collect();
    let natural = ALL.map(|column| {
        let at = place(column);
        let cells = texts.iter().map(|(_, _, texts)| width(&texts[at]));
        match cells.max() {
            // Nobody knows of any.
            Some(0) if column == Column::Acknowledged => 0,
            widest => width(&column.heading(model)).max(widest.unwrap_or(0)),
        }
    });
    let layout = fit(usize::from(area.width).saturating_sub(1), &natural);
    let heading = line(area, 0);
    let mut x = 1;
    laid.unsaid.clone_from(&incidents.names.namespace);
    for (column, wide) in &layout {
        let mut text = cut(&column.heading(model), *wide);
        if *column == Column::Source
            && let Some(namespace) = &incidents.names.namespace
        {
            let with = format!("{text} ({namespace})");
            if width(&with) <= *wide {
                (text, laid.unsaid) = (with, None);
            }
        }
        let shift = if column.is_number() {
            wide - width(&text)
        } else {
            0
        };
        put(buffer, heading, x + shift, &text, theme.heading());
        x += wide + GAP;
    }
    for (at, cause, texts) in &texts {
        let here = line(lines, at - top);
        let mut x = 1;
        for (column, wide) in &layout {
            let text = column.fitted(&texts[place(*column)], cause, *wide);
            let shift = if column.is_number() {
                wide.saturating_sub(width(&text))
            } else {
                0
            };
            put(buffer, here, x + shift, &text, style(model, *column, cause));
            x += wide + GAP;
        }
        if *at == incidents.selected {
            buffer.set_style(here, theme.selected());
        }
    }
}

fn place(column: Column) -> usize {
    ALL.iter().position(|of| *of == column).unwrap_or(0)
}

fn style(model: &Model, column: Column, cause: &Cause) -> Style {
    let theme = model.theme;
    if cause.acknowledged.is_some() {
        return theme.quiet();
    }
    let is_ongoing = cause.incident.status == Status::Ongoing;
    match (column, cause.incident.status) {
        (Column::Status, Status::Ongoing) => theme.bad(),
        (Column::Status, Status::Allowed(_)) => theme.good(),
        (Column::Why | Column::Trend, _) if is_ongoing => theme.bad_text(),
        (Column::Status | Column::Why | Column::Since | Column::Last | Column::Trend, _) => {
            theme.quiet()
        }
        (Column::Source | Column::Destination | Column::Drops | Column::Acknowledged, _) => {
            theme.plain()
        }
    }
}

/// The columns that fit a line, with their widths.
fn fit(room: usize, natural: &[usize; ALL.len()]) -> Vec<(Column, usize)> {
    let mut columns: Vec<(Column, usize)> = ALL.into_iter().zip(*natural).collect();
    columns.retain(|(_, wide)| *wide > 0);
    let needs = |columns: &[(Column, usize)]| {
        let wide: usize = columns.iter().map(|(_, wide)| wide).sum();
        wide + GAP * columns.len().saturating_sub(1)
    };
    let cut_why = |columns: &mut [(Column, usize)], least: usize| {
        let excess = needs(columns).saturating_sub(room);
        for (column, wide) in columns {
            if *column == Column::Why {
                *wide = wide.saturating_sub(excess).max(least.min(*wide));
            }
        }
    };
    let cut_names = |columns: &mut [(Column, usize)], least: usize| {
        while needs(columns) > room {
            let names = columns.iter_mut().filter(|(column, wide)| {
                matches!(column, Column::Source | Column::Destination) && *wide > least
            });
            match names.max_by_key(|(_, wide)| *wide) {
                Some((_, wide)) => *wide -= 1,
                None => return,
            }
        }
    };
    cut_why(&mut columns, WHY[0]);
    for column in DISPENSABLE {
        if needs(&columns) > room {
            columns.retain(|(of, _)| *of != column);
        }
    }
    cut_why(&mut columns, WHY[1]);
    cut_names(&mut columns, NAME[0]);
    cut_why(&mut columns, WHY[2]);
    cut_names(&mut columns, NAME[1]);
    for column in [Column::Drops, Column::Why] {
        if needs(&columns) > room {
            columns.retain(|(of, _)| *of != column);
        }
    }
    // What became free goes to the reason.
    let left = room.saturating_sub(needs(&columns));
    for (column, wide) in &mut columns {
        if *column == Column::Why {
            *wide = (*wide + left).min(natural[place(*column)]);
        }
    }
    columns
}

/// Why there is none to see.
fn nothing(model: &Model) -> Vec<(String, Style)> {
    let theme = model.theme;
    if model.data.unit() == Unit::Events {
        let of = model.filters.of_packets().unwrap_or("the filter");
        return vec![
            ("Incidents are of connections.".to_owned(), theme.heading()),
            (format!("{of} is about single packets."), theme.plain()),
        ];
    }
    if model.incidents.hidden() > 0 {
        let what = "All incidents are acknowledged.".to_owned();
        return vec![(what, theme.heading())];
    }
    let rows = u64::try_from(model.data.rows()).unwrap_or(u64::MAX);
    let rows = Unit::Connections.many(rows);
    vec![
        ("No incidents.".to_owned(), theme.heading()),
        (
            format!("Nothing is denied among {rows} in memory."),
            theme.plain(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_never_longer_than_the_screen() {
        let natural = [9, 30, 36, 60, 5, 11, 6, 26, 24];
        for room in 34..220 {
            let columns = fit(room, &natural);
            let wide: usize = columns.iter().map(|(_, wide)| wide).sum();
            assert!(wide + GAP * (columns.len() - 1) <= room, "{room}");
            let has = |of| columns.iter().any(|(column, _)| *column == of);
            assert!(has(Column::Status) && has(Column::Destination), "{room}");
            assert!(has(Column::Why) || room < 64, "{room}");
        }
        assert_eq!(fit(250, &natural).len(), 9);
    }
}
