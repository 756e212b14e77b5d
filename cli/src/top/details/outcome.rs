//! What became of a connection, of its incident, and of others like it: the first lines of its details.

use std::collections::BTreeSet;

use flow::{
    incidents::{Incident, Status},
    print::shell_word,
    quantity,
    rows::{Judged, Row, RowEnd},
    view::Direction,
};

use super::{
    Known, Whole,
    history::History,
    lines::{Document, Style},
};
use crate::{
    incidents::acknowledge,
    observe::cells::{bracketed, destination},
    top::{
        changes,
        incidents::Cause,
        text::{bytes, grouped, many, span},
    },
};

/// Pods of an incident that are named, of each end.
const PODS: usize = 6;
/// A change is recorded once it is in force, and nodes' clocks differ a little (ns).
const SLACK: i64 = 500_000_000;
/// Changes that are listed, the newest.
const CHANGES: usize = 5;

/// How a connection was judged and how it stands.
pub(super) fn connection(row: &Row, to: &mut Document) {
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
    let mut stands = facts.state.name().to_owned();
    // Requests are counted below, whichever connections carried them.
    if row.connections > 1 && row.request.is_none() {
        stands = format!("{} alike, {stands}", many(row.connections, "connection"));
    }
    if facts.drops > 0 {
        stands.push_str(&format!(", {}", row.drops()));
    }
    if facts.age_ns > 0 {
        stands.push_str(&format!(", {}", span(facts.age_ns)));
    }
    if row.bytes > 0 {
        stands.push_str(&format!(", {}", bytes(row.bytes)));
    }
    if let Some(rtt) = row.rtt_us {
        stands.push_str(&format!(", round trip {}", quantity::micros(rtt)));
    }
    let requests = row.requests.text();
    if !requests.is_empty() {
        stands.push_str(&format!(", {requests}"));
    }
    to.line(stands, Style::Plain);
    if let Some(end) = facts.silent {
        let whose = match end {
            Direction::Egress => "source",
            Direction::Ingress => "destination",
        };
        to.line(
            format!("The {whose}'s node reported nothing about it."),
            Style::Warn,
        );
    }
    if facts.lost > 0 {
        let lost = grouped(facts.lost);
        let text =
            format!("Its nodes lost {lost} events meanwhile; some may be of this connection.");
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

/// How an incident stands.
pub(super) fn incident(cause: &Cause, known: &Known<'_>, to: &mut Document) {
    let (incident, zone) = (&cause.incident, known.zone);
    let row = &incident.row;
    let present = known.data.present();
    let (status, look) = match incident.status {
        Status::Ongoing => ("Ongoing".to_owned(), Style::Bad),
        Status::Allowed(since) => {
            let since = zone.clock_seconds(since);
            (format!("Allowed since {since}"), Style::Good)
        }
        Status::Quiet => ("Quiet, nobody has tried again".to_owned(), Style::Plain),
    };
    let dropped = match row.request {
        Some(_) => row.drops(),
        None => {
            let packets = many(row.facts.drops, "packet");
            let connections = many(row.connections, "connection");
            format!("{packets} of {connections} dropped")
        }
    };
    let denied = format!(
        ": {dropped} since {} ({} ago), last {} ago",
        zone.clock_seconds(row.start),
        span(present.saturating_sub(row.start)),
        span(present.saturating_sub(row.last)),
    );
    let ends = format!(
        "{} -> {}",
        row.source.workload(),
        destination(row, row.destination.workload())
    );
    to.pieces([
        (format!("{} ", row.judged.name()), judged(row.judged)),
        (ends, Style::Plain),
    ]);
    to.pieces([(status, look), (denied, Style::Plain)]);
    let id = format!("Incident {}", cause.id);
    match &cause.acknowledged {
        Some(said) => to.pieces([
            (format!("{id} is acknowledged "), Style::Good),
            (acknowledge::words(said, zone), Style::Plain),
        ]),
        None => to.line(id, Style::Quiet),
    }
}

/// Which pods an incident is about, where there are several, and what ended it.
pub(super) fn pods(incident: &Incident, known: &Known<'_>, to: &mut Document) {
    for (what, pods) in [("from", &incident.sources), ("to", &incident.destinations)] {
        if pods.len() > 1 {
            to.line(format!("{what} {}", listed(pods)), Style::Quiet);
        }
    }
    let present = known.data.present();
    let ended = client::incidents::ended_by(incident, known.changes.all(), present);
    if let Some(change) = ended {
        let text = changes::text(change, known.zone);
        to.line(format!("It ended after: {text}"), Style::Plain);
    }
}

fn listed(pods: &BTreeSet<String>) -> String {
    let named: Vec<&str> = pods.iter().take(PODS).map(String::as_str).collect();
    let named = named.join(", ");
    match pods.len().saturating_sub(PODS) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Since when connections of this pair fare so, and how many.
pub(super) fn alike(history: &History, known: &Known<'_>, to: &mut Document) {
    let (zone, now) = (known.zone, known.now);
    let is_denied = history.denied;
    if history.alike > 1 {
        let what = if is_denied { "denied" } else { "allowed" };
        let mut text = format!(
            "{} of this pair and port in memory {what}, from {} ({} ago) to {} ({} ago)",
            many(history.alike, "connection"),
            zone.clock_seconds(history.first),
            span(now.saturating_sub(history.first)),
            zone.clock_seconds(history.last),
            span(now.saturating_sub(history.last)),
        );
        if history.others > 0 {
            let others = if is_denied { "allowed" } else { "denied" };
            text.push_str(&format!("; {} {others}", grouped(history.others)));
        }
        to.line(text, Style::Plain);
    }
}

/// Until when connections of this pair were allowed, and what changed before they were denied.
pub(super) fn worked(whole: &Whole, history: &History, known: &Known<'_>, to: &mut Document) {
    let zone = known.zone;
    let Some((worked, denied)) = history.worked else {
        return;
    };
    let between = format!(
        "Worked until {}, denied since {}.",
        zone.clock_seconds(worked),
        zone.clock_seconds(denied)
    );
    to.line(between, Style::Warn);
    let changed = known.changes.between(worked, denied.saturating_add(SLACK));
    if changed.is_empty() {
        if known.changes.is_known() {
            let text = "No change is recorded between.";
            to.line(text, Style::Quiet);
        }
        return;
    }
    to.line("Changed between:", Style::Plain);
    let left_out = changed.len().saturating_sub(CHANGES);
    if left_out > 0 {
        let older = u64::try_from(left_out).unwrap_or(u64::MAX);
        to.line(
            format!("  {}, then:", many(older, "older change")),
            Style::Quiet,
        );
    }
    for change in &changed[left_out..] {
        let text = changes::text(change, zone);
        to.line(format!("  \u{25b2} {text}"), Style::Accent);
    }
    if let Some(command) = why(&whole.row, whole) {
        to.line("To prove which of them did it:", Style::Quiet);
        to.line(format!("  {}", known.from.command(&command)), Style::Accent);
    }
}

/// The command that says which change did it; `None` without a port.
fn why(row: &Row, whole: &Whole) -> Option<String> {
    let port = row.port.strip_prefix(':')?;
    let [source, destination] = whole.ends.addresses();
    let name = |end: &RowEnd, address: std::net::IpAddr| match end.outside.is_empty() {
        true => end.workload(),
        // Of what is outside the address is what policy judges.
        false => address.to_string(),
    };
    let source = name(&row.source, source);
    let destination = bracketed(name(&row.destination, destination));
    let (source, destination) = (
        shell_word(&source),
        shell_word(&format!("{destination}:{port}")),
    );
    Some(format!("flows why {source} {destination}"))
}
