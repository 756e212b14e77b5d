//! What an agent is told on its command line.

use std::{net::SocketAddr, path::PathBuf};

use abi::maps::{self, Declaration};
use abi::proxy;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Parser, ValueEnum};

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
    /// Where socket, pins and the agent's own state stand. [default: /run/flows/CLUSTER/NODE]
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
    /// Whether policies may have rules of layer 7 and for names, which flows-proxy judges: it runs on the same
    /// node with the same run directory. What they allow is dropped as long as it doesn't. With `off` such policies
    /// are refused.
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub l7_proxy: L7Proxy,
    /// Port at which flows-proxy takes connections.
    #[arg(long, value_name = "PORT", default_value_t = proxy::TCP_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub proxy_tcp_port: u16,
    /// Port at which it takes DNS.
    #[arg(long, value_name = "PORT", default_value_t = proxy::DNS_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub proxy_dns_port: u16,
    /// The eBPF object, instead of the built-in one.
    #[arg(long, value_name = "FILE", env = "FLOWS_BPF_OBJECT")]
    pub object: Option<PathBuf>,
    /// Flows that are kept in memory, at least (about 100 bytes per packet event of one to three).
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub history_flows: u64,
    /// Room for the changes of the cluster's state that are kept, in bytes of their file, which itself may
    /// have twice that; the oldest ones make room.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub changes_bytes: usize,
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

/// How many entries the kernel's maps have room for: a flag for each size that [`maps`] lets one set.
/// Pinned maps of other sizes are replaced when the agent starts, without a gap in enforcement.
#[derive(Clone, Debug, Default)]
pub struct MapSizes(loader::Sizes);

impl MapSizes {
    /// The sizes as the loader takes them.
    pub fn of_maps(&self) -> loader::Sizes {
        self.0.clone()
    }
}

/// The flags, each with the map that it is about; places go with their connections.
fn size_flags() -> impl Iterator<Item = (maps::Flag, &'static Declaration)> {
    let maps = maps::ALL.iter();
    let maps = maps.filter(|map| !matches!(map.size, maps::Size::Places(_)));
    maps.filter_map(|map| Some((map.flag()?, map)))
}

impl Args for MapSizes {
    fn augment_args(command: Command) -> Command {
        let flags = size_flags().map(|(flag, map)| {
            Arg::new(flag.name)
                .long(flag.name)
                .value_name("N")
                .default_value(flag.default.to_string())
                .value_parser(size())
                .help(map.about.trim_end_matches('.'))
        });
        command.next_help_heading("Sizes").args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for MapSizes {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut sizes = Self::default();
        sizes.update_from_arg_matches(matches)?;
        Ok(sizes)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (flag, _) in size_flags() {
            if let Some(entries) = matches.get_one(flag.name) {
                self.0.set(flag, *entries);
            }
        }
        Ok(())
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

/// Whether there is a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum L7Proxy {
    /// Policies with such rules are taken.
    On,
    /// They are refused.
    Off,
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
            layer7: (self.l7_proxy == L7Proxy::On).then_some(policy::ProxyPorts {
                tcp: self.proxy_tcp_port,
                dns: self.proxy_dns_port,
            }),
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
    use clap::CommandFactory as _;

    use super::*;

    fn config(arguments: &[&str]) -> Config {
        let own = ["flows-agent", "--node", "a", "--state-dir", "m"];
        Config::try_parse_from(own.iter().chain(arguments)).expect("valid")
    }

    #[test]
    fn each_size_has_a_flag_and_the_usual_value() {
        let usual = loader::Sizes::default();
        assert_eq!(config(&[]).sizes.of_maps(), usual);
        for map in maps::ALL {
            let Some(flag) = map.flag() else {
                continue;
            };
            let sizes = config(&[&format!("{flag}=77")]).sizes.of_maps();
            assert_eq!(sizes, usual.clone().with(map, 77), "{}", map.name);
        }
        let too_large = ["flows-agent", "--max-policy-entries=16777217"];
        let error = Config::try_parse_from(too_large).expect_err("more than 16 Mi");
        assert!(
            error.to_string().contains("--max-policy-entries"),
            "{error}"
        );
    }

    #[test]
    fn the_help_tells_of_each_size() {
        let help = Config::command().render_long_help().to_string();
        let sizes = help.split("Sizes:").nth(1).expect("a heading");
        for (flag, map) in size_flags() {
            assert!(sizes.contains(&format!("{flag} <N>")), "{sizes}");
            assert!(sizes.contains(&format!("[default: {}]", flag.default)));
            let first = map.about.split([',', '.', ':']).next().unwrap_or_default();
            assert!(sizes.contains(first), "{first}: {sizes}");
        }
        assert!(!sizes.contains("--node"), "the other flags stand before");
    }

    #[test]
    fn modes_are_those_of_the_policy_engine() {
        let policy = |arguments: &[&str]| config(arguments).policy();
        assert_eq!(policy(&["--l7-proxy=off"]), policy::Config::default());
        let ports = policy::ProxyPorts {
            tcp: proxy::TCP_PORT,
            dns: proxy::DNS_PORT,
        };
        assert_eq!(policy(&[]).layer7, Some(ports));
        let always = policy(&["--enable-policy=always", "--allow-localhost=policy"]);
        assert_eq!(always.mode, policy::Mode::Always);
        assert!(!always.allow_localhost);
        assert_eq!(policy(&["--enable-policy=never"]).mode, policy::Mode::Never);
    }
}
