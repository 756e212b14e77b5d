//! The connection to the server, opened when the first stream needs it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::held::{Both, Gated};
use super::{MAX_HEADER_LIST, SEND_BUFFER, connection_window};
use crate::http::limits::Limits;
use crate::http::record::Failure;

/// The connection to the server.
#[derive(Debug)]
pub(super) struct Server {
    wanted: Notify,
    state: watch::Sender<State>,
}

#[derive(Clone, Debug)]
enum State {
    Idle,
    Connecting,
    Open(SendRequest<Bytes>),
    /// The next stream tries again. `None`: not in time.
    Failed(Option<io::ErrorKind>),
    Gone,
}

/// Why a stream doesn't get to the server.
#[derive(Debug)]
pub(super) enum NoServer {
    /// The connection could not be opened.
    Failed(Failure),
    /// It ended.
    Gone,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            wanted: Notify::new(),
            state: watch::Sender::new(State::Idle),
        }
    }
}

impl Server {
    /// Opens the connection when it is wanted, and drives it. Ends when the server ended it.
    pub(super) async fn drive<U, F>(&self, limits: &Limits, held: &Both, connect: impl Fn() -> F)
    where
        U: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = io::Result<U>>,
    {
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(limits.stream_window)
            .initial_connection_window_size(connection_window(limits))
            // As of the client's connection.
            .max_concurrent_reset_streams(limits.streams as usize)
            .max_header_list_size(MAX_HEADER_LIST)
            .max_send_buffer_size(SEND_BUFFER);
        loop {
            self.wanted.notified().await;
            self.state.send_replace(State::Connecting);
            let open = async {
                let stream = connect().await.map_err(|error| error.kind())?;
                let stream = Gated::new(stream, &held.down, &held.up);
                let opened = builder.handshake::<_, Bytes>(stream).await;
                opened.map_err(|_error| io::ErrorKind::ConnectionAborted)
            };
            let failed = match timeout(limits.connect, open).await {
                Ok(Ok((sender, mut connection))) => {
                    self.state.send_replace(State::Open(sender));
                    // Its streams tell how it ended.
                    let polled = poll_fn(|cx| {
                        held.down.begin_turn();
                        let polled = Pin::new(&mut connection).poll(cx);
                        held.up.was_polled(polled.is_pending());
                        polled
                    });
                    drop(polled.await);
                    drop(connection);
                    self.state.send_replace(State::Gone);
                    return;
                }
                Ok(Err(kind)) => Some(kind),
                Err(_) => None,
            };
            self.state.send_replace(State::Failed(failed));
        }
    }

    /// What a stream sends its request by.
    pub(super) async fn sender(&self) -> Result<SendRequest<Bytes>, NoServer> {
        let mut state = self.state.subscribe();
        let is_idle = |state: &State| matches!(state, State::Idle | State::Failed(_));
        if is_idle(&state.borrow_and_update()) {
            self.wanted.notify_one();
            // The sender is in `self`.
            drop(state.changed().await);
        }
        loop {
            match &*state.borrow_and_update() {
                State::Idle | State::Connecting => {}
                State::Open(sender) => return Ok(sender.clone()),
                State::Failed(Some(kind)) => {
                    let failure = Failure::Connect((*kind).into());
                    return Err(NoServer::Failed(failure));
                }
                State::Failed(None) => return Err(NoServer::Failed(Failure::ConnectTimeout)),
                State::Gone => return Err(NoServer::Gone),
            }
            drop(state.changed().await);
        }
    }
}
