//! Names that answers of DNS tell of: their addresses are in the kernel before the answers leave.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tracing::{debug, warn};

use super::{Reconciler, SyncState};
use crate::error::chain;
use crate::proxy::{Acknowledgement, Learned};

/// Answers, each with what is wrong with it.
pub(super) type Answers = Vec<(Learned, Option<String>)>;

impl Reconciler {
    /// The answers that the proxy waits with.
    pub(super) fn take_learned(&mut self) -> Answers {
        let layer7 = self.layer7.as_ref();
        let learned = layer7.map(|layer7| layer7.proxy.learned());
        let learned = learned.unwrap_or_default().into_iter();
        learned.map(|learned| (learned, None)).collect()
    }

    /// Takes them in, and forgets what has run out. Says whether the kernel is to hear of it.
    pub(super) fn learn(&mut self, answers: &mut Answers) -> bool {
        let Some(layer7) = &mut self.layer7 else {
            return false;
        };
        let mut is_new = false;
        for (learned, wrong) in answers.iter_mut() {
            match layer7.names.learn(learned) {
                Ok(new) => is_new |= new,
                Err(error) => *wrong = Some(error),
            }
        }
        let due = layer7.names.due();
        if !due.is_empty() {
            let in_use = match self.datapath.stats().addresses_in_use(&due) {
                Ok(in_use) => in_use,
                Err(error) => {
                    warn!(error = %chain(&error), "connections not read; no name is forgotten");
                    BTreeSet::<IpAddr>::clone(&due)
                }
            };
            is_new |= layer7.names.forget(&due, &in_use);
        }
        if let Err(error) = layer7.names.save(is_new) {
            warn!(error = %chain(&error), "addresses of names are not kept over a restart");
        }
        is_new
    }

    /// Tells the proxy that answers may leave, or why they may not.
    pub(super) fn acknowledge(&self, answers: Answers) {
        let Some(layer7) = &self.layer7 else {
            return;
        };
        let in_force = match self.step {
            SyncState::InSync => None,
            SyncState::Retry | SyncState::OverCapacity => {
                Some("the kernel's maps are not in step with the policies: see flows status")
            }
        };
        for (learned, wrong) in answers {
            let wrong = wrong.or(in_force.map(str::to_owned));
            debug!(?learned, ?wrong, "learned");
            layer7.proxy.acknowledge(Acknowledgement {
                id: learned.id,
                wrong,
                holds_for: learned.ttl,
            });
        }
    }
}
