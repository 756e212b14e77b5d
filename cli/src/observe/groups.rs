//! `--aggregate-by`: groups instead of connections or flows, as a table or as JSON.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use flow::{
    Verdict,
    aggregate::{Aggregator, BUCKETS, Group, Trend, fields},
    print::{Format, escape},
    quantity,
    time::{TimeFormat, Zone},
};
use proto::google::Timestamp;
use serde_json::{Map, Value, json};

use super::view::{FormatArgs, View};
use crate::{
    error::Error,
    flag,
    text::{self, grouped},
};
pub(crate) use events::EventGroups;
use fit::{Count, Fit};

mod events;
mod fit;

/// Between two refreshes on a terminal.
const REFRESH: Duration = Duration::from_millis(500);
/// Between two tables where they are written one after the other.
const REPEAT: Duration = Duration::from_secs(5);

/// Refreshing takes at most one part in so many of the time.
const SHARE: u32 = 4;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Connections,
    Events,
}

/// Shows what was counted.
pub(crate) struct Groups {
    unit: Unit,
    json: bool,
    color: bool,
    /// That moments are shown in.
    zone: Zone,
    /// Most rows.
    top: usize,
    /// Shown again and again.
    follow: Option<Duration>,
    shown: Instant,
    /// How long it took to count and show.
    took: Duration,
    /// Lines on the terminal that the next table replaces.
    lines: usize,
    live: bool,
}

impl Groups {
    /// If groups are wanted: with what counts them.
    pub(super) fn from_args(
        args: &FormatArgs,
        view: &View,
        follow: bool,
    ) -> Result<Option<(Self, Aggregator)>, Error> {
        let Some(names) = &args.aggregate_by else {
            return match args.top {
                Some(_) => Err(Error::Usage("--top needs --aggregate-by".to_owned())),
                None => Ok(None),
            };
        };
        let fields = fields(names).map_err(|error| {
            Error::Usage(format!(
                "invalid argument \"{names}\" for \"--aggregate-by\" flag: {error}"
            ))
        })?;
        let json = match view.options.format {
            Format::Wide | Format::Table => false,
            Format::Json | Format::LegacyJson => true,
            Format::Compact | Format::Dict => {
                let output = view.output;
                return Err(Error::Usage(format!(
                    "--aggregate-by prints wide (a table) or json, not {output}"
                )));
            }
        };
        let live = follow && !json && io::stdout().is_terminal();
        let top = flag::get(&args.top)?.and_then(|top| usize::try_from(top).ok());
        if top == Some(0) {
            return Err(Error::Usage("--top must be at least 1".to_owned()));
        }
        let groups = Self {
            unit: match view.connections {
                true => Unit::Connections,
                false => Unit::Events,
            },
            json,
            color: view.options.color,
            zone: view.options.zone.clone(),
            top: top.unwrap_or(usize::MAX),
            follow: follow.then_some(if live { REFRESH } else { REPEAT }),
            shown: Instant::now(),
            took: Duration::ZERO,
            lines: 0,
            live,
        };
        Ok(Some((groups, Aggregator::new(fields, Aggregator::MOST))))
    }

    /// When the next refresh is due.
    pub(super) fn refreshes_in(&self) -> Option<Duration> {
        let every = self.follow?.max(self.took * SHARE);
        Some(
            every
                .saturating_sub(self.shown.elapsed())
                .max(Duration::from_millis(10)),
        )
    }

    /// Whether it is time to show them again.
    pub(super) fn is_due(&self) -> bool {
        let every = self.follow.map(|every| every.max(self.took * SHARE));
        every.is_some_and(|every| self.shown.elapsed() >= every)
    }

    /// Shows what was counted from a moment on.
    pub(super) fn show(
        &mut self,
        counted: &Aggregator,
        begun: Instant,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let shown = match self.json {
            true => self.print_json(counted, out),
            false => self.print_table(counted, out),
        };
        self.shown = Instant::now();
        self.took = self.shown.saturating_duration_since(begun);
        shown
    }

