//! How letters of a text are escaped: as Go's `encoding/json` does, and all that steers.

/// Whether a letter can steer a terminal, end a line, or turn or hide the text around it: controls,
/// and Unicode's bidirectional and invisible letters. None of them reaches a terminal or a file of
/// ours unescaped.
pub fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Eight bytes of a text, looked at together. What is asked about them answers in the highest bit of
/// each: right for the first one that is found, and for those before it.
#[derive(Clone, Copy)]
struct Eight(u64);

impl Eight {
    const fn of(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }

    /// Which of them are this byte.
    fn are(self, byte: u8) -> u64 {
        let others = self.0 ^ Self::of(byte);
        others.wrapping_sub(Self::of(1)) & !others
    }

    /// Which of them are one of these two, that differ in one bit.
    fn are_either(self, one: u8, other: u8) -> u64 {
        Self(self.0 | Self::of(one ^ other)).are(one | other)
    }

    /// Which of them are below the first letter that is shown.
    fn are_controls(self) -> u64 {
        self.0.wrapping_sub(Self::of(b' ')) & !self.0
    }

    /// Which of them may be of a letter that steers.
    fn may_steer(self) -> u64 {
        self.0 | self.are_controls() | self.are(0x7f)
    }

    /// Which of them may be of a letter that is escaped.
    fn may_need_escape(self) -> u64 {
        self.may_steer()
            | self.are_either(b'"', b'&')
            | self.are_either(b'<', b'>')
            | self.are(b'\\')
    }
}

/// The number of bytes before the first one that is found.
#[inline]
fn before(bytes: &[u8], find: impl Fn(Eight) -> u64) -> usize {
    let first = |word: [u8; 8]| {
        let found = find(Eight(u64::from_le_bytes(word))) & Eight::of(0x80);
        usize::try_from(found.trailing_zeros() / 8).unwrap_or_default()
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        match first(*word) {
            8 => {}
            place => return at * 8 + place,
        }
    }
    // What nobody looks for fills it up.
    let mut word = [b'a'; 8];
    word[..rest.len()].copy_from_slice(rest);
    words.len() * 8 + first(word).min(rest.len())
}

/// Whether a letter of the text steers.
pub fn has_steering(text: &str) -> bool {
    let mut rest = text;
    loop {
        // Of a letter its first byte is found.
        rest = &rest[before(rest.as_bytes(), Eight::may_steer)..];
        let mut letters = rest.chars();
        match letters.next() {
            Some(letter) if steers(letter) => return true,
            Some(_) => rest = letters.as_str(),
            None => return false,
        }
    }
}

/// Writes a text without quotes around it.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut start = 0;
    let mut at = 0;
    loop {
        at += before(&bytes[at..], Eight::may_need_escape);
        let Some(letter) = text[at..].chars().next() else {
            out.extend_from_slice(&bytes[start..]);
            return;
        };
        let end = at + letter.len_utf8();
        if letter.is_ascii() || steers(letter) {
            out.extend_from_slice(&bytes[start..at]);
            one(out, letter);
            start = end;
        }
        at = end;
    }
}

/// Writes the escape of a letter.
fn one(out: &mut Vec<u8>, letter: char) {
    let short: &[u8] = match letter {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        '\u{8}' => b"\\b",
        '\u{c}' => b"\\f",
        letter => {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
            return;
        }
    };
    out.extend_from_slice(short);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letter by letter.
    fn slowly(text: &str) -> String {
        let mut out = Vec::new();
        for letter in text.chars() {
            match letter {
                '"' | '\\' | '<' | '>' | '&' => one(&mut out, letter),
                letter if steers(letter) => one(&mut out, letter),
                letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        String::from_utf8(out).expect("letters and escapes")
    }

    #[test]
    fn eight_at_a_time_is_one_by_one() {
        let all = ('\0'..'\u{3000}').chain('\u{fe00}'..='\u{ffff}');
        let all = all.chain('\u{e0000}'..'\u{e0100}');
        for (number, letter) in all.enumerate() {
            for text in [
                format!("{}{letter}", &"a!\u{7e}#;=?[]%'"[..number % 11]),
                format!("{letter}{}{letter}{letter}b", &"kubernetes"[..number % 10]),
            ] {
                let mut out = Vec::new();
                escape(&mut out, &text);
                assert_eq!(String::from_utf8(out), Ok(slowly(&text)), "{text:?}");
                assert_eq!(has_steering(&text), steers(letter), "{text:?}");
            }
        }
    }
}
