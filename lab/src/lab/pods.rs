//! The lab's pods: made, opened once they are guarded, removed.

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use super::Lab;
use crate::error::{Context, Error, Result};
use crate::plan::Pod;
use crate::process::{Process, Role};
use crate::state::{Record, remove_tree};
use crate::{hosts, network, readiness};

impl Lab {
    pub(super) fn remove_pod(&mut self, pod: &Pod) -> Result<()> {
        let namespaces = crate::netns::inode(&self.paths.pod_namespace(pod));
        let members = crate::process::members(&namespaces.into_iter().collect(), None);
        crate::process::stop(&members, Duration::from_secs(2));
        network::remove_pod(&self.paths, pod)?;
        remove_tree(&self.paths.pod(pod))?;
        self.record.plan.pods.retain(|other| other != pod);
        self.record.waiting.remove(&pod.full_name());
        self.record.processes.retain(|process| {
            let ours = is_container_of(process, pod);
            if ours {
                process.reap();
            }
            !ours
        });
        Ok(())
    }

    pub(super) fn make_pods(&mut self, pods: &[Pod], say: &mut dyn FnMut(&str)) -> Result<()> {
        for pod in pods {
            let directory = self.paths.pod(pod);
            fs::create_dir_all(&directory).context("create", &directory)?;
            let node = self
                .record
                .plan
                .node(&pod.node)
                .ok_or_else(|| Error::Plan {
                    what: format!("pod {}: node {} is missing", pod.full_name(), pod.node),
                })?;
            network::make_pod(&self.paths, node, pod, self.record.agents)?;
            self.record.waiting.insert(pod.full_name());
        }
        self.save()?;
        self.write_hosts()?;
        if self.record.agents {
            readiness::wait(&self.paths, &self.record, pods, self.patience)?;
        }
        self.open_pods(pods, say)
    }

    /// Brings up pods whose veths are guarded now, and starts what runs in them.
    pub(super) fn open_pods(&mut self, pods: &[Pod], say: &mut dyn FnMut(&str)) -> Result<()> {
        for pod in pods {
            network::open_pod(&self.paths, pod)?;
            self.record.waiting.remove(&pod.full_name());
        }
        self.save()?;
        for pod in pods {
            let running = self.start_containers(pod)?;
            say(&format!(
                "pod {}: {} {} on {}{running}",
                pod.full_name(),
                pod.ipv4,
                pod.ipv6,
                pod.node
            ));
        }
        Ok(())
    }

    pub(super) fn write_hosts(&self) -> Result<()> {
        let Record { plan, outside, .. } = &self.record;
        for pod in &plan.pods {
            let directory = self.paths.pod(pod);
            let (hosts, resolv) = (directory.join("hosts"), directory.join("resolv.conf"));
            hosts::write_in_place(&hosts, &hosts::hosts(plan, *outside, &pod.namespace))?;
            hosts::write_in_place(&resolv, &hosts::resolv(plan, &pod.namespace))?;
        }
        if *outside {
            let directory = self.paths.outside();
            fs::create_dir_all(&directory).context("create", &directory)?;
            hosts::write_in_place(&directory.join("hosts"), &hosts::hosts(plan, true, ""))?;
        }
        Ok(())
    }

    pub(super) fn start_containers(&mut self, pod: &Pod) -> Result<String> {
        let mut running = String::new();
        for container in &pod.containers {
            let line: Vec<OsString> = container.command_line().iter().map(Into::into).collect();
            if line.is_empty() {
                continue;
            }
            let log = self.paths.pod(pod).join(format!("{}.log", container.name));
            let role = Role::Container {
                namespace: pod.namespace.clone(),
                pod: pod.name.clone(),
                container: container.name.clone(),
            };
            let place = self.pod_place(pod);
            let env: Vec<_> = container
                .env
                .iter()
                .map(|variable| (variable.name.clone(), variable.value.clone()))
                .collect();
            self.start(role, &place, &line, &env, &log)?;
            running.push_str(", runs ");
            running.push_str(&container.name);
        }
        Ok(running)
    }
}

fn is_container_of(process: &Process, pod: &Pod) -> bool {
    match &process.role {
        Role::Container {
            namespace,
            pod: name,
            ..
        } => (namespace, name) == (&pod.namespace, &pod.name),
        Role::Agent { .. } | Role::Proxy { .. } | Role::Relay => false,
    }
}
