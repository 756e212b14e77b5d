//! Data and trailers of a stream on their way from one end to the other.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;

use super::held::Held;
use crate::splice::Activity;

/// Why a body did not get across.
#[derive(Debug)]
pub(super) enum CopyError {
    /// Its sender reset the stream, or its connection broke.
    Sender(h2::Error),
    /// Its reader did.
    Reader(h2::Error),
    /// It has trailers, and may have none.
    Trailers,
}

/// What becomes of trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailers {
    /// They pass.
    Passed,
    /// They are an error.
    Refused,
}

/// Copies data and trailers to their end. What the reader didn't take yet stays within the sender's window: its
/// bytes are given back to it only when they were handed on.
pub(super) async fn copy(
    from: &mut RecvStream,
    to: &mut SendStream<Bytes>,
    trailers: Trailers,
    activity: &Activity,
    held: &Held,
) -> Result<(), CopyError> {
    // From when its reader doesn't take what there is.
    let mut waiting = None;
    if from.is_end_stream() {
        // The end was sent with the head.
        return Ok(());
    }
    loop {
        let data = tokio::select! {
            data = from.data() => data,
            error = reset(to) => return Err(CopyError::Reader(error)),
        };
        activity.note();
        let Some(data) = data else {
            break;
        };
        let mut rest = data.map_err(CopyError::Sender)?;
        let length = rest.len();
        let is_end = from.is_end_stream();
        while !rest.is_empty() {
            to.reserve_capacity(rest.len());
            let capacity = poll_fn(|cx| {
                let polled = to.poll_capacity(cx);
                if polled.is_pending() {
                    waiting.get_or_insert_with(|| held.watch(from));
                }
                polled
            })
            .await;
            let capacity = capacity.unwrap_or_else(|| Err(Reason::CANCEL.into()));
            let capacity = capacity.map_err(CopyError::Reader)?;
            let piece = rest.split_to(capacity.min(rest.len()));
            held.handed_on(piece.len());
            let is_last = is_end && rest.is_empty();
            to.send_data(piece, is_last).map_err(CopyError::Reader)?;
            activity.note();
            if is_last {
                return Ok(());
            }
        }
        let released = from.flow_control().release_capacity(length);
        released.map_err(CopyError::Sender)?;
        held.was_released();
    }
    match from.trailers().await.map_err(CopyError::Sender)? {
        Some(map) if trailers == Trailers::Refused && !map.is_empty() => Err(CopyError::Trailers),
        Some(map) => {
            held.handed_on(size(&map));
            to.send_trailers(map).map_err(CopyError::Reader)
        }
        None => to.send_data(Bytes::new(), true).map_err(CopyError::Reader),
    }
}

/// Bytes of header lines, as RFC 9113, 6.5.2 counts them.
pub(super) fn size(headers: &HeaderMap) -> usize {
    let lines = headers.iter();
    lines
        .map(|(name, value)| name.as_str().len() + value.len() + 32)
        .sum()
}

/// Ends when the reader resets the stream.
async fn reset(to: &mut SendStream<Bytes>) -> h2::Error {
    match poll_fn(|cx| to.poll_reset(cx)).await {
        Ok(reason) => reason.into(),
        Err(error) => error,
    }
}
