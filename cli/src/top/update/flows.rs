//! What is done in the table of flows and its details.

use flow::{filter_for, print::escape_lines, view::AnyFlow};

use super::Effect;
use crate::top::{
    data::Sort,
    details::Details,
    export,
    filters::{self, Chip},
    keys::Act,
    model::{Mode, Model},
    source::FlowSource,
};

/// Narrowest column.
const NARROWEST: usize = 4;
/// By how much a column becomes wider or narrower.
const STEP: usize = 4;

impl Model {
    pub(super) fn flows_act(&mut self, act: Act, effects: &mut Vec<Effect>) {
        if self.has_focus() && self.details_act(act) || self.open_details_act(act, effects) {
            return;
        }
        let line = self.table.line();
        let page = self.page();
        match act {
            Act::Up if line == 0 => self.fetch_older(effects),
            Act::Up => self.select(line - 1),
            Act::Down => self.select(line + 1),
            Act::PageUp if line == 0 => self.fetch_older(effects),
            Act::PageUp => self.select(line.saturating_sub(page)),
            Act::PageDown => self.select(line + page),
            Act::Oldest if line == 0 => self.fetch_older(effects),
            Act::Oldest => self.select(0),
            Act::Newest => self.newest(),
            Act::Follow if self.table.follow => self.table.follow = false,
            Act::Follow => self.newest(),
            Act::Older => self.fetch_older(effects),
            Act::NextDrop | Act::PrevDrop => {
                self.find_drop(act == Act::NextDrop);
            }
            Act::Open => self.open(),
            Act::Back => self.back(),
            Act::Left => self.table.cell = self.table.cell.saturating_sub(1),
            Act::Right => {
                self.table.cell = (self.table.cell + 1).min(self.table.columns.len() - 1);
            }
            Act::Include | Act::Exclude => self.by_cell(act == Act::Include),
            Act::Pair => self.by_row(|flow| filter_for::pair(flow)),
            Act::Connection => self.by_row(|flow| filter_for::connection(flow)),
            Act::Unit => self.toggle_unit(),
            Act::Sort => self.sort(),
            Act::Columns => self.mode = Mode::Columns(0),
            Act::Narrower => self.resize(false),
            Act::Wider => self.resize(true),
            Act::MoveLeft => self.carry(false),
            Act::MoveRight => self.carry(true),
            Act::CopyRow => {
                let columns = self.table.columns.iter();
                let columns: Vec<_> = columns.map(|shown| shown.column).collect();
                if let Some(line) = self.of_selected(|flow| export::line(flow, &columns)) {
                    effects.push(Effect::copy(&line));
                    self.say("row copied to the terminal's clipboard");
                }
            }
            _ => {}
        }
    }

    /// Whether keys move in the details.
    pub(super) fn has_focus(&self) -> bool {
        let details = self.details.as_ref();
        details.is_some_and(|details| details.focus || details.zoom)
    }

    /// What keys do with the details that are open, wherever the focus is; whether it was one.
    pub(super) fn open_details_act(&mut self, act: Act, effects: &mut Vec<Effect>) -> bool {
        match act {
            Act::CopyRule => self.copy_rule(effects),
            Act::CopyCommand => {
                let command = self.details.as_ref().and_then(Details::command);
                match command.map(str::to_owned) {
                    Some(command) => {
                        effects.push(Effect::copy(&command));
                        self.say("command copied to the terminal's clipboard");
                    }
                    None => self.complain("the server sent no command"),
                }
            }
            Act::Focus => self.focus(),
            Act::Zoom => {
                if let Some(details) = &mut self.details {
                    details.zoom = !details.zoom;
                    details.focus = details.zoom;
                }
            }
            Act::NextSection | Act::PrevSection => {
                self.section(act == Act::NextSection);
            }
            _ => return false,
        }
        true
    }

    /// What keys do that move in the details; whether it was one.
    pub(super) fn details_act(&mut self, act: Act) -> bool {
        let page = usize::from(self.laid.details.height).max(2) - 1;
        let most = self.laid.details_lines.saturating_sub(page);
        let Some(details) = &mut self.details else {
            return false;
        };
        let to = match act {
            Act::Up => details.scroll.saturating_sub(1),
            Act::Down => details.scroll + 1,
            Act::PageUp => details.scroll.saturating_sub(page),
            Act::PageDown => details.scroll + page,
            Act::Oldest => 0,
            Act::Newest => most,
            Act::Open => {
                details.focus = false;
                details.zoom = false;
                return true;
            }
            _ => return false,
        };
        details.scroll = to.min(most);
        true
    }

    /// Goes to the next drop or the one before, past the end on from the other one.
    fn find_drop(&mut self, forward: bool) {
        let line = self.table.line();
        let Some(found) = self.data.drop_from(line, forward) else {
            self.say("no drop in memory; o fetches older flows");
            return;
        };
        let sorted = self.data.sorted_by().is_some();
        let wrapped = match (forward, sorted) {
            _ if found == line => Some("this is the only drop in memory"),
            (true, _) if found > line => None,
            (false, _) if found < line => None,
            (true, false) => Some("search hit the newest flow, continued from the oldest"),
            (false, false) => {
                Some("search hit the oldest flow, continued from the newest; o fetches older ones")
            }
            (true, true) => Some("search hit the last line, continued from the first"),
            (false, true) => Some("search hit the first line, continued from the last"),
        };
        if let Some(text) = wrapped {
            self.say(text);
        }
        let page = self.page();
        self.table.jump(&self.data, found, page);
    }

