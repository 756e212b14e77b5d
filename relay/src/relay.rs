//! What all calls work on: the peers, asked one by one or all together.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use tokio::sync::watch;
use tonic::{Response, Status, metadata::MetadataValue, transport::Channel};

use crate::{
    peer::{Link, Peer, Snapshot},
    query::Context,
};

/// How long a node may take over a request with a single answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Nodes that one request is sent to at a time.
const CONCURRENT: usize = 64;

/// The peers, and how queries go to them.
pub(crate) struct Relay {
    pub(crate) context: Context,
}

impl Relay {
    /// Names and channels of the connected peers, by name.
    pub(crate) fn connected(&self) -> Vec<(Arc<str>, Channel)> {
        let peers = Arc::clone(&self.context.peers.borrow());
        let channels = peers.iter().filter_map(|(name, peer)| match &peer.link {
            Link::Connected { channel, .. } => Some((Arc::clone(name), channel.clone())),
            Link::Unavailable { .. } => None,
        });
        channels.collect()
    }

    /// All peers, and their changes.
    pub(crate) fn peers(&self) -> watch::Receiver<Snapshot> {
        self.context.peers.clone()
    }

    /// Asks every connected peer, some at a time. `None`: it isn't connected.
    pub(crate) async fn ask_all<T, F>(
        &self,
        question: impl Fn(Channel) -> F,
    ) -> Vec<(Arc<str>, Peer, Option<Result<T, Status>>)>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let peers = Arc::clone(&self.context.peers.borrow());
        let asked: Vec<_> = peers
            .iter()
            .map(|(name, peer)| {
                let channel = match &peer.link {
                    Link::Connected { channel, .. } => Some(channel.clone()),
                    Link::Unavailable { .. } => None,
                };
                let answer = channel.map(&question);
                let (name, peer) = (Arc::clone(name), peer.clone());
                async move {
                    let answer = match answer {
                        None => None,
                        Some(answer) => Some(
                            tokio::time::timeout(ANSWER_WITHIN, answer)
                                .await
                                .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer"))),
                        ),
                    };
                    (name, peer, answer)
                }
            })
            .collect();
        stream::iter(asked).buffered(CONCURRENT).collect().await
    }
}

/// A response with the header by which clients learn the relay's version.
pub(crate) fn versioned<T>(message: T) -> Response<T> {
    let mut response = Response::new(message);
    response.metadata_mut().insert(
        proto::RELAY_VERSION,
        MetadataValue::from_static(env!("CARGO_PKG_VERSION")),
    );
    response
}
