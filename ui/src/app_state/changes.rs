//! What changed in the cluster's state, as the server tells it.

use std::sync::Arc;

use client::Server;
use proto::flows::v1::{GetChangesRequest, GetChangesResponse};
use proto::google::Timestamp;

use super::shared::{Shared, Unanswered};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Changes(Shared<GetChangesResponse>);

/// Tells whether something changed: the number of known changes and what the newest one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangeMark {
    pub(super) changes: u64,
    pub(super) object: String,
    pub(super) time: Option<Timestamp>,
    pub(super) last_time: Option<Timestamp>,
}

impl Changes {
    /// All that the server knows, without the objects; why there is nothing, in words.
    pub(crate) async fn get(
        &self,
        server: Option<&Server>,
    ) -> Result<Arc<GetChangesResponse>, String> {
        let answer = self.ask(server).await;
        answer.map_err(|none| none.why)
    }

    /// The mark of the present state; `None`: the server doesn't say.
    pub(crate) async fn mark(&self, server: Option<&Server>) -> Option<ChangeMark> {
        let answer = self.ask(server).await.ok()?;
        let last = answer.changes.last();
        Some(ChangeMark {
            changes: answer.left_out.saturating_add(answer.changes.len() as u64),
            object: last.map_or_else(String::new, |last| last.object.clone()),
            time: last.and_then(|last| last.time),
            last_time: last.and_then(|last| last.last_time),
        })
    }

    async fn ask(&self, server: Option<&Server>) -> Result<Arc<GetChangesResponse>, Unanswered> {
        let request = GetChangesRequest {
            without_objects: true,
            ..GetChangesRequest::default()
        };
        self.0
            .get(server, async |server| server.get_changes(request).await)
            .await
    }
}
