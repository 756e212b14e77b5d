//! What the program is told, and what follows from it.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

use axum::http::HeaderName;
use client::{ConnectError, ServerRef, Source, Target};
use flow::print::shell_word;
use serve::listen::{Listen, ListenError};

/// Shortest token that is accepted, in characters.
const LEAST_TOKEN: usize = 16;

/// Shows the flows of a cluster in a browser: a map of who talks to whom, every flow with its verdict,
/// and why it was denied.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "flows-ui", version)]
pub struct Args {
    /// Show the flows saved in this file (lines of JSON, as `flows observe -o json` writes them)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "lab"])]
    pub input_file: Option<PathBuf>,
    /// Relay or agent to ask: HOST:PORT or unix:///PATH [default: the only one on this machine] [env:
    /// FLOWS_SERVER, HUBBLE_SERVER]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "lab")]
    pub server: Option<String>,
    /// Ask the relay of this lab [env: FLOWS_LAB]
    #[arg(long, value_name = "NAME")]
    pub lab: Option<String>,
    /// How many flows to keep in memory
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, env = "FLOWS_UI_CAPACITY", value_parser = clap::value_parser!(u32).range(1000..=50_000_000))]
    pub capacity: u32,
    /// How many flows of the servers' history to fetch at the start; older ones are fetched on
    /// request, as far as there is room
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 100_000,
        env = "FLOWS_UI_HISTORY"
    )]
    pub history: u32,
    /// Where to listen
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:12000",
        env = "FLOWS_UI_LISTEN"
    )]
    pub listen: String,
    /// Where to serve Prometheus metrics (host:port); off when not given
    #[arg(long, value_name = "ADDRESS", env = "FLOWS_UI_METRICS_LISTEN")]
    pub metrics_listen: Option<String>,
    /// Run as this user and its group once all sockets are bound; if not given, root runs as
    /// nobody, except with --input-file
    #[arg(long, value_name = "NAME", env = "FLOWS_UI_USER")]
    pub user: Option<String>,
    /// Path below which a reverse proxy serves the page, such as /flows
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/",
        env = "FLOWS_UI_BASE_PATH"
    )]
    pub base_path: String,
    /// Require the token in this file as `Authorization: Bearer TOKEN`; the page asks for it
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWS_UI_TOKEN_FILE",
        conflicts_with = "trust_proxy_header"
    )]
    pub token_file: Option<PathBuf>,
    /// Require this header, which a proxy in front sets to the authenticated user
    #[arg(long, value_name = "NAME", env = "FLOWS_UI_TRUST_PROXY_HEADER")]
    pub trust_proxy_header: Option<String>,
    /// Let anyone who can reach the address of --listen see all flows, and that of --metrics-listen the metrics
    #[arg(long, env = "FLOWS_UI_INSECURE")]
    pub insecure: bool,
    /// Refuse to acknowledge incidents, the only thing that the page can write (to the servers: it changes
    /// nothing of what is enforced)
    #[arg(long, env = "FLOWS_UI_READ_ONLY")]
    pub read_only: bool,
    /// Also accept this host name (of a proxy in front that passes its own)
    #[arg(
        long = "allow-host",
        value_name = "NAME",
        env = "FLOWS_UI_ALLOW_HOST",
        value_delimiter = ','
    )]
    pub allow_hosts: Vec<String>,
}

impl Args {
    /// With the server that the environment names where no flag names a source, as `flows` has it.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        if self.input_file.is_none() && self.server.is_none() && self.lab.is_none() {
            let value = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
            self.server = value("FLOWS_SERVER").or_else(|| value("HUBBLE_SERVER"));
            self.lab = value("FLOWS_LAB");
        }
        self
    }
}

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Programs of this machine: requests must name it, so that no page of another origin gets
    /// through by a name that leads here.
    Local {
        /// Further names under which requests may come, in lower case.
        names: Vec<String>,
    },
    /// Whoever has the token.
    Token(String),
    /// Whom a proxy says it has authenticated, by this header.
    Proxy(HeaderName),
    /// Anybody.
    Anybody,
}

/// Whether incidents can be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledging {
    /// Whoever may ask may acknowledge.
    Allowed,
    /// `--read-only` says no.
    ReadOnly,
    /// Nobody is asked who they are, and anybody reaches the address.
    Anonymous,
}

