//! Answers of the policy engine as people read them.

use std::fmt::{self, Write as _};

use explain::proto::path_text;
use proto::flow::{DropReason, Verdict};
use proto::flows::v1::{
    Judgement, NameResolution, Party, TraceResponse, judgement::Reason,
    trace_response::Verdict as Answer,
};

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// A trace; its last line is the verdict. Colours are for the writer to take out.
pub(super) fn trace(answer: &TraceResponse) -> String {
    let mut text = String::new();
    // A string takes everything.
    let written = write_trace(&mut text, answer);
    debug_assert!(written.is_ok(), "writing into a string");
    text
}

fn write_trace(out: &mut String, answer: &TraceResponse) -> fmt::Result {
    if answer.cases.is_empty() {
        return write_case(out, answer);
    }
    writeln!(
        out,
        "{BOLD}Pods of several nodes have these labels, and the answers differ:{PLAIN}"
    )?;
    for case in &answer.cases {
        writeln!(out)?;
        write_case(out, case)?;
    }
    // Those of the case that stands for all are shown with it.
    let told = |note: &&String| answer.cases.iter().any(|case| case.notes.contains(note));
    for (n, note) in answer.notes.iter().filter(|note| !told(note)).enumerate() {
        let gap = if n == 0 { "\n" } else { "" };
        writeln!(out, "{gap}Note: {note}")?;
    }
    let allowed = answer
        .cases
        .iter()
        .filter(|case| case.verdict() == Answer::Allowed);
    writeln!(
        out,
        "\nOverall: {} ({} of {} answers allow it)",
        verdict(answer),
        allowed.count(),
        answer.cases.len()
    )
}

fn write_case(out: &mut String, answer: &TraceResponse) -> fmt::Result {
    let name = |party: &Option<Party>| {
        party
            .as_ref()
            .map(|party| party.name.clone())
            .unwrap_or_default()
    };
    let (source, destination) = (name(&answer.source), name(&answer.destination));
    let port = match answer.protocol.as_str() {
        _ if answer.any_port => "any port".to_owned(),
        "ICMP" | "ICMPv6" => format!("{} type {}", answer.protocol, answer.port),
        protocol => format!("{}/{protocol}", answer.port),
    };
    let request = match answer.request.as_str() {
        "" => String::new(),
        request => format!(": {request}"),
    };
    writeln!(
        out,
        "{BOLD}{source} -> {destination} {port}{request}{PLAIN}"
    )?;
    let mut nodes = answer.egress.iter().chain(&answer.ingress);
    let several = nodes.any(|judgement| {
        !judgement.node_name.is_empty() && judgement.node_name != answer.node_name
    });
    if !answer.node_name.is_empty() && !several {
        writeln!(
            out,
            "answered by node {} at revision {}",
            answer.node_name, answer.revision
        )?;
    }
    for (direction, judgement, party, name) in [
        ("Egress", &answer.egress, &answer.source, &source),
        (
            "Ingress",
            &answer.ingress,
            &answer.destination,
            &destination,
        ),
    ] {
        writeln!(out)?;
        match judgement {
            Some(judgement) => {
                judged(out, direction, name, judgement, several)?;
                requested(out, judgement, &answer.request)?;
            }
            None => {
                let kind = party.as_ref().and_then(|party| {
                    let mut reserved = party
                        .labels
                        .iter()
                        .filter_map(|l| l.strip_prefix("reserved:"));
                    reserved.next()
                });
                writeln!(
                    out,
                    "{direction} at {name}: not judged, not a pod{}",
                    match kind {
                        Some(kind) if !name.contains(kind) => format!(" ({kind})"),
                        _ => String::new(),
                    }
                )?;
            }
        }
    }
    if let Some(resolution) = &answer.resolution {
        let NameResolution {
            name,
            allowed,
            text,
            ..
        } = resolution;
        let verdict = match allowed {
            true => format!("{GREEN}ALLOWED{PLAIN}"),
            false => format!("{RED}DENIED{PLAIN}"),
        };
        writeln!(out, "\nName {name}: {verdict}\n  {text}")?;
    }
    for suggestion in &answer.suggestions {
        match (
            suggestion.text.strip_prefix("then "),
            suggestion.policy.is_empty() && suggestion.yaml.is_empty(),
        ) {
            (Some(next), _) => writeln!(out, "\nThen {next}")?,
            (None, true) => writeln!(out, "\nNo rule to offer: {}", suggestion.text)?,
            (None, false) => writeln!(out, "\nTo allow it: {}", suggestion.text)?,
        }
        for line in suggestion.yaml.lines() {
            writeln!(out, "    {line}")?;
        }
    }
    let ask = match answer.any_port && !answer.denied_ports.is_empty() {
        true => "name a port (--dport 5432) to see what would allow it",
        false => "",
    };
    let notes = answer.notes.iter().map(String::as_str);
    for (n, note) in notes
        .chain(Some(ask).filter(|ask| !ask.is_empty()))
        .enumerate()
    {
        let gap = if n == 0 { "\n" } else { "" };
        writeln!(out, "{gap}Note: {note}")?;
    }
    let resolution = answer.resolution.as_ref();
    let is_unresolved = resolution.is_some_and(|resolution| !resolution.allowed);
    let is_of_ports = answer.any_port && answer.verdict() != Answer::Unknown && !is_unresolved;
    let verdict = match is_of_ports {
        true => on_ports(&answer.allowed_ports, &answer.denied_ports),
        false => verdict(answer),
    };
    writeln!(out, "\nVerdict: {verdict}")
}

