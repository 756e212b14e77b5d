//! What goes wrong for people: one line each, in Hubble's words where Hubble has them.

use std::{io, path::PathBuf};

use client::RequestError;
use flow::print::escape;

/// Why a command failed. The text is the line that goes to standard error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A mistake on the command line.
    #[error("{0}")]
    Usage(String),
    /// A filter flag's value.
    #[error(transparent)]
    Flag(#[from] flow::flags::FlagError),
    /// Filters that can't be read.
    #[error(transparent)]
    Filter(#[from] flow::FilterError),
    /// There is no server to be found, or nobody answers there.
    #[error(transparent)]
    Connect(#[from] client::ConnectError),
    /// A request that failed, as Hubble's CLI prints it.
    #[error("{}", .0.hubble_text())]
    Hubble(#[from] RequestError),
    /// A request that failed, in plain words.
    #[error("{0}")]
    Request(RequestError),
    /// A request that failed, and what was tried, in Hubble's words.
    #[error("{what}: {}", .error.hubble_text())]
    Tried {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        error: RequestError,
    },
    /// A question to the policy engine that can't be answered.
    #[error("{}", escape(&.0.to_string()))]
    Question(#[from] explain::trace::QueryError),
    /// The directory of manifests.
    #[error(transparent)]
    State(#[from] cluster::source::DirectoryError),
    /// An answer could not be had, where the exit code 1 has another meaning.
    #[error("{0}")]
    NoAnswer(Box<Self>),
    /// A mistake on the command line, and what to write instead.
    #[error("{0}")]
    Hinted(String, String),
    /// All is said; only the exit code is left.
    #[error("exit code {0}")]
    Answered(u8),
    /// The server says that it isn't healthy.
    #[error("not healthy")]
    NotHealthy,
    /// The input file.
    #[error("open {}: {error}", escape(&path.to_string_lossy()))]
    Input {
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// Writing the output.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::Usage(text)
    }
}

impl Error {
    /// What to do instead, for a second line on standard error.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Flag(error) => error.hint(),
            Self::Hinted(_, hint) => Some(hint.clone()),
            Self::Request(error) if error.is_timeout() => {
                Some("--request-timeout sets how long to wait".to_owned())
            }
            Self::NoAnswer(error) => error.hint(),
            Self::Usage(_)
            | Self::Filter(_)
            | Self::Connect(_)
            | Self::Hubble(_)
            | Self::Request(_)
            | Self::Tried { .. }
            | Self::Question(_)
            | Self::State(_)
            | Self::Answered(_)
            | Self::NotHealthy
            | Self::Input { .. }
            | Self::Io(_) => None,
        }
    }

    /// What the program ends with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if let Self::Answered(code) = self {
            *code
        } else if matches!(self, Self::NoAnswer(_)) {
            2
        } else {
            1
        }
    }

    /// What was written, where the exit code is the answer: it is given also if the reader has gone.
    pub(crate) fn unless_reader_is_gone(written: Result<(), Self>) -> Result<(), Self> {
        match written {
            Err(error) if error.is_broken_pipe() => Ok(()),
            written => written,
        }
    }

    /// The reader of our output has gone: nothing to complain about.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        if let Self::NoAnswer(error) = self {
            return error.is_broken_pipe();
        }
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