/// What the server does; complete and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it serves metrics.
    pub metrics_listen: Option<Listen>,
    /// Whether metrics can be served on addresses that others reach.
    pub insecure: bool,
    /// Whom to run as once it listens.
    pub user: Option<String>,
    /// Below which path: starts and ends with `/`.
    pub base_path: String,
    /// Who may ask.
    pub access: Access,
    /// Whether incidents can be acknowledged.
    pub acknowledging: Acknowledging,
    /// Where flows come from.
    pub source: Source,
    /// The flags by which `flows` asks the same server; empty of a file.
    pub flags: String,
    /// How many are held.
    pub capacity: usize,
    /// How many of the servers' history are fetched at the start.
    pub history: usize,
}

/// What is wrong with what the program was told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no server to ask.
    #[error(transparent)]
    Server(#[from] ConnectError),
    /// Not an address.
    #[error("--listen {0:?} is not an address to listen on: use HOST:PORT")]
    Listen(String),
    /// Not an address for metrics.
    #[error("--metrics-listen: {0}")]
    MetricsListen(#[source] ListenError),
    /// Reachable from elsewhere by anybody.
    #[error(
        "{0} is not a loopback address: restrict access by --token-file or --trust-proxy-header, or allow everyone by --insecure"
    )]
    Exposed(SocketAddr),
    /// Not a path.
    #[error(
        "--base-path {0:?} is not a path: use letters, digits, `-`, `_`, `.` and `/`, such as /flows"
    )]
    BasePath(String),
    /// Not a header.
    #[error("--trust-proxy-header {0:?} is not the name of a header")]
    Header(String),
    /// The token is not to be had.
    #[error("--token-file {}: {error}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What reading it gave.
        #[source]
        error: io::Error,
    },
    /// The token can be guessed, or not be sent.
    #[error(
        "--token-file {}: the token needs at least {LEAST_TOKEN} printable characters without spaces",
        .0.display()
    )]
    Token(PathBuf),
}

impl TryFrom<Args> for Config {
    type Error = ConfigError;

    fn try_from(args: Args) -> Result<Self, ConfigError> {
        let Args {
            listen,
            metrics_listen,
            user,
            base_path,
            token_file,
            trust_proxy_header,
            insecure,
            read_only,
            allow_hosts,
            input_file,
            server,
            lab,
            capacity,
            history,
        } = args;
        let address = listen.to_socket_addrs().ok();
        let listen = address
            .and_then(|mut all| all.next())
            .ok_or(ConfigError::Listen(listen))?;
        let access = match (token_file, trust_proxy_header) {
            (Some(path), _) => Access::Token(token(&path)?),
            (None, Some(name)) => Access::Proxy(match name.parse() {
                Ok(name) => name,
                Err(_) => return Err(ConfigError::Header(name)),
            }),
            // On a loopback address it is about the metrics: a web page that a user of this machine looks at is
            // still kept from the flows.
            (None, None) if !loopback(listen.ip()) => match insecure {
                true => Access::Anybody,
                false => return Err(ConfigError::Exposed(listen)),
            },
            (None, None) => Access::Local {
                names: allow_hosts.iter().map(|name| name.to_lowercase()).collect(),
            },
        };
        let acknowledging = match &access {
            _ if read_only => Acknowledging::ReadOnly,
            Access::Anybody => Acknowledging::Anonymous,
            Access::Local { .. } | Access::Token(_) | Access::Proxy(_) => Acknowledging::Allowed,
        };
        let base_path = path(base_path)?;
        let metrics_listen = metrics_listen.as_deref().map(str::parse).transpose();
        let source = match (input_file, &server, &lab) {
            (Some(file), ..) => Source::File(file),
            (None, Some(server), _) => Source::Server(Target::parse(server)?),
            (None, None, Some(lab)) => Source::Server(Target::find(ServerRef::Lab(lab))?),
            (None, None, None) => Source::Server(Target::find(ServerRef::Nothing)?),
        };
        let flags = match (&source, server, &lab) {
            (Source::File(_), ..) => String::new(),
            (Source::Server(_), None, Some(lab)) => format!("--lab {}", shell_word(lab)),
            // One that was found may not stay the only one.
            (Source::Server(target), ..) => format!("--server {}", shell_word(&target.address)),
        };
        Ok(Self {
            listen,
            metrics_listen: metrics_listen.map_err(ConfigError::MetricsListen)?,
            insecure,
            user,
            base_path,
            access,
            acknowledging,
            source,
            flags,
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
            history: usize::try_from(history.min(capacity)).unwrap_or(usize::MAX),
        })
    }
}

