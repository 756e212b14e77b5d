//! Streams of responses.

use std::sync::Arc;

use proto::observer::GetFlowsResponse;
use tonic::Streaming;

use super::error::{RequestError, Service};

/// The responses to a request, as they come.
#[derive(Debug)]
pub struct ResponseStream<T> {
    pub(super) stream: Streaming<T>,
    pub(super) server: Arc<str>,
    pub(super) service: Service,
    pub(super) what: &'static str,
    /// It goes on until somebody stops it: its end is an error.
    pub(super) is_endless: bool,
}

impl<T> ResponseStream<T> {
    /// The next response; `None` after the last one. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// The server refuses, the connection broke, or a stream that follows came to its end.
    pub async fn message(&mut self) -> Result<Option<T>, RequestError> {
        match self.stream.message().await {
            Ok(None) if self.is_endless => {
                Err(RequestError::ended(&self.server, self.service, self.what))
            }
            Ok(message) => Ok(message),
            Err(status) => Err(RequestError::new(
                &self.server,
                self.service,
                self.what,
                status,
            )),
        }
    }
}

/// The responses to a request for flows.
#[derive(Debug)]
pub struct FlowStream {
    pub(super) stream: ResponseStream<GetFlowsResponse>,
    pub(super) counts_per_node: bool,
}

impl FlowStream {
    /// The next response; `None` after the last one. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// See [`ResponseStream::message`].
    pub async fn message(&mut self) -> Result<Option<GetFlowsResponse>, RequestError> {
        self.stream.message().await
    }

    /// The server is a relay that applies the number to each node by itself, as Hubble's does.
    #[must_use]
    pub fn counts_per_node(&self) -> bool {
        self.counts_per_node
    }
}
