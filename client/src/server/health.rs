//! `grpc.health.v1`: whether a server says that it serves.

use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    MAX_MESSAGE, Server,
    error::{RequestError, Service},
};

/// The name under which Hubble's servers answer.
const OBSERVER: &str = "hubble.server.Observer";

impl Server {
    /// Whether flows can be had there; else the status that it reports: `NOT_SERVING`.
    ///
    /// # Errors
    /// The server has no such service, or can't be reached.
    pub async fn check_health(&self) -> Result<Result<(), &'static str>, RequestError> {
        let request = self.request(HealthCheckRequest {
            service: OBSERVER.to_owned(),
        });
        let mut client =
            HealthClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let response = client.check(request).await;
        let response = self.response(Service::Health, "a health check", response)?;
        let status = response.status();
        Ok(if status == ServingStatus::Serving {
            Ok(())
        } else {
            Err(status.as_str_name())
        })
    }
}
