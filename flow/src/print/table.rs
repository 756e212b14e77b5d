//! `-o table`: rows held until the end, then aligned as Go's tabwriter does it.

use std::io::{self, Write};

use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::Options;
use super::event::{Lines, lost_cpu, lost_node, lost_source, text};
use super::safe::escape_but_tabs;
use crate::view::Side;

const MIN_WIDTH: usize = 2;
const PADDING: usize = 3;

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn push(&mut self, response: &GetFlowsResponse, options: &Options) {
        let plain = Options {
            color: false,
            ..options.clone()
        };
        let lines = Lines(&plain);
        let mut cells = match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => vec![
                options.moment(flow.time.as_ref()),
                escape_but_tabs(&flow.node_name),
                text(|out| lines.host(flow, Side::Source, out)),
                text(|out| lines.host(flow, Side::Destination, out)),
                text(|out| lines.kind(flow, out)),
                text(|out| lines.verdict(flow, out)),
                text(|out| lines.summary(flow, out)),
            ],
            Some(ResponseTypes::LostEvents(lost)) => vec![
                options.moment(response.time.as_ref()),
                lost_node(response),
                lost_source(lost),
                "-".to_owned(),
                "EVENTS LOST".to_owned(),
                "-".to_owned(),
                format!("CPU({}) - {}", lost_cpu(lost), lines.lost_count(lost)),
            ],
            Some(ResponseTypes::NodeStatus(_)) | None => return,
        };
        let mut heading = vec![
            "TIMESTAMP",
            "NODE",
            "SOURCE",
            "DESTINATION",
            "TYPE",
            "VERDICT",
            "SUMMARY",
        ];
        if !options.node_names {
            heading.remove(1);
            cells.remove(1);
        }
        if self.rows.is_empty() {
            self.rows
                .push(heading.into_iter().map(ToOwned::to_owned).collect());
        }
        // A tab in a text begins a cell of its own.
        let cells = cells.iter().flat_map(|cell| cell.split('\t'));
        self.rows.push(cells.map(ToOwned::to_owned).collect());
    }

    /// Writes the rows and forgets them. A column is as wide as the widest of the cells in it in
    /// consecutive rows; the last cell of a row belongs to no column.
    pub(super) fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![Vec::with_capacity(columns); rows.len()];
        for column in 0..columns {
            let mut start = 0;
            while start < rows.len() {
                let run = rows[start..]
                    .iter()
                    .take_while(|row| column + 1 < row.len())
                    .count();
                let width = rows[start..start + run]
                    .iter()
                    .map(|row| row[column].chars().count() + PADDING)
                    .fold(MIN_WIDTH, usize::max);
                for widths in &mut widths[start..start + run] {
                    widths.push(width);
                }
                start += run.max(1);
            }
        }
        let mut text = String::new();
        for (row, widths) in rows.iter().zip(&widths) {
            for (column, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if let Some(width) = widths.get(column) {
                    let blank = width.saturating_sub(cell.chars().count());
                    text.extend(std::iter::repeat_n(' ', blank));
                }
            }
            text.push('\n');
        }
        out.write_all(text.as_bytes())
    }
}
