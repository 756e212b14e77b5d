//! `/run/flows/NAME/`: where a lab keeps what it made, and lab.json, which says what that is. It is
//! written before each thing is made, so that `down` finds everything whenever `up` died.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, umask};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::plan::{MAX_LABS, Plan, Pod};
use crate::process::{Deadline, Process};

/// Directory of everything that belongs to a running cluster.
pub const RUN: &str = "/run/flows";

/// Where a lab's files are.
#[derive(Clone, Debug)]
pub struct Paths {
    name: String,
    root: PathBuf,
}

impl Paths {
    /// Paths of the lab of that name.
    ///
    /// # Errors
    /// [`Error::BadName`].
    pub fn new(name: &str) -> Result<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good = name.bytes().all(plain) && name.len() <= 32;
        if !good || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(Error::BadName {
                name: name.to_owned(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            root: Path::new(RUN).join(name),
        })
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lab's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was made.
    pub fn record(&self) -> PathBuf {
        self.root.join("lab.json")
    }

    /// The manifests that the agents watch.
    pub fn manifests(&self) -> PathBuf {
        self.root.join("manifests")
    }

    /// Files on which the network namespaces are mounted.
    pub fn namespaces(&self) -> PathBuf {
        self.root.join("netns")
    }

    /// A node's network namespace.
    pub fn node_namespace(&self, node: &str) -> PathBuf {
        self.namespaces().join(format!("node.{node}"))
    }

    /// A pod's network namespace.
    pub fn pod_namespace(&self, pod: &Pod) -> PathBuf {
        let name = format!("pod.{}.{}", pod.namespace, pod.name);
        self.namespaces().join(name)
    }

    /// The namespace of the bridge between the nodes.
    pub fn underlay_namespace(&self) -> PathBuf {
        self.namespaces().join("underlay")
    }

    /// The namespace of the host that is outside of the cluster.
    pub fn outside_namespace(&self) -> PathBuf {
        self.namespaces().join("outside")
    }

    /// An agent's own directory.
    pub fn node(&self, node: &str) -> PathBuf {
        self.root.join(node)
    }

    /// A pod's hosts, resolv.conf and logs.
    pub fn pod(&self, pod: &Pod) -> PathBuf {
        self.root.join("pods").join(&pod.namespace).join(&pod.name)
    }

    /// The outside host's hosts file and logs.
    pub fn outside(&self) -> PathBuf {
        self.root.join("outside")
    }

    /// The relay's socket.
    pub fn relay_socket(&self) -> PathBuf {
        self.root.join("relay.sock")
    }

    /// The relay's log.
    pub fn relay_log(&self) -> PathBuf {
        self.root.join("relay.log")
    }
}

/// What a lab is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The lab's name.
    pub name: String,
    /// Marks the lab's processes, in their environment.
    pub token: String,
    /// Whether agents run.
    pub agents: bool,
    /// Whether each node has a layer-7 proxy.
    #[serde(default)]
    pub l7_proxy: bool,
    /// Whether there is a host outside of the cluster.
    pub outside: bool,
    /// TCP address at which the relay listens besides its socket.
    pub relay_listen: Option<String>,
    /// Words that are added to every agent's command line.
    #[serde(default)]
    pub agent_args: Vec<String>,
    /// The same of every layer-7 proxy.
    #[serde(default)]
    pub proxy_args: Vec<String>,
    /// Nodes, pods and services.
    pub plan: Plan,
    /// Pods that are wired and wait for their node's agent, by full name.
    #[serde(default)]
    pub waiting: BTreeSet<String>,
    /// What was started.
    pub processes: Vec<Process>,
}

impl Record {
    /// Reads a lab's record.
    ///
    /// # Errors
    /// [`Error::NoSuchLab`], [`Error::Record`].
    pub fn load(paths: &Paths) -> Result<Self> {
        let path = paths.record();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NoSuchLab {
                    name: paths.name().to_owned(),
                    known: list()?,
                });
            }
            Err(error) => return Err(error).context("read", &path),
        };
        serde_json::from_slice(&text).map_err(|source| Error::Record { path, source })
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, paths: &Paths) -> Result<()> {
        let path = paths.record();
        let text = serde_json::to_vec_pretty(self).map_err(|source| Error::Record {
            path: path.clone(),
            source,
        })?;
        write_whole(&path, &text)
    }
}

/// From now on, what this process makes, and the agents and the relay that it starts, is for root and its
/// group: files 0640, sockets 0660, directories 0750 at most.
pub fn restrict() {
    umask(Mode::from_bits_truncate(0o027));
}

/// Replaces a file in one step: a reader sees the old or the new one.
///
/// # Errors
/// [`Error::Io`].
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.new"));
    let mut file = File::create(&draft).context("create", &draft)?;
    file.write_all(content).context("write", &draft)?;
    fs::rename(&draft, path).context("replace", path)
}

/// Names of the labs that have a record.
///
/// # Errors
/// [`Error::Io`].
pub fn list() -> Result<Vec<String>> {
    let entries = match fs::read_dir(RUN) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("list", Path::new(RUN)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.context("list", Path::new(RUN))?;
        if entry.path().join("lab.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The smallest number that no lab has. Call it with [`RUN`] locked.
///
/// # Errors
/// [`Error::Plan`] if all are taken; an unreadable record of another lab counts as taking none.
pub fn free_number() -> Result<u8> {
    let mut taken = Vec::new();
    for name in list()? {
        match Paths::new(&name).and_then(|paths| Record::load(&paths)) {
            Ok(record) => taken.push(record.plan.lab),
            Err(error) => tracing::warn!(lab = name, %error, "its address ranges are unknown"),
        }
    }
    (0..MAX_LABS)
        .find(|number| !taken.contains(number))
        .ok_or_else(|| Error::Plan {
            what: format!("{MAX_LABS} labs are up: take one down first (`flows-lab list`)"),
        })
}

/// How long to wait for a lock that another flows-lab holds.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// An exclusive lock on a directory, released when dropped.
#[derive(Debug)]
pub struct Lock {
    _held: Flock<File>,
}

impl Lock {
    /// Locks the directory, waiting for another holder up to `patience`.
    ///
    /// # Errors
    /// [`Error::Busy`]; [`Error::Io`] if the directory is gone.
    pub fn take(path: &Path, patience: Duration) -> Result<Self> {
        let deadline = Deadline::after(patience);
        loop {
            let file = File::open(path).context("open", path)?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => {
                    // The directory may have been removed and made anew meanwhile.
                    let ours = held.metadata().context("examine", path)?;
                    let now = fs::metadata(path).context("examine", path)?;
                    if (ours.dev(), ours.ino()) == (now.dev(), now.ino()) {
                        return Ok(Self { _held: held });
                    }
                }
                Err((_, nix::errno::Errno::EWOULDBLOCK)) => {}
                Err((_, error)) => return Err(error).context("lock", path),
            }
            if !deadline.pause() {
                return Err(Error::Busy {
                    path: path.to_owned(),
                });
            }
        }
    }
}
/// Removes a directory and what is in it. What is missing already is no error.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_tree(path: &Path) -> Result<()> {
    let deadline = Deadline::after(Duration::from_secs(2));
    loop {
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // A dying process may have made a file between our listing and our removing.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && deadline.pause() => {}
            Err(error) => return Err(error).context("remove", path),
        }
    }
}
