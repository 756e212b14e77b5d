//! DNS: queries judged by the name that they ask for, answers checked and learned from before they leave.
//!
//! ```text
//!  query -> judge --refused--> REFUSED (a flag: NXDOMAIN), or NXDOMAIN where a search list made an allowed name to this one
//!             |allowed
//!             v
//!           server (fresh id, from the client's address and port)
//!             |answer: of this query?
//!             v
//!           complete: addresses are in the kernel, one answer of a name after the other
//!             v
//!           client (its own id)
//! ```

mod answer;
mod frames;
mod ids;
mod judge;
mod order;
mod search;
mod session;
mod upstream;

mod udp;

pub use order::NameOrder;
pub use session::serve as serve_session;
pub use udp::UdpServer;
