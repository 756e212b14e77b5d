//! A server of HTTP over TLS, with a certificate that it makes itself.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Error;

/// The most of a request's head that is read.
const HEAD: u64 = 64 << 10;

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
    let mut stream = BufReader::new(StreamOwned::new(session, stream));
    loop {
        let mut head = io::Read::take(&mut stream, HEAD);
        let mut is_request = false;
        loop {
            let mut line = String::new();
            if head.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim_end().is_empty() {
                break;
            }
            is_request = true;
        }
        if !is_request {
            return Ok(());
        }
        let length = text.len() + 1;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{text}\n"
        );
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
    }
}
