//! What the last compilation knew, kept so that a change recomputes what it touches and nothing else.
//!
//! ```text
//! policies --.                           .--> columns of tables --> entries, headers
//!            +--> selectors they stand --+
//! pods ------'    in or match            '--> tables of pods that are new here
//! ```
//!
//! The unit is a *column*: the entries of one table, in one direction, for one peer identity. What is
//! in it depends on the rules that are about that peer alone. To compile from nothing is to advance
//! from an empty cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use abi::identity as number;
use abi::policy::PolicyKey;
use cluster::identities::Exhausted;
use cluster::{Identities, Identity, Labels, NamespacedName, Place, Pod, Problem, State};
use ipnet::IpNet;

use super::addresses::{self, addresses};
use super::{Compiler, ports_of};
use crate::book::Book;
use crate::compile::{Names, Shapes, TableCompiler};
use crate::compiled::{Address, Compiled, Endpoint, Touched};
use crate::cookies::{NamedPort, TableOwner};
use crate::index::{Index, group_labels, prefixes_of};
use crate::reason::Direction;

mod differ;
mod mark;
mod members;
mod write;

use differ::{changed, same};
use mark::Dirty;
use members::Members;
use write::{keys_of, of};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Live {
    state: Arc<State>,
    index: Index,
    book: Book,
    /// Pods with an identity.
    pods: BTreeMap<NamespacedName, Identity>,
    members: BTreeMap<Identity, Members>,
    /// The same named ports, as the tables' compiler reads them.
    named_ports: BTreeMap<Identity, BTreeSet<NamedPort>>,
    /// How many policies name each prefix.
    named: BTreeMap<IpNet, usize>,
    prefixes: BTreeMap<IpNet, Identity>,
    /// Pods of the node that have an address.
    locals: BTreeMap<NamespacedName, TableOwner>,
    owners: BTreeMap<TableOwner, u32>,
    shapes: HashMap<u32, [Shapes; 2]>,
    /// What got no identity.
    exhausted: Vec<Problem>,
    /// Reasons without a cookie.
    unnamed: usize,
    /// Owners without a table.
    is_short_of_tables: bool,
    /// Addresses that more than one claims.
    twice: Vec<Problem>,
}

impl Live {
    /// Of an empty cluster, with the prefix groups of `state`.
    pub(super) fn new(state: &State, identities: &Identities) -> Self {
        let mut index = Index::new(state.cidr_groups.clone());
        for (identity, labels) in identities.iter() {
            if identity.0 < number::FIRST_DERIVED {
                index.add(identity, labels);
            }
        }
        Self {
            state: Arc::default(),
            index,
            book: Book::default(),
            pods: BTreeMap::new(),
            members: BTreeMap::new(),
            named_ports: BTreeMap::new(),
            named: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            locals: BTreeMap::new(),
            owners: BTreeMap::new(),
            shapes: HashMap::new(),
            exhausted: Vec::new(),
            unnamed: 0,
            is_short_of_tables: false,
            twice: Vec::new(),
        }
    }

    /// Whether `state` can be reached from here. A group's prefixes and labels are in too many
    /// identities, and where numbers ran out, who gets one depends on all who want one.
    pub(super) fn can_advance(&self, state: &State) -> bool {
        self.state.cidr_groups == state.cidr_groups && !self.lacks_numbers()
    }

    /// Whether something got no number.
    pub(super) fn lacks_numbers(&self) -> bool {
        self.unnamed > 0 || self.is_short_of_tables || !self.exhausted.is_empty()
    }

