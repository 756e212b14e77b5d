//! What changed between two states, object by object, and the way back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::differ::{Differing, changed, same};
use crate::manifest::{Object, Policy};
use crate::object::{Kind, NamespacedName, ObjectName};
use crate::shared_map::SharedMap;
use crate::state::State;

/// A change of one object. At least one of its forms is there, and they differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectChange {
    /// Kind, namespace and name.
    pub name: ObjectName,
    /// What it was; `None`: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Object>,
    /// What it became; `None`: it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Object>,
}

/// A state whose policies are others than its manifests': those in force, in their last good forms.
#[derive(Clone, Copy, Debug)]
pub struct StateView<'a> {
    /// Everything but the policies.
    pub state: &'a State,
    /// The policies.
    pub policies: &'a SharedMap<ObjectName, Arc<Policy>>,
}

impl<'a> From<&'a State> for StateView<'a> {
    fn from(state: &'a State) -> Self {
        Self {
            state,
            policies: &state.policies,
        }
    }
}

impl StateView<'_> {
    /// A state of its own.
    pub fn to_state(self) -> State {
        let mut state = self.state.clone();
        state.policies.clone_from(self.policies);
        state.rebuild_named_labels();
        state
    }
}

/// What differs between two states: groups, namespaces, nodes and policies before pods and what follows
/// from those. What the states share costs nothing to speak of.
pub fn between(before: StateView<'_>, after: StateView<'_>) -> Vec<ObjectChange> {
    let (old, new) = (before.state, after.state);
    let mut found = Vec::new();
    let global = |kind, name: &Arc<str>| ObjectName {
        kind,
        namespace: None,
        name: Arc::clone(name),
    };
    let namespaced = |kind, name: &NamespacedName| ObjectName {
        kind,
        namespace: Some(Arc::clone(&name.namespace)),
        name: Arc::clone(&name.name),
    };
    for difference in changed(&old.nodes, &new.nodes, same) {
        found.push(change(
            difference,
            |name| global(Kind::Node, name),
            Object::Node,
        ));
    }
    for difference in changed(&old.namespaces, &new.namespaces, same) {
        let name = |name: &_| global(Kind::Namespace, name);
        found.push(change(difference, name, Object::Namespace));
    }
    for difference in changed(&old.cidr_groups, &new.cidr_groups, same) {
        let name = |name: &_| global(Kind::CiliumCidrGroup, name);
        found.push(change(difference, name, Object::CidrGroup));
    }
    for difference in SharedMap::changed(before.policies, after.policies, same) {
        found.push(change(difference, ObjectName::clone, Object::Policy));
    }
    for difference in SharedMap::changed(&old.pods, &new.pods, same) {
        let name = |name: &_| namespaced(Kind::Pod, name);
        found.push(change(difference, name, Object::Pod));
    }
    for difference in changed(&old.services, &new.services, same) {
        let name = |name: &_| namespaced(Kind::Service, name);
        found.push(change(difference, name, Object::Service));
    }
    for difference in changed(&old.endpoint_slices, &new.endpoint_slices, same) {
        let name = |name: &_| namespaced(Kind::EndpointSlice, name);
        found.push(change(difference, name, Object::EndpointSlice));
    }
    found
}

fn change<K, T>(
    (key, before, after): Differing<'_, K, Arc<T>>,
    name: impl Fn(&K) -> ObjectName,
    object: impl Fn(Arc<T>) -> Object,
) -> ObjectChange {
    ObjectChange {
        name: name(key),
        before: before.cloned().map(&object),
        after: after.cloned().map(&object),
    }
}

impl ObjectChange {
    /// Whether the object stands in a state as this change left it. Where it doesn't, taking this change
    /// back takes back later ones, too.
    pub fn is_present(&self, state: &State) -> bool {
        match &self.after {
            Some(object) => state.holds(object),
            None => !state.contains(&self.name),
        }
    }
}

impl State {
    /// Takes changes back: each object becomes what it was before. Of several changes of one object the
    /// newest comes first. From the present state and all changes since a moment comes the state of that
    /// moment; generation, problems and ignored objects stay the present ones.
    pub fn undo<'a>(&mut self, changes: impl IntoIterator<Item = &'a ObjectChange>) {
        let mut named_labels_changed = false;
        for change in changes {
            match &change.before {
                Some(object) => self.insert(object.clone()),
                None => drop(self.remove(&change.name)),
            }
            named_labels_changed |= change.name.kind == Kind::NetworkPolicy;
        }
        if named_labels_changed {
            self.rebuild_named_labels();
        }
    }
}
