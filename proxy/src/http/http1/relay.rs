//! The server's way: responses read, checked and passed to the client.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use l7::http::MAX_HEAD;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::body::CopyError;
use super::input::{HEAD_PIECE, Input};
use super::response::{Asked, Response, find_end};
use crate::http::record::Failure;
use crate::http::request::RequestLog;
use crate::splice::Activity;

/// Most responses before the one that counts (100, 102, 103).
const MAX_INTERIM: usize = 16;

/// How far a request under way is.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) activity: Activity,
    /// Whether the client may have bytes of the response that counts.
    has_begun: AtomicBool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            activity: Activity::new(),
            has_begun: AtomicBool::new(false),
        }
    }

    /// Whether it is too late for a response of the proxy's own.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }
}

/// A response that got across.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relayed {
    /// Whether the connection ends behind it.
    pub(super) closes: bool,
    /// Whether it carries WebSocket's frames from here on.
    pub(super) switches: bool,
}

/// Why a response did not.
#[derive(Debug)]
pub(super) enum RelayError {
    /// The server closed or broke off before it sent anything.
    NoResponse(Option<io::Error>),
    /// What it sent is malformed.
    Malformed,
    /// It closed or broke off in the middle.
    Server(Option<io::Error>),
    /// The client's connection broke.
    Client(io::Error),
}

impl RelayError {
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::NoResponse(None) | Self::Server(None) => Failure::ServerClosed,
            Self::NoResponse(Some(error)) | Self::Server(Some(error)) => Failure::Server(error),
            Self::Malformed => Failure::Response,
            Self::Client(error) => Failure::Client(error),
        }
    }
}

/// Passes the response to what was `asked` on, and those before it.
pub(super) async fn relay(
    server: &mut Input<impl AsyncRead + Unpin>,
    client: &mut (impl AsyncWrite + Unpin),
    asked: Asked,
    progress: &Progress,
    log: &RequestLog<'_>,
) -> Result<Relayed, RelayError> {
    let mut interim = 0;
    loop {
        let length = read_head(server, interim > 0, progress).await?;
        let head = server.bytes().get(..length).unwrap_or_default();
        let response = Response::read(head, &asked).map_err(|_malformed| RelayError::Malformed)?;
        let written = response.write();
        if response.is_interim() {
            interim += 1;
            if interim > MAX_INTERIM {
                return Err(RelayError::Malformed);
            }
            // The client was told to continue already, if it waited.
            let is_continue = response.status == 100;
            server.consume(length);
            if !is_continue {
                client
                    .write_all(&written)
                    .await
                    .map_err(RelayError::Client)?;
                client.flush().await.map_err(RelayError::Client)?;
            }
            continue;
        }
        log.responded(response.status, response.headers.iter().copied());
        let relayed = Relayed {
            closes: response.closes,
            switches: response.switches(),
        };
        let body = response.body;
        server.consume(length);
        progress.has_begun.store(true, Ordering::Relaxed);
        let copied = body.copy(written, server, client, &progress.activity);
        return match copied.await {
            Ok(()) => Ok(relayed),
            Err(CopyError::Read(error)) => Err(RelayError::Server(Some(error))),
            Err(CopyError::Ended) => Err(RelayError::Server(None)),
            Err(CopyError::Chunks(_)) => Err(RelayError::Malformed),
            Err(CopyError::Write(error)) => Err(RelayError::Client(error)),
        };
    }
}

/// Reads until a head is complete, and returns its length.
async fn read_head(
    server: &mut Input<impl AsyncRead + Unpin>,
    has_answered: bool,
    progress: &Progress,
) -> Result<usize, RelayError> {
    let mut seen = 0;
    loop {
        if let Some(length) = find_end(server.bytes(), &mut seen) {
            return Ok(length);
        }
        if server.bytes().len() >= MAX_HEAD {
            return Err(RelayError::Malformed);
        }
        let filled = server.fill(HEAD_PIECE).await;
        let has_begun = has_answered || !server.bytes().is_empty();
        match filled {
            Ok(1..) => progress.activity.note(),
            Ok(0) if has_begun => return Err(RelayError::Server(None)),
            Ok(0) => return Err(RelayError::NoResponse(None)),
            Err(error) if has_begun => return Err(RelayError::Server(Some(error))),
            Err(error) => return Err(RelayError::NoResponse(Some(error))),
        }
    }
}
