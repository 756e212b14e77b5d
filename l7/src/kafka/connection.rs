//! A connection between a client and a broker, judged request by request. Pure: bytes in, actions out;
//! the time is a value.
//!
//! ```text
//! client bytes -> frame -> head -> body, as far as it matters -> verdict
//!                    allowed: forward (and remember what its answer needs)
//!                    denied:  drop; an answer of ours, in its turn
//! server bytes -> the oldest request's answer: forward, or with fewer topics or versions
//! ```
//!
//! Frames aren't held: a request is held until it can be judged and at most [`Config::held`] bytes. A
//! longer one whose topics so far are allowed goes on as it comes; should it then name one that isn't,
//! the connection is closed, and the broker never sees the request's end.

mod client;
mod decide;
mod inbound;
mod server;

use std::ops::Range;
use std::time::Duration;

use super::error::ReadError;
use super::flight::{Answer, Flight};
use super::judge::{Denial, Head, Rules};
use super::request::Keep;
use super::session::Sessions;

/// How much one connection may take, and how it treats metadata.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Bytes of a request's frame. Brokers take 100 MiB (`socket.request.max.bytes`).
    pub request: u32,
    /// Bytes of a request held while it is judged.
    pub held: usize,
    /// Topics, partitions and other elements kept of one request.
    pub items: usize,
    /// Bytes of names kept of one request.
    pub names: usize,
    /// Bytes of an answer that is held to be changed: metadata that is filtered, versions.
    pub answer: usize,
    /// Requests without an answer; then the client isn't read.
    pub in_flight: usize,
    /// Bytes of answers and names kept for them; then the client isn't read.
    pub waiting: usize,
    /// Metadata of which a part is allowed: passed, without the rest. Cilium refuses it as a whole.
    pub filter_metadata: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            request: 100 << 20,
            held: 1 << 20,
            items: 20_000,
            names: 1 << 20,
            answer: 8 << 20,
            in_flight: 1_000,
            waiting: 4 << 20,
            filter_metadata: true,
        }
    }
}

impl Config {
    /// `is_denied`: whatever the request's topics are.
    const fn keep(&self, is_denied: bool) -> Keep {
        Keep {
            items: self.items,
            text: self.names,
            is_denied,
        }
    }
}

/// What is to be sent, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// That part of the bytes that were given.
    Input(Range<usize>),
    /// These.
    Bytes(Vec<u8>),
}

/// What follows from bytes, or from time.
#[derive(Debug, Default)]
pub struct Output {
    /// Bytes of the input that were taken; the rest is to be given again, with what follows, once
    /// [`Connection::takes_client`] or [`Connection::takes_server`] says so.
    pub taken: usize,
    /// To the server.
    pub to_server: Vec<Piece>,
    /// To the client.
    pub to_client: Vec<Piece>,
    /// What happened.
    pub events: Vec<Event>,
    /// Both connections are to be reset, after what is to be sent to the client.
    pub close: Option<Close>,
}

/// What happened to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A request was judged.
    Request {
        /// Its number in the connection, from 1.
        request: u64,
        /// Its head.
        head: Head,
        /// Its topics, as far as they were read before the verdict.
        topics: Vec<String>,
        /// Whether it named more: of a request that is denied whatever its topics are, few are kept.
        has_more_topics: bool,
        /// What became of it.
        outcome: Outcome,
        /// The error code that the client is told, 0 = none; of a produce request that wants no answer, what it
        /// would have been told.
        error_code: i16,
    },
    /// The server's answer was passed on, or ours sent.
    Answer {
        /// The request's number.
        request: u64,
        /// The request's head.
        head: Head,
    },
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Forwarded: by the rule of that index.
    Allowed(Option<usize>),
    /// Forwarded without the topics that aren't allowed; its answer won't have them.
    Filtered(Denial),
    /// Refused; of metadata, all topics that it names.
    Denied(Denial),
    /// The client was told to begin its fetch session anew: what it wants isn't known.
    SessionUnknown,
    /// The client was told to ask for versions in an older form.
    VersionUnknown,
}

