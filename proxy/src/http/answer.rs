//! What the proxy answers by itself.

use http::StatusCode;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// The body of a denied request's response: Cilium's.
pub(super) const DENIED: &str = "Access denied\r\n";

/// A response of the proxy's own.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
    /// Where the client is sent.
    pub(super) location: Option<Vec<u8>>,
    /// Whether it is without its text, as a response to HEAD is.
    pub(super) is_bare: bool,
}

impl Answer {
    pub(super) fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            location: None,
            is_bare: false,
        }
    }

    /// With nothing but the name of its status as text.
    pub(super) fn of_status(status: u16) -> Self {
        Self::new(status, format!("{}\r\n", reason(status)))
    }

    /// The headers as they are logged, and written: Envoy's, in its order.
    pub(super) fn headers(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut headers = vec![
            ("content-length", self.text.len().to_string().into_bytes()),
            ("content-type", b"text/plain".to_vec()),
        ];
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
        // A clock beyond the year 9999 has no date.
        headers.extend(date.ok().map(|date| ("date", date.into_bytes())));
        headers.extend(self.location.clone().map(|path| ("location", path)));
        headers
    }

    /// As HTTP/1.1 has it.
    pub(super) fn write(&self, headers: &[(&'static str, Vec<u8>)], closes: bool) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).into_bytes();
        for (name, value) in headers {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        if closes {
            out.extend_from_slice(b"connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if !self.is_bare {
            out.extend_from_slice(self.text.as_bytes());
        }
        out
    }
}

fn reason(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    let reason = status.and_then(|status| status.canonical_reason());
    reason.unwrap_or_default()
}
