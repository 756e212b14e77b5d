//! Policy: rules in, tables out. Pure: nothing here reads a file, a clock or a map of the kernel.
//!
//! ```text
//! cluster::State --parse--> rules --Compiler--> Compiled: tables, addresses, cookies
//!                                                  |  |
//!                                                  |  desired: what the node's maps shall hold
//!                                                decide: the kernel's own lookup, on the host
//!
//! rules of layer 7 --> entries that redirect, and beside the tables what a proxy judges by: layer7
//! ```

pub mod attribution;
pub mod bounded;
pub mod cancel;
mod cidr;
mod compiler;
mod config;
mod cookies;
mod decide;
mod desired_state;
pub mod layer7;
mod output;
mod parse;
mod path;
mod persistent_state;
pub mod portrange;
mod prefixes;
pub mod rule;
mod rule_store;
pub mod selector;
mod selector_cache;
pub mod steps;
mod table;

pub use attribution::{Direction, Origin, Reason, ReasonKind};
pub use cidr::{group_labels, supernets};
pub use compiler::{Compiler, ports_of, same_rules};
pub use config::{Config, Language, Mode, ProxyPorts};
pub use cookies::{Cookies, NamedPort, TableIds, TableOwner};
pub use decide::{Decision, TableQuery, decide};
pub use desired_state::{LocalEndpoint, LocalNode};
pub use output::{Address, AppliedPolicy, ChangeSet, Compiled, Endpoint};
pub use parse::{parse, parse_all, read, selectors};
pub use path::{Layer7Item, Layer7List, NoRulePath, PortRuleItem, RuleItem, RuleList, RulePath};
pub use persistent_state::{PersistentState, PersistentStateChanges};
pub use prefixes::named_prefixes;
pub use rule::Policy;
pub use table::{TableInput, Tables, compile_tables};
