//! What every screen stands on: the connection to a server, and the flows that came from it, held
//! where they can be looked through again and again.
//!
//! ```text
//! target   which server
//! feed     server or file -> store: history first, then live; reconnects, and says so
//! server   the connection, and every request: flows, nodes, policies, health
//! connections   those that the flows of a store are about
//! incidents     what ended one
//! policies      how often those in force decided
//! policy_history   the versions of one, and what differs between them
//! store    the last N flows and the places where some were lost, as small rows
//! view     which of them match a filter, kept up to date; counts over time
//! ```

pub mod connections;
mod error;
pub mod feed;
pub mod incidents;
pub mod policies;
pub mod policy_history;
mod server;
pub mod store;
mod target;
pub mod view;

pub use error::ConnectError;
pub use feed::{ConnectionState, Feed, FlowQuery, Source};
pub use server::{FlowOptions, FlowStream, Health, RequestError, ResponseStream, Server, Service};
pub use store::{Item, Marker, NodeStats, Outage, Row, Snapshot, Store};
pub use target::{ServerRef, Target, labs, no_tls};
pub use view::{Histogram, View};
