//! One stream: judged, forwarded to the server, and its response back, both ways at the same time.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response};

use super::answer;
use super::body::{CopyError, Trailers, copy, size};
use super::head::{Incoming, is_grpc};
use super::held::Both;
use super::server::{NoServer, Server};
use crate::http::Service;
use crate::http::answer::{Answer, DENIED};
use crate::http::limits::Limits;
use crate::http::record::{Failure, Protocol};
use crate::http::refusal::Refusal;
use crate::http::request::{RequestLog, reject};
use crate::splice::Activity;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// With a response, or reset by the proxy or the server.
    Ended,
    /// Reset by the client.
    Reset,
}

/// Serves a stream to its end. Others don't notice.
pub(super) async fn serve<'s>(
    service: &'s Service<'s>,
    server: &Server,
    held: &Both,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> StreamEnd {
    let (parts, body) = request.into_parts();
    let is_grpc = is_grpc(&parts.headers);
    let is_head = parts.method == Method::HEAD;
    let incoming = Incoming::new(service, &parts);
    let length = size(&parts.headers);
    drop(parts);
    let mut respond_with = |mut answer: Answer, log: Option<&RequestLog<'_>>| {
        answer.is_bare = is_head;
        answer::send(&mut respond, &answer, is_grpc, log);
    };
    let (body, refusal) = match incoming {
        Incoming::Forwarded(request, log, mut guard) => {
            let exchange = Exchange {
                held,
                head: length,
                limits: service.limits,
                activity: Activity::new(),
                log: &log,
            };
            // The guard keeps the head.
            let _kept = held.up.keep_head(length);
            return tokio::select! {
                outcome = exchange.run(server, *request, body, &mut respond) => {
                    outcome.tell(&log, is_grpc, is_head, &mut respond)
                }
                () = guard.withdrawn() => {
                    // What was dropped just now resets the server's stream so.
                    respond.send_reset(Reason::CANCEL);
                    StreamEnd::Ended
                }
            };
        }
        Incoming::Denied(log) => {
            respond_with(Answer::new(403, DENIED), Some(&log));
            (body, None)
        }
        Incoming::Failed(failure, log) => {
            log.failed(Some(502), failure);
            respond_with(Answer::of_status(502), None);
            (body, None)
        }
        // gRPC's clients follow no redirects.
        Incoming::Redirected(path) => {
            let refusal = Refusal::EscapedSlash;
            let status = if is_grpc { 400 } else { 307 };
            let mut answer = Answer::new(status, format!("{refusal}\r\n"));
            answer.location = Some(path);
            respond_with(answer, None);
            (body, Some(refusal))
        }
        Incoming::Refused(refusal) => {
            let status = refusal.status().unwrap_or(400);
            respond_with(Answer::new(status, format!("{refusal}\r\n")), None);
            (body, Some(refusal))
        }
    };
    if let Some(refusal) = refusal {
        reject(service, Protocol::Http2, refusal);
    }
    discard(body, service.limits).await;
    StreamEnd::Ended
}

/// Reads what a client still sends on a stream that is answered, up to a limit. A stream whose request isn't whole is
/// reset behind its answer (RFC 9113, 8.1), and some clients then miss the answer: curl 7.88 does.
async fn discard(mut body: RecvStream, limits: &Limits) {
    let discarding = async {
        let mut discarded = 0;
        while let Some(Ok(data)) = body.data().await {
            discarded += data.len();
            if discarded as u64 > limits.drained
                || body.flow_control().release_capacity(data.len()).is_err()
            {
                break;
            }
        }
    };
    // Later it is reset.
    drop(tokio::time::timeout(limits.drain, discarding).await);
}

/// How the way of a forwarded request ended.
enum End {
    Whole,
    /// The client reset the stream, or is gone.
    Client(h2::Error),
    /// The server can't be reached: with this answer.
    Unreached(Failure),
    /// Nothing of it reached the server: the client may send it again.
    NotSent,
    /// The server reset the stream, or is gone.
    Server(h2::Error),
    Stalled,
    /// The request has trailers.
    Trailers,
}

/// A request that is forwarded.
struct Exchange<'e> {
    held: &'e Both,
    /// Bytes of its head.
    head: usize,
    limits: &'e Limits,
    activity: Activity,
    log: &'e RequestLog<'e>,
}

/// How far the response is: the end and, once the response has begun, what it is sent by.
struct Outcome {
    end: End,
    begun: Option<SendStream<Bytes>>,
}

