//! The agent as a whole: what is started, in which order, and how it ends.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Receiver},
};

use nix::sched::{CloneFlags, setns};
use serve::{
    grpc::ServeError,
    listen::{Bound, Listen, ListenError},
    privileges::{self, Capability, PrivilegeError},
    process,
};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    acknowledgements::Acknowledgements,
    api::{self, Api},
    config::Config,
    enforce::{EnforceError, Reconciler},
    error::chain,
    fact::Fact,
    history::History,
    hubble::{FlowBuilder, agent_events::AgentEvents},
    metrics::{self, Metrics},
    node::{
        NotificationReceiver, Published, RingDropCounter, StateQuery, clock,
        conntrack_stats::ConntrackStats, names::Node,
    },
    observe::{self, KernelEgressDevices, Observer, perf_source::PerfSource, source::Source},
};

/// The object that was built in, if one was.
const OBJECT: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/object.rs"));

/// The agent cannot start, or had to end.
#[derive(Debug, Error)]
pub enum RunError {
    /// Nothing to load.
    #[error(
        "this agent was built without the eBPF object: build it with `cargo xtask build-bpf` and \
         give the file that it prints as --object FILE"
    )]
    NoObject,
    /// A file or directory.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A namespace.
    #[error("entering the network namespace {}: {source}; root is needed", path.display())]
    Namespace {
        /// Its file.
        path: PathBuf,
        /// Why it failed.
        source: nix::Error,
    },
    /// Capabilities.
    #[error(transparent)]
    Privileges(#[from] PrivilegeError),
    /// Enforcement.
    #[error(transparent)]
    Enforce(#[from] EnforceError),
    /// Routes.
    #[error("following routes: {}", chain(.0))]
    Routes(loader::Error),
    /// A socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The API.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Threads, signals.
    #[error("{0}")]
    System(#[from] io::Error),
    /// The clock.
    #[error("reading the clock: {0}")]
    Clock(#[from] nix::Error),
    /// A part ended that should not have.
    #[error("{0} exited; the last applied policy stays enforced")]
    Ended(&'static str),
}

/// Puts the calling thread into a network namespace. Threads that it starts are in it, too.
///
/// # Errors
/// No such file, or no right to do it.
pub fn enter_network_namespace(path: &Path) -> Result<(), RunError> {
    let file = File::open(path).map_err(failed("opening the network namespace", path))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|source| RunError::Namespace {
        path: path.to_owned(),
        source,
    })
}

/// Gives up what an agent never needs. The calling thread must be the only one.
///
/// # Errors
/// The system refuses.
pub fn keep_needed_capabilities() -> Result<(), RunError> {
    // Maps, programs and rings; links, routes and their veths; bpffs and namespaces; ring memory and
    // priority of the readers; files of others: the manifests' and, in a lab, the run directory's.
    let needed = [
        Capability::CAP_BPF,
        Capability::CAP_PERFMON,
        Capability::CAP_NET_ADMIN,
        Capability::CAP_SYS_ADMIN,
        Capability::CAP_SYS_RESOURCE,
        Capability::CAP_IPC_LOCK,
        Capability::CAP_SYS_NICE,
        Capability::CAP_DAC_OVERRIDE,
        Capability::CAP_DAC_READ_SEARCH,
        Capability::CAP_FOWNER,
        Capability::CAP_CHOWN,
    ];
    Ok(privileges::keep_only(&needed)?)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::File {
        action,
        path,
        source,
    }
}

fn object(config: &Config) -> Result<Vec<u8>, RunError> {
    match (&config.object, OBJECT) {
        (Some(path), _) => fs::read(path).map_err(failed("reading the eBPF object", path)),
        (None, Some(object)) => Ok(object.to_vec()),
        (None, None) => Err(RunError::NoObject),
    }
}

fn node(config: &Config) -> Node {
    Node {
        cluster: config.cluster.clone(),
        name: config.node.clone(),
        labels: vec![],
    }
}

/// The unix socket, and the address if there is to be one.
fn listeners(config: &Config, run_dir: &Path) -> Result<Vec<Bound>, ListenError> {
    let unix = Listen::Unix(run_dir.join("hubble.sock"));
    std::iter::once(unix)
        .chain(config.listen.map(Listen::Tcp))
        .map(|listen| listen.bind(config.insecure))
        .collect()
}

/// Makes agent events of what the enforcing thread publishes.
async fn follow(
    events: Arc<AgentEvents>,
    published: Published,
    stop: CancellationToken,
) -> Result<(), RunError> {
    tokio::select! {
        () = events.follow(Arc::clone(&published.names), published.progress.subscribe()) => {}
        () = stop.cancelled() => {}
    }
    Ok(())
}

type Rings = Vec<(loader::RingReader, RingDropCounter)>;

/// Events that a predecessor left in the rings: they are lost, and counted as such.
fn left_unread(rings: &Rings) -> u64 {
    let left_unread = rings.iter().map(|(reader, _)| reader.left_unread()).sum();
    if left_unread > 0 {
        warn!(
            events = left_unread,
            "events that the last agent left unread are lost"
        );
    }
    left_unread
}

fn sources(rings: Rings) -> Vec<Box<dyn Source>> {
    rings
        .into_iter()
        .map(|(reader, drops)| Box::new(PerfSource::new(reader, drops)) as _)
        .collect()
}

fn observing(
    rings: Rings,
    left_unread: u64,
    proxy: Option<Receiver<Fact>>,
) -> Result<observe::Config, RunError> {
    let egress_devices = KernelEgressDevices::open().map_err(RunError::Routes)?;
    Ok(observe::Config {
        left_unread,
        proxy,
        egress_devices: Some(Box::new(egress_devices)),
        ..observe::Config::new(sources(rings))
    })
}

/// Runs until SIGTERM or SIGINT, or until a part fails. Streams end with OK, the socket goes;
/// enforcement and pins stay.
///
/// # Errors
/// See [`RunError`].
pub async fn run(config: &Config) -> Result<(), RunError> {
    let mut asked_to_stop = std::pin::pin!(process::stop()?);
    let object = object(config)?;
    let run_dir = config.run_dir();
    fs::create_dir_all(&run_dir).map_err(failed("creating", &run_dir))?;

    // The socket first: it tells whether another agent is at work here.
    let listeners = listeners(config, &run_dir)?;
    let metrics_listener = metrics::bind(config.metrics_listen)?;

    let started = clock::monotonic()?;
    let notifications = NotificationReceiver::new()?;
    let notifier = notifications.notifier();
    let mut reconciler = Reconciler::open(config, &object, notifications.notifier())?;
    let rings = reconciler.rings()?;
    let left_unread = left_unread(&rings);
    // Before the observer: the first event has a name.
    reconciler.reconcile();
    let published = reconciler.published().clone();
    let changes = Arc::clone(reconciler.changes());
    let node = Arc::new(node(config));
    let (history, writer) = History::new(config.history_flows, Arc::clone(&node));
    let proxied = reconciler.proxied();
    let proxy = proxied.as_ref().map(|proxy| Arc::clone(&proxy.stats));
    let facts = proxied.map(|proxy| proxy.facts);
    let observing = observing(rings, left_unread, facts)?;
    let observer = Observer::start(observing, Arc::clone(&published.names), writer)?;

    let stop = CancellationToken::new();
    let (state_query, queries) = StateQuery::new(notifications.notifier());
    let mut reconciler =
        tokio::task::spawn_blocking(move || reconciler.run(notifications, queries));
    let connections = Arc::new(ConntrackStats::new(Arc::clone(&published.stats)));
    let events = AgentEvents::new(clock::wall()?);
    let api = Api {
        events: Arc::clone(&events),
        history: Arc::clone(&history),
        flow_builder: FlowBuilder::of_this_run(node.full_name())?
            .with_names(Arc::clone(&published.told)),
        names: Arc::clone(&published.names),
        stats: Arc::clone(observer.stats()),
        status: Arc::clone(&published.status),
        policy: Some(api::PolicyAccess {
            state_query,
            progress: published.progress.subscribe(),
            changes: Arc::clone(&changes),
            acknowledgements: Arc::new(Acknowledgements::open(
                &config.run_dir().join("acknowledged.jsonl"),
            )),
            told: Arc::clone(&published.told),
            stats: Some(Arc::clone(&published.stats)),
        }),
        connections: Some(Arc::clone(&connections)),
        peers: published.peers.subscribe(),
        started,
        address: config
            .listen
            .map(|address| address.to_string())
            .unwrap_or_default(),
        stop: stop.clone(),
    };
    let metrics = Metrics {
        history,
        stats: Arc::clone(observer.stats()),
        status: Arc::clone(&published.status),
        connections,
        changes,
        proxy,
    };
    let mut servers = JoinSet::new();
    servers.spawn(follow(events, published, stop.clone()));
    servers.spawn(async move { api::serve(api, listeners).await.map_err(RunError::from) });
    if let Some(listener) = metrics_listener {
        let stop = stop.clone();
        servers.spawn(async move {
            metrics::serve(listener, metrics, stop).await?;
            Ok(())
        });
    }
    info!(node = %node.full_name(), run_dir = %run_dir.display(), "agent is ready");

    let mut check = tokio::time::interval(std::time::Duration::from_secs(1));
    let mut reconciler_ended = None;
    let result = loop {
        tokio::select! {
            () = &mut asked_to_stop => break Ok(()),
            ended = &mut reconciler => {
                reconciler_ended = Some(());
                break match ended {
                    Ok(Ok(())) | Err(_) => Err(RunError::Ended("the enforcing thread")),
                    Ok(Err(error)) => Err(error.into()),
                };
            }
            ended = servers.join_next() => break match ended {
                Some(Ok(Err(error))) => Err(error),
                Some(Ok(Ok(())) | Err(_)) | None => Err(RunError::Ended("a server")),
            },
            _ = check.tick() => {
                if observer.is_finished() {
                    break Err(RunError::Ended("the observer"));
                }
            }
        }
    };
    info!("agent exits; the last applied policy stays enforced");
    stop.cancel();
    notifier.stop();
    let ending = async {
        while servers.join_next().await.is_some() {}
        if reconciler_ended.is_none() {
            drop(reconciler.await);
        }
    };
    // A client that holds its connection open does not hold up the end.
    if tokio::time::timeout(std::time::Duration::from_secs(3), ending)
        .await
        .is_err()
    {
        warn!("connections did not end in time");
    }
    let observed = tokio::task::spawn_blocking(move || observer.stop()).await;
    result?;
    match observed {
        Ok(stopped) => stopped.map_err(RunError::from),
        Err(_panicked) => Err(RunError::Ended("the observer")),
    }
}
