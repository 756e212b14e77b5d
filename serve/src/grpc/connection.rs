//! One client's connection: a place among those that there are, kept as long as it is used.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
    time::{Instant, Sleep, sleep_until},
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::Connected;
use tracing::warn;

use super::{
    Limits, Places,
    authority::Rewriter,
    places::{Peer, Peered},
    silent::Held,
};

/// After an error of accept(2), for example because no descriptor is left.
const PAUSE: Duration = Duration::from_millis(100);
/// RFC 9113, 3.4.
const PREFACE: usize = 24;

/// The calls of a connection.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    count: Arc<Mutex<Count>>,
    peer: Peer,
    held: Held,
}

#[derive(Debug)]
struct Count {
    open: usize,
    /// When the last one ended; at first, when the connection came.
    idle_since: Instant,
}

impl Calls {
    fn new(now: Instant, peer: Peer, held: Held) -> Self {
        let count = Count {
            open: 0,
            idle_since: now,
        };
        Self {
            count: Arc::new(Mutex::new(count)),
            peer,
            held,
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call until the result is dropped.
    pub(super) fn begin(&self) -> Call {
        self.held.called();
        self.count().open += 1;
        Call(self.clone())
    }

    /// `None` while there are calls.
    fn idle_since(&self) -> Option<Instant> {
        let count = self.count();
        (count.open == 0).then_some(count.idle_since)
    }
}

/// A call that goes on.
#[derive(Debug)]
pub(super) struct Call(Calls);

impl Call {
    /// Whose it is.
    pub(super) fn peer(&self) -> Peer {
        self.0.peer
    }

    /// How many others its connection has.
    pub(super) fn others(&self) -> usize {
        self.0.count().open.saturating_sub(1)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut count = self.0.count();
        count.open = count.open.saturating_sub(1);
        count.idle_since = Instant::now();
    }
}

/// A connection that has a place.
#[derive(Debug)]
pub(super) struct Connection<T> {
    io: T,
    /// Its place was taken away.
    closed: oneshot::Receiver<()>,
    calls: Calls,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    /// Bytes that have come, as long as that matters.
    greeted: usize,
    rewriter: Rewriter,
}

/// Connections as long as there are places; who finds none is closed.
pub(super) fn limited<S, T>(
    incoming: S,
    places: &Places,
) -> impl Stream<Item = io::Result<Connection<T>>> + use<S, T>
where
    S: Stream<Item = io::Result<T>>,
    T: Peered,
{
    let places = places.clone();
    let full = Arc::new(AtomicBool::new(false));
    incoming
        .then(move |accepted| {
            let (places, full) = (places.clone(), Arc::clone(&full));
            async move {
                let io = match accepted {
                    Ok(io) => io,
                    Err(error) => {
                        warn!(%error, "no connection accepted");
                        tokio::time::sleep(PAUSE).await;
                        return None;
                    }
                };
                let Some(connection) = Connection::new(io, &places) else {
                    if !full.swap(true, Ordering::Relaxed) {
                        let limit = places.limits.connections;
                        warn!(limit, "too many connections: further ones are closed");
                    }
                    return None;
                };
                full.store(false, Ordering::Relaxed);
                Some(Ok(connection))
            }
        })
        .filter_map(|connection| connection)
}

impl<T: Peered> Connection<T> {
    /// `None`: there is no place for it, not even of one in which nothing was called.
    fn new(io: T, places: &Places) -> Option<Self> {
        let peer = io.peer();
        let take = || {
            let pool = &places.connections;
            pool.take(peer, |taken| taken.is_within_share(peer))
        };
        let place = take().or_else(|taken| {
            // Who has nothing takes it from anyone.
            let anyone = taken.free == 0 && taken.of(peer) == 0;
            let gave_way =
                places.silent.give_way(Some(peer)) || anyone && places.silent.give_way(None);
            if gave_way { take() } else { Err(taken) }
        });
        let (held, closed) = places.silent.hold(peer, place.ok()?);
        let now = Instant::now();
        let Limits {
            idle, first_bytes, ..
        } = *places.limits;
        Some(Self {
            io,
            closed,
            calls: Calls::new(now, peer, held),
            idle,
            timer: Box::pin(sleep_until(now + first_bytes)),
            greeted: 0,
            rewriter: Rewriter::default(),
        })
    }
}

impl<T> Connection<T> {
    /// Whether the time is up for somebody who says nothing, or has nothing to say.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let over = |what| io::Error::new(io::ErrorKind::TimedOut, what);
        // The sender goes without a word once something was called.
        if !self.closed.is_terminated()
            && Pin::new(&mut self.closed).poll(cx) == Poll::Ready(Ok(()))
        {
            return Poll::Ready(over("no call, and others want its place"));
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.greeted < PREFACE {
                return Poll::Ready(over("no HTTP/2 in time"));
            }
            let now = Instant::now();
            let until = self.calls.idle_since().unwrap_or(now) + self.idle;
            if until <= now {
                return Poll::Ready(over("no call for too long"));
            }
            self.timer.as_mut().reset(until);
        }
    }
}

impl<T: Connected> Connected for Connection<T> {
    type ConnectInfo = Calls;

    fn connect_info(&self) -> Calls {
        self.calls.clone()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.io).poll_read(cx, buf) {
            read?;
            let new = &mut buf.filled_mut()[before..];
            if this.greeted < PREFACE {
                this.greeted += new.len();
                if this.greeted >= PREFACE {
                    this.timer.as_mut().reset(Instant::now() + this.idle);
                }
            }
            this.rewriter.pass(new);
            return Poll::Ready(Ok(()));
        }
        this.poll_patience(cx).map(Err)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
