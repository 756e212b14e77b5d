//! A running lab: brought up, changed, looked at. Taking it down is in [`crate::down`].

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::inside::{Place, start_detached};
use crate::manifest::{self, Document};
use crate::plan::{Plan, Pod};
use crate::process::{Process, Role, start_time};
use crate::record::{self, Lock, Paths, RUN, Record};
use crate::{hosts, network, publish, ready, settle};

/// How long to wait for another flows-lab.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How a lab is brought up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name.
    pub name: String,
    /// Nodes to have at least, whatever the manifests say.
    pub nodes: usize,
    /// Run agents and the relay. Without, pods are merely wired.
    pub agents: bool,
    /// Have a host outside of the cluster.
    pub outside: bool,
    /// TCP address at which the relay listens besides its socket.
    pub relay_listen: Option<String>,
    /// What every agent is told besides what the lab tells it: words of its command line.
    pub agent_args: Vec<String>,
    /// How long to wait for the agents.
    pub patience: Duration,
    /// The flows-lab program; flows-agent and flows-relay stand beside it.
    pub program: PathBuf,
}

/// A lab that is up.
#[derive(Debug)]
pub struct Lab {
    pub(crate) paths: Paths,
    pub(crate) record: Record,
    pub(crate) program: PathBuf,
    pub(crate) patience: Duration,
    _lock: Option<Lock>,
}

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
    /// Brings up a lab. `say` is told each step.
    ///
    /// # Errors
    /// [`Error`]; what was made until then is left for [`crate::down::down`].
    pub fn up(options: &Options, manifests: &[PathBuf], say: &mut dyn FnMut(&str)) -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        record::restrict();
        let paths = Paths::new(&options.name)?;
        let documents = manifest::read(manifests)?;
        if options.agents {
            beside(&options.program, "flows-agent")?;
            beside(&options.program, "flows-relay")?;
        }
        let run = Path::new(RUN);
        let all = loop {
            fs::create_dir_all(run).context("create", run)?;
            match Lock::take(run, PATIENCE) {
                // The last lab's `down` has just removed it.
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                lock => break lock?,
            }
        };
        let mut plan = Plan::new(record::free_number()?);
        plan.add(&documents, options.nodes)?;
        match fs::create_dir(paths.root()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::Exists {
                    name: options.name.clone(),
                });
            }
            made => made.context("create", paths.root())?,
        }
        let lock = Lock::take(paths.root(), PATIENCE)?;
        let mut lab = Self {
            record: Record {
                name: options.name.clone(),
                token: token(),
                agents: options.agents,
                outside: options.outside,
                relay_listen: options.relay_listen.clone(),
                agent_args: options.agent_args.clone(),
                plan,
                waiting: BTreeSet::new(),
                processes: Vec::new(),
            },
            paths,
            program: options.program.clone(),
            patience: options.patience,
            _lock: Some(lock),
        };
        lab.save()?;
        drop(all);
        for directory in [lab.paths.manifests(), lab.paths.namespaces()] {
            fs::create_dir(&directory).context("create", &directory)?;
        }
        let pods = lab.record.plan.pods.clone();
        publish::publish(&lab.paths, &lab.record.plan, &documents)?;
        network::make_underlay(&lab.paths)?;
        if lab.record.outside {
            network::make_outside(&lab.paths)?;
            say(&format!("outside host {}", network::OUTSIDE_IPV4));
        }
        let nodes = lab.record.plan.nodes.clone();
        lab.make_nodes(&nodes, say)?;
        lab.start_relay()?;
        lab.make_pods(&pods, say)?;
        lab._lock = None;
        Ok(lab)
    }

    /// The lab of that name, to look at and to run commands in.
    ///
    /// # Errors
    /// [`Error::NoSuchLab`], [`Error::BadName`], [`Error::Record`].
    pub fn open(name: &str, program: PathBuf) -> Result<Self> {
        let paths = Paths::new(name)?;
        Ok(Self {
            record: Record::load(&paths)?,
            paths,
            program,
            patience: Duration::from_secs(60),
            _lock: None,
        })
    }

    /// The lab of that name, to change it: no other flows-lab changes it meanwhile.
    ///
    /// # Errors
    /// As [`Lab::open`], and [`Error::Busy`].
    pub fn open_locked(name: &str, program: PathBuf) -> Result<Self> {
        record::restrict();
        let lock = Lock::take(Self::open(name, program.clone())?.paths.root(), PATIENCE)?;
        let mut lab = Self::open(name, program)?;
        lab._lock = Some(lock);
        Ok(lab)
    }

    /// What the lab is made of.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Where its files are.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(crate) fn save(&self) -> Result<()> {
        self.record.save(&self.paths)
    }

    /// Adds or replaces objects.
    ///
    /// # Errors
    /// [`Error`]; nothing is changed if the manifests don't fit.
    pub fn apply(&mut self, documents: &[Document], say: &mut dyn FnMut(&str)) -> Result<()> {
        let mut plan = self.record.plan.clone();
        plan.add(documents, 0)?;
        let known_nodes = self.record.plan.nodes.len();
        let known_pods = self.record.plan.pods.len();
        self.record.plan = plan;
        self.save()?;
        publish::publish(&self.paths, &self.record.plan, documents)?;
        let nodes = self.record.plan.nodes.split_at(known_nodes).1.to_vec();
        self.make_nodes(&nodes, say)?;
        if !nodes.is_empty() {
            self.restart_relay()?;
        }
        let pods = self.record.plan.pods.split_at(known_pods).1.to_vec();
        self.make_pods(&pods, say)?;
        Ok(())
    }

    /// Waits until all nodes enforce the policies among the documents; with `gone`, until none does.
    ///
    /// # Errors
    /// [`Error::NotInForce`].
    pub fn settle(&self, documents: &[Document], gone: bool, patience: Duration) -> Result<()> {
        settle::settle(&self.paths, &self.record, documents, gone, patience)
    }

    /// Whether the object of a document is among the lab's manifests.
    pub fn has(&self, document: &Document) -> bool {
        self.paths
            .manifests()
            .join(document.object.file_name())
            .exists()
    }

    /// Removes objects; those that aren't there are only mentioned.
    ///
    /// # Errors
    /// [`Error`].
    pub fn delete(&mut self, documents: &[Document], say: &mut dyn FnMut(&str)) -> Result<()> {
        for document in documents {
            let object = &document.object;
            if object.is("Node") && self.record.plan.node(&object.name).is_some() {
                return Err(Error::Plan {
                    what: format!("{object}: nodes of a running lab can't be deleted"),
                });
            }
        }
        for document in documents {
            let object = &document.object;
            if object.is("Pod")
                && let Some(pod) = self.record.plan.pod(&object.namespace, &object.name)
            {
                let pod = pod.clone();
                self.remove_pod(&pod)?;
            }
            self.record.plan.services.retain(|service| {
                !object.is("Service")
                    || (&service.namespace, &service.name) != (&object.namespace, &object.name)
            });
            let gone = publish::withdraw(&self.paths, object)?;
            self.save()?;
            say(&format!(
                "{object} {}",
                if gone { "deleted" } else { "was not there" }
            ));
        }
        self.write_hosts()
    }

    fn remove_pod(&mut self, pod: &Pod) -> Result<()> {
        let namespaces = crate::netns::inode(&self.paths.pod_namespace(pod));
        let members = crate::process::members(&namespaces.into_iter().collect(), None);
        crate::process::stop(&members, Duration::from_secs(2));
        network::remove_pod(&self.paths, pod)?;
        crate::down::remove_tree(&self.paths.pod(pod))?;
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

    fn make_nodes(&mut self, nodes: &[crate::plan::Node], say: &mut dyn FnMut(&str)) -> Result<()> {
        for node in nodes {
            network::make_node(&self.paths, node)?;
        }
        // Also when no node is new: a pod may have an address outside of its node's range.
        network::connect(&self.paths, &self.record.plan, self.record.outside)?;
        for node in nodes {
            let directory = self.paths.node(&node.name);
            fs::create_dir_all(&directory).context("create", &directory)?;
            let mut started = String::new();
            if self.record.agents {
                let pid = self.start_agent(&node.name)?;
                started = format!(", agent {pid}");
            }
            say(&format!(
                "node {}: {} {}, pods {} {}{started}",
                node.name, node.ipv4, node.ipv6, node.pods_ipv4, node.pods_ipv6
            ));
        }
        Ok(())
    }

    fn start_agent(&mut self, node: &str) -> Result<i32> {
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
        line.extend(self.record.agent_args.iter().map(Into::into));
        let role = Role::Agent {
            node: node.to_owned(),
        };
        let log = directory.join("agent.log");
        self.start(role, &Place::default(), &line, &[], &log)
    }

    /// Kills a node's agent, as a crash would; whatever it enforces has to outlive it. False if
    /// none was running.
    ///
    /// # Errors
    /// [`Error::Io`] if the record can't be written.
    pub fn kill_agent(&mut self, node: &str) -> Result<bool> {
        self.kill(&|role| matches!(role, Role::Agent { node: name } if name == node))
    }

    /// Starts a node's agent again after [`Lab::kill_agent`], and waits until it has taken over the
    /// node's pods.
    ///
    /// # Errors
    /// [`Error::NotReady`], [`Error::NoProgram`], [`Error::Io`].
    pub fn revive_agent(&mut self, node: &str) -> Result<()> {
        // What the last one reported says nothing about the new one.
        let list = self.paths.node(node).join("endpoints.json");
        match fs::remove_file(&list) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).context("remove", &list);
            }
            _ => {}
        }
        self.start_agent(node)?;
        let pods = self.record.plan.pods.iter();
        let pods: Vec<Pod> = pods.filter(|pod| pod.node == node).cloned().collect();
        ready::wait(&self.paths, &self.record, &pods, self.patience)?;
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
    /// [`Error::Io`] if the record can't be written.
    pub fn kill_relay(&mut self) -> Result<bool> {
        self.kill(&|role| *role == Role::Relay)
    }

    /// Starts the relay again after [`Lab::kill_relay`].
    ///
    /// # Errors
    /// [`Error::NoProgram`], [`Error::Io`].
    pub fn revive_relay(&mut self) -> Result<()> {
        self.start_relay()
    }

    /// Kills the processes of a role; whether one was running.
    fn kill(&mut self, role: &dyn Fn(&Role) -> bool) -> Result<bool> {
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
    /// [`Error::NotReady`], [`Error::NoProgram`], [`Error::Io`].
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
        nodes.iter().try_for_each(|node| self.revive_agent(node))
    }

    fn make_pods(&mut self, pods: &[Pod], say: &mut dyn FnMut(&str)) -> Result<()> {
        for pod in pods {
            let directory = self.paths.pod(pod);
            fs::create_dir_all(&directory).context("create", &directory)?;
            hosts::write_in_place(&directory.join("resolv.conf"), &hosts::resolv(pod))?;
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
            ready::wait(&self.paths, &self.record, pods, self.patience)?;
        }
        self.open_pods(pods, say)
    }

    /// Brings up pods whose veths are guarded now, and starts what runs in them.
    fn open_pods(&mut self, pods: &[Pod], say: &mut dyn FnMut(&str)) -> Result<()> {
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

    fn write_hosts(&self) -> Result<()> {
        let Record { plan, outside, .. } = &self.record;
        for pod in &plan.pods {
            let path = self.paths.pod(pod).join("hosts");
            hosts::write_in_place(&path, &hosts::hosts(plan, *outside, &pod.namespace))?;
        }
        if *outside {
            let directory = self.paths.outside();
            fs::create_dir_all(&directory).context("create", &directory)?;
            hosts::write_in_place(&directory.join("hosts"), &hosts::hosts(plan, true, ""))?;
        }
        Ok(())
    }

    fn start_containers(&mut self, pod: &Pod) -> Result<String> {
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

    /// The relay is told its peers when it starts.
    fn restart_relay(&mut self) -> Result<()> {
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

    fn start_relay(&mut self) -> Result<()> {
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
        self.start(Role::Relay, &Place::default(), &line, &[], &log)?;
        Ok(())
    }

    /// Starts a process that outlives this one, and records it.
    fn start(
        &mut self,
        role: Role,
        place: &Place,
        line: &[OsString],
        env: &[(String, String)],
        log: &Path,
    ) -> Result<i32> {
        let place = Place {
            detach: true,
            ..place.clone()
        };
        let mut command = place.command(&self.program, &self.owner(), line);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let pid = start_detached(command, log)?;
        // Before this is written the process is known by its mark alone.
        self.record.processes.push(Process {
            role,
            pid,
            start_time: start_time(pid).unwrap_or_default(),
            log: log.to_owned(),
        });
        self.save()?;
        Ok(pid)
    }

    fn owner(&self) -> String {
        format!("{}:{}", self.record.name, self.record.token)
    }

    fn pod_place(&self, pod: &Pod) -> Place {
        let directory = self.paths.pod(pod);
        Place {
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
            Target::Node(name) if self.record.plan.node(name).is_some() => Place {
                netns: Some(self.paths.node_namespace(name)),
                hostname: Some(name.clone()),
                ..Place::default()
            },
            Target::Node(name) => {
                return Err(Error::NoSuchPod {
                    what: format!("no node {name}"),
                });
            }
            Target::Outside if self.record.outside => Place {
                netns: Some(self.paths.outside_namespace()),
                hosts: Some(self.paths.outside().join("hosts")),
                hostname: Some("outside".to_owned()),
                ..Place::default()
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

fn is_container_of(process: &Process, pod: &Pod) -> bool {
    match &process.role {
        Role::Container {
            namespace,
            pod: name,
            ..
        } => (namespace, name) == (&pod.namespace, &pod.name),
        Role::Agent { .. } | Role::Relay => false,
    }
}

/// Tells this lab's processes from those of an earlier one of the same name.
fn token() -> String {
    let own = std::process::id();
    let start = start_time(own.cast_signed()).unwrap_or_default();
    format!("{own}-{start}")
}

fn beside(program: &Path, name: &'static str) -> Result<PathBuf> {
    let path = program.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::NoProgram {
            program: name,
            beside: program.to_owned(),
        })
    }
}
