//! A second store, for the filters of the screen: of the flows in the first one those that they let
//! through, as they come, and older ones of the server's before them. So a filter never shows fewer
//! flows than are held, even if the server has forgotten them, and nothing is asked for twice.

use std::{sync::Arc, time::Duration};

use client::{Feed, FlowQuery, Item, Snapshot, Store};
use flow::{Filter, FilterError, Program, view::Message};
use proto::{
    google::Timestamp,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};
use tokio::{
    sync::watch,
    task::{JoinError, spawn_blocking},
    time::timeout,
};

/// Flows that are taken over at once.
const BATCH: usize = 2048;
/// Longest wait for the server's older flows before those that are held are shown: they come before
/// the others whenever they come.
const PATIENCE: Duration = Duration::from_secs(4);

/// See the module.
pub(super) struct FilteredStore {
    /// What the server is asked for.
    pub(super) ask: FlowQuery,
    pub(super) store: Arc<Store>,
    pub(super) changes: watch::Receiver<u64>,
    lets: Program,
    /// It has expressions over the message, of which a row knows nothing: they would hold of none.
    expressions: bool,
    /// Number up to which the first store was looked at.
    seen: u64,
    /// Older flows are still to be asked for.
    lacks_older: bool,
}

impl FilteredStore {
    /// An empty one.
    ///
    /// # Errors
    /// What is asked for can't be read.
    pub(super) fn new(ask: FlowQuery, capacity: usize) -> Result<Self, FilterError> {
        let store = Arc::new(Store::new(capacity));
        let lets = Filter::from_lists(&ask.whitelist, &ask.blacklist)?;
        Ok(Self {
            // With a time from which on all was asked for, there is nothing older that is wanted.
            lacks_older: ask.last > 0 && ask.since.is_none(),
            changes: store.changes(),
            lets: lets.program(),
            expressions: ask
                .whitelist
                .iter()
                .chain(&ask.blacklist)
                .filter_map(|filter| filter.experimental.as_ref())
                .any(|experimental| !experimental.cel_expression.is_empty()),
            seen: 0,
            store,
            ask,
        })
    }

    /// Takes over what the first store has and it hasn't seen.
    pub(super) fn follow(&mut self, base: &Snapshot) {
        let range = base.range();
        let mut flows = Vec::new();
        let mut messages = base.messages();
        for (number, item) in base.iter(self.seen.max(range.start)..range.end) {
            match item {
                // Most filters are answered by the row alone, without the message.
                Item::Flow(row) if self.expressions || self.lets.matches(row) => {
                    let Some(flow) = messages.get(number) else {
                        continue;
                    };
                    if self.expressions && !self.lets.matches(&Message::new(&flow)) {
                        continue;
                    }
                    flows.push(GetFlowsResponse {
                        node_name: flow.node_name.clone(),
                        time: Some(Timestamp::from_unix_nanos(row.time())),
                        response_types: Some(ResponseTypes::Flow(flow)),
                    });
                }
                Item::Flow(_) => {}
                Item::Marker(mark) => {
                    self.put(&mut flows);
                    self.store.mark((**mark).clone());
                }
            }
            if flows.len() >= BATCH {
                self.put(&mut flows);
            }
        }
        self.put(&mut flows);
        self.seen = range.end;
    }

    fn put(&self, flows: &mut Vec<GetFlowsResponse>) {
        if !flows.is_empty() {
            // Nodes are counted where the flows come from.
            self.store.push(flows, i64::MAX);
            flows.clear();
        }
    }

    /// What it holds, with what the first store has by now; nothing before it counts as a change.
    pub(super) fn look(&mut self, base: &Snapshot) -> Snapshot {
        self.follow(base);
        self.changes.mark_unchanged();
        self.store.snapshot()
    }

    /// The question for older flows, if they are still lacking: how many, and those before which
    /// moment (Unix ns). It is asked once.
    pub(super) fn lacks(&mut self, base: &Snapshot) -> Option<(u64, i64)> {
        // A server without any flow has none of these either.
        let since = oldest(base).filter(|_| self.lacks_older)?;
        self.lacks_older = false;
        let have = self.store.snapshot().counts().flows;
        let most = self.ask.last.saturating_sub(have);
        (most > 0).then_some((most, since))
    }

    /// Takes over what is held, and waits a while for what the server has before that.
    ///
    /// # Errors
    /// Taking over was cut off.
    pub(super) async fn prepare(
        mut self,
        base: Snapshot,
        feed: Arc<Feed>,
        asks: bool,
    ) -> Result<Self, JoinError> {
        let followed = spawn_blocking(move || {
            self.follow(&base);
            (self, base)
        });
        let (mut own, base) = followed.await?;
        if asks && let Some((most, since)) = own.lacks(&base) {
            let store = Arc::clone(&own.store);
            let older = feed.older_of(own.ask.clone(), store, since, most);
            // Late ones come all the same.
            let refused = matches!(timeout(PATIENCE, older).await, Ok(Err(_)));
            own.lacks_older = refused;
        }
        Ok(own)
    }
}

/// A change of what it holds; none, if there is none.
pub(super) async fn changed(narrowed: &mut Option<FilteredStore>) {
    match narrowed {
        Some(narrowed) => {
            // The store lives as long as we do.
            let changed = narrowed.changes.changed().await;
            debug_assert!(changed.is_ok());
        }
        None => std::future::pending().await,
    }
}

/// Time of the first flow, Unix ns.
pub(super) fn oldest(snapshot: &Snapshot) -> Option<i64> {
    snapshot
        .iter(snapshot.range())
        .find_map(|(_, item)| match item {
            Item::Flow(row) => Some(row.time()),
            Item::Marker(_) => None,
        })
}

#[cfg(test)]
mod tests {
    use proto::flow::{Endpoint, Flow, FlowFilter, flow_filter::Experimental};

    use super::*;

    /// Expressions look at messages, which rows aren't: what is held is filtered by them all the same.
    #[test]
    fn expressions_narrow_the_flows_that_are_held() {
        let base = Store::new(100);
        for pod in ["web", "db"] {
            let time = Some(Timestamp::from_unix_nanos(1_000_000_000));
            let flow = Flow {
                time,
                source: Some(Endpoint {
                    pod_name: pod.to_owned(),
                    ..Endpoint::default()
                }),
                ..Flow::default()
            };
            let response = GetFlowsResponse {
                time,
                response_types: Some(ResponseTypes::Flow(flow)),
                ..GetFlowsResponse::default()
            };
            base.push(&[response], i64::MAX);
        }
        let filter = |of: &str| FlowFilter {
            experimental: Some(Experimental {
                cel_expression: vec![format!("_flow.source.pod_name == '{of}'")],
            }),
            ..FlowFilter::default()
        };
        for (whitelist, blacklist, left) in [
            (vec![filter("web")], vec![], "web"),
            (vec![], vec![filter("web")], "db"),
        ] {
            let ask = FlowQuery {
                whitelist,
                blacklist,
                ..FlowQuery::default()
            };
            let mut narrowed = FilteredStore::new(ask, 100).unwrap();
            let snapshot = narrowed.look(&base.snapshot());
            let pods: Vec<String> = snapshot
                .range()
                .filter_map(|number| Some(snapshot.message(number)?.source?.pod_name))
                .collect();
            assert_eq!(pods, [left]);
        }
    }
}
