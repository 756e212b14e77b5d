//! The metrics of flows-ui, for Prometheus: requests are counted as they are answered, all else is read
//! when it is asked for.

use std::fmt;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use client::ConnectionState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::{counter::Counter, family::Family};
use prometheus_client::registry::Registry;
use serve::metrics::Writer;

use crate::app_state::{AppState, STREAMS};

/// What requests are counted by. Routes, not paths: there are few of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    status: u16,
}

/// All metrics. A clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    registry: Arc<Registry>,
    /// Without the slash at its end.
    base_path: Arc<str>,
}

impl Metrics {
    /// Of a server whose page is below a path.
    pub(crate) fn new(app: Arc<AppState>, base_path: &str) -> Self {
        let requests = Family::default();
        let mut registry = Registry::default();
        registry.register(
            "flows_ui_http_requests",
            "Requests answered, by route and status",
            requests.clone(),
        );
        registry.register_collector(Box::new(Page(app)));
        Self {
            requests,
            registry: Arc::new(registry),
            base_path: base_path.trim_end_matches('/').into(),
        }
    }

    /// All of them, to be served.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }
}

/// Counts a request once its answer begins.
pub(crate) async fn count_request(
    State(metrics): State<Metrics>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let matched = matched.as_ref().map_or("none", MatchedPath::as_str);
    // Where nothing is left it is the redirect to the page.
    let route = matched.strip_prefix(&*metrics.base_path);
    let route = route.filter(|route| !route.is_empty());
    let answered = Answered {
        route: route.unwrap_or(matched).to_owned(),
        status: response.status().as_u16(),
    };
    metrics.requests.get_or_create(&answered).inc();
    response
}

/// Writes what is known of the flows and the server that they come from.
#[derive(Debug)]
struct Page(Arc<AppState>);

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let page = &mut Writer::new(encoder);
        let app = &self.0;
        let snapshot = app.store.snapshot();
        let (range, counts) = (snapshot.range(), snapshot.counts());
        for (name, help, value) in [
            ("flows_ui_flows_received", "Flows received", counts.flows),
            (
                "flows_ui_flows_evicted",
                "Flows, and marks of losses, evicted to make room",
                counts.evicted,
            ),
            (
                "flows_ui_lost_events",
                "Events that the server said were lost",
                counts.lost,
            ),
        ] {
            page.counter(name, help, value)?;
        }
        let streams = STREAMS.saturating_sub(app.streams.available_permits());
        let connected = matches!(app.link(), ConnectionState::Live { .. });
        for (name, help, value) in [
            (
                "flows_ui_flows",
                "Flows, and marks of losses, in memory",
                range.end - range.start,
            ),
            (
                "flows_ui_capacity_flows",
                "Flows that are kept at most",
                app.store.capacity() as u64,
            ),
            (
                "flows_ui_event_streams",
                "Event streams that are open",
                streams as u64,
            ),
            (
                "flows_ui_event_streams_limit",
                "Event streams that can be open",
                STREAMS as u64,
            ),
            (
                "flows_ui_server_connected",
                "1 while flows come from the server",
                u64::from(connected),
            ),
        ] {
            page.gauge(name, help, value)?;
        }
        Ok(())
    }
}
