//! What `flows-lab status` says.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use proto::flows::v1::GetStatusRequest;
use proto::flows::v1::status_client::StatusClient;
use serde::Serialize;
use tonic::transport::Endpoint;

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
        problems.extend(self.told_by_agents());
        Status {
            name: record.name.clone(),
            plan: record.plan.clone(),
            processes,
            problems,
        }
    }
}

impl Lab {
    /// What the agents have to say about the manifests: file, line and what is wrong there. All
    /// read the same ones, so each problem is listed once.
    fn told_by_agents(&self) -> BTreeSet<String> {
        let mut told = BTreeSet::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return BTreeSet::from([format!("agents can't be asked: {error}")]),
        };
        for process in &self.record().processes {
            let Role::Agent { node } = &process.role else {
                continue;
            };
            if !process.alive() {
                continue;
            }
            let socket = self.paths().node(node).join("hubble.sock");
            match runtime.block_on(ask(&socket)) {
                Ok(problems) => told.extend(problems),
                Err(error) => {
                    told.insert(format!("agent of {node} doesn't answer: {error}"));
                }
            }
        }
        told
    }
}

async fn ask(socket: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let channel = Endpoint::from_shared(format!("unix://{}", socket.display()))?
        .timeout(Duration::from_secs(2))
        .connect_timeout(Duration::from_secs(2))
        .connect()
        .await?;
    let status = StatusClient::new(channel)
        .get_status(GetStatusRequest {})
        .await?
        .into_inner();
    let mut lines = Vec::new();
    if !status.failure.is_empty() {
        lines.push(format!("{}: {}", status.node_name, status.failure));
    }
    for problem in status.problems {
        let mut line = format!("{}:{}:{}: ", problem.file, problem.line, problem.column);
        if !problem.field.is_empty() {
            line.push_str(&format!("{}: ", problem.field));
        }
        line.push_str(&problem.problem);
        if !problem.remedy.is_empty() {
            line.push_str(&format!("; {}", problem.remedy));
        }
        if problem.not_enforced {
            line.push_str(&format!(" [{} is NOT ENFORCED]", problem.object));
        }
        lines.push(line);
    }
    Ok(lines)
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