    fn section(&mut self, forward: bool) {
        let Some(details) = &mut self.details else {
            return;
        };
        let at = details.scroll;
        let mut sections = self.laid.sections.iter().copied();
        let found = if forward {
            sections.find(|line| *line > at)
        } else {
            sections.rev().find(|line| *line < at).or(Some(0))
        };
        details.scroll = found.unwrap_or(at);
    }

    pub(super) fn select(&mut self, line: usize) {
        let page = self.page();
        self.table.select(&self.data, line, page);
    }

    fn newest(&mut self) {
        if self.data.sorted_by().is_some() {
            self.select(usize::MAX - 1);
        } else {
            self.table.follow = true;
        }
    }

    /// Shows the details of the selected flow, and keeps it selected.
    pub(super) fn open(&mut self) {
        if let Some(details) = &mut self.details {
            details.focus = true;
            return;
        }
        let Some(line) = self.table.selected else {
            return;
        };
        if self.data.with_flow(line, |_| ()).is_some() {
            self.table.follow = false;
            self.details = Some(Details::new(line, &self.data, self.now));
        }
    }

    fn focus(&mut self) {
        if let Some(details) = &mut self.details {
            details.focus = !details.focus;
            details.zoom = false;
        }
    }

    /// One step back: out of the details, then to the newest.
    pub(super) fn back(&mut self) {
        match &mut self.details {
            Some(details) if details.zoom => {
                details.zoom = false;
                details.focus = false;
            }
            Some(details) if details.focus => details.focus = false,
            Some(_) => self.details = None,
            None if self.data.sorted_by().is_some() => self.data.sort(None, self.now),
            None => self.newest(),
        }
    }

    pub(super) fn fetch_older(&mut self, effects: &mut Vec<Effect>) {
        if self.fetching {
            return;
        }
        match &self.from {
            FlowSource::Server(_) => {
                self.fetching = true;
                self.table.follow = false;
                self.say("fetching older flows …");
                effects.push(Effect::Older);
            }
            FlowSource::File(_) if self.data.evicted() > 0 => {
                self.say("the file has older flows than fit in memory; --keep N keeps more");
            }
            FlowSource::File(_) => self.say("this is the beginning of the file"),
        }
    }

    /// Reads what is selected, a connection or an event.
    fn of_selected<T>(&self, see: impl FnOnce(&AnyFlow<'_>) -> T) -> Option<T> {
        self.data.with_flow(self.table.selected?, see)
    }

    fn by_cell(&mut self, include: bool) {
        let column = self.table.column();
        let text = column.and_then(|column| self.of_selected(|flow| filters::same(flow, column)));
        let text = text.flatten();
        match text {
            Some(text) if include => self.narrow(&text),
            Some(text) if text.contains(' ') => self.narrow(&format!("not ({text})")),
            Some(text) => self.narrow(&format!("not {text}")),
            None => self.complain("there is no filter for this cell"),
        }
    }

    fn by_row(&mut self, expression: impl Fn(&AnyFlow<'_>) -> Option<String>) {
        match self.of_selected(expression).flatten() {
            Some(text) => self.narrow(&text),
            None => self.complain("this flow does not name both endpoints"),
        }
    }

    /// Adds a filter that the screen made.
    pub(crate) fn narrow(&mut self, text: &str) {
        match Chip::read(text) {
            Ok(chip) => {
                self.filters.add(chip);
                self.refilter();
            }
            // A value from outside that has no form in expressions.
            Err(refused) => self.complain(format!("{text}: {}", refused.message)),
        }
    }

    fn sort(&mut self) {
        let Some(column) = self.table.column() else {
            return;
        };
        let sort = match self.data.sorted_by() {
            Some(sort) if sort.column == column && sort.descending => Some(Sort {
                column,
                descending: false,
            }),
            Some(sort) if sort.column == column => None,
            _ => Some(Sort {
                column,
                descending: true,
            }),
        };
        self.data.sort(sort, self.now);
        self.table.follow = sort.is_none();
        self.table.selected = None;
    }

    fn resize(&mut self, wider: bool) {
        let width = usize::from(self.laid.lines.width);
        let places = self.table.places(width);
        let place = places.iter().find(|place| place.column == self.table.cell);
        let Some((width, shown)) = place
            .map(|place| place.width)
            .zip(self.table.columns.get_mut(self.table.cell))
        else {
            return;
        };
        shown.width = Some(if wider {
            width + STEP
        } else {
            width.saturating_sub(STEP).max(NARROWEST)
        });
    }

    fn carry(&mut self, right: bool) {
        let at = self.table.cell;
        let to = if right { at + 1 } else { at.wrapping_sub(1) };
        if to < self.table.columns.len() {
            self.table.columns.swap(at, to);
            self.table.cell = to;
        }
    }

    fn copy_rule(&mut self, effects: &mut Vec<Effect>) {
        let suggestion = self
            .details
            .as_ref()
            .and_then(|details| details.suggestions().first());
        match suggestion.map(|suggestion| suggestion.yaml.clone()) {
            Some(yaml) => {
                effects.push(Effect::Copy(escape_lines(&yaml)));
                self.say("YAML copied to the terminal's clipboard");
            }
            None => self.complain("the server sent no rule"),
        }
    }
}
