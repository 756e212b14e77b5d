//! A running lab: brought up, changed, looked at. Taking it down is in [`crate::down`].

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::manifest::{self, Document};
use crate::netns_exec::{ExecContext, start_detached};
use crate::plan::Plan;
use crate::process::{Process, Role, start_time};
use crate::state::{self, LOCK_TIMEOUT, Lock, Paths, RUN, Record};
use crate::{manifest_dir, network, wait_applied};

mod agents;
mod command;
mod pods;

pub use command::Target;

/// How a lab is brought up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name.
    pub name: String,
    /// Nodes to have at least, whatever the manifests say.
    pub nodes: usize,
    /// Run agents and the relay. Without, pods are merely wired.
    pub agents: bool,
    /// Have a layer-7 proxy on each node, so that policies may have rules of layer 7.
    pub l7_proxy: bool,
    /// Have a host outside of the cluster.
    pub outside: bool,
    /// TCP address at which the relay listens besides its socket.
    pub relay_listen: Option<String>,
    /// What every agent is told besides what the lab tells it: words of its command line.
    pub agent_args: Vec<String>,
    /// The same of every layer-7 proxy.
    pub proxy_args: Vec<String>,
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

impl Lab {
    /// Brings up a lab. `say` is told each step.
    ///
    /// # Errors
    /// [`Error`]; what was made until then is left for [`crate::down::down`].
    pub fn up(options: &Options, manifests: &[PathBuf], say: &mut dyn FnMut(&str)) -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        state::restrict();
        let paths = Paths::new(&options.name)?;
        let documents = manifest::read(manifests)?;
        if options.agents {
            beside(&options.program, "flows-agent")?;
            beside(&options.program, "flows-relay")?;
        }
        let run = Path::new(RUN);
        let all = loop {
            fs::create_dir_all(run).context("create", run)?;
            match Lock::take(run, LOCK_TIMEOUT) {
                // The last lab's `down` has just removed it.
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                lock => break lock?,
            }
        };
        let mut plan = Plan::new(state::free_number()?);
        plan.add(&documents, options.nodes)?;
        match fs::create_dir(paths.root()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::Exists {
                    name: options.name.clone(),
                });
            }
            made => made.context("create", paths.root())?,
        }
        let lock = Lock::take(paths.root(), LOCK_TIMEOUT)?;
        let mut lab = Self {
            record: Record {
                name: options.name.clone(),
                token: token(),
                agents: options.agents,
                l7_proxy: options.l7_proxy,
                outside: options.outside,
                relay_listen: options.relay_listen.clone(),
                agent_args: options.agent_args.clone(),
                proxy_args: options.proxy_args.clone(),
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
        manifest_dir::publish(&lab.paths, &lab.record.plan, &documents)?;
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
        state::restrict();
        let lock = Lock::take(
            Self::open(name, program.clone())?.paths.root(),
            LOCK_TIMEOUT,
        )?;
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
        manifest_dir::publish(&self.paths, &self.record.plan, documents)?;
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
        wait_applied::settle(&self.paths, &self.record, documents, gone, patience)
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
            let gone = manifest_dir::withdraw(&self.paths, object)?;
            self.save()?;
            say(&format!(
                "{object} {}",
                if gone { "deleted" } else { "was not there" }
            ));
        }
        self.write_hosts()
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
            if self.record.agents && self.record.l7_proxy {
                let pid = self.start_proxy(&node.name)?;
                started = format!(", proxy {pid}");
            }
            if self.record.agents {
                let pid = self.start_agent(&node.name)?;
                started = format!("{started}, agent {pid}");
            }
            say(&format!(
                "node {}: {} {}, pods {} {}{started}",
                node.name, node.ipv4, node.ipv6, node.pods_ipv4, node.pods_ipv6
            ));
        }
        Ok(())
    }

    /// Starts a process that outlives this one, and records it.
    fn start(
        &mut self,
        role: Role,
        place: &ExecContext,
        line: &[OsString],
        env: &[(String, String)],
        log: &Path,
    ) -> Result<i32> {
        let place = ExecContext {
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
}

/// Tells this lab's processes from those of an earlier one of the same name.
fn token() -> String {
    let own = std::process::id();
    let start = start_time(own.cast_signed()).unwrap_or_default();
    format!("{own}-{start}")
}

pub(crate) fn beside(program: &Path, name: &'static str) -> Result<PathBuf> {
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
