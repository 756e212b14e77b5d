//! What the last compilation knew, kept so that a change recomputes what it touches and nothing else.
//!
//! ```text
//! policies --.                           .--> columns of tables --> entries, headers
//!            +--> selectors they stand --+
//! pods ------'    in or match            '--> tables of pods that are new here
//! ```
//!
//! The unit is a *column*: the entries of one table, in one direction, for one peer identity. What is
//! in it depends on the rules that are about that peer alone. To compile from nothing is to update
//! from an empty cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use abi::identity as number;
use cluster::differ::changed;
use cluster::{
    Identities, Identity, Labels, NamedLabels, NamespacedName, ObjectName, Pod, Problem, SharedMap,
    State, manifest,
};
use ipnet::IpNet;

use super::Compiler;
use super::addresses::{self, addresses};
use crate::attribution::Direction;
use crate::cookies::{NamedPort, TableOwner};
use crate::layer7::{Conflict, TablePortSets};
use crate::output::{Address, ChangeSet};
use crate::rule_store::RuleStore;
use crate::selector_cache::SelectorCache;
use crate::table::Shapes;

mod dirty;
mod emit;
mod endpoints;
mod peers;
mod tables;

use dirty::Dirty;
use endpoints::IdentityEndpoints;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Incremental {
    state: Arc<State>,
    selector_cache: SelectorCache,
    rule_store: RuleStore,
    /// Pods with an identity.
    pods: BTreeMap<NamespacedName, Identity>,
    endpoints_by_identity: BTreeMap<Identity, IdentityEndpoints>,
    /// The same named ports, as the tables' compiler reads them.
    named_ports: BTreeMap<Identity, BTreeSet<NamedPort>>,
    prefixes: BTreeMap<IpNet, Identity>,
    /// Of labels that addresses have by their names.
    names: BTreeMap<Labels, Identity>,
    /// Pods of the node that have an address.
    locals: BTreeMap<NamespacedName, TableOwner>,
    owners: BTreeMap<TableOwner, u32>,
    shapes: HashMap<u32, [Shapes; 2]>,
    /// Rules of layer 7 that can't stand together, by table and direction.
    conflicts: BTreeMap<(u32, Direction), Vec<Conflict>>,
    /// What got no identity.
    exhausted: Vec<Problem>,
    /// Reasons without a cookie.
    unnamed: usize,
    /// Owners without a table.
    is_short_of_tables: bool,
    /// Labels that the policies in force name although identities leave them out.
    named_labels: NamedLabels,
    /// Addresses that more than one claims.
    twice: Vec<Problem>,
}

impl Incremental {
    /// Of an empty cluster, with the prefix groups of `state`.
    pub(super) fn new(state: &State, identities: &Identities) -> Self {
        let mut selector_cache = SelectorCache::new(state.cidr_groups.clone());
        for (identity, labels) in identities.iter() {
            if identity.0 < number::FIRST_DERIVED {
                selector_cache.add(identity, labels);
            }
        }
        Self {
            state: Arc::default(),
            selector_cache,
            rule_store: RuleStore::default(),
            pods: BTreeMap::new(),
            endpoints_by_identity: BTreeMap::new(),
            named_ports: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            names: BTreeMap::new(),
            locals: BTreeMap::new(),
            owners: BTreeMap::new(),
            shapes: HashMap::new(),
            conflicts: BTreeMap::new(),
            exhausted: Vec::new(),
            unnamed: 0,
            is_short_of_tables: false,
            named_labels: NamedLabels::default(),
            twice: Vec::new(),
        }
    }

    /// The state it was brought to last.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Whether something got no number: then who gets one depends on all who want one, and the next state
    /// can't be reached from this one.
    pub(super) fn ids_exhausted(&self) -> bool {
        self.unnamed > 0 || self.is_short_of_tables || !self.exhausted.is_empty()
    }

