//! Carries out what the model wants done.

use std::sync::Arc;

use client::{Feed, Server};
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
            Effect::Restart => {
                self.filling = Filling::start(&self.wanted);
                model.update(Event::Restarted, super::now());
                let link = self.filling.link.borrow_and_update().clone();
                model.update(Event::Link(link), super::now());
            }
            Effect::Redraw => self.terminal.clear()?,
        }
        Ok(())
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

pub(super) async fn health(server: &Server) -> Event {
    let health = server.health().await;
    Event::Health(health.map(Box::new).map_err(|error| error.to_string()))
}
