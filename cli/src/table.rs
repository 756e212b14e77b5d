//! Columns of text, and numbers as people read them.

use std::io::{self, Write};

use flow::print::escape;

/// Cells that are wider move their own row, not all others.
const WIDEST: usize = 200;

/// The color of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    Red,
    Green,
}

/// Writes rows, which may hold names from elsewhere, with three spaces between columns; the first is the heading.
pub(crate) fn write(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    write_colored(out, rows, |_row| None)
}

/// The same with colors by row, for a writer that takes them out where they aren't wanted.
pub(crate) fn write_colored(
    out: &mut dyn Write,
    rows: &[Vec<String>],
    color: impl Fn(usize) -> Option<Color>,
) -> io::Result<()> {
    let cells = |row: &Vec<String>| row.iter().map(|cell| escape(cell)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .filter(|width| *width <= WIDEST)
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            // Not by a format's width, which has a limit; a cell may be longer than it.
            let fill = width.saturating_sub(cell.chars().count()) + 3;
            line.extend(std::iter::repeat_n(' ', fill));
        }
        let line = line.trim_end();
        match color(number) {
            Some(Color::Red) => writeln!(out, "\u{1b}[31m{line}\u{1b}[0m")?,
            Some(Color::Green) => writeln!(out, "\u{1b}[32m{line}\u{1b}[0m")?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// `part` of `whole` in percent; 0 of nothing is 0.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64 * 100.0
    }
}

/// Events per second over an uptime; `None` before it is up.
pub(crate) fn rate(seen: u64, uptime_ns: u64) -> Option<f64> {
    (uptime_ns > 0).then(|| seen as f64 / (uptime_ns as f64 / 1e9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(format!("{:.2}", percent(2771, 8190)), "33.83");
        assert_eq!(rate(10, 0), None);
        assert_eq!(rate(10, 2_000_000_000), Some(5.0));
    }

    #[test]
    fn a_huge_cell_moves_its_own_row_only() {
        let huge = "x".repeat(100_000);
        let mut out = Vec::new();
        let rows = [["a", "b"], [&huge, "c"], ["d", "e"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        write(&mut out, &rows).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, format!("a   b\n{huge}   c\nd   e\n"));
    }

    #[test]
    fn columns_align() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let mut out = Vec::new();
        write(
            &mut out,
            &[row(["NAME", "STATUS", "AGE"]), row(["node-a", "Up", "1s"])],
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "NAME     STATUS   AGE\nnode-a   Up       1s\n"
        );
    }
}
