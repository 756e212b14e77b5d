//! Names that answers of DNS tell of: their addresses are in the kernel before the answers leave.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tracing::{debug, warn};

use super::names::Lesson;
use super::{Reconciler, SyncState};
use crate::error::chain;
use crate::node::name_book::now;
use crate::proxy::{Acknowledgement, Learned};

/// An answer, and what it says to the policies, or what is wrong with it.
pub(super) type Answer = (Learned, Result<Lesson, String>);

impl Reconciler {
    /// Takes in the answers that the proxy waits with, and forgets what has run out. Says whether the kernel is to
    /// hear of it.
    pub(super) fn learn(&mut self) -> (Vec<Answer>, bool) {
        let Some(layer7) = &mut self.layer7 else {
            return (Vec::new(), false);
        };
        let names = &mut layer7.names;
        let answers = layer7.proxy.learned().into_iter().map(|learned| {
            let lesson = names.learn(&learned, now());
            (learned, lesson.map_err(|full| full.to_string()))
        });
        let answers: Vec<Answer> = answers.collect();
        self.forget_names();
        let Some(layer7) = &mut self.layer7 else {
            return (answers, false);
        };
        let names = &mut layer7.names;
        if let Err(error) = names.save() {
            warn!(error = %chain(&error), "addresses of names are not kept over a restart");
        }
        let is_new = names.relabel(self.compiler.compiled());
        (answers, is_new)
    }

    /// Forgets what has run out, but for addresses that connections have.
    pub(super) fn forget_names(&mut self) {
        let Some(layer7) = &mut self.layer7 else {
            return;
        };
        let names = &mut layer7.names;
        let due = names.due(now());
        if !due.is_empty() {
            let addresses: BTreeSet<IpAddr> = due.iter().map(|entry| entry.address).collect();
            let in_use = match self.datapath.stats().addresses_in_use(&addresses) {
                Ok(in_use) => in_use,
                Err(error) => {
                    warn!(error = %chain(&error), "connections not read; no name is forgotten");
                    addresses
                }
            };
            names.forget(due, &in_use, now());
        }
    }

    /// Tells the proxy that answers may leave, or why they may not.
    pub(super) fn acknowledge(&self, answers: Vec<Answer>) {
        let Some(layer7) = &self.layer7 else {
            return;
        };
        let in_force = match self.step {
            SyncState::InSync => None,
            SyncState::Retry | SyncState::OverCapacity => {
                Some("the kernel's maps are not in step with the policies: see flows status")
            }
        };
        for (learned, lesson) in answers {
            let wrong = match lesson {
                Ok(Lesson::Nothing) => None,
                Ok(Lesson::Names) => {
                    let obstacle = layer7.names.obstacle(&learned.addresses);
                    obstacle.or_else(|| in_force.map(str::to_owned))
                }
                Err(wrong) => Some(wrong),
            };
            debug!(?learned, ?wrong, "learned");
            layer7.proxy.acknowledge(Acknowledgement {
                id: learned.id,
                wrong,
                holds_for: learned.ttl,
            });
        }
    }
}
