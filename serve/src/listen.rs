//! Where a server listens. Sockets are bound before there is a runtime, and before privileges are
//! given up.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, ToSocketAddrs as _},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    str::FromStr,
    thread,
    time::Duration,
};

/// A killed predecessor's socket answers until the last of its threads has ended: that is waited for,
/// 3 s in all.
const TRIES: u32 = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A unix socket, made with mode 0660.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Not an address.
    #[error("{0:?} is not an address to listen on: use unix:///path or host:port")]
    BadAddress(String),
    /// Whoever reaches the address would see all flows.
    #[error(
        "{0} can be reached from other machines and has no TLS; listen on a loopback address, or say --insecure"
    )]
    Exposed(SocketAddr),
    /// Somebody answers on the socket.
    #[error("{}: another process listens there; stop it, or listen elsewhere", .0.display())]
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

/// A bound listener, not blocking, not yet of a runtime.
#[derive(Debug)]
pub enum Bound {
    /// On a unix socket.
    Unix(UnixListener, SocketFile),
    /// On a TCP port.
    Tcp(TcpListener),
}

/// A bound listener of the present runtime.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(tokio::net::UnixListener, SocketFile),
    Tcp(tokio::net::TcpListener),
}

/// A unix socket's file: goes when this is dropped, unless a successor's has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    fn is_ours(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| found.ino() == self.inode)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        match fs::remove_file(&self.path) {
            // Who gave up root can't: the next one replaces it.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) =>
            {
                tracing::warn!(path = %self.path.display(), %error, "socket file not removed");
            }
            Ok(()) | Err(_) => {}
        }
    }
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
    pub(crate) fn listener(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(listener) => Listener::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Self::Unix(listener, file) => {
                Listener::Unix(tokio::net::UnixListener::from_std(listener)?, file)
            }
        })
    }
}

impl Listen {
    /// Binds. Waits up to 3 s, blocking, for another server's unix socket to be free.
    ///
    /// # Errors
    /// When the address is taken, or can be reached from elsewhere without `insecure`.
    pub fn bind(&self, insecure: bool) -> Result<Bound, ListenError> {
        self.bind_within(TRIES, insecure)
    }

    fn bind_within(&self, tries: u32, insecure: bool) -> Result<Bound, ListenError> {
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
                for tried in 1.. {
                    if UnixStream::connect(path).is_err() {
                        break;
                    }
                    if tried == tries {
                        return Err(ListenError::Taken(path.clone()));
                    }
                    thread::sleep(BETWEEN_TRIES);
                }
                let (listener, file) = bind_unix(path).map_err(failed)?;
                Ok(Bound::Unix(listener, file))
            }
        }
    }
}

/// Binds beside the path and moves the socket there once its mode is set: it is never open wider,
/// and a socket left behind by a process that died is replaced.
fn bind_unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let mut beside = path.as_os_str().to_owned();
    // Another one that starts at the same time has a name of its own.
    beside.push(format!(".{}", std::process::id()));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&beside)?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o660))?;
    let file = SocketFile {
        path: path.to_owned(),
        inode: fs::metadata(&beside)?.ino(),
    };
    fs::rename(&beside, path)?;
    Ok((listener, file))
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
        let path = directory.path().join("relay.sock");
        let socket = Listen::Unix(path.clone());
        let first = socket.bind(false).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let second = socket.bind_within(2, false);
        assert!(matches!(second, Err(ListenError::Taken(_))));
        drop(first);
        assert!(!path.exists(), "its file goes with it");
        // But not that of who came after it.
        let first = socket.bind(false).unwrap();
        fs::remove_file(&path).unwrap();
        let second = socket.bind(false).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        // What a killed one left.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        assert!(socket.bind(false).is_ok());
    }
}
