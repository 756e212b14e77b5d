//! One node's stream in one query: requests it, passes on what it sends, and in a follow requests it again
//! after a failure, from where it had stopped.

use std::{
    cmp::Ordering,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tonic::{
    Code, Request, Status, Streaming, codegen::http::uri::PathAndQuery, metadata::MetadataValue,
    transport::Channel,
};

use super::Plan;
use crate::{
    merge::Stamp,
    peer::{Link, Snapshot},
    raw::{self, Kind, PeerCodec, Raw},
};

/// Responses taken up in one go.
const BATCH: usize = 128;
/// Pause before a node's stream is requested again, if it failed while the connection stayed up.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// By how much a node's clock may be behind the relay's: a follow that is cut off before its first
/// flow goes on from this long before it began.
const SKEW: Duration = Duration::from_secs(2);

/// A message and when it arrived.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) arrived: Instant,
    pub(super) message: PeerMessage,
}

/// What a node's stream brings.
#[derive(Debug)]
pub(super) enum PeerMessage {
    /// Responses in the node's order, and how far it said it has come.
    Batch {
        items: Vec<(Option<Stamp>, Raw)>,
        progress: Option<Stamp>,
    },
    /// The past is complete.
    PastOver,
    /// The node is asked (again): it was not there before.
    Up,
    /// Its stream failed.
    Down {
        status: Status,
        /// The node didn't take the request.
        refusal: bool,
        retrying: bool,
    },
    /// It is no longer among the peers.
    Gone,
}

/// The query has ended.
struct Closed;

struct PeerStream {
    plan: Arc<Plan>,
    sender: mpsc::Sender<Received>,
    /// Time of the newest response, and how many of the last ones have it: where to go on.
    newest: Option<Stamp>,
    at_newest: usize,
    /// Where a node goes on of whom nothing has come yet.
    begun: Stamp,
}

/// Runs a node's stream until it is complete or the query has ended. `past`: it begins with the plan's past.
/// `up`: the query takes the node to be up, it need not be told.
pub(super) async fn run(
    name: Arc<str>,
    mut peers: watch::Receiver<Snapshot>,
    plan: Arc<Plan>,
    mut past: bool,
    mut up: bool,
    sender: mpsc::Sender<Received>,
) {
    let begun = proto::google::Timestamp::from(SystemTime::now() - SKEW);
    let begun = Stamp {
        seconds: begun.seconds,
        nanos: begun.nanos,
    };
    let mut peer = PeerStream {
        plan,
        sender,
        newest: None,
        at_newest: 0,
        begun,
    };
    let (mut failed_epoch, mut resumed) = (None, false);
    loop {
        let Some((channel, epoch)) = connection(&name, &mut peers, failed_epoch).await else {
            let _closed = peer.send(PeerMessage::Gone).await;
            return;
        };
        if !up && peer.send(PeerMessage::Up).await.is_err() {
            return;
        }
        let ended = tokio::select! {
            ended = peer.request_flows(channel, past, resumed) => Some(ended),
            () = removed(&name, &mut peers) => None,
        };
        let Some(ended) = ended else {
            let _closed = peer.send(PeerMessage::Gone).await;
            return;
        };
        let Ok(ended) = ended else {
            return;
        };
        resumed = true;
        match ended {
            Ok(()) if past => {
                past = false;
                if peer.send(PeerMessage::PastOver).await.is_err() || !peer.plan.follow {
                    return;
                }
                // On to the present, from where the past ended.
                up = true;
                continue;
            }
            Ok(()) if !peer.plan.follow || peer.plan.ends => return,
            ended => {
                let (status, refusal) = match ended {
                    Ok(()) => (Status::unavailable("the node ended its stream"), false),
                    Err(failure) => failure,
                };
                let retrying = peer.plan.follow && !refusal;
                if peer
                    .send(PeerMessage::Down {
                        status,
                        refusal,
                        retrying,
                    })
                    .await
                    .is_err()
                    || !retrying
                {
                    return;
                }
            }
        }
        past = false;
        up = false;
        failed_epoch = Some(epoch);
    }
}

/// Waits until the peer is no longer among the peers.
async fn removed(name: &Arc<str>, peers: &mut watch::Receiver<Snapshot>) {
    if peers
        .wait_for(|peers| !peers.contains_key(name))
        .await
        .is_err()
    {
        // The relay is ending, and with it this query.
        std::future::pending().await
    }
}

