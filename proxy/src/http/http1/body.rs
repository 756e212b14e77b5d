//! A body on its way from one end to the other: counted, so that it ends where the reader says it does.

use std::io;

use l7::http::{Chunks, ChunksError, Framing};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::input::{BODY_PIECE, Input};
use crate::splice::Activity;

/// What is left of a body.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks, as they came.
    Chunked(Chunks),
    /// All that comes, of a response.
    UntilClose,
}

/// Why a body did not get across.
#[derive(Debug)]
pub(super) enum CopyError {
    /// Its sender's connection broke.
    Read(io::Error),
    /// Its sender closed in the middle.
    Ended,
    /// Its end can't be told.
    Chunks(ChunksError),
    /// Its reader's connection broke.
    Write(io::Error),
}

impl Body {
    /// Of a request.
    pub(super) fn of_request(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunks::new()),
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_complete(),
            Self::UntilClose => false,
        }
    }

    /// How many of these bytes, the next that came, are the body's: all, unless it ends among them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, ChunksError> {
        match self {
            Self::Length(left) => {
                let taken =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
                Ok(taken)
            }
            Self::Chunked(chunks) => chunks.push(bytes),
            Self::UntilClose => Ok(bytes.len()),
        }
    }

    /// Copies what is left, behind `head`. One piece is read, then written, then the next is read: a reader that
    /// doesn't take it stops its sender.
    pub(super) async fn copy(
        mut self,
        head: Vec<u8>,
        from: &mut Input<impl AsyncRead + Unpin>,
        to: &mut (impl AsyncWrite + Unpin),
        activity: &Activity,
    ) -> Result<(), CopyError> {
        let mut head = Some(head).filter(|head| !head.is_empty());
        loop {
            let taken = self.take(from.bytes()).map_err(CopyError::Chunks)?;
            let piece = from.bytes().get(..taken).unwrap_or_default();
            let written = match head.take() {
                // One packet rather than two, if it is short.
                Some(mut head) => {
                    head.extend_from_slice(piece);
                    to.write_all(&head).await
                }
                None => to.write_all(piece).await,
            };
            written.map_err(CopyError::Write)?;
            from.consume(taken);
            activity.note();
            if self.is_complete() {
                return to.flush().await.map_err(CopyError::Write);
            }
            to.flush().await.map_err(CopyError::Write)?;
            if from.fill(BODY_PIECE).await.map_err(CopyError::Read)? == 0 {
                return match self {
                    Self::UntilClose => Ok(()),
                    Self::Length(_) | Self::Chunked(_) => Err(CopyError::Ended),
                };
            }
            activity.note();
        }
    }

    /// Reads what is left and throws it away. Whether that was all of it, and no more than `most` bytes.
    pub(super) async fn drain(
        mut self,
        from: &mut Input<impl AsyncRead + Unpin>,
        mut most: u64,
    ) -> bool {
        loop {
            let Ok(taken) = self.take(from.bytes()) else {
                return false;
            };
            from.consume(taken);
            let Some(left) = u64::try_from(taken)
                .ok()
                .and_then(|taken| most.checked_sub(taken))
            else {
                return false;
            };
            most = left;
            if self.is_complete() {
                return true;
            }
            if !matches!(from.fill(BODY_PIECE).await, Ok(1..)) {
                return false;
            }
        }
    }
}
