//! From snapshots of the cluster to what one node's maps should hold, remembering what has to stay: the
//! last good form of every policy, and the numbers of identities, tables and cookies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::{
    Identities, Identity, NamespacedName, ObjectName, Place, Problem, State, manifest, yaml,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::compile::{Input, compile};
use crate::compiled::{Compiled, Endpoint, InForce};
use crate::config::Config;
use crate::cookies::{Cookies, NamedPort, TableIds, TableOwner};
use crate::index::{group_labels, named_prefixes};
use crate::parse::parse;
use crate::rule::Policy;

mod addresses;

/// What must outlive the agent so that numbers stay and refused policies keep their last good form.
/// Plain data for its state file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    identities: Option<Identities>,
    cookies: Cookies,
    tables: TableIds,
    policies: Vec<Stored>,
}

/// The last good form of a policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    name: ObjectName,
    uid: Option<Arc<str>>,
    version: Arc<str>,
    labels: manifest::LabelMap,
    document: Arc<yaml::Node>,
    place: Place,
}

/// A policy as it was last read.
#[derive(Clone, Debug)]
struct Known {
    /// The newest form that was good.
    good: Option<(Arc<manifest::Policy>, Arc<Policy>)>,
    /// The newest form, if it was refused, and why.
    refused: Option<(Arc<manifest::Policy>, Problem)>,
}

/// Cookies from which on those out of use make room.
const CROWDED: usize = 48_000;

/// Compiles snapshots for one node.
#[derive(Clone, Debug)]
pub struct Compiler {
    config: Config,
    node: Arc<str>,
    identities: Option<Identities>,
    cookies: Cookies,
    tables: TableIds,
    policies: BTreeMap<ObjectName, Known>,
    /// Identities that the last compilation used.
    in_use: BTreeSet<Identity>,
    /// Cookies that the last compilation used.
    cookies_in_use: BTreeSet<u32>,
    /// Compilation that last used each cookie.
    cookies_used: BTreeMap<u32, u64>,
    compilations: u64,
    /// [`CROWDED`]; smaller in a test.
    crowded: usize,
}

impl Compiler {
    /// A compiler for the node of this name. `memory` is what [`Compiler::memory`] gave before a
    /// restart, or the default.
    pub fn new(config: Config, node: &str, memory: Memory) -> Self {
        let mut policies = BTreeMap::new();
        for stored in memory.policies {
            let raw = Arc::new(manifest::Policy {
                name: stored.name.clone(),
                uid: stored.uid,
                version: stored.version,
                labels: stored.labels,
                document: stored.document,
                place: stored.place,
            });
            // What an earlier version of this program took but this one refuses is as good as absent.
            if let Ok(policy) = parse(&raw, &config.cluster) {
                let known = Known {
                    good: Some((raw, Arc::new(policy))),
                    refused: None,
                };
                policies.insert(stored.name, known);
            }
        }
        Self {
            config,
            node: node.into(),
            identities: memory.identities,
            cookies: memory.cookies,
            tables: memory.tables,
            policies,
            in_use: BTreeSet::new(),
            cookies_in_use: BTreeSet::new(),
            cookies_used: BTreeMap::new(),
            compilations: 0,
            crowded: CROWDED,
        }
    }

    /// What to keep over a restart.
    pub fn memory(&self) -> Memory {
        let policies = self
            .policies
            .values()
            .filter_map(|known| known.good.as_ref());
        Memory {
            identities: self.identities.clone(),
            cookies: self.cookies.clone(),
            tables: self.tables.clone(),
            policies: policies
                .map(|(raw, _)| Stored {
                    name: raw.name.clone(),
                    uid: raw.uid.clone(),
                    version: Arc::clone(&raw.version),
                    labels: raw.labels.clone(),
                    document: Arc::clone(&raw.document),
                    place: raw.place.clone(),
                })
                .collect(),
        }
    }

    /// How policies are read and applied.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The policies in force, in their present or last good form.
    pub fn policies(&self) -> BTreeMap<ObjectName, Arc<Policy>> {
        let good = |(name, known): (&ObjectName, &Known)| {
            let (_, policy) = known.good.as_ref()?;
            Some((name.clone(), Arc::clone(policy)))
        };
        self.policies.iter().filter_map(good).collect()
    }

    /// Forgets identities and cookies that neither the last compilation uses nor `identities` and
    /// `cookies` (of flows in the history, of connections) name.
    pub fn retain(&mut self, identities: &BTreeSet<Identity>, cookies: &BTreeSet<u32>) {
        if let Some(known) = &mut self.identities {
            known.retain(&(identities | &self.in_use));
        }
        self.cookies.retain(&(cookies | &self.cookies_in_use));
    }

