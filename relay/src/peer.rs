//! The nodes' agents: which there are, and the connection to each.
//!
//! ```text
//! --peer, --peers-file ─┐
//!                       ├─ Change ─> Pool ── one keeper per peer ─> Snapshot (watch) ─> queries
//! --peer-service ───────┘            connect, watch its health, back off, connect again
//! ```

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proto::peer::{ChangeNotificationType, NotifyRequest, peer_client::PeerClient};
use rand::RngExt;
use serve::health;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tracing::{debug, info, warn};

pub use address::{Address, BadAddress};

mod address;

/// How often a connected peer is asked whether it still answers, and how long it may take.
const CHECK_EVERY: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// One peer's connection.
#[derive(Clone, Debug)]
pub enum Link {
    /// Usable.
    Connected {
        /// Calls go here.
        channel: Channel,
        /// Counts connections, so that a query can tell a new one from the one that failed it.
        epoch: u64,
    },
    /// Not usable now.
    Unavailable {
        /// Why, for people.
        why: Arc<str>,
    },
}

/// What is known of a peer.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Address as it was given.
    pub address: Arc<str>,
    /// TLS server name its peer service announced, if it did.
    pub tls_server_name: Option<Arc<str>>,
    /// Its connection.
    pub link: Link,
}

/// All peers by name, at one moment.
pub type Snapshot = Arc<BTreeMap<Arc<str>, Peer>>;

/// A change of the peer list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The peer is new, or its address changed.
    Put {
        /// Its node's full name.
        name: Arc<str>,
        /// `unix:///path`, `host:port`, `ip`.
        address: Arc<str>,
        /// TLS server name, when it serves TLS.
        tls_server_name: Option<Arc<str>>,
    },
    /// The peer is gone.
    Remove(Arc<str>),
}

/// Growing pauses between attempts: `first`, doubled up to `most`, each with up to a fifth more.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Pause after the first failure.
    pub first: Duration,
    /// Longest pause.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            // People wait for a node that is back.
            most: Duration::from_secs(10),
        }
    }
}

impl Backoff {
    /// The pause after `failures` (from 1) failures in a row.
    #[must_use]
    pub fn pause(self, failures: u32) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled
            .min(self.most)
            .mul_f64(1.0 + rand::rng().random_range(0.0..0.2))
    }
}

/// The peers and their connections. Runs until dropped or its changes end for good.
pub struct Pool {
    backoff: Backoff,
    snapshot: watch::Sender<Snapshot>,
    keepers: JoinSet<()>,
    running: BTreeMap<Arc<str>, AbortHandle>,
    epochs: Arc<AtomicU64>,
}

impl Pool {
    /// A pool without peers, and where its state is to be watched.
    #[must_use]
    pub fn new(backoff: Backoff) -> (Self, watch::Receiver<Snapshot>) {
        let (snapshot, watcher) = watch::channel(Snapshot::default());
        (
            Self {
                backoff,
                snapshot,
                keepers: JoinSet::new(),
                running: BTreeMap::new(),
                epochs: Arc::default(),
            },
            watcher,
        )
    }

    /// Applies changes and keeps connections, for ever.
    pub async fn run(mut self, mut changes: mpsc::Receiver<Change>) {
        let mut open = true;
        loop {
            tokio::select! {
                change = changes.recv(), if open => match change {
                    Some(change) => self.apply(change),
                    None => open = false,
                },
                Some(ended) = self.keepers.join_next() => if let Err(error) = ended && error.is_panic() {
                    warn!(%error, "a peer's keeper ended");
                },
                else => std::future::pending().await,
            }
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Put {
                name,
                address,
                tls_server_name,
            } => {
                let known = self.snapshot.borrow().get(&name).is_some_and(|peer| {
                    peer.address == address && peer.tls_server_name == tls_server_name
                });
                if known {
                    return;
                }
                info!(peer = %name, %address, "peer");
                if let Some(old) = self.running.remove(&name) {
                    old.abort();
                }
                let link = Link::Unavailable {
                    why: Arc::from("connecting"),
                };
                let peer = Peer {
                    address: Arc::clone(&address),
                    tls_server_name,
                    link,
                };
                let parsed = match &peer.tls_server_name {
                    Some(_) => Err("it serves TLS, which this relay does not speak yet".to_owned()),
                    None => Address::parse(&address).map_err(|error| error.to_string()),
                };
                self.snapshot.send_modify(|all| {
                    Arc::make_mut(all).insert(Arc::clone(&name), peer);
                });
                let peer_task = PeerTask {
                    name: Arc::clone(&name),
                    backoff: self.backoff,
                    snapshot: self.snapshot.clone(),
                    epochs: Arc::clone(&self.epochs),
                };
                match parsed {
                    Ok(address) => {
                        self.running
                            .insert(name, self.keepers.spawn(peer_task.run(address)));
                    }
                    Err(why) => peer_task.unavailable(&why),
                }
            }
            Change::Remove(name) => {
                info!(peer = %name, "peer removed");
                if let Some(old) = self.running.remove(&name) {
                    old.abort();
                }
                self.snapshot.send_modify(|all| {
                    Arc::make_mut(all).remove(&name);
                });
            }
        }
    }
}

/// Keeps one peer's connection.
struct PeerTask {
    name: Arc<str>,
    backoff: Backoff,
    snapshot: watch::Sender<Snapshot>,
    epochs: Arc<AtomicU64>,
}

