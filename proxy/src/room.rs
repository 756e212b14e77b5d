//! Room for bytes on their way: how much of what readers don't take yet the proxy holds, for one client and for all.
//!
//! ```text
//!  Room         of the proxy
//!  ClientRoom   what one client's connections take of it
//!  Share        what one direction of one connection holds now
//! ```
//!
//! Each direction of a connection may hold [`FREE`] bytes whatever there is, so that what its ends take goes on; what
//! it holds beyond that comes out of the room. When that is used up, who holds more than that isn't read until room is
//! free, and is given up if its own reader takes nothing meanwhile: it is what the room went to.

mod level;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::counters::Counter;
use level::Level;

/// Bytes that each direction of a connection may hold whatever there is: a piece of a body.
pub const FREE: usize = 16 << 10;

/// Bytes that a client may hold of the last quarter.
const FEW: usize = 1 << 20;

/// How often it is logged that somebody waits for room, at most.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// How much is held.
#[derive(Debug)]
pub struct Room {
    state: Mutex<State>,
    /// That of the state, to be looked at without the lock.
    held: AtomicUsize,
    most_each: usize,
    patience: Duration,
    /// Rung when there is room again.
    freed: Notify,
    /// How often a connection was stopped for want of room.
    pub stopped: Counter,
    /// Of these, given up, since its reader took nothing.
    pub given_up: Counter,
}

#[derive(Debug)]
struct State {
    held: usize,
    /// Three quarters: the last one is for clients that hold little.
    most_of_many: Level,
    all: Level,
    each: HashMap<IpAddr, Held, foldhash::fast::RandomState>,
    logged: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    bytes: usize,
    level: Level,
}

/// The room as one client has it.
#[derive(Clone, Debug)]
pub struct ClientRoom {
    room: Arc<Room>,
    client: IpAddr,
}

/// What one direction of a connection holds; given back when this is dropped.
#[derive(Debug)]
pub struct Share {
    of: ClientRoom,
    /// Beyond [`FREE`]. Changed under the room's lock.
    charged: AtomicUsize,
    /// Rung when it became less.
    shrunk: Notify,
}

/// There is no room, and none becomes free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the proxy holds as many bytes for this client as it may, and this connection's reader took none for {} s",
    .0.as_secs_f32()
)]
pub struct NoRoom(Duration);

impl From<NoRoom> for io::Error {
    fn from(error: NoRoom) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}

impl Room {
    /// For `most` bytes, of which one client may hold `most_each`. Of the last quarter, who holds many gets nothing.
    /// Who waits for room and is read by nobody for as long as `patience` is given up.
    pub fn new(most: usize, most_each: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                held: 0,
                most_of_many: Level::new(most - most / 4),
                all: Level::new(most),
                each: HashMap::default(),
                logged: None,
            }),
            held: AtomicUsize::new(0),
            most_each,
            patience,
            freed: Notify::new(),
            stopped: Counter::default(),
            given_up: Counter::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room as that client has it.
    pub fn of(self: &Arc<Self>, client: IpAddr) -> ClientRoom {
        ClientRoom {
            room: Arc::clone(self),
            client,
        }
    }

    /// Bytes that are held beyond what each connection may, and the clients that wait for room.
    pub fn held(&self) -> (usize, Vec<IpAddr>) {
        let state = self.state();
        let each = state.each.iter();
        let full = each.filter(|(_, held)| state.is_full_for(held));
        (state.held, full.map(|(client, _)| *client).collect())
    }

    /// A client holds `now` in place of `before`.
    fn change(&self, client: IpAddr, before: usize, now: usize) {
        let mut state = self.state();
        let state = &mut *state;
        state.held = state.held - before + now;
        self.held.store(state.held, Ordering::Relaxed);
        let held = state.each.entry(client).or_insert_with(|| Held {
            bytes: 0,
            level: Level::new(self.most_each),
        });
        held.bytes = held.bytes - before + now;
        let was_freed = [
            held.level.is_freed(held.bytes),
            state.most_of_many.is_freed(state.held),
            state.all.is_freed(state.held),
        ];
        if held.bytes == 0 {
            state.each.remove(&client);
        }
        if was_freed.contains(&true) {
            self.freed.notify_waiters();
        }
    }

    fn is_full_for(&self, client: IpAddr) -> bool {
        let state = self.state();
        let held = state.each.get(&client);
        held.is_some_and(|held| state.is_full_for(held))
    }

    /// Counts and tells that a connection is stopped.
    fn note_stopped(&self, client: IpAddr) {
        self.stopped.add();
        let now = Instant::now();
        let mut state = self.state();
        let is_due = |logged| now.duration_since(logged) >= BETWEEN_LINES;
        if !state.logged.is_none_or(is_due) {
            return;
        }
        state.logged = Some(now);
        let of_client = state.each.get(&client).map_or(0, |held| held.bytes);
        tracing::warn!(
            %client,
            held_of_client = of_client,
            held = state.held,
            "no room for more of what readers do not take: connections of this client wait"
        );
    }
}

impl State {
    fn is_full_for(&self, held: &Held) -> bool {
        held.level.is_reached()
            || self.all.is_reached()
            || self.most_of_many.is_reached() && held.bytes >= FEW
    }
}

