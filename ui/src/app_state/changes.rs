//! What changed in the cluster's state, as the server tells it.

use std::sync::Arc;

use client::Server;
use proto::flows::v1::{GetChangesRequest, GetChangesResponse};
use proto::google::Timestamp;

use super::marked::{ChangeMark, Marked};
use super::shared::{Shared, Unanswered};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    all: Shared<GetChangesResponse>,
    of_pods: Marked<GetChangesResponse>,
}

/// What can concern a pod, of a time (Unix ns, both included).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodQuery {
    /// `shop/web`.
    pub(crate) pod: String,
    pub(crate) from: i64,
    pub(crate) to: i64,
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

    /// All that was heard last, if anything was: for who can't wait.
    pub(crate) fn last(&self) -> Option<Arc<GetChangesResponse>> {
        self.all.last()
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

    /// What can concern a pod; `None`: nobody says. The server is asked when something has changed since,
    /// whoever looks how often.
    pub(crate) async fn of_pod(
        &self,
        server: &Server,
        query: PodQuery,
    ) -> Option<Arc<GetChangesResponse>> {
        let mark = self.mark(Some(server)).await;
        let PodQuery { pod, from, to } = query;
        let ask = async || {
            let request = GetChangesRequest {
                since: Some(Timestamp::from_unix_nanos(from)),
                until: Some(Timestamp::from_unix_nanos(to)),
                pod: pod.clone(),
                without_objects: true,
                ..GetChangesRequest::default()
            };
            Ok(server.get_changes(request).await?)
        };
        let key = format!("{pod} {from} {to}");
        self.of_pods.get(&key, mark, ask).await.ok()
    }

    async fn ask(&self, server: Option<&Server>) -> Result<Arc<GetChangesResponse>, Unanswered> {
        let request = GetChangesRequest {
            without_objects: true,
            ..GetChangesRequest::default()
        };
        self.all
            .get(server, async |server| server.get_changes(request).await)
            .await
    }
}
