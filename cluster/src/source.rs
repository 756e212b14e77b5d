//! Where the state of a cluster comes from.

pub mod directory;

pub use directory::{Directory, DirectoryError, Memory, Watch, WatchError};