/// Waits for the peer's connection; one that failed the query is given a pause. `None`: the peer
/// is no longer among the peers.
async fn connection(
    name: &Arc<str>,
    peers: &mut watch::Receiver<Snapshot>,
    failed_epoch: Option<u64>,
) -> Option<(Channel, u64)> {
    let pause = sleep(RETRY_AFTER);
    tokio::pin!(pause);
    let mut paused = failed_epoch.is_none();
    loop {
        match peers.borrow_and_update().get(name).map(|peer| &peer.link) {
            None => return None,
            Some(Link::Connected { channel, epoch }) if paused || Some(*epoch) != failed_epoch => {
                return Some((channel.clone(), *epoch));
            }
            Some(_) => {}
        }
        tokio::select! {
            changed = peers.changed() => changed.ok()?,
            () = &mut pause, if !paused => paused = true,
        }
    }
}

impl PeerStream {
    /// Requests the node's flows and passes on all that it sends. Inner error: how its stream failed, and whether it
    /// refused the request.
    async fn request_flows(
        &mut self,
        channel: Channel,
        past: bool,
        resumed: bool,
    ) -> Result<Result<(), (Status, bool)>, Closed> {
        let (mut since, mut skip) = (self.plan.since, 0);
        if resumed && let Some(newest) = self.newest {
            since = Some(newest);
            skip = self.at_newest;
        } else if resumed {
            since.get_or_insert(self.begun);
        }
        let request = self.plan.request(past, since);
        let mut stream = match get_flows(channel, request, &self.plan).await {
            Ok(stream) => stream,
            Err(status) => {
                let refusal = refuses(&status);
                return Ok(Err((status, refusal)));
            }
        };
        let mut heard = false;
        loop {
            let mut next = stream.message().await;
            let mut items = Vec::new();
            let mut progress = None;
            let ended = loop {
                match next {
                    Ok(Some(raw)) if raw.kind == Kind::Progress => {
                        progress = raw.time.max(progress)
                    }
                    Ok(Some(raw)) => {
                        if skip > 0 && raw.kind == Kind::Flow && raw.time == self.newest {
                            skip -= 1;
                        } else {
                            self.note(&raw);
                            items.push((raw.time, raw));
                        }
                    }
                    Ok(None) => break Some(Ok(())),
                    Err(status) => {
                        let refusal = !heard && items.is_empty() && refuses(&status);
                        break Some(Err((status, refusal)));
                    }
                }
                if items.len() == BATCH {
                    break None;
                }
                match stream.message().now_or_never() {
                    Some(more) => next = more,
                    None => break None,
                }
            };
            if !items.is_empty() || progress.is_some() {
                heard = true;
                self.send(PeerMessage::Batch { items, progress }).await?;
            }
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    /// Remembers how far the node has come.
    fn note(&mut self, raw: &Raw) {
        if raw.kind != Kind::Flow || raw.time.is_none() {
            return;
        }
        match raw.time.cmp(&self.newest) {
            Ordering::Greater => (self.newest, self.at_newest) = (raw.time, 1),
            Ordering::Equal => self.at_newest += 1,
            Ordering::Less => {}
        }
    }

    async fn send(&self, message: PeerMessage) -> Result<(), Closed> {
        let message = Received {
            arrived: Instant::now(),
            message,
        };
        self.sender.send(message).await.or(Err(Closed))
    }
}

/// Calls GetFlows without decoding what comes.
async fn get_flows(
    channel: Channel,
    request: raw::Request,
    plan: &Plan,
) -> Result<Streaming<Raw>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(request);
    request
        .metadata_mut()
        .insert(proto::WANT_PROGRESS, MetadataValue::from_static("1"));
    if plan.extensions {
        request
            .metadata_mut()
            .insert(proto::WANT_EXTENSIONS, MetadataValue::from_static("1"));
    }
    let path = PathAndQuery::from_static("/observer.Observer/GetFlows");
    Ok(client
        .server_streaming(request, path, PeerCodec)
        .await?
        .into_inner())
}

/// Whether a status at the start of a stream is the node's answer to the request itself. Hubble's
/// agents say Unknown for a filter they cannot build.
fn refuses(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument | Code::Unimplemented | Code::PermissionDenied
    ) || status.code() == Code::Unknown && std::error::Error::source(status).is_none()
}
