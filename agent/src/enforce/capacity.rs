//! What to say when the manifests ask for more than a map holds: which map, whose entries they are,
//! what would help, and which policies are not in force because of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use abi::{
    maps::{self, Declaration},
    policy::{PolicyEntry, PolicyKey, Table},
};
use cluster::{ObjectName, Problem, State};
use loader::Desired;
use policy::{Compiled, Cookies, Policy};

use super::error::{EnforceError, LoaderError};
use crate::node::{PolicyProblem, Progress};

/// Policies named as those that take the most room.
const NAMED: usize = 3;
/// Policies listed one by one as not in force.
const LISTED: usize = 20;

/// What there is no room for: a whole state of the manifests, or what was left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Name of the map that is too small.
    pub(super) map: &'static str,
    /// Entries that it would have to hold.
    pub(super) wanted: usize,
    /// What is wrong: numbers, and who asks for so much.
    problem: String,
    /// What would help.
    remedy: String,
    /// Policies of which the kernel has not the present form.
    pub(super) behind: BTreeMap<ObjectName, OutdatedPolicy>,
    /// Who asks for room, those first that ask for the most beyond what they have.
    pub(super) asked: Vec<Asked>,
    /// What of the manifests isn't in force.
    scope: Scope,
}

/// What of the manifests isn't in force.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    /// All of it.
    Whole,
    /// The policies that are behind, and so many new pods.
    Part { pods: usize },
}

/// What a policy asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The policy.
    pub(super) policy: ObjectName,
    /// Entries beyond those in force.
    pub(super) more: usize,
}

/// A policy that the kernel doesn't have as the manifests have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutdatedPolicy {
    /// The version that is not in force; empty: the policy is gone and still in force.
    pub(super) version: Arc<str>,
    /// An earlier version is in force.
    pub(super) earlier: bool,
}

/// The room that was asked for and that there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    /// Name of the map.
    pub(super) map: &'static str,
    /// Entries that the manifests ask for.
    pub(super) wanted: usize,
    /// Entries while it changes, old and new side by side.
    pub(super) peak: usize,
    /// Entries that fit.
    pub(super) max: usize,
}

impl Capacity {
    /// What an error of the loader says about it.
    pub(super) fn of(error: &loader::Error) -> Option<Self> {
        let loader::Error::Full {
            map,
            wanted,
            peak,
            max,
        } = *error
        else {
            return None;
        };
        Some(Self {
            map,
            wanted,
            peak,
            max,
        })
    }
}

/// What an error says about room, if it is about room.
pub(super) fn capacity_of(error: &EnforceError) -> Option<Capacity> {
    let EnforceError::Loader { cause, .. } = error else {
        return None;
    };
    let LoaderError(error) = &**cause;
    Capacity::of(error)
}

/// A policy's part of the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct EntryCount {
    version: Arc<str>,
    /// Entries that it is behind, alone or with others.
    entries: usize,
}

type EntryCounts = BTreeMap<ObjectName, EntryCount>;

/// The policies that name each prefix that the kernel doesn't have yet, by its identity.
type Newcomers<'a> = HashMap<u32, Vec<&'a Policy>>;

/// Whoever names a prefix makes room necessary for it in the tables of all who let the world in or out.
fn newcomers<'a>(
    state: &State,
    compiled: &Compiled,
    policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
    in_force: &Desired,
) -> Newcomers<'a> {
    let known = in_force.cidr4.values().chain(in_force.cidr6.values());
    let known: HashSet<u32> = known.map(|value| value.identity).collect();
    let mut newcomers = Newcomers::new();
    for policy in policies.values() {
        let named = policy::named_prefixes(std::iter::once(policy), &state.cidr_groups);
        let identities = named.iter().filter_map(|net| compiled.prefixes.get(net));
        for identity in identities.filter(|identity| !known.contains(&identity.0)) {
            newcomers.entry(identity.0).or_default().push(&**policy);
        }
    }
    newcomers
}

