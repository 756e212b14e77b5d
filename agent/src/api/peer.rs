//! peer.Peer: the nodes of the cluster, for a relay.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt as _, stream};
use proto::peer::{
    ChangeNotification, ChangeNotificationType as Change, NotifyRequest, peer_server::Peer,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::node::Peers;

pub(super) struct Service {
    peers: watch::Receiver<Arc<Peers>>,
    stop: CancellationToken,
}

impl Service {
    pub(super) fn new(peers: watch::Receiver<Arc<Peers>>, stop: CancellationToken) -> Self {
        Self { peers, stop }
    }
}

#[tonic::async_trait]
impl Peer for Service {
    type NotifyStream = Pin<Box<dyn Stream<Item = Result<ChangeNotification, Status>> + Send>>;

    async fn notify(
        &self,
        _: Request<NotifyRequest>,
    ) -> Result<Response<Self::NotifyStream>, Status> {
        let mut peers = self.peers.clone();
        peers.mark_changed();
        let state = (peers, Arc::new(Peers::new()), self.stop.clone());
        let batches = stream::unfold(state, |(mut peers, told, stop)| async move {
            tokio::select! {
                changed = peers.changed() => changed.ok()?,
                () = stop.cancelled() => return None,
            }
            let now = Arc::clone(&peers.borrow_and_update());
            let changes = stream::iter(changes(&told, &now).into_iter().map(Ok));
            Some((changes, (peers, now, stop)))
        });
        Ok(super::versioned(Box::pin(batches.flatten())))
    }
}

/// What a subscriber who knows `before` must hear to know `now`.
fn changes(before: &Peers, now: &Peers) -> Vec<ChangeNotification> {
    let notification = |name: &str, address: &str, change: Change| ChangeNotification {
        name: name.into(),
        address: address.into(),
        r#type: change.into(),
        tls: None,
    };
    let gone = before
        .iter()
        .filter(|(name, _)| !now.contains_key(*name))
        .map(|(name, address)| notification(name, address, Change::PeerDeleted));
    let come = now
        .iter()
        .filter_map(|(name, address)| match before.get(name) {
            None => Some(notification(name, address, Change::PeerAdded)),
            Some(old) if old != address => Some(notification(name, address, Change::PeerUpdated)),
            Some(_) => None,
        });
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_changed() {
        let peers = |rows: &[(&str, &str)]| -> Peers {
            rows.iter()
                .map(|(name, address)| ((*name).to_owned(), (*address).to_owned()))
                .collect()
        };
        let old = peers(&[("a", "10.0.0.1"), ("b", "10.0.0.2"), ("c", "10.0.0.3")]);
        let new = peers(&[("b", "10.0.0.2"), ("c", "10.0.0.9"), ("d", "10.0.0.4")]);
        let told: Vec<_> = changes(&old, &new)
            .into_iter()
            .map(|change| (change.name.clone(), change.address.clone(), change.r#type()))
            .collect();
        let row = |name: &str, address: &str, change| (name.to_owned(), address.to_owned(), change);
        assert_eq!(
            told,
            [
                row("a", "10.0.0.1", Change::PeerDeleted),
                row("c", "10.0.0.9", Change::PeerUpdated),
                row("d", "10.0.0.4", Change::PeerAdded),
            ]
        );
    }
}
