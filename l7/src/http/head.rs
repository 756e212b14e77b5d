//! The head of an HTTP/1.1 request, checked byte by byte before anybody interprets it: what one server reads
//! so and another one otherwise is refused, since the rules must judge what the server will do.
//!
//! Stricter than Envoy, on purpose: bare line feeds, folded lines, several Host headers, several
//! Content-Length headers, white space before a colon.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod line;
mod meaning;
mod write;

use std::fmt;

pub use meaning::{Framing, Upgrade};

pub(super) use line::is_token;
pub(super) use write::is_connections;

use line::Line;

/// Most bytes of a head (Envoy's 60 KiB).
pub const MAX_HEAD: usize = 60 * 1024;
/// Most header lines (Envoy's).
pub const MAX_HEADERS: usize = 100;

/// Why a request is refused before it is judged. Nothing of it may be forwarded, and the connection ends with
/// the answer: where the next request would begin isn't known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// A line that doesn't end with CR LF, or a CR elsewhere.
    #[error("a line does not end with CR LF")]
    LineEnd,
    /// A byte that no line has: zero, for example.
    #[error("a control character")]
    Control,
    /// A first line that is not a method, a target and a version with one space between them.
    #[error("a malformed request line")]
    RequestLine,
    /// A method that isn't registered, or not in upper case.
    #[error("an unknown method")]
    Method,
    /// Neither a path nor an absolute HTTP URI; a fragment.
    #[error("a malformed target")]
    Target,
    /// HTTP/1.0 or older.
    #[error("HTTP/1.0 or older")]
    OldVersion,
    /// HTTP of another version.
    #[error("an unsupported version of HTTP")]
    Version,
    /// A tunnel, which could carry anything.
    #[error("CONNECT")]
    Connect,
    /// A line that begins with white space, and so goes on with the line before.
    #[error("a folded header line")]
    Folded,
    /// A header line without a colon right behind a proper name.
    #[error("a malformed header line")]
    HeaderLine,
    /// No Host header, several, or one that is not a host.
    #[error("not exactly one proper Host header")]
    Host,
    /// Content-Length that is not one number, once.
    #[error("not exactly one proper Content-Length header")]
    ContentLength,
    /// Content-Length beside Transfer-Encoding.
    #[error("Content-Length beside Transfer-Encoding")]
    TwoLengths,
    /// Transfer-Encoding other than `chunked`.
    #[error("an unknown transfer coding")]
    TransferEncoding,
    /// Connection with an item that isn't known: it would have a header dropped that was judged.
    #[error("an unknown item of Connection")]
    Connection,
    /// An upgrade to anything but WebSocket, or not by a GET without a body.
    #[error("an upgrade to another protocol than WebSocket")]
    Upgrade,
    /// `Expect` with anything but `100-continue`.
    #[error("an unknown expectation")]
    Expect,
    /// More than [`MAX_HEAD`] bytes.
    #[error("a head of more than {MAX_HEAD} bytes")]
    TooLong,
    /// More than [`MAX_HEADERS`] header lines.
    #[error("more than {MAX_HEADERS} header lines")]
    TooMany,
}

impl HeadError {
    /// The status to answer with, Envoy's where it has one.
    pub fn status(self) -> u16 {
        match self {
            Self::LineEnd
            | Self::Control
            | Self::RequestLine
            | Self::Method
            | Self::Target
            | Self::Folded
            | Self::HeaderLine
            | Self::Host
            | Self::ContentLength
            | Self::Connection
            | Self::TwoLengths => 400,
            Self::Upgrade => 403,
            Self::Connect => 405,
            Self::Expect => 417,
            Self::OldVersion => 426,
            Self::TooLong | Self::TooMany => 431,
            Self::TransferEncoding => 501,
            Self::Version => 505,
        }
    }
}

