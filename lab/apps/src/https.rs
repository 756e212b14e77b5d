//! A server of HTTP over TLS, with a certificate that it makes itself.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{Error, http};

/// Answers every request with a text, under any of these names, until it is stopped.
///
/// # Errors
/// [`Error::Certificate`].
pub fn serve(listener: &TcpListener, names: &[String], text: &str) -> Result<(), Error> {
    let config = Arc::new(config(names)?);
    crate::serve(listener, |stream| talk(stream, &config, text));
    Ok(())
}

fn config(names: &[String]) -> Result<ServerConfig, Error> {
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| Error::Certificate(error.to_string()))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| Error::Certificate(error.to_owned()))?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.into()], key)
        })
        .map_err(|error| Error::Certificate(error.to_string()))
}

fn talk(stream: TcpStream, config: &Arc<ServerConfig>, text: &str) -> io::Result<()> {
    let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    http::talk(StreamOwned::new(session, stream), text)
}
