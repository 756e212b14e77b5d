//! Why policy decides as it does: over `policy`'s rules, tables and lookup, in plain types. Only
//! [`proto`] knows messages.
//!
//! ```text
//! trace          what would be decided for a connection, by which rules, and what would allow it
//! flow_groups    recorded flows by who connected with whom
//! policy_inputs  a cluster's state with its policies, of which all is asked
//! connectivity   what trace tells, for all pairs of workloads, prefixes and entities
//! diff           which connections a change denies or allows, and which recorded ones those are
//! diff_report    what is told of a diff, and as Markdown
//! who_can        who can reach a workload, and whom it can reach
//! explain_flow   why a flow was decided as it records, and what would be decided now
//! validate       what is wrong with manifests, and what about them is likely not meant
//! culprit        which change of the cluster's state decided
//! changes        what a change of the cluster's state means, and which pods it can concern
//! proto          these as messages of flows.v1, and flows of Hubble's
//! ```

pub mod changes;
pub mod connectivity;
pub mod culprit;
pub mod diff;
pub mod diff_report;
pub mod explain_flow;
pub mod flow_groups;
pub mod policy_inputs;
pub mod proto;
pub mod trace;
pub mod validate;
pub mod who_can;

/// Long work that nobody waits for any more.
pub use policy::cancel;
