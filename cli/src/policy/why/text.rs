//! The answer as people read it.

use std::fmt::{self, Write as _};

use flow::{
    print::escape,
    quantity::grouped,
    time::{TimeFormat, Zone},
};
use proto::{
    flow::Verdict,
    flows::v1::{Change, Judgement},
    google::Timestamp,
};

use super::Answer;

/// In lines.
pub(super) fn of(answer: &Answer<'_>, zone: &Zone) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _written = write(&mut out, answer, zone);
    out
}

fn write(out: &mut String, answer: &Answer<'_>, zone: &Zone) -> fmt::Result {
    let verdict = if answer.found.allowed {
        "ALLOWED"
    } else {
        "DENIED"
    };
    let (source, destination) = (escape(&answer.source), escape(&answer.destination));
    let when = match answer.at.map(Timestamp::unix_nanos) {
        None => "now".to_owned(),
        Some(at) => {
            let name = zone.abbreviation(Timestamp::from_unix_nanos(at));
            format!("at {} {name}", zone.clock(at))
        }
    };
    writeln!(out, "{verdict} {when}  {source} -> {destination}")?;
    for (end, judgement) in [
        ("source", &answer.now.egress),
        ("destination", &answer.now.ingress),
    ] {
        if let Some(judgement) = judgement {
            judged(out, end, judgement)?;
        }
    }
    past(out, answer, zone)?;
    causes(out, answer, zone)?;
    if !answer.found.allowed {
        repair(out, answer)?;
    }
    Ok(())
}

fn judged(out: &mut String, end: &str, judgement: &Judgement) -> fmt::Result {
    let verdict = match judgement.verdict() {
        Verdict::Dropped => "denied",
        Verdict::Forwarded
        | Verdict::Redirected
        | Verdict::Unknown
        | Verdict::Error
        | Verdict::Audit
        | Verdict::Traced
        | Verdict::Translated => "allowed",
    };
    writeln!(out, "  at the {end}: {verdict}, {}", judgement.text)
}

fn past(out: &mut String, answer: &Answer<'_>, zone: &Zone) -> fmt::Result {
    let time = |ns: i64| {
        let moment = Timestamp::from_unix_nanos(ns);
        format!("{} {}", zone.clock(ns), zone.abbreviation(moment))
    };
    let past = &answer.past;
    match (past.worked, past.denied) {
        (None, None) => writeln!(out, "No such connection is among the flows that are held."),
        (Some(worked), None) => writeln!(out, "It worked until {} at least.", time(worked)),
        (worked, Some((first, last))) => {
            let drops = match past.drops {
                1 => "1 packet dropped".to_owned(),
                drops => format!("{} packets dropped", grouped(drops)),
            };
            match worked {
                Some(worked) => {
                    writeln!(
                        out,
                        "It worked until {}, and is denied since {}: {drops}, the last at {}.",
                        time(worked),
                        time(first),
                        time(last)
                    )
                }
                None => {
                    let oldest = past.oldest.unwrap_or(first);
                    writeln!(
                        out,
                        "It is denied since {} at least: {drops}, the last at {}; the flows that are \
                         held, from {} on, have none that worked.",
                        time(first),
                        time(last),
                        time(oldest)
                    )
                }
            }
        }
    }
}

fn causes(out: &mut String, answer: &Answer<'_>, zone: &Zone) -> fmt::Result {
    let found = &answer.found;
    let other = if found.allowed { "denied" } else { "allowed" };
    let moment = |moment: Option<&Timestamp>| TimeFormat::StampMilli.text(moment, zone);
    let line = |out: &mut String, change: &Change| {
        let place = match change.place.as_str() {
            "" => String::new(),
            place => format!("  ({})", escape(place)),
        };
        let time = moment(change.time.as_ref());
        let (object, summary) = (escape(&change.object), escape(&change.summary));
        writeln!(out, "  {time}  {object}: {summary}{place}")
    };
    let causes: Vec<&Change> = found
        .alone
        .iter()
        .filter_map(|at| answer.changes.get(*at))
        .collect();
    match (causes.as_slice(), found.together) {
        ([], Some(together)) => {
            writeln!(
                out,
                "\nNo single change did it; without the newest {together} together it would be {other}:"
            )?;
            for change in answer.changes.iter().rev().take(together) {
                line(out, change)?;
            }
        }
        ([], None) => {
            let recorded = answer.recorded.complete_since.as_ref();
            let since = match recorded {
                Some(_) => format!("since {} ", moment(recorded)),
                None => String::new(),
            };
            let tried = match found.tried {
                0 => "there was none".to_owned(),
                1 => "there was one".to_owned(),
                many => format!("all {} were tried", grouped(many as u64)),
            };
            writeln!(out, "\nNo change recorded {since}did it ({tried}).")?;
        }
        (causes, _) => {
            writeln!(
                out,
                "\nWithout this change it would be {other} (proven on the present state):"
            )?;
            for change in causes {
                line(out, change)?;
            }
        }
    }
    Ok(())
}

fn repair(out: &mut String, answer: &Answer<'_>) -> fmt::Result {
    let causes = answer
        .found
        .alone
        .iter()
        .filter_map(|at| answer.changes.get(*at));
    let mut policies = causes.filter(|change| change.kind.ends_with("Policy"));
    if let Some(change) = policies.next() {
        let name = match change.namespace.as_str() {
            "" => escape(&change.name),
            namespace => escape(&format!("{namespace}/{}", change.name)),
        };
        writeln!(
            out,
            "\nWhat it was before: flows policy history {name} --diff"
        )?;
    }
    for suggestion in &answer.now.suggestions {
        writeln!(out, "\nWhat would allow it: {}", suggestion.text)?;
        for line in suggestion.yaml.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}