/// The head of a request that has one meaning.
#[derive(Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// As sent.
    pub method: &'a str,
    /// Of the Host header, or of a target in absolute form, which wins: [`write`](Self::write) makes it Host.
    pub authority: &'a str,
    /// Path and query, to be [normalized](super::normalize): of an absolute target, without scheme and
    /// authority; `/` if it has none.
    pub path: &'a [u8],
    /// Header lines in order, Host among them; values without the white space around them.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// What follows the head.
    pub framing: Framing,
    /// What becomes of the connection.
    pub upgrade: Upgrade,
    /// Whether the client sends no other request on the connection.
    pub closes: bool,
    /// Whether the client waits for a `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Bytes of the head, with the empty line at its end and those before its start.
    pub length: usize,
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", &self.method)
            .field("authority", &self.authority)
            .field("path", &self.path.escape_ascii().to_string())
            .field("headers", &self.headers.len())
            .field("framing", &self.framing)
            .finish_non_exhaustive()
    }
}

/// Whether a connection begins as HTTP/2 does (RFC 9113, 3.4); `None`: too few bytes to say.
pub fn is_http2_preface(bytes: &[u8]) -> Option<bool> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if bytes.len() >= PREFACE.len() {
        return Some(bytes.starts_with(PREFACE));
    }
    (!PREFACE.starts_with(bytes)).then_some(false)
}

/// Whether a byte may be in a line, whatever is around it.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// Finds the end of a head and checks each line as it ends: what is refused, and when, doesn't depend on how
/// the bytes came in pieces.
#[derive(Clone, Debug, Default)]
pub struct HeadReader {
    /// Bytes that were looked at.
    seen: usize,
    /// Where the line that is being read began.
    line: usize,
    headers: usize,
    has_request_line: bool,
    after_return: bool,
    failed: Option<HeadError>,
}

impl HeadReader {
    /// Before the first byte of a request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on. `bytes` are all since the request began, those of earlier calls too. `None`: the head goes
    /// on. The next request needs a reader of its own.
    ///
    /// # Errors
    /// If the bytes so far can't begin a request; then always the same.
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<Head<'a>>, HeadError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let read = self.scan(bytes).and_then(|is_complete| {
            let head = is_complete.then(|| bytes.get(..self.seen).unwrap_or_default());
            head.map(meaning::read).transpose()
        });
        self.failed = read.as_ref().err().copied();
        read
    }

    /// Whether the head is complete, and ends with the last byte that was looked at.
    fn scan(&mut self, bytes: &[u8]) -> Result<bool, HeadError> {
        loop {
            if !self.after_return {
                // Most bytes mean nothing here: passed over without a look at the state for each.
                let end = bytes.len().min(MAX_HEAD);
                let rest = bytes.get(self.seen..end).unwrap_or_default();
                let plain = rest.iter().position(|byte| !is_plain(*byte));
                self.seen = self.seen.saturating_add(plain.unwrap_or(rest.len()));
            }
            let Some(byte) = bytes.get(self.seen) else {
                return Ok(false);
            };
            if self.seen >= MAX_HEAD {
                return Err(HeadError::TooLong);
            }
            self.seen = self.seen.saturating_add(1);
            match byte {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    let end = self.seen.saturating_sub(2);
                    let line = bytes.get(self.line..end).unwrap_or_default();
                    self.line = self.seen;
                    if self.end_line(line)? {
                        return Ok(true);
                    }
                }
                b'\n' => return Err(HeadError::LineEnd),
                _ if self.after_return => return Err(HeadError::LineEnd),
                b'\r' => self.after_return = true,
                byte if is_plain(*byte) => {}
                _ => return Err(HeadError::Control),
            }
        }
    }

    /// Whether the line ends the head.
    fn end_line(&mut self, line: &[u8]) -> Result<bool, HeadError> {
        match (line.is_empty(), self.has_request_line) {
            // RFC 9112, 2.2: empty lines before a request mean nothing.
            (true, false) => Ok(false),
            (true, true) => Ok(true),
            (false, false) => {
                Line::request(line)?;
                self.has_request_line = true;
                Ok(false)
            }
            (false, true) => {
                Line::header(line)?;
                self.headers = self.headers.saturating_add(1);
                if self.headers > MAX_HEADERS {
                    return Err(HeadError::TooMany);
                }
                Ok(false)
            }
        }
    }
}
