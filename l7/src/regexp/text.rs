//! Parts of an expression's text, and characters written so that they have no meaning.

use super::{ErrorCode, RegexpError};

/// What is wrong, and with which part.
pub(super) fn error(code: ErrorCode, part: &str) -> RegexpError {
    RegexpError {
        code,
        part: part.into(),
    }
}

/// What stands between `from` and `rest`, which ends it.
pub(super) fn between<'a>(from: &'a str, rest: &str) -> &'a str {
    from.get(..from.len().saturating_sub(rest.len()))
        .unwrap_or(from)
}

/// One character, so that nothing gives it a meaning, inside a class or outside.
pub(super) fn write_char(out: &mut String, char: char) {
    if char.is_ascii_alphanumeric() || matches!(char, '/' | '_') {
        out.push(char);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(char)));
    }
}
