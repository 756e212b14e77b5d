//! What comes from the server.

use std::collections::BTreeMap;

use client::{FromNode, Link, Snapshot};
use proto::flows::v1::ExplainResponse;

use super::Effect;
use crate::top::{
    details::Explained,
    model::{From, Model},
};

/// Time over which the rates of nodes are counted, ns.
const RATED: i64 = 2_000_000_000;

impl Model {
    pub(super) fn arrived(&mut self, snapshot: Snapshot) {
        self.rate.add(self.now, snapshot.counts().flows);
        self.data.take(snapshot, self.now);
    }

    /// Takes the sums per node, and counts rates from those before.
    pub(super) fn summed(&mut self, came: BTreeMap<String, FromNode>) {
        let past = self.now - self.rated;
        if past >= RATED {
            #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
            let rate = |count: u64| count as f64 * 1e9 / past as f64;
            for (name, now) in &came {
                let before = self.counted.insert(name.clone(), now.flows);
                if let Some(before) = before {
                    let count = now.flows.saturating_sub(before);
                    self.node_rates.insert(name.clone(), rate(count));
                }
            }
            self.rated = self.now;
        }
        self.came = came;
    }

    pub(super) fn restarted(&mut self) {
        self.data.restart(&self.filters.filter(), self.now);
        self.rate.clear();
        self.came.clear();
        self.counted.clear();
        self.node_rates.clear();
        self.groups.forget();
        self.services.forget();
        self.details = None;
        self.table.selected = None;
        self.table.follow = true;
        self.fetching = false;
    }

    pub(super) fn linked(&mut self, link: Link) {
        match (&self.link, &link) {
            (Link::Lost { since, .. }, Link::Live { .. }) => {
                let gone = since.elapsed().unwrap_or_default();
                let gone = i64::try_from(gone.as_nanos()).unwrap_or(i64::MAX);
                self.say(format!(
                    "connected again after {}; what happened meanwhile was asked for",
                    crate::top::text::span(gone)
                ));
            }
            (Link::Connecting, Link::Live { .. }) => self.say("connected"),
            _ => {}
        }
        self.link = link;
    }

    pub(super) fn explained(&mut self, number: u64, answer: Result<Box<ExplainResponse>, String>) {
        if let Some(details) = &mut self.details
            && details.number == number
        {
            details.explained = match answer {
                Ok(answer) => Explained::Answer(answer),
                Err(why) => Explained::None(why),
            };
        }
    }

    pub(super) fn older_came(&mut self, came: Result<usize, String>) {
        self.fetching = false;
        match came {
            Ok(0) => self.say("the server has nothing older, or there is no more room"),
            Ok(count) => self.say(format!("{count} older flows")),
            Err(why) => self.complain(why),
        }
    }

    pub(super) fn tick(&mut self) {
        if self
            .notice
            .as_ref()
            .is_some_and(|notice| self.now > notice.until)
        {
            self.notice = None;
        }
    }

    /// Asks the server about the flow whose details are shown.
    pub(super) fn ask(&mut self, effects: &mut Vec<Effect>) {
        let Some(details) = &mut self.details else {
            return;
        };
        if let Some(flow) = details.ask(self.now) {
            match self.from {
                From::Server(_) => effects.push(Effect::Explain(details.number, flow)),
                From::File(_) => {
                    details.explained = Explained::None(
                        "These flows are from a file: there is no server to ask why.".to_owned(),
                    );
                }
            }
        }
    }
}
