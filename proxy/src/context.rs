//! What all that is carried has in common.

use std::sync::Arc;

use crate::buffers::Buffers;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::names::Names;
use crate::network::Network;
use crate::quota::Quota;
use crate::record::Records;
use crate::room::Room;
use crate::rules::RuleStore;
use crate::world::World;

/// Bytes of a buffer for a connection.
const BUFFER: usize = 16 << 10;
/// Bytes of the longest datagram.
const DATAGRAM: usize = 64 << 10;

/// The proxy's surroundings and means.
pub struct Context {
    /// Who has which address.
    pub world: Arc<dyn World>,
    /// The rules in force.
    pub rules: Arc<RuleStore>,
    /// How servers are reached.
    pub network: Arc<dyn Network>,
    /// Who learns addresses of names.
    pub names: Arc<dyn Names>,
    /// Where records go.
    pub records: Arc<Records>,
    /// Bounds.
    pub limits: Limits,
    /// Figures.
    pub counters: Counters,
    /// Places for connections.
    pub connections: Arc<Quota>,
    /// Room for what readers don't take.
    pub room: Arc<Room>,
    /// Places for DNS queries.
    pub queries: Arc<Quota>,
    /// Buffers for connections.
    pub buffers: Buffers,
    /// Buffers for datagrams.
    pub datagrams: Buffers,
}

impl Context {
    /// With all places free.
    pub fn new(
        world: Arc<dyn World>,
        rules: Arc<RuleStore>,
        network: Arc<dyn Network>,
        names: Arc<dyn Names>,
        records: Arc<Records>,
        limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self {
            world,
            rules,
            network,
            names,
            records,
            connections: Quota::new(limits.connections, limits.connections_per_client),
            room: Room::new(limits.held, limits.held_per_client, limits.held_wait),
            queries: Quota::new(limits.queries, limits.queries_per_client),
            buffers: Buffers::new(BUFFER, 256),
            datagrams: Buffers::new(DATAGRAM, 16),
            counters: Counters::default(),
            limits,
        })
    }
}
