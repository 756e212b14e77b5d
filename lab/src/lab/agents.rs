//! The lab's agents, its proxies and its relay: started, killed, started again.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::time::Duration;

use super::{Lab, beside};
use crate::error::{Context, Result};
use crate::netns_exec::ExecContext;
use crate::plan::Pod;
use crate::process::Role;
use crate::readiness;

impl Lab {
    pub(super) fn start_agent(&mut self, node: &str) -> Result<i32> {
        let directory = self.paths.node(node);
        let program = beside(&self.program, "flows-agent")?;
        let mut line: Vec<OsString> = vec![program.into()];
        for (flag, value) in [
            ("--node", OsString::from(node)),
            ("--cluster", OsString::from(&self.record.name)),
            ("--state-dir", self.paths.manifests().into()),
            ("--run-dir", directory.clone().into()),
            ("--netns", self.paths.node_namespace(node).into()),
        ] {
            line.extend([flag.into(), value]);
        }
        if !self.record.l7_proxy {
            line.push("--l7-proxy=off".into());
        }
        line.extend(self.record.agent_args.iter().map(Into::into));
        let role = Role::Agent {
            node: node.to_owned(),
        };
        let log = directory.join("agent.log");
        self.start(role, &ExecContext::default(), &line, &[], &log)
    }

    pub(super) fn start_proxy(&mut self, node: &str) -> Result<i32> {
        let directory = self.paths.node(node);
        let program = beside(&self.program, "flows-proxy")?;
        let mut line: Vec<OsString> = vec![
            program.into(),
            "--supervise".into(),
            "--run-dir".into(),
            directory.clone().into(),
            "--netns".into(),
            self.paths.node_namespace(node).into(),
        ];
        line.extend(self.record.proxy_args.iter().map(Into::into));
        let role = Role::Proxy {
            node: node.to_owned(),
        };
        let log = directory.join("proxy.log");
        self.start(role, &ExecContext::default(), &line, &[], &log)
    }

    /// Kills the process that serves for a node's proxy, as a crash would: its supervisor starts another one. False if
    /// none was running.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the kernel's list of processes can't be read.
    pub fn kill_proxy_worker(&self, node: &str) -> Result<bool> {
        let of_node = |role: &Role| matches!(role, Role::Proxy { node: name } if name == node);
        let processes = self.record.processes.iter();
        let mut supervisors = processes.filter(|process| of_node(&process.role) && process.alive());
        let Some(supervisor) = supervisors.next() else {
            return Ok(false);
        };
        let workers = crate::process::children(supervisor.pid)
            .context("read", &crate::process::children_list(supervisor.pid))?;
        for (pid, start_time) in &workers {
            crate::process::kill_now(*pid, *start_time);
        }
        Ok(!workers.is_empty())
    }

    /// Kills a node's proxy, supervisor and all, as a crash would. False if none was running.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the record can't be written.
    pub fn kill_proxy(&mut self, node: &str) -> Result<bool> {
        self.kill(&|role| matches!(role, Role::Proxy { node: name } if name == node))
    }

    /// Starts a node's proxy again after [`Lab::kill_proxy`].
    ///
    /// # Errors
    /// [`crate::Error::NoProgram`], [`crate::Error::Io`].
    pub fn restart_proxy(&mut self, node: &str) -> Result<()> {
        self.start_proxy(node).map(drop)
    }

    /// Kills a node's agent, as a crash would; whatever it enforces has to outlive it. False if
    /// none was running.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the record can't be written.
    pub fn kill_agent(&mut self, node: &str) -> Result<bool> {
        self.kill(&|role| matches!(role, Role::Agent { node: name } if name == node))
    }

    /// Starts a node's agent again after [`Lab::kill_agent`], and waits until it has taken over the
    /// node's pods.
    ///
    /// # Errors
    /// [`crate::Error::NotReady`], [`crate::Error::NoProgram`], [`crate::Error::Io`].
    pub fn restart_agent(&mut self, node: &str) -> Result<()> {
        self.start_agent_again(node)?;
        self.wait_for_agent(node)
    }

