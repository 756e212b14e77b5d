//! Asking nodes: one after the other until one knows, or all at once.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{sleep, timeout};
use tonic::{Code, Response, Status, transport::Channel};

use super::ANSWER_WITHIN;
use crate::{
    peer::{Link, Peer},
    relay::Relay,
};

/// What a node says that can't answer any question.
const UNABLE: [Code; 6] = [
    Code::Unavailable,
    Code::Unimplemented,
    Code::DeadlineExceeded,
    Code::ResourceExhausted,
    Code::Cancelled,
    Code::Internal,
];
/// A node that has not answered by then gets company.
const NEXT_AFTER: Duration = Duration::from_secs(1);

/// A node's answer, within a time.
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_elapsed) => Err(Status::deadline_exceeded(format!(
            "no answer within {} s",
            limit.as_secs()
        ))),
    }
}

/// The first answer to be had, and whose it is: of the preferred nodes, then of the others.
///
/// # Errors
/// A node refused the question, or none could answer.
pub(super) async fn first<T, F>(
    relay: &Relay,
    preferred: &[&str],
    question: impl Fn(Channel) -> F,
) -> Result<(Arc<str>, T), Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut nodes = relay.connected();
    let place = |name: &Arc<str>| {
        let place = preferred.iter().position(|node| **node == **name);
        place.unwrap_or(preferred.len())
    };
    nodes.sort_by_key(|(name, _)| place(name));
    let mut nodes = nodes.into_iter();
    let question = &question;
    let ask = |(name, channel): (Arc<str>, Channel)| async move {
        (name, within(ANSWER_WITHIN, question(channel)).await)
    };
    let mut asked = FuturesUnordered::new();
    let mut last = Status::unavailable("no node is connected");
    loop {
        if asked.is_empty() {
            match nodes.next() {
                Some(node) => asked.push(ask(node)),
                None => return Err(last),
            }
        }
        tokio::select! {
            Some((name, answer)) = asked.next() => match answer {
                Ok(answer) => return Ok((name, answer)),
                // Another node can do better only where this one can do nothing.
                Err(status) if UNABLE.contains(&status.code()) => {
                    last = Status::new(status.code(), format!("{name}: {}", status.message()));
                }
                Err(status) => return Err(status),
            },
            () = sleep(NEXT_AFTER) => asked.extend(nodes.next().map(ask)),
        }
    }
}

/// The answers of all nodes, and a note for each that gave none.
///
/// # Errors
/// No node answered.
pub(crate) async fn all<T, F>(
    relay: &Relay,
    question: impl Fn(Channel) -> F,
) -> Result<(Vec<T>, Vec<String>), Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let question = &question;
    let ask = |channel| async move { question(channel).await.map(Response::into_inner) };
    let (mut answers, mut notes) = (Vec::new(), Vec::new());
    let mut last = None;
    for (name, peer, answer) in relay.ask_all(ask).await {
        let why = match answer {
            Some(Ok(answer)) => {
                answers.push(answer);
                continue;
            }
            Some(Err(status)) => {
                let why = said(&status).to_owned();
                last = Some(Status::new(status.code(), format!("{name}: {why}")));
                why
            }
            None => format!("it is not connected: {}", why_not(&peer)),
        };
        notes.push(format!("{name} is not included: {why}"));
    }
    match (answers.is_empty(), last) {
        (false, _) => Ok((answers, notes)),
        (true, Some(status)) => Err(status),
        (true, None) if notes.is_empty() => Err(Status::unavailable("no node is connected")),
        (true, None) => Err(Status::unavailable(notes.join("; "))),
    }
}

fn why_not(peer: &Peer) -> &str {
    match &peer.link {
        Link::Unavailable { why } => why,
        Link::Connected { .. } => "the connection was just lost",
    }
}

/// A node's refusal in words.
pub(super) fn said(status: &Status) -> &str {
    match (status.code(), status.message()) {
        (Code::Unimplemented, _) => "it does not support policy queries: it is not a flows agent",
        (_, "") => status.code().description(),
        (_, text) => text,
    }
}

/// Notes of a node, with its name where they lack it.
pub(crate) fn of_node(name: &str, notes: Vec<String>) -> impl Iterator<Item = String> {
    notes
        .into_iter()
        .map(move |note| match note.starts_with(&format!("{name} ")) {
            true => note,
            false => format!("{name}: {note}"),
        })
}
