//! Layer 7: its rules, judged, and the readers of the bytes that they are about. Pure: no sockets, no
//! clock, no tasks; what carries the bytes is `proxy`.
//!
//! Semantics are Cilium's, but where flows is stricter on purpose; the comments say where.

pub mod http;
pub mod regexp;
