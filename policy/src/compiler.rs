//! From snapshots of the cluster to what one node's maps should hold, remembering what has to stay: the
//! last good form of every policy, and the numbers of identities, tables and cookies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use cluster::state::AddressFamilies;
use cluster::{Identity, Labels, NamespacedName, ObjectName, Problem, SharedMap, State, manifest};
use l7::lint::Severity;

use crate::config::Config;
use crate::cookies::{NamedPort, TableIds};
use crate::output::{AppliedPolicy, ChangeSet, Compiled};
use crate::parse::parse;
use crate::persistent_state::PersistentState;
use crate::rule::Policy;

mod addresses;
mod incremental;

use incremental::Incremental;

/// A policy as it was last read.
#[derive(Clone, Debug, Default)]
struct PolicyForms {
    /// The newest form that was good.
    good: Option<(Arc<manifest::Policy>, Arc<Policy>)>,
    /// The newest form, if it was refused, and why.
    refused: Option<(Arc<manifest::Policy>, Problem)>,
}

/// Cookies from which on those out of use make room.
const CROWDED: usize = 48_000;

/// Compiles snapshots for one node: the first from nothing, later ones by what changed.
#[derive(Clone, Debug)]
pub struct Compiler {
    config: Config,
    node: Arc<str>,
    tables: TableIds,
    policies: BTreeMap<ObjectName, PolicyForms>,
    /// The good forms of `policies`, to be shared.
    manifests: SharedMap<ObjectName, Arc<manifest::Policy>>,
    /// Whose addresses are that several pods claim, and whose they were before a start from nothing.
    owners: BTreeMap<IpAddr, NamespacedName>,
    /// See [`Self::set_names`].
    names: BTreeSet<Labels>,
    /// Uses of each cookie in the tables.
    cookie_uses: HashMap<u32, usize>,
    /// Compilation that last used each cookie that is out of use.
    cookies_used: BTreeMap<u32, u64>,
    compilations: u64,
    /// [`CROWDED`]; smaller in a test.
    crowded: usize,
    /// What was compiled last; identities and cookies of earlier snapshots are in it.
    compiled: Compiled,
    /// Of what it was compiled from.
    families: AddressFamilies,
    /// What it was compiled from, so that the next one can go on from there.
    incremental: Option<Incremental>,
}

impl Compiler {
    /// A compiler for the node of this name. `persistent` is what [`Compiler::persistent_state`] gave before a
    /// restart, or the default.
    pub fn new(config: Config, node: &str, persistent: PersistentState) -> Self {
        let mut policies = BTreeMap::new();
        let mut manifests = persistent.policies.clone();
        for (name, raw) in persistent.policies.iter() {
            // What an earlier version of this program took but this one refuses is as good as absent.
            let Ok(policy) = parse(raw, &config) else {
                manifests.remove(name);
                continue;
            };
            let known = PolicyForms {
                good: Some((Arc::clone(raw), Arc::new(policy))),
                refused: None,
            };
            policies.insert(name.clone(), known);
        }
        let compiled = Compiled::empty(persistent.cookies, persistent.identities);
        Self {
            config,
            node: node.into(),
            tables: persistent.tables,
            policies,
            manifests,
            owners: persistent.owners,
            names: BTreeSet::new(),
            cookie_uses: HashMap::new(),
            cookies_used: BTreeMap::new(),
            compilations: 0,
            crowded: CROWDED,
            compiled,
            families: AddressFamilies::default(),
            incremental: None,
        }
    }

    /// What to keep over a restart. Shares what it can with the compiler.
    pub fn persistent_state(&self) -> PersistentState {
        let compiled = &self.compiled;
        let own = compiled.endpoints.iter().flat_map(|(name, endpoint)| {
            let has = |ip: &&IpAddr| {
                let address = compiled.addresses.get(ip);
                address.is_some_and(|address| address.pod.as_ref() == Some(name))
            };
            let ips = endpoint.ips.iter().filter(has);
            ips.map(|ip| (*ip, name.clone()))
        });
        let owners = self.owners.clone().into_iter().chain(own).collect();
        PersistentState {
            identities: Arc::clone(&compiled.identities),
            cookies: Arc::clone(&compiled.cookies),
            tables: self.tables.clone(),
            policies: self.manifests.clone(),
            owners,
        }
    }

