//! The relay's counters, for Prometheus.

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Node {
    node: String,
}

/// A peer's connection status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

/// All counters. Cloning a family shares it.
pub struct Metrics {
    registry: Arc<Registry>,
    delivered: Counter,
    untimed: Counter,
    forgotten: Counter,
    late: Family<Node, Counter>,
    silent: Family<Node, Counter>,
    errors: Family<Node, Counter>,
    peers: Family<Status, Gauge<u64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Self {
            registry: Arc::default(),
            delivered: Counter::default(),
            untimed: Counter::default(),
            forgotten: Counter::default(),
            late: Family::default(),
            silent: Family::default(),
            errors: Family::default(),
            peers: Family::default(),
        };
        let mut registry = Registry::default();
        registry.register(
            "hubble_relay_pool_peer_connection_status",
            "Peers by connection status",
            all.peers.clone(),
        );
        let relay = registry.sub_registry_with_prefix("flows_relay");
        relay.register(
            "responses",
            "Responses delivered to clients",
            all.delivered.clone(),
        );
        relay.register(
            "late_responses",
            "Responses delivered behind a later one, by the node that sent them",
            all.late.clone(),
        );
        relay.register(
            "silent_nodes",
            "Times a query stopped waiting for a node",
            all.silent.clone(),
        );
        relay.register(
            "node_errors",
            "Streams of nodes that failed",
            all.errors.clone(),
        );
        relay.register(
            "untimed_responses",
            "Responses without a time",
            all.untimed.clone(),
        );
        relay.register(
            "forgotten_responses",
            "Responses of a query for the newest flows that exceeded its memory",
            all.forgotten.clone(),
        );
        all.registry = Arc::new(registry);
        all
    }
}

impl Metrics {
    pub(crate) fn delivered(&self) {
        self.delivered.inc();
    }

    pub(crate) fn untimed(&self, count: usize) {
        if count > 0 {
            self.untimed
                .inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn forgotten(&self, count: u64) {
        self.forgotten.inc_by(count);
    }

    pub(crate) fn late(&self, node: &str) {
        self.late
            .get_or_create(&Node {
                node: node.to_owned(),
            })
            .inc();
    }

    pub(crate) fn silent(&self, node: &str) {
        self.silent
            .get_or_create(&Node {
                node: node.to_owned(),
            })
            .inc();
    }

    pub(crate) fn node_error(&self, node: &str) {
        self.errors
            .get_or_create(&Node {
                node: node.to_owned(),
            })
            .inc();
    }

    pub(crate) fn peers(&self, connected: u64, unavailable: u64) {
        self.peers
            .get_or_create(&Status { status: "READY" })
            .set(connected);
        self.peers
            .get_or_create(&Status {
                status: "TRANSIENT_FAILURE",
            })
            .set(unavailable);
    }

    /// Responses delivered behind a later one, so far, for one node.
    #[must_use]
    pub fn late_of(&self, node: &str) -> u64 {
        self.late
            .get_or_create(&Node {
                node: node.to_owned(),
            })
            .get()
    }

    /// All of them, to be served.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }
}
