//! `--aggregate-by`: groups instead of flows.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use flow::{
    Verdict,
    aggregate::{Aggregator, BUCKETS, Group, Trend, fields},
    dedup::{Dedup, Row},
    print::{Format, escape},
    quantity,
    time::{TimeFormat, Zone},
    view::Message,
};
use proto::{flow::Flow, google::Timestamp};
use serde_json::{Map, Value, json};

use super::view::{FormatArgs, View};
use crate::{
    error::Error,
    flag,
    text::{self, grouped},
};
use fit::{Count, Fit};

mod fit;

/// Between two refreshes on a terminal.
const REFRESH: Duration = Duration::from_millis(500);
/// Between two tables where they are written one after the other.
const REPEAT: Duration = Duration::from_secs(5);

/// Counts flows, and shows what it counted.
pub(crate) struct Groups {
    aggregator: Aggregator,
    dedup: Dedup,
    held: Option<Flow>,
    json: bool,
    color: bool,
    /// That moments are shown in.
    zone: Zone,
    /// Most rows.
    top: usize,
    /// Shown again and again.
    follow: Option<Duration>,
    shown: Instant,
    /// Lines on the terminal that the next table replaces.
    lines: usize,
    live: bool,
}

impl Groups {
    /// If groups are wanted.
    pub(crate) fn from_args(
        args: &FormatArgs,
        view: &View,
        follow: bool,
    ) -> Result<Option<Self>, Error> {
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
        Ok(Some(Self {
            aggregator: Aggregator::new(fields, Aggregator::MOST),
            dedup: Dedup::default(),
            held: None,
            json,
            color: view.options.color,
            zone: view.options.zone.clone(),
            top: top.unwrap_or(usize::MAX),
            follow: follow.then_some(if live { REFRESH } else { REPEAT }),
            shown: Instant::now(),
            lines: 0,
            live,
        }))
    }

    /// Counts a flow; the several flows of one packet once.
    pub(crate) fn push(&mut self, flow: &Flow, out: &mut dyn Write) -> io::Result<()> {
        let message = Message::new(flow);
        let step = self.dedup.push(&message);
        if let Some(held) = self.held.take().filter(|_| step.pending_is_row) {
            self.aggregator.push(&Message::new(&held));
        }
        match step.row {
            Row::New => self.aggregator.push(&message),
            Row::Pending => self.held = Some(flow.clone()),
            Row::Duplicate => {}
        }
        // Many flows at once leave no time to wait in.
        match self.aggregator.total().flows.is_multiple_of(1024) {
            true => self.refresh(out),
            false => Ok(()),
        }
    }

    /// When the next refresh is due.
    pub(crate) fn refreshes_in(&self) -> Option<Duration> {
        let every = self.follow?;
        Some(
            every
                .saturating_sub(self.shown.elapsed())
                .max(Duration::from_millis(10)),
        )
    }

    /// Shows the groups, if it is time.
    pub(crate) fn refresh(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.follow {
            Some(every) if self.shown.elapsed() >= every => self.show(out),
            Some(_) | None => Ok(()),
        }
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let is_row = self.dedup.settle();
        if let Some(held) = self.held.take().filter(|_| is_row) {
            self.aggregator.push(&Message::new(&held));
        }
        self.show(out)
    }

    fn show(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.shown = Instant::now();
        if self.json {
            return self.print_json(out);
        }
        let size = self.live.then(terminal).flatten();
        let (width, height) = size.unwrap_or((usize::MAX, usize::MAX));
        // The heading, the sum, and the line of the cursor.
        let rows = self.top.min(height.saturating_sub(3).max(1));
        let table = self.table(rows, width);
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
    fn table(&self, rows: usize, width: usize) -> Vec<String> {
        let fields = self.aggregator.fields();
        let top = self.aggregator.top();
        let rest = self.aggregator.rest(rows);
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
        table.push((sum, self.aggregator.total()));

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
                .map(|(_, group)| self.cell(count, group, BUCKETS));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            (count, widest.max(self.heading(count).chars().count()))
        });
        let says_verdict = fields.iter().any(|field| field.name == "verdict");
        let fit = Fit::new(width, keys.collect(), counts.collect(), says_verdict);

