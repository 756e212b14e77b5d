//! What is shown, written to a file: JSON as `flows observe -o json` writes it, or CSV with the
//! columns of the table.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use client::{Row, Snapshot};
use flow::columns::{Cells, Column};
use proto::{
    google::Timestamp,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};

use super::{model::Model, text::grouped};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    path: PathBuf,
    form: Form,
    snapshot: Snapshot,
    numbers: Vec<u64>,
    columns: Vec<Column>,
}

impl Export {
    /// All lines of the table, in their order.
    ///
    /// # Errors
    /// In words: the name tells no form.
    pub(crate) fn new(path: &str, model: &Model) -> Result<Self, String> {
        let form = match path.rsplit_once('.') {
            Some((_, "json" | "jsonl")) => Form::Json,
            Some((_, "csv")) => Form::Csv,
            _ => return Err(format!("{path:?} ends neither with .json nor with .csv")),
        };
        let data = &model.data;
        Ok(Self {
            path: PathBuf::from(path),
            form,
            snapshot: data.snapshot().clone(),
            numbers: (0..data.len())
                .filter_map(|line| data.number(line))
                .collect(),
            columns: model
                .table
                .columns
                .iter()
                .map(|shown| shown.column)
                .collect(),
        })
    }

    /// Writes it, to a file that isn't there yet; what was done, or why not.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn write(&self) -> Result<String, String> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).open(&self.path);
        let done = file.and_then(|file| {
            let mut out = BufWriter::new(file);
            let count = self.lines(&mut out)?;
            out.flush()?;
            Ok(count)
        });
        let path = self.path.display();
        match done {
            Ok(count) => Ok(format!("{} flows written to {path}", grouped(count))),
            Err(error) => Err(format!("{path}: {error}")),
        }
    }

    fn lines(&self, out: &mut impl Write) -> io::Result<u64> {
        let mut count = 0;
        if self.form == Form::Csv {
            let names = self.columns.iter().map(|column| quoted(column.name()));
            writeln!(out, "{}", names.collect::<Vec<_>>().join(","))?;
        }
        for number in &self.numbers {
            let Some(row) = self.snapshot.row(*number) else {
                continue;
            };
            match self.form {
                Form::Csv => {
                    let texts = self
                        .columns
                        .iter()
                        .map(|column| quoted(&text(row, *column)));
                    writeln!(out, "{}", texts.collect::<Vec<_>>().join(","))?;
                }
                Form::Json => {
                    let Some(flow) = self.snapshot.message(*number) else {
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
            }
            count += 1;
        }
        Ok(count)
    }
}

/// A cell as programs read it.
fn text(row: &Row, column: Column) -> String {
    let cells = Cells {
        plain: true,
        ..Cells::default()
    };
    match column {
        Column::Timestamp => {
            let time = Timestamp::from_unix_nanos(row.time());
            flow::time::TimeFormat::Rfc3339Nano.text(Some(&time))
        }
        column => column.text(row, &cells),
    }
}

/// The cells of a row, with tabs between.
pub(crate) fn line(row: &Row, columns: &[Column]) -> String {
    let texts: Vec<_> = columns.iter().map(|column| text(row, *column)).collect();
    texts.join("\t")
}

/// As RFC 4180 has it; what a spreadsheet would take for a formula is kept from being one.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_it_is_needed() {
        for (text, want) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), want);
        }
    }
}
