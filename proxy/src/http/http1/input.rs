//! The reading half of a connection, with what was read ahead.

use std::io;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes that are read at a time where a head is expected: what an idle connection holds for each direction.
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
}

impl<R: AsyncRead + Unpin> Input<R> {
    pub(super) fn new(begun: BytesMut, io: R) -> Self {
        Self {
            io,
            buffer: begun,
            has_ended: false,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn consume(&mut self, length: usize) {
        self.buffer.advance(length.min(self.buffer.len()));
    }

    /// Whether the other end sends no more; what it sent may still be here.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Gives the buffer back if it is empty and larger than for a head. One for a head stays: it would be taken
    /// again at once, to wait for the next.
    pub(super) fn release(&mut self) {
        if !self.buffer.is_empty() {
            return;
        }
        // Else it shows only what is behind the bytes that were consumed.
        let is_whole = self.buffer.try_reclaim(HEAD_PIECE);
        if !is_whole || self.buffer.capacity() > HEAD_PIECE {
            self.buffer = BytesMut::new();
        }
    }

    /// Reads on, so many bytes at most. 0: the other end sends no more. Nothing is lost if the future is dropped.
    pub(super) async fn fill(&mut self, most: usize) -> io::Result<usize> {
        if self.has_ended {
            return Ok(0);
        }
        self.buffer.reserve(most);
        let read = self
            .io
            .read_buf(&mut (&mut self.buffer).limit(most))
            .await?;
        self.has_ended = read == 0;
        Ok(read)
    }
}
