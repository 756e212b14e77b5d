//! What tells a connection from others, whatever its id: another store, or one with older flows, has
//! other ids.

use std::net::IpAddr;

use client::Row;
use flow::{FlowView as _, Side, connection::Connection, view::Transport};

/// Both ends with their ports, who opened it first, and the protocol.
pub(crate) type EndsKey = ([(IpAddr, u16); 2], Option<Transport>);

/// Between which ends a connection was, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionEnds {
    ends: [(IpAddr, u16); 2],
    transport: Option<Transport>,
    /// Of its first event, Unix ns.
    pub(crate) start: i64,
    /// Of its last event, Unix ns.
    last: i64,
}

impl ConnectionEnds {
    pub(crate) fn of<K>(connection: &Connection<'_, K>) -> Self {
        Self {
            ends: [Side::Source, Side::Destination].map(|side| connection.end(side)),
            transport: connection.transport(),
            start: connection.start(),
            last: connection.last(),
        }
    }

    /// Those of a packet, either way round.
    pub(crate) fn of_event(row: &Row) -> Option<[Self; 2]> {
        let end = |side| {
            let ip = row.ip(side)?.to_canonical();
            Some((ip, row.port(side).unwrap_or(0)))
        };
        let ends = [end(Side::Source)?, end(Side::Destination)?];
        let of = |ends| Self {
            ends,
            transport: row.transport(),
            start: row.time(),
            last: row.time(),
        };
        Some([of(ends), of([ends[1], ends[0]])])
    }

    /// The addresses of who opened it and to whom.
    pub(crate) fn addresses(&self) -> [IpAddr; 2] {
        self.ends.map(|(address, _)| address)
    }

    /// Alike for all connections between the same ends.
    pub(crate) fn key(&self) -> EndsKey {
        (self.ends, self.transport)
    }

    /// Whether the other one is the same connection, with more or less known of it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let alike = self.ends == other.ends && self.transport == other.transport;
        alike && self.start <= other.last && other.start <= self.last
    }
}
