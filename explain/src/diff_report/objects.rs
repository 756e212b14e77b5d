//! Which objects differ between two states.

use std::sync::Arc;

use cluster::{Kind, ObjectName, SharedMap, State, differ};

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectChange {
    /// It is new.
    Added,
    /// It is another one.
    Changed,
    /// It is there no longer.
    Removed,
}

/// An object that policy depends on and that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedObject {
    /// What becomes of it.
    pub change: ObjectChange,
    /// Its name.
    pub name: ObjectName,
    /// File, line and column of a policy; empty of other objects.
    pub place: String,
}

/// Policies first, then pods, namespaces, nodes and groups of prefixes; each by name.
pub(super) fn changed_objects(before: &State, after: &State) -> Vec<ChangedObject> {
    let mut found = Vec::new();
    let changed = SharedMap::changed(&before.policies, &after.policies, |one, other| {
        policy::same_rules(one, other)
    });
    for (name, was, is) in changed {
        let place = is.or(was).map(|policy| policy.origin.to_string());
        found.push(ChangedObject {
            change: kind_of_change(was, is),
            name: name.clone(),
            place: place.unwrap_or_default(),
        });
    }
    let mut add = |kind, namespace: Option<&Arc<str>>, name: &Arc<str>, change| {
        let name = ObjectName {
            kind,
            namespace: namespace.cloned(),
            name: Arc::clone(name),
        };
        found.push(ChangedObject {
            change,
            name,
            place: String::new(),
        });
    };
    for (name, was, is) in SharedMap::changed(&before.pods, &after.pods, differ::same) {
        add(
            Kind::Pod,
            Some(&name.namespace),
            &name.name,
            kind_of_change(was, is),
        );
    }
    for (name, was, is) in differ::changed(&before.namespaces, &after.namespaces, differ::same) {
        add(Kind::Namespace, None, name, kind_of_change(was, is));
    }
    for (name, was, is) in differ::changed(&before.nodes, &after.nodes, differ::same) {
        add(Kind::Node, None, name, kind_of_change(was, is));
    }
    for (name, was, is) in differ::changed(&before.cidr_groups, &after.cidr_groups, differ::same) {
        add(Kind::CiliumCidrGroup, None, name, kind_of_change(was, is));
    }
    found
}

fn kind_of_change<T>(was: Option<T>, is: Option<T>) -> ObjectChange {
    match (was, is) {
        (None, _) => ObjectChange::Added,
        (Some(_), None) => ObjectChange::Removed,
        (Some(_), Some(_)) => ObjectChange::Changed,
    }
}
