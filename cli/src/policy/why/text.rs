//! The answer as people read it.

use std::fmt::{self, Write as _};

use flow::{
    print::escape,
    quantity::grouped,
    time::{TimeFormat, Zone},
};
use proto::{
    flow::Verdict,
    flows::v1::{Change, Judgement, change::Action},
    google::Timestamp,
};

use super::Answer;

/// Nodes' clocks differ by so much, and a change is told once it is in force (ns).
const SLACK: i64 = 2_000_000_000;

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
    let request = answer.request.as_ref().map(ToString::to_string);
    let asked = request
        .as_ref()
        .map(|request| format!(": {}", escape(request)));
    let asked = asked.unwrap_or_default();
    writeln!(out, "{verdict} {when}  {source} -> {destination}{asked}")?;
    let ends = [
        ("source", &answer.now.egress),
        ("destination", &answer.now.ingress),
    ];
    for ((end, judgement), nearest) in ends.into_iter().zip(&answer.nearest) {
        if let Some(judgement) = judgement {
            judged(out, end, judgement)?;
        }
        if let Some(nearest) = nearest {
            writeln!(out, "    nearest rule: {nearest}")?;
        }
    }
    if request.is_some() && answer.found.allowed && !is_read(answer) {
        writeln!(
            out,
            "  no rule of layer 7 reads what this connection carries"
        )?;
    }
    for note in &answer.known_to_agents {
        writeln!(out, "  note: {}", escape(note))?;
    }
    past(out, answer, zone)?;
    denied_requests(out, answer, zone)?;
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
    writeln!(out, "  at the {end}: {verdict}, {}", judgement.text)?;
    let Some(request) = &judgement.request else {
        return Ok(());
    };
    let rule = request.rule.as_ref().map_or("", |rule| &rule.text);
    match (request.allowed, rule) {
        (true, "") => writeln!(out, "    the request: {}", request.text),
        (true, rule) => writeln!(out, "    the request: {} ({rule})", request.text),
        // The nearest rule has a line of its own.
        (false, "") if request.rule.is_some() => {
            writeln!(out, "    the request: denied, no rule of layer 7 allows it")
        }
        (false, "") => writeln!(out, "    the request: {}", request.text),
        (false, rule) => writeln!(
            out,
            "    the request: denied, no rule of layer 7 allows it; the nearest allows {rule}"
        ),
    }
}

/// Whether the rules of an end judge the request.
fn is_read(answer: &Answer<'_>) -> bool {
    answer.verdicts.iter().any(|end| end.request.is_some())
}

/// Requests that were denied on connections that are allowed, and how to ask about them.
fn denied_requests(out: &mut String, answer: &Answer<'_>, zone: &Zone) -> fmt::Result {
    let past = &answer.past;
    if !answer.found.allowed || past.requests.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "But requests on such connections were denied by rules of layer 7:"
    )?;
    for of in &past.requests {
        let moment = Timestamp::from_unix_nanos(of.last);
        let last = format!("{} {}", zone.clock(of.last), zone.abbreviation(moment));
        let reason = match of.reason.as_str() {
            "" => String::new(),
            reason => format!(": {}", escape(reason)),
        };
        writeln!(
            out,
            "  x{} {}, the last at {last}{reason}",
            grouped(of.number),
            escape(&of.subject)
        )?;
        if !of.command.is_empty() {
            writeln!(out, "    {}", escape(&of.command))?;
        }
    }
    match past.more_requests {
        0 => Ok(()),
        more => writeln!(out, "  and {} kinds more", grouped(more as u64)),
    }
}

