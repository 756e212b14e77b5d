//! What a connection holds of what its ends don't take, in each direction: data that came and was not handed on, what
//! was handed on and not written, heads of requests that wait for the server. A direction that holds too much when its
//! client has no room isn't read.
//!
//! h2 knows how much of a stream came and was not released. It is asked while there is much to count only, and of those
//! streams whose reader didn't take what there was: the others hold nothing.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use h2::{FlowControl, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::room::{ClientRoom, NoRoom, Share};

/// Bytes that are read before it is counted again.
const BETWEEN_COUNTS: usize = 8 << 10;

/// Bytes that are read at a time: then streams hand on what they can, so that what they can't is known.
const TURN: usize = 16 << 10;

/// Both directions of a connection.
pub(super) struct Both {
    /// From the client to the server.
    pub(super) up: Held,
    /// From the server to the client.
    pub(super) down: Held,
}

/// One direction.
pub(super) struct Held {
    share: Arc<Share>,
    /// By numbers of our own.
    streams: Mutex<HashMap<u64, FlowControl, foldhash::fast::RandomState>>,
    next: AtomicU64,
    /// Bytes of heads.
    heads: AtomicUsize,
    /// Bytes handed on since all was written.
    handed_on: AtomicUsize,
    /// Whether its reader's socket took less than there was.
    is_blocked: AtomicBool,
    /// Bytes read since it was counted.
    read: AtomicUsize,
    /// Bytes read since its sender's connection was polled.
    turn: AtomicUsize,
    given_up: OnceLock<NoRoom>,
}

/// A stream is counted, and its head.
pub(super) struct Watched<'h> {
    held: &'h Held,
    number: Option<u64>,
    head: usize,
}

impl Both {
    pub(super) fn new(room: &ClientRoom) -> Self {
        Self {
            up: Held::new(room),
            down: Held::new(room),
        }
    }

    /// Whether the connection is to end, since there was no room for what its readers didn't take.
    pub(super) fn given_up(&self) -> Option<NoRoom> {
        let given_up = self.up.given_up.get().or_else(|| self.down.given_up.get());
        given_up.copied()
    }
}

impl Held {
    fn new(room: &ClientRoom) -> Self {
        Self {
            share: Arc::new(room.share()),
            streams: Mutex::default(),
            next: AtomicU64::new(0),
            heads: AtomicUsize::new(0),
            handed_on: AtomicUsize::new(0),
            is_blocked: AtomicBool::new(false),
            read: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            given_up: OnceLock::new(),
        }
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<u64, FlowControl, foldhash::fast::RandomState>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what comes on a stream, until that is dropped.
    pub(super) fn watch(&self, stream: &mut RecvStream) -> Watched<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let flow = stream.flow_control().clone();
        self.streams().insert(number, flow);
        Watched {
            held: self,
            number: Some(number),
            head: 0,
        }
    }

    /// Counts a head that is kept, until that is dropped.
    pub(super) fn keep_head(&self, length: usize) -> Watched<'_> {
        self.heads.fetch_add(length, Ordering::Relaxed);
        Watched {
            held: self,
            number: None,
            head: length,
        }
    }

    /// Counts a request that waits, with its head, until that is dropped.
    pub(super) fn keep(&self, head: usize, body: &mut RecvStream) -> Watched<'_> {
        self.heads.fetch_add(head, Ordering::Relaxed);
        let mut watched = match body.is_end_stream() {
            true => Watched {
                held: self,
                number: None,
                head: 0,
            },
            false => self.watch(body),
        };
        // Not with `..watched`: what is left of that would be dropped, and count the stream no more.
        watched.head = head;
        watched
    }

    /// So many bytes are to be written.
    pub(super) fn handed_on(&self, length: usize) {
        self.handed_on.fetch_add(length, Ordering::Relaxed);
    }

    /// A stream's reader took something.
    pub(super) fn was_released(&self) {
        if self.share.is_charged() {
            self.count();
        }
    }

    /// The connection from the sender begins to read.
    pub(super) fn begin_turn(&self) {
        self.turn.store(0, Ordering::Relaxed);
    }

    /// The connection to the reader did what it could.
    pub(super) fn was_polled(&self, is_pending: bool) {
        if is_pending && !self.is_blocked.load(Ordering::Relaxed) {
            // Only what fits into windows is handed on: all of that is written.
            self.handed_on.store(0, Ordering::Relaxed);
        }
        if self.share.is_charged() {
            self.count();
        }
    }

    fn was_read(&self, length: usize) {
        self.read.fetch_add(length, Ordering::Relaxed);
        self.turn.fetch_add(length, Ordering::Relaxed);
    }

    fn was_written(&self, written: &Poll<io::Result<usize>>) {
        self.is_blocked
            .store(written.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(length)) = written {
            let handed_on = self.handed_on.load(Ordering::Relaxed);
            let left = handed_on.saturating_sub(*length);
            self.handed_on.store(left, Ordering::Relaxed);
        }
    }

    fn count(&self) {
        self.read.store(0, Ordering::Relaxed);
        let came: usize = {
            let streams = self.streams();
            streams.values().map(FlowControl::used_capacity).sum()
        };
        let heads = self.heads.load(Ordering::Relaxed);
        let handed_on = self.handed_on.load(Ordering::Relaxed);
        self.share.set(came + heads + handed_on);
    }

    /// Whether more may be read.
    fn has_room(&self) -> bool {
        if self.read.load(Ordering::Relaxed) >= BETWEEN_COUNTS {
            self.count();
        }
        self.share.has_room()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let flow = self.held.streams().remove(&number);
            // Not under the lock: a stream's last reference does more.
            drop(flow);
        }
        self.held.heads.fetch_sub(self.head, Ordering::Relaxed);
        self.held.was_released();
    }
}

/// An end's stream: read while there is room.
pub(super) struct Gated<'h, S> {
    stream: S,
    /// The direction that it sends.
    reads: &'h Held,
    /// The one that it is sent.
    writes: &'h Held,
    waiting: Option<BoxFuture<'static, Result<(), NoRoom>>>,
}

impl<'h, S> Gated<'h, S> {
    pub(super) fn new(stream: S, reads: &'h Held, writes: &'h Held) -> Self {
        Self {
            stream,
            reads,
            writes,
            waiting: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<'_, S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.reads.turn.load(Ordering::Relaxed) >= TURN {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.waiting.is_none() && !this.reads.has_room() {
            let share = Arc::clone(&this.reads.share);
            this.waiting = Some(Box::pin(async move { share.room().await }));
        }
        if let Some(waiting) = &mut this.waiting {
            let room = ready!(waiting.as_mut().poll(cx));
            this.waiting = None;
            if let Err(error) = room {
                this.reads.given_up.get_or_init(|| error);
                return Poll::Ready(Err(error.into()));
            }
        }
        let before = out.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, out))?;
        this.reads.was_read(out.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<'_, S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.writes.was_written(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.writes.was_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
