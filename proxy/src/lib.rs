//! flows-proxy: a node's proxy of layer 7, a process of its own. It carries bytes; what they mean and
//! whether they may pass is `l7`'s.
//!
//! ```text
//!  pod --(bpf_sk_assign)--> socket: transparent listeners ---> server, from the pod's own address
//!                              |                                   ^
//!                           carrier: which protocol, by the rules  |
//!                              v                                   |
//!                           dns, tls, kafka, http, splice ---------+
//!                              |
//!                           record: what was decided, into a bounded queue
//!
//!  control: rules in; records out; addresses of names, which the agent acknowledges
//!  unattended: addresses of names while there is no agent
//! ```
//!
//! Listening sockets may be held by another process, a supervisor or systemd, so that they outlive this one.
//!
//! One hop judges both ends of a connection that has both on this node: the rules of egress of its
//! source, then those of ingress of its destination. One connection of a client is one connection to the
//! server, from the client's own address and port, for as long.

pub mod buffers;
pub mod carrier;
pub mod config;
pub mod connection;
pub mod context;
pub mod control;
pub mod counters;
pub mod deadline;
pub mod dns;
pub mod hop;
pub mod http;
mod kafka;
pub mod limits;
pub mod names;
pub mod network;
mod plain;
pub mod quota;
pub mod record;
pub mod room;
pub mod rules;
pub mod run;
pub mod splice;
pub mod supervise;
mod tls;
pub mod unattended;
pub mod world;
