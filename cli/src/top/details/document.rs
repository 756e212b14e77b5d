//! The details as text, before it is fitted to a width.

use client::Item;
use flow::{
    FlowView as _, Side, Verdict,
    attribute::{AttributeId, Cells},
    format,
    time::Zone,
};
use proto::{
    flow::Flow,
    flows::v1::{
        ExplainResponse, InvolvedPolicy, TraceResponse, trace_response::Verdict as Answer,
    },
    google::Timestamp,
};

use super::{
    Details, Explained, Known, fields,
    lines::{Document, Style},
    outcome, requests,
};
use crate::top::{
    data::Data,
    text::{grouped, span},
};

/// Writes it.
pub(super) fn write(details: &Details, known: &Known<'_>) -> Document {
    let Known {
        data, now, zone, ..
    } = *known;
    let mut to = Document::default();
    let Some(flow) = &details.flow else {
        let text = match data.item(details.number) {
            Some(Item::Marker(_)) => "This is not a flow: it marks a place between flows.",
            Some(Item::Flow(_)) | None => "This flow was evicted from memory.",
        };
        to.line(text, Style::Warn);
        return to;
    };
    let cells = Cells::default();
    let text = |column: AttributeId| column.text(&**flow, &cells);
    let verdict = flow.verdict();
    let dropped = matches!(verdict, Verdict::Dropped | Verdict::Error);

    to.sections.push(0);
    match &details.connection {
        Some(whole) => match &details.incident {
            Some(cause) => outcome::incident(cause, known, &mut to),
            None => outcome::connection(&whole.row, &mut to),
        },
        None => to.pieces([
            (
                format!("{} ", text(AttributeId::Verdict)),
                Style::Verdict(verdict),
            ),
            (
                format!(
                    "{} {} {}",
                    text(AttributeId::Source),
                    text(AttributeId::Destination),
                    text(AttributeId::Protocol)
                ),
                Style::Plain,
            ),
        ]),
    }
    why(details, &text, dropped, &mut to);
    when(details, flow, dropped, (now, zone), &mut to);
    if let Some(cause) = &details.incident {
        outcome::pods(&cause.incident, known, &mut to);
    }
    if let (Some(whole), Some(history)) = (&details.connection, &details.history) {
        if details.incident.is_none() {
            outcome::alike(history, known, &mut to);
        }
        outcome::worked(whole, history, known, &mut to);
    }
    // What no policy dropped no rule would let through.
    let not_policy = match &details.explained {
        Explained::Answer(answer) => answer.not_policy,
        Explained::NotAsked | Explained::Asked | Explained::None(_) => {
            dropped && !may_be_policy(flow)
        }
    };
    if (dropped || !details.suggestions().is_empty()) && !not_policy {
        remedy(details, &mut to);
    }
    if let Explained::Answer(answer) = &details.explained {
        policies(answer, &mut to);
        let told = |trace: &&TraceResponse| trace.egress.is_some() || trace.ingress.is_some();
        if let Some(trace) = answer.now.as_ref().filter(told) {
            to.section("Verdict today");
            findings(trace, &mut to);
        }
    }
    requests::write(details, data, zone, &mut to);
    connection(details, data, zone, &mut to);
    to.section("All fields");
    for (path, value) in fields::of(flow) {
        to.pieces([(format!("  {path}: "), Style::Quiet), (value, Style::Plain)]);
    }
    to
}

/// Whether a policy may have made a drop: it did, or no reason was recorded.
fn may_be_policy(flow: &Flow) -> bool {
    use proto::flow::DropReason::{PolicyDenied, PolicyDeny, Unknown};
    let reasons = [Unknown, PolicyDenied, PolicyDeny].map(i32::from);
    reasons.contains(&flow::FlowView::drop_reason(flow))
}

