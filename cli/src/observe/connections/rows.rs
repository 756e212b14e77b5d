//! Rows as lines of text.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use flow::{
    connection::{ConnectionId, TupleId},
    print::escape,
    quantity,
    rows::{Column, GAP, Judged, Layout, Names, Row},
    time::{TimeFormat, Zone},
};
use proto::google::Timestamp;

use super::super::{
    cells::{bracketed, destination, is_trouble, shortened, why, why_beside},
    view::View,
};
use crate::text;

/// A row, whose it is, and whether it may be told.
pub(super) type Told = (RowId, Row, bool);

/// What tells a row from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RowId {
    /// A connection.
    Connection(ConnectionId),
    /// A denied request, by its number among them: nothing more comes of it.
    Request(u64),
}

impl RowId {
    /// Between which ends, of a connection.
    pub(super) fn tuple(self) -> Option<TupleId> {
        match self {
            Self::Connection(id) => Some(id.tuple),
            Self::Request(_) => None,
        }
    }
}

/// Connections whose lines are remembered before it is looked which of them are still held.
const MOST_KNOWN: usize = 100_000;

/// Cells that are wider don't make their column so.
const WIDEST: usize = 200;

/// Writes rows.
pub(super) struct Table {
    color: bool,
    zone: Zone,
    time: TimeFormat,
    /// The time of day is enough.
    short_times: bool,
    /// Columns of the terminal; `None`: rows in full.
    width: Option<usize>,
    /// Widths that the columns have by now, where rows come one by one.
    widths: HashMap<Column, usize>,
    /// The zone in the heading above.
    headed: String,
    /// What was said of each connection.
    known: HashMap<RowId, Judged>,
}

impl Table {
    pub(super) fn new(view: &View) -> Self {
        Self {
            color: view.options.color,
            zone: view.options.zone.clone(),
            time: view.options.time,
            short_times: view.is_terminal && !view.has_time_format,
            width: view.is_terminal.then(|| terminal().0),
            widths: HashMap::new(),
            headed: String::new(),
            known: HashMap::new(),
        }
    }

    /// Writes all rows there are, with a heading.
    pub(super) fn print(&self, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (names, layout) = self.fit(rows);
        let newest = rows.iter().map(|row| row.last).max().unwrap_or(0);
        writeln!(out, "{}", self.heading(&layout, newest, &names))?;
        for row in rows {
            writeln!(out, "{}", self.line(row, &names, &layout))?;
        }
        Ok(())
    }

    /// Writes those of which nothing was said so far, or another verdict; each is one line.
    pub(super) fn append(&mut self, rows: Vec<Told>, out: &mut dyn Write) -> io::Result<()> {
        for (id, row, is_told) in rows {
            if is_told && self.known.get(&id) != Some(&row.judged) {
                self.is_told(id, &row);
                self.write(&row, out)?;
            }
        }
        out.flush()
    }

    /// Takes a connection for told, with its verdict.
    pub(super) fn is_told(&mut self, id: RowId, row: &Row) {
        self.known.insert(id, row.judged);
    }

    /// Forgets what was told of connections that are not held any more.
    pub(super) fn forget(&mut self, is_held: impl Fn(TupleId) -> bool) {
        if self.known.len() >= MOST_KNOWN {
            self.known.retain(|id, _| id.tuple().is_some_and(&is_held));
        }
    }

    /// Writes a row below those that are there, in columns that grow with what they have to hold.
    fn write(&mut self, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        let names = Names::default();
        for column in Column::ALL {
            let width = counted(text::width(&self.cell(column, row, &names)));
            let heading = text::width(&self.heading_of(column, row.last, &names));
            let known = self.widths.entry(column).or_insert(0);
            *known = (*known).max(width).max(heading);
        }
        let layout = Layout::new(usize::MAX, |column| self.widths[&column]);
        let zone = self.zone.abbreviation(Timestamp::from_unix_nanos(row.last));
        if self.headed != zone {
            writeln!(out, "{}", self.heading(&layout, row.last, &names))?;
            self.headed = zone;
        }
        writeln!(out, "{}", self.line(row, &names, &layout))
    }

    /// The same for rows that come after others: columns that were wider stay so.
    pub(super) fn fit_behind(&mut self, rows: &[Row]) -> (Names, Layout) {
        let names = Names::new(rows);
        let newest = rows.iter().map(|row| row.last).max().unwrap_or(0);
        for column in Column::ALL {
            let widest = self.widest(column, rows, newest, &names);
            let known = self.widths.entry(column).or_insert(0);
            *known = (*known).max(widest);
        }
        let layout = Layout::new(self.width.unwrap_or(usize::MAX), |column| {
            self.widths[&column]
        });
        (names, layout)
    }

    fn widest(&self, column: Column, rows: &[Row], moment: i64, names: &Names) -> usize {
        let heading = text::width(&self.heading_of(column, moment, names));
        let cells = rows.iter();
        let cells = cells.map(|row| counted(text::width(&self.cell(column, row, names))));
        cells.fold(heading, usize::max)
    }

