//! `flows policy`, `flows changes`, `flows endpoint`, `flows identity` and `flows names`: the policy engine, over a directory
//! of manifests or a running cluster.

pub(crate) mod changes;
mod clean;
pub(crate) mod diff;
pub(crate) mod endpoint;
mod flows;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod identity;
mod list;
mod manifests;
pub(crate) mod names;
mod past_state;
mod render;
mod request;
mod show;
pub(crate) mod trace;
pub(crate) mod validate;
pub(crate) mod wait;
pub(crate) mod who_can;
pub(crate) mod why;
