//! Which columns a change is about.

use std::collections::{BTreeMap, BTreeSet};

use abi::identity as number;
use cluster::Identity;

use super::Incremental;
use crate::attribution::Direction;
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
    fn owned_by(&self, subject: SlotId) -> impl Iterator<Item = u32> + '_ {
        let subjects = self.selector_cache.identities(subject);
        self.owners
            .iter()
            .filter(|(owner, _)| owner.identity != number::HOST)
            .filter(|(owner, _)| subjects.contains(&Identity(owner.identity)))
            .map(|(_, table)| *table)
    }

    /// What a policy's rules say anything on.
    pub(super) fn mark_policy(&self, name: &cluster::ObjectName, dirty: &mut Dirty) {
        for rule in self.rule_store.rules_of(name) {
            let tables: Vec<u32> = self.owned_by(rule.subject()).collect();
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
