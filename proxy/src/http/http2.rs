//! A connection of HTTP/2: its streams, each judged by itself, over one connection to the server.
//!
//! ```text
//! head     a stream's head, by the reader of HTTP/1.1, and as the server gets it
//! stream   one stream: judged, forwarded, answered
//! body     data and trailers, within both ends' windows
//! held     what of them the other end doesn't take
//! server   the connection to the server
//! resets   how many streams a client may reset
//! wakes    which of these is polled
//! ```
//!
//! All of it is one task: what a connection may cost is bounded by its windows and its number of streams, and what all
//! of a client's connections hold of that by its room.

mod answer;
mod body;
mod head;
mod held;
mod resets;
mod server;
mod stream;
mod wakes;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::Request;
use l7::http::MAX_HEAD;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use self::held::{Both, Gated};
use self::resets::Resets;
use self::server::Server;
use self::stream::StreamEnd;
use self::wakes::Wakes;
use super::limits::Limits;
use super::preface::Begun;
use super::record::Protocol;
use super::refusal::Refusal;
use super::request::reject;
use super::{Ended, Service};
use crate::deadline::Deadline;

/// Most bytes of a head that h2 decodes: those that our reader refuses as too long get an answer that says so.
const MAX_HEADER_LIST: u32 = 64 * 1024;
const _: () = assert!(MAX_HEADER_LIST as usize > MAX_HEAD);

/// Streams that h2 itself resets before it takes the client for an attacker.
const MAX_FAULTY_STREAMS: usize = 100;

/// Bytes of a stream that are handed on and not written: a frame.
const SEND_BUFFER: usize = 16 * 1024;

/// The window of a connection in each direction: RFC 9113, 6.9.2 has no smaller one.
fn connection_window(limits: &Limits) -> u32 {
    // 6.9.1.
    limits.connection_window.clamp((1 << 16) - 1, (1 << 31) - 1)
}

/// A stream of the client, and what answers it.
type Asked = (Request<RecvStream>, SendResponse<Bytes>);

/// The next stream. Meanwhile what can be written is.
fn poll_accept<C: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut h2::server::Connection<C, Bytes>,
    held: &Both,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Asked, h2::Error>>> {
    held.up.begin_turn();
    let polled = connection.poll_accept(cx);
    held.down.was_polled(polled.is_pending());
    polled
}

/// Lets a connection that takes no more streams end.
async fn close<C: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut h2::server::Connection<C, Bytes>,
    held: &Both,
    limits: &Limits,
) {
    let closed = poll_fn(|cx| {
        held.up.begin_turn();
        connection.poll_closed(cx)
    });
    // Later it is cut.
    drop(timeout(limits.drain, closed).await);
}

/// Serves a connection, its preface included.
pub(super) async fn serve<C, U, F>(
    service: &Service<'_>,
    client: Begun<C>,
    connect: impl Fn() -> F,
) -> Ended
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = io::Result<U>>,
{
    let limits = service.limits;
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(limits.stream_window)
        .initial_connection_window_size(connection_window(limits))
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(MAX_HEADER_LIST)
        // All may be reset at once, and what their senders still send is no error.
        .max_concurrent_reset_streams(limits.streams as usize)
        .max_local_error_reset_streams(Some(MAX_FAULTY_STREAMS))
        .max_send_buffer_size(SEND_BUFFER);
    let held = Both::new(service.room);
    let client = Gated::new(client, &held.up, &held.down);
    let handshake = builder.handshake::<_, Bytes>(client);
    let Ok(Ok(mut connection)) = timeout(limits.head, handshake).await else {
        return Ended::Closed;
    };
    let server = Server::default();
    let mut driver = pin!(server.drive(limits, &held, connect));
    let mut has_driver = true;
    let mut resets = Resets::new(limits, Instant::now());
    let mut streams = FuturesUnordered::new();
    let mut idle = Deadline::new(Instant::now() + limits.idle);
    let (to_accept, to_drive) = (Wakes::new(), Wakes::new());
    let error = loop {
        let is_idle = streams.is_empty();
        tokio::select! {
            // Ended streams are counted before new ones come.
            biased;
            Some(end) = streams.next() => {
                idle.set(Instant::now() + limits.idle);
                if end == StreamEnd::Reset && !resets.take(Instant::now()) {
                    reject(service, Protocol::Http2, Refusal::Resets);
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    close(&mut connection, &held, limits).await;
                    return Ended::Cut;
                }
            }
            () = poll_fn(|cx| to_drive.poll(cx, |cx| driver.as_mut().poll(cx))), if has_driver => {
                has_driver = false;
                if held.given_up().is_some() {
                    break None;
                }
                connection.graceful_shutdown();
                to_accept.wake();
            }
            accepted = poll_fn(|cx| to_accept.poll(cx, |cx| poll_accept(&mut connection, &held, cx))) => match accepted {
                Some(Ok((request, respond))) => {
                    streams.push(stream::serve(service, &server, &held, request, respond));
                }
                Some(Err(error)) => break Some(error),
                None => break None,
            },
            () = idle.passed(), if is_idle => {
                connection.graceful_shutdown();
                close(&mut connection, &held, limits).await;
                return Ended::Closed;
            }
        }
    };
    if let Some(error) = held.given_up() {
        // Whose readers took nothing would be waited for.
        reject(service, Protocol::Http2, Refusal::NoRoom(error));
        return Ended::Cut;
    }
    // Streams under way see that it ended, and tell of it.
    let rest = async { while streams.next().await.is_some() {} };
    let is_whole = timeout(limits.drain, rest).await.is_ok() && error.is_none();
    if let Some(error) = error.filter(|error| !error.is_io()) {
        reject(service, Protocol::Http2, Refusal::Http2(error));
    }
    if is_whole { Ended::Closed } else { Ended::Cut }
}
