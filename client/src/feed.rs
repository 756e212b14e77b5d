//! From a server or a file into a store: first what there is, then what comes.
//!
//! A connection that breaks is made again, and what happened meanwhile is asked for; [`ConnectionState`] says how
//! it stands, and a mark in the store shows the place.

mod dedup_window;
mod file;
mod live;
mod older;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use proto::{flow::FlowFilter, google::Timestamp, observer::GetFlowsRequest};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{server::FlowOptions, store::Store, target::Target};
use older::{OlderQuery, OlderThan};

/// What our servers have beyond Hubble's is wanted, too.
const EXTENSIONS: FlowOptions = FlowOptions {
    extensions: true,
    per_node: false,
};

/// Where flows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A relay or an agent, of ours or Hubble's.
    Server(Target),
    /// Lines of JSON, as `-o json` writes them; of a pipe as they come.
    File(PathBuf),
}

/// What is asked of the source.
#[derive(Clone, Debug, Default)]
pub struct FlowQuery {
    /// Flows that are wanted; empty: all.
    pub whitelist: Vec<FlowFilter>,
    /// Flows that aren't.
    pub blacklist: Vec<FlowFilter>,
    /// From when on.
    pub since: Option<Timestamp>,
    /// Until when; nothing live then.
    pub until: Option<Timestamp>,
    /// How many flows of the history at most, the newest of them; 0: none. With `since`, everything
    /// from then on: Hubble's API has no "the last N since".
    pub last: u64,
    /// What comes, too.
    pub follow: bool,
}

/// How a feed stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// The first connection is being made.
    Connecting,
    /// Flows come.
    Live {
        /// Since when.
        since: SystemTime,
    },
    /// The connection broke, or could not be made.
    Lost {
        /// Since when.
        since: SystemTime,
        /// Why.
        why: String,
        /// Until the next attempt.
        retry_in: Duration,
    },
    /// All that was asked for is there.
    Ended,
    /// It can't be had, and trying again won't help: a refused request, a file that can't be read.
    Failed(String),
}

/// A running transfer into a store. Ends when it is dropped.
#[derive(Debug)]
pub struct Feed {
    connection: watch::Receiver<ConnectionState>,
    queries: mpsc::Sender<OlderQuery>,
    hurry: Arc<Notify>,
    ask: FlowQuery,
    store: Arc<Store>,
    task: JoinHandle<()>,
}

impl Feed {
    /// Starts to fill `store`. Needs a tokio runtime.
    #[must_use]
    pub fn start(source: Source, ask: FlowQuery, store: Arc<Store>) -> Self {
        let (set, connection) = watch::channel(ConnectionState::Connecting);
        let (queries, receiver) = mpsc::channel(1);
        let hurry = Arc::new(Notify::new());
        let (asked, into) = (ask.clone(), store.clone());
        let task = match source {
            Source::Server(target) => {
                let hurry = Arc::clone(&hurry);
                tokio::spawn(live::run(target, asked, into, set, receiver, hurry))
            }
            Source::File(path) => tokio::spawn(file::run(path, asked, into, set)),
        };
        Self {
            connection,
            queries,
            hurry,
            ask,
            store,
            task,
        }
    }

    /// How it stands, and every change of that.
    #[must_use]
    pub fn connection(&self) -> watch::Receiver<ConnectionState> {
        self.connection.clone()
    }

    /// Ends the pause before the next attempt to connect, if there is one.
    pub fn retry(&self) {
        // Remembered while an attempt is being made.
        self.hurry.notify_one();
    }

    /// Puts up to so many flows from before the store's first one in front of it; says how many.
    ///
    /// # Errors
    /// In words: the server can't be asked now, or it is a file.
    pub async fn older(&self, most: u64) -> Result<usize, String> {
        let (ask, store) = (self.ask.clone(), Arc::clone(&self.store));
        self.query(ask, store, OlderThan::Stored, most).await
    }

    /// The same for a store that holds, of this feed's flows from a moment on (Unix ns), those that
    /// `ask` lets through: older ones are put in front of it.
    ///
    /// # Errors
    /// In words: the server can't be asked now, or it is a file.
    pub async fn older_of(
        &self,
        ask: FlowQuery,
        store: Arc<Store>,
        since: i64,
        most: u64,
    ) -> Result<usize, String> {
        self.query(ask, store, OlderThan::StoredOr(since), most)
            .await
    }

    async fn query(
        &self,
        ask: FlowQuery,
        store: Arc<Store>,
        before: OlderThan,
        most: u64,
    ) -> Result<usize, String> {
        let (done, answer) = oneshot::channel();
        let gone = || "no older flows can be fetched: the source has ended".to_owned();
        let query = OlderQuery {
            ask,
            store,
            before,
            most,
            done,
        };
        self.queries.send(query).await.map_err(|_gone| gone())?;
        answer.await.map_err(|_gone| gone())?
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FlowQuery {
    /// Nothing ends it but the server.
    fn is_endless(&self) -> bool {
        self.follow && self.until.is_none()
    }

    /// The first request.
    fn request(&self) -> GetFlowsRequest {
        GetFlowsRequest {
            number: if self.since.is_some() { 0 } else { self.last },
            follow: self.is_endless(),
            since: self.since,
            until: self.until,
            whitelist: self.whitelist.clone(),
            blacklist: self.blacklist.clone(),
            ..GetFlowsRequest::default()
        }
    }
}