    fn print_table(&mut self, counted: &Aggregator, out: &mut dyn Write) -> io::Result<()> {
        let size = self.live.then(terminal).flatten();
        let (width, height) = size.unwrap_or((usize::MAX, usize::MAX));
        // The heading, the sum, and the line of the cursor.
        let rows = self.top.min(height.saturating_sub(3).max(1));
        let table = self.table(counted, rows, width);
        let mut text = String::new();
        if self.live {
            // One write of all that changes, held back by terminals that can, so that nothing flickers.
            text.push_str("\u{1b}[?2026h");
            if self.lines > 0 {
                write!(text, "\u{1b}[{}A", self.lines).unwrap_or_default();
            }
            for line in &table {
                write!(text, "\r{line}\u{1b}[K\n").unwrap_or_default();
            }
            text.push_str("\u{1b}[J\u{1b}[?2026l");
            self.lines = table.len();
        } else {
            for line in &table {
                text.push_str(line);
                text.push('\n');
            }
        }
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Heading, groups, what is left of them, the sum.
    fn table(&self, counted: &Aggregator, rows: usize, width: usize) -> Vec<String> {
        let fields = counted.fields();
        let top = counted.top();
        let rest = counted.rest(rows);
        let mut table: Vec<(Vec<String>, &Group)> = Vec::new();
        for (values, group) in top.iter().take(rows) {
            let values = values.iter().map(|value| match *value {
                "" => "-".to_owned(),
                value => escape(value),
            });
            table.push((values.collect(), group));
        }
        let alone = |name: String| {
            let blank = fields.iter().skip(1).map(|_| String::new());
            std::iter::once(name).chain(blank).collect::<Vec<_>>()
        };
        if let Some(rest) = &rest {
            table.push((alone("(other)".to_owned()), rest));
        }
        let sum = alone(format!("({} groups)", top.len()));
        table.push((sum, counted.total()));

        let names: Vec<String> = fields.iter().map(|f| f.name.to_uppercase()).collect();
        let widest = |column: usize| {
            let cells = table.iter().map(|(keys, _)| &keys[column]);
            cells
                .chain([&names[column]])
                .map(|cell| text::width(cell))
                .max()
        };
        let keys = (0..fields.len()).map(|column| widest(column).unwrap_or(0));
        let counts = Count::ALL.into_iter().map(|count| {
            let cells = table
                .iter()
                .map(|(_, group)| self.cell(counted, count, group, BUCKETS));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            (
                count,
                widest.max(self.heading(counted, count).chars().count()),
            )
        });
        let says_verdict = fields.iter().any(|field| field.name == "verdict");
        let fit = Fit::new(width, keys.collect(), counts.collect(), says_verdict);

        let heading = fit
            .counts
            .iter()
            .map(|(count, _)| self.heading(counted, *count));
        let mut lines = vec![line(&fit, &names, heading)];
        let last = table.len() - 1;
        for (at, (keys, group)) in table.iter().enumerate() {
            let cells = fit
                .counts
                .iter()
                .map(|(count, width)| self.cell(counted, *count, group, *width));
            let line = line(&fit, keys, cells);
            // Rows with drops stand out, but not their sum.
            let red = self.color && at < last && self.dropped(group) > 0;
            lines.push(match red {
                true => format!("\u{1b}[31m{line}\u{1b}[0m"),
                false => line,
            });
        }
        lines
    }

    /// The heading of a number; of a moment with the zone it is in.
    fn heading(&self, counted: &Aggregator, count: Count) -> String {
        let heading = count.heading(self.unit);
        match (count, counted.total().last_ns) {
            (Count::Last, Some(last)) => {
                let last = Timestamp::from_unix_nanos(last);
                self.zone.heading(heading, last)
            }
            _ => heading.to_owned(),
        }
    }

    /// How many connections were denied; of flows how many packets, also those that the event limit kept
    /// silent.
    fn dropped(&self, group: &Group) -> u64 {
        match self.unit {
            Unit::Connections => {
                let errors = group.with(Verdict::Error);
                group.with(Verdict::Dropped).saturating_add(errors)
            }
            Unit::Events => group.drops,
        }
    }

    /// A number of a group as it is shown, the trend in that many buckets.
    fn cell(&self, counted: &Aggregator, count: Count, group: &Group, buckets: usize) -> String {
        match count {
            Count::Flows => {
                let at_least = if group.partial { ">=" } else { "" };
                format!("{at_least}{}", grouped(group.flows))
            }
            Count::Dropped => grouped(self.dropped(group)),
            Count::Rate => format!("{:.1}", counted.rate(group)),
            Count::Bytes => quantity::bytes(group.bytes),
            Count::Packets => grouped(group.packets),
            Count::Last => {
                let last = group.last_ns.map(Timestamp::from_unix_nanos);
                let last = last.map(|last| self.zone.clock_seconds(last.unix_nanos()));
                last.unwrap_or_default()
            }
            Count::Trend => {
                let trend = group.trend.within(&counted.total().trend);
                let each = BUCKETS.div_ceil(buckets.clamp(1, BUCKETS));
                let merged: Vec<u32> = trend.chunks(each).map(|some| some.iter().sum()).collect();
                Trend::sparkline(&merged)
            }
        }
    }

    /// One object per group, the one of what is left last.
    fn print_json(&self, counted: &Aggregator, out: &mut dyn Write) -> io::Result<()> {
        let top = counted.top();
        for (values, group) in &top[..top.len().min(self.top)] {
            let fields = counted.fields().iter().zip(values);
            let fields: Map<String, Value> = fields
                .map(|(field, value)| {
                    // In parentheses stands what is no such thing.
                    let none = value.is_empty() || value.starts_with('(');
                    let value = if none { Value::Null } else { json!(value) };
                    (field.name.to_owned(), value)
                })
                .collect();
            let object = self.object(counted, json!({ "group": fields }), group);
            writeln!(out, "{}", proto::json::to_string(&object)?)?;
        }
        if let Some(rest) = counted.rest(self.top) {
            let object = self.object(counted, json!({ "other": true }), &rest);
            writeln!(out, "{}", proto::json::to_string(&object)?)?;
        }
        out.flush()
    }

    fn object(&self, counted: &Aggregator, mut object: Value, group: &Group) -> Value {
        let moment = |ns: Option<i64>| {
            let moment = ns.map(Timestamp::from_unix_nanos);
            moment.map(|moment| TimeFormat::Rfc3339Nano.text(Some(&moment), &Zone::UTC))
        };
        let verdicts: Map<String, Value> = (0..8)
            .filter_map(|number| Verdict::try_from(number).ok())
            .filter(|verdict| group.with(*verdict) > 0)
            .map(|verdict| (verdict.as_str_name().to_owned(), json!(group.with(verdict))))
            .collect();
        let (number, rate) = (json!(group.flows), json!(counted.rate(group)));
        let of_unit = match self.unit {
            Unit::Connections => json!({
                "connections": number,
                "drops": group.drops,
                "connections_per_second": rate,
            }),
            Unit::Events => json!({
                "flows": number,
                "limited": group.limited,
                "flows_per_second": rate,
            }),
        };
        let rest = json!({
            "verdicts": verdicts,
            "bytes": group.bytes,
            "packets": group.packets,
            "first": moment(group.first_ns),
            "last": moment(group.last_ns),
            "bytes_per_second": counted.byte_rate(group),
            "trend": group.trend.within(&counted.total().trend),
            "trend_start": moment(counted.total().trend.start()),
            "trend_step_seconds": counted.total().trend.step().as_secs_f64(),
            "partial": group.partial,
        });
        for part in [of_unit, rest] {
            if let (Some(object), Value::Object(part)) = (object.as_object_mut(), part) {
                object.extend(part);
            }
        }
        object
    }
}

/// A line of cells with two spaces between them: texts to the left, numbers to the right, and the
/// trend, the last one, to the left.
fn line(fit: &Fit, keys: &[String], counts: impl Iterator<Item = String>) -> String {
    let mut line = String::new();
    for (key, width) in keys.iter().zip(&fit.keys) {
        let key = text::cut_name(key, *width);
        let blank = " ".repeat(width.saturating_sub(text::width(&key)) + 2);
        line.push_str(&key);
        line.push_str(&blank);
    }
    for (cell, (count, width)) in counts.zip(&fit.counts) {
        let cell = match *count == Count::Trend {
            true => format!("{cell:<width$}  "),
            false => format!("{cell:>width$}  "),
        };
        line.push_str(&cell);
    }
    line.truncate(line.trim_end().len());
    line
}

/// Columns and rows of the terminal.
fn terminal() -> Option<(usize, usize)> {
    let size = crossterm::terminal::window_size().ok()?;
    let (columns, rows) = (usize::from(size.columns), usize::from(size.rows));
    (columns > 0 && rows > 0).then_some((columns, rows))
}
