//! What became of a connection: the first lines of its details.

use flow::{
    quantity,
    rows::{Judged, Row},
    view::Direction,
};

use super::lines::{Document, Style};
use crate::{
    observe::cells::{bracketed, destination},
    top::text::{bytes, grouped, span},
};

/// How a connection was judged and how it stands.
pub(super) fn outcome(row: &Row, to: &mut Document) {
    let facts = &row.facts;
    let source = match row.source_port {
        Some(port) if port > 0 => format!("{}:{port}", bracketed(row.source.full())),
        _ => row.source.full(),
    };
    to.pieces([
        (format!("{} ", row.judged.name()), judged(row.judged)),
        (
            format!("{source} -> {}", destination(row, row.destination.full())),
            Style::Plain,
        ),
    ]);
    let mut stands = match facts.drops {
        0 => facts.state.name().to_owned(),
        1 => format!("{}, 1 packet dropped", facts.state.name()),
        drops => format!("{}, {} packets dropped", facts.state.name(), grouped(drops)),
    };
    if facts.age_ns > 0 {
        stands.push_str(&format!(", {}", span(facts.age_ns)));
    }
    if row.bytes > 0 {
        stands.push_str(&format!(", {}", bytes(row.bytes)));
    }
    if let Some(rtt) = row.rtt_us {
        stands.push_str(&format!(", round trip {}", quantity::micros(rtt)));
    }
    to.line(stands, Style::Plain);
    if let Some(end) = facts.silent {
        let whose = match end {
            Direction::Egress => "source",
            Direction::Ingress => "destination",
        };
        to.line(
            format!("The {whose}'s node told nothing of it."),
            Style::Warn,
        );
    }
    if facts.lost > 0 {
        let lost = grouped(facts.lost);
        let text = format!("Its nodes lost {lost} events while it lived, perhaps of its own.");
        to.line(text, Style::Warn);
    }
}

fn judged(judged: Judged) -> Style {
    match judged {
        Judged::Allowed => Style::Good,
        Judged::Denied | Judged::Dropped | Judged::Error => Style::Bad,
        Judged::Audited | Judged::Unknown => Style::Warn,
    }
}
