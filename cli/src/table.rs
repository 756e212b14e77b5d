//! Columns of text, and numbers as people read them.

use std::io::{self, IsTerminal as _, Write};

use flow::print::escape;

use crate::text;

/// Between two columns, and where there is little room.
const GAPS: [usize; 2] = [3, 2];
/// The last column, which says most in words, has so much at least.
const LEAST_LAST: usize = 14;
/// Others aren't made narrower.
const LEAST: usize = 12;
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

/// The same on a terminal for as many columns as it has: cells are shortened, where that is enough. Elsewhere they stand
/// in full.
pub(crate) fn write_fitted(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let size = io::stdout()
        .is_terminal()
        .then(crossterm::terminal::window_size);
    let Some(Ok(size)) = size else {
        return write(out, rows);
    };
    let mut rows = rows.to_vec();
    let gap = fit(&mut rows, usize::from(size.columns).max(40));
    write_apart(out, &rows, gap, |_row| None)
}

/// Shortens cells until rows have room in so many columns: first the end of the last one, then the middle of those in
/// the widest columns, whose ends tell names apart. Says what goes between two columns.
fn fit(rows: &mut [Vec<String>], columns: usize) -> usize {
    let number = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| text::width(cell)).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..number).map(widest).collect();
    let gaps = number.saturating_sub(1);
    if widths.iter().sum::<usize>() + gaps * GAPS[0] <= columns {
        return GAPS[0];
    }
    let room = columns.saturating_sub(gaps * GAPS[1]);
    let over = |widths: &[usize]| widths.iter().sum::<usize>().saturating_sub(room);
    let excess = over(&widths);
    if let Some(last) = widths.last_mut() {
        *last = last.saturating_sub(excess).max((*last).min(LEAST_LAST));
    }
    while over(&widths) > 0 {
        let others = widths.iter_mut().rev().skip(1);
        match others.max().filter(|width| **width > LEAST) {
            Some(width) => *width -= 1,
            None => break,
        }
    }
    for row in rows {
        for (column, (cell, width)) in row.iter_mut().zip(&widths).enumerate() {
            if text::width(cell) > *width {
                *cell = match column + 1 == number {
                    true => text::cut(cell, *width),
                    false => text::cut_middle(cell, *width),
                };
            }
        }
    }
    GAPS[1]
}

/// The same with colors by row, for a writer that takes them out where they aren't wanted.
pub(crate) fn write_colored(
    out: &mut dyn Write,
    rows: &[Vec<String>],
    color: impl Fn(usize) -> Option<Color>,
) -> io::Result<()> {
    write_apart(out, rows, GAPS[0], color)
}

fn write_apart(
    out: &mut dyn Write,
    rows: &[Vec<String>],
    gap: usize,
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
            let fill = width.saturating_sub(cell.chars().count()) + gap;
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
    fn a_narrow_terminal_has_short_cells() {
        let rows = || {
            [
                ["POLICY", "PODS", "MEANING"],
                [
                    "cnp identity/user-directory-with-a-name",
                    "1",
                    "selects 1 pod of identity; denies ingress from namespace=shop",
                ],
                ["cnp shop/cart", "2", "selects 2 pods of shop"],
            ]
            .map(|row| row.map(str::to_owned).to_vec())
        };
        for columns in 30..130 {
            let mut fitted = rows();
            let gap = fit(&mut fitted, columns);
            let mut out = Vec::new();
            write_apart(&mut out, &fitted, gap, |_| None).unwrap();
            let text = String::from_utf8(out).unwrap();
            for line in text.lines() {
                assert!(text::width(line) <= columns.max(34), "{columns}: {text}");
            }
            // What has room is whole.
            assert!(text.contains("cnp shop/cart") || columns < 36, "{text}");
            assert_eq!(columns >= 108, fitted == rows(), "{columns}: {text}");
        }
        let mut fitted = rows();
        fit(&mut fitted, 80);
        assert_eq!(fitted[1][0], "cnp identity/user-directory-with-a-name");
        assert!(fitted[1][2].starts_with("selects 1 pod of"), "{fitted:?}");
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
