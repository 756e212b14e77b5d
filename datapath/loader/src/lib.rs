//! The datapath from user space: loads the programs, attaches them to pods' veths, writes the maps so
//! that no packet sees half a change, reads events and counters.
//!
//! ```text
//!                 Datapath::open     adopt what is pinned, load, replace programs in links
//!  Desired  --->  apply              diff, stage, flip, clean up
//!                 attach / detach    a pod's veth
//!                 inspect            what others changed meanwhile, put right
//!                 rings      --->    RingReader::drain: events of one CPU
//!                 stats      --->    counters, decisions per rule, connections
//!  routes   --->  pods::Routes       which interface is whose
//! ```
//!
//! Decides nothing: the verdict is in `flows-datapath-core`, what the maps shall hold comes from the
//! agent. aya is used here and isn't part of the API.
#![expect(
    unsafe_code,
    reason = "bpf(2), perf rings and mmap; each use is wrapped in `sys` or `pod_types`"
)]

mod apply;
mod content;
mod cpus;
mod datapath;
pub mod egress;
pub mod ends;
mod error;
pub mod grace_periods;
pub mod guard;
mod inspect;
mod interface;
mod kernel;
mod links;
mod map;
mod netlink;
mod pins;
mod pod_types;
pub mod pods;
mod prefix;
mod programs;
mod proxy;
mod removals;
mod repair;
mod resize;
mod rings;
mod shares;
mod sizes;
mod staged;
mod stats;
mod sys;
pub mod testrun;
pub mod unattended;

pub use apply::Applied;
pub use datapath::{Datapath, Options};
pub use datapath_host::{Changes, Desired, Settings};
pub use error::Error;
pub use inspect::Inspection;
pub use interface::IfIndex;
pub use map::MapUsage;
pub use repair::{Damage, Repair};
pub use rings::{RingItem, RingOptions, RingReader};
pub use sizes::Sizes;
pub use stats::{Connections, Counters, Limited, Replaced, Stats};
pub use sys::set_thread_niceness;