    /// How policies are read and applied.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Says what the addresses that were learned for names are: the labels that they have. Those are
    /// [`Label::fqdn`](cluster::Label::fqdn) of each selector of `toFQDNs` that one of its names matches, and
    /// what an address outside of the cluster has without a name: that of the world, those of the prefix that it
    /// lies in. From the next [`Self::update`] on each of these sets of labels has a number
    /// ([`Compiled::identities`]) and its entries; none keeps them that isn't named here. Labels without any of a
    /// name are left out: what has them is known otherwise.
    pub fn set_names(&mut self, mut names: BTreeSet<Labels>) {
        names.retain(|labels| labels.iter().any(|label| &*label.source == "fqdn"));
        self.names = names;
    }

    /// The policies in force, in their present or last good form.
    pub fn policies(&self) -> BTreeMap<ObjectName, Arc<Policy>> {
        let good = |(name, known): (&ObjectName, &PolicyForms)| {
            let (_, policy) = known.good.as_ref()?;
            Some((name.clone(), Arc::clone(policy)))
        };
        self.policies.iter().filter_map(good).collect()
    }

    /// The manifests of the policies in force, in their present or last good form; before the first
    /// compilation those that were in force before a restart.
    pub fn manifests(&self) -> SharedMap<ObjectName, Arc<manifest::Policy>> {
        self.manifests.clone()
    }

    /// Forgets identities and cookies that neither the last compilation uses nor `identities` and
    /// `cookies` (of flows in the history, of connections) name.
    pub fn retain(&mut self, identities: &BTreeSet<Identity>, cookies: &BTreeSet<u32>) {
        let mut used = identities.clone();
        used.extend(self.incremental.iter().flat_map(Incremental::in_use));
        Arc::make_mut(&mut self.compiled.identities).retain(&used);
        let mut used = cookies.clone();
        used.extend(self.cookie_uses.keys());
        Arc::make_mut(&mut self.compiled.cookies).retain(&used);
    }

    /// Makes room for new cookies once most are taken, beginning with those out of use for longest: to
    /// name the present rules matters more than to name what decided long ago.
    fn make_room(&mut self) {
        self.compilations += 1;
        if self.compiled.cookies.len() <= self.crowded {
            return;
        }
        let mut idle: Vec<(u64, u32)> = self
            .compiled
            .cookies
            .iter()
            .filter(|(cookie, _)| !self.cookie_uses.contains_key(cookie))
            .map(|(cookie, _)| (self.cookies_used.get(&cookie).copied().unwrap_or(0), cookie))
            .collect();
        idle.sort_unstable();
        let kept = idle
            .iter()
            .skip(idle.len().div_ceil(2))
            .map(|(_, cookie)| *cookie);
        let kept: BTreeSet<u32> = kept.chain(self.cookie_uses.keys().copied()).collect();
        Arc::make_mut(&mut self.compiled.cookies).retain(&kept);
        self.cookies_used.retain(|cookie, _| kept.contains(cookie));
    }

    /// Compiles a snapshot; see [`Self::update`], which copies nothing.
    pub fn compile(&mut self, state: &State) -> Compiled {
        self.update(&Arc::new(state.clone()));
        self.compiled.clone()
    }

