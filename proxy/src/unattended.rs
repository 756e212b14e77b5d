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

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use l7::learned::{Entry, Identities, Seconds};
use l7::wire::name::Name;
use loader::unattended::{Present, Unattended as Maps};
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
/// How much longer the programs know an address than its first name says: until then it has been given what its other
/// names say, seconds.
const SLACK: Seconds = 2;

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
        loop {
            let first = match self.kept.next_end() {
                None => asked
                    .recv()
                    .map_err(|_ended| RecvTimeoutError::Disconnected),
                Some(end) => {
                    let wait = Duration::from_secs(end.saturating_sub(now()));
                    asked.recv_timeout(wait.max(REST))
                }
            };
            let mut batch: Vec<Request> = match first {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            batch.extend(asked.try_iter().take(BATCH.saturating_sub(batch.len())));
            let (answers, done): (Vec<Learned>, Vec<_>) = batch
                .into_iter()
                .map(|request| (request.learned, request.done))
                .unzip();
            for (done, result) in done.into_iter().zip(self.turn(&answers)) {
                // The query's client may be gone.
                drop(done.send(result));
            }
            thread::sleep(REST);
        }
    }

    /// Learns answers, and gives addresses of which a name has run out what their other names say.
    fn turn(&mut self, answers: &[Learned]) -> Vec<Result<(), UnattendedError>> {
        let all = |error: UnattendedError| vec![Err(error); answers.len()];
        let maps = match Maps::lock(&self.bpffs) {
            Ok(Some(maps)) => maps,
            Ok(None) => {
                // It takes what is kept.
                self.kept.leave_to_agent();
                return all(UnattendedError::Agent);
            }
            Err(error) => return all(refused(&error)),
        };
        // From here on no agent writes the numbers or takes what is kept.
        let identities = match self.numbers.read() {
            Ok(identities) => identities,
            Err(error) => return all(refused(&error)),
        };
        let now = now();
        self.kept.begin(now);
        let asked = answers.iter().flat_map(|answer| &answer.addresses).copied();
        let looked_at: BTreeSet<IpAddr> = asked.chain(self.kept.left()).collect();
        match maps.begin(&looked_at) {
            Ok(there) => self.kept.retain_left(&there),
            Err(error) => return all(refused(&error)),
        }
        let turn = Turn {
            maps: &maps,
            identities,
            now,
        };
        for address in self.kept.take_narrowed() {
            let names = self.kept.names(address);
            if let Err(error) = turn.give(address, &names) {
                // It closes by itself.
                tracing::debug!(?error, %address, "not open any more by the names that are left");
            }
        }
        let learned = answers
            .iter()
            .map(|answer| turn.learn(&mut self.kept, answer));
        let learned: Vec<_> = learned.collect();
        match self.kept.save() {
            Ok(()) => learned,
            Err(error) => {
                let error = refused(&error);
                let keep = |result: Result<(), _>| result.and_then(|()| Err(error.clone()));
                learned.into_iter().map(keep).collect()
            }
        }
    }
}

/// What is done while the maps are locked.
struct Turn<'t> {
    maps: &'t Maps,
    identities: &'t Identities,
    now: Seconds,
}

impl Turn<'_> {
    /// Gives the addresses of an answer their identities, and notes what the next agent has to know.
    fn learn(&self, kept: &mut Kept, answer: &Learned) -> Result<(), UnattendedError> {
        let mut entries = Vec::new();
        for (place, name) in answer.names.iter().enumerate() {
            if !self.identities.select(name) {
                continue;
            }
            let name = Arc::from(name.to_string());
            let entry = |address: &IpAddr| {
                Entry::told(
                    answer.client,
                    (place, &name),
                    *address,
                    self.now,
                    answer.ttl,
                )
            };
            entries.extend(answer.addresses.iter().map(entry));
        }
        if entries.is_empty() {
            // No policy asks about it.
            return Ok(());
        }
        kept.has_room(&entries)
            .map_err(|full| UnattendedError::Learn(LearnError::Refused(full.to_string().into())))?;
        for address in &answer.addresses {
            let new = entries.iter().filter(|entry| entry.address == *address);
            let names = kept.names_with(*address, new);
            if let Err(error) = self.give(*address, &names) {
                // Of what was given so far nothing else is noted.
                kept.leave(answer.addresses.iter().copied());
                return Err(error);
            }
        }
        tracing::debug!(?answer, "learned without an agent");
        kept.add(entries);
        Ok(())
    }

    /// Gives an address the identity of its names, until the first of them runs out.
    fn give(&self, address: IpAddr, names: &[(Name, Seconds)]) -> Result<(), UnattendedError> {
        let present = self.maps.present(address);
        let base = match present.map_err(|error| refused(&error))? {
            // It stays what it is.
            Present::Cluster => return Ok(()),
            Present::Given(identity) => self.identities.outside(identity),
            Present::Outside(identity) | Present::Kept(identity) => identity,
        };
        let identity = self
            .identities
            .of(base, names.iter().map(|(name, _)| name))
            .map_err(|error| {
                let text = format!("no agent runs, and of {address}: {error}");
                UnattendedError::Learn(LearnError::Refused(text.into()))
            })?;
        let until = names.iter().map(|(_, until)| *until).min();
        let (Some(identity), Some(until)) = (identity, until) else {
            return Ok(());
        };
        let seconds = until.saturating_sub(self.now) + SLACK;
        let put = self.maps.put(address, identity, seconds);
        put.map_err(|error| refused(&error))
    }
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
