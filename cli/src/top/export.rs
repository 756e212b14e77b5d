//! What is shown, written to a file: JSON as `flows observe -o json` writes it, of connections all of
//! their events; or CSV with the columns of the table.

use std::{
    collections::{HashMap, HashSet},
    fs::OpenOptions,
    io::{self, BufWriter, ErrorKind, Write},
    path::PathBuf,
};

use client::{Item, Snapshot, connections};
use flow::{
    FlowView,
    attribute::AttributeId,
    print::{csv, escape},
};
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::{
    data::{ConnectionEnds, Data, EndsKey, LineId, Unit},
    edit::Line,
    table::Table,
    text::grouped,
};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

/// The name of a file as it is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Name {
    pub(crate) line: Line,
    /// What is wrong with it.
    pub(crate) refused: Option<String>,
    /// The name of a file that is there, and may be written over.
    pub(crate) over: Option<String>,
}

/// Why a file wasn't written.
#[derive(Clone, Debug)]
pub(crate) struct ExportError {
    name: String,
    why: String,
    exists: bool,
}

impl Name {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            line: Line::new(name),
            ..Self::default()
        }
    }

    /// The one that failed, to be written anew.
    pub(crate) fn again(failed: ExportError) -> Self {
        let ExportError { name, why, exists } = failed;
        let refused = if exists {
            format!("{name} already exists: press Enter again to overwrite it")
        } else {
            format!("{name}: {why}")
        };
        Self {
            over: exists.then(|| name.clone()),
            refused: Some(refused),
            line: Line::new(name),
        }
    }
}

/// A path as a shell reads it: `~` is the home directory.
fn expanded(name: &str, home: Option<PathBuf>) -> PathBuf {
    match (name.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(name),
    }
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    /// As somebody wrote it.
    name: String,
    path: PathBuf,
    /// A file that is there is written over.
    over: bool,
    form: Form,
    snapshot: Snapshot,
    shown: Shown,
    columns: Vec<AttributeId>,
}

/// What stands in the lines.
#[derive(Clone, Debug)]
enum Shown {
    /// Items of these numbers.
    Events(Vec<u64>),
    /// These connections and denied requests, as they were at that moment (Unix ns).
    Connections(Vec<Exported>, i64),
}

/// A line that is a connection, or a denied request.
#[derive(Clone, Copy, Debug)]
enum Exported {
    Connection(ConnectionEnds),
    /// Number of its flow.
    Request(u64),
}

impl Shown {
    fn of(data: &Data) -> Self {
        let lines = (0..data.len()).filter_map(|line| data.at(line));
        match data.unit() {
            Unit::Events => Self::Events(lines.map(|line| line.number).collect()),
            Unit::Connections => {
                // Each by itself, those too that are one line.
                let each = lines.filter(|line| line.is_flow()).flat_map(|line| {
                    let others = data.alike(line.id).filter(move |other| *other != line.id);
                    [line.id].into_iter().chain(others)
                });
                let exported = each.filter_map(|line| match line {
                    LineId::Item(number) => Some(Exported::Request(number)),
                    LineId::Connection(id) => data.ends(id).map(Exported::Connection),
                });
                let exported = exported.collect();
                Self::Connections(exported, data.present())
            }
        }
    }
}

impl Export {
    /// All lines of the table, in their order.
    ///
    /// # Errors
    /// In words: the name tells no form.
    pub(crate) fn new(asked: &Name, data: &Data, table: &Table) -> Result<Self, String> {
        let name = asked.line.text().trim();
        let form = match name.rsplit_once('.') {
            Some((_, "json" | "jsonl")) => Form::Json,
            Some((_, "csv")) => Form::Csv,
            _ => return Err(format!("{name:?} must end in .json or .csv")),
        };
        Ok(Self {
            name: name.to_owned(),
            path: expanded(name, std::env::home_dir()),
            over: asked.over.as_deref() == Some(name),
            form,
            snapshot: data.snapshot().clone(),
            shown: Shown::of(data),
            columns: table.columns.iter().map(|shown| shown.column).collect(),
        })
    }

    /// Writes it, to a file that isn't there yet or may be written over; what was done, or why not.
    ///
    /// # Errors
    /// The file can't be written, or is there.
    pub(crate) fn write(&self) -> Result<String, ExportError> {
        let mut options = OpenOptions::new();
        options.write(true);
        if self.over {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let file = options.open(&self.path);
        let done = file.and_then(|file| {
            let mut out = BufWriter::new(file);
            let count = self.lines(&mut out)?;
            out.flush()?;
            Ok(count)
        });
        let path = self.path.display();
        match done {
            Ok(count) => Ok(format!(
                "{} {} written to {path}",
                grouped(count),
                self.written()
            )),
            Err(error) => Err(ExportError {
                name: self.name.clone(),
                exists: error.kind() == ErrorKind::AlreadyExists,
                why: error.to_string(),
            }),
        }
    }

    fn written(&self) -> &'static str {
        match (&self.shown, self.form) {
            (Shown::Connections(..), Form::Csv) => Unit::Connections.plural(),
            (Shown::Connections(..), Form::Json) | (Shown::Events(_), _) => "flows",
        }
    }

