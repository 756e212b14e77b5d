//! A policy as it is kept in files: its text, and its tree only where the text doesn't give it again.
//!
//! A tree with its places takes about eight times the room of the text that it was read from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{LabelMap, Policy};
use crate::object::ObjectName;
use crate::origin::Origin;
use crate::yaml::{self, Position};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPolicy {
    name: ObjectName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<Arc<str>>,
    version: Arc<str>,
    #[serde(default, skip_serializing_if = "LabelMap::is_empty")]
    labels: LabelMap,
    origin: Origin,
    /// Where the document begins, which the text is moved to.
    at: Position,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    text: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<Arc<yaml::Node>>,
}

/// What is kept of a policy gives no policy.
#[derive(Debug, thiserror::Error)]
#[error("the text of {0} can't be read again: the file was damaged or edited")]
pub(super) struct Unreadable(ObjectName);

/// The document of a text of one, as if it began there.
fn read_at(text: &str, at: Position) -> Option<yaml::Node> {
    let mut documents = yaml::parse(text).ok()?;
    let mut document = documents.pop().filter(|_| documents.is_empty())?;
    document.move_lines(i64::from(at.line) - i64::from(document.at.line));
    Some(document)
}

impl From<Policy> for StoredPolicy {
    fn from(policy: Policy) -> Self {
        let at = policy.document.at;
        let again = read_at(&policy.text, at);
        let is_in_text = again.is_some_and(|again| again == *policy.document);
        Self {
            name: policy.name,
            uid: policy.uid,
            version: policy.version,
            labels: policy.labels,
            origin: policy.origin,
            at,
            text: policy.text,
            document: (!is_in_text).then_some(policy.document),
        }
    }
}

impl TryFrom<StoredPolicy> for Policy {
    type Error = Unreadable;

    fn try_from(stored: StoredPolicy) -> Result<Self, Unreadable> {
        let document = match stored.document {
            Some(document) => document,
            None => match read_at(&stored.text, stored.at) {
                Some(document) => Arc::new(document),
                None => return Err(Unreadable(stored.name)),
            },
        };
        Ok(Self {
            name: stored.name,
            uid: stored.uid,
            version: stored.version,
            labels: stored.labels,
            document,
            origin: stored.origin,
            text: stored.text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directory;
    use crate::source::Checkpoint;

    const ONE: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: one, namespace: shop}
spec: {endpointSelector: {}}
---

# Why
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: two, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
  - {}
";
    const LIST: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicyList
items:
- metadata: {name: three, namespace: shop}
  spec: {endpointSelector: {}}
";

    #[test]
    fn a_policy_comes_back_as_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in [("one.yaml", ONE), ("list.yaml", LIST)] {
            std::fs::write(directory.path().join(name), text).expect("a file");
        }
        let opened = Directory::open(directory.path(), &Checkpoint::default()).expect("readable");
        let state = opened.state();
        assert_eq!(state.policies.len(), 3);
        for policy in state.policies.values() {
            let text = serde_json::to_string(policy).expect("plain data");
            let again: Policy = serde_json::from_str(&text).expect("own form");
            assert_eq!(again, **policy);
            // What a list leaves to its head doesn't stand in the text.
            let in_list = &*policy.name.name == "three";
            assert_eq!(text.contains("\"document\""), in_list, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_policy_is_an_error() {
        let text = r#"{"name":{"kind":"NetworkPolicy","namespace":"shop","name":"web"},"version":"1","origin":{"file":"web.yaml","at":{"line":1,"column":1}},"at":{"line":1,"column":1},"text":"a: ["}"#;
        let error = serde_json::from_str::<Policy>(text).expect_err("no YAML");
        assert!(error.to_string().contains("netpol shop/web"), "{error}");
    }
}
