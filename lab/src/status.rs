//! What `flows-lab status` says.

use serde::Serialize;

use crate::lab::Lab;
use crate::netns;
use crate::plan::Plan;
use crate::process::{Process, Role};

/// State of a lab, as `status --json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The lab's name.
    pub name: String,
    /// Nodes, pods and services.
    pub plan: Plan,
    /// Its processes.
    pub processes: Vec<ProcessStatus>,
    /// What is missing or dead, one line each; empty if all is well.
    pub problems: Vec<String>,
}

/// A process and whether it runs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// The process.
    #[serde(flatten)]
    pub process: Process,
    /// Whether it runs.
    pub alive: bool,
}

impl Lab {
    /// Looks at everything the lab should consist of.
    pub fn status(&self) -> Status {
        let record = self.record();
        let processes: Vec<ProcessStatus> = record
            .processes
            .iter()
            .map(|process| ProcessStatus {
                process: process.clone(),
                alive: process.alive(),
            })
            .collect();
        let mut problems: Vec<String> = processes
            .iter()
            .filter(|process| !process.alive)
            .map(|dead| {
                let log = dead.process.log.display();
                format!("{} ended; its log is {log}", describe(&dead.process.role))
            })
            .collect();
        let nodes = record.plan.nodes.iter();
        let pods = record.plan.pods.iter();
        let wired = nodes
            .map(|node| (node.name.clone(), self.paths().node_namespace(&node.name)))
            .chain(pods.map(|pod| (pod.full_name(), self.paths().pod_namespace(pod))));
        for (name, namespace) in wired {
            if !netns::exists(&namespace) {
                problems.push(format!("{name} has no network namespace"));
            }
        }
        Status {
            name: record.name.clone(),
            plan: record.plan.clone(),
            processes,
            problems,
        }
    }
}

fn describe(role: &Role) -> String {
    match role {
        Role::Agent { node } => format!("agent of {node}"),
        Role::Relay => "relay".to_owned(),
        Role::Container {
            namespace,
            pod,
            container,
        } => format!("container {container} of {namespace}/{pod}"),
    }
}

impl Status {
    /// The state as lines for a person.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let running = |role: &Role| {
            let process = self
                .processes
                .iter()
                .find(|process| process.process.role == *role)?;
            Some(match process.alive {
                true => format!("{} {}", describe(role), process.process.pid),
                false => format!("{} DEAD", describe(role)),
            })
        };
        for node in &self.plan.nodes {
            let agent = running(&Role::Agent {
                node: node.name.clone(),
            });
            let agent = agent.unwrap_or_else(|| "no agent".to_owned());
            lines.push(format!(
                "node {}  {}  {}  {agent}",
                node.name, node.ipv4, node.ipv6
            ));
            for pod in self.plan.pods.iter().filter(|pod| pod.node == node.name) {
                let mut line = format!("  {}  {}  {}", pod.full_name(), pod.ipv4, pod.ipv6);
                for container in &pod.containers {
                    let role = Role::Container {
                        namespace: pod.namespace.clone(),
                        pod: pod.name.clone(),
                        container: container.name.clone(),
                    };
                    if let Some(process) = self.processes.iter().find(|p| p.process.role == role) {
                        let state = if process.alive { "runs" } else { "DEAD" };
                        line.push_str(&format!("  {} {state}", container.name));
                    }
                }
                lines.push(line);
            }
        }
        lines.extend(running(&Role::Relay));
        lines.extend(self.problems.iter().map(|problem| format!("! {problem}")));
        lines.join("\n") + "\n"
    }
}
