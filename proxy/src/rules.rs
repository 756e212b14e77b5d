//! The rules in force: swapped as a whole, read for each request, watched by connections that are open.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use l7::rules::{Rules, Snapshot, VERSION};
use tokio::sync::watch;

/// The rules in force.
#[derive(Debug)]
pub struct RuleStore {
    rules: ArcSwap<Rules>,
    /// How many times they were replaced.
    replaced: watch::Sender<u64>,
}

impl Default for RuleStore {
    /// None: no port has rules, and what is redirected all the same is refused.
    fn default() -> Self {
        let none = Snapshot {
            version: VERSION,
            revision: 0,
            sets: Vec::new(),
            bindings: Vec::new(),
        };
        let none = Rules::compile(&none, None).expect("nothing compiles");
        Self {
            rules: ArcSwap::from_pointee(none),
            replaced: watch::Sender::new(0),
        }
    }
}

impl RuleStore {
    /// The rules now. Not to be held while something is waited for.
    pub fn load(&self) -> Guard<Arc<Rules>> {
        self.rules.load()
    }

    /// The rules now, to be held for longer.
    pub fn load_full(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Puts rules in force.
    pub fn replace(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
        self.replaced.send_modify(|count| *count += 1);
    }

    /// Tells when rules were replaced, from now on.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.replaced.subscribe()
    }
}
