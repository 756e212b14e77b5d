//! Who shares an identity.

use std::collections::{BTreeMap, BTreeSet};

use cluster::Pod;

use crate::compiler::ports_of;
use crate::cookies::NamedPort;

/// Pods of an identity.
#[derive(Clone, Debug, Default)]
pub(super) struct IdentityEndpoints {
    pub(super) pods: usize,
    pub(super) ports: BTreeMap<NamedPort, usize>,
}

impl IdentityEndpoints {
    pub(super) fn join(&mut self, pod: &Pod) {
        self.pods += 1;
        for port in BTreeSet::from_iter(ports_of(pod)) {
            *self.ports.entry(port).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, pod: &Pod) {
        self.pods -= 1;
        for port in BTreeSet::from_iter(ports_of(pod)) {
            if let Some(count) = self.ports.get_mut(&port) {
                *count -= 1;
                if *count == 0 {
                    self.ports.remove(&port);
                }
            }
        }
    }
}