/// Why it was decided so: as the server says now or, without an answer, as the flow itself says.
fn why(details: &Details, text: &dyn Fn(AttributeId) -> String, dropped: bool, to: &mut Document) {
    let (reason, policy) = (text(AttributeId::Reason), text(AttributeId::Policy));
    let look = if dropped { Style::Bad } else { Style::Plain };
    let answer = match &details.explained {
        Explained::Answer(answer) => Some(answer),
        Explained::NotAsked | Explained::Asked | Explained::None(_) => None,
    };
    let headline = answer.map_or("", |answer| answer.headline.as_str());
    let because = if headline.is_empty() {
        &policy
    } else {
        headline
    };
    let colon = if reason.is_empty() || because.is_empty() {
        ""
    } else {
        ": "
    };
    to.pieces([
        (format!("{reason}{colon}"), look),
        (because.to_owned(), Style::Plain),
    ]);
    if let Some(answer) = answer {
        if answer.differs {
            let now = match answer.now.as_ref().map(TraceResponse::verdict) {
                Some(Answer::Allowed) => "It would be ALLOWED now.",
                Some(Answer::Denied) => "It would be DENIED now.",
                Some(Answer::Unknown | Answer::Unspecified) | None => {
                    "The decision would differ now."
                }
            };
            to.line(now, Style::Warn);
        }
        for line in answer.changes.iter().chain(&answer.notes) {
            to.line(line.clone(), Style::Quiet);
        }
    }
    match &details.explained {
        Explained::None(why) => to.line(why.clone(), Style::Warn),
        Explained::Asked => to.line("asking the server …", Style::Quiet),
        Explained::NotAsked | Explained::Answer(_) => {}
    }
}

/// When it happened, where, and since when the like of it does.
fn when(
    details: &Details,
    flow: &Flow,
    dropped: bool,
    (now, zone): (i64, &Zone),
    to: &mut Document,
) {
    let time = flow.time_ns().unwrap_or(0);
    let node = flow.node();
    let place = if node.is_empty() {
        String::new()
    } else {
        format!(" on {node}")
    };
    to.line(
        format!(
            "{} {}, {} ago{place}",
            zone.clock(time),
            zone.abbreviation(Timestamp::from_unix_nanos(time)),
            span(now.saturating_sub(time))
        ),
        Style::Quiet,
    );
    // Of connections others say more.
    if details.history.is_some() {
        return;
    }
    let related = &details.related;
    let Some(since) = related.since.filter(|_| related.alike > 1) else {
        return;
    };
    let until = related.until.unwrap_or(since);
    let what = if dropped { "Dropped" } else { "Passed" };
    let others = match related.others {
        0 => String::new(),
        others if dropped => format!("; {} passed", grouped(others)),
        others => format!("; {} were dropped", grouped(others)),
    };
    to.pieces([
        (
            format!(
                "{what} {} times since {}",
                grouped(related.alike),
                zone.clock(since)
            ),
            if dropped { Style::Bad } else { Style::Plain },
        ),
        (
            format!(
                " ({} ago, last {} ago) for this pair and port, among the flows in memory{others}",
                span(now.saturating_sub(since)),
                span(now.saturating_sub(until))
            ),
            Style::Plain,
        ),
    ]);
}

fn remedy(details: &Details, to: &mut Document) {
    let copies = if details.suggestions().is_empty() {
        ""
    } else {
        " (Y copies it)"
    };
    to.section(&format!("What would allow it{copies}"));
    match &details.explained {
        Explained::Answer(answer) => {
            let suggestions = details.suggestions();
            if suggestions.is_empty() {
                let allowed = answer
                    .now
                    .as_ref()
                    .is_some_and(|now| now.verdict() == Answer::Allowed);
                to.line(
                    if allowed {
                        "Nothing to do: it is allowed now."
                    } else {
                        "The server has no rule to suggest."
                    },
                    Style::Quiet,
                );
            }
            for suggestion in suggestions {
                to.line(suggestion.text.clone(), Style::Good);
                to.block(&suggestion.yaml, Style::Accent);
            }
            if let Some(command) = details.command() {
                to.line("To trace it again (T copies it):", Style::Quiet);
                to.line(format!("  {command}"), Style::Accent);
            }
        }
        Explained::Asked | Explained::NotAsked => to.line("asking the server …", Style::Quiet),
        Explained::None(_) => to.line("Only the server can answer this.", Style::Quiet),
    }
}

