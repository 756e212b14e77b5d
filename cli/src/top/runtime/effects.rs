//! Carries out what the model wants done.

use std::sync::Arc;

use client::{Feed, FlowQuery, RequestError, Server, Store};
use flow::Filter;
use proto::{flow::Flow, flows::v1::Acknowledgement};
use tokio::task::JoinSet;

use super::{
    Filling, Runtime,
    filtered_store::{FilteredStore, oldest},
};
use crate::{
    error::Error,
    top::{
        acknowledged::Prompt,
        changes,
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
            Effect::Acknowledge(prompt, said) => {
                if let Some(server) = self.server.clone() {
                    self.tasks.spawn(acknowledge(server, prompt, said));
                }
            }
            Effect::Older => {
                let feed = Arc::clone(&self.filling.feed);
                let since = oldest(&self.filling.store.snapshot());
                match self.filtered_store.as_ref().zip(since) {
                    Some((narrowed, since)) => {
                        let (ask, store) = (narrowed.ask.clone(), Arc::clone(&narrowed.store));
                        self.tasks.spawn(older_of(feed, ask, store, since, OLDER));
                    }
                    None => {
                        self.tasks.spawn(older(feed));
                    }
                }
            }
            Effect::Copy(text) => self.terminal.copy(&text)?,
            Effect::Export(export) => {
                self.tasks
                    .spawn_blocking(move || Event::Written(export.write()));
            }
            Effect::Mouse(catch) => self.terminal.mouse(catch)?,
            Effect::Remember(expressions) => {
                let to = self.filter_history.clone();
                self.tasks
                    .spawn_blocking(move || match to.write(&expressions) {
                        Ok(()) => Event::Tick,
                        Err(error) => Event::Failed(format!("filters are not saved: {error}")),
                    });
            }
            Effect::Retry => self.filling.feed.retry(),
            Effect::Restart => {
                self.forget_narrowed();
                self.filling = Filling::start(&self.wanted);
                self.tell(Event::Restarted, model)?;
                let link = self.filling.link.borrow_and_update().clone();
                self.tell(Event::Connection(link), model)?;
            }
            Effect::Narrow(added) => self.narrow(added, model)?,
            Effect::Redraw => self.terminal.clear()?,
            Effect::Suspend => self.terminal.suspend()?,
        }
        Ok(())
    }

    /// Tells the model what happened, and does what it wants done then.
    pub(super) fn tell(&mut self, event: Event, model: &mut Model) -> Result<(), Error> {
        for effect in model.update(event, super::now()) {
            self.carry_out(effect, model)?;
        }
        Ok(())
    }

    /// Has the model look at what is held now.
    pub(super) fn look(&mut self, model: &mut Model) -> Result<(), Error> {
        let base = self.filling.store.snapshot();
        let event = match &mut self.filtered_store {
            None => Event::Data(base),
            Some(narrowed) => Event::FilteredStore(narrowed.look(&base), base),
        };
        self.tell(event, model)
    }

    /// Asks the server for what filters let through, as far as it can judge that; the rest is hidden
    /// here.
    fn narrow(&mut self, added: Filter, model: &mut Model) -> Result<(), Error> {
        let given = &self.wanted.ask;
        let mut ask = given.clone();
        if !added.is_everything() {
            let lists = Filter::from_lists(&given.whitelist, &given.blacklist)?;
            let pushed = Filter::All(vec![lists, added]).push_down();
            ask.whitelist = pushed.whitelist;
            ask.blacklist = pushed.blacklist;
        }
        let same = |known: &FlowQuery| {
            ask.whitelist == known.whitelist && ask.blacklist == known.blacklist
        };
        if same(given) {
            return self.widen(model);
        }
        if !self.ask.as_ref().is_some_and(same) {
            let narrowed = FilteredStore::new(ask.clone(), self.wanted.capacity)?;
            let (base, feed) = (
                self.filling.store.snapshot(),
                Arc::clone(&self.filling.feed),
            );
            self.next = None;
            self.preparing = JoinSet::new();
            self.preparing
                .spawn(narrowed.prepare(base, feed, self.filling.answers()));
            self.ask = Some(ask);
        }
        Ok(())
    }

    /// Goes on with all that is held.
    pub(super) fn widen(&mut self, model: &mut Model) -> Result<(), Error> {
        if self.forget_narrowed() {
            let base = self.filling.store.snapshot();
            self.tell(Event::Swapped(base, None), model)?;
        }
        Ok(())
    }

    /// Whether there was one.
    fn forget_narrowed(&mut self) -> bool {
        self.ask = None;
        self.next = None;
        if !self.preparing.is_empty() {
            self.preparing = JoinSet::new();
        }
        self.filtered_store.take().is_some()
    }

    /// Goes on with what is prepared, and asks for what couldn't be asked for before; whether something
    /// else is shown now.
    pub(super) fn advance(&mut self, model: &mut Model) -> Result<bool, Error> {
        let base = self.filling.store.snapshot();
        if let Some(next) = &mut self.next {
            next.follow(&base);
        }
        let paused = model.data.paused().is_some();
        if let Some(mut next) = self.next.take_if(|_| !paused) {
            let shown = next.look(&base);
            self.filtered_store = Some(next);
            self.tell(Event::Swapped(shown, Some(base)), model)?;
            return Ok(true);
        }
        let answers = self.filling.answers();
        if let Some(narrowed) = self.filtered_store.as_mut().filter(|_| answers)
            && let Some((most, since)) = narrowed.lacks(&base)
        {
            let (ask, store) = (narrowed.ask.clone(), Arc::clone(&narrowed.store));
            let feed = Arc::clone(&self.filling.feed);
            self.tasks.spawn(older_of(feed, ask, store, since, most));
        }
        Ok(false)
    }
}

async fn explain(server: Server, number: u64, flow: Box<Flow>) -> Event {
    let answer = server.explain(*flow).await;
    let why = |error: RequestError| match error.is_unsupported() {
        true => error.to_string(),
        false => format!("No explanation from the server: {}", error.message()),
    };
    Event::Explained(number, answer.map(Box::new).map_err(why))
}

async fn acknowledge(server: Server, prompt: Prompt, said: Acknowledgement) -> Event {
    let answer = server.acknowledge(said).await;
    let why = |error: RequestError| match error.is_unsupported() {
        true => error.to_string(),
        false => error.message().to_owned(),
    };
    Event::Acknowledged(prompt, answer.map_err(why))
}

async fn older(feed: Arc<Feed>) -> Event {
    Event::Older(feed.older(OLDER).await)
}

async fn older_of(
    feed: Arc<Feed>,
    ask: FlowQuery,
    store: Arc<Store>,
    since: i64,
    most: u64,
) -> Event {
    Event::Older(feed.older_of(ask, store, since, most).await)
}

pub(super) async fn health(server: Server) -> Event {
    let health = server.health().await;
    Event::Health(health.map(Box::new).map_err(|error| error.to_string()))
}

pub(super) async fn changes(server: Server) -> Event {
    Event::Changes(server.get_changes(changes::request()).await)
}

pub(super) async fn policies(server: Server) -> Event {
    Event::Policies(server.get_policies().await)
}

pub(super) async fn acknowledgements(server: Server) -> Event {
    Event::Acknowledgements(server.get_acknowledgements().await)
}
