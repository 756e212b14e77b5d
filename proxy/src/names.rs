//! Addresses of names: what answers of DNS contain, reported before the answer leaves.

use std::net::IpAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use l7::wire::name::Name;

/// What an answer says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The endpoint that asked.
    pub endpoint: u32,
    /// Its address.
    pub client: IpAddr,
    /// The name that was asked for, then those that it is another name for, in the order of the answer.
    pub names: Vec<Name>,
    /// Their addresses. All of the answer, whoever's records they are, as Cilium does.
    pub addresses: Vec<IpAddr>,
    /// For how long: the least time to live of all addresses and aliases, in seconds.
    pub ttl: u32,
}

/// Why addresses are not in the kernel. The answer doesn't leave: its client couldn't use it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// Nobody is there who could put them in, and they aren't known to be there.
    #[error("no agent is connected to learn the addresses of the answer")]
    NoAgent,
    /// It doesn't answer.
    #[error("the agent did not acknowledge the addresses of the answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// Too many are being learned.
    #[error("{0} answers wait for the agent already")]
    Busy(usize),
    /// It could not.
    #[error("the agent could not learn the addresses of the answer: {0}")]
    Refused(Box<str>),
}

/// Who puts addresses into the kernel.
pub trait Names: Send + Sync + 'static {
    /// Resolves when policy for the addresses is in force.
    ///
    /// # Errors
    /// If it isn't.
    fn learn(&self, learned: Learned) -> BoxFuture<'_, Result<(), LearnError>>;
}
