//! What the kernel thinks of an address.

mod node_maps;

use std::net::IpAddr;

pub use node_maps::NodeMaps;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Its identity; of an address that nobody knows, [`WORLD`].
    pub identity: u32,
    /// The number of the endpoint's policy table, if it is a pod of this node: rules are found by it.
    pub endpoint: Option<u32>,
}

/// The identity of addresses outside the cluster, Cilium's number.
pub const WORLD: u32 = 2;

/// Whose an address is. To be asked for each connection and each query: it is answered from memory.
pub trait World: Send + Sync + 'static {
    /// The end with that address.
    fn end(&self, address: IpAddr) -> End;
}

impl End {
    /// Somebody of whom nothing is known: without an endpoint there are no rules, and what is redirected is refused.
    pub const UNKNOWN: Self = Self {
        identity: WORLD,
        endpoint: None,
    };
}
