//! The stream of a GetAgentEvents call.

use std::{collections::VecDeque, sync::Arc};

use futures::{Stream, stream};
use proto::observer as api;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::request::{RequestError, ns};
use crate::hubble::{
    agent_events::{AgentEvent, AgentEvents},
    timestamp,
};

/// Events taken up in one go.
const BATCH: usize = 256;

/// A checked request.
#[derive(Debug)]
pub(super) struct EventQuery {
    start: Start,
    /// Earliest time, inclusive.
    since: u64,
    /// Latest time, inclusive.
    until: u64,
    /// Events to send at most.
    limit: u64,
    follow: bool,
}

#[derive(Debug)]
enum Start {
    Oldest,
    Newest(u64),
}

impl EventQuery {
    /// Checks a request, whose fields mean what they mean in GetFlows.
    pub(super) fn new(request: &api::GetAgentEventsRequest) -> Result<Self, RequestError> {
        let api::GetAgentEventsRequest {
            number,
            first,
            follow,
            since,
            until,
        } = *request;
        if first && follow {
            return Err(RequestError::FirstAndFollow);
        }
        let since = since.map(|time| ns("since", time)).transpose()?;
        let until = until.map(|time| ns("until", time)).transpose()?;
        let from_oldest = since.is_some() || first || (number == 0 && !follow);
        Ok(Self {
            start: match from_oldest {
                true => Start::Oldest,
                false => Start::Newest(number),
            },
            since: since.unwrap_or(0),
            until: until.unwrap_or(u64::MAX),
            limit: match number {
                0 => u64::MAX,
                _ if follow => u64::MAX,
                number => number,
            },
            follow,
        })
    }

    fn wants(&self, event: &AgentEvent) -> bool {
        (self.since..=self.until).contains(&event.time)
    }
}

struct Streaming {
    events: Arc<AgentEvents>,
    next: watch::Receiver<u64>,
    query: EventQuery,
    node: String,
    stop: CancellationToken,
    at: u64,
    batch: VecDeque<AgentEvent>,
}

/// Streams what a query asks for. Ends with OK when `stop` is cancelled.
pub(super) fn stream(
    events: Arc<AgentEvents>,
    query: EventQuery,
    node: String,
    stop: CancellationToken,
) -> impl Stream<Item = Result<api::GetAgentEventsResponse, Status>> + Send {
    let at = match query.start {
        Start::Oldest => 0,
        Start::Newest(number) => {
            let fits = |event: &&AgentEvent| event.time <= query.until;
            let kept = events.since(0, usize::MAX);
            let end = kept.last().map_or(0, |event| event.sequence + 1);
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            let newest = kept.iter().rev().filter(fits).take(number);
            newest.last().map_or(end, |event| event.sequence)
        }
    };
    let state = Streaming {
        next: events.next(),
        events,
        query,
        node,
        stop,
        at,
        batch: VecDeque::new(),
    };
    stream::unfold(state, |mut state| async move {
        let event = state.event().await?;
        let response = api::GetAgentEventsResponse {
            agent_event: Some(event.event),
            node_name: state.node.clone(),
            time: Some(timestamp(event.time)),
        };
        Some((Ok(response), state))
    })
}

impl Streaming {
    async fn event(&mut self) -> Option<AgentEvent> {
        loop {
            if self.query.limit == 0 || self.stop.is_cancelled() {
                return None;
            }
            if let Some(event) = self.batch.pop_front() {
                if event.time > self.query.until {
                    return None;
                }
                if self.query.wants(&event) {
                    self.query.limit -= 1;
                    return Some(event);
                }
                continue;
            }
            self.next.mark_unchanged();
            self.batch = self.events.since(self.at, BATCH).into();
            if let Some(last) = self.batch.back() {
                self.at = last.sequence + 1;
            } else if self.query.follow {
                tokio::select! {
                    changed = self.next.changed() => changed.ok()?,
                    () = self.stop.cancelled() => return None,
                }
            } else {
                return None;
            }
        }
    }
}
