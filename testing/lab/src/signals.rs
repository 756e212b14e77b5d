//! Signals for a lab's own processes.

use lab::process::Role;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::TestLab;

/// Sends the signal to a node's agent.
///
/// # Panics
/// If it doesn't run.
pub fn signal_agent(lab: &TestLab, node: &str, signal: Signal) {
    let role = Role::Agent {
        node: node.to_owned(),
    };
    let mut processes = lab.lab().record().processes.iter();
    let agent = processes.find(|process| process.role == role).unwrap();
    assert!(agent.alive(), "the agent of {node} runs");
    kill(Pid::from_raw(agent.pid), signal).unwrap();
}
