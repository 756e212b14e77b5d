//! Signals for a lab's own processes.

use std::{fs, time::Duration};

use lab::process::{Deadline, Role};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::TestLab;

/// Sends the signal to a node's agent. If it is SIGSTOP, none of its threads runs any more when this
/// returns: the signal takes effect only when one of them comes to run, on a busy machine much later.
///
/// # Panics
/// If it doesn't run, or doesn't stop within half a minute.
pub fn signal_agent(lab: &TestLab, node: &str, signal: Signal) {
    let role = Role::Agent {
        node: node.to_owned(),
    };
    let mut processes = lab.lab().record().processes.iter();
    let agent = processes.find(|process| process.role == role).unwrap();
    assert!(agent.alive(), "the agent of {node} runs");
    kill(Pid::from_raw(agent.pid), signal).unwrap();
    if signal == Signal::SIGSTOP {
        let deadline = Deadline::after(Duration::from_secs(30));
        while !is_stopped(agent.pid) {
            assert!(deadline.pause(), "the agent of {node} doesn't stop");
        }
    }
}

/// Whether all threads of a process are stopped (proc(5): the state stands behind the name in brackets).
fn is_stopped(process: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let mut states = threads.filter_map(|thread| {
        let stat = fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        let (_name, rest) = stat.rsplit_once(')')?;
        rest.trim_start().chars().next()
    });
    states.all(|state| state == 'T')
}
