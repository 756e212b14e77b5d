//! Keys where something is written or chosen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use flow::attribute::{Attribute, AttributeId};

use super::Effect;
use crate::top::{
    export::{Export, ExportError, Name},
    keys::{self, Act, Place},
    model::{Mode, Model},
    table::Shown,
};

/// Whether it closes what is being written.
pub(super) fn leaves(key: &KeyEvent) -> bool {
    key.code == KeyCode::Esc
        || (key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL))
}

impl Model {
    pub(super) fn open_bar(&mut self, text: &str, edits: Option<usize>) {
        self.mode = Mode::Filter;
        self.bar.open(text, edits, &self.data);
    }

    pub(super) fn filter_key(&mut self, key: &KeyEvent, effects: &mut Vec<Effect>) {
        if leaves(key) {
            self.mode = Mode::Normal;
            return;
        }
        match key.code {
            KeyCode::Enter => {
                let Ok(chip) = self.bar.finish() else { return };
                let edits = self.bar.edits.filter(|at| *at < self.filters.chips.len());
                match (chip, edits) {
                    (Some(chip), Some(at)) => self.filters.chips[at] = chip,
                    (Some(chip), None) => self.filters.add(chip),
                    (None, Some(at)) => {
                        self.filters.chips.remove(at);
                    }
                    (None, None) => {}
                }
                self.mode = Mode::Normal;
                self.refilter();
                effects.push(Effect::Remember(self.bar.history.clone()));
            }
            KeyCode::Tab => self.bar.complete(true, &self.data),
            KeyCode::BackTab => self.bar.complete(false, &self.data),
            KeyCode::Up => self.bar.fetch(true, &self.data),
            KeyCode::Down => self.bar.fetch(false, &self.data),
            _ => {
                if self.bar.line.key(key) {
                    self.bar.changed(&self.data);
                }
            }
        }
    }

    pub(super) fn export_key(&mut self, key: &KeyEvent, effects: &mut Vec<Effect>) {
        if leaves(key) {
            self.mode = Mode::Normal;
            return;
        }
        let Mode::Export(name) = &mut self.mode else {
            return;
        };
        if key.code != KeyCode::Enter {
            name.line.key(key);
            name.refused = None;
            return;
        }
        let asked = name.clone();
        match Export::new(&asked, &self.data, &self.table) {
            Ok(export) => {
                self.mode = Mode::Normal;
                self.say(format!("writing {} …", asked.line.text().trim()));
                effects.push(Effect::Export(export));
            }
            Err(why) => {
                self.mode = Mode::Export(Name {
                    refused: Some(why),
                    ..asked
                });
            }
        }
    }

    /// Says what became of it; what failed can be named anew.
    pub(super) fn written(&mut self, done: Result<String, ExportError>) {
        match done {
            Ok(text) => self.say(text),
            Err(failed) => {
                let again = Name::again(failed);
                if matches!(self.mode, Mode::Normal) {
                    self.notice = None;
                    self.mode = Mode::Export(again);
                } else {
                    self.complain(again.refused.unwrap_or_default());
                }
            }
        }
    }

    pub(super) fn help_key(&mut self, key: &KeyEvent, from: usize) {
        let page = usize::from(self.laid.lines.height).max(2);
        self.mode = match keys::act(key, &[Place::Everywhere]) {
            Some(Act::Down) => Mode::Help(from + 1),
            Some(Act::Up) => Mode::Help(from.saturating_sub(1)),
            Some(Act::PageDown) => Mode::Help(from + page),
            Some(Act::PageUp) => Mode::Help(from.saturating_sub(page)),
            _ => Mode::Normal,
        };
    }

    pub(super) fn columns_key(&mut self, key: &KeyEvent, line: usize) {
        let all: Vec<&Attribute> = offered(&self.table.columns);
        let last = all.len().saturating_sub(1);
        let page = usize::from(self.laid.lines.height).max(2);
        self.mode = match key.code {
            KeyCode::Up | KeyCode::Char('k') => Mode::Columns(line.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => Mode::Columns((line + 1).min(last)),
            KeyCode::PageUp => Mode::Columns(line.saturating_sub(page)),
            KeyCode::PageDown => Mode::Columns((line + page).min(last)),
            KeyCode::Home | KeyCode::Char('g') => Mode::Columns(0),
            KeyCode::End | KeyCode::Char('G') => Mode::Columns(last),
            KeyCode::Char(' ') | KeyCode::Enter => {
                if let Some(about) = all.get(line) {
                    self.toggle_column(about.id);
                }
                Mode::Columns(line.min(last))
            }
            KeyCode::Char('<') => Mode::Columns(self.reorder(line, false)),
            KeyCode::Char('>') => Mode::Columns(self.reorder(line, true)),
            _ => Mode::Normal,
        };
    }

    fn toggle_column(&mut self, column: AttributeId) {
        let columns = &mut self.table.columns;
        match columns.iter().position(|shown| shown.column == column) {
            // A table without columns shows nothing.
            Some(_) if columns.len() == 1 => {}
            Some(at) => {
                columns.remove(at);
            }
            None => columns.push(Shown::new(column)),
        }
    }

    fn reorder(&mut self, line: usize, down: bool) -> usize {
        let to = if down { line + 1 } else { line.wrapping_sub(1) };
        if line < self.table.columns.len() && to < self.table.columns.len() {
            self.table.columns.swap(line, to);
            return to;
        }
        line
    }
}

/// Columns to choose from: those that are shown in their order, then the others.
pub(crate) fn offered(shown: &[Shown]) -> Vec<&'static Attribute> {
    let own = shown.iter().map(|shown| shown.column.attribute());
    let others =
        Attribute::columns().filter(|about| shown.iter().all(|shown| shown.column != about.id));
    own.chain(others).collect()
}
