//! Which server, and how to connect to it.

use std::{
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use tonic::transport::{Channel, Endpoint};

use crate::error::ConnectError;

/// Where a relay listens unless told otherwise.
const RELAY: &str = "localhost:4245";
/// Where agents and labs keep their sockets.
const RUN: &str = "/run/flows";

/// A server that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As people write it.
    pub address: String,
    uri: String,
}

/// How a server was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRef<'a> {
    /// By its address.
    Server(&'a str),
    /// By the name of the lab whose relay it is.
    Lab(&'a str),
    /// Not at all.
    Nothing,
}

impl Target {
    /// The server that is named, the relay of a lab, or the only server there is on this machine.
    ///
    /// # Errors
    /// Names that can't be read; no server to be found, or several.
    pub fn find(named: ServerRef<'_>) -> Result<Self, ConnectError> {
        match named {
            ServerRef::Server(server) => Self::parse(server),
            ServerRef::Lab(lab) if lab.is_empty() || lab.contains('/') => Err(
                ConnectError::Address(format!("{lab:?} is not the name of a lab")),
            ),
            ServerRef::Lab(lab) => Self::parse(&format!("unix://{RUN}/{lab}/relay.sock")),
            ServerRef::Nothing => Self::only_one(Path::new(RUN)),
        }
    }

    /// Reads `unix:///path`, `/path`, `host:port`, `dns:host:port`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        let bad = || {
            ConnectError::Address(format!(
                "{text:?} is not a server: use host:port or unix:///path"
            ))
        };
        if text.starts_with("tls://") {
            return Err(no_tls());
        }
        let uri = match text
            .strip_prefix("unix:")
            .or(text.starts_with('/').then_some(text))
        {
            Some(path) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() {
                    return Err(bad());
                }
                let path = std::path::absolute(path)
                    .map_err(|error| ConnectError::Address(format!("{text:?}: {error}")))?;
                format!("unix://{}", path.display())
            }
            None => {
                let host = text
                    .strip_prefix("dns:")
                    .unwrap_or(text)
                    .trim_start_matches('/');
                let (name, port) = host.rsplit_once(':').ok_or_else(bad)?;
                if name.is_empty() || port.parse::<u16>().is_err() {
                    return Err(bad());
                }
                format!("http://{host}")
            }
        };
        Ok(Self {
            address: text.to_owned(),
            uri,
        })
    }

    /// The relay of this machine, else the only lab's relay, else the only agent.
    fn only_one(run: &Path) -> Result<Self, ConnectError> {
        let loopback = [
            SocketAddr::from(([127, 0, 0, 1], 4245)),
            SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 4245)),
        ];
        let answers = |address: &SocketAddr| {
            TcpStream::connect_timeout(address, Duration::from_millis(500)).is_ok()
        };
        if loopback.iter().any(answers) {
            return Self::parse(RELAY);
        }
        // A lab's relay speaks for all its nodes; an agent for its own.
        for (what, found) in [("relays", relays(run)), ("agents", agents(run))] {
            match &found[..] {
                [] => {}
                [only] => return Self::parse(only),
                many => {
                    return Err(ConnectError::ManyServers {
                        what,
                        servers: many.join(", "),
                    });
                }
            }
        }
        Err(ConnectError::NoServer)
    }

    /// The server on a socket.
    #[must_use]
    pub fn unix(socket: &Path) -> Self {
        let address = format!("unix://{}", socket.display());
        Self {
            uri: address.clone(),
            address,
        }
    }

    /// Connects, within a time.
    pub(crate) async fn connect(&self, within: Duration) -> Result<Channel, ConnectError> {
        let endpoint = self.endpoint()?.connect_timeout(within);
        endpoint
            .connect()
            .await
            .map_err(|error| self.failed(&error))
    }

    /// A channel that connects when it is used, again and again.
    pub(crate) fn lazy(&self, within: Duration) -> Result<Channel, ConnectError> {
        let endpoint = self.endpoint()?.connect_timeout(within);
        Ok(endpoint.connect_lazy())
    }

    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let endpoint = Endpoint::from_shared(self.uri.clone());
        let endpoint = endpoint.map_err(|error| self.failed(&error))?;
        Ok(proto::tcp::outgoing(endpoint))
    }

    fn failed(&self, error: &dyn std::error::Error) -> ConnectError {
        ConnectError::Unreachable {
            address: self.address.clone(),
            why: root(error),
        }
    }
}

/// The names of the labs that are up on this machine, sorted.
#[must_use]
pub fn labs() -> Vec<String> {
    let labs = list(Path::new(RUN)).into_iter();
    let up = labs.filter(|lab| lab.join("relay.sock").exists());
    let names = up.filter_map(|lab| lab.file_name()?.to_str().map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Labs' relays on which somebody answers.
fn relays(run: &Path) -> Vec<String> {
    answering(list(run).iter().map(|lab| lab.join("relay.sock")))
}

/// Agents on which somebody answers.
fn agents(run: &Path) -> Vec<String> {
    let nodes = list(run).into_iter().flat_map(|cluster| list(&cluster));
    answering(nodes.map(|node| node.join("hubble.sock")))
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn answering(sockets: impl Iterator<Item = PathBuf>) -> Vec<String> {
    let sockets = sockets.filter(|socket| UnixStream::connect(socket).is_ok());
    let mut addresses: Vec<_> = sockets
        .map(|socket| format!("unix://{}", socket.display()))
        .collect();
    addresses.sort();
    addresses
}

/// What is said to those who ask for TLS.
#[must_use]
pub fn no_tls() -> ConnectError {
    ConnectError::Address(
        "TLS is not supported yet: use a unix socket, a loopback address or a tunnel".to_owned(),
    )
}

/// The innermost cause: what a transport error wraps says what happened.
fn root(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (text, uri) in [
            ("localhost:4245", Some("http://localhost:4245")),
            (
                "dns:///relay.example.com:80",
                Some("http://relay.example.com:80"),
            ),
            ("[::1]:4245", Some("http://[::1]:4245")),
            ("unix:///run/a.sock", Some("unix:///run/a.sock")),
            ("/run/a.sock", Some("unix:///run/a.sock")),
            ("unix:", None),
            ("localhost", None),
            ("localhost:x", None),
            ("tls://localhost:1", None),
        ] {
            assert_eq!(
                Target::parse(text).ok().map(|target| target.uri).as_deref(),
                uri,
                "{text}"
            );
        }
    }

    #[test]
    fn the_only_server_that_answers_is_found() {
        let run = tempfile::tempdir().unwrap();
        let socket = |path: &str| {
            let path = run.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::net::UnixListener::bind(path).unwrap()
        };
        let uri = |path: &str| vec![format!("unix://{}/{path}", run.path().display())];
        assert_eq!((relays(run.path()).len(), agents(run.path()).len()), (0, 0));
        let _a = socket("lab/a/hubble.sock");
        drop(socket("lab/stale/hubble.sock"));
        assert_eq!(agents(run.path()), uri("lab/a/hubble.sock"));
        let _b = socket("lab/b/hubble.sock");
        assert_eq!(agents(run.path()).len(), 2);
        let _relay = socket("lab/relay.sock");
        assert_eq!(relays(run.path()), uri("lab/relay.sock"));
    }
}
