//! What `flows-lab status` says.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use client::{Server, Target};
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
    /// What is not as the manifests have it, over all nodes: agents that ended or don't answer, and what
    /// those that do have to say. Empty if all is well, or the lab has no agents.
    pub fn complaints(&self) -> BTreeSet<String> {
        let mut complaints = self.told_by_agents();
        for process in self
            .record()
            .processes
            .iter()
            .filter(|process| !process.alive())
        {
            match &process.role {
                Role::Agent { node } => {
                    complaints.insert(format!("the agent of {node} has ended"));
                }
                Role::Proxy { node } => {
                    complaints.insert(format!("the proxy of {node} has ended"));
                }
                Role::Relay | Role::Container { .. } => {}
            }
        }
        complaints
    }

    /// Names of the policies in force (`cnp shop/web`), as the first agent says that answers; `None` if
    /// none does.
    pub fn policies_in_force(&self) -> Option<BTreeSet<String>> {
        let runtime = runtime().ok()?;
        let agents = self
            .record()
            .processes
            .iter()
            .filter(|process| process.alive());
        let mut nodes = agents.filter_map(|process| match &process.role {
            Role::Agent { node } => Some(node),
            Role::Proxy { .. } | Role::Relay | Role::Container { .. } => None,
        });
        nodes.find_map(|node| {
            let socket = self.paths().node(node).join("hubble.sock");
            runtime.block_on(async {
                let server = connect(&socket).await.ok()?;
                let policies = server.get_policies().await.ok()?.policies.into_iter();
                Some(policies.map(|policy| policy.policy).collect())
            })
        })
    }

    /// What the agents have to say about the manifests: file, line and what is wrong there. All
    /// read the same ones, so each problem is listed once.
    fn told_by_agents(&self) -> BTreeSet<String> {
        let mut told = BTreeSet::new();
        let runtime = match runtime() {
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
                Err(why) => {
                    told.insert(format!("the agent of {node} does not answer: {why}"));
                }
            }
        }
        told
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// A connection to an agent.
///
/// # Errors
/// Why there is none, in a word.
async fn connect(socket: &Path) -> Result<Server, String> {
    let server = Server::connect(&Target::unix(socket), Duration::from_secs(2)).await;
    let server = server.map_err(|_nobody_there| format!("nobody is at {}", socket.display()))?;
    Ok(server.with_request_timeout(Duration::from_secs(5)))
}

async fn ask(socket: &Path) -> Result<Vec<String>, String> {
    let server = connect(socket).await?;
    let status = server.get_status().await;
    let status = status.map_err(|error| error.message())?;
    // Every agent of a lab has this service.
    let status = status.unwrap_or_default();
    let mut lines = Vec::new();
    if !status.failure.is_empty() {
        lines.push(format!("{}: {}", status.node_name, status.failure));
    }
    for problem in status.problems {
        let mut line = match (problem.file.as_str(), problem.line) {
            ("", _) => String::new(),
            (file, 0) => format!("{file}: "),
            (file, line) => format!("{file}:{line}:{}: ", problem.column),
        };
        if !problem.object.is_empty() {
            line.push_str(&format!("{}: ", problem.object));
        }
        if !problem.field.is_empty() {
            line.push_str(&format!("{}: ", problem.field));
        }
        line.push_str(&problem.problem);
        if !problem.remedy.is_empty() {
            line.push_str(&format!("; {}", problem.remedy));
        }
        match (problem.not_enforced, problem.stale) {
            (true, _) => line.push_str(&format!(" [{} is NOT ENFORCED]", problem.object)),
            (false, true) => line.push_str(" [the last good version stays enforced]"),
            (false, false) => {}
        }
        lines.push(line);
    }
    Ok(lines)
}

fn describe(role: &Role) -> String {
    match role {
        Role::Agent { node } => format!("agent of {node}"),
        Role::Proxy { node } => format!("proxy of {node}"),
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
            let mut line = format!("node {}  {}  {}  {agent}", node.name, node.ipv4, node.ipv6);
            let proxy = running(&Role::Proxy {
                node: node.name.clone(),
            });
            if let Some(proxy) = proxy {
                line.push_str("  ");
                line.push_str(&proxy);
            }
            lines.push(line);
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
