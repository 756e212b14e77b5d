//! A line of text that is being written.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The text and the place of the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    text: String,
    /// In bytes, between two letters.
    cursor: usize,
}

impl Line {
    /// The cursor stands behind the text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let cursor = text.len();
        Self { text, cursor }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// In bytes.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts something in place of a range of bytes, and the cursor behind it.
    pub(crate) fn replace(&mut self, range: std::ops::Range<usize>, with: &str) {
        if self.text.get(range.clone()).is_some() {
            self.text.replace_range(range.clone(), with);
            self.cursor = range.start + with.len();
        }
    }

    /// Writes something at the cursor. A line has no further lines, and nothing that a terminal would
    /// obey.
    pub(crate) fn insert(&mut self, text: &str) {
        let clean = text
            .chars()
            .map(|c| if c.is_whitespace() { ' ' } else { c });
        let clean: String = clean.filter(|c| !c.is_control()).collect();
        self.replace(self.cursor..self.cursor, &clean);
    }

    fn before(&self) -> usize {
        let last = self.text[..self.cursor].chars().next_back();
        self.cursor - last.map_or(0, char::len_utf8)
    }

    fn after(&self) -> usize {
        let next = self.text[self.cursor..].chars().next();
        self.cursor + next.map_or(0, char::len_utf8)
    }

    fn word_before(&self) -> usize {
        let text = self.text[..self.cursor].trim_end_matches(|c: char| !c.is_alphanumeric());
        let word = text.rfind(|c: char| !c.is_alphanumeric());
        word.map_or(0, |at| {
            at + text[at..].chars().next().map_or(0, char::len_utf8)
        })
    }

    /// Takes a key; whether it was one for a line.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Char('b') if control => self.cursor = self.before(),
            KeyCode::Char('f') if control => self.cursor = self.after(),
            KeyCode::Char('u') if control => self.replace(0..self.cursor, ""),
            KeyCode::Char('k') if control => self.text.truncate(self.cursor),
            KeyCode::Char('w') if control => self.replace(self.word_before()..self.cursor, ""),
            KeyCode::Backspace if alt || control => {
                self.replace(self.word_before()..self.cursor, "");
            }
            KeyCode::Char(letter) if !control && !alt => {
                self.insert(letter.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace => self.replace(self.before()..self.cursor, ""),
            KeyCode::Delete => self.replace(self.cursor..self.after(), ""),
            KeyCode::Left if control || alt => self.cursor = self.word_before(),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_change_the_line() {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        for (start, keys, want, cursor) in [
            (
                "",
                vec![plain(KeyCode::Char('ü')), plain(KeyCode::Char('x'))],
                "üx",
                3,
            ),
            (
                "üx",
                vec![
                    plain(KeyCode::Left),
                    plain(KeyCode::Left),
                    plain(KeyCode::Delete),
                ],
                "x",
                0,
            ),
            ("src.pod ~ abc", vec![control('w')], "src.pod ~ ", 10),
            ("src.pod ~ abc", vec![control('w'), control('w')], "src.", 4),
            ("ab", vec![plain(KeyCode::Home), control('k')], "", 0),
            ("ab", vec![plain(KeyCode::Backspace); 5], "", 0),
            (
                "ab",
                vec![
                    control('a'),
                    plain(KeyCode::Left),
                    plain(KeyCode::Backspace),
                ],
                "ab",
                0,
            ),
        ] {
            let mut line = Line::new(start);
            for key in &keys {
                assert!(line.key(key));
            }
            assert_eq!(
                (line.text(), line.cursor()),
                (want, cursor),
                "{start} {keys:?}"
            );
        }
        assert!(!Line::default().key(&plain(KeyCode::Enter)));
    }

    #[test]
    fn what_is_pasted_is_one_clean_line() {
        let mut line = Line::default();
        line.insert("a\nb\u{1b}[31m\tc");
        assert_eq!(line.text(), "a b[31m c");
    }
}
