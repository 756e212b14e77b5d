//! A connection of HTTP/1.1: one request after the other. Pipelined ones wait in the client's socket, so that
//! each is judged by the rules of its own moment, and answered in order.
//!
//! ```text
//! input     what was read and not consumed
//! body      counted and copied
//! response  a response's head, read and written
//! relay     responses to the client
//! exchange  a request and its response
//! tunnel    a WebSocket
//! ```

mod body;
mod exchange;
mod input;
mod relay;
mod response;
mod tunnel;

use std::io;

use bytes::BytesMut;
use l7::http::{Framing, Head, HeadReader, HeaderChange, Upgrade};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout};

use self::body::Body;
use self::exchange::{Forward, Next, Server};
use self::input::{BODY_PIECE, HEAD_PIECE, Input};
use self::response::Asked;
use super::answer::{Answer, DENIED};
use super::record::{Failure, Protocol};
use super::refusal::Refusal;
use super::request::{Guard, Judged, RequestLog, judge, reject};
use super::{Ended, Service};
use crate::deadline::Deadline;

/// Serves a connection whose first bytes are in `begun`.
pub(super) async fn serve<C, U, F>(
    service: &Service<'_>,
    begun: BytesMut,
    client: C,
    connect: impl Fn() -> F,
) -> Ended
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = io::Result<U>>,
{
    let (input, output) = tokio::io::split(client);
    let connection = Connection {
        service,
        client: Input::new(begun, input, service.room.share()),
        output,
        server: None,
        deadline: Deadline::new(Instant::now() + service.limits.idle),
    };
    connection.run(connect).await
}

struct Connection<'s, C, U> {
    service: &'s Service<'s>,
    client: Input<ReadHalf<C>>,
    output: WriteHalf<C>,
    server: Option<Server<U>>,
    /// Of what is waited for now.
    deadline: Deadline,
}

/// A request, when its head was read.
enum Incoming<'s> {
    Forwarded(Forward<'s>, Guard<'s>),
    Answered(Answer, Shape, Option<RequestLog<'s>>),
    Refused(Refusal),
    /// There is none any more.
    None,
}

/// What follows the head of a request that isn't forwarded.
#[derive(Clone, Copy, Debug)]
struct Shape {
    framing: Framing,
    expects_continue: bool,
    closes: bool,
}

