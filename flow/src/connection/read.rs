//! A connection as it is read.

use std::net::IpAddr;

use super::key::Key;
use super::leg::{Leg, bit};
use super::outcome::{self, Outcome};
use super::pairs::Pair;
use super::requests::Requests;
use super::{ConnectionId, Connections, TupleId};
use crate::view::{ConnectionFacts, ConnectionState as State, Direction, Side, Transport, Volume};

/// Both ends' events as one.
#[derive(Debug)]
pub struct Connection<'a, K> {
    of: &'a Connections<K>,
    id: TupleId,
    key: Key,
    one: &'a Leg<K>,
    other: Option<&'a Leg<K>>,
    /// Between when requests of its ends are its own, Unix ns.
    own: (i64, i64),
}

impl<K> Clone for Connection<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Connection<'_, K> {}

impl<'a, K> Connection<'a, K> {
    pub(super) fn new(
        of: &'a Connections<K>,
        id: TupleId,
        key: Key,
        (one, other): Pair<'a, K>,
        own: (i64, i64),
    ) -> Self {
        Self {
            of,
            id,
            key,
            one,
            other,
            own,
        }
    }

    fn legs(&self) -> impl Iterator<Item = &'a Leg<K>> + use<'a, K> {
        [Some(self.one), self.other].into_iter().flatten()
    }

    fn has(&self, bits: u32) -> bool {
        self.legs().any(|leg| leg.has(bits))
    }

    /// Tells it from all others.
    pub fn id(&self) -> ConnectionId {
        // When the other node is heard, too, it stays the one that it was.
        let serials = self.legs().map(|leg| leg.serial);
        ConnectionId {
            tuple: self.id,
            serial: serials.min().unwrap_or(0),
        }
    }

    /// Address and port of an end; the source is who opened the connection. Without ports 0.
    pub fn end(&self, side: Side) -> (IpAddr, u16) {
        self.key.end(side)
    }

    /// What is above IP.
    pub fn transport(&self) -> Option<Transport> {
        self.key.transport()
    }

    /// Time of its first event, Unix ns.
    pub fn start(&self) -> i64 {
        let other = self.other.map_or(i64::MAX, |leg| leg.start);
        self.one.start.min(other)
    }

    /// Time of its last event, Unix ns.
    pub fn last(&self) -> i64 {
        let other = self.other.map_or(i64::MIN, |leg| leg.last);
        self.one.last.max(other)
    }

    /// Packets and bytes forward and back, as the node tells that saw most of them.
    pub fn volume(&self) -> [Volume; 2] {
        [0, 1].map(|at| {
            let mut volume = Volume::default();
            for leg in self.legs() {
                volume.packets = volume.packets.max(leg.packets[at].into());
                volume.bytes = volume.bytes.max(leg.bytes[at]);
            }
            volume
        })
    }

    /// The requests of layer 7 that it carried, as proxies told.
    pub fn requests(&self) -> Requests<'a, K> {
        self.of.requests_of(self.id, self.own)
    }

    /// Packets that were dropped.
    pub fn drops(&self) -> u64 {
        self.legs().map(|leg| u64::from(leg.drops)).sum()
    }

    /// Round trip of the handshake in us, as the node of its source saw it; else the other.
    pub fn rtt_us(&self) -> Option<u32> {
        let known = self.legs().filter(|leg| leg.rtt_us != 0);
        let best = known.max_by_key(|leg| leg.has(bit::EGRESS));
        best.map(|leg| leg.rtt_us)
    }

    /// Events that its nodes lost while it lived, and that may have been its own; `now`: Unix ns.
    pub fn lost(&self, now: i64) -> u64 {
        self.legs().fold(0, |sum: u64, leg| {
            let last = if leg.is_over() { leg.last } else { now };
            sum.saturating_add(self.of.losses.between(leg.node, leg.start, last))
        })
    }

    /// Node that judged at an end; `None` if none told of it.
    pub fn node(&self, end: Direction) -> Option<&'a str> {
        let mut legs = self.legs();
        let leg = legs.find(|leg| leg.has(judged_at(end)))?;
        Some(self.of.node_name(leg.node))
    }

    /// Its beginning was not told: it is older than what is known.
    pub fn is_older(&self) -> bool {
        !self.has(bit::BEGUN) && self.drops() == 0
    }

    /// How it was judged.
    pub fn outcome(&self) -> Outcome {
        outcome::outcome(self.one, self.other)
    }

    /// How it stands at a moment (Unix ns).
    pub fn state(&self, now: i64) -> State {
        outcome::state(self.one, self.other, self.transport(), now)
    }

    /// What is known of it as a whole, at a moment (Unix ns).
    pub fn facts(&self, now: i64) -> ConnectionFacts {
        let state = self.state(now);
        let until = match state {
            State::Open | State::Opening => now.max(self.last()),
            State::Denied
            | State::NoAnswer
            | State::Refused
            | State::Reset
            | State::Closed
            | State::Answered => self.last(),
        };
        ConnectionFacts {
            state,
            age_ns: until.saturating_sub(self.start()),
            drops: self.drops(),
            silent: self.silent(),
            lost: self.lost(now),
        }
    }

    /// The pod's end of which nothing was told, though it may have judged: its node is gone, or was
    /// not asked.
    pub fn silent(&self) -> Option<Direction> {
        let reached = match self.outcome() {
            Outcome::Denied { at } => at == Some(Direction::Ingress),
            Outcome::Allowed | Outcome::Audited | Outcome::Unconfirmed => true,
        };
        if reached && self.has(bit::TO_POD) && !self.has(bit::INGRESS) {
            return Some(Direction::Ingress);
        }
        (self.has(bit::FROM_POD) && !self.has(bit::EGRESS)).then_some(Direction::Egress)
    }

    /// What is kept of the event that explains the outcome: of a denied connection its last drop, of an
    /// audited one what the node tells that audited it, else
    /// its newest event.
    pub fn deciding(&self) -> &'a K {
        let has = |leg: &Leg<K>| [bit::DROPPED, bit::AUDITED, bit::INGRESS].map(|of| leg.has(of));
        let rank = |leg: &Leg<K>| (has(leg), leg.last);
        match self.other {
            Some(other) if rank(other) > rank(self.one) => &other.witness,
            Some(_) | None => &self.one.witness,
        }
    }

    /// What is kept of the newest event of the node that judged at an end.
    pub fn witness(&self, end: Direction) -> Option<&'a K> {
        let mut legs = self.legs();
        let leg = legs.find(|leg| leg.has(judged_at(end)))?;
        Some(&leg.witness)
    }

    /// The kept events of all of its legs: one or two.
    pub fn witnesses(&self) -> impl Iterator<Item = &'a K> + use<'a, K> {
        self.legs().map(|leg| &leg.witness)
    }
}

fn judged_at(end: Direction) -> u32 {
    match end {
        Direction::Egress => bit::EGRESS,
        Direction::Ingress => bit::INGRESS,
    }
}
