//! A proxy as a process: bound, then served.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serve::grpc::ServeError;
use serve::listen::{Bound, Listen};
use serve::privileges::{self, Capability, PrivilegeError};
use serve::process;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::carrier::{Carrier, HttpServer};
use crate::config::Config;
use crate::context::Context;
use crate::control::{self, AgentNames, Control, Ports, RuleFile};
use crate::dns::{NameOrder, UdpServer};
use crate::limits::Limits;
use crate::network::{AdoptError, ListenError, Listeners, Transparent};
use crate::record::Records;
use crate::rules::RuleStore;
use crate::supervise::{self, SuperviseError};
use crate::unattended::Unattended;
use crate::world::World;

/// Mode of the run directory, if it isn't there yet.
const DIRECTORY: u32 = 0o750;

/// How long clients of the control socket may take to notice the end.
const GRACE: Duration = Duration::from_secs(3);

/// How long ports are waited for that somebody has, and how often they are tried.
const PORTS_FREE_WITHIN: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// The proxy can't begin, or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What the system says.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A port can't be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What was handed over can't be used.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// There is no worker any more.
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    /// The socket can't be had.
    #[error(transparent)]
    Socket(#[from] serve::listen::ListenError),
    /// Privileges can't be given up.
    #[error(transparent)]
    Privileges(#[from] PrivilegeError),
    /// The runtime can't be had.
    #[error("starting: {0}")]
    Start(#[from] io::Error),
    /// The control service failed.
    #[error("control: {0}")]
    Control(#[from] ServeError),
    /// A listener failed.
    #[error("{what}: {source}")]
    Ended {
        /// Which.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A task ended by itself.
    #[error("{0} ended unexpectedly")]
    Task(String),
}

/// A proxy with its sockets, which are bound while it has all privileges.
pub struct Proxy {
    config: Config,
    connections: Listeners,
    dns: Listeners,
    control: Bound,
}

/// Enters the network namespace that the flags name. The calling thread must be the only one.
///
/// # Errors
/// It can't be entered.
pub fn enter_namespace(config: &Config) -> Result<(), RunError> {
    // A worker begins where its supervisor is.
    let Some(path) = config.netns.as_ref().filter(|_| !supervise::is_worker()) else {
        return Ok(());
    };
    let file = File::open(path).map_err(failed("opening", path))?;
    let entered = setns(file, CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
    entered.map_err(failed("entering the network namespace", path))
}

/// Files beside those of connections: listeners, the control socket's clients, DNS queries in progress.
const OTHER_FILES: u64 = 16_384;

/// Raises the limit of open files as far as it may be, and lowers the number of connections to what then fits: each
/// has two.
///
/// # Errors
/// The system refuses.
pub fn fit_open_files(config: Config) -> Result<Config, RunError> {
    let failed = |error: nix::Error| RunError::Start(error.into());
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    let fits = hard.saturating_sub(OTHER_FILES.min(hard / 2)) / 2;
    let fits = usize::try_from(fits).unwrap_or(usize::MAX);
    if config.max_connections > fits {
        tracing::warn!(
            open_files = hard,
            connections = fits,
            wanted = config.max_connections,
            "fewer connections than --max-connections: raise the limit of open files"
        );
    }
    Ok(Config {
        max_connections: config.max_connections.min(fits),
        ..config
    })
}

/// Gives up all privileges but those for others' addresses. The calling thread must be the only one.
///
/// # Errors
/// The system refuses.
pub fn keep_needed_capabilities() -> Result<(), RunError> {
    // IP_TRANSPARENT and SO_MARK; raw sockets.
    let needed = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];
    privileges::keep_only(&needed)?;
    Ok(supervise::end_with_supervisor()?)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::Io {
        action,
        path,
        source,
    }
}

/// The sockets for connections and those for DNS: handed over, or bound.
///
/// # Errors
/// One can't be had.
pub fn listen(config: &Config) -> Result<[Listeners; 2], RunError> {
    if let Some(listeners) = Listeners::adopt()? {
        return Ok(listeners);
    }
    // One that was killed a moment ago may have them still.
    let deadline = Instant::now() + PORTS_FREE_WITHIN;
    loop {
        let bound = Listeners::bind(config.tcp_port, false)
            .and_then(|connections| Ok([connections, Listeners::bind(config.dns_port, true)?]));
        match bound {
            Err(error)
                if error.source.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline =>
            {
                thread::sleep(BETWEEN_TRIES);
            }
            bound => return Ok(bound?),
        }
    }
}

impl Proxy {
    /// With its sockets; binds that of its control service.
    ///
    /// # Errors
    /// It can't be had.
    pub fn bind(config: Config, [connections, dns]: [Listeners; 2]) -> Result<Self, RunError> {
        let directory = &config.run_dir;
        let made = DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY)
            .create(directory);
        made.map_err(failed("creating", directory))?;
        let directory = fs::canonicalize(directory).map_err(failed("finding", directory))?;
        let control = Listen::Unix(directory.join("proxy.sock")).bind(false)?;
        Ok(Self {
            connections,
            dns,
            control,
            config: Config {
                run_dir: directory,
                ..config
            },
        })
    }

    /// Where it listens.
    pub fn ports(&self) -> Ports {
        Ports {
            tcp: self.connections.port,
            dns: self.dns.port,
        }
    }

    /// Serves until the process is asked to end.
    ///
    /// # Errors
    /// A socket fails.
    pub async fn run(
        self,
        world: Arc<dyn World>,
        http: Option<Arc<dyn HttpServer>>,
    ) -> Result<(), RunError> {
        let stopped = process::stop()?;
        let ports = self.ports();
        let file = Arc::new(RuleFile::new(&self.config.run_dir));
        let rules = Arc::new(RuleStore::default());
        match file.read() {
            Ok(Some(kept)) => {
                tracing::info!(revision = kept.revision(), "loaded the last rules");
                rules.replace(kept);
            }
            Ok(None) => tracing::info!(
                "no rules yet: redirected connections are refused until an agent sets some"
            ),
            Err(error) => {
                tracing::error!(%error, "the last rules can't be used: redirected connections are refused until an agent sets new ones");
            }
        }
        let unattended = Unattended::start(self.config.run_dir.clone(), self.config.bpffs())?;
        let names = Arc::new(AgentNames::new(unattended));
        let limits = Limits {
            connections: self.config.max_connections,
            idle: Duration::from_secs(self.config.idle_timeout),
            held: usize::from(self.config.max_held) << 20,
            held_per_client: usize::from(self.config.max_held) << 18,
            reject: self.config.dns_reject_response_code,
            ..Limits::default()
        };
        let context = Context::new(
            world,
            rules,
            Arc::new(Transparent::default()),
            Arc::clone(&names) as _,
            Records::new(self.config.max_records),
            limits,
        );
        let order = Arc::new(NameOrder::default());
        let carrier = Arc::new(Carrier {
            context: Arc::clone(&context),
            order: Arc::clone(&order),
            http,
        });
        let mut tasks = JoinSet::new();
        for listener in [self.connections.tcp, self.dns.tcp].into_iter().flatten() {
            let listener = TcpListener::from_std(listener)?;
            let carrier = Arc::clone(&carrier);
            tasks.spawn(async move { ended("connections", carrier.serve(listener).await) });
        }
        let datagrams = UdpServer::new(Arc::clone(&context), order);
        for socket in self.dns.udp {
            let socket = UdpSocket::from_std(socket)?;
            let datagrams = Arc::clone(&datagrams);
            tasks.spawn(async move { ended("DNS by UDP", datagrams.serve(socket).await) });
        }
        let stop = CancellationToken::new();
        let control = Control {
            context,
            names,
            file,
            ports,
            stop: stop.clone(),
        };
        let Ports { tcp, dns } = ports;
        tracing::info!(tcp_port = tcp, dns_port = dns, "listening");
        let serving = control::serve(control, self.control);
        tokio::pin!(serving);
        tokio::select! {
            served = &mut serving => served?,
            () = stopped => {
                stop.cancel();
                // A client that doesn't notice isn't waited for.
                if let Ok(served) = timeout(GRACE, serving).await {
                    served?;
                }
            }
            task = tasks.join_next() => {
                return Err(match task {
                    Some(Ok(error)) => error,
                    Some(Err(error)) => RunError::Task(error.to_string()),
                    None => RunError::Task("every listener".to_owned()),
                });
            }
        }
        Ok(())
    }
}

/// A listener never ends by itself.
fn ended(what: &'static str, result: io::Result<()>) -> RunError {
    match result {
        Ok(()) => RunError::Task(what.to_owned()),
        Err(source) => RunError::Ended { what, source },
    }
}
