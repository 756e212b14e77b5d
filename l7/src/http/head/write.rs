//! The head of a request as it is forwarded: made of what was judged, so that the server reads the same.

use super::Head;
use super::meaning::{Framing, Upgrade};
use crate::http::{Effects, HeaderChange};

/// Headers that are about one connection (RFC 9110, 7.6.1): not forwarded as they came.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header says where a request goes or ends, or what becomes of its connection: the proxy writes it.
pub(in crate::http) fn is_connections(name: &str) -> bool {
    let names = HOP_BY_HOP
        .iter()
        .chain(&["host", "content-length", "expect"]);
    names.into_iter().any(|one| name.eq_ignore_ascii_case(one))
}

impl Head<'_> {
    /// The head as it is forwarded, up to the empty line: `path` in origin form, one Host with the authority, no
    /// header that is about the client's connection but a handshake of WebSocket's and `close`, and the headers as
    /// the rules change them. What follows it follows as it came, framed as it was.
    ///
    /// `path` is this head's [normalized](crate::http::normalize) and, as `effects`, what was judged. `Expect` is
    /// forwarded: who answers `100 Continue` itself removes it by an effect of its own.
    #[must_use]
    pub fn write(&self, path: &[u8], effects: &Effects) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length);
        for part in [self.method.as_bytes(), b" ", path, b" HTTP/1.1\r\n"] {
            out.extend_from_slice(part);
        }
        let mut line = |name: &str, value: &[u8]| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        };
        line("Host", self.authority.as_bytes());
        let is_written = |name: &&str| {
            let ours = ["host", "content-length"].iter().chain(&HOP_BY_HOP);
            !ours.into_iter().any(|one| name.eq_ignore_ascii_case(one))
        };
        let sent = self.headers.iter().filter(|(name, _)| is_written(name));
        let mut headers: Vec<(&str, &[u8])> = sent.copied().collect();
        for change in &effects.changes {
            if let HeaderChange::Remove(name) | HeaderChange::Replace(name, _) = change {
                headers.retain(|(one, _)| !one.eq_ignore_ascii_case(name));
            }
            if let HeaderChange::Add(name, value) | HeaderChange::Replace(name, value) = change {
                headers.push((name, value));
            }
        }
        for (name, value) in headers {
            line(name, value);
        }
        match (self.upgrade, self.closes) {
            (Upgrade::WebSocket, _) => {
                line("Connection", b"Upgrade");
                line("Upgrade", b"websocket");
            }
            (Upgrade::None | Upgrade::Dropped, true) => line("Connection", b"close"),
            (Upgrade::None | Upgrade::Dropped, false) => {}
        }
        let has_length = |(name, _): &(&str, _)| name.eq_ignore_ascii_case("content-length");
        match self.framing {
            Framing::Chunked => line("Transfer-Encoding", b"chunked"),
            Framing::Length(length) if self.headers.iter().any(has_length) => {
                line("Content-Length", length.to_string().as_bytes());
            }
            Framing::Length(_) => {}
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}