/// Whose the entries are: of those for newcomers who names them, else by their cookies. Policies that
/// only put pods in default deny have none.
fn shares<'a>(
    entries: impl Iterator<Item = (&'a PolicyKey, &'a PolicyEntry)>,
    tables: impl Iterator<Item = &'a Table>,
    cookies: &Cookies,
    newcomers: &Newcomers<'_>,
) -> EntryCounts {
    let mut shares = EntryCounts::new();
    let mut uses: HashMap<u32, usize> = HashMap::new();
    for header in tables {
        for direction in [header.ingress, header.egress] {
            uses.entry(direction.default_cookie).or_default();
        }
    }
    for (key, entry) in entries {
        let uses = uses.entry(entry.cookie).or_default();
        let Some(policies) = newcomers.get(&key.identity) else {
            *uses += 1;
            continue;
        };
        for policy in policies {
            let share = shares.entry(policy.name.clone()).or_default();
            share.version = Arc::clone(&policy.version);
            share.entries += 1;
        }
    }
    for (cookie, reason) in cookies.iter() {
        let Some(uses) = uses.get(&cookie) else {
            continue;
        };
        for origin in &reason.origins {
            let share = shares.entry(origin.policy.clone()).or_default();
            share.version = Arc::clone(&origin.version);
            share.entries += uses;
        }
    }
    shares
}

/// A policy in the list of those that take the most room.
struct Claim<'a> {
    policy: &'a ObjectName,
    entries: usize,
    in_force: usize,
}

/// Those that ask for the most beyond what they have come first.
fn largest(mut claims: Vec<Claim<'_>>) -> Vec<Claim<'_>> {
    claims.retain(|claim| claim.entries > 0);
    claims.sort_by_key(|claim| {
        let more = claim.entries.saturating_sub(claim.in_force);
        (std::cmp::Reverse((more, claim.entries)), claim.policy)
    });
    claims
}

impl Refusal {
    /// Of a state that asked for too much `room`, while `in_force` is what the kernel has and `before`
    /// what was told of it last.
    pub(super) fn new(
        room: Capacity,
        state: &State,
        compiled: &Compiled,
        policies: &BTreeMap<ObjectName, Arc<Policy>>,
        in_force: &Desired,
        before: &Progress,
    ) -> Self {
        let cookies = &compiled.cookies;
        let newcomers = newcomers(state, compiled, policies, in_force);
        let tables = compiled.tables.values();
        let wanted = shares(compiled.entries.iter(), tables, cookies, &newcomers);
        let tables = in_force.tables.values();
        let has = shares(in_force.policy.iter(), tables, cookies, &Newcomers::new());
        let claims = if room.map == maps::POLICY.name {
            let claim = |(policy, share): (_, &EntryCount)| Claim {
                policy,
                entries: share.entries,
                in_force: has.get(policy).map_or(0, |share| share.entries),
            };
            wanted.iter().map(claim).collect()
        } else if [maps::CIDR4.name, maps::CIDR6.name].contains(&room.map) {
            prefixes(room.map, state, compiled, policies, in_force)
        } else {
            Vec::new()
        };
        let claims = largest(claims);
        Self {
            map: room.map,
            wanted: room.wanted,
            problem: problem(room, &claims),
            remedy: remedy(room, &claims),
            behind: behind(compiled, &wanted, &has, before),
            asked: claims
                .iter()
                .map(|claim| Asked {
                    policy: claim.policy.clone(),
                    more: claim.entries.saturating_sub(claim.in_force),
                })
                .collect(),
            scope: Scope::Whole,
        }
    }

    /// The same, of a state without what there was no room for.
    pub(super) fn for_left_out(
        self,
        behind: BTreeMap<ObjectName, OutdatedPolicy>,
        pods: usize,
    ) -> Self {
        Self {
            behind,
            scope: Scope::Part { pods },
            ..self
        }
    }

    /// Why the kernel is not in step, in one line.
    pub(super) fn text(&self) -> String {
        let stays = match self.scope {
            Scope::Whole => "the last applied policy stays enforced as a whole".to_owned(),
            Scope::Part { pods } => {
                let mut text = self.left_out(pods);
                text.push_str("; everything else is in force");
                text
            }
        };
        format!("{}; {stays}; {}", self.problem, self.remedy)
    }

    /// Policies and pods that are left out, in words.
    fn left_out(&self, pods: usize) -> String {
        let mut parts: Vec<String> = self
            .behind
            .iter()
            .take(NAMED)
            .map(|(name, behind)| match behind.earlier {
                true => format!("{name} (its last good version stays enforced)"),
                false => format!("{name} (no version of it is in force)"),
            })
            .collect();
        if self.behind.len() > NAMED {
            parts.push(format!("{} more policies", self.behind.len() - NAMED));
        }
        match pods {
            0 => {}
            1 => parts.push("1 new pod (it stays cut off)".to_owned()),
            n => parts.push(format!("{n} new pods (they stay cut off)")),
        }
        format!("left out: {}", parts.join(", "))
    }

    /// A line for each policy that is not in force as it is written.
    pub(super) fn problems(&self, state: &State) -> Vec<PolicyProblem> {
        let listed = self.behind.iter().take(LISTED);
        listed
            .map(|(name, behind)| {
                let what = match (&*behind.version, behind.earlier) {
                    ("", _) => "is deleted but stays enforced",
                    (_, true) => "the current version is not in force",
                    (_, false) => "is not in force",
                };
                let raw = state.policies.get(name);
                let problem = Problem {
                    origin: raw.map(|raw| raw.origin.clone()),
                    object: Some(name.clone()),
                    field: String::new(),
                    problem: format!("{what}: {}", self.problem),
                    remedy: self.remedy.clone(),
                };
                PolicyProblem {
                    problem,
                    not_enforced: !behind.earlier,
                    stale: behind.earlier,
                }
            })
            .collect()
    }
}

/// How many prefixes each policy names, and how many of them the kernel has.
fn prefixes<'a>(
    map: &str,
    state: &State,
    compiled: &Compiled,
    policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
    in_force: &Desired,
) -> Vec<Claim<'a>> {
    let is_v4 = map == maps::CIDR4.name;
    // A prefix has an identity of its own.
    let known: HashSet<u32> = match is_v4 {
        true => in_force
            .cidr4
            .values()
            .map(|value| value.identity)
            .collect(),
        false => in_force
            .cidr6
            .values()
            .map(|value| value.identity)
            .collect(),
    };
    let claims = policies.iter().map(|(name, policy)| {
        let named = policy::named_prefixes(std::iter::once(policy), &state.cidr_groups);
        let of_map = named
            .iter()
            .filter(|prefix| prefix.addr().is_ipv4() == is_v4);
        let mut claim = Claim {
            policy: name,
            entries: 0,
            in_force: 0,
        };
        for prefix in of_map {
            let identity = compiled.prefixes.get(prefix);
            claim.entries += 1;
            claim.in_force += usize::from(identity.is_some_and(|id| known.contains(&id.0)));
        }
        claim
    });
    claims.collect()
}

