//! The verdict: the only code that decides about a packet.
//!
//! `datapath/ebpf` compiles it for the kernel, `policy trace`, replay and the tests compile it for
//! the host. It is generic over a bounded packet cursor ([`Packet`]) and over its surroundings
//! ([`Maps`], [`Events`]), takes the coarse time as a value and keeps no state of its own.
//!
//! ```text
//!  frame -> parse -> established? --yes--> conntrack_update -------------> Action
//!                        | no                                               ^
//!                        v                                                  |
//!              who are src and dst? -> judge egress, ingress -> conntrack --+--> Event
//! ```
//!
//! Nothing here may panic: in the kernel a reachable panic is a program that does not load.
#![no_std]

pub mod conntrack;
mod context;
pub mod family;
pub mod maps;
pub mod packet;
pub mod parse;
pub mod policy;
pub mod report;
pub mod shares;
pub mod verdict;

pub use context::{Context, Hook};
pub use maps::{Events, Maps};
pub use packet::Packet;
pub use verdict::{Action, Scratch, from_pod, to_pod};
