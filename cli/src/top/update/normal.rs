//! Keys of the views.

use client::ConnectionState;
use crossterm::event::KeyEvent;
use flow::Verdict;

use super::Effect;
use crate::top::{
    export::Name,
    filters::{Chip, VERDICTS},
    keys::{self, Act, Place, act},
    model::{Mode, Model, Tab},
};

impl Model {
    pub(super) fn normal_key(&mut self, key: &KeyEvent, effects: &mut Vec<Effect>) {
        let places: &[Place] = match (self.screen, &self.details) {
            (Tab::Flows, Some(_)) => &[Place::Details, Place::Flows, Place::Everywhere],
            (Tab::Flows, None) => &[Place::Flows, Place::Everywhere],
            (Tab::Top | Tab::Services, _) => &[Place::Sums, Place::Everywhere],
            (Tab::Incidents, Some(_)) => &[Place::Details, Place::Incidents, Place::Everywhere],
            (Tab::Incidents, None) => &[Place::Incidents, Place::Everywhere],
            (Tab::Nodes, _) => &[Place::Everywhere],
        };
        if let Some(act) = act(key, places) {
            self.act(act, effects);
        }
    }

    /// Does what a key or a click stands for.
    pub(super) fn act(&mut self, act: Act, effects: &mut Vec<Effect>) {
        match act {
            Act::Quit => effects.push(Effect::Quit),
            Act::Help => self.mode = Mode::Help(0),
            Act::Redraw => effects.push(Effect::Redraw),
            // What is held stays: there is nothing to take its place.
            Act::Reconnect if matches!(self.link, ConnectionState::Lost { .. }) => {
                self.retry_at = self.now;
                effects.push(Effect::Retry);
            }
            Act::Reconnect => effects.push(Effect::Restart),
            Act::Mouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::Mouse(self.mouse));
                self.say(if self.mouse {
                    "mouse on"
                } else {
                    "mouse off: the terminal selects text again"
                });
            }
            Act::Flows => self.show(Tab::Flows),
            Act::Top => self.show(Tab::Top),
            Act::Services => self.show(Tab::Services),
            Act::Nodes => self.show(Tab::Nodes),
            Act::Incidents => self.show_incidents(),
            Act::NextView => {
                let at = Tab::ALL.iter().position(|one| *one == self.screen);
                self.show(Tab::ALL[(at.unwrap_or(0) + 1) % Tab::ALL.len()]);
            }
            Act::Pause => self.pause(),
            Act::Filter => self.open_bar("", None),
            Act::EditFilter => match self.filters.chips.last() {
                Some(Chip {
                    time: Some(time), ..
                }) => {
                    let time = *time;
                    self.filters.drop_last();
                    self.refilter();
                    self.select_again(time);
                }
                Some(chip) => {
                    let text = chip.text.clone();
                    self.open_bar(&text, Some(self.filters.chips.len() - 1));
                }
                None => self.open_bar("", None),
            },
            Act::DropFilter => {
                if self.filters.drop_last() {
                    self.refilter();
                }
            }
            Act::ClearFilters => {
                self.filters.clear();
                self.refilter();
            }
            Act::OnlyDrops => {
                self.filters.toggle_only_drops();
                self.refilter();
            }
            Act::Verdicts => self.mode = Mode::Verdicts(0),
            Act::Time => self.open_time(),
            Act::Export => {
                let time = jiff::Timestamp::from_nanosecond(i128::from(self.now));
                let time = time.map_or_else(
                    |_| String::new(),
                    |time| time.strftime("-%Y%m%d-%H%M%S").to_string(),
                );
                self.mode = Mode::Export(Name::new(format!("flows{time}.json")));
            }
            act => match self.screen {
                Tab::Flows => self.flows_act(act, effects),
                Tab::Top | Tab::Services => self.sums_act(act, effects),
                Tab::Nodes => self.nodes_act(act),
                Tab::Incidents => self.incidents_act(act, effects),
            },
        }
    }

    /// Goes to a view.
    pub(super) fn show(&mut self, screen: Tab) {
        match (self.screen, screen) {
            (Tab::Incidents, Tab::Incidents) => {}
            (_, Tab::Incidents) => self.show_incidents(),
            (Tab::Incidents, _) => {
                self.details = None;
                self.screen = screen;
            }
            _ => self.screen = screen,
        }
    }

    fn pause(&mut self) {
        if self.data.paused().is_some() {
            self.data.resume(self.now);
        } else {
            self.data.pause(self.now);
        }
    }

    /// What is done in the views that sum up.
    fn sums_act(&mut self, act: Act, effects: &mut Vec<Effect>) {
        let top = self.screen == Tab::Top;
        match act {
            Act::Back => self.screen = Tab::Flows,
            Act::Open | Act::Include | Act::Exclude | Act::CopyRow => {
                let expression = if top {
                    self.groups.expression(&self.data)
                } else {
                    self.services.expression(&self.data)
                };
                let missing = "there is no filter for this line";
                if self.act_on_line(act, expression, missing, effects) && act == Act::Open {
                    self.screen = Tab::Flows;
                    self.table.follow = true;
                }
            }
            act if top => self.groups.act(act, self.page()),
            act => self.services.act(act, self.page()),
        }
    }

    /// Shows what a line stands for, as its expression says, hides it, or copies that; whether there was
    /// one, else `missing` is said.
    pub(super) fn act_on_line(
        &mut self,
        act: Act,
        expression: Option<String>,
        missing: &str,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(text) = expression else {
            self.complain(missing);
            return false;
        };
        match act {
            Act::Exclude => self.narrow(&format!("not ({text})")),
            Act::CopyRow => {
                effects.push(Effect::copy(&text));
                self.say("filter copied to the terminal's clipboard");
            }
            _ => self.narrow(&text),
        }
        true
    }

    fn nodes_act(&mut self, act: Act) {
        let names = crate::top::nodes::names(self);
        let last = names.len().saturating_sub(1);
        let at = self.node.min(last);
        match act {
            Act::Open => {
                if let Some(name) = names.get(at) {
                    self.narrow(&format!("node == {}", flow::expr::quote(name)));
                    self.screen = Tab::Flows;
                }
            }
            Act::Back => self.screen = Tab::Flows,
            act => self.node = keys::moved(act, at, self.page(), last),
        }
    }

    pub(super) fn verdicts_key(&mut self, key: &KeyEvent, line: usize) {
        use crossterm::event::KeyCode;
        let last = VERDICTS.len() - 1;
        let found = |letter| VERDICTS.iter().position(|(known, _)| *known == letter);
        let line = match key.code {
            KeyCode::Up | KeyCode::Char('k') => line.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => (line + 1).min(last),
            KeyCode::Home | KeyCode::PageUp | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::PageDown | KeyCode::Char('G') => last,
            KeyCode::Char(' ') | KeyCode::Enter => {
                self.toggle(VERDICTS[line.min(last)].1);
                line
            }
            KeyCode::Char(letter) if found(letter).is_some() => {
                let at = found(letter).unwrap_or(line);
                self.toggle(VERDICTS[at].1);
                at
            }
            _ => {
                self.mode = Mode::Normal;
                return;
            }
        };
        self.mode = Mode::Verdicts(line);
    }

    fn toggle(&mut self, verdict: Verdict) {
        self.filters.toggle(verdict);
        self.refilter();
    }
}
