//! The bpffs of a node and the names in it.
//!
//! ```text
//!  DIR/v3_POLICY, v3_CT4, ...       maps, by ABI version
//!  DIR/v3_from_pod_0123456789abcdef  programs, by ABI version and object
//!  DIR/v3_to_pod_0123456789abcdef
//!  DIR/v3_to_proxy_0123456789abcdef
//!  DIR/link_12_from, link_12_to     links of interface 12
//!  DIR/link_1_proxy                 link of the loopback interface
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{DirBuilderExt as _, DirEntryExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::MsFlags;
use nix::sys::statfs::statfs;

use crate::{Error, sys};

/// `BPF_FS_MAGIC`.
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// How long to wait for a predecessor that is about to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A mounted bpffs, locked: one process at a time writes the maps in it.
#[derive(Debug)]
pub(crate) struct Pins {
    directory: PathBuf,
    /// Unlocked when it is closed, at the process's end at the latest.
    lock: File,
}

/// Where a map or program of this ABI is pinned in a bpffs.
pub(crate) fn versioned(bpffs: &Path, name: &str) -> PathBuf {
    bpffs.join(format!("v{}_{name}", abi::ABI_VERSION))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Path {
        action,
        path,
        source,
    }
}

/// Locks a bpffs; `None`: another process has it.
pub(crate) fn try_lock(directory: &Path) -> Result<Option<File>, Error> {
    let file = File::open(directory).map_err(failed("opening", directory))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed("locking", directory)(error)),
    }
}

fn lock(directory: &Path) -> Result<File, Error> {
    const STEP: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        if let Some(file) = try_lock(directory)? {
            return Ok(file);
        }
        if waited >= PATIENCE {
            return Err(Error::Busy {
                path: directory.to_path_buf(),
            });
        }
        std::thread::sleep(STEP);
        waited += STEP;
    }
}

fn is_mounted(directory: &Path) -> bool {
    statfs(directory).is_ok_and(|status| status.filesystem_type().0 == BPF_FS_MAGIC)
}

/// Makes the directory and mounts a bpffs there, unless one is.
fn mount(directory: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(directory)
        .map_err(failed("making directory", directory))?;
    if is_mounted(directory) {
        return Ok(());
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    nix::mount::mount(
        Some("bpf"),
        directory,
        Some("bpf"),
        flags,
        Some("mode=0700"),
    )
    .map_err(|errno| failed("mounting a bpffs (as root?) at", directory)(errno.into()))
}

impl Pins {
    /// Makes the directory and mounts a bpffs there, unless one is.
    pub(crate) fn open(directory: &Path) -> Result<Self, Error> {
        mount(directory)?;
        Ok(Self {
            directory: directory.to_path_buf(),
            lock: lock(directory)?,
        })
    }

    /// Mounts a bpffs again if there is none any more. Returns whether there was none; the pins have
    /// then to be made again.
    pub(crate) fn remount(&mut self) -> Result<bool, Error> {
        if is_mounted(&self.directory) {
            return Ok(false);
        }
        mount(&self.directory)?;
        self.lock = lock(&self.directory)?;
        Ok(true)
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a map or program of this ABI is pinned.
    pub(crate) fn versioned(&self, name: &str) -> PathBuf {
        versioned(&self.directory, name)
    }

    /// Where a link is pinned.
    pub(crate) fn link(&self, ifindex: u32, end: &str) -> PathBuf {
        self.directory.join(format!("link_{ifindex}_{end}"))
    }

    /// The interfaces of which links are pinned, and which ends.
    pub(crate) fn links(&self) -> Result<Vec<(u32, String)>, Error> {
        let mut links = Vec::new();
        for name in self.names()? {
            let parts = name
                .strip_prefix("link_")
                .and_then(|name| name.split_once('_'));
            if let Some((ifindex, end)) = parts
                && let Ok(ifindex) = ifindex.parse()
            {
                links.push((ifindex, end.to_owned()));
            }
        }
        links.sort();
        Ok(links)
    }

    /// Names of everything that is pinned.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let reading = || failed("reading", &self.directory);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(reading())? {
            let name = entry.map_err(reading())?.file_name();
            names.extend(name.into_string());
        }
        names.sort();
        Ok(names)
    }

    /// Names of everything that is pinned, and its inode: another one is another pin.
    pub(crate) fn inodes(&self) -> Result<BTreeMap<OsString, u64>, Error> {
        let reading = || failed("reading", &self.directory);
        let mut inodes = BTreeMap::new();
        for entry in fs::read_dir(&self.directory).map_err(reading())? {
            let entry = entry.map_err(reading())?;
            inodes.insert(entry.file_name(), entry.ino());
        }
        Ok(inodes)
    }

    /// The path of a name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Pins at a path, in place of what may be there: it is the old or the new at any moment.
    pub(crate) fn replace(&self, fd: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
        // A bpffs refuses names with dots.
        let mut new = path.as_os_str().to_owned();
        new.push("_new");
        let new = PathBuf::from(new);
        Self::remove(&new)?;
        sys::pin(fd, &new).map_err(failed("pinning", &new))?;
        fs::rename(&new, path).map_err(failed("renaming a pin to", path))
    }

    /// Removes a pin, if it is there.
    pub(crate) fn remove(path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("removing pin", path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
