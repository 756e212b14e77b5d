//! The time cursor: where it stands, what is selected, how closely is looked.

use crossterm::event::KeyEvent;

use crate::top::{
    filters::Chip,
    keys::{self, Act, Place},
    model::{Mode, Model, Tab},
};

/// The shortest time that is looked at, ns.
const CLOSEST: i64 = 100_000_000;

impl Model {
    /// Turns the cursor on, at the selected flow.
    pub(super) fn open_time(&mut self) {
        self.mode = Mode::Time;
        self.show(Tab::Flows);
        let time = self.table.selected.and_then(|id| self.data.time(id));
        let at = time.unwrap_or(self.histogram.start);
        self.cursor = Some(at);
        self.anchor = None;
    }

    /// Turns the cursor on, with a time selected that was a filter.
    pub(super) fn select_again(&mut self, (from, to): (i64, i64)) {
        self.open_time();
        self.anchor = Some(from);
        self.cursor = Some(to);
    }

    pub(super) fn time_key(&mut self, key: &KeyEvent) {
        let at = self.cursor.unwrap_or(self.histogram.start);
        let length = self.histogram.length.max(1);
        let (first, last) = self.bars();
        let act = keys::act(key, &[Place::Time]);
        let to = match act {
            Some(Act::Left | Act::SelectLeft) => at - length,
            Some(Act::Right | Act::SelectRight) => at + length,
            Some(Act::PageUp) => at - 10 * length,
            Some(Act::PageDown) => at + 10 * length,
            Some(Act::Oldest) => first,
            Some(Act::Newest) => last,
            Some(Act::Mark) => {
                self.anchor = match self.anchor {
                    Some(_) => None,
                    None => Some(at),
                };
                return;
            }
            Some(act @ (Act::NextChange | Act::PrevChange)) => {
                return self.find_change(at, act == Act::NextChange);
            }
            Some(Act::ZoomIn) => return self.zoom(false),
            Some(Act::ZoomOut) => return self.zoom(true),
            Some(Act::Whole) => {
                self.zoom = None;
                return;
            }
            Some(Act::Open) => {
                match self.selection() {
                    Some(time) => self.only(time),
                    None => self.jump_to(at),
                }
                return;
            }
            _ => {
                self.leave_time();
                return;
            }
        };
        if matches!(act, Some(Act::SelectLeft | Act::SelectRight)) {
            self.anchor.get_or_insert(at);
        }
        // At the begin of a bar, so that its first flow is what is jumped to.
        let to = first + (to - first).div_euclid(length) * length;
        if to < first || to > last {
            self.pan(to - to.clamp(first, last));
        }
        let (first, last) = self.bars();
        self.cursor = Some(to.clamp(first, last.max(to.min(self.whole.1))));
    }

    /// Goes to the next change, or to the one before: of several in the bar one after the other is told.
    fn find_change(&mut self, at: i64, forward: bool) {
        let length = self.histogram.length.max(1);
        let begin = at.div_euclid(length) * length;
        let here = self.changes.between(begin, begin + length - 1).len();
        let told = self.told_change();
        let next = match forward {
            true => Some(told + 1).filter(|next| *next < here),
            false => told.min(here).checked_sub(1),
        };
        if let Some(next) = next {
            self.told_change = Some((at, next));
            return;
        }
        let from = if forward { begin + length - 1 } else { begin };
        let found = self.changes.next(from, forward);
        match found.filter(|time| (self.whole.0..=self.whole.1).contains(time)) {
            Some(time) => {
                let time = time.div_euclid(length) * length;
                let (first, last) = self.bars();
                if time < first || time > last {
                    self.pan(time - time.clamp(first, last));
                }
                self.cursor = Some(time);
                let there = self.changes.between(time, time + length - 1).len();
                let first = if forward { 0 } else { there.saturating_sub(1) };
                self.told_change = Some((time, first));
            }
            // What changed here is still to be read.
            None if !self.changes.between(begin, begin + length - 1).is_empty() => {}
            None if forward => self.say("no later change in the time that is shown"),
            None => self.say("no earlier change in the time that is shown"),
        }
    }

    /// Which of the changes in the bar of the cursor is told: 0 is the first.
    pub(crate) fn told_change(&self) -> usize {
        let told = self.told_change.filter(|(at, _)| Some(*at) == self.cursor);
        told.map_or(0, |(_, told)| told)
    }

    /// Begin of the first and of the last bar.
    fn bars(&self) -> (i64, i64) {
        let bars = i64::try_from(self.histogram.buckets.len()).unwrap_or(1);
        let first = self.histogram.start;
        (first, first + self.histogram.length * (bars - 1))
    }

    /// The selected time, Unix ns, both included; whole bars.
    pub(crate) fn selection(&self) -> Option<(i64, i64)> {
        let (one, other) = self.anchor.zip(self.cursor)?;
        let length = self.histogram.length.max(1);
        let begin = |time: i64| time.div_euclid(length) * length;
        Some((begin(one.min(other)), begin(one.max(other)) + length - 1))
    }

    /// Looks at half of the time, or at twice as much, with the cursor where it is.
    pub(super) fn zoom(&mut self, out: bool) {
        // Bars of another length begin and end elsewhere: what is selected stays so.
        if let Some((from, to)) = self.selection() {
            let ends = if self.anchor <= self.cursor {
                (from, to)
            } else {
                (to, from)
            };
            (self.anchor, self.cursor) = (Some(ends.0), Some(ends.1));
        }
        let whole = self.whole;
        let (from, to) = self.zoom.unwrap_or(whole);
        let at = self.cursor.unwrap_or(from).clamp(from, to.max(from));
        let (before, behind) = (at - from, to - at);
        let (from, to) = if out {
            (
                at.saturating_sub(before.saturating_mul(2)),
                at.saturating_add(behind.saturating_mul(2)),
            )
        } else {
            (at - before / 2, at + behind / 2)
        };
        if !out && to - from < CLOSEST {
            self.say("this is the closest zoom");
            return;
        }
        let (from, to) = (from.max(whole.0), to.min(whole.1));
        self.zoom = ((from, to) != whole).then_some((from, to));
    }

    /// Moves the time that is looked at, as far as anything is held.
    fn pan(&mut self, by: i64) {
        let Some((from, to)) = self.zoom else { return };
        let by = by.clamp((self.whole.0 - from).min(0), (self.whole.1 - to).max(0));
        self.zoom = Some((from + by, to + by));
    }

    pub(super) fn leave_time(&mut self) {
        self.mode = Mode::Normal;
        self.cursor = None;
        self.anchor = None;
        self.zoom = None;
    }

    /// Shows one time alone.
    fn only(&mut self, (from, to): (i64, i64)) {
        self.leave_time();
        self.filters.add(Chip::between(from, to, &self.zone));
        self.refilter();
        self.jump_to(from);
    }

    /// Selects the first flow at or after a moment.
    pub(super) fn jump_to(&mut self, time: i64) {
        self.leave_time();
        self.data.sort(None, self.now);
        let (line, page) = (self.data.line_at(time), self.page());
        self.table.jump(&self.data, line, page);
    }
}