fn loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn token(path: &Path) -> Result<String, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::TokenFile {
        path: path.to_owned(),
        error,
    })?;
    let token = text.trim();
    if token.len() < LEAST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::Token(path.to_owned()));
    }
    Ok(token.to_owned())
}

/// With a slash at both ends. Nothing that would mean something in HTML or in a header can be in it.
fn path(text: String) -> Result<String, ConfigError> {
    let good = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let inner = text.trim_matches('/');
    if inner.is_empty() {
        return Ok("/".to_owned());
    }
    if !inner.split('/').all(good) {
        return Err(ConfigError::BasePath(text));
    }
    Ok(format!("/{inner}/"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
        Args::try_parse_from([&["flows-ui", "--server", "localhost:4245"], arguments].concat())
            .unwrap()
            .try_into()
    }

    #[test]
    fn who_may_ask() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let good = file("good", "0123456789abcdef\n");
        let short = file("short", "secret");
        let spaced = file("spaced", "0123456789 abcdef");

        let access = |arguments: &[&str]| config(arguments).map(|config| config.access);
        assert_eq!(access(&[]).unwrap(), Access::Local { names: vec![] });
        assert_eq!(
            access(&["--allow-host", "Flows.example.com"]).unwrap(),
            Access::Local {
                names: vec!["flows.example.com".to_owned()]
            }
        );
        let open = "0.0.0.0:0";
        assert!(matches!(
            access(&["--listen", open]),
            Err(ConfigError::Exposed(_))
        ));
        assert_eq!(
            access(&["--listen", open, "--insecure"]).unwrap(),
            Access::Anybody
        );
        // For metrics that others reach.
        assert_eq!(
            access(&["--insecure"]).unwrap(),
            Access::Local { names: Vec::new() }
        );
        assert_eq!(
            access(&["--listen", open, "--token-file", &good]).unwrap(),
            Access::Token("0123456789abcdef".to_owned())
        );
        assert_eq!(
            access(&["--listen", open, "--trust-proxy-header", "X-User"]).unwrap(),
            Access::Proxy(HeaderName::from_static("x-user"))
        );
        for bad in [
            &["--token-file", &short][..],
            &["--token-file", &spaced],
            &["--token-file", "/nonexistent"],
            &["--trust-proxy-header", "no header"],
            &["--listen", "12000"],
        ] {
            assert!(config(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn who_may_acknowledge() {
        for (arguments, wanted) in [
            (&[][..], Acknowledging::Allowed),
            (&["--read-only"], Acknowledging::ReadOnly),
            (
                &["--trust-proxy-header", "x-user", "--listen", "0.0.0.0:0"],
                Acknowledging::Allowed,
            ),
            (
                &["--listen", "0.0.0.0:0", "--insecure"],
                Acknowledging::Anonymous,
            ),
        ] {
            let config = config(arguments).unwrap();
            assert_eq!(config.acknowledging, wanted, "{arguments:?}");
        }
    }

    #[test]
    fn flags_name_the_same_server() {
        let flags = |arguments: &[&str]| {
            let args = Args::try_parse_from([&["flows-ui"], arguments].concat()).unwrap();
            Config::try_from(args).unwrap().flags
        };
        for (arguments, wanted) in [
            (["--lab", "demo"], "--lab demo"),
            (["--lab", "it's; ls"], r"--lab 'it'\''s; ls'"),
            (
                ["--server", "relay.example:4245"],
                "--server relay.example:4245",
            ),
            (
                ["--server", "unix:///run/a b.sock"],
                "--server 'unix:///run/a b.sock'",
            ),
            (["--input-file", "drops.json"], ""),
        ] {
            assert_eq!(flags(&arguments), wanted, "{arguments:?}");
        }
    }

    #[test]
    fn base_paths() {
        for (text, wanted) in [
            ("/", Some("/")),
            ("", Some("/")),
            ("flows", Some("/flows/")),
            ("/a/b-c/", Some("/a/b-c/")),
            ("/a//b", None),
            ("/../x", None),
            ("/a\"><script>", None),
        ] {
            assert_eq!(path(text.to_owned()).ok().as_deref(), wanted, "{text}");
        }
    }
}
