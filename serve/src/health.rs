//! gRPC health (grpc.health.v1) of a server: of the server as a whole, and of Hubble's Observer, which is what
//! Hubble's clients ask for.

use tonic_health::{
    ServingStatus,
    pb::health_server::{Health as HealthRpc, HealthServer},
    server::HealthReporter,
};

/// The service name that Hubble's clients check. It is not the gRPC service's name.
pub const OBSERVER: &str = "hubble.server.Observer";

/// The name of the server as a whole (gRPC health checking protocol).
const SERVER: &str = "";

/// The health that a server reports.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// Not serving yet, and the gRPC service that tells so.
    pub async fn new() -> (Self, HealthServer<impl HealthRpc>) {
        let (reporter, service) = tonic_health::server::health_reporter();
        let health = Self(reporter);
        health.set(false).await;
        (health, service)
    }

    /// Whether clients get answers.
    pub async fn set(&self, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in [SERVER, OBSERVER] {
            self.0.set_service_status(name, status).await;
        }
    }

    /// Not serving any more. Streams that watch the health end, and do not hold up the server's own end.
    pub async fn end(&mut self) {
        self.set(false).await;
        for name in [SERVER, OBSERVER] {
            self.0.clear_service_status(name).await;
        }
    }
}
