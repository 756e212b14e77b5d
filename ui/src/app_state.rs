//! What the API answers from: the store of flows, the feed that fills it, the server behind it, and
//! the views that browsers look at.

mod acknowledged;
mod cache;
mod changes;
mod checks;
mod cluster;
mod connections;
mod health;
mod marked;
mod older;
mod policies;
mod recorded;
mod shared;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;

use client::{
    ConnectionState, Feed, Item, Marker, NodeStats, Outage, Server, Snapshot, Source, Store,
};
use proto::flows::v1::{EndpointState, GetChangesResponse};
use proto::google::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::config::Acknowledging;

pub(crate) use acknowledged::Acknowledged;
pub(crate) use cache::TooMany;
pub(crate) use changes::{Changes, PodQuery};
pub(crate) use checks::{Busy, Checks};
pub(crate) use cluster::ClusterView;
pub(crate) use connections::{ConnectionQuery, ConnectionSnapshot, Connections, Generation};
pub(crate) use health::Known;
pub(crate) use older::{Older, newest, oldest};
pub(crate) use policies::PolicyUses;
pub(crate) use recorded::{Recorded, RecordedFlows};
pub(crate) use shared::Unanswered;
pub(crate) use views::{CachedView, FlowQuery, Views};

/// Streams of events at a time.
pub(crate) const STREAMS: usize = 64;
/// Answers that are computed at a time: each may look through the whole store.
const COMPUTING: usize = 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct AppState {
    /// Flows that are held.
    pub(crate) store: Arc<Store>,
    /// When this began.
    pub(crate) started: SystemTime,
    /// As people write it: an address or a file.
    pub(crate) source: String,
    /// Whether the source is a file.
    pub(crate) is_file: bool,
    /// The flags by which `flows` asks the same server.
    pub(crate) flags: String,
    /// To ask about policies and nodes; `None` of a file.
    pub(crate) server: Option<Server>,
    views: Views,
    connections: Connections,
    /// What changed in the cluster's state.
    pub(crate) changes: Changes,
    /// The policies in force.
    pub(crate) policies: policies::Policies,
    cluster: marked::Marked<ClusterView>,
    histories: marked::Marked<GetChangesResponse>,
    endpoints: marked::Marked<Option<EndpointState>>,
    /// The flows in memory, grouped.
    pub(crate) recorded: Recorded,
    /// Who is having policies checked.
    pub(crate) checks: Checks,
    /// What people said of incidents, and whether they may.
    pub(crate) acknowledged: Acknowledged,
    pub(crate) acknowledging: Acknowledging,
    /// Places for streams.
    pub(crate) streams: Arc<Semaphore>,
    /// Places for answers.
    pub(crate) computing: Arc<Semaphore>,
    health: watch::Receiver<Known>,
    feed: Feed,
    older: older::Fetch,
    asking: Option<JoinHandle<()>>,
    /// Lines of the file that could not be read, once it has been.
    unreadable: OnceLock<usize>,
}

impl AppState {
    /// Starts to fill a store of `capacity` flows, from so many of the server's history on. Needs a
    /// tokio runtime.
    pub(crate) fn start(
        source: Source,
        flags: String,
        capacity: usize,
        history: usize,
        acknowledging: Acknowledging,
    ) -> Result<Self, client::ConnectError> {
        let store = Arc::new(Store::new(capacity));
        let (text, server) = match &source {
            Source::Server(target) => (target.address.clone(), Some(Server::new(target)?)),
            Source::File(path) => (path.display().to_string(), None),
        };
        let is_file = server.is_none();
        let query = client::FlowQuery {
            // A file is there as a whole.
            last: u64::try_from(if is_file { 0 } else { history }).unwrap_or(u64::MAX),
            follow: true,
            ..client::FlowQuery::default()
        };
        let feed = Feed::start(source, query, Arc::clone(&store));
        let (set, health) = watch::channel(Known::default());
        let asking = server
            .clone()
            .map(|server| tokio::spawn(health::watch(server, set)));
        Ok(Self {
            store,
            started: SystemTime::now(),
            source: text,
            is_file,
            flags,
            server,
            views: Views::default(),
            connections: Connections::default(),
            changes: Changes::default(),
            policies: policies::Policies::default(),
            cluster: marked::Marked::default(),
            histories: marked::Marked::default(),
            endpoints: marked::Marked::default(),
            recorded: Recorded::default(),
            checks: Checks::default(),
            acknowledged: Acknowledged::default(),
            acknowledging,
            streams: Arc::new(Semaphore::new(STREAMS)),
            computing: Arc::new(Semaphore::new(COMPUTING)),
            health,
            feed,
            older: older::Fetch::default(),
            asking,
            unreadable: OnceLock::new(),
        })
    }