impl ClientRoom {
    /// For one direction of a connection, which holds nothing yet.
    pub fn share(&self) -> Share {
        Share {
            of: self.clone(),
            charged: AtomicUsize::new(0),
            shrunk: Notify::new(),
        }
    }
}

impl Share {
    /// It holds so many bytes now. They may be more than there is room for, by what was read last.
    pub fn set(&self, bytes: usize) {
        let now = bytes.saturating_sub(FREE);
        let before = self.charged.swap(now, Ordering::Relaxed);
        if before == now {
            return;
        }
        self.of.room.change(self.of.client, before, now);
        if now < before {
            self.shrunk.notify_waiters();
        }
    }

    /// Whether it holds more than each may.
    pub fn is_charged(&self) -> bool {
        self.charged.load(Ordering::Relaxed) > 0
    }

    /// How many bytes to read at once where much may come: a piece, while there is no room.
    pub fn most(&self, many: usize) -> usize {
        let room = &*self.of.room;
        // With less than that nobody's part is used up.
        let is_little = room.held.load(Ordering::Relaxed) < room.most_each / 2;
        if is_little || !room.is_full_for(self.of.client) {
            many
        } else {
            many.min(FREE)
        }
    }

    /// Whether more may be read.
    pub fn has_room(&self) -> bool {
        !self.is_charged() || !self.of.room.is_full_for(self.of.client)
    }

    /// Resolves when more may be read.
    ///
    /// # Errors
    /// There is no room, and what this one holds was not taken either for too long.
    pub async fn room(&self) -> Result<(), NoRoom> {
        if self.has_room() {
            return Ok(());
        }
        // Boxed: it is rare, and every connection has the place for it.
        Box::pin(self.wait()).await
    }

    async fn wait(&self) -> Result<(), NoRoom> {
        let room = &*self.of.room;
        room.note_stopped(self.of.client);
        let mut due = Instant::now() + room.patience;
        loop {
            let (freed, shrunk) = (room.freed.notified(), self.shrunk.notified());
            tokio::pin!(freed, shrunk);
            // From now on nothing that happens is missed.
            freed.as_mut().enable();
            shrunk.as_mut().enable();
            if self.has_room() {
                return Ok(());
            }
            let woken = async {
                tokio::select! {
                    () = freed => false,
                    () = shrunk => true,
                }
            };
            match timeout_at(due, woken).await {
                Ok(true) => due = Instant::now() + room.patience,
                Ok(false) => {}
                Err(_elapsed) => {
                    room.given_up.add();
                    return Err(NoRoom(room.patience));
                }
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: usize = 1 << 20;

    fn client(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn room(patience: Duration) -> Arc<Room> {
        Room::new(32 * MIB, 8 * MIB, patience)
    }

    #[test]
    fn a_client_has_its_part_and_each_connection_a_piece() {
        let room = room(Duration::ZERO);
        let (greedy, other) = (room.of(client(1)), room.of(client(2)));
        let shares: Vec<Share> = (0..8).map(|_| greedy.share()).collect();
        for share in &shares {
            assert!(share.has_room());
            share.set(MIB + FREE);
        }
        assert_eq!(room.held(), (8 * MIB, vec![client(1)]));
        assert!(!shares[0].has_room());
        // Another connection of its may hold a piece, and no more.
        let small = greedy.share();
        small.set(FREE);
        assert!(small.has_room());
        small.set(FREE + 1);
        assert!(!small.has_room());
        let others = other.share();
        others.set(2 * MIB);
        assert!(others.has_room());
        // An eighth must be free before it goes on.
        shares[0].set(MIB);
        assert!(!shares[1].has_room());
        shares[0].set(FREE);
        assert!(!shares[1].has_room());
        shares[1].set(MIB);
        assert!(shares[2].has_room());
        drop((shares, small, others));
        assert_eq!(room.held(), (0, vec![]));
    }

    #[test]
    fn clients_that_hold_much_leave_a_quarter_to_those_that_hold_little() {
        let room = room(Duration::ZERO);
        let shares: Vec<Share> = (1..=4)
            .map(|last| {
                let share = room.of(client(last)).share();
                share.set(6 * MIB + FREE);
                share
            })
            .collect();
        assert!(shares.iter().all(|share| !share.has_room()));
        let little = room.of(client(5)).share();
        little.set(MIB);
        assert!(little.has_room());
        little.set(MIB + FREE);
        assert!(!little.has_room());
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_there_is_room_and_is_given_up_if_it_is_what_fills_it() {
        let room = room(Duration::from_millis(50));
        let of = room.of(client(1));
        let (first, second) = (of.share(), of.share());
        first.set(9 * MIB);
        second.set(MIB);
        let waiting = second.room();
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        first.set(0);
        assert_eq!(waiting.await, Ok(()));
        first.set(9 * MIB);
        assert_eq!(first.room().await, Err(NoRoom(room.patience)));
        assert_eq!((room.stopped.get(), room.given_up.get()), (2, 1));
        drop(first);
        assert_eq!(second.room().await, Ok(()));
    }
}
