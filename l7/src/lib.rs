//! Layer 7: its rules, judged, and the readers of the bytes that they are about. Pure: no sockets, no
//! clock, no tasks; what carries the bytes is `proxy`.
//!
//! ```text
//! wire      readers of DNS and TLS, names and their patterns: a crate without std
//! regexp    the regular expressions of policies: Go's language
//! names     matchName, matchPattern, serverNames
//! learned   addresses of names, and whose identity they have
//! http      rules of HTTP, paths, heads of requests
//! kafka     rules of Kafka, requests and answers, connections
//! rules     rules by endpoint, direction and port; a request judged, and why it is denied
//! placement which rules may stand on which ports, and beside which others
//! lint      what is valid and hardly meant
//! ```
//!
//! Semantics are Cilium's, but where flows is stricter on purpose; the comments say where.

pub mod http;
pub mod kafka;
pub mod learned;
pub mod lint;
pub mod names;
pub mod placement;
pub mod regexp;
pub mod rules;

pub use l7_wire as wire;
