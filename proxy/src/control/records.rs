//! Records as a stream.

use std::collections::VecDeque;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use proto::flows::v1::GetProxyRecordsResponse;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::convert;
use crate::record::{Entry, Reader};

/// Records in one message.
const MOST: usize = 256;

struct State {
    reader: Reader,
    stop: CancellationToken,
    /// Made, and not yet sent.
    messages: VecDeque<GetProxyRecordsResponse>,
    has_ended: bool,
}

/// The records of a reader.
pub(super) fn stream(
    reader: Reader,
    stop: CancellationToken,
) -> BoxStream<'static, Result<GetProxyRecordsResponse, Status>> {
    let state = State {
        reader,
        stop,
        messages: VecDeque::new(),
        has_ended: false,
    };
    stream::unfold(state, async |mut state| {
        let next = state.next().await?;
        Some((next, state))
    })
    .boxed()
}

impl State {
    async fn next(&mut self) -> Option<Result<GetProxyRecordsResponse, Status>> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Some(Ok(message));
            }
            if self.has_ended {
                return None;
            }
            let stop = self.stop.clone();
            match stop.run_until_cancelled(self.reader.next(MOST)).await {
                None => return None,
                Some(None) => {
                    self.has_ended = true;
                    return Some(Err(Status::aborted("a newer reader gets the records")));
                }
                Some(Some(entries)) => self.messages = messages(entries),
            }
        }
    }
}

/// Messages, each with the gap that is behind its records.
fn messages(entries: Vec<Entry>) -> VecDeque<GetProxyRecordsResponse> {
    let mut messages = VecDeque::new();
    let mut message = GetProxyRecordsResponse::default();
    for entry in entries {
        match entry {
            Entry::Record(record) => message.records.push(convert::record(record)),
            Entry::Lost(lost) => {
                message.lost = lost;
                messages.push_back(std::mem::take(&mut message));
            }
        }
    }
    if !message.records.is_empty() {
        messages.push_back(message);
    }
    messages
}