/// The verdict in its colour.
fn verdict(answer: &TraceResponse) -> String {
    match answer.verdict() {
        Answer::Allowed => format!("{GREEN}ALLOWED{PLAIN}"),
        Answer::Denied => format!("{RED}DENIED{PLAIN}"),
        Answer::Unknown => format!(
            "{YELLOW}UNKNOWN{PLAIN}: some of the selected pods have no answer; the others are allowed"
        ),
        Answer::Unspecified => {
            format!("{YELLOW}UNKNOWN{PLAIN}: the server gives no verdict that is known here")
        }
    }
}

/// What is allowed and what is denied, the shorter list spelled out.
fn on_ports(allowed: &[String], denied: &[String]) -> String {
    const SHOWN: usize = 8;
    let list = |ports: &[String]| match ports.len().saturating_sub(SHOWN) {
        0 => ports.join(", "),
        more => format!("{} and {more} more", ports[..SHOWN].join(", ")),
    };
    let (yes, no) = (
        format!("{GREEN}ALLOWED{PLAIN}"),
        format!("{RED}DENIED{PLAIN}"),
    );
    match (allowed.is_empty(), denied.is_empty()) {
        (_, true) => format!("{yes} on every port"),
        (true, _) => format!("{no} on every port"),
        _ if allowed.len() <= denied.len() => {
            format!("{yes} on {}, {no} on everything else", list(allowed))
        }
        _ => format!("{no} on {}, {yes} on everything else", list(denied)),
    }
}

