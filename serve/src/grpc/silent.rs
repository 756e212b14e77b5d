//! Connections in which nothing was called yet: they give way when their places are wanted.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::oneshot;

use super::places::{Peer, Place};

/// Those of a server, the oldest first. As long as they are so few that all have places.
#[derive(Clone, Debug, Default)]
pub(super) struct Silent(Arc<Mutex<VecDeque<Entry>>>);

/// A connection's place, which is taken away from a silent one.
#[derive(Clone, Debug)]
pub(super) struct Held(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    place: Option<Place>,
    /// Whether something was called.
    has_called: bool,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    held: Weak<Mutex<State>>,
    close: oneshot::Sender<()>,
}

impl Held {
    /// Notes that something is called: the place is kept from now on.
    pub(super) fn called(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .has_called = true;
    }
}

impl Silent {
    /// Keeps a new connection's place; the receiver says that it was taken away, and the connection is to
    /// be closed.
    pub(super) fn hold(&self, peer: Peer, place: Place) -> (Held, oneshot::Receiver<()>) {
        let held = Arc::new(Mutex::new(State {
            place: Some(place),
            has_called: false,
        }));
        let (close, closed) = oneshot::channel();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who is gone, or has called something. What is left has a place each.
        all.retain(|entry| {
            let held = entry.held.upgrade();
            held.is_some_and(|held| {
                !held
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .has_called
            })
        });
        all.push_back(Entry {
            peer,
            held: Arc::downgrade(&held),
            close,
        });
        (Held(held), closed)
    }

    /// Takes the place of the oldest one away, of a peer or of anyone, and closes it. Returns whether there
    /// was one.
    pub(super) fn give_way(&self, of: Option<Peer>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = 0;
        while let Some(entry) = all.get(at) {
            if of.is_some_and(|peer| peer != entry.peer) {
                at += 1;
                continue;
            }
            let Some(Entry { held, close, .. }) = all.remove(at) else {
                break;
            };
            let Some(held) = held.upgrade() else { continue };
            let mut state = held.lock().unwrap_or_else(PoisonError::into_inner);
            if state.has_called {
                continue;
            }
            drop(state.place.take());
            let _unless_it_just_ended = close.send(());
            return true;
        }
        false
    }
}
