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
mod stats;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use l7::rules::Snapshot;
use thiserror::Error;
use tokio::sync::mpsc::error::TrySendError;

use crate::fact::Fact;
use crate::node::Notifier;
use durable::StateFileError;

pub use stats::{ProxyRoom, ProxyStats};

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

/// Rules to be put in force.
struct SetRules {
    json: String,
    revision: u64,
    answer: SyncSender<Result<(), ProxyError>>,
}

/// What an answer of DNS says, with which the proxy waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// To be acknowledged by.
    pub id: u64,
    /// The address of the pod that asked.
    pub client: IpAddr,
    /// The name that was asked for, in lower case and with the dot at the end, and those that it is another name for.
    pub names: Vec<String>,
    /// Their addresses.
    pub addresses: Vec<IpAddr>,
    /// For how many seconds.
    pub ttl: u32,
}

/// Whether an answer may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Of which.
    pub id: u64,
    /// Why it may not; `None`: its addresses are in the kernel.
    pub wrong: Option<String>,
    /// For so many seconds the same answer may leave without being asked about, if no agent is there.
    pub holds_for: u32,
}

/// What is asked of the link.
enum Command {
    SetRules(SetRules),
    Acknowledge(Acknowledgement),
}

/// Answers that wait for the enforcing thread; the proxy gives up on more.
const ANSWERS: usize = 4_096;

/// The agent's side of the proxy.
#[derive(Debug)]
pub struct Proxy {
    directory: PathBuf,
    commands: tokio::sync::mpsc::Sender<Command>,
    learned: Receiver<Learned>,
    stats: Arc<ProxyStats>,
}

/// What a proxy tells.
#[derive(Debug)]
pub struct ProxyFacts {
    /// Of requests, at the time of day.
    pub facts: Receiver<Fact>,
    /// How many came, and whether a proxy is there.
    pub stats: Arc<ProxyStats>,
}

impl Proxy {
    /// Begins to look for a proxy at `proxy.sock` in the run directory, and to follow it, as often as it comes. What
    /// it tells comes by the other end, at the time of day.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn follow(directory: &Path, notifier: Notifier) -> Result<(Self, ProxyFacts), ProxyError> {
        let (commands, taken) = tokio::sync::mpsc::channel(ANSWERS);
        let (facts, told) = sync_channel(WAITING);
        let (answers, learned) = sync_channel(ANSWERS);
        let stats = Arc::<ProxyStats>::default();
        link::start(
            directory.join("proxy.sock"),
            taken,
            link::Tell {
                facts: records::Facts::new(facts, Arc::clone(&stats)),
                answers,
                notifier,
                stats: Arc::clone(&stats),
            },
        )
        .map_err(ProxyError::Start)?;
        let directory = directory.to_owned();
        let proxy = Self {
            directory,
            commands,
            learned,
            stats: Arc::clone(&stats),
        };
        Ok((proxy, ProxyFacts { facts: told, stats }))
    }

    /// Answers that the proxy waits with; it gives up on each after some seconds.
    pub fn learned(&self) -> Vec<Learned> {
        self.learned.try_iter().collect()
    }

    /// Has one leave, or not.
    pub fn acknowledge(&self, acknowledgement: Acknowledgement) {
        // Without the thread, or if that has too much to do, the proxy gives up on it.
        drop(
            self.commands
                .try_send(Command::Acknowledge(acknowledgement)),
        );
    }

    /// What to say of clients for which it has no room.
    pub fn crowded(&self) -> Option<String> {
        self.stats.crowded()
    }

    /// Whether a proxy is connected.
    pub fn is_there(&self) -> bool {
        self.stats.is_there()
    }

    /// Puts rules in force: on disk for a proxy that starts, and in the one that runs. Without one that is all.
    ///
    /// # Errors
    /// They can't be kept, or a proxy that runs doesn't take them: the former ones are in force there.
    pub fn put(&self, rules: &Snapshot) -> Result<(), ProxyError> {
        let json = String::from_utf8_lossy(&rules.to_json()?).into_owned();
        let path = self.directory.join("proxy-rules.json");
        durable::replace(&path, json.as_bytes(), true)?;
        let (answer, answered) = sync_channel(1);
        let command = Command::SetRules(SetRules {
            json,
            revision: rules.revision,
            answer,
        });
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                TrySendError::Full(_) => ProxyError::Timeout,
                TrySendError::Closed(_) => ProxyError::Ended,
            })?;
        answered
            .recv_timeout(PATIENCE)
            .unwrap_or(Err(ProxyError::Timeout))
    }
}
