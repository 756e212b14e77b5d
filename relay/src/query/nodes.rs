//! A query's nodes: who takes part, and what each one's words change.

use std::{collections::BTreeSet, sync::Arc};

use proto::relay::NodeState;
use tokio::{sync::mpsc, time::Instant};
use tonic::{Code, Status};

use super::{
    Query, Stage,
    peer_stream::{self, PeerMessage},
};
use crate::{
    merge::{Merge, StreamId},
    raw::Raw,
};

/// A node in this query.
pub(super) struct Node {
    pub(super) name: Arc<str>,
    pub(super) id: StreamId,
    pub(super) messages: mpsc::Receiver<peer_stream::Received>,
    /// Since when nothing of it is held and nothing has come.
    pub(super) waiting_since: Option<Instant>,
    /// It said how far it has come at least once.
    pub(super) speaks_progress: bool,
    /// It said anything at all.
    pub(super) heard: bool,
    /// It was named as silent or slow, and hasn't been back since.
    pub(super) named: bool,
    /// When that was last told.
    pub(super) told: Option<Instant>,
    /// Its stream is up.
    pub(super) up: bool,
    /// It refused the request itself.
    pub(super) refused: Option<Status>,
    /// Its part of the past is all here (or it has left).
    pub(super) over: bool,
    pub(super) gone: bool,
}

impl Node {
    /// Whether its next word is wanted now.
    pub(super) fn asks(&self, merge: &Merge<Raw>, past: bool) -> bool {
        !(self.gone || past && self.over) && merge.wants(self.id)
    }
}

impl Query {
    /// A node takes part from now on.
    pub(super) fn join(&mut self, name: &Arc<str>, up: bool) {
        let (sender, messages) = mpsc::channel(4);
        self.tasks.spawn(peer_stream::run(
            Arc::clone(name),
            self.context.peers.clone(),
            self.plan.clone(),
            self.stage == Stage::Past && up,
            up,
            sender,
        ));
        let id = self.merge.add();
        self.merge.await_stream(id, up);
        self.nodes.push(Node {
            name: Arc::clone(name),
            id,
            messages,
            waiting_since: None,
            speaks_progress: false,
            heard: false,
            named: false,
            told: None,
            up,
            refused: None,
            over: !up,
            gone: false,
        });
        if !up && self.stage == Stage::Past {
            self.merge.end(id);
        }
    }

    /// Takes a node's word; `None`: its stream has ended.
    pub(super) fn on_message(&mut self, at: usize, message: Option<peer_stream::Received>) {
        let node = &mut self.nodes[at];
        let id = node.id;
        let Some(peer_stream::Received { arrived, message }) = message else {
            node.over = true;
            node.gone = true;
            self.merge.end(id);
            return;
        };
        match message {
            PeerMessage::Batch { items, progress } => {
                let progress_only = items.is_empty();
                node.heard = true;
                node.speaks_progress |= progress.is_some();
                if !progress_only || !self.merge.awaited(id) {
                    node.waiting_since = None;
                }
                if node.up && !self.merge.awaited(id) {
                    self.merge.await_stream(id, true);
                }
                let arrived = millis(arrived, self.start);
                self.context
                    .metrics
                    .untimed(items.iter().filter(|(time, _)| time.is_none()).count());
                self.merge.push(id, arrived, items);
                if let Some(progress) = progress {
                    self.merge.progress(id, progress);
                    if node.named && progress >= self.merge.floor() {
                        node.named = false;
                        let name = node.name.to_string();
                        self.send_status(NodeState::NodeConnected, vec![name], "");
                    }
                }
            }
            PeerMessage::PastOver => {
                // In the present it is the tail of a node that was given up: nothing to end.
                if self.stage == Stage::Past {
                    node.over = true;
                    self.merge.end(id);
                }
            }
            PeerMessage::Up => {
                node.up = true;
                node.waiting_since = None;
                node.heard = false;
                self.merge.await_stream(id, true);
                let name = node.name.to_string();
                self.send_status(NodeState::NodeConnected, vec![name], "");
            }
            PeerMessage::Down {
                status,
                refusal,
                retrying,
            } => {
                node.up = false;
                let name = node.name.to_string();
                if refusal {
                    node.refused = Some(status.clone());
                }
                if refusal && status.code() == Code::InvalidArgument {
                    // The same on every node: the client's to mend.
                    self.fail(status);
                    return;
                }
                if retrying && self.stage == Stage::Present {
                    self.merge.await_stream(id, false);
                } else {
                    node.over = true;
                    self.merge.end(id);
                }
                self.context.metrics.node_error(&name);
                let text = status.message().to_owned();
                self.send_status(NodeState::NodeError, vec![name], &text);
            }
            PeerMessage::Gone => {
                node.over = true;
                node.gone = true;
                self.merge.end(id);
                let name = node.name.to_string();
                self.send_status(NodeState::NodeGone, vec![name], "");
            }
        }
    }

    /// Peers that were not there when the query began.
    pub(super) fn admit(&mut self) {
        let peers = Arc::clone(&self.context.peers.borrow_and_update());
        let here: BTreeSet<_> = self
            .nodes
            .iter()
            .filter(|node| !node.gone)
            .map(|node| Arc::clone(&node.name))
            .collect();
        for name in peers.keys().filter(|name| !here.contains(*name)) {
            self.join(name, false);
        }
    }
}

fn millis(at: Instant, start: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(start).as_millis()).unwrap_or(u64::MAX)
}
