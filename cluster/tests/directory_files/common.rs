//! Policies in files, and directories that are followed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use flows_cluster::State;
use flows_cluster::source::{Checkpoint, Directory, Watch};

pub(crate) fn policy(name: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{podSelector: {{}}}}\n---\n"
    )
}

pub(crate) fn policies(state: &State) -> String {
    let names: Vec<&str> = state.policies.keys().map(|name| &*name.name).collect();
    names.join(" ")
}

pub(crate) fn problems(state: &State) -> Vec<String> {
    state.problems.iter().map(ToString::to_string).collect()
}

pub(crate) fn open(path: &Path) -> Directory {
    Directory::open(path, &Checkpoint::default()).expect("a directory")
}

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) directory: Directory,
}

impl World {
    /// Two policies in one file.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("a.yaml"), policy("one") + &policy("two")).expect("write");
        let directory = open(dir.path());
        Self { dir, directory }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("a.yaml")
    }

    /// The policies at a time.
    pub(crate) fn at(&mut self, seconds: f64) -> String {
        self.directory.rescan(Duration::from_secs_f64(seconds));
        policies(&self.directory.state())
    }
}

pub(crate) struct Follower {
    pub(crate) watch: Watch,
    pub(crate) states: Receiver<Arc<State>>,
}

pub(crate) fn follow(path: &Path) -> Follower {
    let (send, states) = channel();
    let watch = open(path)
        .watch(move |directory| drop(send.send(directory.state())))
        .expect("a thread");
    Follower { watch, states }
}
