//! A trace in which each end is judged by the node that would judge its packets.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use proto::flow::{TrafficDirection, Verdict};
use proto::flows::v1::{Judgement, Party, TraceRequest, TraceResponse, trace_response};
use tonic::Status;

use super::{ask, cases, client, ports};
use crate::relay::Relay;

/// How long a second node may take: there is an answer already.
const SECOND_WITHIN: Duration = Duration::from_secs(5);

/// How many pairs of nodes are asked at a time.
const AT_ONCE: usize = 8;

/// Asks the nodes of both ends; where pods of several nodes were meant, those of each.
pub(super) async fn trace(relay: &Relay, request: &TraceRequest) -> Result<TraceResponse, Status> {
    let first = first(relay, request).await?;
    let (questions, left_out) = cases::questions(request, &first.1);
    if questions.is_empty() {
        return both_ends(relay, request, first).await;
    }
    let answers = futures::stream::iter(questions).map(|question| async move {
        let first = self::first(relay, &question).await?;
        both_ends(relay, &question, first).await
    });
    let answers: Vec<Result<TraceResponse, Status>> = answers.buffered(AT_ONCE).collect().await;
    // A pod that has just gone has no say; no answer at all is an error.
    let (mut good, mut bad) = (Vec::new(), None);
    for answer in answers {
        match answer {
            Ok(answer) => good.push(answer),
            Err(status) => bad = Some(status),
        }
    }
    match (good.is_empty(), bad) {
        (true, Some(status)) => Err(status),
        (_, bad) => {
            let failed = bad.map(|status| ask::said(&status).to_owned());
            Ok(cases::merged(first.1, good, left_out, failed.as_deref()))
        }
    }
}

async fn first(relay: &Relay, request: &TraceRequest) -> Result<(Arc<str>, TraceResponse), Status> {
    let question = |channel| {
        let request = request.clone();
        async move { client(channel).trace(request).await }
    };
    ask::first(relay, &[], question).await
}

/// Completes a node's answer: each end is judged by its own node, if that is another and connected.
async fn both_ends(
    relay: &Relay,
    request: &TraceRequest,
    (name, mut whole): (Arc<str>, TraceResponse),
) -> Result<TraceResponse, Status> {
    let question = |channel| {
        let request = request.clone();
        async move { client(channel).trace(request).await }
    };
    let source = judge(&whole.egress, &whole.source);
    let destination = judge(&whole.ingress, &whole.destination);
    let others = [&destination, &source].map(|node| node.as_deref().filter(|node| **node != *name));
    for (at, node) in others.into_iter().enumerate() {
        let Some(node) = node.filter(|node| at == 0 || others[0] != Some(*node)) else {
            continue;
        };
        let mut connected = relay.connected().into_iter();
        let channel = connected.find(|(name, _)| **name == *node);
        let answer = match channel {
            None => Err("is not connected".to_owned()),
            Some((_, channel)) => ask::within(SECOND_WITHIN, question(channel))
                .await
                .map_err(|status| format!("gave no result ({})", ask::said(&status))),
        };
        match answer {
            Ok(answer) => {
                if source.as_deref() == Some(node) {
                    take_egress(&mut whole, &answer);
                }
                if destination.as_deref() == Some(node) {
                    take_ingress(&mut whole, &answer);
                }
                for note in answer.notes {
                    if !whole.notes.contains(&note) {
                        whole.notes.push(note);
                    }
                }
            }
            Err(why) => whole.notes.push(format!(
                "{node}, which evaluates one of the ends, {why}; answered by {name}"
            )),
        }
    }
    Ok(concluded(whole))
}

/// The node that judges an end.
fn judge(judgement: &Option<Judgement>, party: &Option<Party>) -> Option<String> {
    let party = party.as_ref().filter(|_| judgement.is_some())?;
    (!party.node_name.is_empty()).then(|| party.node_name.clone())
}

