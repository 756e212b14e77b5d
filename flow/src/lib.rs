//! The vocabulary of flows: what the numbers in them mean, filters over them, and how they are
//! printed.
//!
//! What is here is pure: it reads messages of `proto`, or anything that can show itself as a flow
//! ([`view::FlowView`]), and writes to the writer that it is given.

pub mod aggregate;
pub mod attribute;
pub mod connection;
pub mod dedup;
pub mod expr;
pub mod filter;
pub mod filter_for;
pub mod flags;
pub mod format;
pub mod identity;
pub mod incidents;
mod layer7;
pub mod monitor_api;
pub mod past;
pub mod print;
pub mod quantity;
pub mod request;
pub mod rows;
pub mod spelling;
pub mod time;
pub mod view;
pub mod workload_ref;

pub use filter::{Filter, FilterError, Program};
pub use identity::Identity;
pub use proto::flow::{DropReason, TrafficDirection, Verdict};
pub use view::{FlowView, Side};
pub use workload_ref::WorkloadRef;