    /// Compiles a snapshot by what changed since the last one. Returns what came out, and what of it
    /// was touched.
    pub fn update(&mut self, state: &Arc<State>) -> (&Compiled, ChangeSet) {
        self.make_room();
        let before = self.incremental.as_ref().map(Incremental::state);
        self.families
            .advance(before.unwrap_or(&State::default()), state);
        let dual_stack = self.families.is_dual_stack();
        let onwards = self.incremental.take().filter(|incremental| {
            !incremental.ids_exhausted() && dual_stack == self.compiled.identities.dual_stack()
        });
        let mut touched = ChangeSet::default();
        let mut incremental = match onwards {
            Some(mut incremental) => {
                incremental.update(self, state, &mut touched);
                incremental
            }
            None => self.compile_full(state, dual_stack, &mut touched),
        };
        if incremental.ids_exhausted() && !touched.all {
            // Those out of use since may help, and which rules get the last ones must not depend on
            // the order of changes.
            incremental = self.compile_full(state, dual_stack, &mut touched);
        }
        let refused = self.policies.values();
        let refused = refused.filter_map(|known| Some(known.refused.as_ref()?.1.clone()));
        let good = self
            .policies
            .values()
            .filter_map(|known| known.good.as_ref());
        let doubts = good.flat_map(|(_, policy)| {
            let findings = policy.findings.iter();
            let findings = findings.filter(|finding| finding.severity == Severity::Warning);
            let doubts = policy.doubts.iter();
            doubts
                .chain(findings.map(|finding| &finding.problem))
                .cloned()
        });
        self.compiled.problems = refused
            .chain(doubts)
            .chain(incremental.problems(&self.manifests, &self.compiled.layer7))
            .collect();
        self.compiled.problems.sort();
        self.compiled.generation = state.generation;
        self.incremental = Some(incremental);
        (&self.compiled, touched)
    }

    /// What came out of the last compilation; nothing before the first.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Compiles from nothing.
    fn compile_full(
        &mut self,
        state: &Arc<State>,
        dual_stack: bool,
        touched: &mut ChangeSet,
    ) -> Incremental {
        let addresses = std::mem::take(&mut self.compiled.addresses).into_iter();
        self.owners
            .extend(addresses.filter_map(|(ip, address)| Some((ip, address.pod?))));
        self.compiled = Compiled::empty(
            Arc::clone(&self.compiled.cookies),
            Arc::clone(&self.compiled.identities),
        );
        let gone = |name: &ObjectName| !state.policies.contains_key(name);
        self.policies.retain(|name, _| !gone(name));
        for name in self.manifests.clone().keys().filter(|name| gone(name)) {
            self.manifests.remove(name);
        }
        for cookie in std::mem::take(&mut self.cookie_uses).into_keys() {
            self.cookies_used.insert(cookie, self.compilations);
        }
        Arc::make_mut(&mut self.compiled.identities).set_dual_stack(dual_stack);
        let mut incremental = Incremental::new(state, &self.compiled.identities);
        incremental.update(self, state, touched);
        *touched = ChangeSet {
            all: true,
            ..ChangeSet::default()
        };
        incremental
    }

    /// Reads a policy in its present form, or forgets it. What is refused keeps its last good form.
    /// Returns the forms in force before and now.
    fn read_policy(
        &mut self,
        name: &ObjectName,
        raw: Option<&Arc<manifest::Policy>>,
    ) -> [Option<Arc<Policy>>; 2] {
        let good = |known: &PolicyForms| known.good.as_ref().map(|(_, policy)| Arc::clone(policy));
        let known = self.policies.remove(name).unwrap_or_default();
        // After a restart the last good form is known, but isn't in force yet.
        let before = good(&known).filter(|_| self.compiled.policies.contains_key(name));
        let Some(raw) = raw else {
            self.compiled.policies.remove(name);
            self.manifests.remove(name);
            return [before, None];
        };
        let known = read(known, raw, &self.config);
        let now = good(&known);
        if let Some((raw, _)) = &known.good {
            let in_force = AppliedPolicy {
                version: Arc::clone(&raw.version),
                stale: known.refused.is_some(),
            };
            self.compiled.policies.insert(name.clone(), in_force);
            let manifest = self.manifests.get(name);
            if !manifest.is_some_and(|manifest| Arc::ptr_eq(manifest, raw)) {
                self.manifests.insert(name.clone(), Arc::clone(raw));
            }
        }
        self.policies.insert(name.clone(), known);
        [before, now]
    }
}

