//! What the agent publishes of its node. Everything here is data and the channels it travels by: all other
//! modules read it, and it uses none of them.

pub mod applied;
pub mod clock;
pub mod conntrack_stats;
pub mod name_book;
pub mod names;
pub mod notifier;
pub mod peers;
pub mod progress;
pub mod published;
pub mod state_query;
pub mod status;
pub mod told_names;
pub mod usage;

pub use applied::{AppliedState, StaleState, StateSnapshot};
pub use notifier::{NotificationReceiver, Notifier, Wakeup};
pub use peers::Peers;
pub use progress::Progress;
pub use published::{Published, RingDropCounter};
pub use state_query::{QueryReceiver, StateQuery, StateQueryError};
pub use status::{PolicyProblem, Status};
pub use told_names::ToldNames;
pub use usage::MapUsage;
