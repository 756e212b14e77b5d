//! Policy: rules in, tables out. Pure: nothing here reads a file, a clock or a map of the kernel.
//!
//! ```text
//! cluster::State --parse--> rules --Compiler--> Compiled: tables, addresses, cookies
//!                                                  |  |
//!                                                  |  desired: what the node's maps shall hold
//!                                                decide: the kernel's own lookup, on the host
//! ```

mod book;
pub mod bounded;
mod compile;
mod compiled;
mod compiler;
mod config;
mod content;
mod cookies;
mod decide;
pub mod effort;
mod index;
mod memory;
mod parse;
mod path;
pub mod portrange;
mod prefixes;
pub mod reason;
pub mod rule;
pub mod selector;

pub use compile::{Input, Tables, compile};
pub use compiled::{Address, Compiled, Endpoint, InForce, Touched};
pub use compiler::{Compiler, ports_of, same};
pub use config::{Config, Mode};
pub use content::{Here, Place};
pub use cookies::{Cookies, NamedPort, TableIds, TableOwner};
pub use decide::{Decision, Question, decide};
pub use memory::{Memory, MemoryChanges};
pub use parse::{parse, parse_all, read, selectors};
pub use path::{NoRulePath, RuleItem, RuleList, RulePath};
pub use prefixes::{group_labels, named_prefixes, supernets};
pub use reason::{Direction, Origin, Reason, ReasonKind};
pub use rule::Policy;