/// Why a connection can't go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// What the client sent isn't a request.
    #[error("the client's bytes are not a Kafka request: {0}")]
    Request(#[source] ReadError),
    /// A request is denied, and there is no way to say so to the client.
    #[error("{head} is denied, which its answer can't say")]
    Refused {
        /// Of the request.
        head: Head,
        /// Why.
        denial: Denial,
    },
    /// A request was under way when it named a topic that isn't allowed, or when other rules came.
    #[error(
        "{head} is denied after {} of it were sent on",
        .sent.map_or("some bytes".to_owned(), |sent| format!("{sent} bytes"))
    )]
    DeniedUnderWay {
        /// Of the request.
        head: Head,
        /// Why.
        denial: Denial,
        /// Bytes of its frame that were sent, if that is known.
        sent: Option<u64>,
    },
    /// A request whose topics must be known is longer than what may be held of it.
    #[error("{head} is longer than the {limit} bytes that can be judged")]
    RequestTooLong {
        /// Of the request.
        head: Head,
        /// Bytes that may be held.
        limit: usize,
    },
    /// Whether a produce request wants an answer can't be read in that version.
    #[error("{0} is newer than what is read")]
    Version(Head),
    /// SASL without frames of Kafka: nothing can be judged after it.
    #[error("SaslHandshake v0 is not supported; use v1")]
    RawSasl,
    /// The server sent what no request asked for.
    #[error("the server answers {found}, and {}", .expected.map_or("nothing was asked".to_owned(), |id| format!("the oldest request is {id}")))]
    Answer {
        /// The answer's correlation id.
        found: i32,
        /// That of the oldest request without an answer.
        expected: Option<i32>,
    },
    /// The server's answer can't be read, and it must be changed.
    #[error("the server's answer to {head} can't be read: {error}")]
    AnswerUnread {
        /// Of the request.
        head: Head,
        /// Why.
        #[source]
        error: ReadError,
    },
    /// The server's answer is too long to be changed.
    #[error(
        "the server's answer to {head} has {size} bytes, more than the {limit} that can be filtered"
    )]
    AnswerTooLong {
        /// Of the request.
        head: Head,
        /// Bytes announced.
        size: u32,
        /// Bytes allowed.
        limit: usize,
    },
}

/// The state of a connection.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    client: inbound::State,
    server: server::State,
    flight: Flight,
    sessions: Sessions,
    /// Requests so far.
    requests: u64,
    closed: bool,
}

impl Connection {
    /// A connection before its first byte.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            client: inbound::State::default(),
            server: server::State::default(),
            flight: Flight::default(),
            sessions: Sessions::default(),
            requests: 0,
            closed: false,
        }
    }

    /// Takes bytes of the client, as far as it can. `now`: time since any moment, the same for all
    /// calls.
    pub fn client_sent(&mut self, rules: &Rules, now: Duration, input: &[u8]) -> Output {
        let mut output = Output::default();
        if let Err(close) = self.client(rules, now, input, &mut output) {
            self.close(close, &mut output);
        }
        output
    }

    /// Other rules hold from now on, also for a request of which something is still to come.
    pub fn renew(&mut self, rules: &Rules) -> Output {
        let mut output = Output::default();
        if let Err(close) = self.client.renew(rules, &self.config) {
            self.close(close, &mut output);
        }
        output
    }

    /// Takes bytes of the server, as far as it can: not while an answer of ours comes first.
    pub fn server_sent(&mut self, rules: &Rules, now: Duration, input: &[u8]) -> Output {
        let mut output = Output::default();
        self.flush(now, &mut output);
        if let Err(close) = self.server(rules, now, input, &mut output) {
            self.close(close, &mut output);
        }
        output
    }

    /// Sends what was held until now. To be called at [`due`](Self::due).
    pub fn elapsed(&mut self, now: Duration) -> Output {
        let mut output = Output::default();
        self.flush(now, &mut output);
        output
    }

    /// When [`elapsed`](Self::elapsed) has something to do; none: after other bytes at the earliest.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.flight.due().filter(|_| !self.closed)
    }

    /// Whether the client may be read.
    #[must_use]
    pub fn takes_client(&self) -> bool {
        self.closed
            || !self.client.is_between()
            || (self.flight.len() < self.config.in_flight
                && self.flight.bytes() < self.config.waiting)
    }

    /// Whether the server may be read.
    #[must_use]
    pub fn takes_server(&self) -> bool {
        self.closed || !self.server.is_between() || self.flight.due().is_none()
    }

    /// Bytes that it keeps.
    #[must_use]
    pub fn held(&self) -> usize {
        let sides = self.client.held().saturating_add(self.server.held());
        let waiting = self.flight.bytes().saturating_add(self.sessions.size());
        sides.saturating_add(waiting)
    }

    fn close(&mut self, close: Close, output: &mut Output) {
        self.closed = true;
        output.close = Some(close);
    }

    /// Sends answers of ours whose turn and time has come.
    fn flush(&mut self, now: Duration, output: &mut Output) {
        while !self.closed
            && self.server.is_between()
            && self.flight.due().is_some_and(|due| due <= now)
        {
            let Some(slot) = self.flight.pop() else {
                return;
            };
            if let Answer::Local { frame, .. } = slot.answer {
                output.to_client.push(Piece::Bytes(frame));
            }
            output.events.push(Event::Answer {
                request: slot.request,
                head: slot.head,
            });
        }
    }
}

/// How long a refused fetch waits: as long as it would have waited for records, within bounds. Clients
/// ask again at once (librdkafka 8,700 times a second), whatever throttle time an answer has; and for offsets, of
/// those that begin at the first or the last record (kafka-python 1,600 times a second).
fn hold(max_wait: i64) -> Duration {
    let wait = u64::try_from(max_wait).unwrap_or(0);
    Duration::from_millis(wait.clamp(100, 5_000))
}
