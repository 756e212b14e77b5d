//! Is the terminal's background light? It is asked, and nobody waits: the answer comes among the keys
//! whenever it does, if ever, and is none of them.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Asks for the background's colour (OSC 11).
pub(super) const QUESTION: &str = "\u{1b}]11;?\u{1b}\\";

/// Longest time from the first key of an answer to its last.
const TAKES: Duration = Duration::from_secs(1);
/// Longest answer, in characters.
const LONGEST: usize = 64;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Somebody pressed it.
    Pressed,
    /// It is part of an answer.
    Answer,
    /// The answer is whole: whether the background is light.
    Light(bool),
}

/// Picks the answer out of the keys.
#[derive(Debug, Default)]
pub(super) struct Background {
    asked: bool,
    /// What came of it, and since when.
    answer: Option<(String, Instant)>,
}

impl Background {
    /// Expects an answer from now on.
    pub(super) fn expect(&mut self) {
        self.asked = true;
    }

    /// Looks at the next key.
    pub(super) fn take(&mut self, key: &KeyEvent, now: Instant) -> Key {
        if !self.asked {
            return Key::Pressed;
        }
        // `ESC ]` is read as this key with Alt, `ESC \\` and BEL at the end as these.
        let is =
            |letter, modifiers| key.code == KeyCode::Char(letter) && key.modifiers == modifiers;
        let late = |(_, since): &(String, Instant)| now.duration_since(*since) > TAKES;
        if self.answer.as_ref().is_some_and(late) {
            self.answer = None;
        }
        let Some((text, _)) = &mut self.answer else {
            if is(']', KeyModifiers::ALT) {
                self.answer = Some((String::new(), now));
                return Key::Answer;
            }
            return Key::Pressed;
        };
        if is('\\', KeyModifiers::ALT) || is('g', KeyModifiers::CONTROL) {
            let light = is_light(text);
            self.answer = None;
            self.asked = light.is_none();
            return light.map_or(Key::Answer, Key::Light);
        }
        match key.code {
            KeyCode::Char(letter) if text.len() < LONGEST => text.push(letter),
            // No answer looks like this.
            _ => self.answer = None,
        }
        Key::Answer
    }
}

/// Whether `11;rgb:ffff/ffff/ffff` is a light colour; `None`: it is none.
fn is_light(answer: &str) -> Option<bool> {
    let colors = answer.strip_prefix("11;")?;
    let colors = colors
        .strip_prefix("rgb:")
        .or_else(|| colors.strip_prefix("rgba:"))?;
    let mut parts = colors.split('/').map(part);
    let [red, green, blue] = [parts.next()??, parts.next()??, parts.next()??];
    // As the eye weighs them, ITU-R BT.709.
    Some(2126 * red + 7152 * green + 722 * blue > 5000 * 1000)
}

/// A part of a colour as one of a thousand: it has one to four digits.
fn part(digits: &str) -> Option<u32> {
    let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)? - 1;
    let value = u32::from_str_radix(digits, 16).ok()?;
    (1..=4).contains(&digits.len()).then(|| value * 1000 / most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<KeyEvent> {
        let mut keys = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            keys.push(match letter {
                '\u{1b}' => {
                    KeyEvent::new(KeyCode::Char(letters.next().unwrap()), KeyModifiers::ALT)
                }
                '\u{7}' => KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL),
                letter => KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE),
            });
        }
        keys
    }

    #[test]
    fn an_answer_is_no_key_and_keys_are_no_answer() {
        for (typed, want) in [
            ("\u{1b}]11;rgb:ffff/ffff/ffff\u{1b}\\", Some(true)),
            ("\u{1b}]11;rgb:1e1e/1e1e/2e2e\u{7}", Some(false)),
            ("\u{1b}]11;rgba:fd/f6/e3/ff\u{7}", Some(true)),
            ("\u{1b}]11;rgb:0/0/0\u{7}", Some(false)),
            ("\u{1b}]11;rgb:xyz\u{7}", None),
            ("\u{1b}]4;1;rgb:ffff/ffff/ffff\u{7}", None),
        ] {
            let mut background = Background::default();
            background.expect();
            let now = Instant::now();
            let seen: Vec<_> = keys(typed)
                .iter()
                .map(|key| background.take(key, now))
                .collect();
            assert!(!seen.contains(&Key::Pressed), "{typed:?}: {seen:?}");
            let light = seen.iter().find_map(|key| match key {
                Key::Light(light) => Some(*light),
                Key::Pressed | Key::Answer => None,
            });
            assert_eq!(light, want, "{typed:?}");
            for key in keys("q/d") {
                assert_eq!(background.take(&key, now), Key::Pressed);
            }
        }
    }

    #[test]
    fn an_answer_that_stops_half_way_takes_no_keys_for_long() {
        let mut background = Background::default();
        let [begin, rest @ ..] = &keys("\u{1b}]11;rgb:")[..] else {
            panic!("it has a begin");
        };
        let now = Instant::now();
        assert_eq!(background.take(begin, now), Key::Pressed, "nobody asked");
        background.expect();
        assert_eq!(background.take(begin, now), Key::Answer);
        for key in rest {
            assert_eq!(background.take(key, now), Key::Answer);
        }
        let later = now + 2 * TAKES;
        assert_eq!(background.take(&keys("d")[0], later), Key::Pressed);
    }
}
