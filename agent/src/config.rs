//! What an agent is told on its command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};

/// Enforces network policy on the pods of one node, and tells what was decided and why.
#[derive(Clone, Debug, Parser)]
#[command(name = "flows-agent", version)]
pub struct Config {
    /// Name of the node, as in its manifest.
    #[arg(long, env = "FLOWS_NODE")]
    pub node: String,
    /// Name of the cluster.
    #[arg(long, default_value = "default", env = "FLOWS_CLUSTER")]
    pub cluster: String,
    /// Directory of manifests (YAML), watched.
    #[arg(long, value_name = "DIR")]
    pub state_dir: PathBuf,
    /// Where socket, pins and the agent's own state stand. [default: /run/flows/<cluster>/<node>]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Enter this network namespace first.
    #[arg(long, value_name = "PATH")]
    pub netns: Option<PathBuf>,
    /// Serve the API on this TCP address, too.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Allow TCP without TLS on addresses that other machines can reach.
    #[arg(long)]
    pub insecure: bool,
    /// Serve Prometheus metrics here. [default: 127.0.0.1:9965 if that is free]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// For which pods policy is enforced.
    #[arg(long, value_name = "MODE", default_value = "default")]
    pub enable_policy: EnablePolicy,
    /// Whether a pod's own node may always reach it.
    #[arg(long, value_name = "WHEN", default_value = "always")]
    pub allow_localhost: AllowLocalhost,
    /// The eBPF object, instead of the built-in one.
    #[arg(long, value_name = "FILE", env = "FLOWS_BPF_OBJECT")]
    pub object: Option<PathBuf>,
    /// Flows that are kept in memory, at least (about 100 bytes per packet event of one to three).
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub history_flows: u64,
    /// Size of each CPU's event ring in bytes, a power of two.
    #[arg(long, value_name = "BYTES", default_value_t = loader::RingOptions::default().bytes)]
    pub ring_bytes: usize,
    /// Drop events per pod, CPU and second; 0 = no limit. What is limited is counted.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub drop_events: u32,
    /// Seconds between two events of an active connection; 0 = none.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub report_every: u32,
}

/// For which pods policy is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EnablePolicy {
    /// For those that a policy selects, in the directions it speaks of.
    Default,
    /// For all pods, in both directions.
    Always,
    /// For none: policies are read, and ignored.
    Never,
}

/// Whether a pod's own node may always reach it: the kubelet's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AllowLocalhost {
    /// Unless a rule denies it.
    Always,
    /// Only if a rule allows it.
    Policy,
}

impl Config {
    /// How policies are read and applied.
    pub fn policy(&self) -> policy::Config {
        policy::Config {
            cluster: self.cluster.clone(),
            mode: match self.enable_policy {
                EnablePolicy::Default => policy::Mode::Default,
                EnablePolicy::Always => policy::Mode::Always,
                EnablePolicy::Never => policy::Mode::Never,
            },
            allow_localhost: self.allow_localhost == AllowLocalhost::Always,
        }
    }

    /// The run directory.
    pub fn run_dir(&self) -> PathBuf {
        self.run_dir.clone().unwrap_or_else(|| {
            PathBuf::from("/run/flows")
                .join(&self.cluster)
                .join(&self.node)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_the_policy_engine() {
        let policy = |arguments: &[&str]| {
            let own = ["flows-agent", "--node", "a", "--state-dir", "m"];
            let config = Config::try_parse_from(own.iter().chain(arguments)).expect("valid");
            config.policy()
        };
        assert_eq!(policy(&[]), policy::Config::default());
        let always = policy(&["--enable-policy=always", "--allow-localhost=policy"]);
        assert_eq!(always.mode, policy::Mode::Always);
        assert!(!always.allow_localhost);
        assert_eq!(policy(&["--enable-policy=never"]).mode, policy::Mode::Never);
    }
}
