//! What is judged at layer 7: rules for the proxy, given to it before the kernel sends it anything by them.
//!
//! ```text
//!  new rules, and the former ones of places that are to go --> maps flip --> new rules alone
//! ```
//!
//! A place is a direction of a table. One whose rules the proxy doesn't have has its connections refused.

use std::sync::Arc;

use loader::Datapath;
use policy::Compiled;
use policy::layer7::{TablePortSets, snapshot};

use super::error::{EnforceError, loader_error};
use super::names::{self, Names};
use crate::config::Config;
use crate::node::{Notifier, ToldNames};
use crate::proxy::{Proxy, ProxyFacts};

/// See the module.
#[derive(Debug)]
pub(super) struct Layer7 {
    pub(super) proxy: Proxy,
    /// What it tells, until somebody takes it.
    pub(super) told: Option<ProxyFacts>,
    /// What the proxy was given last; `None`: it may have anything.
    given: Option<TablePortSets>,
    /// What it is to have once the maps say so.
    wanted: TablePortSets,
    /// Number of the rules that were given last.
    revision: u64,
    /// What names' addresses are known.
    pub(super) names: Names,
}

impl Layer7 {
    /// Makes the way to the proxy, and begins to follow it. `None`: there is to be none.
    pub(super) fn open(
        config: &Config,
        datapath: &mut Datapath,
        notifier: Notifier,
        told: Arc<ToldNames>,
    ) -> Result<Option<Self>, EnforceError> {
        if config.policy().layer7.is_none() {
            // The maps change without it from here on.
            names::withdraw(&config.run_dir())?;
            return Ok(None);
        }
        let opened = datapath.open_way_to_proxy();
        opened.map_err(loader_error("opening the way to flows-proxy"))?;
        let (proxy, facts) = Proxy::follow(&config.run_dir(), notifier)?;
        let room = names::room(&config.sizes.of_maps());
        Ok(Some(Self {
            proxy,
            told: Some(facts),
            given: None,
            wanted: TablePortSets::new(),
            revision: 0,
            names: Names::open(&config.run_dir(), room, told),
        }))
    }

    /// What of it doesn't work now.
    pub(super) fn failure(&self) -> Option<String> {
        let is_missed = !self.wanted.is_empty() && !self.proxy.is_there();
        let missed = is_missed.then(|| {
            "flows-proxy doesn't run on this node: what rules of layer 7 allow is dropped; start it with the \
             agent's --run-dir"
                .to_owned()
        });
        missed
            .or_else(|| self.names.failure())
            .or_else(|| self.proxy.crowded())
    }

    /// Gives the proxy what is to be judged by the tables that are to come, and leaves it the rules of places that
    /// the present ones still send to it.
    pub(super) fn prepare(&mut self, compiled: &Compiled) -> Result<(), EnforceError> {
        let wanted = &compiled.layer7;
        self.names.before_change(compiled)?;
        self.wanted.clone_from(wanted);
        let mut both = wanted.clone();
        for (place, rules) in self.given.iter().flatten() {
            both.entry(*place).or_insert_with(|| rules.clone());
        }
        self.give(both)
    }

    /// The maps say so.
    pub(super) fn settle(&mut self, compiled: &Compiled) -> Result<(), EnforceError> {
        self.names.after_change(compiled);
        self.give(self.wanted.clone())
    }

    fn give(&mut self, rules: TablePortSets) -> Result<(), EnforceError> {
        if self.given.as_ref() == Some(&rules) {
            return Ok(());
        }
        // A former agent's numbers don't matter, only that they differ.
        self.revision += 1;
        self.given = None;
        self.proxy.put(&snapshot(&rules, self.revision))?;
        self.given = Some(rules);
        Ok(())
    }
}
