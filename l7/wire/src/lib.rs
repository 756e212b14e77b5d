//! Bytes of layer 7 read, and names matched: without std, without allocation, without dependencies, so
//! that UDP DNS can be judged inside the kernel's programs as it is outside.
//!
//! ```text
//! name   names of hosts, the patterns of DNS rules, toFQDNs and server names
//! dns    a DNS message: its question, its answers, what a proxy must not pass on
//! tls    the server's name in a ClientHello
//! ```
//!
//! Nothing here may panic: all of it reads what anybody sent.
#![no_std]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod dns;
pub mod name;

pub mod tls;
