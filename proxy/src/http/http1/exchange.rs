//! A request on its way to the server and its response back, both at the same time: a server may answer before
//! it has read all, and a client may send for as long as it listens.

use std::pin::pin;

use l7::http::Framing;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::body::{Body, CopyError};
use super::input::{HEAD_PIECE, Input};
use super::relay::{Progress, RelayError, Relayed, relay};
use super::response::Asked;
use crate::deadline::Deadline;
use crate::http::limits::Limits;
use crate::http::record::Failure;
use crate::http::request::RequestLog;

/// A request that is forwarded.
pub(super) struct Forward<'s> {
    /// As the server gets it.
    pub(super) head: Vec<u8>,
    pub(super) framing: Framing,
    pub(super) asked: Asked,
    pub(super) expects_continue: bool,
    pub(super) log: RequestLog<'s>,
}

/// The connection to the server.
#[derive(Debug)]
pub(super) struct Server<U> {
    pub(super) input: Input<ReadHalf<U>>,
    pub(super) output: WriteHalf<U>,
    /// Whether it answered a request before.
    pub(super) has_answered: bool,
}

/// What follows a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next one.
    Request,
    /// WebSocket's frames.
    Frames,
    /// Nothing, and nothing is missing.
    Close,
    /// Nothing, in the middle.
    Cut,
    /// Nothing: it failed, and an answer comes instead of the server's.
    Answer {
        status: u16,
        /// Whether it is one to HEAD.
        is_head: bool,
    },
}

/// How the request's way ended.
enum Sent {
    All,
    /// The server's connection takes no more; what it answered may still be there.
    ServerStopped,
    Failed(Failure),
    /// The response was there first, and the rest of the request isn't wanted.
    NotNeeded,
}

/// Forwards a request to the server, and its response to the client.
pub(super) async fn exchange<C, U>(
    client: &mut Input<ReadHalf<C>>,
    output: &mut WriteHalf<C>,
    server: &mut Server<U>,
    forward: Forward<'_>,
    limits: &Limits,
    deadline: &mut Deadline,
) -> Next
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let Forward {
        head,
        framing,
        asked,
        expects_continue,
        log,
    } = forward;
    if expects_continue {
        let text = b"HTTP/1.1 100 Continue\r\n\r\n";
        match timeout(limits.stalled, output.write_all(text)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return failed(&log, Failure::Client(error)),
            Err(_) => return failed(&log, Failure::Stalled),
        }
    }
    let progress = Progress::new();
    let mut received = None;
    let (sent, end) = {
        let mut receive = pin!(relay(&mut server.input, output, asked, &progress, &log));
        let sent = {
            let body = Body::of_request(framing);
            let mut send = pin!(body.copy(head, client, &mut server.output, &progress.activity));
            loop {
                tokio::select! {
                    sent = &mut send => break Sent::new(sent),
                    end = &mut receive, if received.is_none() => {
                        let goes_on = matches!(end, Ok(Relayed { closes: false, .. }));
                        received = Some(end);
                        if !goes_on {
                            break Sent::NotNeeded;
                        }
                    }
                    () = progress.activity.none_for_by(limits.stalled, deadline) => break Sent::Failed(Failure::Stalled),
                }
            }
        };
        // What is still to come.
        let end = match (received, &sent) {
            (Some(end), _) => Some(end),
            (None, Sent::Failed(_)) => None,
            (None, Sent::All | Sent::ServerStopped | Sent::NotNeeded) => {
                let is_sent = matches!(sent, Sent::All);
                tokio::select! {
                    end = &mut receive => Some(end),
                    error = watch(client, &mut server.output), if is_sent => {
                        Some(Err(RelayError::Client(error)))
                    }
                    () = progress.activity.none_for_by(limits.stalled, deadline) => None,
                }
            }
        };
        (sent, end)
    };
    let answer = |status| Next::Answer {
        status,
        is_head: asked.is_head,
    };
    match (sent, end) {
        (Sent::Failed(failure), Some(_)) => {
            // The response is there, the rest of the request is not.
            log.failed(None, failure);
            Next::Cut
        }
        (Sent::Failed(failure), None) => {
            let status = match (&failure, progress.has_begun()) {
                (Failure::Body(_), false) => Some(400),
                (Failure::Stalled, false) => Some(408),
                _ => None,
            };
            log.failed(status, failure);
            status.map_or(Next::Cut, answer)
        }
        (_, None) => {
            let status = (!progress.has_begun()).then_some(504);
            log.failed(status, Failure::Stalled);
            status.map_or(Next::Cut, answer)
        }
        (Sent::All, Some(Ok(relayed))) => {
            server.has_answered = true;
            match relayed {
                Relayed { switches: true, .. } => Next::Frames,
                Relayed { closes: true, .. } => Next::Close,
                // What the server sends unasked would be taken for the next response.
                Relayed { .. } if !server.input.bytes().is_empty() => Next::Close,
                Relayed { .. } => Next::Request,
            }
        }
        (Sent::ServerStopped | Sent::NotNeeded, Some(Ok(_))) => Next::Close,
        (_, Some(Err(error))) => {
            // A server closes connections that are idle; a request that meets that, the client sends again by
            // itself, if nothing but the connection's end answers it (RFC 9112, 9.3.1).
            let meets_end = server.has_answered && matches!(error, RelayError::NoResponse(_));
            let is_clients = matches!(error, RelayError::Client(_));
            let answers = !progress.has_begun() && !meets_end && !is_clients;
            let status = answers.then_some(502);
            log.failed(status, error.into_failure());
            match status {
                Some(status) => answer(status),
                None if meets_end => Next::Close,
                None => Next::Cut,
            }
        }
    }
}

impl Sent {
    fn new(sent: Result<(), CopyError>) -> Self {
        match sent {
            Ok(()) => Self::All,
            Err(CopyError::Write(_)) => Self::ServerStopped,
            Err(CopyError::Read(error)) => Self::Failed(Failure::Client(error)),
            Err(CopyError::Ended) => Self::Failed(Failure::ClientClosed),
            Err(CopyError::Chunks(error)) => Self::Failed(Failure::Body(error)),
        }
    }
}

fn failed(log: &RequestLog<'_>, failure: Failure) -> Next {
    log.failed(None, failure);
    Next::Cut
}

/// Sees a client that resets, and hands its half-close to the server, once nothing more is to be judged: whether
/// the client still gets its response is the server's to say, as without a proxy. Reads ahead one piece at most.
async fn watch(
    client: &mut Input<impl AsyncRead + Unpin>,
    server: &mut (impl AsyncWrite + Unpin),
) -> std::io::Error {
    while client.bytes().len() < HEAD_PIECE && !client.has_ended() {
        if let Err(error) = client.fill(HEAD_PIECE).await {
            return error;
        }
    }
    if client.has_ended() && client.bytes().is_empty() {
        // A server that is gone shows where its response is read.
        drop(server.shutdown().await);
    }
    std::future::pending().await
}
