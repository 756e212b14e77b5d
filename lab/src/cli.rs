//! The command line of flows-lab.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};

use crate::apply::{Apply, apply, dry_run};
use crate::down::down;
use crate::lab::{Lab, Options, Target};
use crate::netns_exec::ExecContext;
use crate::traffic::{
    bench_peer::BenchPeer, client::Client, duration, request::Requests, serve::Serve,
};
use crate::{manifest, state};

/// Where the relay of a lab listens if nobody else does, and where clients look first.
const RELAY: &str = "127.0.0.1:4245";

/// A whole cluster on one machine: nodes and pods as network namespaces, real packets, real policy.
#[derive(Debug, Parser)]
#[command(name = "flows-lab", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Name {
    /// The lab.
    #[arg(long, default_value = "default", env = "FLOWS_LAB")]
    name: String,
}

#[derive(Debug, Args)]
struct Files {
    /// Manifests: files or directories.
    #[arg(short = 'f', long = "filename", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    lab: Name,
    /// Return only when every node's kernel has it.
    #[arg(long)]
    wait: bool,
    /// How long to wait for that.
    #[arg(long, default_value = "10s", value_parser = duration)]
    timeout: Duration,
}

#[derive(Debug, Args)]
struct Up {
    /// Manifests: files or directories.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    lab: Name,
    /// Have at least that many nodes.
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// Wire the pods only: no agents, no relay, no policy.
    #[arg(long)]
    no_agent: bool,
    /// Have no layer-7 proxy on the nodes: policies with rules of layer 7 are refused.
    #[arg(long)]
    no_l7_proxy: bool,
    /// Have a host named `outside`, which isn't part of the cluster.
    #[arg(long)]
    outside: bool,
    /// Where the relay listens besides the lab's own socket; `none` for nowhere. [default:
    /// 127.0.0.1:4245 if it is free]
    #[arg(long)]
    relay_listen: Option<String>,
    /// A word for the command line of every agent, as in --agent-arg=--history-flows=5000;
    /// repeatable. `flows-agent --help` tells what there is.
    #[arg(long = "agent-arg", value_name = "ARG", allow_hyphen_values = true)]
    agent_args: Vec<String>,
    /// The same for every layer-7 proxy, as in --proxy-arg=--idle-timeout=60. `flows-proxy --help` tells what there is.
    #[arg(long = "proxy-arg", value_name = "ARG", allow_hyphen_values = true)]
    proxy_args: Vec<String>,
    /// How long to wait for the agents.
    #[arg(long, default_value = "60s", value_parser = duration)]
    timeout: Duration,
}

