//! Rows of a bench as a Markdown table, and their place in docs/PERFORMANCE.md.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Row;
use crate::process;

const HEADINGS: [&str; 7] = [
    "name",
    "value",
    "unit",
    "base",
    "base value",
    "ratio",
    "goal",
];

/// The rows as a table whose columns line up as text, too.
pub(super) fn markdown(rows: &[Row]) -> String {
    let optional = |number: Option<f64>| number.map(figure).unwrap_or_default();
    let cells: Vec<[String; 7]> = rows
        .iter()
        .map(|row| {
            [
                row.name.clone(),
                figure(row.value),
                row.unit.clone(),
                row.base.clone().unwrap_or_default(),
                optional(row.base_value),
                row.ratio
                    .map(|ratio| format!("{ratio:.3}"))
                    .unwrap_or_default(),
                row.goal.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let widths: Vec<usize> = HEADINGS
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            cells
                .iter()
                .map(|row| row[column].chars().count())
                .fold(heading.len(), usize::max)
        })
        .collect();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!(" {cell:<width$} |"));
        format!("|{}\n", padded.collect::<String>())
    };
    let mut table = line(&HEADINGS.map(str::to_owned));
    table.push_str(&line(
        &widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>(),
    ));
    for row in &cells {
        table.push_str(&line(row));
    }
    table
}

/// Four significant digits, thousands set apart.
fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let decimals = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if decimals > 0 {
        return text;
    }
    let digits = text.trim_start_matches('-').len();
    let sign = text.len() - digits;
    let mut out = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > sign && (text.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Puts `table` into the section of the bench `name` in `file`: replaces what stands between its
/// two markers, or adds the section at the end.
pub(super) fn write(file: &Path, name: &str, command: &str, table: &str) -> Result<()> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "# Performance\n".to_owned(),
        Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
    };
    let body = format!("`{command}` on {}:\n\n{table}", machine());
    std::fs::write(file, with_section(&text, name, &body))
        .with_context(|| format!("writing {}", file.display()))
}

fn with_section(text: &str, name: &str, body: &str) -> String {
    let (start, end) = (
        format!("<!-- bench {name} -->\n"),
        format!("<!-- end {name} -->\n"),
    );
    let before_and_after = text.split_once(&start).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    if let Some((before, after)) = before_and_after {
        return format!("{before}{start}{body}{end}{after}");
    }
    let mut out = text.trim_end().to_owned();
    write!(out, "\n\n## {name}\n\n{start}{body}{end}").expect("writing to a string");
    out
}

/// What was measured on.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown CPU", |(_, model)| model);
    let kernel = process::ask(std::process::Command::new("uname").arg("-r")).unwrap_or_default();
    let release = kernel.trim().split('-').next().unwrap_or_default();
    format!("{cores} cores of {model}, Linux {release}")
}

#[cfg(test)]
mod tests {
    use super::{figure, markdown, with_section};
    use crate::bench::Row;

    #[test]
    fn figures() {
        let rows = [
            (0.0, "0"),
            (0.1234, "0.123"),
            (12.345, "12.35"),
            (999.96, "1000.0"),
            (1000.4, "1,000"),
            (-1234.0, "-1,234"),
            (123_456.0, "123,456"),
            (20_000_000.0, "20,000,000"),
        ];
        for (value, expected) in rows {
            assert_eq!(figure(value), expected);
        }
    }

    #[test]
    fn rows_become_lines() {
        let row = r#"{"name": "n", "value": 2, "unit": "ns", "base": "b", "base_value": 4,
            "ratio": 0.5, "goal": "<= 3"}"#;
        let rows: [Row; 2] = [
            serde_json::from_str(row).unwrap(),
            serde_json::from_str(r#"{"name": "longer", "value": 3, "unit": "ns"}"#).unwrap(),
        ];
        assert_eq!(
            markdown(&rows),
            "| name   | value | unit | base | base value | ratio | goal |\n\
             | ------ | ----- | ---- | ---- | ---------- | ----- | ---- |\n\
             | n      | 2.000 | ns   | b    | 4.000      | 0.500 | <= 3 |\n\
             | longer | 3.000 | ns   |      |            |       |      |\n"
        );
    }

    #[test]
    fn a_section_is_added_once_and_then_replaced() {
        let first = with_section("# Performance\n", "a", "one\n");
        let second = with_section(&first, "b", "two\n");
        let third = with_section(&second, "a", "three\n");
        assert_eq!(
            third,
            "# Performance\n\n## a\n\n<!-- bench a -->\nthree\n<!-- end a -->\n\n\
             ## b\n\n<!-- bench b -->\ntwo\n<!-- end b -->\n"
        );
    }
}
