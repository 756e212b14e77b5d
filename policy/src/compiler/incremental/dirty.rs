//! Which columns a change is about.

use std::collections::{BTreeMap, BTreeSet};

use abi::identity as number;
use cluster::Identity;

use super::Incremental;
use crate::attribution::Direction;
use crate::cookies::TableOwner;
use crate::rule_store::PeerSlot;
use crate::selector_cache::SlotId;

/// What has to be made again.
#[derive(Default)]
pub(super) struct Dirty {
    pub(super) tables: BTreeSet<u32>,
    pub(super) columns: BTreeMap<(u32, Direction), BTreeSet<u32>>,
}

impl Incremental {
    /// Tables whose owner a selector matches.
    fn owned_by(&self, subject: SlotId) -> Vec<u32> {
        let subjects = self.selector_cache.identities(subject);
        let is_pod = |identity: u32| identity != number::HOST;
        // Most selectors match few, and most of those are not here.
        if subjects.len() < self.owners.len() {
            let subjects = subjects.iter().map(|identity| identity.0);
            return subjects
                .filter(|identity| is_pod(*identity))
                .flat_map(|identity| self.tables_of(identity))
                .collect();
        }
        let owners = self.owners.iter().filter(|(owner, _)| {
            is_pod(owner.identity) && subjects.contains(&Identity(owner.identity))
        });
        owners.map(|(_, table)| *table).collect()
    }

    /// Tables whose owner has an identity: of each set of named ports one.
    fn tables_of(&self, identity: u32) -> impl Iterator<Item = u32> + '_ {
        let first = TableOwner {
            identity,
            ports: Vec::new(),
        };
        let owners = self.owners.range(first..);
        let own = owners.take_while(move |(owner, _)| owner.identity == identity);
        own.map(|(_, table)| *table)
    }

    /// What a policy's rules say anything on.
    pub(super) fn mark_policy(&self, name: &cluster::ObjectName, dirty: &mut Dirty) {
        for rule in self.rule_store.rules_of(name) {
            let tables = self.owned_by(rule.subject());
            if tables.is_empty() {
                continue;
            }
            for direction in Direction::ALL {
                if rule.rule().statement(direction).is_none() {
                    continue;
                }
                // Where it is enforced, the node's own column has an entry.
                let mut columns = BTreeSet::from([number::HOST]);
                for slot in rule.elements(direction).flat_map(|(_, slots)| slots) {
                    match slot {
                        PeerSlot::Of(id) => {
                            columns.extend(self.selector_cache.identities(*id).iter().map(|i| i.0));
                        }
                        PeerSlot::All => {
                            columns.insert(0);
                            if direction == Direction::Egress {
                                columns.extend(self.named_ports.keys().map(|i| i.0));
                            }
                        }
                    }
                }
                for table in &tables {
                    let marked = dirty.columns.entry((*table, direction)).or_default();
                    marked.extend(&columns);
                }
            }
        }
    }

    /// The column of an identity wherever a rule is about it.
    pub(super) fn mark_identity(
        &self,
        identity: Identity,
        selectors: &[SlotId],
        has_names: bool,
        dirty: &mut Dirty,
    ) {
        let mut subjects = self.rule_store.subjects_of_users(selectors);
        if has_names {
            subjects.extend(self.rule_store.subjects_of_any_names());
        }
        let tables: BTreeSet<u32> = subjects
            .into_iter()
            .flat_map(|subject| self.owned_by(subject))
            .collect();
        for table in tables {
            for direction in Direction::ALL {
                let marked = dirty.columns.entry((table, direction)).or_default();
                marked.insert(identity.0);
            }
        }
    }
}
