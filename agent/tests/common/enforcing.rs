//! The enforcing thread's answers, without a kernel.

use std::{
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use flows_agent::{
    api::PolicyAccess,
    changes::Changes,
    node::{AppliedState, NotificationReceiver, Notifier, Progress, StateQuery, StateSnapshot},
};
use tokio::sync::watch;

/// What the enforcing thread does for queries, without a kernel.
pub(crate) struct Enforcing {
    pub(crate) told: Arc<Mutex<Option<StateSnapshot>>>,
    stop: Arc<AtomicBool>,
    notifier: Notifier,
    thread: Option<JoinHandle<()>>,
    pub(crate) access: PolicyAccess,
    pub(crate) progress: watch::Sender<Arc<Progress>>,
}

impl Enforcing {
    pub(crate) fn start(told: Option<StateSnapshot>) -> Self {
        let notifications = NotificationReceiver::new().unwrap();
        let notifier = notifications.notifier();
        let (state_query, queries) = StateQuery::new(notifications.notifier());
        let told = Arc::new(Mutex::new(told));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (told, stop) = (Arc::clone(&told), Arc::clone(&stop));
            move || {
                let (_quiet, never) = UnixStream::pair().unwrap();
                while !stop.load(Ordering::Acquire) {
                    notifications.wait(&never, Duration::from_secs(1)).unwrap();
                    queries.answer(|| told.lock().unwrap().clone());
                }
            }
        });
        let (progress, seen) = watch::channel(Arc::default());
        Self {
            told,
            stop,
            notifier,
            thread: Some(thread),
            access: PolicyAccess {
                state_query,
                progress: seen,
                changes: Changes::new("default", 1 << 20),
                acknowledgements: Arc::default(),
                told: Arc::default(),
                stats: None,
            },
            progress,
        }
    }
}

impl Drop for Enforcing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.notifier.notify();
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(matches!(joined, Some(Ok(()))), "the thread ends in peace");
    }
}

/// What is in force of a directory of manifests.
pub(crate) fn in_force(directory: &Path) -> AppliedState {
    let state = cluster::Directory::open(directory, &cluster::source::Checkpoint::default())
        .unwrap()
        .state();
    let config = policy::Config {
        layer7: Some(policy::ProxyPorts {
            tcp: abi::proxy::TCP_PORT,
            dns: abi::proxy::DNS_PORT,
        }),
        ..policy::Config::default()
    };
    let mut compiler =
        policy::Compiler::new(config.clone(), "node-a", policy::PersistentState::default());
    let compiled = compiler.compile(&state);
    AppliedState {
        policies: compiler.policies(),
        manifests: compiler.manifests(),
        state,
        compiled,
        config,
        revision: 7,
        notes: Vec::new(),
    }
}
