//! Flows from before those that are in the store.

use std::sync::Arc;

use proto::{
    google::Timestamp,
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
};
use tokio::sync::oneshot;

use super::{EXTENSIONS, FlowQuery, dedup_window::DedupWindow};
use crate::{
    server::{RequestError, Server},
    store::Store,
};

/// Up to when flows are older ones.
#[derive(Clone, Copy, Debug)]
pub(super) enum OlderThan {
    /// The first one of the store; nothing is older than none.
    Stored,
    /// The first one of the store or, without one, a moment, Unix ns.
    StoredOr(i64),
}

/// A query for older flows.
#[derive(Debug)]
pub(super) struct OlderQuery {
    pub(super) ask: FlowQuery,
    pub(super) store: Arc<Store>,
    pub(super) before: OlderThan,
    /// How many at most.
    pub(super) most: u64,
    pub(super) done: oneshot::Sender<Result<usize, String>>,
}

impl OlderQuery {
    pub(super) fn refuse(self, why: String) {
        self.answer(Err(why));
    }

    fn answer(self, answer: Result<usize, String>) {
        // Who wished may have gone.
        let _gone = self.done.send(answer);
    }
}

/// Asks for them, and puts them before the others.
pub(super) async fn fetch(server: Server, query: OlderQuery) {
    let result = ask(&server, &query)
        .await
        .map(|responses| query.store.prepend(&responses));
    query.answer(result.map_err(|error| error.message()));
}

async fn ask(server: &Server, query: &OlderQuery) -> Result<Vec<GetFlowsResponse>, RequestError> {
    let snapshot = query.store.snapshot();
    let (known, oldest) = match (DedupWindow::oldest(&snapshot), query.before) {
        (Some(oldest), _) => oldest,
        (None, OlderThan::StoredOr(moment)) => (DedupWindow::begin(&snapshot, moment), moment),
        (None, OlderThan::Stored) => return Ok(Vec::new()),
    };
    let request = GetFlowsRequest {
        // Flows of the same moment as the oldest one come again.
        number: query
            .most
            .saturating_add(DedupWindow::up_to(&snapshot, oldest)),
        since: None,
        until: Some(Timestamp::from_unix_nanos(oldest)),
        follow: false,
        ..query.ask.request()
    };
    let mut stream = server.get_flows(request, EXTENSIONS).await?;
    let mut responses = Vec::new();
    while let Some(response) = stream.message().await? {
        // How the nodes are now says nothing of then.
        let of_now = matches!(response.response_types, Some(ResponseTypes::NodeStatus(_)));
        if !of_now && !known.has(&response) {
            responses.push(response);
        }
    }
    Ok(responses)
}
