//! What every server of this project stands on.
//!
//! ```text
//!  process     logging, the signal that ends it
//!  listen      sockets: unix (mode 0660) or TCP, bound before privileges are given up
//!  privileges  giving up root and capabilities
//!  grpc        connections, streams, calls, cost of a request: all bounded; reflection
//!  health      gRPC health, as Hubble's clients ask for it
//!  http        the same limits for pages
//!  metrics     Prometheus metrics over HTTP
//! ```

pub mod grpc;
pub mod health;
pub mod http;
pub mod listen;
pub mod metrics;
pub mod privileges;
pub mod process;
