//! The running relay: listeners, health, reflection, metrics, peers.

use std::{io, sync::Arc, time::Duration};

use proto::flows::v1::{
    names_server::NamesServer, policy_server::PolicyServer, status_server::StatusServer,
};
use serve::{
    grpc::{self, Places, with_reflection},
    health::Health,
    listen::{Bound, Listen, ListenError},
    metrics as metrics_page,
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
};
use tonic::service::Routes;
use tracing::info;

use crate::{
    config::Config,
    metrics::Metrics,
    names,
    peer::{Link, Pool, Snapshot, follow_service},
    policy,
    query::Context,
    relay::Relay,
    service::ObserverService,
    status,
};

/// How long clients have to end their streams when the relay stops.
const GRACE: Duration = Duration::from_secs(1);

/// A relay with its listeners bound.
pub struct Server {
    config: Config,
    bound: Vec<(Listen, Bound)>,
    metrics_listener: Option<Bound>,
    metrics: Arc<Metrics>,
}

/// Why the relay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It could not listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A listener's server ended.
    #[error(transparent)]
    Grpc(#[from] grpc::ServeError),
    /// The metrics' socket cannot be used.
    #[error("serving: {0}")]
    Socket(#[from] io::Error),
    /// A part of it panicked.
    #[error("a part of the relay ended: {0}")]
    Part(#[from] JoinError),
}

impl Server {
    /// Binds all listeners.
    ///
    /// # Errors
    /// When one of them can't be bound.
    pub fn bind(config: Config) -> Result<Self, ServeError> {
        let mut bound = Vec::new();
        for listen in &config.listen {
            bound.push((listen.clone(), listen.bind(config.insecure)?));
        }
        let metrics_listener = metrics_page::bind(config.metrics_listen.as_ref(), config.insecure)?;
        Ok(Self {
            config,
            bound,
            metrics_listener,
            metrics: Arc::new(Metrics::default()),
        })
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Serves until `stop` resolves.
    ///
    /// # Errors
    /// When a listener or a part of the relay fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        let Self {
            config,
            bound,
            metrics_listener,
            metrics,
        } = self;
        let (pool, peers) = Pool::new(config.backoff);
        let (changes, received) = mpsc::channel(64);
        let (stopping, stopped) = watch::channel(false);
        let mut parts: JoinSet<Result<(), ServeError>> = JoinSet::new();

        parts.spawn(endless(pool.run(received)));
        parts.spawn(endless(feed(
            config.peers,
            config.peer_service,
            config.backoff,
            changes,
        )));

        // Not serving as long as there is no peer.
        let (health, health_service) = Health::new().await;
        parts.spawn(endless(watch_peers(
            peers.clone(),
            health,
            Arc::clone(&metrics),
        )));

        let context = Context {
            name: config.name,
            peers,
            timeouts: config.timeouts,
            metrics: Arc::clone(&metrics),
        };
        let relay = Arc::new(Relay { context });
        let status = status::Service::new(Arc::clone(&relay));
        let policy = policy::Service::new(Arc::clone(&relay));
        let names = names::Service::new(Arc::clone(&relay));
        let routes = Routes::new(ObserverService::new(relay))
            .add_service(StatusServer::new(status))
            .add_service(PolicyServer::new(policy))
            .add_service(NamesServer::new(names))
            .add_service(health_service);
        let routes = with_reflection(routes)?;
        let places = Places::new(config.limits);
        for (listen, bound) in bound {
            info!(address = %listen, "listening");
            let mut stopped = stopped.clone();
            let stopped = async move {
                let _sender_gone = stopped.wait_for(|stopped| *stopped).await;
            };
            let (places, routes) = (places.clone(), routes.clone());
            parts.spawn(async move { Ok(places.serve(bound, routes, stopped).await?) });
        }
        if let Some(listener) = metrics_listener {
            let registry = metrics.registry();
            parts.spawn(async move { Ok(metrics_page::serve(listener, registry).await?) });
        }

        tokio::select! {
            () = stop => {}
            Some(ended) = parts.join_next() => return ended?,
        }
        info!("stopping");
        let _nobody_listens = stopping.send(true);
        // Streams that follow never end by themselves.
        tokio::time::sleep(GRACE.min(Duration::from_millis(200))).await;
        parts.shutdown().await;
        Ok(())
    }
}

/// A part that has no end of its own.
async fn endless(part: impl Future<Output = ()>) -> Result<(), ServeError> {
    part.await;
    Ok(())
}

/// Tells the pool its peers, and goes on telling.
async fn feed(
    peers: Vec<crate::peer::Change>,
    service: Option<crate::peer::Address>,
    backoff: crate::peer::Backoff,
    changes: mpsc::Sender<crate::peer::Change>,
) {
    for peer in peers {
        if changes.send(peer).await.is_err() {
            return;
        }
    }
    match service {
        Some(service) => follow_service(service, backoff, changes).await,
        None => std::future::pending().await,
    }
}

/// Health and the peers' gauge follow the connections.
async fn watch_peers(mut peers: watch::Receiver<Snapshot>, health: Health, metrics: Arc<Metrics>) {
    let mut serving = false;
    loop {
        let (connected, all) = {
            let peers = peers.borrow_and_update();
            let up = peers
                .values()
                .filter(|peer| matches!(peer.link, Link::Connected { .. }));
            (up.count(), peers.len())
        };
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        metrics.peers(count(connected), count(all - connected));
        if serving != (connected > 0) {
            serving = connected > 0;
            health.set(serving).await;
        }
        if peers.changed().await.is_err() {
            return;
        }
    }
}
