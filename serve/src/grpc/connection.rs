//! One client's connection: a place among those that there are, kept as long as it is used.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::Connected;
use tracing::warn;

use super::{Limits, Places, authority::Rewriter};

/// After an error of accept(2), for example because no descriptor is left.
const PAUSE: Duration = Duration::from_millis(100);
/// RFC 9113, 3.4.
const PREFACE: usize = 24;

/// The calls of a connection.
#[derive(Clone, Debug)]
pub(super) struct Calls(Arc<Mutex<Count>>);

#[derive(Debug)]
struct Count {
    open: usize,
    /// When the last one ended; at first, when the connection came.
    idle_since: Instant,
}

impl Calls {
    fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Count {
            open: 0,
            idle_since: now,
        })))
    }

    /// Counts a call until the result is dropped.
    pub(super) fn begin(&self) -> Call {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open += 1;
        Call(self.clone())
    }

    /// `None` while there are calls.
    fn idle_since(&self) -> Option<Instant> {
        let count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (count.open == 0).then_some(count.idle_since)
    }
}

/// A call that goes on.
#[derive(Debug)]
pub(super) struct Call(Calls);

impl Drop for Call {
    fn drop(&mut self) {
        let mut count = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        count.open = count.open.saturating_sub(1);
        count.idle_since = Instant::now();
    }
}

/// A connection that has a place.
#[derive(Debug)]
pub(super) struct Connection<T> {
    io: T,
    _place: OwnedSemaphorePermit,
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
                let free = Arc::clone(&places.connections).try_acquire_owned();
                let Ok(place) = free else {
                    if !full.swap(true, Ordering::Relaxed) {
                        let limit = places.limits.connections;
                        warn!(limit, "too many connections: further ones are closed");
                    }
                    return None;
                };
                full.store(false, Ordering::Relaxed);
                Some(Ok(Connection::new(io, place, &places.limits)))
            }
        })
        .filter_map(|connection| connection)
}

impl<T> Connection<T> {
    fn new(io: T, place: OwnedSemaphorePermit, limits: &Limits) -> Self {
        let now = Instant::now();
        Self {
            io,
            _place: place,
            calls: Calls::new(now),
            idle: limits.idle,
            timer: Box::pin(sleep_until(now + limits.first_bytes)),
            greeted: 0,
            rewriter: Rewriter::default(),
        }
    }

    /// Whether the time is up for somebody who says nothing, or has nothing to say.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let over = |what| io::Error::new(io::ErrorKind::TimedOut, what);
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
