//! Changes between states, and the way back through them.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::sync::Arc;

use flows_cluster::changes::{self, ObjectChange};
use flows_cluster::manifest::{self, Document, Object};
use flows_cluster::{State, yaml};
use proptest::prelude::*;

/// Two names of each kind, in two forms.
fn pool() -> Vec<[Object; 2]> {
    let forms = |form: &str| {
        let mut text = String::new();
        for name in ["a", "b"] {
            text += &format!(
                "
---
apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{form: '{form}'}}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: {name}, labels: {{form: '{form}'}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: a, labels: {{form: '{form}', pod: {name}}}}}
status: {{podIP: 10.0.0.{form}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: a}}
spec: {{selector: {{form: '{form}'}}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}, namespace: a}}
addressType: IPv4
endpoints: [{{addresses: [10.0.0.{form}]}}]
---
apiVersion: cilium.io/v2
kind: CiliumCIDRGroup
metadata: {{name: {name}}}
spec: {{externalCIDRs: [10.{form}.0.0/16]}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: {name}, namespace: a}}
spec: {{endpointSelector: {{matchLabels: {{form: '{form}'}}}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: a}}
spec: {{podSelector: {{matchLabels: {{statefulset.kubernetes.io/pod-name: '{name}-{form}'}}}}}}
"
            );
        }
        objects(&text)
    };
    let both = forms("1").into_iter().zip(forms("2"));
    let both: Vec<[Object; 2]> = both.map(|(one, other)| [one, other]).collect();
    assert_eq!(both.len(), 16);
    both
}

fn objects(text: &str) -> Vec<Object> {
    let documents = yaml::parse(text).unwrap().into_iter();
    let read = documents.flat_map(|document| manifest::read(&"a.yaml".into(), document));
    let object = |document| match document {
        Document::Object(_, object, _) => Some(object),
        Document::Bad(..) | Document::Ignored(_) => None,
    };
    read.filter_map(object).collect()
}

/// Everything of a state that isn't the present one's.
fn content(state: &State) -> State {
    State {
        generation: 0,
        problems: Vec::new(),
        ignored: Vec::new(),
        ..state.clone()
    }
}

fn between(before: &State, after: &State) -> Vec<ObjectChange> {
    changes::between(before.into(), after.into())
}

/// What an edit makes of one object: a form of it, or nothing.
type Edit = (usize, Option<usize>);

/// A state as a source makes it: the labels named are those of its policies.
fn edited(state: &State, edits: &[Edit], pool: &[[Object; 2]]) -> State {
    let none = State::default();
    let mut next = state.clone();
    for (place, form) in edits {
        let forms = &pool[*place];
        let mut one = none.clone();
        one.insert(forms[0].clone());
        match form {
            Some(form) => next.insert(forms[*form].clone()),
            None => next.undo(&between(&none, &one)),
        }
    }
    let whole = between(&none, &next);
    let mut made = State::default();
    for change in whole {
        made.insert(change.after.unwrap());
    }
    made
}

proptest! {
    /// Whatever was edited, going back to any state gives exactly that state, also through the form in
    /// which changes are kept.
    #[test]
    fn the_way_back_leads_to_every_state(
        steps in prop::collection::vec(
            prop::collection::vec((0..16_usize, prop::option::weighted(0.7, 0..2_usize)), 1..5),
            1..12,
        )
    ) {
        let pool = pool();
        let mut states = vec![State::default()];
        let mut journal = Vec::new();
        for edits in &steps {
            let next = edited(&states[states.len() - 1], edits, &pool);
            let found = between(&states[states.len() - 1], &next);
            let kept = serde_json::to_string(&found).unwrap();
            let read: Vec<ObjectChange> = serde_json::from_str(&kept).unwrap();
            prop_assert_eq!(&read, &found);
            journal.push(read);
            states.push(next);
        }
        let present = states[states.len() - 1].clone();
        for (place, then) in states.iter().enumerate() {
            let mut state = present.clone();
            state.undo(journal[place..].iter().rev().flatten());
            prop_assert_eq!(content(&state), content(then));
        }
        // One change alone, of what is as it left it.
        let newest = journal.iter().flatten().next_back();
        if let Some(change) = newest {
            prop_assert!(change.is_present(&present));
            let mut state = present.clone();
            state.undo([change]);
            prop_assert!(!change.is_present(&state));
            let left = between(&present, &state);
            prop_assert_eq!(left.len(), 1);
            prop_assert_eq!(&left[0].before, &change.after);
            prop_assert_eq!(&left[0].after, &change.before);
        }
    }
}

#[test]
fn only_what_differs_is_a_change() {
    let pool = pool();
    let all: Vec<Edit> = (0..16).map(|place| (place, Some(0))).collect();
    let before = edited(&State::default(), &all, &pool);
    assert_eq!(between(&State::default(), &before).len(), 16);
    assert_eq!(between(&before, &before), []);
    let mut after = before.clone();
    // A map that shares nothing with the other one.
    let pods = before.pods.iter();
    after.pods = pods
        .map(|(name, pod)| (name.clone(), Arc::clone(pod)))
        .collect();
    assert_eq!(between(&before, &after), []);
    after.insert(pool[2][1].clone());
    let found = between(&before, &after);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name.to_string(), "pod a/a");
    assert_eq!(found[0].before.as_ref(), Some(&pool[2][0]));
    assert_eq!(found[0].after.as_ref(), Some(&pool[2][1]));
    assert!(found[0].is_present(&after) && !found[0].is_present(&before));
}
