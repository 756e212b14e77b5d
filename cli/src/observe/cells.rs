//! Cells of rows of connections, and how they are cut to their columns.

use flow::{
    connection::{Answered, State},
    print::escape,
    quantity,
    rows::{Column, Judged, Names, Row, RowEnd},
};

use crate::text;

/// So much of a reason stays where it is cut for the number of requests, and for the last of them.
const LEAST_WHY: [usize; 2] = [6, 12];

/// Who decided, what is not known, and the last of the requests that it carried.
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
    why.push_str(&last_behind(row));
    why
}

/// `; last GET /cart: 200 3ms`; empty if no request was allowed.
fn last_behind(row: &Row) -> String {
    match row.requests.last.as_str() {
        "" => String::new(),
        last => format!("; last {last}"),
    }
}

/// The reason where it may also have to say how the connection stands, for want of a column for that: trouble
/// comes first, how many requests it carried last.
pub(crate) fn why_beside(row: &Row, why: String, has_state: bool) -> String {
    let state = row.facts.state;
    match has_state {
        true => why,
        false if is_trouble(state) => format!("{} \u{b7} {why}", state.name()),
        false => format!("{why}{}", requests_behind(row)),
    }
}

/// ` · 12 requests, 1 denied`, of several connections ` · x4, 12 requests`; empty if it carried none.
fn requests_behind(row: &Row) -> String {
    match row.requests.text() {
        text if text.is_empty() => text,
        _ if row.connections > 1 => format!(" \u{b7} {}", row.state()),
        text => format!(" \u{b7} {text}"),
    }
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
        Column::Why => cut_why(&without_namespaces(cell, row), row, width),
        Column::Time
        | Column::Verdict
        | Column::State
        | Column::Bytes
        | Column::Rtt
        | Column::Age => text::cut(cell, width),
    }
}

/// A reason cut to its column: the number of requests stays if it stands there, else the last of them; of a
/// denied request what was asked says more than whose rule it is.
fn cut_why(why: &str, row: &Row, width: usize) -> String {
    if row.request.is_some()
        && text::width(why) > width
        && let Some((_, asked)) = why.split_once(" \u{b7} ")
    {
        return text::cut(asked, width);
    }
    if let Some(text) = cut_asked(why, row, width) {
        return text;
    }
    let (number, last) = (escape(&requests_behind(row)), escape(&last_behind(row)));
    let short = number.split_once(", ").map_or(&*number, |(short, _)| short);
    let (rest, tails, least) = match why.strip_suffix(number.as_str()) {
        Some(rest) if !number.is_empty() => (rest, [&*number, short], LEAST_WHY[0]),
        Some(_) | None => (why, [&*last, ""], LEAST_WHY[1]),
    };
    let rest = rest.strip_suffix(last.as_str()).unwrap_or(rest);
    let fits = |tail: &&str| !tail.is_empty() && text::width(tail) + least <= width;
    match tails.into_iter().find(fits) {
        Some(tail) => format!("{}{tail}", text::cut(rest, width - text::width(tail))),
        None => text::cut(why, width),
    }
}

/// The same where all requests asked one thing: the policy, what was asked and how it was answered say more than
/// the rule, and the last two more than the first; then how many they were. `None` if they asked several things, or
/// the rule has room.
fn cut_asked(why: &str, row: &Row, width: usize) -> Option<String> {
    let alike = row.requests.alike.as_ref()?;
    if text::width(why) <= width {
        return None;
    }
    let policy = why.split(" \u{b7} ").next().unwrap_or_default();
    let number = escape(&requests_behind(row));
    let number = if why.ends_with(&*number) {
        &*number
    } else {
        ""
    };
    let candidates = match alike.answered {
        // Each of them is a row.
        Answered::Refused => {
            let asked = match row.requests.total {
                1 => "its request was denied".to_owned(),
                total => format!("all {} requests were denied", quantity::grouped(total)),
            };
            [
                format!("{policy} \u{b7} {asked}"),
                asked,
                "requests denied".to_owned(),
            ]
        }
        Answered::NoName
        | Answered::NoAddresses
        | Answered::Addresses
        | Answered::Status(_)
        | Answered::Done
        | Answered::Otherwise => {
            let asked = escape(&row.requests.last);
            [
                format!("{policy} \u{b7} {asked}{number}"),
                format!("{asked}{number}"),
                asked,
            ]
        }
    };
    let least = text::cut(&candidates[2], width);
    let mut candidates = candidates.into_iter();
    let fits = candidates.find(|text| text::width(text) <= width);
    Some(fits.unwrap_or(least))
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
