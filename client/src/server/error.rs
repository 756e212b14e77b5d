//! Why a request failed, as a line for people.

use std::{fmt, sync::Arc};

use flow::print::escape;
use tonic::{Code, Status};

/// Which of a server's services a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `observer.Observer`, Hubble's.
    Observer,
    /// `peer.Peer`, Hubble's.
    Peer,
    /// `grpc.health.v1.Health`.
    Health,
    /// `flows.v1.Policy`.
    Policy,
    /// `flows.v1.Status`.
    Status,
    /// `flows.v1.Names`.
    Names,
}

/// Why a request failed. Its text names the server and what was requested, where the server's own
/// words don't say all.
#[derive(Clone, Debug)]
pub struct RequestError {
    server: Arc<str>,
    service: Service,
    what: &'static str,
    status: Box<Status>,
}

impl RequestError {
    /// The server at `server` answered a request for `what` (a noun: "the list of nodes") with `status`.
    #[must_use]
    pub fn new(server: &str, service: Service, what: &'static str, status: Status) -> Self {
        Self {
            server: server.into(),
            service,
            what,
            status: Box::new(status),
        }
    }

    /// A stream that should have gone on came to its end.
    pub(super) fn ended(server: &str, service: Service, what: &'static str) -> Self {
        let status = Status::unavailable(format!("{server} ended the stream"));
        Self::new(server, service, what, status)
    }

    /// The server has no such service or method.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        self.code() == Code::Unimplemented
    }

    /// The server says that the request itself is wrong.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.code() == Code::InvalidArgument
    }

    /// The server can't be reached, or ended what should have gone on.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.code() == Code::Unavailable
    }

    /// The server itself says that the time is up.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        self.code() == Code::DeadlineExceeded
    }

    /// No response came in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.code(), Code::DeadlineExceeded | Code::Cancelled)
    }

    pub(crate) fn code(&self) -> Code {
        self.status.code()
    }

    /// The server's or the transport's words, else those for the code.
    #[must_use]
    pub fn message(&self) -> String {
        match self.status.message() {
            "" => self.code().to_string(),
            words => words.to_owned(),
        }
    }

    /// As Hubble's CLI prints it: the bare words if the server gave no code.
    #[must_use]
    pub fn hubble_text(&self) -> String {
        let (code, words) = (self.code(), escape(self.status.message()));
        if code == Code::Unknown {
            return words;
        }
        // Go spells this one with one l.
        let name = format!("{code:?}").replace("Cancelled", "Canceled");
        format!("rpc error: code = {name} desc = {words}")
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            server,
            service,
            what,
            status,
        } = self;
        // The transport has one text for all that befalls it.
        let words = |otherwise: &str| match status.message() {
            "" | "transport error" => otherwise.to_owned(),
            words => escape(words),
        };
        match status.code() {
            Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition => {
                f.write_str(&escape(&self.message()))
            }
            Code::Unimplemented => {
                write!(f, "{server} does not support {what}: it is ")?;
                f.write_str(match service {
                    Service::Policy | Service::Status => {
                        "a stock Hubble, not a flows agent or relay"
                    }
                    Service::Names => "an older flows agent or relay, or a stock Hubble",
                    Service::Peer => "not an agent",
                    Service::Observer | Service::Health => "not implemented there",
                })
            }
            Code::DeadlineExceeded | Code::Cancelled => {
                write!(f, "{server} did not answer in time ({what})")
            }
            // Our own words for this one name the server.
            Code::Unavailable if status.message().starts_with(&**server) => {
                f.write_str(&escape(status.message()))
            }
            Code::Unavailable => write!(
                f,
                "{server} can't answer now: {}",
                words("the connection was lost")
            ),
            // Too many requests, or one that always is too large: only the server's words say which.
            Code::ResourceExhausted => f.write_str(&words("the server is overloaded, retry later")),
            Code::OutOfRange => write!(f, "{what}: the response is larger than 64 MiB"),
            Code::PermissionDenied | Code::Unauthenticated => {
                write!(f, "{server} refuses {what}: {}", words("no reason given"))
            }
            Code::Ok
            | Code::Unknown
            | Code::AlreadyExists
            | Code::Aborted
            | Code::Internal
            | Code::DataLoss => {
                write!(f, "{server} failed: {}", words("no reason given"))
            }
        }
    }
}

impl std::error::Error for RequestError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_server_unless_its_own_words_say_all() {
        let large = "the request has more than 4194304 bytes; send at most 4194304";
        for (status, text) in [
            (Status::not_found("no pod shop/x"), "no pod shop/x"),
            (Status::resource_exhausted(large), large),
            (
                Status::resource_exhausted(""),
                "the server is overloaded, retry later",
            ),
            (
                Status::unimplemented("unknown service"),
                "a:1 does not support policy traces: it is a stock Hubble, not a flows agent or relay",
            ),
            (
                Status::unavailable("transport error"),
                "a:1 can't answer now: the connection was lost",
            ),
            (
                Status::cancelled("Timeout expired"),
                "a:1 did not answer in time (policy traces)",
            ),
            (Status::internal("x\u{1b}[2J"), "a:1 failed: x^[[2J"),
        ] {
            let error = RequestError::new("a:1", Service::Policy, "policy traces", status);
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn hubbles_text_has_gos_names_of_codes() {
        for (status, text) in [
            (Status::unknown("bad filter"), "bad filter"),
            (
                Status::cancelled("x"),
                "rpc error: code = Canceled desc = x",
            ),
        ] {
            let error = RequestError::new("a:1", Service::Observer, "flows", status);
            assert_eq!(error.hubble_text(), text);
        }
    }
}
