//! Becoming another program inside a pod. flows-lab starts itself with the hidden subcommand
//! `__inside`, which enters the network namespace, puts the pod's hosts and resolv.conf in place,
//! and then becomes the command: the process keeps its id.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{sethostname, setsid};

use crate::error::{Context, Error, Result};
use crate::netns;
use crate::process::MARK;

/// Where and how a command runs.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ExecContext {
    /// Network namespace to enter.
    #[arg(long)]
    pub netns: Option<PathBuf>,
    /// File to stand at /etc/hosts.
    #[arg(long)]
    pub hosts: Option<PathBuf>,
    /// File to stand at /etc/resolv.conf.
    #[arg(long)]
    pub resolv: Option<PathBuf>,
    /// Host name.
    #[arg(long)]
    pub hostname: Option<String>,
    /// Leave the session of the caller, so that the command lives on when it ends.
    #[arg(long)]
    pub detach: bool,
}

impl ExecContext {
    /// A command that runs there, by way of `program` (flows-lab). Programs beside it are found by
    /// name.
    pub fn command(&self, program: &Path, owner: &str, line: &[OsString]) -> Command {
        let mut command = Command::new(program);
        command.arg("__inside");
        for (flag, value) in [
            ("--netns", &self.netns),
            ("--hosts", &self.hosts),
            ("--resolv", &self.resolv),
        ] {
            if let Some(value) = value {
                command.arg(flag).arg(value);
            }
        }
        if let Some(name) = &self.hostname {
            command.arg("--hostname").arg(name);
        }
        if self.detach {
            command.arg("--detach");
        }
        command.arg("--").args(line).env(MARK, owner);
        if let Some(directory) = program.parent() {
            let mut path = directory.as_os_str().to_owned();
            if let Some(rest) = std::env::var_os("PATH") {
                path.push(":");
                path.push(rest);
            }
            command.env("PATH", path);
        }
        command
    }

    /// Goes there and becomes the command.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Command`]; never returns otherwise.
    pub fn become_command(&self, line: &[OsString]) -> Result<std::convert::Infallible> {
        let Some((program, arguments)) = line.split_first() else {
            return Err(Error::Command {
                what: "no command given".to_owned(),
            });
        };
        if self.detach {
            setsid().context("start a session for", Path::new(program))?;
        }
        if let Some(path) = &self.netns {
            // What runs in a pod makes files of its own.
            umask(Mode::from_bits_truncate(0o022));
            netns::enter(path)?;
            let here = Path::new("/");
            unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS)
                .context("leave the mounts of", here)?;
            // What is mounted here stays here; what is unmounted outside goes here too.
            let flags = MsFlags::MS_SLAVE | MsFlags::MS_REC;
            mount(None::<&str>, here, None::<&str>, flags, None::<&str>)
                .context("detach from the mounts of", here)?;
        }
        if let Some(name) = &self.hostname {
            sethostname(name).context("set the host name to", Path::new(name))?;
        }
        for (source, target) in [
            (&self.hosts, Path::new("/etc/hosts")),
            (&self.resolv, Path::new("/etc/resolv.conf")),
        ] {
            match source {
                Some(source) if target.exists() => {
                    let flags = MsFlags::MS_BIND;
                    mount(Some(source), target, None::<&str>, flags, None::<&str>)
                        .context("put a file in place of", target)?;
                }
                _ => {}
            }
        }
        let error = Command::new(program).args(arguments).exec();
        Err(Error::Command {
            what: if error.kind() == io::ErrorKind::NotFound {
                format!("{}: no such program", program.to_string_lossy())
            } else {
                format!("{}: {error}", program.to_string_lossy())
            },
        })
    }
}

/// Starts a command that lives on by itself, its output appended to the log. Returns its id.
///
/// # Errors
/// [`Error::Io`].
pub fn start_detached(mut command: Command, log: &Path) -> Result<i32> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .context("open", log)?;
    let second = file.try_clone().context("open", log)?;
    let child = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(second)
        .current_dir("/")
        .spawn()
        .context("start", Path::new(command.get_program()))?;
    Ok(child.id().cast_signed())
}
