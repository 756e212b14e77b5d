//! A server, and every request that can be sent to it.
//!
//! ```text
//! observer  flows, agent and debug events, nodes, namespaces   Hubble's, of all servers
//! health    grpc.health.v1                                     of all servers
//! peer      the nodes an agent knows                           Hubble's, of agents
//! policy    trace, validate, explain, what is in force         of flows agents and relays
//! names     what pods were told for names                      of flows agents and relays
//! status    policies, problems, losses                         of flows agents and relays
//! ```

mod error;
mod health;
mod names;
mod observer;
mod peer;
mod policy;
mod status;
mod stream;

use std::{sync::Arc, time::Duration};

use tonic::{Response, Status, transport::Channel};

use crate::{error::ConnectError, target::Target};

pub use error::{RequestError, Service};
pub use observer::FlowOptions;
pub use status::Health;
pub use stream::{FlowStream, ResponseStream};

/// Largest message in either direction, bytes: the manifests of a whole cluster.
const MAX_MESSAGE: usize = 64 << 20;

/// A connection to a server. Made again when it broke; a clone shares it.
#[derive(Clone, Debug)]
pub struct Server {
    address: Arc<str>,
    channel: Channel,
    request_timeout: Duration,
}

impl Server {
    /// How long connecting may take unless somebody says otherwise.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long a single response may take unless somebody says otherwise: a relay waits some seconds
    /// for a silent node before it responds.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);

    /// A connection that is made with the first request.
    ///
    /// # Errors
    /// The target is not an address. Needs a tokio runtime.
    pub fn new(target: &Target) -> Result<Self, ConnectError> {
        Ok(Self::over(target, target.lazy(Self::CONNECT_TIMEOUT)?))
    }

    /// Connects, within a time.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn connect(target: &Target, within: Duration) -> Result<Self, ConnectError> {
        Ok(Self::over(target, target.connect(within).await?))
    }

    /// With another timeout for requests with a single response. Streams have none.
    #[must_use]
    pub fn with_request_timeout(self, request_timeout: Duration) -> Self {
        Self {
            request_timeout,
            ..self
        }
    }

    /// The server's address, as people write it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn over(target: &Target, channel: Channel) -> Self {
        Self {
            address: target.address.as_str().into(),
            channel,
            request_timeout: Self::REQUEST_TIMEOUT,
        }
    }

    /// A message as a request for a single response.
    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(self.request_timeout);
        request
    }

    /// The message of a response.
    fn response<T>(
        &self,
        service: Service,
        what: &'static str,
        response: Result<Response<T>, Status>,
    ) -> Result<T, RequestError> {
        match response {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(RequestError::new(&self.address, service, what, status)),
        }
    }
}
