//! What the kernel thinks of an address.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use loader::ends::Ends;

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

/// An address of which nothing is known: it has no rules, so that what it is an end of is refused.
const NOBODY: End = End {
    identity: WORLD,
    endpoint: None,
};

/// What the kernel's maps say, which an agent has pinned. An endpoint is what has a policy table: its number is the
/// table's.
#[derive(Debug)]
pub struct NodeMaps {
    bpffs: PathBuf,
    ends: OnceLock<Ends>,
}

impl NodeMaps {
    /// Of the bpffs of the agent whose run directory that is. The maps may come later: until then nobody is known.
    pub fn of(run_dir: &Path) -> Self {
        Self {
            bpffs: run_dir.join("bpf"),
            ends: OnceLock::new(),
        }
    }

    fn ends(&self) -> Result<&Ends, loader::Error> {
        match self.ends.get() {
            Some(ends) => Ok(ends),
            None => {
                let opened = Ends::open(&self.bpffs)?;
                Ok(self.ends.get_or_init(|| opened))
            }
        }
    }
}

impl World for NodeMaps {
    fn end(&self, address: IpAddr) -> End {
        match self.ends().and_then(|ends| ends.end(address)) {
            Ok(end) => End {
                identity: end.identity,
                endpoint: end.table,
            },
            Err(error) => {
                tracing::error!(%address, %error, "whose an address is can't be read; its connection is refused");
                NOBODY
            }
        }
    }
}
