//! What every server of this project stands on.
//!
//! ```text
//!  process     logging, the signal that ends it
//!  listen      sockets: unix (mode 0660) or TCP, bound before privileges are given up
//!  privileges  giving up root and capabilities
//!  grpc        connections, streams, calls, cost of a request: all bounded; reflection
//!  http        the same for pages and metrics
//! ```

pub mod grpc;
pub mod http;
pub mod listen;
pub mod privileges;
pub mod process;
