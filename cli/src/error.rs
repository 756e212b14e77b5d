//! What goes wrong for people: one line each, in Hubble's words where Hubble has them.

use std::{io, path::PathBuf};

use flow::print::escape;
use tonic::Code;

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
    /// The server's answer.
    #[error("{}", grpc(.0))]
    Grpc(#[from] tonic::Status),
    /// The server's answer to a certain question.
    #[error("{what}: {}", grpc(.status))]
    Asked {
        /// What was tried.
        what: &'static str,
        /// The answer.
        status: Box<tonic::Status>,
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
            Self::Usage(_)
            | Self::Filter(_)
            | Self::Connect(_)
            | Self::Grpc(_)
            | Self::Asked { .. }
            | Self::Question(_)
            | Self::State(_)
            | Self::NoAnswer(_)
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

    /// The reader of our output has gone: nothing to complain about.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        if let Self::NoAnswer(error) = self {
            return error.is_broken_pipe();
        }
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// A status as Hubble's CLI prints it: the bare text when the server gave no code.
fn grpc(status: &tonic::Status) -> String {
    let (code, text) = (status.code(), escape(status.message()));
    if code == Code::Unknown {
        return text;
    }
    // Go spells this one with one l.
    let name = format!("{code:?}").replace("Cancelled", "Canceled");
    format!("rpc error: code = {name} desc = {text}")
}