#[derive(Debug, Args)]
struct Exec {
    /// NAMESPACE/NAME; a prefix of the name will do if only one pod has it.
    #[arg(required_unless_present_any = ["node", "outside"])]
    pod: Option<String>,
    #[command(flatten)]
    lab: Name,
    /// Run on a node instead of in a pod.
    #[arg(long, conflicts_with = "pod")]
    node: Option<String>,
    /// Run on the host outside of the cluster.
    #[arg(long, conflicts_with_all = ["pod", "node"])]
    outside: bool,
    /// The command.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring up a lab from manifests.
    Up(Up),
    /// Add or replace objects of a running lab.
    Apply {
        #[command(flatten)]
        files: Files,
        /// Apply nothing: show which connections it would deny or allow, as `flows policy diff` does.
        #[arg(long, conflicts_with = "wait")]
        dry_run: bool,
    },
    /// Delete objects of a running lab.
    Delete(Files),
    /// Start the agents again, with other arguments; what is enforced stays so meanwhile.
    Restart {
        #[command(flatten)]
        lab: Name,
        /// As with `up`; those that the lab has if there is none.
        #[arg(long = "agent-arg", value_name = "ARG", allow_hyphen_values = true)]
        agent_args: Vec<String>,
    },
    /// Run a command in a pod.
    Exec(Exec),
    /// Show what a pod's containers wrote.
    Logs {
        /// NAMESPACE/NAME, or a prefix.
        pod: String,
        #[command(flatten)]
        lab: Name,
        /// Only this container.
        #[arg(short, long)]
        container: Option<String>,
    },
    /// Show nodes, pods and processes; exits with 1 if something is missing or dead.
    Status {
        #[command(flatten)]
        lab: Name,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a lab away with everything it made.
    Down {
        #[command(flatten)]
        lab: Name,
    },
    /// Name the labs that are up.
    List,
    /// A server for containers: echoes, says what it is told to, or speaks DNS, HTTPS or Kafka.
    Serve(Serve),
    /// A client for containers: tries a connection again and again.
    Client(Client),
    /// A client of layer 7 for containers: sends a request again and again.
    Request(Requests),
    /// One end of a network measurement.
    #[command(name = "bench-peer", hide = true)]
    BenchPeer(BenchPeer),
    /// Enter a namespace and become a command.
    #[command(name = "__inside", hide = true)]
    Inside {
        #[command(flatten)]
        place: ExecContext,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

impl Cli {
    /// Does what was asked; output goes to `out`. Returns the exit code.
    ///
    /// # Errors
    /// Whatever prevented it.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<u8> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        // A reader that went away is no reason to leave work half done.
        let mut say = |line: &str| {
            // Names from manifests stand in it.
            let line = flow::print::escape(line);
            if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
                tracing::debug!(%error, "nobody listens");
            }
        };
        match self.command {
            Command::Up(up) => bring_up(up, program, &mut say)?,
            Command::Apply {
                files,
                dry_run: true,
            } => {
                let lab = Lab::open(&files.lab.name, program)?;
                let code = dry_run(&lab, &files.files, out)?;
                return Ok(code);
            }
            Command::Apply {
                files,
                dry_run: false,
            } => {
                let mut lab = Lab::open_locked(&files.lab.name, program)?;
                let wanted = Apply {
                    files: files.files,
                    wait: files.wait.then_some(files.timeout),
                };
                let (lines, well) = apply(&mut lab, &wanted, &mut say)?;
                lines.iter().for_each(|line| say(line));
                return Ok(u8::from(!well));
            }
            Command::Delete(files) => {
                let documents = manifest::read(&files.files)?;
                let mut lab = Lab::open_locked(&files.lab.name, program)?;
                lab.delete(&documents, &mut say)?;
                if files.wait {
                    lab.settle(&documents, true, files.timeout)?;
                    say("no longer in force on any node");
                }
            }
            Command::Restart { lab, agent_args } => {
                let mut lab = Lab::open_locked(&lab.name, program)?;
                let agent_args = match agent_args.as_slice() {
                    [] => lab.record().agent_args.clone(),
                    _ => agent_args,
                };
                lab.restart_agents(agent_args)?;
                say("the agents run again");
            }
            Command::Exec(exec) => {
                let target = match (exec.pod, exec.node) {
                    (Some(pod), _) => Target::Pod(pod),
                    (None, Some(node)) => Target::Node(node),
                    (None, None) => Target::Outside,
                };
                let lab = Lab::open(&exec.lab.name, program)?;
                let error = lab.command(&target, &exec.command)?.exec();
                return Err(error).context("cannot start the command");
            }
            Command::Logs {
                pod,
                lab,
                container,
            } => logs(&Lab::open(&lab.name, program)?, &pod, container, out)?,
            Command::Status { lab, json } => {
                let status = Lab::open(&lab.name, program)?.status();
                if json {
                    proto::json::write_pretty(&mut *out, &status)?;
                } else {
                    out.write_all(flow::print::escape_lines(&status.text()).as_bytes())?;
                }
                return Ok(u8::from(!status.problems.is_empty()));
            }
            Command::Down { lab } => {
                let (processes, namespaces) = down(&lab.name)?;
                say(&format!(
                    "lab {} is down: {processes} processes and {namespaces} namespaces removed",
                    lab.name
                ));
            }
            Command::List => state::list()?.iter().for_each(|name| say(name)),
            Command::Serve(serve) => serve.run()?,
            Command::Client(client) => return Ok(client.run(&mut say)?.code()),
            Command::Request(requests) => return Ok(requests.run(&mut say).code()),
            Command::BenchPeer(peer) => {
                let rate = peer.run()?;
                say(&rate.to_string());
            }
            Command::Inside { place, command } => match place.become_command(&command)? {},
        }
        Ok(0)
    }
}

fn bring_up(up: Up, program: PathBuf, say: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    let relay_listen = match up.relay_listen {
        Some(address) if address == "none" => None,
        Some(address) => Some(address),
        None => TcpListener::bind(RELAY).is_ok().then(|| RELAY.to_owned()),
    };
    let options = Options {
        name: up.lab.name,
        nodes: up.nodes,
        agents: !up.no_agent,
        l7_proxy: !up.no_l7_proxy,
        outside: up.outside,
        relay_listen,
        agent_args: up.agent_args,
        proxy_args: up.proxy_args,
        patience: up.timeout,
        program,
    };
    let lab = match Lab::up(&options, &up.files, say) {
        Ok(lab) => lab,
        Err(error) => {
            let name = &options.name;
            // What is there is left for looking at, except where it isn't this call's.
            let partial =
                !matches!(error, crate::Error::Exists { .. }) && state::list()?.contains(name);
            return Err(error).with_context(|| match partial {
                true => {
                    format!("lab {name} is incomplete; `flows-lab down --name {name}` removes it")
                }
                false => "nothing was made".to_owned(),
            });
        }
    };
    let socket = lab.paths().relay_socket();
    match (options.agents, &options.relay_listen) {
        (false, _) => say(&format!("lab {} is up, without policy", options.name)),
        (true, None) => say(&format!("lab {} is up: {}", options.name, socket.display())),
        (true, Some(address)) => say(&format!(
            "lab {} is up: {address} and {}",
            options.name,
            socket.display()
        )),
    }
    Ok(())
}

fn logs(
    lab: &Lab,
    pod: &str,
    container: Option<String>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let pod = lab.find_pod(pod)?;
    let mut shown = false;
    for known in &pod.containers {
        let path = lab.paths().pod(pod).join(format!("{}.log", known.name));
        if container.as_ref().is_some_and(|name| *name != known.name) || !path.exists() {
            continue;
        }
        copy(&path, out).with_context(|| format!("cannot show {}", path.display()))?;
        shown = true;
    }
    if !shown {
        bail!(
            "{} has no such container that runs anything",
            pod.full_name()
        );
    }
    Ok(())
}

fn copy(path: &Path, out: &mut dyn Write) -> io::Result<u64> {
    io::copy(&mut File::open(path)?, out)
}
