//! What two ends allow together, each told by its own node: a port gets through if both allow it.

use std::collections::BTreeSet;

use proto::flows::v1::{Judgement, TraceResponse, trace_response::Verdict};

/// Ports (ICMP: types) of a protocol, both ends included.
type Span = (String, u16, u16);

/// Reads `8080/TCP`, `8000-9000/TCP`, `UDP`, `ICMP type 8`, `ICMP types 3-5`.
fn span(text: &str) -> Option<Span> {
    let range = |numbers: &str| {
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    if let Some((numbers, protocol)) = text.split_once('/') {
        let (first, last) = range(numbers)?;
        return Some((protocol.to_owned(), first, last));
    }
    if let Some((protocol, numbers)) = text.split_once(" type") {
        let (first, last) = range(numbers.trim_start_matches('s').trim())?;
        return Some((protocol.to_owned(), first, last));
    }
    let (first, last) = all_of(text);
    Some((text.to_owned(), first, last))
}

fn all_of(protocol: &str) -> (u16, u16) {
    match protocol {
        "ICMP" | "ICMPv6" => (0, 255),
        _ => (1, u16::MAX),
    }
}

fn written((protocol, first, last): &Span) -> String {
    let icmp = protocol.starts_with("ICMP");
    match (first, last) {
        _ if (*first, *last) == all_of(protocol) => protocol.clone(),
        (first, last) if first == last && icmp => format!("{protocol} type {first}"),
        (first, last) if icmp => format!("{protocol} types {first}-{last}"),
        (first, last) if first == last => format!("{first}/{protocol}"),
        (first, last) => format!("{first}-{last}/{protocol}"),
    }
}

/// Whether spans have a port.
fn have(spans: &[Span], protocol: &str, port: u16) -> bool {
    spans
        .iter()
        .any(|(of, first, last)| of == protocol && (*first..=*last).contains(&port))
}

/// Sets what is allowed and denied over both ends, and the verdict, from what each end says. An older
/// agent doesn't tell it of each end: then its own answer stays.
pub(super) fn both_ends(whole: &mut TraceResponse) {
    let ends: Vec<&Judgement> = whole.egress.iter().chain(&whole.ingress).collect();
    let told = |end: &&Judgement| !(end.allowed_ports.is_empty() && end.denied_ports.is_empty());
    if ends.is_empty() || !ends.iter().all(told) {
        return;
    }
    let read = |texts: &[String]| {
        texts
            .iter()
            .map(|text| span(text))
            .collect::<Option<Vec<_>>>()
    };
    let mut allowed: Vec<Vec<Span>> = Vec::new();
    let mut order: Vec<String> = Vec::new();
    let mut starts: BTreeSet<(usize, u16)> = BTreeSet::new();
    for end in ends {
        let (Some(yes), Some(no)) = (read(&end.allowed_ports), read(&end.denied_ports)) else {
            return;
        };
        for (protocol, first, last) in yes.iter().chain(&no) {
            let known = order.iter().position(|known| known == protocol);
            let place = known.unwrap_or_else(|| {
                order.push(protocol.clone());
                order.len() - 1
            });
            starts.insert((place, *first));
            let next = last
                .checked_add(1)
                .filter(|next| *next <= all_of(protocol).1);
            starts.extend(next.map(|next| (place, next)));
        }
        allowed.push(yes);
    }
    let starts: Vec<(usize, u16)> = starts.into_iter().collect();
    let mut merged: Vec<(Span, bool)> = Vec::new();
    for (at, (place, first)) in starts.iter().enumerate() {
        let protocol = &order[*place];
        let last = match starts.get(at + 1) {
            Some((next, start)) if next == place => start - 1,
            _ => all_of(protocol).1,
        };
        let both = allowed.iter().all(|spans| have(spans, protocol, *first));
        match merged.last_mut() {
            Some(((of, _, end), same)) if of == protocol && *same == both => *end = last,
            _ => merged.push(((protocol.clone(), *first, last), both)),
        }
    }
    let list = |wanted: bool| {
        let some = merged.iter().filter(|(_, both)| *both == wanted);
        some.map(|(span, _)| written(span)).collect::<Vec<_>>()
    };
    whole.allowed_ports = list(true);
    whole.denied_ports = list(false);
    let all = whole.denied_ports.is_empty();
    let verdict = if all {
        Verdict::Allowed
    } else {
        Verdict::Denied
    };
    whole.verdict = verdict.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_have_to_allow_a_port() {
        let end = |allowed: &[&str], denied: &[&str]| {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            Some(Judgement {
                allowed_ports: texts(allowed),
                denied_ports: texts(denied),
                ..Judgement::default()
            })
        };
        let mut whole = TraceResponse {
            egress: end(
                &["80-443/TCP", "UDP", "ICMP types 0-8"],
                &["1-79/TCP", "444-65535/TCP", "ICMP types 9-255"],
            ),
            ingress: end(
                &["443/TCP", "53/UDP", "ICMP type 8"],
                &[
                    "1-442/TCP",
                    "444-65535/TCP",
                    "1-52/UDP",
                    "54-65535/UDP",
                    "ICMP types 0-7",
                    "ICMP types 9-255",
                ],
            ),
            verdict: Verdict::Allowed.into(),
            ..TraceResponse::default()
        };
        both_ends(&mut whole);
        assert_eq!(whole.verdict(), Verdict::Denied);
        assert_eq!(whole.allowed_ports, ["443/TCP", "53/UDP", "ICMP type 8"]);
        assert_eq!(
            whole.denied_ports,
            [
                "1-442/TCP",
                "444-65535/TCP",
                "1-52/UDP",
                "54-65535/UDP",
                "ICMP types 0-7",
                "ICMP types 9-255"
            ]
        );
        // Nothing of an end is told: what the node said stays.
        let mut whole = TraceResponse {
            egress: end(&[], &[]),
            allowed_ports: vec!["TCP".to_owned()],
            verdict: Verdict::Allowed.into(),
            ..TraceResponse::default()
        };
        both_ends(&mut whole);
        assert_eq!(
            (whole.verdict(), whole.allowed_ports.len()),
            (Verdict::Allowed, 1)
        );
    }
}
