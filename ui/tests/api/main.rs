//! The API over HTTP, as programs and pages use it, with flows from a file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: it fails where it stands"
)]

mod cluster;
mod flows;
mod http;
mod schema;
mod server;

mod acknowledgements;
mod answers;
mod connections;
mod explain;
mod export;
mod held;
mod history;
mod hostile;
mod links;
mod map;
mod metrics;
mod policies;
mod policy_check;
mod policy_server;
mod requests;
mod stream;
