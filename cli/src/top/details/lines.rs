//! Lines of text with looks, and where their sections begin.

use flow::Verdict;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quiet,
    Heading,
    Verdict(Verdict),
    Good,
    Bad,
    Warn,
    Accent,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) look: Style,
}

/// Lines, and where sections begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) lines: Vec<Vec<Span>>,
    pub(crate) sections: Vec<usize>,
}

impl Document {
    pub(super) fn line(&mut self, text: impl Into<String>, look: Style) {
        self.pieces([(text.into(), look)]);
    }

    pub(super) fn pieces<const N: usize>(&mut self, pieces: [(String, Style); N]) {
        let pieces = pieces.into_iter().filter(|(text, _)| !text.is_empty());
        let pieces = pieces.map(|(text, look)| Span { text, look });
        self.lines.push(pieces.collect());
    }

    pub(super) fn section(&mut self, title: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        self.sections.push(self.lines.len());
        self.line(title, Style::Heading);
    }

    pub(super) fn block(&mut self, text: &str, look: Style) {
        for line in text.lines() {
            self.line(format!("  {line}"), look);
        }
    }
}
