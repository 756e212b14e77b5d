//! The vocabulary of flows: what the numbers in them mean, filters over them, and how they are
//! printed.
//!
//! What is here is pure: it reads messages of `proto`, or anything that can show itself as a flow
//! ([`view::FlowView`]), and writes to the writer that it is given.

pub mod aggregate;
pub mod attribute;
pub mod describe;
pub mod end;
pub mod expr;
pub mod filter;
pub mod flags;
pub mod fold;
pub mod identity;
pub mod print;
pub mod similar;
pub mod time;
pub mod view;
pub mod vocabulary;

pub use end::End;
pub use filter::{Filter, FilterError, Program};
pub use identity::Identity;
pub use proto::flow::{DropReason, TrafficDirection, Verdict};
pub use view::{FlowView, Side};
