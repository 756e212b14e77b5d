//! Prometheus metrics over HTTP, in the OpenMetrics text format.

use std::{fmt, io, sync::Arc};

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};

use crate::{
    http::Limited,
    listen::{Bound, Listen, ListenError},
};

mod writer;

pub use writer::Writer;

/// Of [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/), which Prometheus reads since 2.5.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where a page of metrics comes from.
pub trait Scrape: Send + Sync + 'static {
    /// The metrics as they are now.
    fn scrape(&self) -> impl Future<Output = Arc<Registry>> + Send;
}

impl Scrape for Arc<Registry> {
    async fn scrape(&self) -> Arc<Registry> {
        Arc::clone(self)
    }
}

/// The page's text.
///
/// # Errors
/// A collector fails.
pub fn text(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}

/// Binds the address of `--metrics-listen`, when there is one.
///
/// # Errors
/// It is a unix socket, can't be had, or is reachable from elsewhere without `insecure`.
pub fn bind(listen: Option<&Listen>, insecure: bool) -> Result<Option<Bound>, ListenError> {
    match listen {
        None => Ok(None),
        Some(unix @ Listen::Unix(_)) => Err(ListenError::BadAddress(unix.to_string())),
        Some(tcp) => tcp.bind(insecure).map(Some),
    }
}

/// Serves `/metrics`, until the future is dropped.
///
/// # Errors
/// The socket is not one of this runtime's, or a unix one.
pub async fn serve(bound: Bound, source: impl Scrape) -> io::Result<()> {
    let source = Arc::new(source);
    let page = move || {
        let source = Arc::clone(&source);
        async move {
            let registry = source.scrape().await;
            match text(&registry) {
                Ok(text) => Ok(([(CONTENT_TYPE, OPENMETRICS)], text)),
                Err(fmt::Error) => Err(StatusCode::INTERNAL_SERVER_ERROR),
            }
        }
    };
    let router = Router::new().route("/metrics", get(page));
    match Limited::new(bound)?.serve(router).await {}
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_page_of_metrics() {
        let mut registry = Registry::default();
        let counter = Counter::<u64>::default();
        registry.register("answers", "Answers", counter.clone());
        counter.inc_by(42);
        let listen: Listen = "127.0.0.1:0".parse().unwrap();
        let bound = listen.bind(false).unwrap();
        let Bound::Tcp(listener) = &bound else {
            unreachable!("a TCP address was asked for");
        };
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(bound, Arc::new(registry)));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.contains(OPENMETRICS), "{text}");
        assert!(text.contains("\nanswers_total 42\n# EOF\n"), "{text}");
        serving.abort();
    }

    #[test]
    fn addresses() {
        for (text, insecure, good) in [
            ("127.0.0.1:0", false, true),
            ("0.0.0.0:0", false, false),
            ("0.0.0.0:0", true, true),
            ("unix:///run/metrics.sock", true, false),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!(bind(Some(&listen), insecure).is_ok(), good, "{text}");
        }
        assert!(bind(None, false).unwrap().is_none());
    }
}
