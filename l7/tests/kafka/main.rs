//! Kafka, with messages that another hand makes and reads.
#![expect(clippy::wildcard_enum_match_arm, reason = "another's list of 90 kinds")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod bytes;
mod connection;
mod denials;
mod interop;
mod limits;
mod renewed;
mod requests;
mod unnamed;
mod wire;
