//! Cells of rows of connections, and how they are cut to their columns.

use flow::{
    connection::State,
    print::escape,
    quantity,
    rows::{Column, Judged, Names, Row, RowEnd},
};

use crate::text;

/// Who decided, and what is not known.
pub(crate) fn why(row: &Row) -> String {
    let mut why = row.why.clone();
    if row.judged == Judged::Allowed && row.facts.drops > 0 {
        let drops = quantity::grouped(row.facts.drops);
        why.push_str(&format!(" ({drops} dropped before)"));
    }
    if row.facts.lost > 0 {
        let lost = quantity::grouped(row.facts.lost);
        why.push_str(&format!(" (its nodes lost {lost} events)"));
    }
    why
}

/// Whom it was opened to, by the name that was found for it, and the port.
pub(crate) fn destination(row: &Row, name: String) -> String {
    match row.port.starts_with(':') {
        true => format!("{}{}", bracketed(name), row.port),
        false => format!("{name}{}", row.port),
    }
}

/// A name cut to its column: the port stays, and of a pod its workload's name before anything is cut
/// within that.
fn name_in(width: usize, end: &RowEnd, port: &str, names: &Names) -> String {
    let port = escape(port);
    let room = width.saturating_sub(text::width(&port));
    let short = escape(&names.short(end));
    let (_, own) = short.rsplit_once('/').unwrap_or(("", &short));
    let name = match text::width(&short) > room && text::width(own) + 2 > room {
        true => text::cut_name(&escape(&names.shortest(end)), room),
        false => text::cut_name(&short, room),
    };
    format!("{name}{port}")
}

/// A name before a port: an IPv6 address has colons of its own.
pub(crate) fn bracketed(name: String) -> String {
    match name.contains(':') {
        true => format!("[{name}]"),
        false => name,
    }
}

/// A cell that doesn't fit its column.
pub(crate) fn shortened(
    column: Column,
    width: usize,
    cell: &str,
    row: &Row,
    names: &Names,
) -> String {
    match column {
        Column::Source => name_in(width, &row.source, "", names),
        Column::Destination => name_in(width, &row.destination, &row.port, names),
        Column::Why => text::cut(&without_namespaces(cell, row), width),
        Column::Time
        | Column::Verdict
        | Column::State
        | Column::Bytes
        | Column::Rtt
        | Column::Age => text::cut(cell, width),
    }
}

/// A reason without the namespaces that the row names already.
pub(crate) fn without_namespaces(why: &str, row: &Row) -> String {
    let ends = [&row.destination, &row.source].map(|end| &end.who.namespace);
    let named = ends.into_iter().filter(|namespace| !namespace.is_empty());
    named.fold(why.to_owned(), |why, namespace| {
        why.replace(&format!(" {namespace}/"), " ")
    })
}

/// Worth a word where there is no column for it.
pub(crate) fn is_trouble(state: State) -> bool {
    match state {
        State::NoAnswer | State::Refused | State::Reset => true,
        State::Denied | State::Opening | State::Closed | State::Open | State::Answered => false,
    }
}
