//! Names that answers of DNS tell of: their addresses are in the kernel before the answers leave.

use std::net::IpAddr;
use std::sync::Arc;

use cluster::{Labels, SharedMap, State};
use policy::{ChangeSet, Compiler};
use tracing::{debug, warn};

use super::names::{Lesson, Names};
use super::{Reconciler, SyncState};
use crate::error::chain;
use crate::node::name_book::{Seconds, now};
use crate::proxy::{Acknowledgement, Learned};

/// An answer, and what it says to the policies, or what is wrong with it.
pub(super) type Answer = (Learned, Result<Lesson, String>);

/// Compiles, with the labels of the addresses that were learned for names. Returns these.
pub(super) fn compile(
    compiler: &mut Compiler,
    names: Option<&mut Names>,
    state: &Arc<State>,
    touched: &mut ChangeSet,
    now: Seconds,
) -> SharedMap<IpAddr, Labels> {
    let Some(names) = names else {
        let (_, more) = compiler.update(state);
        touched.extend(&more);
        return SharedMap::default();
    };
    // What answers changed is there already, so that those cost one compilation.
    if let Some(sets) = names.take_sets() {
        compiler.set_names(sets);
    }
    let (_, more) = compiler.update(state);
    touched.extend(&more);
    // Other policies may select other names.
    let prefixes = more.all || !more.prefixes.is_empty();
    names.follow(compiler, prefixes, now);
    if let Some(sets) = names.take_sets() {
        compiler.set_names(sets);
        let (_, more) = compiler.update(state);
        touched.extend(&more);
    }
    names.labels().clone()
}

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
        let stats = self.datapath.stats();
        names.expire(now(), |addresses| {
            stats.addresses_in_use(&addresses).unwrap_or_else(|error| {
                warn!(error = %chain(&error), "connections not read; no name is forgotten");
                addresses
            })
        });
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
