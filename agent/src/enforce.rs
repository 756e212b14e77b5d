//! Keeps the kernel's maps in step with the manifests.
//!
//! ```text
//!  manifests changed --.                 .--> state file --> names --> maps --> endpoints.json
//!  routes changed -----+--> reconcile ---+
//!  a second passed ----'                 '--> programs on new veths, before anything else
//! ```
//!
//! One thread does all of it, in this order: a pod's veth gets its programs (which drop everything
//! until they know the pod), numbers are saved before they stand in the kernel, and a name is known
//! before an event can carry it.

mod admission;
mod capacity;
mod desired;
mod endpoints;
mod enrichment;
mod error;
mod integrity;
mod layer7;
mod learning;
mod manifests;
mod names;
mod publish;
mod recorded;
mod state_file;
mod sweep;
#[cfg(test)]
mod timelines;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use cluster::State;
use loader::{Datapath, IfIndex, RingReader, grace_periods::Expedited, pods::Routes};
use policy::LocalNode;
use tokio::sync::watch;
use tracing::{info, warn};

use self::{
    admission::Admitted,
    desired::OwnAddresses,
    endpoints::Endpoints,
    enrichment::{Enrichment, Sources},
    error::loader_error,
    integrity::Integrity,
    layer7::Layer7,
    manifests::{Manifests, Policies},
    publish::Failure,
    state_file::{Log, Saved, StateFile},
    sweep::Sweeper,
};
use crate::{
    changes::Recorder,
    config::Config,
    error::chain,
    node::{
        AppliedState, NotificationReceiver, Notifier, Peers, Published, QueryReceiver,
        RingDropCounter, StaleState, StateSnapshot, ToldNames,
    },
    proxy::ProxyFacts,
};

pub use durable::{Damage as StateFileDamage, StateFileError};
pub use error::{EnforceError, LoaderError};

/// How often the kernel's counters are read, and what failed is tried again.
const TICK: Duration = Duration::from_secs(1);

/// How what is in force relates to the present manifests and routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncState {
    /// It was made from them.
    InSync,
    /// It was not, but may be the next time.
    Retry,
    /// It was not, and won't be: there is no room.
    OverCapacity,
}

/// The thread's state.
#[derive(Debug)]
pub struct Reconciler {
    config: Config,
    run_dir: PathBuf,
    datapath: Datapath,
    routes: Routes,
    manifests: Manifests,
    compiler: policy::Compiler,
    file: StateFile,
    log: Log,
    recorder: Recorder,
    endpoints: Endpoints,
    /// The pods that the kernel knows.
    known: Option<Endpoints>,
    /// What `endpoints.json` was last made of.
    ready: Option<(Vec<IfIndex>, Endpoints)>,
    integrity: Integrity,
    own: OwnAddresses,
    sweeper: Sweeper,
    enrichment: Enrichment,
    published: Published,
    /// What the node told when the maps were last brought in step. `None`: they may hold anything.
    here: Option<LocalNode>,
    /// Port of the agents' TCP listeners, for the peers' addresses.
    port: Option<u16>,
    step: SyncState,
    /// The manifests in force, as long as nothing else was tried.
    in_force: Option<Arc<State>>,
    /// The policies in force, or those that were before a restart.
    base: Policies,
    /// Endpoint indices that became another pod's, and whose counts are its predecessor's still.
    given: Vec<u32>,
    /// What people have to know of what is in force.
    notes: Vec<String>,
    /// What is judged at layer 7, and by whom.
    layer7: Option<Layer7>,
    /// What stayed in force when something else failed.
    behind: Option<Arc<StaleState>>,
}