    /// The view of a question; a new one has seen nothing yet.
    pub(crate) fn view(&self, query: &FlowQuery) -> Result<Arc<Mutex<CachedView>>, TooMany> {
        self.views.get(&query.key, || CachedView::new(query))
    }

    /// What is kept to look at connections, as of the number `at` or of now.
    pub(crate) fn connections(
        &self,
        query: &FlowQuery,
        at: Option<u64>,
    ) -> Result<ConnectionQuery, TooMany> {
        self.connections.query(query, at, &self.store)
    }

    /// Reads what is known of connections.
    pub(crate) fn look<T>(
        &self,
        query: &ConnectionQuery,
        read: impl FnOnce(&ConnectionSnapshot<'_>) -> T,
    ) -> T {
        self.connections
            .look(query, &self.store, self.present(), read)
    }

    /// The present, Unix ns: in a file nothing goes on after its end.
    pub(crate) fn present(&self) -> i64 {
        match self.is_file {
            true => newest(&self.store).unwrap_or(0),
            false => Timestamp::from(SystemTime::now()).unix_nanos(),
        }
    }

    /// How the feed stands.
    pub(crate) fn link(&self) -> ConnectionState {
        self.feed.connection().borrow().clone()
    }

    /// Logs when flows cease to come, and when they come again. Never ends.
    pub(crate) async fn log_connection(&self) {
        let mut connection = self.feed.connection();
        let mut is_lost = false;
        loop {
            let state = connection.borrow_and_update().clone();
            match state {
                ConnectionState::Lost { why, .. } if !is_lost => {
                    warn!("no flows come, trying again: {why}");
                    is_lost = true;
                }
                ConnectionState::Failed(why) => warn!("no flows come: {why}"),
                ConnectionState::Live { .. } if is_lost => {
                    info!("flows come again");
                    is_lost = false;
                }
                ConnectionState::Lost { .. }
                | ConnectionState::Live { .. }
                | ConnectionState::Connecting
                | ConnectionState::Ended => {}
            }
            if connection.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// How many lines of the file are marked as none that can be read; 0 before all of it was.
    pub(crate) fn unreadable(&self) -> usize {
        if !self.is_file || self.link() != ConnectionState::Ended {
            return 0;
        }
        *self.unreadable.get_or_init(|| {
            let snapshot = self.store.snapshot();
            let items = snapshot.iter(snapshot.range());
            let unreadable = items.filter(|(_, item)| match item {
                Item::Marker(mark) => matches!(**mark, Marker::Unreadable { .. }),
                Item::Flow(_) => false,
            });
            unreadable.count()
        })
    }

    /// Whether there may be older flows.
    pub(crate) fn older(&self) -> Older {
        self.older.state(&self.store, self.is_file)
    }

    /// Fetches some that happened before the one of a number, or all since a time (Unix ns).
    pub(crate) async fn fetch_older(
        &self,
        before: Option<u64>,
        since: Option<i64>,
    ) -> Result<usize, String> {
        let fetch = self.older.fetch(&self.feed, &self.store, before, since);
        fetch.await
    }

    /// What came from each node so far, and how fast it comes now.
    pub(crate) fn came(&self) -> BTreeMap<String, NodeStats> {
        let now = Timestamp::from(SystemTime::now()).unix_nanos();
        let mut came = self.store.nodes(now);
        // Of a file, or while nothing can come, nobody knows.
        if !matches!(self.link(), ConnectionState::Live { .. }) {
            came.values_mut().for_each(|from| from.rate = None);
        }
        came
    }

    /// When nothing could come, of some node or of all.
    pub(crate) fn outages(&self, snapshot: &Snapshot) -> Vec<Outage> {
        let mut outages = snapshot.outages().to_vec();
        if let ConnectionState::Lost { since, .. } = self.link() {
            outages.push(Outage {
                node: String::new(),
                from: Timestamp::from(since).unix_nanos(),
                until: None,
            });
        }
        outages
    }

    /// Whether time goes on in what comes: a file has an end.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(
            self.link(),
            ConnectionState::Live { .. } | ConnectionState::Lost { .. }
        )
    }

    /// What the server said last of itself and its nodes.
    pub(crate) fn health(&self) -> Known {
        self.health.borrow().clone()
    }
}

impl Drop for AppState {
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}
