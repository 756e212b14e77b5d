//! Why a request is refused before it is judged.

use l7::http::{BadPath, HeadError};

use crate::room::NoRoom;

/// Why a request is refused before it is judged.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Its head has no meaning, or two.
    #[error("{0}")]
    Head(#[from] HeadError),
    /// Its path has none, or two.
    #[error("{0}")]
    Path(#[from] BadPath),
    /// An escaped slash or backslash in the path: the client is sent to the path without.
    #[error("an escaped slash in the path")]
    EscapedSlash,
    /// The head didn't come in time.
    #[error("the head of the request did not come in time")]
    Late,
    /// The client closed within the head.
    #[error("the client closed the connection within the head of the request")]
    Incomplete,
    /// A stream of HTTP/2 whose Host header is not its `:authority`.
    #[error("Host and :authority differ")]
    Authority,
    /// A stream of HTTP/2 of another scheme than `http` or `https`.
    #[error("an unknown scheme")]
    Scheme,
    /// A stream of HTTP/2 with a header that RFC 9113, 8.2.1 takes for malformed: servers may trim what was judged
    /// untrimmed, or the other way around.
    #[error("the value of a header begins or ends with white space")]
    Space,
    /// The connection breaks the rules of HTTP/2, or was reset.
    #[error("HTTP/2: {0}")]
    Http2(#[source] h2::Error),
    /// More streams were reset than a client may.
    #[error("too many streams of HTTP/2 were reset")]
    Resets,
    /// The client's connections hold as much as they may, and this one's readers took nothing.
    #[error("HTTP/2: {0}")]
    NoRoom(#[source] NoRoom),
}

impl Refusal {
    /// The status to answer with; `None` if there is nothing to answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Head(error) => Some(error.status()),
            Self::Path(error) => Some(error.status()),
            Self::EscapedSlash => Some(307),
            Self::Late => Some(408),
            Self::Authority | Self::Scheme | Self::Space => Some(400),
            Self::Incomplete | Self::Http2(_) | Self::Resets | Self::NoRoom(_) => None,
        }
    }
}
