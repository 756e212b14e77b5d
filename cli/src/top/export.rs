//! What is shown, written to a file: JSON as `flows observe -o json` writes it, or CSV with the
//! columns of the table.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use client::{Item, Row, Snapshot};
use flow::{columns::Column, print::csv};
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

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
            writeln!(out, "{}", csv::heading(&self.columns))?;
        }
        for number in &self.numbers {
            match (self.form, self.snapshot.get(*number)) {
                (Form::Csv, Some(Item::Flow(row))) => {
                    writeln!(out, "{}", csv::row(row, &self.columns))?;
                }
                (Form::Json, Some(Item::Flow(_))) => {
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
                (Form::Json, Some(Item::Mark(mark))) => {
                    if let Some(lost) = mark.response() {
                        proto::json::write(&mut *out, &lost)?;
                        writeln!(out)?;
                    }
                    continue;
                }
                // A loss has no columns.
                (Form::Csv, Some(Item::Mark(_))) | (_, None) => continue,
            }
            count += 1;
        }
        Ok(count)
    }
}

/// The cells of a row, with tabs between.
pub(crate) fn line(row: &Row, columns: &[Column]) -> String {
    let texts: Vec<_> = columns
        .iter()
        .map(|column| csv::cell(row, *column))
        .collect();
    texts.join("\t")
}
