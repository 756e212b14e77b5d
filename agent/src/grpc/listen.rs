//! Sockets: a unix one for this machine, TCP if asked for.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use proto::serve::{Places, Socket};
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

/// A killed predecessor's socket answers until the last of its threads has ended: that is waited for,
/// 3 s in all.
const TRIES: u32 = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// A bound socket. A unix socket's file goes when this is dropped.
#[derive(Debug)]
pub enum Listener {
    /// By path.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Its file.
        file: SocketFile,
    },
    /// By address.
    Tcp(TcpListener),
}

/// A socket cannot be bound.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Somebody answers there.
    #[error("{}: another agent listens on this socket; stop it, or give this one a --run-dir of its own", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Unix {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The address is taken, or not ours.
    #[error("{address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Whoever reaches the address would see all flows.
    #[error(
        "{address} can be reached from other machines and has no TLS; listen on a loopback address, or say --insecure"
    )]
    Insecure {
        /// The address.
        address: SocketAddr,
    },
}

/// Removes a socket's file when it goes.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "socket file not removed");
        }
    }
}

impl Listener {
    /// Binds a unix socket with mode 0660. A file left by a dead agent is replaced.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub async fn unix(path: &Path) -> Result<Self, ListenError> {
        let wrap = |source| ListenError::Unix {
            path: path.to_owned(),
            source,
        };
        let mut tries = 1;
        while UnixStream::connect(path).await.is_ok() {
            if tries == TRIES {
                return Err(ListenError::InUse {
                    path: path.to_owned(),
                });
            }
            tries += 1;
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        // Bound under another name first: nobody can connect before the mode is right.
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrap(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&new).map_err(wrap)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o660)).map_err(wrap)?;
        fs::rename(&new, path).map_err(wrap)?;
        Ok(Self::Unix {
            listener,
            file: SocketFile(path.to_owned()),
        })
    }

    /// Binds a TCP address. One that is not loopback needs `insecure`.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub async fn tcp(address: SocketAddr, insecure: bool) -> Result<Self, ListenError> {
        if !address.ip().is_loopback() && !insecure {
            return Err(ListenError::Insecure { address });
        }
        TcpListener::bind(address)
            .await
            .map(Self::Tcp)
            .map_err(|source| ListenError::Tcp { address, source })
    }

    /// The address of a TCP socket.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Unix { .. } => None,
            Self::Tcp(listener) => listener.local_addr().ok(),
        }
    }

    pub(super) async fn serve(
        self,
        places: Places,
        routes: Routes,
        stop: CancellationToken,
    ) -> Result<(), tonic::transport::Error> {
        let (socket, file) = match self {
            Self::Unix { listener, file } => (Socket::Unix(listener), Some(file)),
            Self::Tcp(listener) => (Socket::Tcp(listener), None),
        };
        let served = places.serve(socket, routes, stop.cancelled_owned()).await;
        drop(file);
        served
    }
}
