//! Texts from elsewhere (names, labels, messages of servers) as they may stand on a terminal.
//!
//! JSON goes through `proto::json`, whose writer escapes the same letters.

use proto::json::{has_steering, steers};

/// Text from elsewhere, unable to steer a terminal, to end a line or a cell, or to turn or hide the
/// text around it (Unicode's bidirectional and invisible letters). ESC and CR are written as Hubble
/// writes them.
pub fn escape(text: &str) -> String {
    written(text, steers)
}

/// The same, line by line: for texts that may have several.
pub fn escape_lines(text: &str) -> String {
    written(text, |letter| letter != '\n' && steers(letter))
}

/// The same for Hubble's formats, in which tabs stay.
pub(super) fn escape_but_tabs(text: &str) -> String {
    written(text, |letter| letter != '\t' && steers(letter))
}

/// Adds what `write` adds, escaped with `escape`.
pub(super) fn safely(
    out: &mut String,
    escape: fn(&str) -> String,
    write: impl FnOnce(&mut String),
) {
    let start = out.len();
    write(out);
    if has_steering(&out[start..]) {
        let escaped = escape(&out[start..]);
        out.truncate(start);
        out.push_str(&escaped);
    }
}

fn written(text: &str, steers: impl Fn(char) -> bool) -> String {
    if !has_steering(text) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\u{1b}' if steers(letter) => escaped.push_str("^["),
            letter if steers(letter) => escaped.extend(letter.escape_default()),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A word of a shell's command line, which people copy: names of others run nothing.
pub fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    match !text.is_empty() && text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        for (text, wanted) in [
            ("prod/web-1 \u{65e5}\u{672c}", "prod/web-1 \u{65e5}\u{672c}"),
            ("\u{1b}[31mred", "^[[31mred"),
            ("a\rb\nc\td", "a\\rb\\nc\\td"),
            ("\u{9b}2J\u{7}\u{7f}", "\\u{9b}2J\\u{7}\\u{7f}"),
            ("web\u{202e}8080\u{2028}", "web\\u{202e}8080\\u{2028}"),
            ("\u{2066}\u{61c}\u{200f}", "\\u{2066}\\u{61c}\\u{200f}"),
            (
                "we\u{200b}b\u{feff}\u{e0041}",
                "we\\u{200b}b\\u{feff}\\u{e0041}",
            ),
        ] {
            assert_eq!(escape(text), wanted);
        }
        assert_eq!(escape_lines("a\n\u{1b}b\r"), "a\n^[b\\r");
        assert_eq!(escape_but_tabs("a\tb\n"), "a\tb\\n");
    }
}