/// Reads a new form of a policy.
fn read(mut known: PolicyForms, raw: &Arc<manifest::Policy>, config: &Config) -> PolicyForms {
    let same_good = known
        .good
        .as_ref()
        .is_some_and(|(good, _)| same_rules(good, raw));
    let same_refused = known
        .refused
        .as_ref()
        .is_some_and(|(refused, _)| refused == raw);
    if same_good {
        known.refused = None;
    } else if !same_refused {
        match parse(raw, config) {
            Ok(policy) => {
                known = PolicyForms {
                    good: Some((Arc::clone(raw), Arc::new(policy))),
                    refused: None,
                };
            }
            Err(mut problem) => {
                problem.remedy.push_str(match known.good {
                    Some(_) => "; the last good version stays enforced",
                    None => "; the policy is NOT enforced",
                });
                known.refused = Some((Arc::clone(raw), *problem));
            }
        }
    }
    known
}

/// The same rules, wherever in whichever file they stand.
pub fn same_rules(a: &manifest::Policy, b: &manifest::Policy) -> bool {
    std::ptr::eq(a, b)
        || a.version == b.version && a.uid == b.uid && a.document.digest() == b.document.digest()
}

/// The named ports of a pod.
pub fn ports_of(pod: &cluster::Pod) -> impl Iterator<Item = NamedPort> + '_ {
    pod.ports.iter().filter_map(|port| {
        Some(NamedPort {
            name: port.name.as_deref()?.to_lowercase().into(),
            protocol: port.protocol,
            port: port.port,
        })
    })
}

#[cfg(test)]
mod tests {
    use cluster::yaml;

    use super::*;

    fn policy(version: usize, name: &str, port: usize) -> manifest::Object {
        let text = format!(
            "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: {name}, namespace: s, \
             resourceVersion: '{version}'}}, spec: {{endpointSelector: {{}}, ingress: [{{toPorts: [{{ports: [\
             {{port: '{port}'}}]}}]}}]}}}}"
        );
        object(&text)
    }

    fn object(text: &str) -> manifest::Object {
        let document = yaml::parse(text).expect("valid YAML").remove(0);
        match manifest::read(&"test.yaml".into(), document).remove(0) {
            manifest::Document::Object(_, object, _) => object,
            bad @ (manifest::Document::Bad(..) | manifest::Document::Ignored(..)) => {
                panic!("{bad:?}")
            }
        }
    }

    #[test]
    fn editing_never_uses_up_the_cookies() {
        let mut state = State::default();
        state.insert(object(
            "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: s}, spec: {nodeName: a}, status: {podIP: 10.1.0.1}}",
        ));
        let mut compiler = Compiler::new(Config::default(), "a", PersistentState::default());
        compiler.crowded = 50;
        state.insert(policy(1, "steady", 80));
        let cookies = |compiled: &Compiled, port| -> BTreeSet<u32> {
            let entries = compiled.entries.iter().filter(|(key, _)| key.port == port);
            entries.map(|(_, entry)| entry.cookie).collect()
        };
        let first = compiler.compile(&state);
        assert_eq!(cookies(&first, 80).len(), 1);
        for version in 0..200 {
            state.insert(policy(version, "edited", 81));
            let compiled = compiler.compile(&state);
            assert!(compiled.cookies.len() <= 60, "{}", compiled.cookies.len());
            assert_eq!(
                cookies(&compiled, 80),
                cookies(&first, 80),
                "version {version}"
            );
            let reason = |cookie: &u32| compiled.cookies.resolve(*cookie).is_some();
            assert!(
                cookies(&compiled, 81).iter().all(reason),
                "version {version}"
            );
        }
    }
}
