//! The agent's API: Hubble's services `observer.Observer` and `peer.Peer`, health, reflection, and our
//! own `flows.v1.Status`, `flows.v1.Policy` and `flows.v1.Names`. Field
//! numbers and semantics are Hubble's (v1.19), so that its CLI, relay and UI can talk to us.

mod agent_events;
mod flows;
mod mask;
mod names;
mod observer;
mod openers;
mod peer;
mod policy;
mod request;
mod select;
mod status;

use std::sync::Arc;

use ::serve::{
    grpc::{Limits, Places, ServeError, with_reflection},
    health::Health,
    listen::Bound,
};
use arc_swap::ArcSwap;
use futures::future::try_join_all;
use proto::{
    flows::v1::{
        names_server::NamesServer, policy_server::PolicyServer, status_server::StatusServer,
    },
    observer::observer_server::ObserverServer,
    peer::peer_server::PeerServer,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    history::History,
    hubble::{FlowBuilder, agent_events::AgentEvents},
    node::{Peers, Status, conntrack_stats::ConntrackStats, names::NameTable},
    observe::Stats,
};

pub use mask::{Mask, MaskError};
pub use policy::PolicyAccess;
pub use request::{Query, RequestError, Start};
pub use select::{Selection, SelectionError};

/// The version in the header `hubble-server-version`: that of Hubble whose API this is at least. A
/// client that is older than it would warn.
const SERVER_VERSION: &str = concat!("1.15.0+flows-", env!("CARGO_PKG_VERSION"));
/// What `ServerStatus` and `GetNodes` say.
const VERSION: &str = concat!("flows v", env!("CARGO_PKG_VERSION"));

/// What the services speak of.
#[derive(Clone)]
pub struct Api {
    /// The flows.
    pub history: Arc<History>,
    /// How they are shown.
    pub flow_builder: FlowBuilder,
    /// Present names, for what is not of the past.
    pub names: Arc<ArcSwap<NameTable>>,
    /// The observer's figures.
    pub stats: Arc<Stats>,
    /// The enforcing thread's figures.
    pub status: Arc<ArcSwap<Status>>,
    /// What is in force, and what it decided; `None` where there is no kernel to have it.
    pub policy: Option<PolicyAccess>,
    /// What changed on the node.
    pub events: Arc<AgentEvents>,
    /// Connections in the kernel; `None` where there is none.
    pub connections: Option<Arc<ConntrackStats>>,
    /// Nodes of the cluster and the addresses of their agents.
    pub peers: watch::Receiver<Arc<Peers>>,
    /// Kernel time at which the agent started, ns.
    pub started: u64,
    /// Address at which this agent can be reached by others; may be empty.
    pub address: String,
    /// Ends all streams with OK.
    pub stop: CancellationToken,
}

/// Serves until `api.stop` is cancelled, then lets calls finish.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(api: Api, listeners: Vec<Bound>) -> Result<(), ServeError> {
    let stop = api.stop.clone();
    let (mut health, health_service) = Health::new().await;
    let routes = with_reflection(services(api).add_service(health_service))?;
    health.set(true).await;
    let places = Places::new(Limits::agent());
    let served = try_join_all(
        listeners
            .into_iter()
            .map(|bound| places.serve(bound, routes.clone(), stop.clone().cancelled_owned())),
    );
    let ended = async {
        stop.cancelled().await;
        health.end().await;
    };
    // A listener that fails ends the others.
    let served = async {
        let served = served.await;
        stop.cancel();
        served
    };
    let (served, ()) = tokio::join!(served, ended);
    served?;
    Ok(())
}

fn services(api: Api) -> Routes {
    let peer = PeerServer::new(peer::Service::new(api.peers.clone(), api.stop.clone()));
    let policy = policy::Service::new(api.clone());
    Routes::new(peer)
        .add_service(StatusServer::new(status::Service::new(api.clone())))
        .add_service(PolicyServer::new(policy.clone()))
        .add_service(NamesServer::new(policy))
        .add_service(ObserverServer::new(observer::Service::new(api)))
}

/// Marks a response as coming from a server of this version.
fn versioned<T>(message: T) -> tonic::Response<T> {
    let mut response = tonic::Response::new(message);
    response.metadata_mut().insert(
        "hubble-server-version",
        tonic::metadata::MetadataValue::from_static(SERVER_VERSION),
    );
    response
}