    /// Names and columns for rows that stand together.
    pub(super) fn fit(&self, rows: &[Row]) -> (Names, Layout) {
        let names = match self.width {
            Some(_) => Names::new(rows),
            None => Names::default(),
        };
        let newest = rows.iter().map(|row| row.last).max().unwrap_or(0);
        let layout = Layout::new(self.width.unwrap_or(usize::MAX), |column| {
            self.widest(column, rows, newest, &names)
        });
        (names, layout)
    }

    /// The terminal may have changed.
    pub(super) fn measure(&mut self) -> usize {
        let (width, height) = terminal();
        if let Some(known) = &mut self.width {
            *known = width;
        }
        height
    }

    fn heading_of(&self, column: Column, moment: i64, names: &Names) -> String {
        match column {
            // What all names do without is said once.
            Column::Source if names.namespace.is_some() => {
                let namespace = escape(names.namespace.as_deref().unwrap_or_default());
                format!("{} ({namespace})", column.heading())
            }
            Column::Time => {
                let moment = Timestamp::from_unix_nanos(moment);
                self.zone.heading(column.heading(), moment)
            }
            Column::Source
            | Column::Destination
            | Column::Verdict
            | Column::Why
            | Column::State
            | Column::Bytes
            | Column::Rtt
            | Column::Age => column.heading().to_owned(),
        }
    }

    /// The headings; `moment` (Unix ns) says what the zone is called.
    pub(super) fn heading(&self, layout: &Layout, moment: i64, names: &Names) -> String {
        let cells = layout.0.iter();
        let cells = cells.map(|(column, width)| {
            let heading = self.heading_of(*column, moment, names);
            (*column, *width, text::cut(&heading, *width))
        });
        aligned(cells, |_, text| text)
    }

    /// A row as a line.
    pub(super) fn line(&self, row: &Row, names: &Names, layout: &Layout) -> String {
        let has_state = layout.0.iter().any(|(column, _)| *column == Column::State);
        let cells = layout.0.iter().map(|(column, width)| {
            let mut cell = self.cell(*column, row, names);
            if *column == Column::Why {
                cell = why_beside(row, cell, has_state);
            }
            // Without a terminal nothing is cut.
            if self.width.is_some() && text::width(&cell) > *width {
                cell = shortened(*column, *width, &cell, row, names);
            }
            (*column, *width, cell)
        });
        aligned(cells, |column, text| {
            if column == Column::State && self.color && is_trouble(row.facts.state) {
                return format!("\u{1b}[33m{text}\u{1b}[0m");
            }
            match (column == Column::Verdict && self.color, row.judged) {
                (false, _) => text,
                (true, Judged::Allowed) => format!("\u{1b}[32m{text}\u{1b}[0m"),
                (true, Judged::Denied | Judged::Dropped | Judged::Error) => {
                    format!("\u{1b}[31m{text}\u{1b}[0m")
                }
                (true, Judged::Audited | Judged::Unknown) => format!("\u{1b}[33m{text}\u{1b}[0m"),
            }
        })
    }

    fn cell(&self, column: Column, row: &Row, names: &Names) -> String {
        let name = |end| match self.width {
            Some(_) => names.short(end),
            None => end.full(),
        };
        let text = match column {
            Column::Time if self.short_times => self.zone.clock_seconds(row.last),
            Column::Time => {
                let moment = Timestamp::from_unix_nanos(row.last);
                self.time.text(Some(&moment), &self.zone)
            }
            Column::Source => match (self.width, row.source_port) {
                (None, Some(port)) if port > 0 => {
                    format!("{}:{port}", bracketed(name(&row.source)))
                }
                _ => name(&row.source),
            },
            Column::Destination => destination(row, name(&row.destination)),
            Column::Verdict => row.judged.name().to_owned(),
            Column::Why => why(row),
            Column::State => row.state(),
            Column::Bytes if row.bytes == 0 => "-".to_owned(),
            Column::Bytes => quantity::bytes(row.bytes),
            Column::Rtt => row.rtt_us.map_or_else(|| "-".to_owned(), quantity::micros),
            Column::Age => quantity::span(row.facts.age_ns),
        };
        escape(&text)
    }
}

/// A cell's part in the width of its column: one that is too wide moves its own row only.
fn counted(width: usize) -> usize {
    if width > WIDEST { 0 } else { width }
}

/// Cells side by side; `paint` may colour one whose width is known.
fn aligned(
    cells: impl Iterator<Item = (Column, usize, String)>,
    paint: impl Fn(Column, String) -> String,
) -> String {
    let mut line = String::new();
    for (at, (column, width, text)) in cells.enumerate() {
        let fill = width.saturating_sub(text::width(&text));
        if at > 0 {
            line.extend(std::iter::repeat_n(' ', GAP));
        }
        if column.is_number() {
            line.extend(std::iter::repeat_n(' ', fill));
        }
        line.push_str(&paint(column, text));
        if !column.is_number() {
            line.extend(std::iter::repeat_n(' ', fill));
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Columns and rows of the terminal; what is usual if it doesn't say.
pub(super) fn terminal() -> (usize, usize) {
    let size = crossterm::terminal::window_size();
    let size = size.map_or((0, 0), |size| (size.columns.into(), size.rows.into()));
    match size {
        (0, _) | (_, 0) => (80, 24),
        size => size,
    }
}