    /// Makes room for new cookies once most are taken, beginning with those out of use for longest: to
    /// name the present rules matters more than to name what decided long ago.
    fn make_room(&mut self) {
        self.compilations += 1;
        for cookie in &self.cookies_in_use {
            self.cookies_used.insert(*cookie, self.compilations);
        }
        if self.cookies.len() <= self.crowded {
            return;
        }
        let mut idle: Vec<(u64, u32)> = self
            .cookies
            .iter()
            .filter(|(cookie, _)| !self.cookies_in_use.contains(cookie))
            .map(|(cookie, _)| (self.cookies_used.get(&cookie).copied().unwrap_or(0), cookie))
            .collect();
        idle.sort_unstable();
        let kept = idle
            .iter()
            .skip(idle.len().div_ceil(2))
            .map(|(_, cookie)| *cookie);
        let kept: BTreeSet<u32> = kept.chain(self.cookies_in_use.iter().copied()).collect();
        self.cookies.retain(&kept);
        self.cookies_used.retain(|cookie, _| kept.contains(cookie));
    }

    /// Compiles a snapshot.
    pub fn update(&mut self, state: &State) -> Compiled {
        self.make_room();
        let mut problems = self.read_policies(state);
        let policies: BTreeMap<ObjectName, Arc<Policy>> = self
            .policies
            .iter()
            .filter_map(|(name, known)| {
                known
                    .good
                    .as_ref()
                    .map(|(_, policy)| (name.clone(), Arc::clone(policy)))
            })
            .collect();

        let dual_stack = state.is_dual_stack();
        let identities = self.identities.take();
        let mut known = Numbers {
            identities: identities.unwrap_or_else(|| Identities::new(dual_stack)),
            in_use: BTreeSet::new(),
            pods: BTreeMap::new(),
            named_ports: BTreeMap::new(),
            prefixes: BTreeMap::new(),
        };
        known.identities.set_dual_stack(dual_stack);
        problems.extend(known.number(state, &self.config.cluster, policies.values()));
        let Numbers {
            identities,
            in_use,
            pods,
            named_ports,
            mut prefixes,
        } = known;

        let locals: Vec<(&Arc<cluster::Pod>, Identity, TableOwner)> = state
            .pods_of(&self.node)
            .filter(|pod| !pod.ips.is_empty())
            .filter_map(|pod| {
                let identity = *pods.get(&pod.name)?;
                let owner = TableOwner {
                    identity: identity.0,
                    ports: BTreeSet::from_iter(ports_of(pod)).into_iter().collect(),
                };
                Some((pod, identity, owner))
            })
            .collect();
        let owners = locals.iter().map(|(_, _, owner)| owner.clone()).collect();
        let owners = self.tables.assign(&owners);
        let input = Input {
            policies: &policies,
            groups: &state.cidr_groups,
            identities: &identities,
            in_use: &in_use,
            named_ports: &named_ports,
            owners: &owners,
            config: &self.config,
        };
        let tables = compile(&input, &mut self.cookies);
        if tables.unnamed > 0 {
            problems.push(Problem {
                place: Place::default(),
                object: None,
                field: String::new(),
                problem: format!(
                    "{} sets of rules have no cookie: they are enforced, but flows don't name them",
                    tables.unnamed
                ),
                remedy: "use fewer policies that overlap".to_owned(),
            });
        }
        let endpoints = locals
            .into_iter()
            .map(|(pod, identity, owner)| {
                let endpoint = Endpoint {
                    identity,
                    table: owners.get(&owner).copied().unwrap_or(0),
                    ips: pod.ips.clone(),
                };
                (pod.name.clone(), endpoint)
            })
            .collect();
        let (addresses, twice) = addresses::addresses(state, &self.node, &pods);
        problems.extend(twice);
        addresses::complete(&mut prefixes, state, &identities);
        problems.sort();

        self.cookies_in_use = tables
            .entries
            .iter()
            .map(|(_, entry)| entry.cookie)
            .chain(
                tables
                    .tables
                    .values()
                    .flat_map(|table| [table.ingress.default_cookie, table.egress.default_cookie]),
            )
            .collect();
        self.in_use = in_use;
        self.identities = Some(identities.clone());
        Compiled {
            generation: state.generation,
            tables: tables.tables,
            entries: tables.entries,
            endpoints,
            addresses,
            prefixes,
            cookies: Arc::new(self.cookies.clone()),
            identities: Arc::new(identities),
            policies: self.in_force(),
            problems,
        }
    }

    fn in_force(&self) -> BTreeMap<ObjectName, InForce> {
        self.policies
            .iter()
            .filter_map(|(name, known)| {
                let (raw, _) = known.good.as_ref()?;
                let in_force = InForce {
                    version: Arc::clone(&raw.version),
                    stale: known.refused.is_some(),
                };
                Some((name.clone(), in_force))
            })
            .collect()
    }