fn take_egress(whole: &mut TraceResponse, answer: &TraceResponse) {
    whole.egress.clone_from(&answer.egress);
    whole.source.clone_from(&answer.source);
    whole.resolution.clone_from(&answer.resolution);
    take_suggestions(whole, answer, TrafficDirection::Egress);
}

fn take_ingress(whole: &mut TraceResponse, answer: &TraceResponse) {
    whole.ingress.clone_from(&answer.ingress);
    whole.destination.clone_from(&answer.destination);
    take_suggestions(whole, answer, TrafficDirection::Ingress);
}

fn take_suggestions(
    whole: &mut TraceResponse,
    answer: &TraceResponse,
    direction: TrafficDirection,
) {
    let of = |suggestion: &&proto::flows::v1::Suggestion| suggestion.direction() == direction;
    whole
        .suggestions
        .retain(|suggestion| suggestion.direction() != direction);
    let own = answer.suggestions.iter().filter(of).cloned();
    whole.suggestions.extend(own);
    // In the order of a packet's way.
    whole
        .suggestions
        .sort_by_key(|suggestion| suggestion.direction() != TrafficDirection::Egress);
}

/// The verdict of both ends, and who is to be named for it.
fn concluded(mut whole: TraceResponse) -> TraceResponse {
    let denies = |judgement: &&Judgement| {
        let request = judgement.request.as_ref();
        judgement.verdict() == Verdict::Dropped || request.is_some_and(|request| !request.allowed)
    };
    let judgements: Vec<&Judgement> = whole.egress.iter().chain(&whole.ingress).collect();
    let denying = judgements.iter().copied().find(denies);
    let telling = denying.or(judgements.last().copied());
    let told = telling.map(|judgement| (judgement.node_name.clone(), judgement.revision));
    let resolution = whole.resolution.as_ref();
    let is_unresolved = resolution.is_some_and(|resolution| !resolution.allowed);
    let verdict = match denying {
        Some(_) => trace_response::Verdict::Denied,
        None if is_unresolved => trace_response::Verdict::Denied,
        None => trace_response::Verdict::Allowed,
    };
    if whole.any_port {
        ports::both_ends(&mut whole);
    }
    if !whole.any_port || is_unresolved {
        whole.verdict = verdict.into();
    }
    // An older agent doesn't name the node of each end.
    if let Some((node_name, revision)) = told.filter(|(node_name, _)| !node_name.is_empty()) {
        whole.node_name = node_name;
        whole.revision = revision;
    }
    whole
}

#[cfg(test)]
mod tests {
    use proto::flows::v1::{NameResolution, RequestJudgement};
    use trace_response::Verdict as Answer;

    use super::*;

    #[test]
    fn a_request_that_one_end_denies_and_a_name_that_is_not_learned_are_denied() {
        let judgement = |node: &str, allowed| Judgement {
            verdict: Verdict::Redirected.into(),
            node_name: node.to_owned(),
            request: Some(RequestJudgement {
                allowed,
                ..RequestJudgement::default()
            }),
            ..Judgement::default()
        };
        let resolution = |allowed| NameResolution {
            allowed,
            ..NameResolution::default()
        };
        for (egress, ingress, resolved, any_port, verdict, node) in [
            (true, true, true, false, Answer::Allowed, "b"),
            (false, true, true, false, Answer::Denied, "a"),
            (true, false, true, false, Answer::Denied, "b"),
            (true, true, false, false, Answer::Denied, "b"),
            (true, true, false, true, Answer::Denied, "b"),
        ] {
            let whole = concluded(TraceResponse {
                egress: Some(judgement("a", egress)),
                ingress: Some(judgement("b", ingress)),
                resolution: Some(resolution(resolved)),
                any_port,
                ..TraceResponse::default()
            });
            assert_eq!((whole.verdict(), &*whole.node_name), (verdict, node));
        }
    }
}