    fn lines(&self, out: &mut impl Write) -> io::Result<u64> {
        if self.form == Form::Csv {
            writeln!(out, "{}", csv::heading(&self.columns))?;
        }
        match (&self.shown, self.form) {
            (Shown::Events(numbers), _) => self.items(numbers.iter().copied(), out),
            (Shown::Connections(lines, now), Form::Csv) => self.connections(lines, *now, out),
            (Shown::Connections(lines, _), Form::Json) => self.items(self.events_of(lines), out),
        }
    }

    /// Events of connections, denied requests, and what was lost.
    fn events_of(&self, lines: &[Exported]) -> impl Iterator<Item = u64> {
        let (mut ends, mut requests) = (Vec::new(), HashSet::new());
        for line in lines {
            match line {
                Exported::Connection(of) => ends.push(*of),
                Exported::Request(number) => drop(requests.insert(*number)),
            }
        }
        let wanted = by_ends(ends.into_iter(), |ends| *ends);
        let is_of = move |number: u64, item: &Item| match item {
            Item::Marker(_) => true,
            Item::Flow(_) if requests.contains(&number) => true,
            Item::Flow(row) => {
                let mut either = ConnectionEnds::of_event(row).into_iter().flatten();
                either.any(|of| {
                    let known = wanted.get(&of.key());
                    known.is_some_and(|known| known.iter().any(|ends| ends.is_same(&of)))
                })
            }
        };
        let items = self.snapshot.iter(self.snapshot.range());
        items.filter_map(move |(number, item)| is_of(number, item).then_some(number))
    }

    /// A line for each connection and denied request.
    fn connections(&self, lines: &[Exported], now: i64, out: &mut impl Write) -> io::Result<u64> {
        let joined = connections::join(&self.snapshot);
        let found = by_ends(joined.iter(), ConnectionEnds::of);
        let mut count = 0;
        for line in lines {
            let ends = match line {
                Exported::Connection(ends) => ends,
                Exported::Request(number) => {
                    if let Some(view) = connections::denied_request(&self.snapshot, *number) {
                        writeln!(out, "{}", csv::row(&view, &self.columns))?;
                        count += 1;
                    }
                    continue;
                }
            };
            let alike = found.get(&ends.key()).into_iter().flatten();
            let connection = alike
                .copied()
                .find(|of| ConnectionEnds::of(of).is_same(ends));
            let view = connection.and_then(|connection| {
                let view = connections::view(&connection, &self.snapshot, now)?;
                Some(view.begun(connection.start()))
            });
            if let Some(view) = view {
                writeln!(out, "{}", csv::row(&view, &self.columns))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Items of the store; says how many of them are events.
    fn items(&self, numbers: impl Iterator<Item = u64>, out: &mut impl Write) -> io::Result<u64> {
        let mut count = 0;
        let mut messages = self.snapshot.messages();
        for number in numbers {
            match (self.form, self.snapshot.get(number)) {
                (Form::Csv, Some(Item::Flow(row))) => {
                    writeln!(out, "{}", csv::row(row, &self.columns))?;
                }
                (Form::Json, Some(Item::Flow(_))) => {
                    let Some(flow) = messages.get(number) else {
                        continue;
                    };
                    let response = GetFlowsResponse {
                        node_name: flow.node_name.clone(),
                        time: flow.time,
                        response_types: Some(ResponseTypes::Flow(flow)),
                    };
                    proto::json::write(&mut *out, &response)?;
                    writeln!(out)?;
                }
                (Form::Json, Some(Item::Marker(mark))) => {
                    if let Some(lost) = mark.response() {
                        proto::json::write(&mut *out, &lost)?;
                        writeln!(out)?;
                    }
                    continue;
                }
                // A loss has no columns.
                (Form::Csv, Some(Item::Marker(_))) | (_, None) => continue,
            }
            count += 1;
        }
        Ok(count)
    }
}

/// Connections by their ends.
fn by_ends<T>(
    all: impl Iterator<Item = T>,
    ends: impl Fn(&T) -> ConnectionEnds,
) -> HashMap<EndsKey, Vec<T>> {
    let mut found: HashMap<_, Vec<T>> = HashMap::new();
    for one in all {
        found.entry(ends(&one).key()).or_default().push(one);
    }
    found
}

/// The cells of a row, with tabs between.
pub(crate) fn line<V: FlowView>(row: &V, columns: &[AttributeId]) -> String {
    let texts: Vec<_> = columns
        .iter()
        .map(|column| escape(&csv::cell(row, *column)))
        .collect();
    texts.join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_a_shell_does() {
        let home = || Some(PathBuf::from("/home/me"));
        for (name, home, want) in [
            ("~/a.json", home(), "/home/me/a.json"),
            ("~/a.json", None, "~/a.json"),
            ("~a.json", home(), "~a.json"),
            ("/tmp/a.csv", home(), "/tmp/a.csv"),
        ] {
            assert_eq!(expanded(name, home), PathBuf::from(want), "{name}");
        }
    }
}
