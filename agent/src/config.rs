//! What an agent is told on its command line.

use std::{net::SocketAddr, path::PathBuf};

use abi::maps;
use clap::{Args, Parser, ValueEnum};

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
    /// Directory of manifests (YAML), watched. If no object is in it at the start and the node enforced
    /// something before, the agent doesn't start until that is confirmed by a file `confirm-empty` in
    /// the run directory.
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
    /// How much fits.
    #[command(flatten)]
    pub sizes: MapSizes,
}

/// A size of a map, up to 16 Mi entries.
fn size() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1 << 24)
}

/// How many entries the kernel's maps have room for. Pinned maps of other sizes are replaced when the
/// agent starts, without a gap in enforcement.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sizes")]
pub struct MapSizes {
    /// Entries of all pods' policies: one per pair of label sets, protocol and port (or range's part)
    /// that a rule names. 16 bytes each, 100 more when in use.
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = size())]
    pub max_policy_entries: u32,
    /// IPv4 addresses of the cluster's pods and nodes. 16 bytes each, 100 more when in use.
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = size())]
    pub max_ipv4_addresses: u32,
    /// IPv6 addresses of the cluster's pods and nodes. 16 bytes each, 130 more when in use.
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = size())]
    pub max_ipv6_addresses: u32,
    /// IPv4 prefixes that policies name. 100 bytes each when in use.
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = size())]
    pub max_ipv4_prefixes: u32,
    /// IPv6 prefixes that policies name. 130 bytes each when in use.
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = size())]
    pub max_ipv6_prefixes: u32,
    /// IPv4 connections. 192 bytes each, in use or not; when full, the least recently used makes room.
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = size())]
    pub max_ipv4_connections: u32,
    /// IPv6 connections. 216 bytes each, in use or not; when full, the least recently used makes room.
    #[arg(long, value_name = "N", default_value_t = 131_072, value_parser = size())]
    pub max_ipv6_connections: u32,
    /// Datagrams in fragments at once. 110 bytes each, in use or not; when full, the least recently
    /// used makes room.
    #[arg(long, value_name = "N", default_value_t = 8_192, value_parser = size())]
    pub max_fragmented_datagrams: u32,
}

impl MapSizes {
    /// The sizes as the loader takes them.
    pub fn of_maps(&self) -> loader::Sizes {
        loader::Sizes {
            addr4: self.max_ipv4_addresses,
            addr6: self.max_ipv6_addresses,
            cidr4: self.max_ipv4_prefixes,
            cidr6: self.max_ipv6_prefixes,
            policy: self.max_policy_entries,
            ct4: self.max_ipv4_connections,
            ct6: self.max_ipv6_connections,
            frags: self.max_fragmented_datagrams,
        }
    }

    /// The flag that sets the size of a map, if one does.
    pub fn flag(map: &str) -> Option<&'static str> {
        Some(match map {
            maps::POLICY => "--max-policy-entries",
            maps::ADDR4 => "--max-ipv4-addresses",
            maps::ADDR6 => "--max-ipv6-addresses",
            maps::CIDR4 => "--max-ipv4-prefixes",
            maps::CIDR6 => "--max-ipv6-prefixes",
            maps::CT4 => "--max-ipv4-connections",
            maps::CT6 => "--max-ipv6-connections",
            maps::FRAGS => "--max-fragmented-datagrams",
            _ => return None,
        })
    }
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

    fn config(arguments: &[&str]) -> Config {
        let own = ["flows-agent", "--node", "a", "--state-dir", "m"];
        Config::try_parse_from(own.iter().chain(arguments)).expect("valid")
    }

    #[test]
    fn each_size_has_a_flag_and_the_usual_value() {
        assert_eq!(config(&[]).sizes.of_maps(), loader::Sizes::default());
        for map in maps::ALL {
            let Some(flag) = MapSizes::flag(map) else {
                continue;
            };
            let sizes = config(&[&format!("{flag}=77")]).sizes.of_maps();
            let changed = sizes.by_name().into_iter().filter(|(_, size)| *size == 77);
            assert_eq!(changed.map(|(map, _)| map).collect::<Vec<_>>(), [map]);
        }
    }

    #[test]
    fn modes_are_those_of_the_policy_engine() {
        let policy = |arguments: &[&str]| config(arguments).policy();
        assert_eq!(policy(&[]), policy::Config::default());
        let always = policy(&["--enable-policy=always", "--allow-localhost=policy"]);
        assert_eq!(always.mode, policy::Mode::Always);
        assert!(!always.allow_localhost);
        assert_eq!(policy(&["--enable-policy=never"]).mode, policy::Mode::Never);
    }
}