fn policies(answer: &ExplainResponse, to: &mut Document) {
    for policy in &answer.policies {
        let InvolvedPolicy {
            policy: name,
            decided,
            version,
            present_version,
            in_force,
            stale,
            place,
            yaml,
            meaning,
            ..
        } = policy;
        to.section(&format!(
            "{name}{}",
            if *decided {
                ", which decided"
            } else {
                ", which selects an end"
            }
        ));
        if !meaning.is_empty() {
            to.line(meaning.clone(), Style::Plain);
        }
        if !place.is_empty() {
            to.line(format!("from {place}"), Style::Quiet);
        }
        if *stale {
            to.line(
                "The current version is refused; the last good one is enforced.",
                Style::Warn,
            );
        }
        if !in_force && !version.is_empty() {
            let now = if present_version.is_empty() {
                "it was deleted".to_owned()
            } else {
                format!("version {present_version} is enforced now")
            };
            to.line(format!("Decided by version {version}; {now}."), Style::Warn);
        }
        // It may stand far down in a file, with as many empty lines before it.
        let begin = yaml.len() - yaml.trim_start().len();
        let begin = yaml[..begin].rfind('\n').map_or(0, |end| end + 1);
        to.block(&yaml[begin..], Style::Plain);
    }
}

fn findings(trace: &TraceResponse, to: &mut Document) {
    let look = |verdict: Verdict| Style::Verdict(verdict);
    for end in [&trace.egress, &trace.ingress].into_iter().flatten() {
        let direction = explain::proto::direction_text(end.direction());
        to.pieces([
            (format!("{direction}: "), Style::Plain),
            (end.text.clone(), look(end.verdict())),
        ]);
        for policy in &end.policies {
            to.line(
                format!("  {} {}", policy.policy, policy.place),
                Style::Quiet,
            );
            for rule in &policy.rules {
                let path = explain::proto::path_text(rule.path.as_ref());
                let (mark, look) = match (rule.matched, rule.deny) {
                    (true, false) => ("✓ allows", Style::Good),
                    (true, true) => ("✗ denies", Style::Bad),
                    (false, false) => ("· doesn't allow", Style::Plain),
                    (false, true) => ("· doesn't deny", Style::Plain),
                };
                to.pieces([
                    (format!("    {mark} "), look),
                    (format!("{path}: {}", rule.text), Style::Plain),
                ]);
                for why in &rule.failed {
                    to.line(format!("      {why}"), Style::Quiet);
                }
            }
        }
    }
    for note in &trace.notes {
        to.line(note.clone(), Style::Quiet);
    }
}

fn connection(details: &Details, data: &Data, zone: &Zone, to: &mut Document) {
    let related = &details.related;
    let more = related.connection_more;
    to.section("Flows of the same connection");
    if related.connection.len() <= 1 {
        to.line("No others in memory.", Style::Quiet);
        return;
    }
    if more > 0 {
        to.line(
            format!("{} older flows, then:", grouped(more)),
            Style::Quiet,
        );
    }
    let cells = Cells::default();
    for number in &related.connection {
        let Some(row) = data.row(*number) else {
            continue;
        };
        let this = if *number == details.number {
            "▸ "
        } else {
            "  "
        };
        let arrow = match row.is_reply() {
            Some(true) => "<-",
            Some(false) | None => "->",
        };
        let port = row.port(Side::Destination).unwrap_or(0);
        let what = format::packet(row);
        to.pieces([
            (
                format!("{this}{} {arrow} ", zone.clock(row.time())),
                Style::Plain,
            ),
            (
                AttributeId::Verdict.text(row, &cells),
                Style::Verdict(row.verdict()),
            ),
            (
                format!(
                    " {} to port {port} {what} {}",
                    AttributeId::Type.text(row, &cells),
                    row.node()
                ),
                Style::Plain,
            ),
        ]);
    }
}
