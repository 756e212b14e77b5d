//! What people said of incidents, as the servers keep it.

use std::sync::Arc;

use client::{RequestError, Server};
use proto::flows::v1::{AcknowledgeResponse, Acknowledgement, GetAcknowledgementsResponse};

use super::shared::{Shared, Unanswered};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged(Shared<GetAcknowledgementsResponse>);

impl Acknowledged {
    /// All that the servers know.
    pub(crate) async fn get(
        &self,
        server: Option<&Server>,
    ) -> Result<Arc<GetAcknowledgementsResponse>, Unanswered> {
        self.0
            .get(server, async |server| server.get_acknowledgements().await)
            .await
    }

    /// Tells the servers; who looks next sees it.
    pub(crate) async fn put(
        &self,
        server: &Server,
        said: Acknowledgement,
    ) -> Result<AcknowledgeResponse, RequestError> {
        let answer = server.acknowledge(said).await;
        self.0.forget().await;
        answer
    }
}
