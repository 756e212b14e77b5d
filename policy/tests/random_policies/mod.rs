//! Random clusters and policies, and an oracle that judges probes from the rules as they are written.
//! Nothing here knows the compiler or the lookup, so that a test of another crate can drive the kernel
//! with the same cases: include this directory by path, compile `World::manifests`, compare.

pub(crate) mod generate;
pub(crate) mod model;
pub(crate) mod oracle;
pub(crate) mod random;