    /// Reads what is new, keeps the last good form of what is refused, forgets what is gone.
    fn read_policies(&mut self, state: &State) -> Vec<Problem> {
        let mut before = std::mem::take(&mut self.policies);
        let mut problems = Vec::new();
        for (name, raw) in &state.policies {
            let mut known = before.remove(name).unwrap_or(Known {
                good: None,
                refused: None,
            });
            let same_good = known.good.as_ref().is_some_and(|(good, _)| same(good, raw));
            let same_refused = known
                .refused
                .as_ref()
                .is_some_and(|(refused, _)| refused == raw);
            if same_good {
                known.refused = None;
            } else if !same_refused {
                match parse(raw, &self.config.cluster) {
                    Ok(policy) => {
                        known = Known {
                            good: Some((Arc::clone(raw), Arc::new(policy))),
                            refused: None,
                        };
                    }
                    Err(mut problem) => {
                        problem.remedy.push_str(match known.good {
                            Some(_) => "; the last good version stays in force",
                            None => "; the policy is NOT enforced",
                        });
                        known.refused = Some((Arc::clone(raw), *problem));
                    }
                }
            }
            problems.extend(known.refused.iter().map(|(_, problem)| problem.clone()));
            self.policies.insert(name.clone(), known);
        }
        problems
    }
}

/// Identities of one snapshot.
struct Numbers<'s> {
    identities: Identities,
    in_use: BTreeSet<Identity>,
    pods: BTreeMap<&'s NamespacedName, Identity>,
    /// Of all pods of each identity.
    named_ports: BTreeMap<Identity, BTreeSet<NamedPort>>,
    prefixes: BTreeMap<IpNet, Identity>,
}

impl<'s> Numbers<'s> {
    /// Gives pods and prefixes their identities; says which got none.
    fn number<'p>(
        &mut self,
        state: &'s State,
        cluster: &str,
        policies: impl Iterator<Item = &'p Arc<Policy>>,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut failed = |what: String, error: cluster::identities::Exhausted| {
            problems.push(Problem {
                place: Place::default(),
                object: None,
                field: String::new(),
                problem: format!("{what} has no identity: {error}"),
                remedy: String::new(),
            });
        };
        // In the order of labels, not of pods, so that nodes meet colliding labels in the same order.
        let mut by_labels: BTreeMap<cluster::Labels, Vec<&'s Arc<cluster::Pod>>> = BTreeMap::new();
        for pod in state.pods.values().filter(|pod| !pod.host_network) {
            let labels = state.identity_labels(pod, cluster);
            by_labels.entry(labels).or_default().push(pod);
        }
        for (labels, members) in by_labels {
            match self.identities.of_labels(&labels) {
                Ok(identity) => {
                    self.in_use.insert(identity);
                    let ports = self.named_ports.entry(identity).or_default();
                    for pod in members {
                        self.pods.insert(&pod.name, identity);
                        ports.extend(ports_of(pod));
                    }
                }
                Err(error) => failed(format!("a pod with labels {labels}"), error),
            }
        }
        for prefix in named_prefixes(policies, &state.cidr_groups) {
            let groups = state.cidr_groups.values();
            let further = groups
                .filter(|group| group.cidrs.iter().any(|cidr| cidr.contains(&prefix)))
                .flat_map(|group| group_labels(group).collect::<Vec<_>>());
            match self.identities.of_prefix(prefix, further) {
                Ok(identity) => {
                    self.in_use.insert(identity);
                    self.prefixes.insert(prefix, identity);
                }
                Err(error) => failed(format!("prefix {prefix}"), error),
            }
        }
        problems
    }
}

/// The same rules, wherever in whichever file they stand.
fn same(a: &manifest::Policy, b: &manifest::Policy) -> bool {
    a.version == b.version && a.uid == b.uid && a.document.digest() == b.document.digest()
}

/// The named ports of a pod.
pub(crate) fn ports_of(pod: &cluster::Pod) -> impl Iterator<Item = NamedPort> + '_ {
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
        let mut compiler = Compiler::new(Config::default(), "a", Memory::default());
        compiler.crowded = 50;
        state.insert(policy(1, "steady", 80));
        let cookies = |compiled: &Compiled, port| -> BTreeSet<u32> {
            let entries = compiled.entries.iter().filter(|(key, _)| key.port == port);
            entries.map(|(_, entry)| entry.cookie).collect()
        };
        let first = compiler.update(&state);
        assert_eq!(cookies(&first, 80).len(), 1);
        for version in 0..200 {
            state.insert(policy(version, "edited", 81));
            let compiled = compiler.update(&state);
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
