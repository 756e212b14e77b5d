//! Servers and clients of layer 7 for a lab's pods: a resolver, HTTP over TLS, a broker of Kafka, and a client
//! that asks any of them. Small, but real: what they say is written and read by their protocols' libraries, and
//! other programs get along with them.
//!
//! They serve one connection with one thread each, which the kernel's limits bound: they are for a lab.

pub mod dns;
pub mod http;
pub mod https;
pub mod kafka;
pub mod request;

use std::io;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Why a server doesn't serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port can't be had.
    #[error("cannot listen on port {port}: {error}")]
    Listen {
        /// The port.
        port: u16,
        /// The system's reason.
        error: io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
}

/// How long a server waits for the next bytes of a connection.
const IDLE: Duration = Duration::from_secs(300);

/// Listens on every address, IPv4 and IPv6.
///
/// # Errors
/// [`Error::Listen`].
pub fn listen(port: u16) -> Result<TcpListener, Error> {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port));
    let listener = listener.map_err(|error| Error::Listen { port, error })?;
    tracing::info!(port, "listening");
    Ok(listener)
}

/// Talks with whoever connects, each on a thread, until the process is stopped.
fn serve(listener: &TcpListener, talk: impl Fn(TcpStream) -> io::Result<()> + Sync) {
    thread::scope(|scope| {
        for connection in listener.incoming() {
            let stream = match connection {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "connection lost before it was taken");
                    continue;
                }
            };
            let talk = &talk;
            let started = thread::Builder::new().spawn_scoped(scope, move || {
                let talked = stream
                    .set_read_timeout(Some(IDLE))
                    .and_then(|()| stream.set_nodelay(true))
                    .and_then(|()| talk(stream));
                if let Err(error) = talked {
                    tracing::debug!(%error, "connection ended");
                }
            });
            if let Err(error) = started {
                tracing::warn!(%error, "connection dropped: no thread for it");
            }
        }
    });
}