impl Reconciler {
    /// Reads what there is: state file, manifests, routes; loads or adopts the datapath. `notifications` rings
    /// when the manifests change. The calling thread must be in the node's network namespace.
    ///
    /// # Errors
    /// See [`EnforceError`]. What was in force before stays in force.
    pub fn open(
        config: &Config,
        object: &[u8],
        notifications: Notifier,
    ) -> Result<Self, EnforceError> {
        let run_dir = config.run_dir();
        let routes = Routes::open().map_err(loader_error("reading routes"))?;
        let options = loader::Options {
            sizes: config.sizes.of_maps(),
            ..loader::Options::new(run_dir.join("bpf"))
        };
        let mut datapath =
            Datapath::open(object, &options).map_err(loader_error("opening the datapath"))?;
        let told = Arc::<ToldNames>::default();
        let layer7 = Layer7::open(
            config,
            &mut datapath,
            notifications.clone(),
            Arc::clone(&told),
        )?;
        // Only now no predecessor attaches or writes any more.
        Expedited::recover(&run_dir);
        let (file, of_policies) = StateFile::load(run_dir.join("state.json"))?;
        let (log, logged) = Log::load(run_dir.join("manifests.jsonl"))?;
        let known = logged.clone();
        let checkpoint = logged.unwrap_or(of_policies);
        let saved = file.saved().policy.clone();
        let compiler = policy::Compiler::new(config.policy(), &config.node, saved);
        let base = compiler.manifests();
        let recorder = recorded::open(config, &run_dir, known.as_ref(), &base);
        let counters = datapath
            .stats()
            .counters_per_cpu()
            .map_err(loader_error("reading counters"))?;
        let failed = counters
            .iter()
            .map(|cpu| RingDropCounter::new(cpu.events_failed.into()))
            .collect();
        let in_force = datapath.in_force();
        let enforced = !checkpoint.is_empty() || !in_force.tables.is_empty();
        let source = manifests::follow(&config.state_dir, &checkpoint, notifications)?;
        let manifests = Manifests::new(source, enforced, &run_dir)?;
        let mut reconciler = Self {
            sweeper: Sweeper::start(Arc::clone(datapath.stats()), &in_force)?,
            published: Published {
                names: Arc::default(),
                told,
                peers: watch::Sender::new(Arc::new(Peers::new())),
                status: Arc::default(),
                failed: Arc::new(failed),
                progress: watch::Sender::default(),
                stats: Arc::clone(datapath.stats()),
            },
            config: config.clone(),
            run_dir,
            datapath,
            routes,
            manifests,
            compiler,
            file,
            log,
            recorder,
            endpoints: Endpoints::default(),
            known: None,
            ready: None,
            integrity: Integrity::default(),
            own: OwnAddresses::default(),
            enrichment: Enrichment::default(),
            port: config.listen.map(|address| address.port()),
            here: None,
            step: SyncState::Retry,
            in_force: None,
            base,
            given: Vec::new(),
            notes: Vec::new(),
            behind: None,
            layer7,
        };
        // What ran out while no agent was there doesn't come into force once more.
        reconciler.forget_names();
        Ok(reconciler)
    }