    fn start_agent_again(&mut self, node: &str) -> Result<()> {
        // What the last one reported says nothing about the new one.
        let list = self.paths.node(node).join("endpoints.json");
        match fs::remove_file(&list) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).context("remove", &list);
            }
            _ => {}
        }
        self.start_agent(node)?;
        Ok(())
    }

    fn wait_for_agent(&mut self, node: &str) -> Result<()> {
        let pods = self.record.plan.pods.iter();
        let pods: Vec<Pod> = pods.filter(|pod| pod.node == node).cloned().collect();
        readiness::wait(&self.paths, &self.record, &pods, self.patience)?;
        // Those that were applied while there was no agent.
        let waiting: Vec<Pod> = pods
            .into_iter()
            .filter(|pod| self.record.waiting.contains(&pod.full_name()))
            .collect();
        self.open_pods(&waiting, &mut |_line| {})
    }

    /// Kills the relay, as a crash would. False if none was running.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the record can't be written.
    pub fn kill_relay(&mut self) -> Result<bool> {
        self.kill(&|role| *role == Role::Relay)
    }

    /// Starts the relay again after [`Lab::kill_relay`].
    ///
    /// # Errors
    /// [`crate::Error::NoProgram`], [`crate::Error::Io`].
    pub fn revive_relay(&mut self) -> Result<()> {
        self.start_relay()
    }

    /// Kills the processes of a role; whether one was running.
    pub(super) fn kill(&mut self, role: &dyn Fn(&Role) -> bool) -> Result<bool> {
        let mut killed = false;
        self.record.processes.retain(|process| {
            let ours = role(&process.role);
            if ours && process.alive() {
                killed = true;
                crate::process::kill_now(process.pid, process.start_time);
                process.reap();
            }
            !ours
        });
        self.save()?;
        Ok(killed)
    }

    /// Ends every node's agent and starts it again, with these words on its command line from now on;
    /// waits until each has taken over its node's pods.
    ///
    /// # Errors
    /// [`crate::Error::NotReady`], [`crate::Error::NoProgram`], [`crate::Error::Io`].
    pub fn restart_agents(&mut self, agent_args: Vec<String>) -> Result<()> {
        self.record.agent_args = agent_args;
        // All of them: one that died may be in no record.
        let nodes = self.record.plan.nodes.iter();
        let nodes: Vec<String> = match self.record.agents {
            true => nodes.map(|node| node.name.clone()).collect(),
            false => Vec::new(),
        };
        let mut ending = Vec::new();
        self.record.processes.retain(|process| {
            let Role::Agent { .. } = &process.role else {
                return true;
            };
            if process.alive() {
                ending.push((process.pid, process.start_time));
            }
            false
        });
        crate::process::stop(&ending, Duration::from_secs(5));
        self.save()?;
        // Before any is waited for: one that doesn't get ready keeps no other node without its agent.
        nodes
            .iter()
            .try_for_each(|node| self.start_agent_again(node))?;
        nodes.iter().try_for_each(|node| self.wait_for_agent(node))
    }

    /// The relay is told its peers when it starts.
    pub(super) fn restart_relay(&mut self) -> Result<()> {
        let mut relays = Vec::new();
        self.record.processes.retain(|process| {
            let relay = process.role == Role::Relay;
            if relay && process.alive() {
                relays.push((process.pid, process.start_time));
            }
            !relay
        });
        crate::process::stop(&relays, Duration::from_secs(2));
        self.start_relay()
    }

    pub(super) fn start_relay(&mut self) -> Result<()> {
        if !self.record.agents {
            return Ok(());
        }
        let program = beside(&self.program, "flows-relay")?;
        let mut line: Vec<OsString> = vec![program.into()];
        let mut listen = |address: String| line.extend(["--listen".into(), address.into()]);
        listen(format!("unix://{}", self.paths.relay_socket().display()));
        if let Some(address) = &self.record.relay_listen {
            listen(address.clone());
        }
        for node in &self.record.plan.nodes {
            let socket = self.paths.node(&node.name).join("hubble.sock");
            // As agents name themselves (Hubble's rule), so that status and flows agree.
            let name = match self.record.name.as_str() {
                "default" => node.name.clone(),
                cluster => format!("{cluster}/{}", node.name),
            };
            let peer = format!("{name}=unix://{}", socket.display());
            line.extend(["--peer".into(), peer.into()]);
        }
        let log = self.paths.relay_log();
        self.start(Role::Relay, &ExecContext::default(), &line, &[], &log)?;
        Ok(())
    }
}
