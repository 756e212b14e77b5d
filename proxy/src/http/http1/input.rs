//! The reading half of a connection, with what was read ahead.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::room::Share;

/// Most bytes that are read at a time where a head is expected.
pub(super) const HEAD_PIECE: usize = 4 * 1024;
/// Bytes that are read at a time of a body: what a busy one holds.
pub(super) const BODY_PIECE: usize = 16 * 1024;

/// The reading half of a connection. It holds what was read and not consumed: never more than a head and one
/// piece.
#[derive(Debug)]
pub(super) struct Input<R> {
    io: R,
    buffer: BytesMut,
    has_ended: bool,
    share: Share,
    /// Bytes that are kept beside the buffer.
    kept: usize,
}

impl<R: AsyncRead + Unpin> Input<R> {
    pub(super) fn new(begun: BytesMut, io: R, share: Share) -> Self {
        Self {
            io,
            buffer: begun,
            has_ended: false,
            share,
            kept: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn consume(&mut self, length: usize) {
        self.buffer.advance(length.min(self.buffer.len()));
        self.share.set(self.buffer.len() + self.kept);
    }

    /// So many bytes are kept elsewhere from now on.
    pub(super) fn keep(&mut self, length: usize) {
        self.kept = length;
        self.share.set(self.buffer.len() + self.kept);
    }

    /// Whether the other end sends no more; what it sent may still be here.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Gives the buffer back if it is empty: an idle connection has none.
    pub(super) fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Reads on, so many bytes at most. 0: the other end sends no more. Nothing is lost if the future is dropped.
    pub(super) async fn fill(&mut self, most: usize) -> io::Result<usize> {
        if self.has_ended {
            return Ok(0);
        }
        self.share.room().await?;
        let read = if most <= HEAD_PIECE {
            poll_fn(|cx| self.poll_short(cx, most)).await?
        } else {
            self.buffer.reserve(most);
            let mut piece = (&mut self.buffer).limit(most);
            self.io.read_buf(&mut piece).await?
        };
        self.has_ended = read == 0;
        self.share.set(self.buffer.len() + self.kept);
        Ok(read)
    }

    /// Reads at most a piece of a head: onto the stack, which is in the cache, and from there what came. Who waits
    /// holds nothing.
    fn poll_short(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let mut piece = [const { MaybeUninit::uninit() }; HEAD_PIECE];
        let mut piece = ReadBuf::uninit(piece.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece))?;
        self.buffer.extend_from_slice(piece.filled());
        Poll::Ready(Ok(piece.filled().len()))
    }
}
