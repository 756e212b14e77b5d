//! What may stand at the cursor.

use super::Span;

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Bytes of the text that it replaces.
    pub range: Span,
    /// What to put there.
    pub text: String,
    /// A line about it; may be empty.
    pub doc: String,
}

/// Values that whoever asks has seen.
pub trait Values {
    /// Values of the field of that name which begin so, best first.
    fn values(&self, field: &str, beginning: &str) -> Vec<String>;
}

/// None seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoValues;

impl Values for NoValues {
    fn values(&self, _field: &str, _beginning: &str) -> Vec<String> {
        Vec::new()
    }
}

/// TODO
pub fn complete(_text: &str, _cursor: usize, _values: &dyn Values) -> Vec<Completion> {
    Vec::new()
}
