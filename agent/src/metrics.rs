//! Prometheus metrics: Hubble's names where Hubble has them, `flows_` for the rest. Read from the
//! figures that the parts keep anyway, when they are asked for.

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{connections::Connections, control::Status, history::History, observe::Stats};

mod text;

/// Hubble's address of an agent's metrics.
const DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9965);

/// Metrics cannot be served.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// The address that was asked for is taken, or not ours.
    #[error("metrics: {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The server failed.
    #[error("metrics: {0}")]
    Serve(#[from] std::io::Error),
}

/// Where the figures are.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Fill and evictions.
    pub history: Arc<History>,
    /// The observer's.
    pub stats: Arc<Stats>,
    /// Control's.
    pub status: Arc<ArcSwap<Status>>,
    /// The kernel's connections.
    pub connections: Arc<Connections>,
}

/// Binds the address. Without one, the default if it is free: several agents can share a machine.
///
/// # Errors
/// An address that was asked for cannot be had.
pub async fn bind(address: Option<SocketAddr>) -> Result<Option<TcpListener>, MetricsError> {
    match (TcpListener::bind(address.unwrap_or(DEFAULT)).await, address) {
        (Ok(listener), _) => Ok(Some(listener)),
        (Err(source), Some(address)) => Err(MetricsError::Bind { address, source }),
        (Err(error), None) => {
            warn!(address = %DEFAULT, %error, "no metrics: name another address by --metrics-listen");
            Ok(None)
        }
    }
}

/// Serves `/metrics` until `stop` is cancelled.
///
/// # Errors
/// The socket fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), MetricsError> {
    let metrics = Arc::new(metrics);
    let page = move || {
        let metrics = Arc::clone(&metrics);
        async move {
            let counted = Arc::clone(&metrics.connections).count().await;
            let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, text::render(&metrics, counted.as_ref()))
        }
    };
    axum::serve(listener, Router::new().route("/metrics", get(page)))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await?;
    Ok(())
}
