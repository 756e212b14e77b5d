//! Which HTTP a client speaks: told by its first bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::limits::Limits;

/// Bytes at a time; the preface has 24.
const PIECE: usize = 4096;

/// Reads until it is clear whether this is HTTP/2. Nothing: the client closed, perhaps within a preface.
///
/// # Errors
/// If the connection broke, or nothing came in time.
pub(super) async fn read(
    client: &mut (impl AsyncRead + Unpin),
    limits: &Limits,
) -> io::Result<(BytesMut, bool)> {
    let mut begun = BytesMut::new();
    loop {
        let limit = if begun.is_empty() {
            limits.idle
        } else {
            limits.head
        };
        begun.reserve(PIECE);
        let read = timeout(limit, client.read_buf(&mut begun)).await??;
        match l7::http::is_http2_preface(&begun) {
            Some(is_http2) => return Ok((begun, is_http2)),
            None if read == 0 => return Ok((begun, false)),
            None => {}
        }
    }
}

/// A stream of which something was read already.
#[derive(Debug)]
pub(super) struct Begun<S> {
    begun: BytesMut,
    stream: S,
}

impl<S> Begun<S> {
    pub(super) fn new(begun: BytesMut, stream: S) -> Self {
        Self { begun, stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.begun.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, out);
        }
        let length = this.begun.len().min(out.remaining());
        out.put_slice(&this.begun[..length]);
        this.begun.advance(length);
        if this.begun.is_empty() {
            this.begun = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, parts)
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