    /// Identities of pods, prefixes and names.
    pub(super) fn in_use(&self) -> impl Iterator<Item = Identity> + '_ {
        self.endpoints_by_identity
            .keys()
            .chain(self.prefixes.values())
            .chain(self.names.values())
            .copied()
    }

    /// What is wrong beside refused policies, whose `manifests` those in force are.
    pub(super) fn problems(
        &self,
        manifests: &SharedMap<ObjectName, Arc<manifest::Policy>>,
        layer7: &TablePortSets,
    ) -> Vec<Problem> {
        let cut = layer7.values().filter(|sets| sets.is_cut).count();
        let cut = (cut > 0).then(|| Problem {
            origin: None,
            object: None,
            field: String::new(),
            problem: format!(
                "{cut} directions of pods' policies have more rules of layer 7, for more peers, than are \
                 judged: some of their ports refuse all connections"
            ),
            remedy: "use fewer such rules, or ones for fewer peers".to_owned(),
        });
        // Tables of several identities tell the same.
        let conflicts: BTreeSet<&Conflict> = self.conflicts.values().flatten().collect();
        let conflicts = conflicts.into_iter().map(|conflict| {
            let field = conflict.rule.to_string();
            let raw = manifests.get(&conflict.policy);
            let place = raw.and_then(|raw| Some((raw, raw.document.at_path(&field)?)));
            Problem {
                origin: place.map(|(raw, node)| raw.origin.at(node.at)),
                object: Some(conflict.policy.clone()),
                field,
                problem: format!(
                    "{}, with {} {}: what both select is refused on these ports",
                    conflict.problem, conflict.other_policy, conflict.other
                ),
                remedy: "give them different ports, or different peers".to_owned(),
            }
        });
        let unnamed = (self.unnamed > 0).then(|| Problem {
            origin: None,
            object: None,
            field: String::new(),
            problem: format!(
                "{} sets of rules have no cookie: they are enforced, but flows don't name them",
                self.unnamed
            ),
            remedy: "use fewer policies that overlap".to_owned(),
        });
        let found = self.exhausted.iter().chain(&self.twice).cloned();
        found.chain(unnamed).chain(cut).chain(conflicts).collect()
    }

    /// Goes on to `state`: brings the compiler's `compiled` in step, and says what that touched.
    pub(super) fn update(
        &mut self,
        compiler: &mut Compiler,
        state: &Arc<State>,
        touched: &mut ChangeSet,
    ) {
        let old = std::mem::replace(&mut self.state, Arc::clone(state));
        let mut dirty = Dirty::default();
        self.groups(state, &mut dirty);
        self.policies(compiler, &old, state, &mut dirty);
        let moved = self.pods(compiler, &old, state, &mut dirty);
        let prefixes_changed = self.prefixes(compiler, &mut dirty);
        self.names(compiler, &mut dirty);
        self.locals(compiler, state, &moved, &mut dirty, touched);
        self.compile(compiler, &dirty, touched);

        let others_changed =
            old.nodes != state.nodes || old.endpoint_slices != state.endpoint_slices;
        self.addresses(compiler, &old, &moved, others_changed, touched);
        if others_changed || prefixes_changed || compiler.compiled.prefixes.is_empty() {
            let mut prefixes = self.prefixes.clone();
            addresses::complete(&mut prefixes, state, &compiler.compiled.identities);
            let before = std::mem::replace(&mut compiler.compiled.prefixes, prefixes);
            let differ = changed(&before, &compiler.compiled.prefixes, |a, b| a == b);
            touched
                .prefixes
                .extend(differ.into_iter().map(|(prefix, ..)| *prefix));
        }
    }

    /// Whose addresses are: of pods that moved alone, unless several claim one, or nodes changed.
    fn addresses(
        &mut self,
        compiler: &mut Compiler,
        old: &State,
        moved: &BTreeSet<NamespacedName>,
        others_changed: bool,
        touched: &mut ChangeSet,
    ) {
        let known = &mut compiler.compiled.addresses;
        let now = moved
            .iter()
            .filter_map(|name| Some((self.state.pods.get(name)?, *self.pods.get(name)?)));
        let mut claims: BTreeMap<IpAddr, Address> = BTreeMap::new();
        let mut claim = |ip: &IpAddr, pod: &Pod, identity| {
            let address = Address {
                identity,
                pod: Some(pod.name.clone()),
                local: pod.node.as_deref() == Some(&*compiler.node),
            };
            let is_free = known.get(ip).is_none_or(|known| {
                let owner = known.pod.as_ref();
                owner.is_some_and(|owner| moved.contains(owner))
            });
            claims.insert(*ip, address).is_none() && is_free
        };
        let is_simple = !others_changed
            && self.twice.is_empty()
            && now
                .into_iter()
                .all(|(pod, identity)| pod.ips.iter().all(|ip| claim(ip, pod, identity)));
        if is_simple {
            let left = moved.iter().filter_map(|name| old.pods.get(name));
            for ip in left.flat_map(|pod| &pod.ips) {
                let of_moved = known
                    .get(ip)
                    .and_then(|known| known.pod.as_ref())
                    .is_some_and(|pod| moved.contains(pod));
                if of_moved {
                    known.remove(ip);
                    touched.addresses.insert(*ip);
                }
            }
            touched.addresses.extend(claims.keys());
            known.extend(claims);
            compiler.owners.clear();
            return;
        }
        let before = std::mem::take(known);
        // Right after a start nobody has an address yet: then the one that had it counts.
        let owner = |ip: IpAddr| match before.get(&ip) {
            Some(known) => known.pod.clone(),
            None => compiler.owners.get(&ip).cloned(),
        };
        let (now, twice) = addresses(&self.state, &compiler.node, &self.pods, owner);
        self.twice = twice;
        let differ = changed(&before, &now, |a, b| a == b);
        touched
            .addresses
            .extend(differ.into_iter().map(|(ip, ..)| *ip));
        // What a name is made of may differ where address and identity don't.
        let pods = moved.iter().filter_map(|name| self.state.pods.get(name));
        touched
            .addresses
            .extend(pods.flat_map(|pod| pod.ips.iter().copied()));
        compiler.compiled.addresses = now;
        compiler.owners = self.contested(&compiler.compiled.addresses);
    }

    /// The pods that keep an address that another one claims, too: after a restart they must keep it.
    fn contested(&self, addresses: &BTreeMap<IpAddr, Address>) -> BTreeMap<IpAddr, NamespacedName> {
        if self.twice.is_empty() {
            return BTreeMap::new();
        }
        let mut claims: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for ip in self
            .pods
            .keys()
            .filter_map(|name| self.state.pods.get(name))
            .flat_map(|pod| &pod.ips)
        {
            *claims.entry(*ip).or_default() += 1;
        }
        claims.retain(|_, claims| *claims > 1);
        let owners = claims
            .keys()
            .filter_map(|ip| Some((*ip, addresses.get(ip)?.pod.clone()?)));
        owners.collect()
    }
}