fn problem(room: Capacity, claims: &[Claim<'_>]) -> String {
    let Capacity {
        map,
        wanted,
        peak,
        max,
    } = room;
    let content = maps::named(map).map_or("entries", |map| map.entries);
    let mut text = if wanted > max {
        format!("{wanted} {content} are wanted, map {map} has room for {max}")
    } else {
        format!(
            "{wanted} {content} are wanted, {peak} while old and new stand side by side, map {map} \
             has room for {max}"
        )
    };
    for (n, claim) in claims.iter().take(NAMED).enumerate() {
        let Claim {
            policy,
            entries,
            in_force,
        } = claim;
        text.push_str(if n == 0 { ": " } else { ", " });
        text.push_str(&format!("{entries} of {policy} ({in_force} in force)"));
    }
    if claims.len() > NAMED {
        text.push_str(&format!(", the rest of {} others", claims.len() - NAMED));
    }
    text
}

fn remedy(room: Capacity, claims: &[Claim<'_>]) -> String {
    let mut text = String::new();
    if let Some(flag) = maps::named(room.map).and_then(Declaration::flag) {
        let enough = room.peak.next_power_of_two();
        text = format!("restart flows-agent with {flag}={enough}");
    }
    if let Some(first) = claims.first() {
        let less = if room.map == maps::POLICY.name {
            "select fewer pods, peers or ports in"
        } else {
            "name fewer prefixes in"
        };
        text.push_str(&format!(", or {less} {}", first.policy));
    }
    if room.wanted <= room.max {
        text.push_str(", or make the change in two steps");
    }
    text
}

fn behind(
    compiled: &Compiled,
    wanted: &EntryCounts,
    has: &EntryCounts,
    before: &Progress,
) -> BTreeMap<ObjectName, OutdatedPolicy> {
    let version_in_force = |name: &ObjectName| {
        let told = before.policies.get(name);
        told.or_else(|| has.get(name).map(|share| &share.version))
    };
    let mut behind = BTreeMap::new();
    for (name, present) in &compiled.policies {
        let in_force = version_in_force(name);
        // Of a policy that concerns no pod here there is nothing that could be missing.
        let concerns = in_force.is_some() || wanted.contains_key(name);
        if concerns && in_force != Some(&present.version) {
            let value = OutdatedPolicy {
                version: Arc::clone(&present.version),
                earlier: in_force.is_some(),
            };
            behind.insert(name.clone(), value);
        }
    }
    for name in before.policies.keys().chain(has.keys()) {
        if !compiled.policies.contains_key(name) {
            let value = OutdatedPolicy {
                version: "".into(),
                earlier: true,
            };
            behind.insert(name.clone(), value);
        }
    }
    behind
}

#[cfg(test)]
mod tests;
