//! A connection, or a query by UDP, on its way through the proxy: its ends, and whose rules judge it.

use std::net::SocketAddr;

use l7::rules::{Direction, PeerKind, Protocol, Rules, Set};

use crate::world::{End, World};

/// From a client to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What carries it.
    pub protocol: Protocol,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The server's, as the client wrote it.
    pub server: SocketAddr,
    /// Who the client is.
    pub source: End,
    /// Who the server is.
    pub destination: End,
}

/// An end of this node, whose rules judge what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// Which of its rules.
    pub direction: Direction,
    /// Its number.
    pub endpoint: u32,
    /// The other end's identity.
    pub peer: u32,
}

/// What the rules of both sides say of a hop as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No side has rules for the port.
    NoRules,
    /// This is what is spoken: a side asks for it, and the other one for the same or for nothing.
    Is(PeerKind),
    /// The sides ask for different protocols: no request could satisfy both.
    SidesDiffer,
}

impl Hop {
    /// Looks up who the ends are.
    pub fn new(
        world: &dyn World,
        protocol: Protocol,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Self {
        Self {
            protocol,
            client,
            server,
            source: world.end(client.ip()),
            destination: world.end(server.ip()),
        }
    }

    /// The ends of this node: the source's egress, then the destination's ingress.
    pub fn sides(&self) -> impl Iterator<Item = Side> {
        let side = |direction, own: End, peer: End| {
            Some(Side {
                direction,
                endpoint: own.endpoint?,
                peer: peer.identity,
            })
        };
        let egress = side(Direction::Egress, self.source, self.destination);
        let ingress = side(Direction::Ingress, self.destination, self.source);
        [egress, ingress].into_iter().flatten()
    }

    /// The sides that have rules for the port, with them.
    pub fn judges<'r>(&self, rules: &'r Rules) -> impl Iterator<Item = (Side, &'r Set)> {
        let (protocol, port) = (self.protocol, self.server.port());
        self.sides().filter_map(move |side| {
            let set = rules.get(side.endpoint, side.direction, protocol, port)?;
            Some((side, set))
        })
    }

    /// What is spoken on it.
    pub fn kind(&self, rules: &Rules) -> Kind {
        self.judges(rules).fold(Kind::NoRules, |kind, (side, set)| {
            let more = set.peer_kind(side.peer);
            match kind {
                Kind::NoRules => Kind::Is(more),
                Kind::Is(PeerKind::NotSelected) => kind,
                Kind::Is(PeerKind::Plain) => Kind::Is(more),
                Kind::Is(_) | Kind::SidesDiffer if more == PeerKind::NotSelected => Kind::Is(more),
                Kind::Is(_) if more == PeerKind::Plain => kind,
                Kind::Is(one) if one == more => kind,
                Kind::Is(_) | Kind::SidesDiffer => Kind::SidesDiffer,
            }
        })
    }

    /// The side to whose account something goes that no rule decided: the source's, if it is of this node.
    pub fn direction(&self) -> Direction {
        self.sides()
            .next()
            .map_or(Direction::Egress, |side| side.direction)
    }
}
