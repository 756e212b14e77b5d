//! A supervisor: it has the listening sockets, and a worker that serves them, which it starts again when it ends.
//!
//! ```text
//!  supervisor: binds, holds --sockets, as LISTEN_FDS--> worker: flows-proxy, all the rest
//! ```
//!
//! While there is no worker, queries and connections wait in the sockets' queues. One that can't stay up is given up:
//! the sockets are closed, so that what is redirected is dropped with its own reason instead of waiting for nobody.
//! A worker doesn't outlive its supervisor, whose successor could not have the ports else.

mod backoff;

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use serve::process;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use self::backoff::Backoff;
use crate::network::Listeners;

/// The supervisor's process, in the environment of its worker.
const SUPERVISOR: &str = "FLOWS_PROXY_SUPERVISOR";

/// How long a worker may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// There is no worker any more.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// What the system says.
    #[error("{action}: {source}")]
    Io {
        /// What was done.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// It ends again and again.
    #[error(
        "the worker ended {0} times in a row, the last time with {1}; its ports are closed now: see its log above"
    )]
    GivenUp(u32, ExitStatus),
}

fn failed<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> SuperviseError {
    move |source| SuperviseError::Io {
        action,
        source: source.into(),
    }
}

/// Whether this process is a supervisor's worker.
pub fn is_worker() -> bool {
    env::var_os(SUPERVISOR).is_some()
}

/// Has the kernel end this process with its supervisor, if it has one. To be called once privileges are given up.
///
/// # Errors
/// It is gone already.
pub fn end_with_supervisor() -> io::Result<()> {
    let Some(supervisor) = env::var_os(SUPERVISOR) else {
        return Ok(());
    };
    set_pdeathsig(Signal::SIGKILL)?;
    // It may have ended before that.
    if supervisor.to_str() == Some(getppid().to_string().as_str()) {
        Ok(())
    } else {
        Err(io::Error::other("the supervisor has ended"))
    }
}

/// What is started, and with which sockets.
pub struct Supervisor {
    program: PathBuf,
    arguments: Vec<OsString>,
    sockets: Vec<OwnedFd>,
}

impl Supervisor {
    /// Of the program that runs, with its own arguments but for `--supervise`.
    ///
    /// # Errors
    /// Where the program is can't be found out.
    pub fn new(listeners: [Listeners; 2]) -> Result<Self, SuperviseError> {
        // Now: later there may be another file at its place, which is then the next worker.
        let program = env::current_exe().map_err(failed("finding the program"))?;
        let arguments = env::args_os().skip(1);
        let sockets = listeners.into_iter().flat_map(|listeners| {
            let tcp = listeners.tcp.into_iter().map(OwnedFd::from);
            tcp.chain(listeners.udp.into_iter().map(OwnedFd::from))
        });
        Ok(Self {
            program,
            arguments: arguments.filter(|word| word != "--supervise").collect(),
            sockets: sockets.collect(),
        })
    }

    /// Keeps a worker running until this process is asked to end. SIGHUP has another one take its place, which is how
    /// a newer program comes into use.
    ///
    /// # Errors
    /// It can't be started, or doesn't stay up.
    pub async fn run(self) -> Result<(), SuperviseError> {
        let stopped = process::stop().map_err(failed("watching signals"))?;
        let mut replace = signal(SignalKind::hangup()).map_err(failed("watching signals"))?;
        tokio::pin!(stopped);
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let mut worker = self.start()?;
            let ended = loop {
                tokio::select! {
                    ended = worker.wait() => break ended.map_err(failed("waiting for the worker"))?,
                    () = &mut stopped => return end(worker).await,
                    _ = replace.recv() => ask_to_end(&worker),
                }
            };
            let Some(pause) = backoff.after(began.elapsed()) else {
                return Err(SuperviseError::GivenUp(backoff.ended(), ended));
            };
            tracing::warn!(
                %ended,
                pause_ms = pause.as_millis(),
                "the worker ended: its connections are cut; another one takes over"
            );
            tokio::select! {
                () = sleep(pause) => {}
                () = &mut stopped => return Ok(()),
            }
        }
    }

    fn start(&self) -> Result<Child, SuperviseError> {
        let sockets = (3..).zip(&self.sockets).map(|(child_fd, socket)| {
            Ok(FdMapping {
                parent_fd: socket.try_clone()?,
                child_fd,
            })
        });
        let sockets: io::Result<Vec<FdMapping>> = sockets.collect();
        let sockets = sockets.map_err(failed("handing the sockets over"))?;
        let mut command = std::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("LISTEN_FDS", sockets.len().to_string())
            // Which process it will be isn't known here.
            .env_remove("LISTEN_PID")
            .env(SUPERVISOR, getpid().to_string());
        command
            .fd_mappings(sockets)
            .map_err(io::Error::other)
            .map_err(failed("handing the sockets over"))?;
        let child = Command::from(command).kill_on_drop(true).spawn();
        child.map_err(failed("starting the worker"))
    }
}

fn ask_to_end(worker: &Child) {
    let pid = worker.id().and_then(|id| i32::try_from(id).ok());
    if let Some(Err(error)) = pid.map(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM)) {
        tracing::warn!(%error, "the worker can't be asked to end");
    }
}

/// Ends a worker, by force if it takes too long.
async fn end(mut worker: Child) -> Result<(), SuperviseError> {
    ask_to_end(&worker);
    if timeout(GRACE, worker.wait()).await.is_err() {
        worker.kill().await.map_err(failed("ending the worker"))?;
    }
    Ok(())
}
