//! What loaded programs need around them: root, the object, a network namespace with interfaces, a bpffs.

use std::path::{Path, PathBuf};
use std::process::Command;

use loader::IfIndex;
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, unshare};

/// The object's bytes.
///
/// # Panics
/// Without `FLOWS_BPF_OBJECT`.
pub fn object() -> Vec<u8> {
    let path = std::env::var_os("FLOWS_BPF_OBJECT").expect(
        "FLOWS_BPF_OBJECT must name the eBPF object: run through `cargo xtask`, or set it to what \
         `cargo xtask build-bpf` prints",
    );
    std::fs::read(path).expect("FLOWS_BPF_OBJECT names a file that can be read")
}

/// Runs `ip` in the thread's network namespace.
///
/// # Panics
/// If it fails.
pub fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .expect("iproute2 is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {errors}");
}

/// The interface of a name in the thread's network namespace.
///
/// # Panics
/// If there is none.
pub fn ifindex(name: &str) -> IfIndex {
    IfIndex(nix::net::if_::if_nametoindex(name).unwrap())
}

/// Moves the thread into a network namespace of its own, with a veth for each of the pods.
pub(crate) fn enter<'a>(pods: impl IntoIterator<Item = &'a str>) -> Vec<IfIndex> {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this loads programs into the kernel and needs root: run it through `cargo xtask`"
    );
    unshare(CloneFlags::CLONE_NEWNET).expect("root may have a network namespace");
    ip("link set lo up");
    let pods = pods.into_iter().map(|pod| {
        ip(&format!("link add {pod} type veth peer name {pod}-in"));
        ip(&format!("link set {pod} up"));
        ifindex(pod)
    });
    pods.collect()
}

/// The place of a bpffs that a datapath mounts; unmounted when dropped.
pub(crate) struct Bpffs {
    directory: PathBuf,
    /// Removed after the bpffs in it is unmounted. `None`: another process's.
    parent: Option<tempfile::TempDir>,
}

impl Bpffs {
    /// In a directory of its own.
    pub(crate) fn new() -> Self {
        let parent = tempfile::tempdir().expect("a temporary directory");
        Self {
            directory: parent.path().join("bpf"),
            parent: Some(parent),
        }
    }

    /// Another process's, which unmounts it.
    pub(crate) fn of_another(directory: PathBuf) -> Self {
        Self {
            directory,
            parent: None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        if self.parent.is_none() || !self.directory.exists() {
            return;
        }
        let unmounted = umount2(&self.directory, MntFlags::MNT_DETACH);
        if !std::thread::panicking() {
            unmounted.expect("mounted when the datapath was opened");
        }
    }
}