        let heading = fit.counts.iter().map(|(count, _)| self.heading(*count));
        let mut lines = vec![line(&fit, &names, heading)];
        let last = table.len() - 1;
        for (at, (keys, group)) in table.iter().enumerate() {
            let cells = fit
                .counts
                .iter()
                .map(|(count, width)| self.cell(*count, group, *width));
            let line = line(&fit, keys, cells);
            // Rows with drops stand out, but not their sum.
            let red = self.color && at < last && dropped(group) > 0;
            lines.push(match red {
                true => format!("\u{1b}[31m{line}\u{1b}[0m"),
                false => line,
            });
        }
        lines
    }

    /// The heading of a number; of a moment with the zone it is in.
    fn heading(&self, count: Count) -> String {
        match (count, self.aggregator.total().last_ns) {
            (Count::Last, Some(last)) => {
                let last = Timestamp::from_unix_nanos(last);
                self.zone.heading(count.heading(), last)
            }
            _ => count.heading().to_owned(),
        }
    }

    /// A number of a group as it is shown, the trend in that many buckets.
    fn cell(&self, count: Count, group: &Group, buckets: usize) -> String {
        match count {
            Count::Flows => {
                let at_least = if group.partial { ">=" } else { "" };
                format!("{at_least}{}", grouped(group.flows))
            }
            Count::Dropped => grouped(dropped(group)),
            Count::Rate => format!("{:.1}", self.aggregator.rate(group)),
            Count::Bytes => quantity::bytes(group.bytes),
            Count::Packets => grouped(group.packets),
            Count::Last => {
                let last = group.last_ns.map(Timestamp::from_unix_nanos);
                let last = last.map(|last| self.zone.clock_seconds(last.unix_nanos()));
                last.unwrap_or_default()
            }
            Count::Trend => {
                let trend = group.trend.within(&self.aggregator.total().trend);
                let each = BUCKETS.div_ceil(buckets.clamp(1, BUCKETS));
                let merged: Vec<u32> = trend.chunks(each).map(|some| some.iter().sum()).collect();
                Trend::sparkline(&merged)
            }
        }
    }

    /// One object per group, the one of what is left last.
    fn print_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let top = self.aggregator.top();
        for (values, group) in &top[..top.len().min(self.top)] {
            let fields = self.aggregator.fields().iter().zip(values);
            let fields: Map<String, Value> = fields
                .map(|(field, value)| {
                    // In parentheses stands what is no such thing.
                    let none = value.is_empty() || value.starts_with('(');
                    let value = if none { Value::Null } else { json!(value) };
                    (field.name.to_owned(), value)
                })
                .collect();
            let object = self.object(json!({ "group": fields }), group);
            writeln!(out, "{}", proto::json::to_string(&object)?)?;
        }
        if let Some(rest) = self.aggregator.rest(self.top) {
            let object = self.object(json!({ "other": true }), &rest);
            writeln!(out, "{}", proto::json::to_string(&object)?)?;
        }
        out.flush()
    }

    fn object(&self, mut object: Value, group: &Group) -> Value {
        let moment = |ns: Option<i64>| {
            let moment = ns.map(Timestamp::from_unix_nanos);
            moment.map(|moment| TimeFormat::Rfc3339Nano.text(Some(&moment), &Zone::UTC))
        };
        let verdicts: Map<String, Value> = (0..8)
            .filter_map(|number| Verdict::try_from(number).ok())
            .filter(|verdict| group.with(*verdict) > 0)
            .map(|verdict| (verdict.as_str_name().to_owned(), json!(group.with(verdict))))
            .collect();
        let rest = json!({
            "flows": group.flows,
            "verdicts": verdicts,
            "limited": group.limited,
            "bytes": group.bytes,
            "packets": group.packets,
            "first": moment(group.first_ns),
            "last": moment(group.last_ns),
            "flows_per_second": self.aggregator.rate(group),
            "bytes_per_second": self.aggregator.byte_rate(group),
            "trend": group.trend.within(&self.aggregator.total().trend),
            "trend_start": moment(self.aggregator.total().trend.start()),
            "trend_step_seconds": self.aggregator.total().trend.step().as_secs_f64(),
            "partial": group.partial,
        });
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    }
}

/// Drops that the event limit kept silent count.
fn dropped(group: &Group) -> u64 {
    group.with(Verdict::Dropped).saturating_add(group.limited)
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
