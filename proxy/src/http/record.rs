//! What is told of requests and responses.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use l7::http::{ChunksError, Effects, HeaderNote};

use super::judge::Decisions;
use super::refusal::Refusal;
use crate::record::Lines;

/// Is told of requests and responses, as they happen. Must not block: who can't keep up drops, and counts what.
pub trait Recorder: Sync {
    /// Of a request that was judged.
    fn record(&self, record: HttpRecord);

    /// Of bytes that are not a request, or one that was refused before it was judged.
    fn reject(&self, rejection: Rejection);
}

/// A request, and what became of it. Each has one [`Event::Judged`] and, unless its connection ends before, one
/// [`Event::Responded`] or [`Event::Failed`]; after a response there may still be a failure. One that the rules allow no
/// more while it is in flight has another [`Event::Judged`], which denies it and is its last.
#[derive(Debug)]
pub struct HttpRecord {
    /// When the request's head was complete.
    pub time: SystemTime,
    /// The request.
    pub request: Arc<RequestLine>,
    /// What the rules said; without the changes, whose values may be secret.
    pub decisions: Arc<Decisions>,
    /// What became of it.
    pub event: Event,
}

/// A request, as far as it may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// Of both connections.
    pub protocol: Protocol,
    /// As sent.
    pub method: Arc<str>,
    /// `scheme://host/path?query`, the path normalized.
    pub url: Arc<str>,
    /// The client's `x-request-id`, or one of our own, which nobody else sees: pairs the records of one request.
    pub request_id: Box<str>,
}

/// Which HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    Http1,
    /// HTTP/2
    Http2,
}

impl Protocol {
    /// What Hubble's `http.protocol` has.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// What became of a request.
#[derive(Debug)]
pub enum Event {
    /// It was judged; verdict FORWARDED or DROPPED.
    Judged {
        /// Of the request: all lines, with values or `[redacted]`.
        headers: Lines,
    },
    /// The head of the response; verdict FORWARDED, also of a denied request's.
    Responded {
        /// HTTP's.
        status: u16,
        /// Since the request's head was complete.
        latency: Duration,
        /// Of the response, as those of the request.
        headers: Lines,
    },
    /// It broke off; verdict ERROR.
    Failed {
        /// What the client was answered instead, if it could be.
        status: Option<u16>,
        /// Since the request's head was complete.
        latency: Duration,
        /// Why.
        failure: Failure,
    },
}

/// Why an allowed request has no response, or a part of one.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The connection to the server could not be opened.
    #[error("the server cannot be reached: {0}")]
    Connect(#[source] io::Error),
    /// It could not be opened in time.
    #[error("the server did not accept the connection in time")]
    ConnectTimeout,
    /// The server closed in the middle, or before the response.
    #[error("the server closed the connection before the response was complete")]
    ServerClosed,
    /// The connection to the server broke.
    #[error("the connection to the server broke: {0}")]
    Server(#[source] io::Error),
    /// What the server sent is not a response with one meaning.
    #[error("the server's response is malformed")]
    Response,
    /// The client closed in the middle of the request.
    #[error("the client closed the connection before the request was complete")]
    ClientClosed,
    /// The connection to the client broke, or the client reset the stream.
    #[error("the connection to the client broke: {0}")]
    Client(#[source] io::Error),
    /// The body's end can't be told.
    #[error("the body of the request is malformed: {0}")]
    Body(#[source] ChunksError),
    /// The request has trailers (HTTP/2): what servers add to the headers behind the body is not judged.
    #[error("the request has trailers, which are not supported: send headers before the body")]
    Trailers,
    /// No byte moved for too long.
    #[error("nothing was sent or received for too long")]
    Stalled,
    /// A change that a rule makes doesn't give a header.
    #[error("a rule sets a header to a value that no header has")]
    Effects,
}

/// What was refused before it was judged. Nothing of it was forwarded.
#[derive(Debug)]
pub struct Rejection {
    /// Of the connection.
    pub protocol: Protocol,
    /// Why.
    pub refusal: Refusal,
}

/// Room for a value that isn't seen and its name, and for the name of a request.
const LINE: usize = 32;
const REQUEST_ID: usize = 48;

const REDACTED: &[u8] = b"[redacted]";

/// Which values may be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    shown: BTreeSet<Box<str>>,
    hides_query: bool,
}

impl Redaction {
    /// The values of these headers may be seen, and of no others.
    pub fn new<N: AsRef<str>>(shown: impl IntoIterator<Item = N>) -> Self {
        let shown = shown.into_iter();
        Self {
            shown: shown
                .map(|name| name.as_ref().to_ascii_lowercase().into())
                .collect(),
            hides_query: false,
        }
    }

    /// Queries of URLs are left out.
    #[must_use]
    pub fn without_query(self) -> Self {
        Self {
            hides_query: true,
            ..self
        }
    }

    fn value<'v>(&self, name: &str, value: &'v [u8]) -> &'v [u8] {
        let mut shown = self.shown.iter();
        if shown.any(|one| one.eq_ignore_ascii_case(name)) {
            value
        } else {
            REDACTED
        }
    }

    pub(super) fn headers<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) -> Lines {
        let headers = headers.into_iter();
        // And one that names the request.
        let count = headers.size_hint().0;
        let mut lines = Lines::with_capacity(count + 1, count * LINE + REQUEST_ID);
        for (name, value) in headers {
            lines.push(name, self.value(name, value));
        }
        lines
    }

    /// The path, with the query if that may be seen.
    pub(super) fn path<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        let query = path.iter().position(|byte| *byte == b'?');
        query
            .filter(|_| self.hides_query)
            .and_then(|at| path.get(..at))
            .unwrap_or(path)
    }

    /// What may be seen of decisions: not the values that headers have or should have.
    pub(super) fn decisions(&self, all: Decisions) -> Decisions {
        let notes = |mut notes: Vec<HeaderNote>| {
            for note in &mut notes {
                note.value = self.value(&note.name, &note.value).into();
            }
            notes
        };
        Decisions {
            effects: Effects {
                changes: Vec::new(),
                missing: notes(all.effects.missing),
                rejected: notes(all.effects.rejected),
            },
            ..all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_values_are_seen() {
        let redaction = Redaction::new(["Content-Type"]);
        let headers = [
            ("content-type", &b"text/plain"[..]),
            ("Authorization", b"Bearer x"),
        ];
        let seen = redaction.headers(headers);
        let seen: Vec<_> = seen.iter().collect();
        let wanted = [
            ("content-type", "text/plain"),
            ("authorization", "[redacted]"),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(redaction.path(b"/a?b"), b"/a?b");
        let redaction = redaction.without_query();
        assert_eq!(redaction.path(b"/a?b?c"), b"/a");
        assert_eq!(redaction.path(b"/a"), b"/a");
        let note = |name: &str, value: &[u8]| HeaderNote {
            name: name.into(),
            value: value.into(),
        };
        let seen = redaction.decisions(Decisions {
            effects: Effects {
                missing: vec![note("content-type", b"a")],
                rejected: vec![note("X-User", b"eve")],
                ..Effects::default()
            },
            ..Decisions::default()
        });
        assert_eq!(seen.effects.missing, [note("content-type", b"a")]);
        assert_eq!(seen.effects.rejected, [note("X-User", REDACTED)]);
    }
}
