//! Hosts in network namespaces of their own, behind the interfaces of a node.

use std::any::Any;
use std::net::Ipv4Addr;
use std::sync::mpsc::{self, Sender};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use crate::namespace::ip;

/// The node's address on its interfaces.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 7, 9, 1);

type Job = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// A thread in a namespace, with one interface; it goes with this.
pub struct Pod {
    jobs: Sender<(Job, Sender<Box<dyn Any + Send>>)>,
}

impl Pod {
    /// Moves the inner end of the node's interface `name` to a namespace of its own, where it has `address`, and
    /// makes routes on both sides. To be called by the node's thread.
    ///
    /// # Panics
    /// If something of it fails.
    pub fn behind(name: &str, address: Ipv4Addr) -> Self {
        let (jobs, inbox) = mpsc::channel::<(Job, Sender<Box<dyn Any + Send>>)>();
        thread::spawn(move || {
            for (job, answer) in inbox {
                // Whoever asked may have given up.
                drop(answer.send(job()));
            }
        });
        let pod = Self { jobs };
        let thread = pod.run(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            gettid()
        });
        ip(&format!("link set {name}-in netns {thread}"));
        ip(&format!("addr add {GATEWAY}/32 dev {name}"));
        ip(&format!("route add {address}/32 dev {name}"));
        let inner = format!("{name}-in");
        pod.run(move || {
            ip("link set lo up");
            ip(&format!("addr add {address}/32 dev {inner}"));
            ip(&format!("link set {inner} up"));
            ip(&format!("route add {GATEWAY}/32 dev {inner}"));
            ip(&format!("route add default via {GATEWAY} dev {inner}"));
        });
        pod
    }

    /// Runs something there. Sockets that it makes stay there.
    ///
    /// # Panics
    /// If it does.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, answered) = mpsc::channel();
        let job: Job = Box::new(|| Box::new(job()));
        self.jobs.send((job, answer)).unwrap();
        *answered.recv().unwrap().downcast().unwrap()
    }
}
