//! A trace about labels that pods of several nodes have: each node answers for its own pods, and what is
//! the same is told once.

use proto::flow::Verdict;
use proto::flows::v1::{
    End, Judgement, Party, TraceRequest, TraceResponse, end::Of, judgement::Reason,
    trace_response::Verdict as Answer,
};

/// The most pairs of pods that are asked about.
const MOST: usize = 64;

/// The questions that one about labels stands for, a pod of each node in turn; empty if it is about one
/// node's pods alone. Also how many more there would be.
pub(super) fn questions(
    request: &TraceRequest,
    answer: &TraceResponse,
) -> (Vec<TraceRequest>, usize) {
    let pods = |party: &Option<Party>| {
        let pods = party.iter().flat_map(|party| &party.pods);
        pods.cloned().collect::<Vec<String>>()
    };
    let (sources, destinations) = (pods(&answer.source), pods(&answer.destination));
    let all = sources.len().max(destinations.len());
    let end = |pods: &[String], number: usize, asked: &Option<End>| match pods {
        [] => asked.clone(),
        pods => Some(End {
            of: Some(Of::Pod(pods[number % pods.len()].clone())),
        }),
    };
    let one = |number| TraceRequest {
        source: end(&sources, number, &request.source),
        destination: end(&destinations, number, &request.destination),
        ..request.clone()
    };
    (
        (0..all.min(MOST)).map(one).collect(),
        all.saturating_sub(MOST),
    )
}

/// The answers in one: as they are if all say the same, else one for each that differs. `first` is the
/// answer to the question about labels; `left_out` questions were not asked, and `failed` says why one had
/// no answer. A denial is one whatever the others say, but not all are allowed where some aren't known.
pub(super) fn merged(
    first: TraceResponse,
    answers: Vec<TraceResponse>,
    left_out: usize,
    failed: Option<&str>,
) -> TraceResponse {
    let mut classes: Vec<(TraceResponse, Vec<String>)> = Vec::new();
    for answer in answers {
        let known = classes.iter_mut().find(|(known, _)| same(known, &answer));
        match known {
            Some((known, alike)) => {
                alike.push(who(&first, &answer));
                for note in answer.notes {
                    if !known.notes.contains(&note) {
                        known.notes.push(note);
                    }
                }
            }
            None => classes.push((answer, Vec::new())),
        }
    }
    let mut cases: Vec<TraceResponse> = classes
        .into_iter()
        .map(|(mut case, alike)| {
            case.notes.extend(told_alike(&alike));
            case
        })
        .collect();
    let denied = cases
        .iter()
        .position(|case| case.verdict() == Answer::Denied);
    let mut whole = match cases.get(denied.unwrap_or(0)) {
        Some(case) => case.clone(),
        None => return first,
    };
    if denied.is_none() && (left_out > 0 || failed.is_some()) {
        whole.verdict = Answer::Unknown.into();
    }
    if left_out > 0 {
        whole.notes.push(format!(
            "{left_out} more nodes with such pods were not queried"
        ));
    }
    let failed = failed.map(|why| format!("no result from some nodes: {why}"));
    whole.notes.extend(failed);
    match cases.len() {
        1 => {
            // About all of them, not the one that was asked last.
            whole.source = first.source;
            whole.destination = first.destination;
        }
        _ => whole.cases = std::mem::take(&mut cases),
    }
    whole
}

/// The pods of an answer that stand for their nodes.
fn who(first: &TraceResponse, answer: &TraceResponse) -> String {
    let names = [
        (&first.source, &answer.source),
        (&first.destination, &answer.destination),
    ];
    let names = names.into_iter().filter_map(|(asked, party)| {
        let spread = asked.as_ref().is_some_and(|asked| !asked.pods.is_empty());
        let party = party.as_ref().filter(|_| spread)?;
        Some(match party.node_name.as_str() {
            "" => party.name.clone(),
            node => format!("{} on {node}", party.name),
        })
    });
    names.collect::<Vec<_>>().join(" -> ")
}

fn told_alike(alike: &[String]) -> Option<String> {
    const SHOWN: usize = 4;
    let shown = alike[..alike.len().min(SHOWN)].join(", ");
    match (alike.len(), alike.len().saturating_sub(SHOWN)) {
        (0, _) => None,
        (_, 0) => Some(format!("the same applies to {shown}")),
        (_, more) => Some(format!("the same applies to {shown} and {more} more")),
    }
}

/// Whether two answers say the same, whoever gives them.
fn same(one: &TraceResponse, other: &TraceResponse) -> bool {
    let identity = |party: &Option<Party>| party.as_ref().map(|party| party.identity);
    type Said<'a> = (Verdict, i32, Reason, &'a str, Option<&'a str>);
    fn said(judgement: &Option<Judgement>) -> Option<Said<'_>> {
        let judgement = judgement.as_ref()?;
        Some((
            judgement.verdict(),
            judgement.drop_reason,
            judgement.reason(),
            &judgement.text,
            judgement
                .request
                .as_ref()
                .map(|request| request.text.as_str()),
        ))
    }
    let resolution = |answer: &TraceResponse| {
        let resolution = answer.resolution.as_ref();
        resolution.map(|resolution| resolution.text.clone())
    };
    one.verdict == other.verdict
        && resolution(one) == resolution(other)
        && (&one.allowed_ports, &one.denied_ports) == (&other.allowed_ports, &other.denied_ports)
        && identity(&one.source) == identity(&other.source)
        && identity(&one.destination) == identity(&other.destination)
        && (said(&one.egress), said(&one.ingress)) == (said(&other.egress), said(&other.ingress))
}