    /// What the rest of the agent reads.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Opens the rings, each with the counter of what it did not accept. Their readers must be running
    /// soon.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn rings(&self) -> Result<Vec<(RingReader, RingDropCounter)>, EnforceError> {
        let options = loader::RingOptions {
            bytes: self.config.ring_bytes,
        };
        let readers = self
            .datapath
            .rings(options)
            .map_err(loader_error("opening the rings"))?;
        let with_counter = |reader: RingReader| {
            let cpu = usize::try_from(reader.cpu()).unwrap_or(usize::MAX);
            let drops = self.published.failed.get(cpu).cloned().unwrap_or_default();
            (reader, drops)
        };
        Ok(readers.into_iter().map(with_counter).collect())
    }

    /// What the proxy tells, if there is one; for the observer.
    pub fn proxied(&mut self) -> Option<ProxyFacts> {
        self.layer7.as_mut()?.told.take()
    }

    /// Brings the kernel in step with the present manifests and routes. What goes wrong is told in
    /// the status and tried again later; the former state then stays in force.
    pub fn reconcile(&mut self) {
        let Some(state) = self.manifests.state() else {
            // What is in force stays, and the source notifies when there is something. A pod that is new
            // has only the program that drops everything, which whoever made it attached.
            self.report_waiting();
            return;
        };
        self.attach(&state);
        let failure = match self.admit(&state) {
            Ok(admitted) => {
                self.begin_changes(&state);
                match self.enforce(&admitted) {
                    Ok(()) => {
                        self.commit_changes();
                        admitted.refusal.map(Failure::LeftOut)
                    }
                    Err(error) => Some(self.failure(&state, &error)),
                }
            }
            Err(failure) => {
                self.fall_behind();
                Some(failure)
            }
        };
        if let Some(failure) = &failure {
            self.log_failure(failure);
        }
        self.step = match failure {
            None | Some(Failure::LeftOut(_)) => SyncState::InSync,
            Some(Failure::Passing(_)) => SyncState::Retry,
            Some(Failure::Refused(_)) => SyncState::OverCapacity,
        };
        self.notes.clear();
        match (&failure, &mut self.behind) {
            (None, _) => self.behind = None,
            (Some(Failure::LeftOut(refusal)), _) => {
                self.behind = None;
                self.notes.push(refusal.text());
            }
            (Some(failure), Some(behind)) => Arc::make_mut(behind).failure = failure.text(),
            (Some(_), None) => {}
        }
        self.report(&state, failure.as_ref());
    }

    /// What is in force, for questions; `None` if that isn't certain.
    fn tell(&self) -> Option<StateSnapshot> {
        let revision = self.datapath.revision();
        if self.step == SyncState::InSync {
            return Some(StateSnapshot::InSync(Box::new(AppliedState {
                state: Arc::clone(self.in_force.as_ref()?),
                compiled: self.compiler.compiled().clone(),
                policies: self.compiler.policies(),
                manifests: self.compiler.manifests(),
                config: self.compiler.config().clone(),
                revision,
                notes: self.notes.clone(),
            })));
        }
        // What failed after the flip is in force, at least in part.
        let behind = self
            .behind
            .as_ref()
            .filter(|_| self.step == SyncState::OverCapacity);
        let behind = behind.filter(|behind| behind.revision == revision)?;
        Some(StateSnapshot::Stale(Arc::clone(behind)))
    }

    /// Keeps what is in force for questions, while something else is tried.
    fn fall_behind(&mut self) {
        if let Some(state) = &self.in_force {
            self.behind = Some(Arc::new(StaleState {
                state: Arc::clone(state),
                memory: self.file.saved().policy.clone(),
                config: self.compiler.config().clone(),
                node: self.config.node.clone(),
                revision: self.datapath.revision(),
                failure: String::new(),
            }));
        }
    }

    fn enforce(&mut self, admitted: &Admitted) -> Result<(), EnforceError> {
        let state = &admitted.state;
        // From here on it isn't certain any more.
        self.fall_behind();
        self.in_force = None;
        self.log.store(&self.manifests.checkpoint())?;
        self.file.store(Saved {
            endpoints: self.endpoints.indices(),
            policy: self.compiler.persistent_state(),
        })?;
        for index in &self.given {
            let forget = self.datapath.stats().reset_rate_limit(*index);
            forget.map_err(loader_error("clearing an endpoint"))?;
        }
        self.given.clear();

        let compiled = self.compiler.compiled();
        let names = self.published.names.load_full();
        let sources = Sources {
            cluster: &self.config.cluster,
            node: &self.config.node,
            state,
            compiled,
            endpoints: &self.endpoints,
        };
        let since = admitted.changes.is_some().then_some(&admitted.touched);
        let names = self.enrichment.names(&names, &sources, since);
        self.published.names.store(Arc::new(names));
        if let Some(layer7) = &mut self.layer7 {
            layer7.prepare(compiled)?;
        }
        let when = sweep::now();
        let applied = match &admitted.changes {
            Some(changes) => self.datapath.apply_changes(changes),
            None => {
                let desired = desired::desired(&self.config, compiled, &admitted.here);
                self.datapath.apply(&desired)
            }
        };
        let applied = applied.map_err(loader_error("writing maps"))?;
        if let Some(layer7) = &mut self.layer7 {
            layer7.settle(compiled)?;
        }
        self.here = Some(admitted.here.clone());
        self.in_force = Some(Arc::clone(state));
        self.base = self.compiler.manifests();
        if applied.written + applied.removed > 0 {
            info!(
                revision = applied.revision,
                written = applied.written,
                removed = applied.removed,
                true_after_us = applied.true_after.as_micros(),
                "policy is in force"
            );
        }
        self.sweeper.follow(&self.endpoints, when);
        self.forget();
        // Otherwise that is looked at every second.
        if self.ready.is_none() || self.known.as_ref() != Some(&self.endpoints) {
            self.known = Some(self.endpoints.clone());
            self.write_ready()?;
        }
        self.tell_peers(state);
        Ok(())
    }

    /// Frees numbers that nothing in force uses, once many are taken. The history holds names, not
    /// numbers; a connection that still has an old one is judged again before it is reported.
    fn forget(&mut self) {
        const MANY: usize = 32_768;
        let compiled = self.compiler.compiled();
        let (cookies, identities) = (compiled.cookies.len(), compiled.identities.len());
        if cookies < MANY && identities < MANY {
            return;
        }
        let nothing = (BTreeSet::new(), BTreeSet::new());
        self.compiler.retain(&nothing.0, &nothing.1);
        info!(cookies, identities, "unused numbers freed");
    }

    /// Writes the list of pods that may come up, if it changed.
    fn write_ready(&mut self) -> Result<(), EnforceError> {
        let Some(known) = &self.known else {
            return Ok(());
        };
        let attached = self.datapath.attached();
        let attached = attached.map_err(loader_error("reading what is attached"))?;
        if !matches!(&self.ready, Some((before, of)) if *before == attached && of == known) {
            known.write(&self.run_dir.join("endpoints.json"), &attached)?;
            self.ready = Some((attached, known.clone()));
        }
        Ok(())
    }

    /// The thread: reacts, and answers `queries`, until `notifications` is told to stop. Enforcement and pins stay.
    ///
    /// # Errors
    /// Waiting itself fails, or a first snapshot that came late is empty and that isn't confirmed.
    pub fn run(
        mut self,
        notifications: NotificationReceiver,
        queries: QueryReceiver,
    ) -> Result<(), EnforceError> {
        loop {
            let woken = notifications.wait(&self.routes, TICK)?;
            if woken.stop {
                break;
            }
            let manifests = woken.notified && self.manifests.take()?;
            let routes = if woken.routes {
                self.own.doubt();
                self.read_routes()
            } else {
                false
            };
            let (learned, names) = self.learn();
            if manifests || routes || names || self.step == SyncState::Retry {
                self.reconcile();
            }
            self.acknowledge(learned);
            queries.answer(|| self.tell());
            self.note_unchanged();
            self.look();
            self.count();
        }
        Ok(())
    }

    fn read_routes(&mut self) -> bool {
        match self.routes.read() {
            Ok(changes) => {
                for interface in changes.iter().filter_map(|change| change.old) {
                    // Programs stay as long as the interface does; its links are gone with it.
                    if nix::net::if_::if_indextoname(interface.0).is_err()
                        && let Err(error) = self.datapath.detach(interface)
                    {
                        warn!(ifindex = interface.0, error = %chain(&error), "pins not removed");
                    }
                }
                !changes.is_empty()
            }
            Err(error) => {
                warn!(error = %chain(&error), "routes not read");
                false
            }
        }
    }
}
