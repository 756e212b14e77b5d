//! Waiting for the agents: a pod's network opens only when its node's agent reports that the
//! programs are attached to the pod's veth.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::plan::Pod;
use crate::process::{Deadline, Role};
use crate::state::{Paths, Record};

/// One of the pods in an agent's `endpoints.json`: a list of those that are ready.
#[derive(Debug, Deserialize)]
struct Endpoint {
    namespace: String,
    name: String,
}

/// Waits until each pod's agent reports it ready.
///
/// # Errors
/// [`Error::NotReady`] names the pods that are missing and what became of their agents.
pub fn wait(paths: &Paths, record: &Record, pods: &[Pod], patience: Duration) -> Result<()> {
    let deadline = Deadline::after(patience);
    let begin = Instant::now();
    loop {
        let missing: Vec<&Pod> = pods.iter().filter(|pod| !ready(paths, pod)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        // A pod without an agent stays cut off: there is nothing to wait for.
        let has_agent = |pod: &Pod| {
            record.processes.iter().any(|process| {
                matches!(&process.role, Role::Agent { node } if pod.node == *node)
                    && process.alive()
            })
        };
        let dead = !missing.iter().all(|pod| has_agent(pod));
        if dead || !deadline.pause() {
            return Err(Error::NotReady {
                seconds: begin.elapsed().as_secs(),
                missing: describe(paths, record, &missing),
            });
        }
    }
}

fn ready(paths: &Paths, pod: &Pod) -> bool {
    let path = paths.node(&pod.node).join("endpoints.json");
    // Missing or half-written: not ready yet.
    let Ok(text) = fs::read(path) else {
        return false;
    };
    let Ok(endpoints) = serde_json::from_slice::<Vec<Endpoint>>(&text) else {
        return false;
    };
    endpoints
        .iter()
        .any(|endpoint| endpoint.namespace == pod.namespace && endpoint.name == pod.name)
}

fn describe(paths: &Paths, record: &Record, missing: &[&Pod]) -> String {
    let mut lines = Vec::new();
    for node in &record.plan.nodes {
        let pods: Vec<String> = missing
            .iter()
            .filter(|pod| pod.node == node.name)
            .map(|pod| pod.full_name())
            .collect();
        if pods.is_empty() {
            continue;
        }
        let log = paths.node(&node.name).join("agent.log");
        let agent = record.processes.iter().find(
            |process| matches!(&process.role, Role::Agent { node: name } if *name == node.name),
        );
        let state = match agent {
            None => "doesn't run: they stay cut off until it does (`flows-lab restart`)".to_owned(),
            Some(agent) if agent.alive() => {
                format!(
                    "has not attached the programs; {}:\n{}",
                    log.display(),
                    last_lines(&log)
                )
            }
            Some(_) => format!("ended:\n{}", last_lines(&log)),
        };
        lines.push(format!(
            "{}; the agent of {} {state}",
            pods.join(", "),
            node.name
        ));
    }
    lines.join("\n")
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // What it died of, rather than where in the program.
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| *line != "Stack backtrace:")
        .filter(|line| !line.is_empty())
        .collect();
    let start = lines.len().saturating_sub(5);
    let tail: Vec<String> = lines
        .iter()
        .skip(start)
        .map(|line| format!("  {line}"))
        .collect();
    tail.join("\n")
}
