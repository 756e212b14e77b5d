//! What outlives a process: files that are replaced as a whole, files that grow by records, and digests that are
//! the same in every process.
//!
//! ```text
//!  digest   numbers of texts, for identities, versions, checksums
//!  error    what can be wrong with a file
//!  file     one file in place of another, at once
//!  journal  a file of records
//! ```

mod digest;
mod error;
mod file;
mod journal;

pub use digest::{Digest, checksum};
pub use error::{Damage, StateFileError, VERSION};
pub use file::{open, read, remove, replace};
pub use journal::{Found, Journal};