impl PeerTask {
    async fn run(self, address: Address) {
        let mut failures = 0;
        loop {
            let why = match timeout(ANSWER_WITHIN, address.connect()).await {
                Err(_) => format!("no connection within {} s", ANSWER_WITHIN.as_secs()),
                Ok(Err(error)) => describe(&error),
                Ok(Ok(channel)) => {
                    let why = self.watch(channel, &mut failures).await;
                    debug!(peer = %self.name, %why, "connection lost");
                    why
                }
            };
            self.unavailable(&why);
            failures += 1;
            sleep(self.backoff.pause(failures)).await;
        }
    }

    /// Publishes the connection while the peer answers; returns why it no longer does. A server
    /// without Watch is only asked now and then, which takes longer to see it die.
    async fn watch(&self, channel: Channel, failures: &mut u32) -> String {
        let mut health = HealthClient::new(channel.clone());
        let request = HealthCheckRequest {
            service: health::OBSERVER.to_owned(),
        };
        let mut updates = match timeout(ANSWER_WITHIN, health.watch(request.clone())).await {
            Err(_) => return format!("no answer within {} s", ANSWER_WITHIN.as_secs()),
            Ok(Ok(stream)) => Some(stream.into_inner()),
            Ok(Err(status)) if serves_without_health(&status) => None,
            Ok(Err(status)) => return status.to_string(),
        };
        if updates.is_none() {
            self.connected(&channel);
        }
        loop {
            let update = async {
                match &mut updates {
                    Some(stream) => stream.message().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                update = update => match update {
                    Ok(Some(reply)) if reply.status() == ServingStatus::NotServing =>
                        self.unavailable("it reports that it is not serving"),
                    Ok(Some(_)) => {
                        *failures = 0;
                        self.connected(&channel);
                    }
                    Ok(None) => return "it closed the connection".to_owned(),
                    Err(status) => return status.message().to_owned(),
                },
                () = sleep(CHECK_EVERY) => match timeout(ANSWER_WITHIN, health.check(request.clone())).await {
                    Err(_) => return format!("no answer within {} s", ANSWER_WITHIN.as_secs()),
                    Ok(Err(status)) if !serves_without_health(&status) => return status.to_string(),
                    Ok(_) => *failures = 0,
                },
            }
        }
    }

    fn connected(&self, channel: &Channel) {
        let epoch = self.epochs.fetch_add(1, Ordering::Relaxed);
        info!(peer = %self.name, "connected");
        self.set(Link::Connected {
            channel: channel.clone(),
            epoch,
        });
    }

    fn unavailable(&self, why: &str) {
        warn!(peer = %self.name, why, "unavailable");
        self.set(Link::Unavailable {
            why: Arc::from(why),
        });
    }

    fn set(&self, link: Link) {
        self.snapshot.send_modify(|all| {
            if let Some(peer) = Arc::make_mut(all).get_mut(&self.name) {
                peer.link = link;
            }
        });
    }
}

/// The server answered, it only knows no such check.
fn serves_without_health(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::Unimplemented | Code::NotFound)
}

/// An error with its causes: a transport error's own text says nothing but "transport error".
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// Follows a peer service: its list and its changes become [`Change`]s. Never ends; while the
/// service is away the peers known so far stay.
pub async fn follow_service(service: Address, backoff: Backoff, changes: mpsc::Sender<Change>) {
    let mut failures = 0;
    loop {
        let why = match notifications(&service, &changes, &mut failures).await {
            Ok(()) => "it ended the stream".to_owned(),
            Err(error) => describe(error.as_ref()),
        };
        failures += 1;
        let pause = backoff.pause(failures);
        warn!(%service, why, retry_in = ?pause, "peer service");
        sleep(pause).await;
    }
}

async fn notifications(
    service: &Address,
    changes: &mpsc::Sender<Change>,
    failures: &mut u32,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let channel = timeout(ANSWER_WITHIN, service.connect()).await??;
    let mut stream = PeerClient::new(channel)
        .notify(NotifyRequest {})
        .await?
        .into_inner();
    while let Some(notification) = stream.message().await? {
        *failures = 0;
        let name: Arc<str> = Arc::from(notification.name.as_str());
        let change = match notification.r#type() {
            ChangeNotificationType::PeerAdded | ChangeNotificationType::PeerUpdated => {
                Change::Put {
                    name,
                    address: Arc::from(notification.address.as_str()),
                    tls_server_name: notification
                        .tls
                        .map(|tls| Arc::from(tls.server_name.as_str())),
                }
            }
            ChangeNotificationType::PeerDeleted => Change::Remove(name),
            ChangeNotificationType::Unknown => {
                warn!(peer = %name, "a change of unknown type was ignored");
                continue;
            }
        };
        if changes.send(change).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let backoff = Backoff::default();
        for (failures, least, most) in [
            (1, 1.0, 1.2),
            (2, 2.0, 2.4),
            (4, 8.0, 9.6),
            (5, 10.0, 12.0),
            (u32::MAX, 10.0, 12.0),
        ] {
            let pause = backoff.pause(failures).as_secs_f64();
            assert!(
                (least..=most).contains(&pause),
                "{failures} failures: {pause} s"
            );
        }
    }
}
