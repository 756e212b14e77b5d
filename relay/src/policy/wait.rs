//! Waits until all nodes have a change.

use std::{sync::Arc, time::Duration};

use futures::future::try_join_all;
use proto::flows::v1::{WaitRevisionRequest, WaitRevisionResponse};
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::{Code, Request, Status};

use super::{ask::said, client};
use crate::{peer::Link, relay::Relay};

/// A node that broke off is asked again after this.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long the nodes' words may take to come, at most.
const WORDS_TAKE: Duration = Duration::from_secs(1);

/// What a node's end or a broken connection looks like.
const BROKE_OFF: [Code; 4] = [
    Code::Unavailable,
    Code::Cancelled,
    Code::Unknown,
    Code::Internal,
];

/// What became of a node.
enum Node {
    There(WaitRevisionResponse),
    /// Not when the time was up; why.
    NotYet(String),
    /// It is no node any more.
    Gone,
}

/// Waits for all nodes, those included that aren't connected yet, as long as the client does.
///
/// # Errors
/// A node refuses what is waited for, or the time is up: the text names the nodes that aren't there.
pub(super) async fn wait(
    relay: &Relay,
    request: Request<WaitRevisionRequest>,
) -> Result<WaitRevisionResponse, Status> {
    let timeout = requested_timeout(&request);
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let wanted = request.into_inner();
    let peers = Arc::clone(&relay.peers().borrow());
    if peers.is_empty() {
        return Err(Status::unavailable("no node is known"));
    }
    let waiting = peers.keys().map(|name| {
        let wanted = wanted.clone();
        async move {
            let node = of_node(relay, name, wanted, deadline).await?;
            Ok::<_, Status>((Arc::clone(name), node))
        }
    });
    // The first refusal ends it.
    let nodes = try_join_all(waiting).await?;
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for (name, node) in nodes {
        match node {
            Node::There(answer) => there.push(answer),
            Node::NotYet(why) if why.starts_with(&format!("{name} ")) => missing.push(why),
            Node::NotYet(why) => missing.push(format!("{name} {why}")),
            Node::Gone => {}
        }
    }
    if !missing.is_empty() {
        let all = there.len() + missing.len();
        return Err(Status::deadline_exceeded(format!(
            "{} of {all} nodes have it; {}",
            there.len(),
            missing.join("; ")
        )));
    }
    let generation = there.iter().map(|answer| answer.generation).min();
    Ok(WaitRevisionResponse {
        generation: generation.unwrap_or_default(),
        nodes: there,
        ..WaitRevisionResponse::default()
    })
}

/// How long the client waits for words.
fn requested_timeout(request: &Request<WaitRevisionRequest>) -> Option<Duration> {
    match request.get_ref().patience_ms {
        0 => proto::deadline(request.metadata().get("grpc-timeout")?.to_str().ok()?)
            .map(|left| left - (left / 5).min(WORDS_TAKE)),
        millis => Some(Duration::from_millis(millis.into())),
    }
}

/// Waits for one node, over all its connections.
///
/// # Errors
/// It refuses, or can't tell at all.
async fn of_node(
    relay: &Relay,
    name: &Arc<str>,
    wanted: WaitRevisionRequest,
    deadline: Option<Instant>,
) -> Result<Node, Status> {
    let mut peers = relay.peers();
    let mut why = "does not answer".to_owned();
    loop {
        let link = {
            let peers = peers.borrow_and_update();
            match peers.get(name) {
                None => return Ok(Node::Gone),
                Some(peer) => peer.link.clone(),
            }
        };
        let channel = match link {
            Link::Connected { channel, .. } => channel,
            Link::Unavailable { why } => {
                let changed = async { peers.changed().await.is_ok() };
                match before(deadline, changed).await {
                    Some(true) => continue,
                    Some(false) | None => {
                        return Ok(Node::NotYet(format!("is not connected: {why}")));
                    }
                }
            }
        };
        // The node itself says how far it is, a little before our time is up.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let words = left.map(|left| left - (left / 5).min(WORDS_TAKE));
        let patience_ms = words.map_or(0, |words| {
            u32::try_from(words.as_millis()).unwrap_or(u32::MAX).max(1)
        });
        let request = WaitRevisionRequest {
            patience_ms,
            ..wanted.clone()
        };
        let mut client = client(channel);
        let answer = before(deadline, client.wait_revision(request)).await;
        let status = match answer {
            None => return Ok(Node::NotYet(why)),
            Some(Ok(answer)) => return Ok(Node::There(answer.into_inner())),
            Some(Err(status)) => status,
        };
        if status.code() == Code::DeadlineExceeded {
            return Ok(Node::NotYet(status.message().to_owned()));
        }
        if !BROKE_OFF.contains(&status.code()) {
            let text = format!("{name}: {}", said(&status));
            return Err(Status::new(status.code(), text));
        }
        why = format!("does not answer: {}", said(&status));
        let again = Instant::now() + AGAIN_AFTER;
        if before(deadline, sleep_until(again)).await.is_none() {
            return Ok(Node::NotYet(why));
        }
    }
}

/// What comes before the deadline, if there is one.
async fn before<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}