fn judged(
    out: &mut String,
    direction: &str,
    name: &str,
    judgement: &Judgement,
    several: bool,
) -> fmt::Result {
    // Of a question about any port.
    let (yes, no) = (&judgement.allowed_ports, &judgement.denied_ports);
    let some = !yes.is_empty() && !no.is_empty();
    let verdict = match judgement.verdict() {
        _ if some => on_ports(yes, no),
        Verdict::Forwarded => format!("{GREEN}ALLOWED{PLAIN}"),
        Verdict::Redirected => format!("{GREEN}ALLOWED{PLAIN}, through the proxy"),
        Verdict::Unknown
        | Verdict::Dropped
        | Verdict::Error
        | Verdict::Audit
        | Verdict::Traced
        | Verdict::Translated => {
            let why = if judgement.drop_reason() == DropReason::PolicyDeny {
                "a rule denies it"
            } else {
                "no rule allows it"
            };
            format!("{RED}DENIED{PLAIN}, {why}")
        }
    };
    let by = match several {
        true => format!(
            " (node {}, revision {})",
            judgement.node_name, judgement.revision
        ),
        false => String::new(),
    };
    writeln!(out, "{direction} at {name}: {verdict}{by}")?;
    let denied = judgement.verdict() == Verdict::Dropped;
    let by_rule = matches!(
        judgement.reason(),
        Reason::Allow | Reason::Deny | Reason::DefaultDeny
    );
    if !by_rule {
        writeln!(out, "  {}", judgement.text)?;
    }
    for policy in &judgement.policies {
        // Of an allowed connection the rules that allow it are enough.
        let rules = policy
            .rules
            .iter()
            .filter(|rule| denied || rule.matched)
            .collect::<Vec<_>>();
        if rules.is_empty() && !denied {
            continue;
        }
        let place = match policy.place.is_empty() {
            true => String::new(),
            false => format!(" ({})", policy.place),
        };
        let role = match policy.default_deny {
            true => ", default deny",
            false => ", no default deny",
        };
        writeln!(
            out,
            "  {BOLD}{}{PLAIN}{place} selects it{role}",
            policy.policy
        )?;
        for rule in rules {
            let verb = if rule.deny { "denies" } else { "allows" };
            let mark = match (rule.matched, rule.deny) {
                (true, true) => format!("{RED}matches{PLAIN}"),
                (true, false) if denied && !some => {
                    "matches, but a deny rule takes precedence".to_owned()
                }
                (true, false) => format!("{GREEN}matches{PLAIN}"),
                (false, _) => "does not match".to_owned(),
            };
            let path = path_text(rule.path.as_ref());
            writeln!(out, "    {path}: {verb} {}: {mark}", rule.text)?;
            for failed in &rule.failed {
                writeln!(out, "      {failed}")?;
            }
        }
        if policy.rules.is_empty() {
            writeln!(out, "    it allows nothing")?;
        }
    }
    Ok(())
}

/// What an end says of the request that is asked about.
fn requested(out: &mut String, judgement: &Judgement, request: &str) -> fmt::Result {
    let verdict = judgement.verdict();
    let Some(said) = &judgement.request else {
        return match request.is_empty() || verdict != Verdict::Forwarded {
            true => Ok(()),
            false => writeln!(
                out,
                "  {request}: {GREEN}ALLOWED{PLAIN}, no rule of layer 7 reads it here"
            ),
        };
    };
    let (yes, no) = (
        format!("{GREEN}ALLOWED{PLAIN}"),
        format!("{RED}DENIED{PLAIN}"),
    );
    let Some(rule) = &said.rule else {
        let verdict = if said.allowed { yes } else { no };
        return writeln!(out, "  {request}: {verdict}\n    {}", said.text);
    };
    let kind = flow::format::short_kind(rule.kind().as_str_name());
    let policy = match rule.namespace.as_str() {
        "" => format!("{kind} {}", rule.name),
        namespace => format!("{kind} {namespace}/{}", rule.name),
    };
    let says = match rule.text.as_str() {
        "" => String::new(),
        text => format!(" ({text})"),
    };
    let path = path_text(rule.path.as_ref());
    match said.allowed {
        true => writeln!(
            out,
            "  {request}: {yes}\n    {path} of {policy}{says}: matches"
        ),
        false => writeln!(
            out,
            "  {request}: {no}, no rule of layer 7 allows it\n    nearest: {path} of {policy}{says}: {}",
            said.failed
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither the colour nor the word of an answer, whatever was asked; and it is said who is missing.
    #[test]
    fn what_not_all_have_answered_is_unknown() {
        let note = "3 more nodes with such pods were not queried";
        let case = |verdict: Answer| TraceResponse {
            verdict: verdict.into(),
            ..TraceResponse::default()
        };
        for (any_port, cases) in [(false, 0), (true, 0), (false, 2)] {
            let text = trace(&TraceResponse {
                any_port,
                allowed_ports: vec!["TCP".to_owned()],
                cases: vec![case(Answer::Allowed); cases],
                notes: vec![note.to_owned()],
                ..case(Answer::Unknown)
            });
            let last = text.lines().last().unwrap_or_default();
            assert!(last.contains("UNKNOWN\u{1b}[0m: some of"), "{text}");
            assert!(!last.contains("ALLOWED"), "{text}");
            assert_eq!(text.matches(note).count(), 1, "{text}");
        }
    }
}
