//! What is wrong with an expression, and where.

use std::fmt::Write as _;

use super::Span;
use crate::spelling::did_you_mean_word;

/// Why an expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", did_you_mean_word(.suggestion.as_deref()))]
pub struct ExprError {
    /// Where it begins, in bytes of the text.
    pub start: usize,
    /// Where it begins, in characters from 1.
    pub column: usize,
    /// How many characters it is long; 0 if something is missing there.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

/// How much of a long line stands before the error, characters.
const AROUND: usize = 60;

impl ExprError {
    pub(super) fn new(text: &str, span: &Span, message: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let within = text.get(span.clone()).unwrap_or("");
        Self {
            start: span.start,
            column: before.chars().count() + 1,
            length: within.chars().count(),
            message: message.into(),
            suggestion: None,
        }
    }

    pub(super) fn meant(self, suggestion: Option<impl Into<String>>) -> Self {
        Self {
            suggestion: suggestion.map(Into::into),
            ..self
        }
    }

    /// The error under the expression, for people:
    ///
    /// ```text
    /// src.prt == 53
    /// ^^^^^^^ unknown field `src.prt`; did you mean `src.port`?
    /// ```
    pub fn render(&self, text: &str) -> String {
        // Of several lines, the one with the error.
        let start = self.start.min(text.len());
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = &text[line_start..];
        let line = rest.split('\n').next().unwrap_or(rest);
        let mut column = before[line_start..].chars().count();
        let all = line.chars().count();
        let length = self.length.min(all.saturating_sub(column)).clamp(1, AROUND);
        let mut shown = String::new();
        // Of a long line, what stands around the error.
        let skipped = if all > 4 * AROUND {
            column.saturating_sub(AROUND)
        } else {
            0
        };
        if skipped > 0 {
            shown.push('\u{2026}');
            column -= skipped - 1;
        }
        // Tabs and control characters would move the caret, or more.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        shown.extend(line.chars().skip(skipped).take(4 * AROUND).map(plain));
        if all - skipped > 4 * AROUND {
            shown.push('\u{2026}');
        }
        let (space, carets) = (" ".repeat(column), "^".repeat(length));
        write!(shown, "\n{space}{carets} {self}").unwrap_or_default();
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_line_the_place_is_shown() {
        for words in [1, 100, 5000] {
            let text = format!("{}src.prt == 53", "reply and ".repeat(words))
                + &" and reply".repeat(words);
            let at = text.find("src.prt").unwrap();
            let error = ExprError::new(&text, &(at..at + 7), "unknown field");
            let shown = error.render(&text);
            let (line, caret) = shown.split_once('\n').unwrap();
            let column = caret.find('^').unwrap();
            let under: String = line.chars().skip(column).take(7).collect();
            assert_eq!(under, "src.prt");
            assert!(caret.contains("^^^^^^^ unknown field"), "{caret}");
            assert!(line.chars().count() <= 242, "{line}");
        }
    }

    #[test]
    fn the_caret_stands_under_its_word() {
        let text = "reply and\n ünd == \t x";
        let at = text.find("==").unwrap();
        let error = ExprError::new(text, &(at..at + 2), "no").meant(Some("yes"));
        assert_eq!(
            error.render(text),
            " ünd ==   x\n     ^^ no; did you mean `yes`?"
        );
        let end = ExprError::new(text, &(text.len()..text.len()), "more");
        assert_eq!(end.render(text), " ünd ==   x\n           ^ more");
        assert_eq!(ExprError::new("", &(0..0), "more").render(""), "\n^ more");
    }
}
