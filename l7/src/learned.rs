//! Addresses of names, as answers of DNS tell them: what an agent and a proxy keep of them, and whose identity they
//! have, for a proxy that has no agent to ask.

mod identities;

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use identities::{Identities, NameIdentities, NameIdentity, Unknown};

/// Seconds since 1970.
pub type Seconds = u64;

/// How long a name opens its addresses after its answer has run out: clients connect late.
pub const GRACE: Seconds = 30;

/// The file of an agent's run directory in which it leaves [`NameIdentities`] for a proxy without one.
pub const NAME_IDENTITIES: &str = "name-identities.json";

/// The journal there in which a proxy leaves lists of [`Entry`] for the next agent, which takes it.
pub const LEARNED: &str = "proxy-names.jsonl";

/// An address that a pod was told for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The pod's address.
    pub pod: IpAddr,
    /// In lower case, with the dot at the end.
    pub name: Arc<str>,
    /// What the name stands for.
    pub address: IpAddr,
    /// When the pod was told first.
    pub since: Seconds,
    /// When the time to live of the last answer is over.
    pub expires: Seconds,
    /// Until when it is kept.
    pub until: Seconds,
    /// The pod asked for another name, of which this one is an alias.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_alias: bool,
}

impl Entry {
    /// What a pod is told now, for so many seconds. `place`: which name of the answer it is, the first being the one
    /// that was asked for.
    pub fn told(
        pod: IpAddr,
        (place, name): (usize, &Arc<str>),
        address: IpAddr,
        now: Seconds,
        ttl: u32,
    ) -> Self {
        let expires = now.saturating_add(ttl.into());
        Self {
            pod,
            name: Arc::clone(name),
            address,
            since: now,
            expires,
            until: expires.saturating_add(GRACE),
            is_alias: place > 0,
        }
    }
}
