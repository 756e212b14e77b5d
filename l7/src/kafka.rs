//! Kafka: rules, requests judged by them, and connections on which that happens.
//!
//! ```text
//! key         kinds of requests, roles
//! rule        a rule, checked
//! judge       rules and one request: allowed, or what came nearest
//! schema      the messages as tables
//! walk        a message read by its table, as its bytes come
//! request     what of a request is kept
//! answer      answers of our own
//! rewrite     messages changed on their way
//! session     fetch sessions
//! flight      requests without an answer yet
//! connection  bytes in, actions out
//! ```
//!
//! Rules mean what they mean in Cilium (cilium/proxy, `proxylib/kafka`). What is done about them is
//! more: all versions are read, answers keep their order, a denied fetch is held, metadata is filtered,
//! sessions are followed. Topics that requests name by id alone can't be judged by name; clients are
//! offered no version that does so.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod answer;
pub mod connection;
mod error;
mod flight;
mod judge;
pub mod key;
mod request;
mod rewrite;
mod rule;
mod schema;
mod session;
mod walk;

pub use connection::{Close, Config, Connection, Event, Outcome, Output, Piece};
pub use error::{ReadError, RuleError};
pub use judge::{Condition, Denial, Head, Options, Rules, Topics, Verdict};
pub use key::{ApiKey, Role};
pub use rule::{Rule, RuleSpec};

/// What is read of a kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The kind.
    pub api_key: ApiKey,
    /// Newest version that is read; the oldest is 0.
    pub read: i16,
    /// Newest version that clients are offered: of the kinds whose topics rules match, none that names topics by
    /// their ids alone.
    pub offered: i16,
}

/// All kinds of requests whose versions are read, and refused in a form that clients understand.
pub fn versions() -> impl Iterator<Item = Versions> {
    schema::all().map(|api| Versions {
        api_key: ApiKey(api.key),
        read: api.newest,
        offered: api.offered,
    })
}
