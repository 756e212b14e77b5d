//! What the relay is told: command line in, checked values out.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use clap::Parser;
use serve::{
    grpc::Limits,
    listen::{Listen, ListenError},
};

use crate::{
    peer::{Address, Backoff, BadAddress, Change},
    query::Timeouts,
};

/// Merges the flows of many nodes into one stream in order of time.
///
/// Serves Hubble's Observer API: `flows` and `hubble` talk to it as they talk to a node's agent.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "flows-relay",
    version,
    max_term_width = 100,
    after_help = "Examples:
  flows-relay --peer node-a=unix:///run/flows/demo/node-a/hubble.sock --peer node-b=10.0.0.2:4244
  flows-relay --peer-service unix:///run/flows/demo/node-a/hubble.sock --listen unix:///run/flows/demo/relay.sock"
)]
pub struct Args {
    /// A node's agent: NAME=unix:///path or NAME=host:port
    #[arg(long = "peer", value_name = "NAME=ADDRESS", help_heading = "Nodes")]
    peers: Vec<String>,
    /// File with one NAME=ADDRESS a line; # begins a comment
    #[arg(long, value_name = "FILE", help_heading = "Nodes")]
    peers_file: Option<PathBuf>,
    /// An agent's peer service, which tells the nodes and their changes
    #[arg(long, value_name = "ADDRESS", help_heading = "Nodes")]
    peer_service: Option<String>,
    /// Where to listen: unix:///path (mode 0660) or host:port; repeatable
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4245",
        help_heading = "Server"
    )]
    listen: Vec<String>,
    /// Listen in plain text on addresses that aren't loopback
    #[arg(long, help_heading = "Server")]
    insecure: bool,
    /// Where to serve Prometheus metrics (host:port); off when not given
    #[arg(long, value_name = "ADDRESS", help_heading = "Server")]
    metrics_listen: Option<String>,
    /// Run as this user and its group once all sockets are bound; if not given, root runs as nobody
    #[arg(long, value_name = "NAME", help_heading = "Server")]
    user: Option<String>,
    /// The relay's name in its own messages
    #[arg(long, default_value = "relay", help_heading = "Server")]
    name: String,
    /// While following: how long a flow is held for a node that says nothing
    #[arg(long, value_name = "MS", default_value_t = 250, help_heading = "Order")]
    max_wait: u64,
    /// In a query of the past: how long a node may say nothing before the answer goes without it
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 2000,
        help_heading = "Order"
    )]
    max_wait_history: u64,
}

/// Checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Peers known from the start.
    pub peers: Vec<Change>,
    /// Who tells of more.
    pub peer_service: Option<Address>,
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Plain text beyond loopback.
    pub insecure: bool,
    /// Where to serve metrics.
    pub metrics_listen: Option<Listen>,
    /// Whom to run as once the sockets are bound.
    pub user: Option<String>,
    /// How much it takes on.
    pub limits: Limits,
    /// The relay's own name.
    pub name: Arc<str>,
    /// How long nodes are waited for.
    pub timeouts: Timeouts,
    /// Pauses between attempts to reach a peer.
    pub backoff: Backoff,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not NAME=ADDRESS.
    #[error("peer {0:?} is not NAME=ADDRESS")]
    BadPeer(String),
    /// A peer's or peer service's address.
    #[error(transparent)]
    BadAddress(#[from] BadAddress),
    /// A listening address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The peers file.
    #[error("reading {path}: {error}")]
    PeersFile {
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// Nothing to relay.
    #[error("no nodes given: use --peer NAME=ADDRESS, --peers-file or --peer-service")]
    NoPeers,
}

impl TryFrom<Args> for Config {
    type Error = ConfigError;

    fn try_from(args: Args) -> Result<Self, ConfigError> {
        let Args {
            peers,
            peers_file,
            peer_service,
            listen,
            insecure,
            metrics_listen,
            user,
            name,
            max_wait,
            max_wait_history,
        } = args;
        let mut list = peers
            .iter()
            .map(|peer| parse_peer(peer))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(path) = peers_file {
            let text = fs::read_to_string(&path)
                .map_err(|error| ConfigError::PeersFile { path, error })?;
            let lines = text
                .lines()
                .map(|line| line.split('#').next().unwrap_or_default().trim());
            for line in lines.filter(|line| !line.is_empty()) {
                list.push(parse_peer(line)?);
            }
        }
        let peer_service = peer_service.as_deref().map(Address::parse).transpose()?;
        if list.is_empty() && peer_service.is_none() {
            return Err(ConfigError::NoPeers);
        }
        Ok(Self {
            peers: list,
            peer_service,
            listen: listen
                .iter()
                .map(|text| text.parse())
                .collect::<Result<_, _>>()?,
            insecure,
            metrics_listen: metrics_listen.as_deref().map(str::parse).transpose()?,
            user,
            limits: Limits::relay(),
            name: Arc::from(name),
            timeouts: Timeouts {
                follow: Duration::from_millis(max_wait),
                history: Duration::from_millis(max_wait_history),
            },
            backoff: Backoff::default(),
        })
    }
}

fn parse_peer(text: &str) -> Result<Change, ConfigError> {
    let (name, address) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| ConfigError::BadPeer(text.to_owned()))?;
    Address::parse(address)?;
    Ok(Change::Put {
        name: Arc::from(name),
        address: Arc::from(address),
        tls_server_name: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> Result<Config, ConfigError> {
        let args = std::iter::once("flows-relay").chain(args.iter().copied());
        Config::try_from(Args::try_parse_from(args).unwrap())
    }

    #[test]
    fn peers_come_from_flags_and_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(
            file.path(),
            "# nodes\nb=10.0.0.2:4244 # second\n\nc=/run/c.sock\n",
        )
        .unwrap();
        let path = file.path().to_str().unwrap();
        let got = config(&["--peer", "a=unix:///run/a.sock", "--peers-file", path]).unwrap();
        let names: Vec<_> = got
            .peers
            .iter()
            .map(|change| match change {
                Change::Put { name, .. } | Change::Remove(name) => name.to_string(),
            })
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(got.listen, ["127.0.0.1:4245".parse().unwrap()]);
    }

    #[test]
    fn mistakes_are_named() {
        for (args, want) in [
            (
                &[][..],
                "no nodes given: use --peer NAME=ADDRESS, --peers-file or --peer-service",
            ),
            (&["--peer", "a"], "peer \"a\" is not NAME=ADDRESS"),
            (
                &["--peer", "a=b"],
                "\"b\" is not an address: use unix:///path, host:port or an IP",
            ),
            (
                &["--peer", "=10.0.0.1"],
                "peer \"=10.0.0.1\" is not NAME=ADDRESS",
            ),
            (
                &["--peers-file", "/nonexistent"],
                "reading /nonexistent: No such file or directory (os error 2)",
            ),
            (
                &["--peer", "a=10.0.0.1", "--listen", "x"],
                "\"x\" is not an address to listen on: use unix:///path or host:port",
            ),
        ] {
            assert_eq!(config(args).unwrap_err().to_string(), want, "{args:?}");
        }
    }
}
