//! What goes wrong on the way to a server.

/// Why there is no connection. The text is a line for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// What was given is no address.
    #[error("{0}")]
    Address(String),
    /// Nobody answers at the server's address.
    #[error("cannot reach {address}: {why}")]
    Unreachable {
        /// The server.
        address: String,
        /// The transport's words.
        why: String,
    },
    /// There is no server to be found.
    #[error(
        "no relay on localhost:4245 and no lab or agent under /run/flows: name a server with --server \
         HOST:PORT or FLOWS_SERVER, or forward its port: kubectl port-forward service/NAME 4245:80; \
         `flows-lab up` starts a cluster on this machine"
    )]
    NoServer,
    /// There is more than one server and nothing to choose by.
    #[error(
        "no relay on localhost:4245, and several {what} here: choose with --lab NAME or --server ({servers})"
    )]
    ManyServers {
        /// Relays or agents.
        what: &'static str,
        /// Their addresses.
        servers: String,
    },
}