    /// Identities of pods and prefixes.
    pub(super) fn in_use(&self) -> impl Iterator<Item = Identity> + '_ {
        self.members.keys().chain(self.prefixes.values()).copied()
    }

    /// What is wrong beside refused policies.
    pub(super) fn problems(&self) -> impl Iterator<Item = Problem> + '_ {
        let unnamed = (self.unnamed > 0).then(|| Problem {
            place: Place::default(),
            object: None,
            field: String::new(),
            problem: format!(
                "{} sets of rules have no cookie: they are enforced, but flows don't name them",
                self.unnamed
            ),
            remedy: "use fewer policies that overlap".to_owned(),
        });
        let found = self.exhausted.iter().chain(&self.twice).cloned();
        found.chain(unnamed)
    }

    /// Goes on to `state`: brings the compiler's `compiled` in step, and says what that touched.
    pub(super) fn advance(
        &mut self,
        compiler: &mut Compiler,
        state: &Arc<State>,
        touched: &mut Touched,
    ) {
        let old = std::mem::replace(&mut self.state, Arc::clone(state));
        let mut dirty = Dirty::default();
        let renamed = self.policies(compiler, &old, state, &mut dirty);
        let moved = self.pods(compiler, &old, state, &mut dirty);
        self.prefixes(compiler, state, &renamed, &mut dirty);
        self.locals(compiler, state, &moved, &mut dirty, touched);
        self.compile(compiler, &dirty, touched);

        let others_changed =
            old.nodes != state.nodes || old.endpoint_slices != state.endpoint_slices;
        self.addresses(compiler, &old, &moved, others_changed, touched);
        if others_changed || !renamed.is_empty() || compiler.compiled.prefixes.is_empty() {
            let mut prefixes = self.prefixes.clone();
            addresses::complete(&mut prefixes, state, &compiler.compiled.identities);
            let before = std::mem::replace(&mut compiler.compiled.prefixes, prefixes);
            let differ = changed(&before, &compiler.compiled.prefixes, |a, b| a == b);
            touched
                .prefixes
                .extend(differ.into_iter().map(|(prefix, ..)| *prefix));
        }
    }

    /// Takes policies that came, went or changed. Returns prefixes that are named by more or fewer of
    /// them than before.
    fn policies(
        &mut self,
        compiler: &mut Compiler,
        old: &State,
        state: &State,
        dirty: &mut Dirty,
    ) -> BTreeSet<IpNet> {
        let mut renamed = BTreeSet::new();
        for (name, _, raw) in changed(&old.policies, &state.policies, same) {
            let [before, now] = compiler.read_policy(name, raw);
            let is_same = match (&before, &now) {
                (Some(before), Some(now)) => Arc::ptr_eq(before, now),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if is_same {
                continue;
            }
            if let Some(before) = before {
                self.mark_policy(name, dirty);
                self.book.remove(name, &mut self.index);
                for prefix in prefixes_of(&before, &state.cidr_groups) {
                    if let Some(count) = self.named.get_mut(&prefix) {
                        *count -= 1;
                        if *count == 0 {
                            self.named.remove(&prefix);
                        }
                    }
                    renamed.insert(prefix);
                }
            }
            if let Some(now) = now {
                self.book.insert(&now, &mut self.index);
                self.mark_policy(name, dirty);
                for prefix in prefixes_of(&now, &state.cidr_groups) {
                    *self.named.entry(prefix).or_default() += 1;
                    renamed.insert(prefix);
                }
            }
        }
        renamed
    }

    /// Takes pods that came, went or changed, or whose namespace did. Returns their names.
    fn pods(
        &mut self,
        compiler: &mut Compiler,
        old: &State,
        state: &State,
        dirty: &mut Dirty,
    ) -> BTreeSet<NamespacedName> {
        let mut moved: BTreeSet<NamespacedName> = changed(&old.pods, &state.pods, same)
            .into_iter()
            .map(|(name, ..)| name.clone())
            .collect();
        for (namespace, ..) in changed(&old.namespaces, &state.namespaces, same) {
            let first = NamespacedName::new(namespace, "");
            let pods = state.pods.range(first..).map(|(name, _)| name);
            moved.extend(
                pods.take_while(|name| name.namespace == *namespace)
                    .cloned(),
            );
        }
        let mut met: BTreeSet<Identity> = BTreeSet::new();
        for name in &moved {
            if let (Some(identity), Some(pod)) = (self.pods.remove(name), old.pods.get(name)) {
                self.members.entry(identity).or_default().leave(pod);
                met.insert(identity);
            }
        }
        // In the order of labels, not of pods, so that nodes meet colliding labels in the same order.
        let mut by_labels: BTreeMap<Labels, Vec<&Arc<Pod>>> = BTreeMap::new();
        let present = moved.iter().filter_map(|name| state.pods.get(name));
        for pod in present.filter(|pod| !pod.host_network) {
            let labels = state.identity_labels(pod, &compiler.config.cluster);
            by_labels.entry(labels).or_default().push(pod);
        }
        for (labels, pods) in by_labels {
            match number_of(&mut compiler.compiled, &labels) {
                Ok(identity) => {
                    met.insert(identity);
                    let members = self.members.entry(identity).or_default();
                    for pod in pods {
                        members.join(pod);
                        self.pods.insert(pod.name.clone(), identity);
                    }
                }
                Err(error) => self.out_of_numbers(&format!("a pod with labels {labels}"), error),
            }
        }
        for identity in met {
            self.meet(identity, &compiler.compiled.identities, dirty);
        }
        moved
    }

    fn out_of_numbers(&mut self, what: &str, error: Exhausted) {
        self.exhausted.push(Problem {
            place: Place::default(),
            object: None,
            field: String::new(),
            problem: format!("{what} has no identity: {error}"),
            remedy: String::new(),
        });
    }

    /// An identity's pods have changed: it may be new, gone, or have other named ports.
    fn meet(&mut self, identity: Identity, identities: &Identities, dirty: &mut Dirty) {
        let was = self.index.has(identity);
        let ports_before = self.named_ports.remove(&identity).unwrap_or_default();
        let members = self
            .members
            .get(&identity)
            .filter(|members| members.pods > 0);
        let Some(members) = members else {
            self.members.remove(&identity);
            let selectors = self.index.remove(identity);
            self.mark_identity(identity, &selectors, !ports_before.is_empty(), dirty);
            return;
        };
        let ports: BTreeSet<NamedPort> = members.ports.keys().cloned().collect();
        let has_names = ports != ports_before;
        if !ports.is_empty() {
            self.named_ports.insert(identity, ports);
        }
        if !was {
            let Some(labels) = identities.labels(identity) else {
                return;
            };
            let selectors = self.index.add(identity, labels);
            self.mark_identity(identity, &selectors, has_names, dirty);
        } else if has_names {
            let selectors = self.index.of(identity);
            self.mark_identity(identity, &selectors, true, dirty);
        }
    }

    /// Gives prefixes that are named now their identities, and takes those of the others.
    fn prefixes(
        &mut self,
        compiler: &mut Compiler,
        state: &State,
        renamed: &BTreeSet<IpNet>,
        dirty: &mut Dirty,
    ) {
        for prefix in renamed {
            match (
                self.named.contains_key(prefix),
                self.prefixes.get(prefix).copied(),
            ) {
                (true, None) => {
                    let groups = state.cidr_groups.values();
                    let further = groups
                        .filter(|group| group.cidrs.iter().any(|cidr| cidr.contains(prefix)))
                        .flat_map(|group| group_labels(group).collect::<Vec<_>>());
                    let identities = Arc::make_mut(&mut compiler.compiled.identities);
                    match identities.of_prefix(*prefix, further) {
                        Ok(identity) => {
                            self.prefixes.insert(*prefix, identity);
                            if let Some(labels) = identities.labels(identity) {
                                let selectors = self.index.add(identity, labels);
                                self.mark_identity(identity, &selectors, false, dirty);
                            }
                        }
                        Err(error) => self.out_of_numbers(&format!("prefix {prefix}"), error),
                    }
                }
                (false, Some(identity)) => {
                    self.prefixes.remove(prefix);
                    // The whole address space is the world, which is always there.
                    if identity.0 >= number::FIRST_DERIVED {
                        let selectors = self.index.remove(identity);
                        self.mark_identity(identity, &selectors, false, dirty);
                    }
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
    }

    /// Who of the node needs a table now, and which.
    fn locals(
        &mut self,
        compiler: &mut Compiler,
        state: &State,
        moved: &BTreeSet<NamespacedName>,
        dirty: &mut Dirty,
        touched: &mut Touched,
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

    fn drop_table(&mut self, compiler: &mut Compiler, table: u32, touched: &mut Touched) {
        self.shapes.remove(&table);
        for key in keys_of(&compiler.compiled, table, None) {
            if let Some(entry) = compiler.compiled.entries.remove(&key) {
                compiler.release(entry.cookie);
            }
            touched.entries.insert(key);
        }
        if let Some(header) = compiler.compiled.tables.remove(&table) {
            compiler.release(header.ingress.default_cookie);
            compiler.release(header.egress.default_cookie);
        }
        touched.tables.insert(table);
    }

    /// Makes what is dirty, in the order of owners, so that cookies don't depend on what is.
    fn compile(&mut self, compiler: &mut Compiler, dirty: &Dirty, touched: &mut Touched) {
        let mut unnamed = 0;
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
                    self.book.selecting(&self.index, Identity(owner.identity))
                });
                let mut tables = TableCompiler {
                    index: &self.index,
                    named_ports: &self.named_ports,
                    config: &compiler.config,
                    names: Names::new(Arc::make_mut(&mut compiler.compiled.cookies)),
                };
                let part = tables.direction(direction, owner, *table, rules, only);
                unnamed += tables.names.unnamed;

                let shapes = &mut self.shapes.entry(*table).or_default()[direction as usize];
                let before = keys_of(&compiler.compiled, *table, only);
                let before = before.into_iter().filter(|key| of(key) == direction);
                let now: BTreeSet<PolicyKey> = part.entries.iter().map(|(key, _)| *key).collect();
                for key in before.filter(|key| !now.contains(key)) {
                    compiler.set(key, None, shapes, touched);
                }
                for (key, entry) in part.entries {
                    compiler.set(key, Some(entry), shapes, touched);
                }
                let header = shapes.header(part.enforced, part.default_cookie);
                compiler.set_header(*table, direction, header, touched);
            }
        }
        self.unnamed = unnamed;
    }

    /// Whose addresses are: of pods that moved alone, unless several claim one, or nodes changed.
    fn addresses(
        &mut self,
        compiler: &mut Compiler,
        old: &State,
        moved: &BTreeSet<NamespacedName>,
        others_changed: bool,
        touched: &mut Touched,
    ) {
        let known = &mut compiler.compiled.addresses;
        let is_simple = !others_changed && self.twice.is_empty() && {
            for ip in moved
                .iter()
                .filter_map(|name| old.pods.get(name))
                .flat_map(|pod| &pod.ips)
            {
                let of_moved = known
                    .get(ip)
                    .and_then(|known| known.pod.as_ref())
                    .is_some_and(|pod| moved.contains(pod));
                if of_moved {
                    known.remove(ip);
                    touched.addresses.insert(*ip);
                }
            }
            let now = moved
                .iter()
                .filter_map(|name| Some((self.state.pods.get(name)?, *self.pods.get(name)?)));
            now.into_iter().all(|(pod, identity)| {
                pod.ips.iter().all(|ip| {
                    let address = Address {
                        identity,
                        pod: Some(pod.name.clone()),
                        local: pod.node.as_deref() == Some(&*compiler.node),
                    };
                    touched.addresses.insert(*ip);
                    known.insert(*ip, address).is_none()
                })
            })
        };
        if is_simple {
            return;
        }
        let (now, twice) = addresses(&self.state, &compiler.node, &self.pods);
        self.twice = twice;
        let before = std::mem::replace(known, now);
        let differ = changed(&before, known, |a, b| a == b);
        touched
            .addresses
            .extend(differ.into_iter().map(|(ip, ..)| *ip));
    }
}

/// The number of a pod's labels.
fn number_of(compiled: &mut Compiled, labels: &Labels) -> Result<Identity, Exhausted> {
    match compiled.identities.find(labels) {
        Some(identity) => Ok(identity),
        None => Arc::make_mut(&mut compiled.identities).of_labels(labels),
    }
}
