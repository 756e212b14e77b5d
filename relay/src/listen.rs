//! Where the relay listens.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use proto::serve::Socket;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A unix socket, made with mode 0660.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// Why the relay cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Not an address.
    #[error("{0:?} is not an address to listen on: use unix:///path or host:port")]
    BadAddress(String),
    /// Reachable from elsewhere, in plain text.
    #[error(
        "{0} is not a loopback address: the relay speaks no TLS yet, --insecure allows it all the same"
    )]
    Exposed(SocketAddr),
    /// Somebody answers on the socket.
    #[error("{0}: another process listens there")]
    Taken(PathBuf),
    /// The system's answer.
    #[error("listening on {address}: {error}")]
    Io {
        /// Where.
        address: String,
        /// What it said.
        #[source]
        error: io::Error,
    },
}

/// A bound listener, not blocking, not yet of a runtime: it is bound before there is one.
#[derive(Debug)]
pub enum Bound {
    /// On a unix socket.
    Unix(UnixListener),
    /// On a TCP port.
    Tcp(TcpListener),
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Some(path) = text
            .strip_prefix("unix://")
            .or(text.starts_with('/').then_some(text))
        {
            if path.starts_with('/') {
                return Ok(Self::Unix(PathBuf::from(path)));
            }
        } else if let Some(address) = text.to_socket_addrs().ok().and_then(|mut all| all.next()) {
            return Ok(Self::Tcp(address));
        }
        Err(ListenError::BadAddress(text.to_owned()))
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

impl Bound {
    /// The socket in the present runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub fn socket(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(listener) => Socket::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Self::Unix(listener) => Socket::Unix(tokio::net::UnixListener::from_std(listener)?),
        })
    }
}

impl Listen {
    /// Binds.
    ///
    /// # Errors
    /// When the address is taken, or exposed without `insecure`.
    pub fn bind(&self, insecure: bool) -> Result<Bound, ListenError> {
        let failed = |error| ListenError::Io {
            address: self.to_string(),
            error,
        };
        match self {
            Self::Tcp(address) if !address.ip().is_loopback() && !insecure => {
                Err(ListenError::Exposed(*address))
            }
            Self::Tcp(address) => {
                let listener = TcpListener::bind(address).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                Ok(Bound::Tcp(listener))
            }
            Self::Unix(path) => {
                if UnixStream::connect(path).is_ok() {
                    return Err(ListenError::Taken(path.clone()));
                }
                bind_unix(path).map(Bound::Unix).map_err(failed)
            }
        }
    }
}

/// Binds beside the path and moves the socket there once its mode is set: it is never open wider,
/// and a socket left behind by a process that died is replaced.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let listener = UnixListener::bind(&beside)?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o660))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(
            "unix:///a".parse::<Listen>().unwrap(),
            Listen::Unix("/a".into())
        );
        assert_eq!("/a".parse::<Listen>().unwrap(), Listen::Unix("/a".into()));
        assert_eq!(
            "127.0.0.1:1".parse::<Listen>().unwrap().to_string(),
            "127.0.0.1:1"
        );
        for bad in ["", "unix://a", "4245", "127.0.0.1"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }

    #[test]
    fn exposed_needs_insecure_and_sockets_are_not_stolen() {
        let open: Listen = "0.0.0.0:0".parse().unwrap();
        assert!(matches!(open.bind(false), Err(ListenError::Exposed(_))));
        assert!(open.bind(true).is_ok());

        let directory = tempfile::tempdir().unwrap();
        let socket = Listen::Unix(directory.path().join("relay.sock"));
        let first = socket.bind(false).unwrap();
        let mode = fs::metadata(directory.path().join("relay.sock"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(matches!(socket.bind(false), Err(ListenError::Taken(_))));
        drop(first);
        assert!(socket.bind(false).is_ok());
    }
}
