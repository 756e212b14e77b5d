//! Which tables the node needs, and their columns, recompiled.

use std::collections::BTreeSet;
use std::sync::Arc;

use abi::policy::PolicyKey;
use cluster::{Identity, NamespacedName, State};

use super::Incremental;
use super::dirty::Dirty;
use super::emit::{direction_of, keys_of};
use crate::attribution::Direction;
use crate::compiler::{Compiler, ports_of};
use crate::cookies::TableOwner;
use crate::output::{ChangeSet, Endpoint};
use crate::table::{Attributor, Selected, TableCompiler};

impl Incremental {
    /// Who of the node needs a table now, and which.
    pub(super) fn locals(
        &mut self,
        compiler: &mut Compiler,
        state: &State,
        moved: &BTreeSet<NamespacedName>,
        dirty: &mut Dirty,
        touched: &mut ChangeSet,
    ) {
        let mut endpoints = Vec::new();
        for name in moved {
            let before = self.locals.remove(name);
            let now = state
                .pods
                .get(name)
                .filter(|pod| pod.node.as_deref() == Some(&*compiler.node) && !pod.ips.is_empty())
                .and_then(|pod| Some((pod, *self.pods.get(name)?)));
            if let Some((pod, identity)) = now {
                let owner = TableOwner {
                    identity: identity.0,
                    ports: BTreeSet::from_iter(ports_of(pod)).into_iter().collect(),
                };
                self.locals.insert(name.clone(), owner);
            }
            if before.is_some() || now.is_some() {
                endpoints.push((name, now));
            }
        }
        if endpoints.is_empty() {
            return;
        }
        let wanted: BTreeSet<TableOwner> = self.locals.values().cloned().collect();
        let owners = compiler.tables.assign(&wanted);
        self.is_short_of_tables = owners.len() < wanted.len();
        let gone = self
            .owners
            .iter()
            .filter(|(owner, _)| !owners.contains_key(owner));
        for table in gone.map(|(_, table)| *table).collect::<Vec<_>>() {
            self.drop_table(compiler, table, touched);
        }
        let new = owners
            .iter()
            .filter(|(owner, _)| !self.owners.contains_key(owner));
        dirty.tables.extend(new.map(|(_, table)| *table));
        self.owners = owners;
        for (name, now) in endpoints {
            touched.endpoints.insert(name.clone());
            match now {
                Some((pod, identity)) => {
                    let owner = self.locals.get(name);
                    let table = owner.and_then(|owner| self.owners.get(owner));
                    let endpoint = Endpoint {
                        identity,
                        table: table.copied().unwrap_or(0),
                        ips: pod.ips.clone(),
                    };
                    compiler.compiled.endpoints.insert(name.clone(), endpoint);
                }
                None => drop(compiler.compiled.endpoints.remove(name)),
            }
        }
    }

    fn drop_table(&mut self, compiler: &mut Compiler, table: u32, touched: &mut ChangeSet) {
        self.shapes.remove(&table);
        for key in keys_of(&compiler.compiled, table, None) {
            if let Some(entry) = compiler.compiled.entries.remove(&key) {
                compiler.release(entry.cookie);
            }
            touched.entries.insert(key);
        }
        for direction in Direction::ALL {
            compiler.set_layer7(table, direction, None, touched);
            self.conflicts.remove(&(table, direction));
        }
        if let Some(header) = compiler.compiled.tables.remove(&table) {
            compiler.release(header.ingress.default_cookie);
            compiler.release(header.egress.default_cookie);
        }
        touched.tables.insert(table);
    }

    /// Makes what is dirty, in the order of owners, so that cookies don't depend on what is.
    pub(super) fn compile(
        &mut self,
        compiler: &mut Compiler,
        dirty: &Dirty,
        touched: &mut ChangeSet,
    ) {
        let mut unnamed = 0;
        let mut selected = Selected::default();
        for (owner, table) in &self.owners {
            let mut rules = None;
            for direction in Direction::ALL {
                let only = dirty.columns.get(&(*table, direction));
                let only = match (dirty.tables.contains(table), only) {
                    (true, _) => None,
                    (false, Some(columns)) => Some(columns),
                    (false, None) => continue,
                };
                let rules = rules.get_or_insert_with(|| {
                    self.rule_store
                        .selecting(&self.selector_cache, Identity(owner.identity))
                });
                let mut tables = TableCompiler {
                    selector_cache: &self.selector_cache,
                    named_ports: &self.named_ports,
                    config: &compiler.config,
                    names: Attributor::new(Arc::make_mut(&mut compiler.compiled.cookies)),
                    selected: &mut selected,
                };
                let part = tables.direction(direction, owner, *table, rules, only);
                unnamed += tables.names.unnamed;

                let shapes = &mut self.shapes.entry(*table).or_default()[direction as usize];
                let before = keys_of(&compiler.compiled, *table, only);
                let before = before
                    .into_iter()
                    .filter(|key| direction_of(key) == direction);
                let now: BTreeSet<PolicyKey> = part.entries.iter().map(|(key, _)| *key).collect();
                for key in before.filter(|key| !now.contains(key)) {
                    compiler.set(key, None, shapes, touched);
                }
                for (key, entry) in part.entries {
                    compiler.set(key, Some(entry), shapes, touched);
                }
                let header = shapes.header(part.enforced, part.default_cookie);
                compiler.set_header(*table, direction, header, touched);
                compiler.set_layer7(*table, direction, part.layer7, touched);
                match part.conflicts.is_empty() {
                    true => drop(self.conflicts.remove(&(*table, direction))),
                    false => drop(self.conflicts.insert((*table, direction), part.conflicts)),
                }
            }
        }
        self.unnamed = unnamed;
    }
}
