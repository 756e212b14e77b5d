//! What runs out, and what connections keep.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{GRACE, Names};
use crate::node::name_book::{Entry, Seconds};

/// How often it is looked for what has run out, which reads all connections.
const LOOK_EVERY: Seconds = 2;

impl Names {
    /// Forgets what has run out, if it is time to look for it, but for names of addresses in use. `in_use` says
    /// which of some addresses are.
    pub(in super::super) fn expire(
        &mut self,
        now: Seconds,
        in_use: impl FnOnce(BTreeSet<IpAddr>) -> BTreeSet<IpAddr>,
    ) {
        // The time of day may be set back.
        if self
            .looked
            .is_some_and(|when| when.abs_diff(now) < LOOK_EVERY)
        {
            return;
        }
        self.looked = Some(now);
        let mut told = self.told.write();
        for entry in told.due(now) {
            told.remove(&entry, &mut BTreeSet::new());
        }
        drop(told);
        let due = self.filed.due(now);
        if due.is_empty() {
            return;
        }
        let in_use = in_use(due.iter().map(|entry| entry.address).collect());
        for entry in due {
            if in_use.contains(&entry.address) {
                let entry = Entry {
                    until: now + GRACE,
                    ..entry
                };
                // It is there: nothing is refused.
                drop(self.file(entry));
            } else {
                self.filed.remove(&entry, &mut self.changed);
            }
        }
    }
}
