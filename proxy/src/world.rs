//! What the kernel thinks of an address.

use std::net::IpAddr;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Its identity; of an address that nobody knows, [`WORLD`].
    pub identity: u32,
    /// The endpoint's number, if it is one of this node.
    pub endpoint: Option<u32>,
}

/// The identity of addresses outside the cluster, Cilium's number.
pub const WORLD: u32 = 2;

/// Whose an address is. To be asked for each connection and each query: it is answered from memory.
pub trait World: Send + Sync + 'static {
    /// The end with that address.
    fn end(&self, address: IpAddr) -> End;
}

/// Knows nobody: no connection has an endpoint of this node, so none has rules, and all are refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

impl World for Unknown {
    fn end(&self, _: IpAddr) -> End {
        End {
            identity: WORLD,
            endpoint: None,
        }
    }
}
