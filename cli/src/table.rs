//! Columns of text, and numbers as people read them.

use std::io::{self, Write};

use flow::print::escape;

/// Writes rows, which may hold names from elsewhere, with three spaces between columns; the first is the heading.
pub(crate) fn write(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let cells = |row: &Vec<String>| row.iter().map(|cell| escape(cell)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}   "));
        }
        writeln!(out, "{}", line.trim_end())?;
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
