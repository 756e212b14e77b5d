//! Network namespaces: made, entered, removed. A namespace lives by a bind mount on a file of the
//! lab's directory, as `ip netns` does it elsewhere; `nsenter --net=FILE` enters it.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::panic;
use std::path::Path;
use std::thread;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use crate::error::{Context, Error, Result};
use crate::link::Links;

/// Makes a namespace and mounts it on the file.
///
/// # Errors
/// [`Error::Io`].
pub fn create(path: &Path) -> Result<()> {
    File::create(path).context("create", path)?;
    on_own_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET).context("make a network namespace for", path)?;
        mount(
            Some("/proc/thread-self/ns/net"),
            path,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )
        .context("mount a network namespace on", path)
    })
}

/// Whether a namespace is mounted on the file: it then lies on another device than its directory.
pub fn exists(path: &Path) -> bool {
    inode(path).is_some()
}

/// The namespace's number, as /proc/PID/ns/net has it; none if none is mounted there.
pub fn inode(path: &Path) -> Option<u64> {
    let parent = fs::metadata(path.parent()?).ok()?;
    let file = fs::metadata(path).ok()?;
    (file.dev() != parent.dev()).then(|| file.ino())
}

/// Unmounts the namespace and removes the file. What is missing already is no error.
///
/// # Errors
/// [`Error::Io`].
pub fn remove(path: &Path) -> Result<()> {
    while exists(path) {
        umount2(path, MntFlags::MNT_DETACH).context("unmount", path)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("remove", path)
        }
        _ => Ok(()),
    }
}

/// Puts the calling thread into the namespace, for good.
///
/// # Errors
/// [`Error::Io`].
pub fn enter(path: &Path) -> Result<()> {
    let file = File::open(path).context("open", path)?;
    setns(file, CloneFlags::CLONE_NEWNET).context("enter", path)
}

/// Runs `work` in the namespace, on a thread of its own, with a netlink connection to it.
///
/// # Errors
/// What `work` returns, and [`Error::Io`] if the namespace can't be entered.
pub fn run<T, F>(path: &Path, work: F) -> Result<T>
where
    T: Send,
    F: AsyncFnOnce(&Links) -> Result<T> + Send,
{
    on_own_thread(|| {
        enter(path)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .context("start a runtime for", path)?;
        runtime.block_on(async {
            let (connection, handle, _messages) =
                rtnetlink::new_connection().context("open netlink in", path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let links = Links::new(handle, name.into_owned());
            tokio::select! {
                result = work(&links) => result,
                () = connection => Err(Error::Command {
                    what: format!("{}: the kernel closed the netlink connection", path.display()),
                }),
            }
        })
    })
}

/// A thread that changes its namespace must not be used for anything else afterwards.
fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(payload) => panic::resume_unwind(payload),
    })
}