impl<'s, C, U> Connection<'s, C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    async fn run<F>(mut self, connect: impl Fn() -> F) -> Ended
    where
        F: Future<Output = io::Result<U>>,
    {
        loop {
            let mut guard = None;
            let next = match self.incoming().await {
                Incoming::None => Next::Close,
                Incoming::Refused(refusal) => self.refuse(refusal).await,
                Incoming::Answered(answer, shape, log) => {
                    self.answer(&answer, shape, log.as_ref()).await
                }
                Incoming::Forwarded(forward, its) => {
                    let guard = guard.insert(its);
                    tokio::select! {
                        next = self.forward(forward, &connect) => next,
                        () = guard.withdrawn() => Next::Cut,
                    }
                }
            };
            match next {
                Next::Request => {}
                Next::Cut => return Ended::Cut,
                Next::Frames => {
                    let (Some(server), Some(guard)) = (&mut self.server, &mut guard) else {
                        return Ended::Cut;
                    };
                    let idle = self.service.limits.idle;
                    let (client, output) = (&mut self.client, &mut self.output);
                    return tokio::select! {
                        ended = tunnel::run(client, output, server, idle) => ended,
                        () = guard.withdrawn() => Ended::Cut,
                    };
                }
                Next::Close => {
                    self.linger().await;
                    return Ended::Closed;
                }
                Next::Answer { status, is_head } => {
                    let mut answer = Answer::of_status(status);
                    answer.is_bare = is_head;
                    if !self.write_answer(&answer, true, None).await {
                        return Ended::Cut;
                    }
                    self.linger().await;
                    return Ended::Closed;
                }
            }
        }
    }

    /// Reads the head of the next request, and judges it. Meanwhile a server that closes ends the connection.
    async fn incoming(&mut self) -> Incoming<'s> {
        let limits = self.service.limits;
        self.client.keep(0);
        self.client.release();
        if let Some(server) = &mut self.server {
            server.input.release();
        }
        let mut reader = HeadReader::new();
        self.deadline.set(Instant::now() + limits.idle);
        let mut has_begun = false;
        loop {
            if !self.client.bytes().is_empty() {
                match reader.read(self.client.bytes()) {
                    Ok(Some(head)) => {
                        let length = head.length;
                        let bytes = self.client.bytes().get(..length).unwrap_or_default();
                        let incoming = Incoming::new(self.service, &head, bytes);
                        let is_kept = matches!(incoming, Incoming::Forwarded(..));
                        self.client.consume(length);
                        self.client.keep(if is_kept { length } else { 0 });
                        return incoming;
                    }
                    Ok(None) => {}
                    Err(error) => return Incoming::Refused(error.into()),
                }
                if !has_begun {
                    has_begun = true;
                    self.deadline.set(Instant::now() + limits.head);
                }
            }
            let server = async {
                match &mut self.server {
                    // Bytes that nothing asked for, as its end, mean that no response can follow.
                    Some(server) => drop(server.input.fill(HEAD_PIECE).await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                read = self.client.fill(HEAD_PIECE) => match read {
                    Ok(1..) => {}
                    Ok(0) if self.client.bytes().iter().any(|byte| !b"\r\n".contains(byte)) => {
                        return Incoming::Refused(Refusal::Incomplete);
                    }
                    Ok(0) | Err(_) => return Incoming::None,
                },
                () = server => return Incoming::None,
                () = self.deadline.passed() => {
                    return if has_begun { Incoming::Refused(Refusal::Late) } else { Incoming::None };
                }
            }
        }
    }

    async fn refuse(&mut self, refusal: Refusal) -> Next {
        let status = refusal.status();
        let answer = status.map(|status| Answer::new(status, format!("{refusal}\r\n")));
        reject(self.service, Protocol::Http1, refusal);
        match answer {
            Some(answer) if !self.write_answer(&answer, true, None).await => Next::Cut,
            Some(_) | None => Next::Close,
        }
    }

    /// Answers a request that isn't forwarded, and goes on behind it, if its body is short: else where the next
    /// request begins isn't known before all of it was read.
    async fn answer(
        &mut self,
        answer: &Answer,
        shape: Shape,
        log: Option<&RequestLog<'_>>,
    ) -> Next {
        let limits = self.service.limits;
        let is_short = match shape.framing {
            Framing::Length(0) => true,
            // Whether a client that waits for 100 now sends the body, nobody knows.
            Framing::Length(_) | Framing::Chunked if shape.expects_continue => false,
            Framing::Length(length) => length <= limits.drained,
            Framing::Chunked => true,
        };
        let closes = shape.closes || !is_short;
        if !self.write_answer(answer, closes, log).await {
            return Next::Cut;
        }
        if closes {
            return Next::Close;
        }
        let body = Body::of_request(shape.framing);
        match timeout(limits.drain, body.drain(&mut self.client, limits.drained)).await {
            Ok(true) => Next::Request,
            Ok(false) | Err(_) => Next::Close,
        }
    }

    /// Forwards a request, over the connection to the server that is opened now if there is none.
    async fn forward<F>(&mut self, forward: Forward<'_>, connect: &impl Fn() -> F) -> Next
    where
        F: Future<Output = io::Result<U>>,
    {
        let limits = self.service.limits;
        let server = match &mut self.server {
            Some(server) => server,
            None => {
                let failure = match timeout(limits.connect, connect()).await {
                    Ok(Ok(stream)) => {
                        let (input, output) = tokio::io::split(stream);
                        let server = self.server.insert(Server {
                            input: Input::new(BytesMut::new(), input, self.service.room.share()),
                            output,
                            has_answered: false,
                        });
                        let (client, output) = (&mut self.client, &mut self.output);
                        let deadline = &mut self.deadline;
                        return exchange::exchange(
                            client, output, server, forward, limits, deadline,
                        )
                        .await;
                    }
                    Ok(Err(error)) => Failure::Connect(error),
                    Err(_) => Failure::ConnectTimeout,
                };
                forward.log.failed(Some(503), failure);
                let mut answer = Answer::new(503, "The server cannot be reached\r\n");
                answer.is_bare = forward.asked.is_head;
                let shape = Shape {
                    framing: forward.framing,
                    expects_continue: forward.expects_continue,
                    closes: forward.asked.closes,
                };
                return self.answer(&answer, shape, None).await;
            }
        };
        let (client, output) = (&mut self.client, &mut self.output);
        let deadline = &mut self.deadline;
        exchange::exchange(client, output, server, forward, limits, deadline).await
    }

    /// Whether the answer could be written.
    async fn write_answer(
        &mut self,
        answer: &Answer,
        closes: bool,
        log: Option<&RequestLog<'_>>,
    ) -> bool {
        let headers = answer.headers();
        if let Some(log) = log {
            let headers = headers.iter();
            log.responded(
                answer.status,
                headers.map(|(name, value)| (*name, value.as_slice())),
            );
        }
        let bytes = answer.write(&headers, closes);
        let write = async {
            self.output.write_all(&bytes).await?;
            self.output.flush().await
        };
        matches!(
            timeout(self.service.limits.stalled, write).await,
            Ok(Ok(()))
        )
    }

    /// Ends the connection so that the last response arrives: what the client still sends is read for a while,
    /// since unread bytes would have the kernel reset the connection.
    async fn linger(&mut self) {
        self.server = None;
        let read = async {
            self.output.shutdown().await?;
            while self.client.fill(BODY_PIECE).await? > 0 {
                self.client.consume(usize::MAX);
            }
            io::Result::Ok(())
        };
        // Nothing follows, whatever comes of it.
        drop(timeout(self.service.limits.drain, read).await);
    }
}

impl<'s> Incoming<'s> {
    /// Judges a head, which is these bytes.
    fn new(service: &'s Service<'s>, head: &Head<'_>, bytes: &[u8]) -> Self {
        let shape = Shape {
            framing: head.framing,
            expects_continue: head.expects_continue,
            closes: head.closes,
        };
        let is_head = head.method == "HEAD";
        match judge(service, Protocol::Http1, service.scheme, head, bytes) {
            Judged::Forwarded(path, mut effects, log, guard) => {
                if head.expects_continue {
                    // The proxy tells the client to go on: what the server makes of the body's end must not depend
                    // on who waits for whom.
                    effects.changes.push(HeaderChange::Remove("Expect".into()));
                }
                let forward = Forward {
                    head: head.write(&path, &effects),
                    framing: head.framing,
                    asked: Asked {
                        is_head,
                        is_websocket: head.upgrade == Upgrade::WebSocket,
                        closes: head.closes,
                    },
                    expects_continue: head.expects_continue && head.framing != Framing::Length(0),
                    log,
                };
                Self::Forwarded(forward, guard)
            }
            Judged::Denied(log) => {
                let mut answer = Answer::new(403, DENIED);
                answer.is_bare = is_head;
                Self::Answered(answer, shape, Some(log))
            }
            Judged::Redirected(path) => {
                let refusal = Refusal::EscapedSlash;
                let mut answer = Answer::new(307, format!("{refusal}\r\n"));
                answer.location = Some(path);
                answer.is_bare = is_head;
                reject(service, Protocol::Http1, refusal);
                Self::Answered(answer, shape, None)
            }
            Judged::Refused(refusal) => Self::Refused(refusal),
        }
    }
}
