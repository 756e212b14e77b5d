//! The versions of a policy as the changes of the cluster's state tell of them, and what differs between
//! their texts.

use proto::flows::v1::{Change, ObjectState, object_state::Of};
use similar::{ChangeTag, TextDiff};

/// Lines around a difference that are the same.
const CONTEXT: usize = 3;

/// A policy as it was, from a moment on.
#[derive(Clone, Copy, Debug)]
pub struct PolicyVersion<'a> {
    /// From 1; of a moment at which the policy was gone that of the version before.
    pub number: usize,
    /// What made it so; `None`: it was so before the first change that is known.
    pub change: Option<&'a Change>,
    /// The text; `None`: the policy was gone.
    pub yaml: Option<&'a str>,
}

/// How a line of a difference is in the one and the other text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// In both.
    Same,
    /// In the older text alone.
    Removed,
    /// In the newer text alone.
    Added,
}

/// A piece of a unified diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// `@@ -1,7 +1,8 @@`.
    pub header: String,
    /// Its lines, without their ends.
    pub lines: Vec<(LineKind, String)>,
}

/// Whether a kind of objects, as manifests spell it, is one of policies.
#[must_use]
pub fn is_policy(kind: &str) -> bool {
    matches!(
        kind,
        "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy" | "NetworkPolicy"
    )
}

/// The versions that changes of one policy (the oldest first, with their objects) tell of: that before the
/// first one, if there was one, and what each made.
#[must_use]
pub fn versions(changes: &[Change]) -> Vec<PolicyVersion<'_>> {
    let first = changes
        .first()
        .and_then(|change| yaml(change.before.as_ref()));
    let first = first.map(|text| (None, Some(text)));
    let later = changes
        .iter()
        .map(|change| (Some(change), yaml(change.after.as_ref())));
    let mut number = 0;
    let version = |(change, yaml): (Option<_>, Option<_>)| {
        number += usize::from(yaml.is_some());
        PolicyVersion {
            number,
            change,
            yaml,
        }
    };
    first.into_iter().chain(later).map(version).collect()
}

fn yaml(state: Option<&ObjectState>) -> Option<&str> {
    match &state?.of {
        Some(Of::Policy(policy)) => Some(&policy.yaml),
        Some(
            Of::Pod(_)
            | Of::Namespace(_)
            | Of::CidrGroup(_)
            | Of::Service(_)
            | Of::EndpointSlice(_)
            | Of::Node(_),
        )
        | None => None,
    }
}

/// What differs between two texts, as a unified diff; empty if nothing does.
#[must_use]
pub fn diff(before: &str, after: &str) -> Vec<Hunk> {
    let diff = TextDiff::from_lines(before, after);
    let mut unified = diff.unified_diff();
    let hunks = unified.context_radius(CONTEXT).iter_hunks();
    hunks
        .map(|hunk| Hunk {
            header: hunk.header().to_string(),
            lines: hunk
                .iter_changes()
                .map(|change| {
                    let kind = match change.tag() {
                        ChangeTag::Equal => LineKind::Same,
                        ChangeTag::Delete => LineKind::Removed,
                        ChangeTag::Insert => LineKind::Added,
                    };
                    let line = change.value().trim_end_matches(['\n', '\r']);
                    (kind, line.to_owned())
                })
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proto::flows::v1::PolicyObject;

    use super::*;

    fn state(yaml: &str) -> Option<ObjectState> {
        (!yaml.is_empty()).then(|| ObjectState {
            of: Some(Of::Policy(PolicyObject {
                yaml: yaml.to_owned(),
                ..PolicyObject::default()
            })),
        })
    }

    fn change(before: &str, after: &str) -> Change {
        Change {
            before: state(before),
            after: state(after),
            ..Change::default()
        }
    }

    #[test]
    fn versions_begin_before_the_first_change_and_skip_what_was_gone() {
        let changes = [change("a", "b"), change("b", ""), change("", "c")];
        let versions = versions(&changes);
        let told: Vec<_> = versions.iter().map(|v| (v.number, v.yaml)).collect();
        assert_eq!(
            told,
            [(1, Some("a")), (2, Some("b")), (2, None), (3, Some("c"))]
        );
        assert!(versions[0].change.is_none() && versions[1].change.is_some());
        assert_eq!(super::versions(&[change("", "x")]).len(), 1);
    }

    #[test]
    fn differences_have_their_surroundings() {
        let lines = |range: std::ops::Range<u32>| -> String {
            range.map(|line| format!("line {line}\n")).collect()
        };
        let before = lines(0..20);
        let hunks = diff(&before, &before.replace("line 9\n", "line nine\n"));
        assert_eq!(hunks.len(), 1);
        assert_eq!(hunks[0].header, "@@ -7,7 +7,7 @@");
        let changed = hunks[0].lines.iter();
        let changed: Vec<_> = changed
            .filter(|(kind, _)| *kind != LineKind::Same)
            .collect();
        assert_eq!(
            changed,
            [
                &(LineKind::Removed, "line 9".to_owned()),
                &(LineKind::Added, "line nine".to_owned())
            ]
        );
        assert!(diff(&before, &before).is_empty());
    }
}