fn past(out: &mut String, answer: &Answer<'_>, zone: &Zone) -> fmt::Result {
    let time = |ns: i64| {
        let moment = Timestamp::from_unix_nanos(ns);
        format!("{} {}", zone.clock(ns), zone.abbreviation(moment))
    };
    let past = &answer.past;
    let is_request = answer.request.is_some() && is_read(answer);
    let (one, several, denied) = match is_request {
        true => ("1 request", "requests", "denied"),
        false => ("1 packet", "packets", "dropped"),
    };
    let drops = |drops: u64| match drops {
        1 => one.to_owned(),
        drops => format!("{} {several}", grouped(drops)),
    };
    if let Some((why, last, drops)) = &past.otherwise {
        writeln!(
            out,
            "But {} dropped for another reason than policy, the last at {}: {}.",
            match drops {
                1 => "1 packet was".to_owned(),
                drops => format!("{} packets were", grouped(*drops)),
            },
            time(*last),
            escape(why)
        )?;
        let destination = answer.destination.split('/').take(2).collect::<Vec<_>>();
        writeln!(
            out,
            "What that means: flows explain {} {}",
            escape(&answer.source),
            escape(&destination.join("/"))
        )?;
    }
    match (past.worked, past.denied) {
        (None, None) if past.otherwise.is_some() => Ok(()),
        (None, None) if is_request => writeln!(
            out,
            "No such request is among the flows that are held: they tell of requests that rules of layer 7 read."
        ),
        (None, None) => writeln!(out, "No such connection is among the flows that are held."),
        (Some(worked), None) => {
            write!(out, "It was last seen working at {}", time(worked))?;
            if let Some((since, until, number)) = past.before {
                let dropped = drops(number);
                let (since, until) = (time(since), time(until));
                write!(
                    out,
                    "; before that it was denied from {since} to {until} ({dropped})"
                )?;
            }
            writeln!(out, ".")
        }
        (worked, Some((first, last))) => {
            let drops = drops(past.drops);
            let (first, last) = (time(first), time(last));
            match worked {
                Some(worked) => writeln!(
                    out,
                    "It worked until {}, and is denied since {first}: {drops} {denied}, the last at {last}.",
                    time(worked)
                ),
                None => writeln!(
                    out,
                    "It is denied since {first} at least: {drops} {denied}, the last at {last}. None that \
                     worked is among the flows that are held."
                ),
            }
        }
    }
}

fn causes(out: &mut String, answer: &Answer<'_>, zone: &Zone) -> fmt::Result {
    let found = &answer.found;
    if found.allowed && answer.past.otherwise.is_some() {
        // No policy has to do with it.
        return Ok(());
    }
    let other = if found.allowed { "denied" } else { "allowed" };
    let moment = |moment: Option<&Timestamp>| TimeFormat::StampMilli.text(moment, zone);
    let line = |out: &mut String, change: &Change| {
        let place = match change.place.as_str() {
            "" => String::new(),
            place => format!("  ({})", escape(place)),
        };
        let time = moment(change.time.as_ref());
        let (object, summary) = (escape(&change.object), escape(&change.summary));
        let came_or_went = match change.action() {
            Action::Added => " created",
            Action::Removed => " deleted",
            Action::Changed | Action::FirstState | Action::Unspecified => "",
        };
        writeln!(out, "  {time}  {object}{came_or_went}: {summary}{place}")?;
        let at = change.time.unwrap_or_default().unix_nanos();
        let denied = answer.past.denied.map(|(first, _)| first);
        if denied.is_some_and(|first| at.saturating_sub(first) > SLACK) {
            writeln!(out, "    But it was denied before that, too.")?;
        }
        Ok(())
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
            let changes = match causes.len() {
                1 => "this change",
                _ => "any one of these changes",
            };
            writeln!(
                out,
                "\nWithout {changes} it would be {other} (proven on the present state):"
            )?;
            for change in causes {
                line(out, change)?;
            }
        }
    }
    Ok(())
}

fn repair(out: &mut String, answer: &Answer<'_>) -> fmt::Result {
    let causes = answer.found.alone.iter();
    let cause = causes.filter_map(|at| answer.changes.get(*at)).next();
    if let Some(change) = cause {
        let name = match change.namespace.as_str() {
            "" => escape(&change.name),
            namespace => escape(&format!("{namespace}/{}", change.name)),
        };
        let object = escape(&change.object);
        let how = match change.action() {
            Action::Added => format!("delete {object}"),
            Action::Removed => format!("create {object} again"),
            Action::Changed | Action::FirstState | Action::Unspecified
                if change.kind.ends_with("Policy") =>
            {
                format!("flows policy history {name} --diff shows what it was")
            }
            Action::Changed | Action::FirstState | Action::Unspecified => {
                format!("change {object} back")
            }
        };
        writeln!(out, "\nWhat would undo that: {how}")?;
    }
    for suggestion in &answer.now.suggestions {
        let or = if cause.is_some() {
            "What would allow it as things are"
        } else {
            "What would allow it"
        };
        writeln!(out, "\n{or}: {}", suggestion.text)?;
        for line in suggestion.yaml.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}
