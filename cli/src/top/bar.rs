//! The filter bar: an expression being written, with completion, its error, and those before it.

use flow::expr::{Completion, Values, complete};

use super::{
    edit::Line,
    filters::{Chip, Refused},
};

/// Most expressions that are filter_history.
pub(crate) const REMEMBERED: usize = 200;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bar {
    pub(crate) line: Line,
    pub(crate) refused: Option<Refused>,
    /// What can be put where the cursor is.
    pub(crate) offers: Vec<Completion>,
    /// The offer that is selected.
    pub(crate) offer: Option<usize>,
    /// The text before an offer was taken.
    before: Option<Line>,
    /// Expressions before this one, the oldest first.
    pub(crate) history: Vec<String>,
    /// Which of them is in the line; `None`: none.
    place: Option<usize>,
    /// What was written before one of them was fetched.
    draft: Line,
    /// The place of the chip that is edited; `None`: a new one is written.
    pub(crate) edits: Option<usize>,
}

impl Bar {
    /// Begins with a text.
    pub(crate) fn open(&mut self, text: &str, edits: Option<usize>, seen: &dyn Values) {
        self.line = Line::new(text);
        self.edits = edits;
        self.place = None;
        self.draft = Line::default();
        self.changed(seen);
    }

    /// The text became another one: judges it anew. What is unfinished at its end isn't wrong yet.
    pub(crate) fn changed(&mut self, seen: &dyn Values) {
        self.offer = None;
        self.before = None;
        self.refused = self.judge().err().flatten();
        let text = self.line.text();
        self.offers = complete(text, self.line.cursor(), seen);
    }

    fn judge(&self) -> Result<Option<Chip>, Option<Refused>> {
        if self.line.text().trim().is_empty() {
            return Ok(None);
        }
        let length = self.line.text().trim_end().chars().count();
        match Chip::read(self.line.text()) {
            Ok(chip) => Ok(Some(chip)),
            Err(refused) if refused.column > length => Err(None),
            Err(refused) => Err(Some(refused)),
        }
    }

    /// The filter that is written; `None` if nothing is.
    ///
    /// # Errors
    /// It isn't one: the error is shown.
    pub(crate) fn finish(&mut self) -> Result<Option<Chip>, ()> {
        if self.line.text().trim().is_empty() {
            return Ok(None);
        }
        match Chip::read(self.line.text()) {
            Ok(chip) => {
                self.remember(&chip.text);
                Ok(Some(chip))
            }
            Err(refused) => {
                self.refused = Some(refused);
                Err(())
            }
        }
    }

    /// Puts an expression behind those before it.
    pub(crate) fn remember(&mut self, text: &str) {
        self.history.retain(|known| known != text);
        self.history.push(text.to_owned());
        let more = self.history.len().saturating_sub(REMEMBERED);
        self.history.drain(..more);
    }

    /// Takes the next offer, or the one before it.
    pub(crate) fn complete(&mut self, forward: bool, seen: &dyn Values) {
        let count = self.offers.len();
        if count == 0 {
            return;
        }
        let next = match self.offer {
            None if forward => 0,
            None => count - 1,
            Some(at) if forward => (at + 1) % count,
            Some(at) => (at + count - 1) % count,
        };
        let before = self.before.get_or_insert_with(|| self.line.clone()).clone();
        let offer = self.offers[next].clone();
        self.line = before;
        self.line.replace(offer.range, &offer.text);
        self.refused = self.judge().err().flatten();
        if count == 1 {
            self.changed(seen);
        } else {
            self.offer = Some(next);
        }
    }

    /// Fetches an expression of before: the one before it, or the next one.
    pub(crate) fn fetch(&mut self, back: bool, seen: &dyn Values) {
        let count = self.history.len();
        let place = match (self.place, back) {
            (None, true) if count > 0 => {
                self.draft = self.line.clone();
                Some(count - 1)
            }
            (None, _) => return,
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) if at + 1 < count => Some(at + 1),
            (Some(_), false) => None,
        };
        self.place = place;
        self.line = match place {
            Some(at) => Line::new(self.history[at].clone()),
            None => std::mem::take(&mut self.draft),
        };
        self.changed(seen);
    }
}

#[cfg(test)]
mod tests {
    use flow::expr::NoValues;

    use super::*;

    fn written(text: &str) -> Bar {
        let mut bar = Bar::default();
        bar.open(text, None, &NoValues);
        bar
    }

    #[test]
    fn what_is_unfinished_is_not_wrong_yet() {
        for (text, refused) in [
            ("", false),
            ("verdict == DROPPED", false),
            ("verdict ==", false),
            ("verdict == DROPPED and", false),
            ("verdikt == DROPPED", true),
            ("verdict == DROPT and reply", true),
        ] {
            assert_eq!(written(text).refused.is_some(), refused, "{text}");
        }
        let mut bar = written("verdict ==");
        assert!(bar.finish().is_err());
        assert!(bar.refused.is_some(), "but it is no filter");
    }

    #[test]
    fn those_before_are_fetched_and_the_draft_comes_back() {
        let mut bar = Bar::default();
        for text in ["a", "b", "a"] {
            bar.remember(text);
        }
        assert_eq!(bar.history, ["b", "a"]);
        bar.open("dra", None, &NoValues);
        let mut seen = Vec::new();
        for back in [true, true, true, false, false, false] {
            bar.fetch(back, &NoValues);
            seen.push(bar.line.text().to_owned());
        }
        assert_eq!(seen, ["a", "b", "b", "a", "dra", "dra"]);
    }

    #[test]
    fn offers_are_taken_in_turn() {
        let mut bar = written("verdict == D and reply");
        let offer = |text: &str| Completion {
            range: 11..12,
            text: text.to_owned(),
            doc: String::new(),
        };
        bar.offers = vec![offer("DROPPED"), offer("DISABLED")];
        let mut seen = Vec::new();
        for forward in [true, true, true, false] {
            bar.complete(forward, &NoValues);
            seen.push(bar.line.text().to_owned());
        }
        let [dropped, disabled] =
            ["DROPPED", "DISABLED"].map(|name| format!("verdict == {name} and reply"));
        assert_eq!(seen, [&*dropped, &*disabled, &*dropped, &*disabled]);
    }
}
