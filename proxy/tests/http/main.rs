//! HTTP through the proxy, over TCP on loopback: what a server sees, what a client gets, and what is told.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bodies;
mod connections;
mod failures;
mod frames;
mod grpc;
mod h2_ends;
mod hidden;
mod hyper;
mod memory;
mod pieces;
mod proxy;
mod requests;
mod streams;
mod streams_failures;
mod upgrade;
mod wire;
mod withdrawn;
