//! Where a peer listens.

use std::{fmt, net::IpAddr, time::Duration};

use tonic::transport::{Channel, Endpoint};

/// Port of an agent whose address names none.
const AGENT_PORT: u16 = 4244;

/// A peer's address, checked.
#[derive(Clone, Debug)]
pub struct Address {
    text: String,
    uri: String,
    endpoint: Endpoint,
}

/// An address nobody can connect to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not an address: use unix:///path, host:port or an IP")]
pub struct BadAddress {
    /// As it was given.
    pub text: String,
}

impl Address {
    /// Reads `unix:///path`, `/path`, `host:port`, `ip` or `[ip6]:port`.
    ///
    /// # Errors
    /// When the text is none of these.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress {
            text: text.to_owned(),
        };
        let uri = if let Some(path) = text
            .strip_prefix("unix://")
            .or(text.starts_with('/').then_some(text))
        {
            if !path.starts_with('/') || path.len() < 2 {
                return Err(bad());
            }
            format!("unix://{path}")
        } else if let Ok(ip) = text.parse::<IpAddr>() {
            match ip {
                IpAddr::V4(ip) => format!("http://{ip}:{AGENT_PORT}"),
                IpAddr::V6(ip) => format!("http://[{ip}]:{AGENT_PORT}"),
            }
        } else {
            let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
            let port = port
                .parse::<u16>()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(bad)?;
            let bracketed = host.starts_with('[') && host.ends_with(']');
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if host.is_empty() || !(bracketed || host.chars().all(plain)) {
                return Err(bad());
            }
            format!("http://{host}:{port}")
        };
        // A client that stops reading must hold up its own stream only: its share of the
        // connection's window is small against the whole.
        let endpoint = Endpoint::from_shared(uri.clone())
            .or(Err(bad()))?
            .connect_timeout(Duration::from_secs(5))
            .initial_stream_window_size(512 * 1024)
            .initial_connection_window_size((1 << 31) - 1);
        let endpoint = proto::tcp::outgoing(endpoint);
        Ok(Self {
            text: text.to_owned(),
            uri,
            endpoint,
        })
    }

    /// The address as a URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Connects.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        self.endpoint.connect().await
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, uri) in [
            (
                "unix:///run/flows/a/hubble.sock",
                Some("unix:///run/flows/a/hubble.sock"),
            ),
            ("/run/a.sock", Some("unix:///run/a.sock")),
            ("10.0.0.1", Some("http://10.0.0.1:4244")),
            ("10.0.0.1:80", Some("http://10.0.0.1:80")),
            ("fd00::1", Some("http://[fd00::1]:4244")),
            ("[fd00::1]:9", Some("http://[fd00::1]:9")),
            (
                "node-a.example.com:4244",
                Some("http://node-a.example.com:4244"),
            ),
            ("node-a", None),
            ("node-a:0", None),
            ("node-a:x", None),
            ("", None),
            (":4244", None),
            ("a b:1", None),
            ("unix://", None),
            ("unix://relative", None),
        ] {
            let address = Address::parse(text).ok();
            let got = address.as_ref().map(Address::uri);
            assert_eq!(got, uri, "{text}");
        }
    }
}
