//! What must outlive the agent, and what of it a change changes: a state file takes the changes one by
//! one and never the whole.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use cluster::differ::{Differing, changed};
use cluster::identities::IdentityChanges;
use cluster::{Identities, NamespacedName, ObjectName, Origin, SharedMap, manifest, yaml};
use serde::{Deserialize, Serialize};

use crate::cookies::{CookieChanges, Cookies, TableChanges, TableIds};

/// What must outlive the agent so that numbers stay and refused policies keep their last good form.
/// Cheap to clone. Serialises as a whole, for a state file's first forms; [`Self::changes`] are for the
/// present one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "SerializedState", into = "SerializedState")]
pub struct PersistentState {
    pub(crate) identities: Arc<Identities>,
    pub(crate) cookies: Arc<Cookies>,
    pub(crate) tables: TableIds,
    /// The last good form of every policy.
    pub(crate) policies: SharedMap<ObjectName, Arc<manifest::Policy>>,
    /// Whose addresses are: of the node's own pods, and of those that several pods claim.
    pub(crate) owners: BTreeMap<IpAddr, NamespacedName>,
}

impl Default for PersistentState {
    fn default() -> Self {
        Self {
            identities: Arc::new(Identities::new(false)),
            cookies: Arc::default(),
            tables: TableIds::default(),
            policies: SharedMap::default(),
            owners: BTreeMap::new(),
        }
    }
}

/// What differs between two states of [`PersistentState`], as plain data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersistentStateChanges {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identities: Option<IdentityChanges>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cookies: Option<CookieChanges>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tables: Option<TableChanges>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    policies: Vec<SerializedPolicy>,
    /// Policies that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<ObjectName>,
    /// `None`: nobody's any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    owners: BTreeMap<IpAddr, Option<NamespacedName>>,
}

impl PersistentStateChanges {
    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.identities.is_none()
            && self.cookies.is_none()
            && self.tables.is_none()
            && self.policies.is_empty()
            && self.removed.is_empty()
            && self.owners.is_empty()
    }
}

impl PersistentState {
    /// The manifests of the policies that were in force, and where they came from.
    pub fn documents(&self) -> impl Iterator<Item = (&Origin, &Arc<yaml::Node>)> {
        let policies = self.policies.values();
        policies.map(|policy| (&policy.origin, &policy.document))
    }

    /// The way here from `before`. Policies that were read again count as others.
    pub fn changes(&self, before: &Self) -> PersistentStateChanges {
        let mut changes = PersistentStateChanges::default();
        if !Arc::ptr_eq(&self.identities, &before.identities) {
            changes.identities = self.identities.changes(&before.identities);
        }
        if !Arc::ptr_eq(&self.cookies, &before.cookies) {
            changes.cookies = self.cookies.changes(&before.cookies);
        }
        changes.tables = self.tables.changes(&before.tables);
        for (name, _, now) in SharedMap::changed(&before.policies, &self.policies, Arc::ptr_eq) {
            match now {
                Some(policy) => changes.policies.push(SerializedPolicy::from(&**policy)),
                None => changes.removed.push(name.clone()),
            }
        }
        let owners = changed(&before.owners, &self.owners, |one, other| one == other);
        let owner = |(ip, _, now): Differing<'_, IpAddr, NamespacedName>| (*ip, now.cloned());
        changes.owners = owners.into_iter().map(owner).collect();
        changes
    }

    /// Goes the way that [`Self::changes`] told.
    pub fn apply(&mut self, changes: PersistentStateChanges) {
        if let Some(identities) = changes.identities {
            Arc::make_mut(&mut self.identities).apply(identities);
        }
        if let Some(cookies) = changes.cookies {
            Arc::make_mut(&mut self.cookies).apply(cookies);
        }
        if let Some(tables) = changes.tables {
            self.tables.apply(tables);
        }
        for name in &changes.removed {
            self.policies.remove(name);
        }
        for stored in changes.policies {
            self.policies
                .insert(stored.name.clone(), Arc::new(stored.into()));
        }
        for (ip, owner) in changes.owners {
            match owner {
                Some(owner) => drop(self.owners.insert(ip, owner)),
                None => drop(self.owners.remove(&ip)),
            }
        }
    }
}

/// All of it.
#[derive(Serialize, Deserialize)]
struct SerializedState {
    identities: Option<Identities>,
    cookies: Cookies,
    tables: TableIds,
    policies: Vec<SerializedPolicy>,
    #[serde(default)]
    owners: BTreeMap<IpAddr, NamespacedName>,
}

/// The last good form of a policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SerializedPolicy {
    name: ObjectName,
    uid: Option<Arc<str>>,
    version: Arc<str>,
    labels: manifest::LabelMap,
    document: Arc<yaml::Node>,
    /// Named as earlier versions did, which knew files only.
    #[serde(rename = "place")]
    origin: Origin,
    /// Earlier versions kept the document alone.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    text: Arc<str>,
}

impl From<&manifest::Policy> for SerializedPolicy {
    fn from(policy: &manifest::Policy) -> Self {
        Self {
            name: policy.name.clone(),
            uid: policy.uid.clone(),
            version: Arc::clone(&policy.version),
            labels: policy.labels.clone(),
            document: Arc::clone(&policy.document),
            origin: policy.origin.clone(),
            text: Arc::clone(&policy.text),
        }
    }
}

impl From<SerializedPolicy> for manifest::Policy {
    fn from(stored: SerializedPolicy) -> Self {
        Self {
            name: stored.name,
            uid: stored.uid,
            version: stored.version,
            labels: stored.labels,
            document: stored.document,
            origin: stored.origin,
            text: stored.text,
        }
    }
}

impl From<SerializedState> for PersistentState {
    fn from(whole: SerializedState) -> Self {
        let policies = whole.policies.into_iter();
        Self {
            identities: Arc::new(whole.identities.unwrap_or_else(|| Identities::new(false))),
            cookies: Arc::new(whole.cookies),
            tables: whole.tables,
            policies: policies
                .map(|stored| (stored.name.clone(), Arc::new(stored.into())))
                .collect(),
            owners: whole.owners,
        }
    }
}

impl From<PersistentState> for SerializedState {
    fn from(memory: PersistentState) -> Self {
        Self {
            identities: Some(Arc::unwrap_or_clone(memory.identities)),
            cookies: Arc::unwrap_or_clone(memory.cookies),
            tables: memory.tables,
            policies: memory
                .policies
                .values()
                .map(|policy| SerializedPolicy::from(&**policy))
                .collect(),
            owners: memory.owners,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of a state file, as agents wrote it that knew files only.
    #[test]
    fn policies_are_stored_as_before() {
        let line = r#"{"policies":[{"name":{"kind":"NetworkPolicy","namespace":"shop","name":"web"},"uid":null,"version":"1","labels":{},"document":{"at":{"line":3,"column":1},"value":"Null"},"place":{"file":"web.yaml","at":{"line":3,"column":1}}}]}"#;
        let changes: PersistentStateChanges = serde_json::from_str(line).expect("a line");
        assert_eq!(serde_json::to_string(&changes).expect("plain data"), line);
        let mut memory = PersistentState::default();
        memory.apply(changes);
        let (origin, _) = memory.documents().next().expect("a policy");
        assert_eq!(origin.to_string(), "web.yaml:3:1");
    }
}
