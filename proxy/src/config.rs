//! What the proxy is told on its command line.

use std::path::PathBuf;

use clap::Parser;

use crate::limits::RejectResponseCode;

/// Carries connections whose policy has rules of layer 7, and judges their requests.
#[derive(Clone, Debug, Parser)]
#[command(name = "flows-proxy", version)]
pub struct Config {
    /// Where the socket and the proxy's own state stand: the run directory of the node's agent.
    #[arg(long, value_name = "DIR")]
    pub run_dir: PathBuf,
    /// Where the agent's maps are pinned. [default: bpf in the run directory]
    #[arg(long, value_name = "DIR")]
    pub bpffs: Option<PathBuf>,
    /// Enter this network namespace first.
    #[arg(long, value_name = "PATH")]
    pub netns: Option<PathBuf>,
    /// Hold the ports, and have another process serve them, which is started again when it ends.
    #[arg(
        long,
        long_help = "Hold the ports, and have another process of this program serve them, which is started again when \
                     it ends: within a fraction of a second, in which queries and connections wait. One that ends nine \
                     times in a row within seconds is given up, and the ports are closed. SIGHUP replaces it, by a \
                     newer program if there is one at the same place.\n\nsystemd can do the same: sockets that it \
                     hands over (LISTEN_FDS) are served as they are."
    )]
    pub supervise: bool,
    /// Port to which the datapath assigns connections; 0 = any that is free.
    #[arg(long, value_name = "PORT", default_value_t = abi::proxy::TCP_PORT)]
    pub tcp_port: u16,
    /// Port to which the datapath assigns DNS, by TCP and UDP; 0 = any that is free.
    #[arg(long, value_name = "PORT", default_value_t = abi::proxy::DNS_PORT)]
    pub dns_port: u16,
    /// Seconds until a connection on which nothing passes is reset.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..))]
    pub idle_timeout: u64,
    /// Connections at a time; more are reset.
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    pub max_connections: usize,
    /// MiB that are held of what readers don't take, a quarter of it for one client at most; then they aren't read.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u16).range(8..))]
    pub max_held: u16,
    /// Records that wait for the agent; those for which there is no room are counted.
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    pub max_records: usize,
    /// What DNS queries that no rule allows are answered with.
    #[arg(
        long,
        value_name = "CODE",
        default_value = "refused",
        long_help = "What DNS queries that no rule allows are answered with: REFUSED, or NXDOMAIN (nameError). Programs \
                     of musl's C library (Alpine) take REFUSED for no answer and wait until their resolver's time is up, 5 s."
    )]
    pub dns_reject_response_code: RejectResponseCode,
}

impl Config {
    /// The directory of the agent's pins.
    pub fn bpffs(&self) -> PathBuf {
        self.bpffs
            .clone()
            .unwrap_or_else(|| self.run_dir.join("bpf"))
    }
}
