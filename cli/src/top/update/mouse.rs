//! The mouse: what is clicked is what its key would do.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::Effect;
use crate::top::{
    keys::Act,
    model::{Mode, Model, Tab},
};

/// Lines that a turn of the wheel moves.
const WHEEL: usize = 3;

impl Model {
    pub(super) fn mouse(&mut self, mouse: &MouseEvent, effects: &mut Vec<Effect>) {
        let at = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(at, Act::Up, effects),
            MouseEventKind::ScrollDown => self.wheel(at, Act::Down, effects),
            MouseEventKind::Down(MouseButton::Left) => self.click(at, effects),
            MouseEventKind::Drag(MouseButton::Left) if self.laid.bars.contains(at) => {
                self.drag(at);
            }
            MouseEventKind::Up(MouseButton::Left) => self.pressed = None,
            _ => {}
        }
    }

    /// Selects the time from where the button was pressed to here.
    fn drag(&mut self, at: Position) {
        let time = self.time_at(at);
        if let Some(pressed) = self.pressed
            && pressed != time
        {
            self.mode = Mode::Time;
            self.anchor = Some(pressed);
            self.cursor = Some(time);
        }
    }

    fn wheel(&mut self, at: Position, act: Act, effects: &mut Vec<Effect>) {
        if let Mode::Help(from) = self.mode {
            let to = if act == Act::Up {
                from.saturating_sub(WHEEL)
            } else {
                from + WHEEL
            };
            self.mode = Mode::Help(to);
            return;
        }
        if self.laid.bars.contains(at) {
            if !matches!(self.mode, Mode::Time) {
                self.open_time();
            }
            self.cursor = Some(self.time_at(at));
            self.zoom(act == Act::Down);
            return;
        }
        if let Some(details) = &mut self.details
            && matches!(self.screen, Tab::Flows | Tab::Incidents)
            && self.laid.details.contains(at)
        {
            let page = usize::from(self.laid.details.height);
            let most = self.laid.details_lines.saturating_sub(page);
            details.scroll = if act == Act::Up {
                details.scroll.saturating_sub(WHEEL)
            } else {
                (details.scroll + WHEEL).min(most)
            };
            return;
        }
        for _ in 0..WHEEL {
            // At the top the wheel rests: fetching is for those who mean it.
            if !(act == Act::Up && self.screen == Tab::Flows && self.table.line() == 0) {
                self.act(act, effects);
            }
        }
    }

    fn click(&mut self, at: Position, effects: &mut Vec<Effect>) {
        if !matches!(self.mode, Mode::Normal | Mode::Time) {
            if !matches!(
                self.mode,
                Mode::Filter | Mode::Export(_) | Mode::Acknowledge(_)
            ) {
                self.mode = Mode::Normal;
            }
            return;
        }
        let within = |area: &Rect| area.contains(at);
        if let Some((_, screen)) = self.laid.tabs.iter().find(|(area, _)| within(area)) {
            let screen = *screen;
            self.show(screen);
        } else if let Some((_, chip)) = self.laid.chips.iter().find(|(area, _)| within(area)) {
            self.filters.remove(*chip);
            self.refilter();
        } else if within(&self.laid.bars) {
            let time = self.time_at(at);
            self.show(Tab::Flows);
            self.jump_to(time);
            self.pressed = Some(time);
        } else if let Some((_, column)) = self.laid.headings.iter().find(|(area, _)| within(area)) {
            self.table.cell = *column;
            self.act(Act::Sort, effects);
        } else if within(&self.laid.details) {
            if let Some(details) = &mut self.details {
                details.focus = true;
            }
        } else if within(&self.laid.lines) {
            self.click_line(at);
        }
    }

    fn click_line(&mut self, at: Position) {
        let line = usize::from(at.y - self.laid.lines.y);
        match self.screen {
            Tab::Flows => {
                let x = usize::from(at.x - self.laid.lines.x);
                let places = self.table.places(usize::from(self.laid.lines.width));
                let place = places.iter().rev().find(|place| place.x <= x);
                if let Some(place) = place {
                    self.table.cell = place.column;
                }
                if let Some(details) = &mut self.details {
                    details.focus = false;
                }
                let line = self.table.top + line;
                // A second click opens it.
                let again = self.table.line() == line && !self.table.follow;
                if line < self.data.len() {
                    self.select(line);
                    if again {
                        self.open();
                    }
                }
            }
            Tab::Top => self.groups.click(line, self.laid.first),
            Tab::Services => self.services.click(line, self.laid.first),
            Tab::Nodes => self.node = self.laid.first + line,
            Tab::Incidents => {
                let before = self.incidents.selected;
                self.incidents.click(line, self.laid.first);
                if let Some(details) = &mut self.details {
                    details.focus = false;
                }
                // A second click opens it.
                if before == self.incidents.selected {
                    self.open_incident();
                }
            }
        }
    }

    fn time_at(&self, at: Position) -> i64 {
        let wide = u16::try_from(self.laid.bar).unwrap_or(1).max(1);
        let bucket = i64::from(at.x.saturating_sub(self.laid.bars.x) / wide);
        self.histogram.start + bucket * self.histogram.length
    }
}
