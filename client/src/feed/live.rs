//! A server, as long as it takes.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::FutureExt as _;
use proto::{
    google::Timestamp,
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tonic::Code;

use super::{
    ConnectionState, EXTENSIONS, FlowQuery,
    dedup_window::DedupWindow,
    older::{self, OlderQuery},
};
use crate::{
    server::{RequestError, Server},
    store::{Marker, Store},
    target::Target,
};

/// Longest time that what has come waits for more to come.
const GATHER: Duration = Duration::from_millis(20);
/// Most responses that are put into the store at once.
const BATCH: usize = 2048;
/// Pauses between attempts: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];
/// A relay tells of its nodes before any flow comes: so long, what a connection begins with waits for
/// the flow that shows whether something was forgotten meanwhile.
const BEGIN: i64 = 3_000_000_000;

/// What it says of them when there is no younger flow to wait for stands behind the history after so
/// long without anything.
const SETTLES: Duration = Duration::from_secs(1);

/// Why a stream ended.
enum End {
    /// The server has said all.
    Complete,
    /// It may answer later.
    Broken(String),
    /// It won't.
    Refused(String),
}

/// Fills `store` until nobody wants it any more.
pub(super) async fn run(
    target: Target,
    ask: FlowQuery,
    store: Arc<Store>,
    connection: watch::Sender<ConnectionState>,
    mut queries: mpsc::Receiver<OlderQuery>,
    hurry: Arc<Notify>,
) {
    let mut live = Live {
        ask,
        store,
        connection,
        broken: None,
        pause: PAUSES[0],
        since: i64::MAX,
    };
    // What was fetched last ends with this task: dropping the set stops its tasks.
    let mut fetching = JoinSet::new();
    loop {
        let end = match Server::connect(&target, Server::CONNECT_TIMEOUT).await {
            Ok(server) => {
                let since = SystemTime::now();
                live.since = unix_nanos(since);
                live.connection
                    .send_replace(ConnectionState::Live { since });
                let stream = live.stream(server.clone());
                tokio::pin!(stream);
                loop {
                    tokio::select! {
                        end = &mut stream => break end,
                        Some(query) = queries.recv() => {
                            fetching.spawn(older::fetch(server.clone(), query));
                        }
                        Some(_done) = fetching.join_next() => {}
                    }
                }
            }
            Err(error) => End::Broken(error.to_string()),
        };
        match end {
            End::Complete => {
                live.connection.send_replace(ConnectionState::Ended);
                // Older flows can still be asked for.
                while let Some(query) = queries.recv().await {
                    match Server::connect(&target, Server::CONNECT_TIMEOUT).await {
                        Ok(server) => older::fetch(server, query).await,
                        Err(error) => query.refuse(error.to_string()),
                    }
                }
                return;
            }
            End::Refused(why) => {
                live.connection.send_replace(ConnectionState::Failed(why));
                return;
            }
            End::Broken(why) => {
                // A mark tells why it broke, the connection why there is still none.
                let broken = || (SystemTime::now(), why.clone());
                let since = live.broken.get_or_insert_with(broken).0;
                let retry_in = live.pause;
                live.pause = (2 * live.pause).min(PAUSES[1]);
                let lost = ConnectionState::Lost {
                    since,
                    why: why.clone(),
                    retry_in,
                };
                live.connection.send_replace(lost);
                let sleep = tokio::time::sleep(retry_in);
                tokio::pin!(sleep);
                loop {
                    tokio::select! {
                        () = &mut sleep => break,
                        () = hurry.notified() => {
                            live.pause = PAUSES[0];
                            break;
                        }
                        Some(query) = queries.recv() => {
                            query.refuse(format!("the server can't be reached: {why}"));
                        }
                    }
                }
            }
        }
    }
}

struct Live {
    ask: FlowQuery,
    store: Arc<Store>,
    connection: watch::Sender<ConnectionState>,
    /// When the connection broke, and why, until flows come again.
    broken: Option<(SystemTime, String)>,
    /// Before the next attempt.
    pause: Duration,
    /// When the present connection was made, Unix ns.
    since: i64,
}

impl Live {
    /// Everything from one connection.
    async fn stream(&mut self, server: Server) -> End {
        let (request, mut known) = self.request();
        let mut stream = match server.get_flows(request, EXTENSIONS).await {
            Ok(stream) => stream,
            Err(error) => return End::of(&error),
        };
        let mut batch = Vec::new();
        // How nodes are now, which comes before the history.
        let mut nodes: Vec<GetFlowsResponse> = Vec::new();
        loop {
            // What has come is gathered: a lock and a wake-up of the readers per flow is too much.
            let message = match stream.message().now_or_never() {
                Some(message) => message,
                None if batch.is_empty() && nodes.is_empty() => stream.message().await,
                None => {
                    let pause = if batch.is_empty() { SETTLES } else { GATHER };
                    match tokio::time::timeout(pause, stream.message()).await {
                        Ok(message) => message,
                        Err(_nothing_more) => {
                            if batch.is_empty() {
                                batch.append(&mut nodes);
                            }
                            self.put(&mut batch, &mut known);
                            continue;
                        }
                    }
                }
            };
            match message {
                Ok(Some(response)) if !tells(&response) && self.begins() => nodes.push(response),
                Ok(Some(response)) => {
                    let now = nodes
                        .first()
                        .is_some_and(|first| first.time <= response.time);
                    if now {
                        batch.append(&mut nodes);
                    }
                    batch.push(response);
                    if batch.len() >= BATCH {
                        self.put(&mut batch, &mut known);
                        // A stream that always has more must not keep others from their turn.
                        tokio::task::yield_now().await;
                    }
                }
                Ok(None) => {
                    batch.append(&mut nodes);
                    self.put(&mut batch, &mut known);
                    return End::Complete;
                }
                Err(error) => {
                    batch.append(&mut nodes);
                    self.put(&mut batch, &mut known);
                    return End::of(&error);
                }
            }
        }
    }

    /// Whether the first connection was made just now.
    fn begins(&self) -> bool {
        let now = unix_nanos(SystemTime::now());
        self.broken.is_none() && now.saturating_sub(self.since) < BEGIN
    }

    /// What to ask on a new connection, and what of the answer is there already.
    fn request(&self) -> (GetFlowsRequest, Option<DedupWindow>) {
        let first = self.ask.request();
        let snapshot = self.store.snapshot();
        let known = self
            .broken
            .as_ref()
            .and_then(|_| DedupWindow::newest(&snapshot));
        let Some(known) = known else {
            return (first, None);
        };
        let request = GetFlowsRequest {
            number: 0,
            since: Some(Timestamp::from_unix_nanos(known.since)),
            ..first
        };
        (request, Some(known))
    }

    /// Puts what has come into the store, without what is known of a former connection.
    fn put(&mut self, batch: &mut Vec<GetFlowsResponse>, known: &mut Option<DedupWindow>) {
        self.pause = PAUSES[0];
        let now = unix_nanos(SystemTime::now());
        if self.broken.is_some()
            && known.is_some()
            && !batch.iter().any(tells)
            && now.saturating_sub(self.since) < BEGIN
        {
            return;
        }
        let broken = self.broken.take();
        if let Some(set) = known {
            let before = batch.len();
            batch.retain(|response| !set.has(response));
            if let Some((lost, why)) = broken {
                self.store.mark(Marker::Reconnected {
                    lost: unix_nanos(lost),
                    time: self.since,
                    why,
                    // The server still remembers what came before the break.
                    complete: batch.len() < before,
                });
            }
            if batch.iter().any(|response| set.is_past(response)) {
                *known = None;
            }
        }
        self.store.push(batch, self.since);
        batch.clear();
    }
}

impl End {
    fn of(error: &RequestError) -> Self {
        let why = error.message();
        let refusals = [
            Code::InvalidArgument,
            Code::Unimplemented,
            Code::PermissionDenied,
            Code::Unauthenticated,
        ];
        if refusals.contains(&error.code()) {
            Self::Refused(why)
        } else {
            Self::Broken(why)
        }
    }
}

/// Whether it says what happened, and not how nodes are.
fn tells(response: &GetFlowsResponse) -> bool {
    matches!(
        response.response_types,
        Some(ResponseTypes::Flow(_) | ResponseTypes::LostEvents(_))
    )
}

fn unix_nanos(time: SystemTime) -> i64 {
    Timestamp::from(time).unix_nanos()
}
