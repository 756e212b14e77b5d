//! Connections and queries through the proxy over real sockets on loopback. Where transparent sockets would
//! be needed, the network's trait is a test's own: the listener's address is the original destination, and
//! the real server is behind another port. Transparent ones have a test of their own, `transparent`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod dns_messages;
mod dns_tcp;
mod dns_udp;
mod kafka;
mod plain;
mod rig;
mod tls;
