//! What a proxy is handed, and what it asks: the rules of an endpoint's port, and whether a peer's request is
//! allowed by one of them.
//!
//! ```text
//! rules of a filter  --merge-->  Alternatives of a SetSpec
//! Snapshot (texts, JSON)  --compile-->  Rules  --get(endpoint, direction, protocol, port)-->  Set
//! Set.judge_{dns,http,server_name}(peer, request) -> allowed by which rule, or denied, and why
//! Set.kafka(peer) -> the rules of a connection, which judge its requests
//! ```
//!
//! All alternatives of a set that select the peer count, and one that allows is enough; one without rules of
//! layer 7 allows everything. What is denied at packet level never gets here.

mod compiled;
mod decision;
mod item;
mod judge;
mod merge;
mod snapshot;

pub use compiled::{CompileError, ItemError, PeerKind, Rules, Set};
pub use decision::{Allowed, Decision, Denial, Nearest, Reason};
pub use item::Item;
pub use judge::KafkaRules;
pub use merge::{MergeError, Part, merge};
pub use snapshot::{
    Allows, Alternative, Binding, Direction, LoadError, MAX_ALTERNATIVES, MAX_BINDINGS, MAX_BYTES,
    MAX_ITEMS, Peers, Protocol, RuleRef, SetSpec, Snapshot, VERSION,
};