impl Exchange<'_> {
    async fn run(
        &self,
        server: &Server,
        request: Request<()>,
        mut body: RecvStream,
        respond: &mut SendResponse<Bytes>,
    ) -> Outcome {
        let before = |end| Outcome { end, begun: None };
        let mut stalled = pin!(self.activity.none_for(self.limits.stalled));
        // Until the response begins.
        let waiting = self.held.up.keep(self.head, &mut body);
        let sender = tokio::select! {
            sender = ready(server) => sender,
            error = poll_fn(|cx| reset(respond.poll_reset(cx))) => return before(End::Client(error)),
            () = &mut stalled => return before(End::Stalled),
        };
        let mut sender = match sender {
            Ok(sender) => sender,
            Err(end) => return before(end),
        };
        self.activity.note();
        let (mut response, mut to_server) = match sender.send_request(request, body.is_end_stream())
        {
            Ok(sent) => sent,
            Err(error) => return before(End::Server(error)),
        };
        let mut send = pin!(copy(
            &mut body,
            &mut to_server,
            Trailers::Refused,
            &self.activity,
            &self.held.up,
        ));
        let mut is_sent = false;
        let response = loop {
            tokio::select! {
                sent = &mut send, if !is_sent => match sent {
                    // Why the server reads no more, its response says.
                    Ok(()) | Err(CopyError::Reader(_)) => is_sent = true,
                    Err(CopyError::Sender(error)) => return before(End::Client(error)),
                    Err(CopyError::Trailers) => return before(End::Trailers),
                },
                head = poll_fn(|cx| poll_head(&mut response, cx)) => match head {
                    Ok(Head::Interim(interim)) => {
                        self.activity.note();
                        if let Err(error) = respond.send_informational(interim) {
                            return before(End::Client(error));
                        }
                    }
                    Ok(Head::Last(response)) => break response,
                    Err(error) => return before(End::Server(error)),
                },
                error = poll_fn(|cx| reset(respond.poll_reset(cx))) => {
                    return before(End::Client(error));
                }
                () = &mut stalled => return before(End::Stalled),
            }
        };
        drop(waiting);
        self.activity.note();
        let (mut parts, mut body) = response.into_parts();
        self.log
            .responded(parts.status.as_u16(), lines(&parts.headers));
        self.held.down.handed_on(size(&parts.headers));
        parts.version = http::Version::HTTP_2;
        let response = Response::from_parts(parts, ());
        let mut to_client = match respond.send_response(response, body.is_end_stream()) {
            Ok(to_client) => to_client,
            Err(error) => return before(End::Client(error)),
        };
        let end = {
            let down = &self.held.down;
            let mut receive = pin!(copy(
                &mut body,
                &mut to_client,
                Trailers::Passed,
                &self.activity,
                down
            ));
            let mut is_received = false;
            loop {
                // A client that still sends may do so: its reset shows there as well.
                if is_received && is_sent {
                    break End::Whole;
                }
                tokio::select! {
                    sent = &mut send, if !is_sent => match sent {
                        Ok(()) | Err(CopyError::Reader(_)) => is_sent = true,
                        Err(CopyError::Sender(error)) => break End::Client(error),
                        Err(CopyError::Trailers) => break End::Trailers,
                    },
                    received = &mut receive, if !is_received => match received {
                        Ok(()) => is_received = true,
                        Err(CopyError::Reader(error)) => break End::Client(error),
                        Err(CopyError::Sender(error)) => break End::Server(error),
                        Err(CopyError::Trailers) => break End::Trailers,
                    },
                    () = &mut stalled => break End::Stalled,
                }
            }
        };
        Outcome {
            end,
            begun: Some(to_client),
        }
    }
}

impl Outcome {
    /// Tells the client and the log how it ended.
    fn tell(
        self,
        log: &RequestLog<'_>,
        is_grpc: bool,
        is_head: bool,
        respond: &mut SendResponse<Bytes>,
    ) -> StreamEnd {
        let (status, failure, reason) = match self.end {
            End::Whole => return StreamEnd::Ended,
            End::Client(error) => {
                log.failed(None, Failure::Client(into_io(error)));
                return StreamEnd::Reset;
            }
            End::NotSent => {
                log.failed(None, Failure::ServerClosed);
                respond.send_reset(Reason::REFUSED_STREAM);
                return StreamEnd::Ended;
            }
            End::Unreached(failure) => (503, failure, None),
            End::Stalled => (504, Failure::Stalled, None),
            End::Trailers => (400, Failure::Trailers, Some(Reason::PROTOCOL_ERROR)),
            End::Server(error) => {
                let reason = error.reason().filter(|_| error.is_reset());
                (502, Failure::Server(into_io(error)), reason)
            }
        };
        match (self.begun, reason) {
            (Some(mut body), reason) => {
                log.failed(None, failure);
                body.send_reset(reason.unwrap_or(Reason::INTERNAL_ERROR));
            }
            // What the server didn't look at may be sent again: the client is to know.
            (None, Some(Reason::REFUSED_STREAM)) => {
                log.failed(None, failure);
                respond.send_reset(Reason::REFUSED_STREAM);
            }
            (None, _) => {
                log.failed(Some(status), failure);
                let mut answer = Answer::of_status(status);
                answer.is_bare = is_head;
                answer::send(respond, &answer, is_grpc, None);
            }
        }
        StreamEnd::Ended
    }
}

/// The connection to the server, with room for a stream.
async fn ready(server: &Server) -> Result<SendRequest<Bytes>, End> {
    let sender = server.sender().await.map_err(|error| match error {
        NoServer::Failed(failure) => End::Unreached(failure),
        NoServer::Gone => End::NotSent,
    })?;
    // It said that it takes no more streams, or is gone.
    sender.ready().await.map_err(|_error| End::NotSent)
}

/// The head of a response.
enum Head {
    /// One before the one that counts.
    Interim(Response<()>),
    Last(Response<RecvStream>),
}

fn poll_head(response: &mut ResponseFuture, cx: &mut Context<'_>) -> Poll<Result<Head, h2::Error>> {
    match response.poll_informational(cx) {
        Poll::Ready(Some(Ok(interim))) => return Poll::Ready(Ok(Head::Interim(interim))),
        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
        Poll::Ready(None) | Poll::Pending => {}
    }
    Pin::new(response)
        .poll(cx)
        .map(|response| response.map(Head::Last))
}

/// A reset by the client, or its end.
fn reset(polled: Poll<Result<Reason, h2::Error>>) -> Poll<h2::Error> {
    polled.map(|reset| reset.map_or_else(|error| error, Into::into))
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    let headers = headers.iter();
    headers.map(|(name, value)| (name.as_str(), value.as_bytes()))
}

fn into_io(error: h2::Error) -> io::Error {
    if error.is_io() {
        let io = error.into_io();
        return io.unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into());
    }
    io::Error::other(error)
}
