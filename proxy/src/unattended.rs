//! Names that pods are told while no agent runs.
//!
//! ```text
//!  answer --> worker: locks the maps --> identity, by what the last agent wrote down --> map, until it runs out
//!                                                                                  '--> proxy-names.jsonl
//! ```
//!
//! The next agent has the lock before it reads that file, and goes on from there. What no policy in the kernel knows
//! an identity for can't be learned here: such an answer doesn't leave.

mod kept;
mod numbers;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use l7::learned::{Entry, GRACE, Identities, Seconds};
use loader::unattended::Unattended as Maps;
use tokio::sync::oneshot;

use self::kept::Kept;
use self::numbers::Numbers;
use crate::names::{LearnError, Learned};

/// Answers that wait at a time.
const WAITING: usize = 1_024;
/// Answers that are learned with the maps locked once.
const BATCH: usize = 256;
/// Between two times: an agent that starts tries every 20 ms.
const REST: Duration = Duration::from_millis(60);

/// Why an answer was not learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnattendedError {
    /// An agent runs, or is about to: it is to learn it.
    Agent,
    /// It can't be learned.
    Learn(LearnError),
}

/// The worker, to be asked.
#[derive(Clone, Debug)]
pub struct Unattended {
    requests: SyncSender<Request>,
}

#[derive(Debug)]
struct Request {
    learned: Learned,
    done: oneshot::Sender<Result<(), UnattendedError>>,
}

impl Unattended {
    /// Starts the worker, with the run directory and the maps of the node's agent. It ends once nobody can ask it.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(run_dir: PathBuf, bpffs: PathBuf) -> io::Result<Self> {
        let (requests, asked) = sync_channel(WAITING);
        let worker = Worker {
            bpffs,
            numbers: Numbers::new(&run_dir),
            kept: Kept::new(&run_dir),
        };
        thread::Builder::new()
            .name("unattended".to_owned())
            .spawn(move || worker.run(&asked))?;
        Ok(Self { requests })
    }

    /// Resolves when policy for the addresses is in force.
    ///
    /// # Errors
    /// If it isn't.
    pub async fn learn(&self, learned: Learned) -> Result<(), UnattendedError> {
        let (done, answer) = oneshot::channel();
        match self.requests.try_send(Request { learned, done }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(UnattendedError::Learn(LearnError::Busy(WAITING)));
            }
            Err(TrySendError::Disconnected(_)) => {
                return Err(UnattendedError::Learn(LearnError::NoAgent));
            }
        }
        let answer = answer.await;
        answer.unwrap_or(Err(UnattendedError::Learn(LearnError::NoAgent)))
    }
}

struct Worker {
    bpffs: PathBuf,
    numbers: Numbers,
    kept: Kept,
}

impl Worker {
    fn run(mut self, asked: &Receiver<Request>) {
        while let Ok(first) = asked.recv() {
            let mut batch = vec![first];
            batch.extend(asked.try_iter().take(BATCH - 1));
            let (answers, done): (Vec<Learned>, Vec<_>) = batch
                .into_iter()
                .map(|request| (request.learned, request.done))
                .unzip();
            for (done, result) in done.into_iter().zip(self.learn(&answers)) {
                // The query's client may be gone.
                drop(done.send(result));
            }
            thread::sleep(REST);
        }
    }

    fn learn(&mut self, answers: &[Learned]) -> Vec<Result<(), UnattendedError>> {
        let all = |error: UnattendedError| vec![Err(error); answers.len()];
        let maps = match Maps::lock(&self.bpffs) {
            Ok(Some(maps)) => maps,
            Ok(None) => return all(UnattendedError::Agent),
            Err(error) => return all(refused(&error)),
        };
        // From here on no agent writes the numbers or takes what is kept.
        let identities = match self.numbers.read() {
            Ok(identities) => identities,
            Err(error) => return all(refused(&error)),
        };
        let now = now();
        self.kept.begin(now);
        let learned = answers
            .iter()
            .map(|answer| learn_one(&maps, identities, &mut self.kept, answer, now));
        let learned: Vec<_> = learned.collect();
        if let Err(error) = self.kept.save() {
            let error = refused(&error);
            let keep = |result: Result<(), _>| result.and_then(|()| Err(error.clone()));
            return learned.into_iter().map(keep).collect();
        }
        for address in self.kept.run_out() {
            if let Err(error) = maps.remove_expired(address) {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, %address, "an address that ran out stays in the map");
            }
        }
        learned
    }
}

/// Gives the addresses of an answer their identities, and notes what the next agent has to know.
fn learn_one(
    maps: &Maps,
    identities: &Identities,
    kept: &mut Kept,
    answer: &Learned,
    now: Seconds,
) -> Result<(), UnattendedError> {
    let expires = now + u64::from(answer.ttl);
    let mut entries = Vec::new();
    for (place, name) in answer.names.iter().enumerate() {
        if !identities.select(name) {
            continue;
        }
        let entry = |address: &IpAddr| Entry {
            pod: answer.client,
            name: name.to_string().into(),
            address: *address,
            since: now,
            expires,
            until: expires + GRACE,
            is_alias: place > 0,
        };
        entries.extend(answer.addresses.iter().map(entry));
    }
    if entries.is_empty() {
        // No policy asks about it.
        return Ok(());
    }
    kept.has_room(&entries)
        .map_err(|full| UnattendedError::Learn(LearnError::Refused(full.to_string().into())))?;
    let mut put = Vec::new();
    for address in &answer.addresses {
        let present = maps.identity(*address).map_err(|error| refused(&error))?;
        // A pod or a node stays what it is.
        let Some(present) = present else { continue };
        let identity = identities.of(present, answer.names.iter());
        let identity = identity.map_err(|error| {
            let text = format!("no agent runs, and of {address}: {error}");
            UnattendedError::Learn(LearnError::Refused(text.into()))
        })?;
        put.extend(identity.map(|identity| (*address, identity)));
    }
    for (address, identity) in put {
        let seconds = u64::from(answer.ttl) + GRACE;
        maps.put(address, identity, seconds)
            .map_err(|error| refused(&error))?;
    }
    tracing::debug!(?answer, "learned without an agent");
    kept.add(entries);
    Ok(())
}

fn refused(error: &dyn std::error::Error) -> UnattendedError {
    let mut text = format!("no agent runs, and {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    UnattendedError::Learn(LearnError::Refused(text.into()))
}

fn now() -> Seconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
