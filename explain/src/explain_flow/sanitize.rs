//! Texts of a flow as they may be shown.

/// The longest text of a flow that is repeated, characters.
const LONGEST: usize = 256;

/// A text of a flow as it may be shown: bounded, and without characters that do things to a terminal
/// or to the order of the text around it.
pub(super) fn plain(text: &str) -> String {
    let harmful = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| !harmful(c)).take(LONGEST).collect()
}
