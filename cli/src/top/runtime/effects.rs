//! Carries out what the model wants done.

use std::sync::Arc;

use client::{Feed, Server};
use flow::Filter;
use proto::flow::Flow;

use super::{Filling, Runtime};
use crate::{
    error::Error,
    top::{
        model::Model,
        update::{Effect, Event},
    },
};

/// Older flows that are fetched at once.
const OLDER: u64 = 5000;

impl Runtime {
    pub(super) fn carry_out(&mut self, effect: Effect, model: &mut Model) -> Result<(), Error> {
        match effect {
            Effect::Quit => {}
            Effect::Explain(number, flow) => {
                if let Some(server) = self.server.clone() {
                    self.tasks.spawn(explain(server, number, flow));
                }
            }
            Effect::Older => {
                self.tasks.spawn(older(Arc::clone(&self.filling.feed)));
            }
            Effect::Copy(text) => self.terminal.copy(&text)?,
            Effect::Export(export) => {
                self.tasks
                    .spawn_blocking(move || Event::Exported(export.write()));
            }
            Effect::Mouse(catch) => self.terminal.mouse(catch)?,
            Effect::Remember(expressions) => {
                let to = self.remembered.clone();
                self.tasks
                    .spawn_blocking(move || match to.write(&expressions) {
                        Ok(()) => Event::Tick,
                        Err(error) => {
                            Event::Exported(Err(format!("filters are not remembered: {error}")))
                        }
                    });
            }
            Effect::Retry => self.filling.feed.retry(),
            Effect::Restart => {
                self.next = None;
                self.filling = Filling::start(&self.wanted, &self.ask);
                model.update(Event::Restarted, super::now());
                let link = self.filling.link.borrow_and_update().clone();
                model.update(Event::Link(link), super::now());
            }
            Effect::Narrow(added) => self.narrow(added)?,
            Effect::Redraw => self.terminal.clear()?,
            Effect::Suspend => self.terminal.suspend()?,
        }
        Ok(())
    }

    /// Has the server send what filters let through. What it can't judge it sends, and it is hidden
    /// here.
    fn narrow(&mut self, added: Filter) -> Result<(), Error> {
        let given = &self.wanted.ask;
        let mut ask = given.clone();
        if !added.is_everything() {
            let lists = Filter::from_lists(&given.whitelist, &given.blacklist)?;
            let pushed = Filter::All(vec![lists, added]).push_down();
            ask.whitelist = pushed.whitelist;
            ask.blacklist = pushed.blacklist;
        }
        let same = ask.whitelist == self.ask.whitelist && ask.blacklist == self.ask.blacklist;
        if !same {
            self.next = Some(Filling::start(&self.wanted, &ask));
            self.ask = ask;
        }
        Ok(())
    }

    /// Goes on with another store.
    pub(super) fn swap(&mut self, mut next: Filling, model: &mut Model) {
        let link = next.link.borrow_and_update().clone();
        let snapshot = next.store.snapshot();
        self.filling = next;
        model.update(Event::Swapped(snapshot), super::now());
        model.update(Event::Link(link), super::now());
    }
}

async fn explain(server: Server, number: u64, flow: Box<Flow>) -> Event {
    let answer = server.explain(*flow).await;
    Event::Explained(
        number,
        answer.map(Box::new).map_err(|error| error.to_string()),
    )
}

async fn older(feed: Arc<Feed>) -> Event {
    Event::Older(feed.older(OLDER).await)
}

pub(super) async fn health(server: Server) -> Event {
    let health = server.health().await;
    Event::Health(health.map(Box::new).map_err(|error| error.to_string()))
}

pub(super) async fn policies(server: Server) -> Event {
    Event::Policies(server.policies().await)
}
