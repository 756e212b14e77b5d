//! The node's layer-7 proxy, a process of its own, as the agent sees it: it is given rules, and tells what it
//! did with requests.
//!
//! ```text
//!  enforcing thread --rules--> link thread --gRPC--> flows-proxy
//!  observer <--facts-- records <------------gRPC--------'
//! ```
//!
//! A proxy that isn't there holds nothing up: what is redirected to it is dropped meanwhile, and the rules that
//! it starts with are on disk, written before they count.

mod link;
mod records;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use l7::rules::Snapshot;
use thiserror::Error;

use crate::fact::Fact;
use crate::journal::StateFileError;

/// How long a proxy may take to put rules in force.
const PATIENCE: Duration = Duration::from_secs(15);

/// Facts that wait for the observer; more are lost, and counted.
const WAITING: usize = 65_536;

/// The proxy can't be given rules.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// They can't be kept for it.
    #[error(transparent)]
    File(#[from] StateFileError),
    /// They can't be written as JSON.
    #[error("encoding the rules of layer 7: {0}")]
    Encode(#[from] serde_json::Error),
    /// It says no.
    #[error("flows-proxy refuses the rules of layer 7: {0}")]
    Refused(String),
    /// It doesn't answer.
    #[error("flows-proxy did not answer within {} s; restart it", PATIENCE.as_secs())]
    Timeout,
    /// The thread that speaks with it has ended.
    #[error("the connection to flows-proxy has ended; restart the agent")]
    Ended,
    /// It can't be started.
    #[error("starting the connection to flows-proxy: {0}")]
    Start(io::Error),
}

/// What is asked of the link.
struct SetRules {
    json: String,
    revision: u64,
    answer: SyncSender<Result<(), ProxyError>>,
}

/// The agent's side of the proxy.
#[derive(Debug)]
pub struct Proxy {
    directory: PathBuf,
    commands: tokio::sync::mpsc::UnboundedSender<SetRules>,
    is_there: Arc<AtomicBool>,
}

impl Proxy {
    /// Begins to look for a proxy at `proxy.sock` in the run directory, and to follow it, as often as it comes. What
    /// it tells comes by the other end, at the time of day.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn follow(directory: &Path) -> Result<(Self, Receiver<Fact>), ProxyError> {
        let (commands, taken) = tokio::sync::mpsc::unbounded_channel();
        let (facts, told) = sync_channel(WAITING);
        let is_there = Arc::<AtomicBool>::default();
        link::start(
            directory.join("proxy.sock"),
            taken,
            facts,
            Arc::clone(&is_there),
        )
        .map_err(ProxyError::Start)?;
        let directory = directory.to_owned();
        let proxy = Self {
            directory,
            commands,
            is_there,
        };
        Ok((proxy, told))
    }

    /// Whether a proxy is connected.
    pub fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }

    /// Puts rules in force: on disk for a proxy that starts, and in the one that runs. Without one that is all.
    ///
    /// # Errors
    /// They can't be kept, or a proxy that runs doesn't take them: the former ones are in force there.
    pub fn put(&self, rules: &Snapshot) -> Result<(), ProxyError> {
        let json = String::from_utf8_lossy(&rules.to_json()?).into_owned();
        let path = self.directory.join("proxy-rules.json");
        crate::journal::replace(&path, json.as_bytes(), true)?;
        let (answer, answered) = sync_channel(1);
        let command = SetRules {
            json,
            revision: rules.revision,
            answer,
        };
        let sent = self.commands.send(command);
        sent.map_err(|_gone| ProxyError::Ended)?;
        answered
            .recv_timeout(PATIENCE)
            .unwrap_or(Err(ProxyError::Timeout))
    }
}
