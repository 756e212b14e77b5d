//! Prometheus metrics: Hubble's names where Hubble has them, `flows_` for the rest. Read from the
//! figures that the parts keep anyway, when they are asked for.

use std::{io, net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use prometheus_client::registry::Registry;
use serve::{
    listen::{Bound, Listen, ListenError},
    metrics::Scrape,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    changes::Changes,
    history::History,
    node::{Status, conntrack_stats::ConntrackStats},
    observe::Stats,
    proxy::ProxyStats,
};

mod page;
mod requests;

use page::Page;

/// Hubble's address of an agent's metrics.
const DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9965);

/// Where the figures are.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Fill and evictions.
    pub history: Arc<History>,
    /// The observer's.
    pub stats: Arc<Stats>,
    /// The enforcing thread's.
    pub status: Arc<ArcSwap<Status>>,
    /// The kernel's connections.
    pub connections: Arc<ConntrackStats>,
    /// What changed in the cluster's state.
    pub changes: Arc<Changes>,
    /// What came from the proxy; `None`: there is to be none.
    pub proxy: Option<Arc<ProxyStats>>,
}

/// Binds the address. Without one, the default if it is free: several agents can share a machine.
///
/// # Errors
/// An address that was asked for cannot be had.
pub fn bind(address: Option<SocketAddr>) -> Result<Option<Bound>, ListenError> {
    // Metrics tell nothing of who talks to whom: an address that others reach is no exposure.
    match (Listen::Tcp(address.unwrap_or(DEFAULT)).bind(true), address) {
        (Ok(bound), _) => Ok(Some(bound)),
        (Err(error), Some(_)) => Err(error),
        (Err(error), None) => {
            warn!(address = %DEFAULT, %error, "no metrics: name another address by --metrics-listen");
            Ok(None)
        }
    }
}

impl Scrape for Metrics {
    async fn scrape(&self) -> Arc<Registry> {
        let counted = Arc::clone(&self.connections).count().await;
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Page {
            metrics: self.clone(),
            counted,
        }));
        Arc::new(registry)
    }
}

/// Serves `/metrics` until `stop` is cancelled.
///
/// # Errors
/// The socket is not one of this runtime's.
pub async fn serve(bound: Bound, metrics: Metrics, stop: CancellationToken) -> io::Result<()> {
    stop.run_until_cancelled(serve::metrics::serve(bound, metrics))
        .await
        .unwrap_or(Ok(()))
}
