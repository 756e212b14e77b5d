//! Why policy decides as it does: over `policy`'s rules, tables and lookup, in plain types. Only
//! [`proto`] knows messages.
//!
//! ```text
//! trace          what would be decided for a connection, by which rules, and what would allow it
//! explain_flow   why a flow was decided as it records, and what would be decided now
//! validate       what is wrong with manifests, and what about them is likely not meant
//! proto          the three as messages of flows.v1
//! ```

pub mod connectivity;
pub mod diff;
pub mod explain_flow;
pub mod flow_groups;
pub mod proto;
pub mod trace;
pub mod validate;
