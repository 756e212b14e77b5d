//! The state of a cluster: what its manifests say, where they come from, and the identities that follow
//! from labels.
//!
//! ```text
//! directory of YAML --source--> State (one snapshot, Arc) --> policy --> agent
//!                                  pods, nodes, policies, ...
//!                                  problems with file:line:column
//! Labels --Identities--> numbers
//! ```
//!
//! Policies are carried as documents with positions; what their rules mean is the policy crate's part.

pub mod changes;
pub mod differ;
pub mod identities;
pub mod labels;
pub mod manifest;
mod named_labels;
pub mod object;
pub mod origin;
pub mod problem;
pub mod protocol;
pub mod shared_map;
pub mod shared_table;
pub mod source;
pub mod state;
pub mod yaml;

pub use changes::ObjectChange;
pub use flow::{Identity, quantity, spelling};
pub use identities::Identities;
pub use labels::{Label, Labels};
pub use manifest::{
    CidrGroup, ContainerPort, EndpointSlice, LabelMap, Namespace, Node, Object, Pod, Policy,
    Service, ServicePort, Workload,
};
pub use named_labels::NamedLabels;
pub use object::{Kind, NamespacedName, ObjectName};
pub use origin::{ClusterOrigin, FileOrigin, Origin};
pub use problem::Problem;
pub use shared_map::SharedMap;
pub use shared_table::SharedTable;
pub use source::Directory;
pub use state::State;
