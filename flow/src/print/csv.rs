//! Flows as CSV (RFC 4180), for programs and spreadsheets: cells without colours or arrows, times in
//! full. What the arrow of `source` says elsewhere stands in the column `reply` behind it.

use proto::google::Timestamp;

use super::escape;
use crate::attribute::{AttributeId, Cells};
use crate::time::{TimeFormat, Zone};
use crate::view::FlowView;

/// The first line: the columns' names.
pub fn heading(columns: &[AttributeId]) -> String {
    line(complete(columns).map(|column| column.name().to_owned()))
}

/// The line of a flow.
pub fn row<V: FlowView>(flow: &V, columns: &[AttributeId]) -> String {
    line(complete(columns).map(|column| cell(flow, column)))
}

/// With the direction of the packet, which people read off the arrow.
fn complete(columns: &[AttributeId]) -> impl Iterator<Item = AttributeId> {
    let has_reply = columns.contains(&AttributeId::Reply);
    columns.iter().flat_map(move |column| {
        let reply = *column == AttributeId::Source && !has_reply;
        std::iter::once(*column).chain(reply.then_some(AttributeId::Reply))
    })
}

/// A cell as programs read it, not yet quoted.
pub fn cell<V: FlowView>(flow: &V, column: AttributeId) -> String {
    if column == AttributeId::Timestamp {
        let time = flow.time_ns().map(Timestamp::from_unix_nanos);
        return TimeFormat::Rfc3339Nano.text(time.as_ref(), &Zone::UTC);
    }
    let plain = Cells {
        plain: true,
        ..Cells::default()
    };
    column.text(flow, &plain)
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    cells.join(",")
}

/// What a spreadsheet would take for a formula is kept from being one.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = format!("{}{}", if formula { "'" } else { "" }, escape(text));
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_it_is_needed() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("-1,2", "\"'-1,2\""),
            ("a\nb", "a\\nb"),
            ("\u{1b}]0;x\u{7}", "^[]0;x\\u{7}"),
            ("web\u{202e}", "web\\u{202e}"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), wanted);
        }
    }
}
