//! Commands inside a pod, a node or the host outside.

use std::ffi::OsString;
use std::process::Command;

use super::Lab;
use crate::error::{Error, Result};
use crate::netns_exec::ExecContext;
use crate::plan::Pod;

/// Whom a command is run for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A pod, by `NAMESPACE/NAME`; the name may be a prefix that only one pod has.
    Pod(String),
    /// A node.
    Node(String),
    /// The host outside of the cluster.
    Outside,
}

impl Lab {
    pub(super) fn pod_place(&self, pod: &Pod) -> ExecContext {
        let directory = self.paths.pod(pod);
        ExecContext {
            netns: Some(self.paths.pod_namespace(pod)),
            hosts: Some(directory.join("hosts")),
            resolv: Some(directory.join("resolv.conf")),
            hostname: Some(pod.name.clone()),
            detach: false,
        }
    }

    /// The pod that goes by a name: `NAMESPACE/NAME` or `NAME` (namespace default), the name whole
    /// or a prefix that only one pod has.
    ///
    /// # Errors
    /// [`Error::NoSuchPod`].
    pub fn find_pod(&self, name: &str) -> Result<&Pod> {
        let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
        if let Some(pod) = self.record.plan.pod(namespace, name) {
            return Ok(pod);
        }
        let here = || {
            let pods = self.record.plan.pods.iter();
            pods.filter(|pod| pod.namespace == namespace)
        };
        let found: Vec<&Pod> = here().filter(|pod| pod.name.starts_with(name)).collect();
        let names = |pods: Vec<&Pod>| {
            let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
            names.join(", ")
        };
        match found.as_slice() {
            [pod] => Ok(pod),
            [] => Err(Error::NoSuchPod {
                what: match here().next() {
                    None => format!("no pods in namespace {namespace}"),
                    Some(_) => format!(
                        "no pod {namespace}/{name}; there are: {}",
                        names(here().collect())
                    ),
                },
            }),
            _ => Err(Error::NoSuchPod {
                what: format!("{namespace}/{name} could be {}", names(found)),
            }),
        }
    }

    /// A command to run for the target, inside its namespace.
    ///
    /// # Errors
    /// [`Error::NoSuchPod`].
    pub fn command<S: Into<OsString> + Clone>(
        &self,
        target: &Target,
        line: &[S],
    ) -> Result<Command> {
        let place = match target {
            Target::Pod(name) => self.pod_place(self.find_pod(name)?),
            Target::Node(name) if self.record.plan.node(name).is_some() => ExecContext {
                netns: Some(self.paths.node_namespace(name)),
                hostname: Some(name.clone()),
                ..ExecContext::default()
            },
            Target::Node(name) => {
                return Err(Error::NoSuchPod {
                    what: format!("no node {name}"),
                });
            }
            Target::Outside if self.record.outside => ExecContext {
                netns: Some(self.paths.outside_namespace()),
                hosts: Some(self.paths.outside().join("hosts")),
                hostname: Some("outside".to_owned()),
                ..ExecContext::default()
            },
            Target::Outside => {
                return Err(Error::NoSuchPod {
                    what: "this lab has no outside host: bring it up with --outside".to_owned(),
                });
            }
        };
        let line: Vec<OsString> = line.iter().cloned().map(Into::into).collect();
        Ok(place.command(&self.program, &self.owner(), &line))
    }
}
