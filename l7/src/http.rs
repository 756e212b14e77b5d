//! HTTP: rules and what they match, paths in one form, and the head of a request checked byte by byte.
//!
//! ```text
//! bytes -> Head           what has two readings is refused before anything is judged
//! target -> Normalized    the path in the form that is matched and forwarded
//! Head -> bytes           the head as it is forwarded: what was judged, and nothing else
//! Rule + Request -> Fit   whether a rule allows it, what that changes, or what first doesn't fit
//! ```

mod body;
mod effects;
mod head;
mod mismatch;
mod path;
mod request;
mod rule;
mod spec;

pub use body::{Chunks, ChunksError};
pub use effects::{Effects, HeaderChange, HeaderNote};
pub use head::{
    Framing, Head, HeadError, HeadReader, MAX_HEAD, MAX_HEADERS, Upgrade, is_http2_preface,
};
pub use mismatch::{Fault, Mismatch, Unfit};
pub use path::{BadPath, MAX_TARGET, Normalized, normalize};
pub use request::{Headers, Request};
pub use rule::{Fit, Header, NoSecrets, PATH_DISTANCE, Rule, Secrets};
pub use spec::{Action, HeaderMatch, RuleError, RuleField, RuleSpec, SecretRef, Wrong};
