//! What becomes of the objects that are applied, as far as the manifests themselves tell: an agent takes
//! them, refuses them, or has no use for them. The same code reads them here and there.

use std::collections::BTreeSet;

use cluster::manifest::{self, Document as Read};
use cluster::{Object, Origin, Problem, yaml};
use policy::Language;

use crate::manifest::{Document, Use};

/// What becomes of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Agents take it.
    Taken,
    /// Agents refuse it; the names of the policies concerned, and the first problem and how many more
    /// there are.
    Refused {
        /// `cnp shop/web`, as agents name them.
        objects: BTreeSet<String>,
        /// File, line, field, what is wrong and what to do.
        why: String,
    },
    /// Nothing comes of it.
    Ignored {
        /// Why not.
        why: &'static str,
        /// Pods or rules were expected of it.
        missed: bool,
    },
}

/// Kinds that make pods in a cluster, and none here.
const WORKLOADS: [&str; 7] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
];

/// What becomes of a document where agents take policies in this language.
pub fn outcome(document: &Document, language: Language<'_>) -> Outcome {
    let origin = Origin::from(&*document.path.to_string_lossy());
    let trees = match yaml::parse(&document.at_original_lines()) {
        Ok(trees) => trees,
        Err(error) => {
            let place = origin.at(error.at);
            return Outcome::Refused {
                objects: BTreeSet::new(),
                why: format!("{place}: invalid YAML: {}", error.problem),
            };
        }
    };
    let mut problems: Vec<Problem> = Vec::new();
    let mut used = false;
    for read in trees
        .into_iter()
        .flat_map(|tree| manifest::read(&origin, tree))
    {
        match read {
            Read::Ignored(..) => {}
            Read::Bad(_, problem) => problems.push(problem),
            Read::Object(_, Object::Policy(policy), _) => {
                used = true;
                problems.extend(
                    policy::parse_all(&policy, language)
                        .err()
                        .unwrap_or_default(),
                );
            }
            Read::Object(..) => used = true,
        }
    }
    if let Some(first) = problems.first() {
        let objects = problems
            .iter()
            .filter_map(|problem| problem.object.as_ref());
        let more = match problems.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        return Outcome::Refused {
            objects: objects.map(ToString::to_string).collect(),
            why: format!("{first}{more}"),
        };
    }
    let workload = WORKLOADS.contains(&document.object.kind.as_str());
    if document.used == Use::OtherEngine {
        return Outcome::Ignored {
            why: "a policy of another engine, it is NOT enforced",
            missed: true,
        };
    }
    match (used, workload) {
        (true, _) => Outcome::Taken,
        (false, true) => Outcome::Ignored {
            why: "the lab runs Pods",
            missed: workload,
        },
        (false, false) => Outcome::Ignored {
            why: "nothing in the lab uses this kind",
            missed: workload,
        },
    }
}

/// `object applied`, `object stored, REFUSED: ...`, `object ignored: ...`. `in_force`: names of the
/// policies that are in force; `None` if nobody could tell.
pub fn line(document: &Document, outcome: &Outcome, in_force: Option<&BTreeSet<String>>) -> String {
    let object = &document.object;
    match outcome {
        Outcome::Taken => format!("{object} applied"),
        Outcome::Ignored { why, .. } => format!("{object} ignored: {why}"),
        Outcome::Refused { objects, why } => {
            let kept = match in_force {
                None => "",
                Some(known) if !objects.is_empty() && objects.is_subset(known) => {
                    "; the last good version stays enforced"
                }
                Some(_) => "; NOT ENFORCED, no version of it is in force",
            };
            format!("{object} stored, REFUSED: {why}{kept}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const fn language(layer7: bool) -> Language<'static> {
        Language {
            cluster: "default",
            layer7,
        }
    }

    #[test]
    fn rules_of_layer_7_are_taken_where_there_is_a_proxy() {
        let text = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: web, namespace: \
                    shop}\nspec: {endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80', \
                    protocol: TCP}], rules: {http: [{method: GET}]}}]}]}\n";
        let documents = crate::manifest::split(Path::new("all.yaml"), text).expect("manifests");
        let told = |layer7| {
            line(
                &documents[0],
                &outcome(&documents[0], language(layer7)),
                None,
            )
        };
        assert_eq!(told(true), "ciliumnetworkpolicy shop/web applied");
        let refused = told(false);
        assert!(
            refused.contains("REFUSED") && refused.contains("--l7-proxy=off"),
            "{refused}"
        );
    }

    #[test]
    fn each_document_is_told_what_becomes_of_it() {
        let policy = |spec: &str| {
            format!(
                "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: web, namespace: \
                 shop}}\nspec: {spec}\n"
            )
        };
        let rows = [
            (
                policy("{endpointSelector: {}, ingress: [{}]}"),
                "ciliumnetworkpolicy shop/web applied",
            ),
            (
                policy("{endpointSelector: {}, ingres: [{}]}"),
                "ciliumnetworkpolicy shop/web stored, REFUSED: all.yaml:10:",
            ),
            (
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
                    .to_owned(),
                "deployment.apps shop/web ignored: the lab runs Pods",
            ),
            (
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\n"
                    .to_owned(),
                "configmap shop/web ignored: nothing in the lab uses this kind",
            ),
        ];
        for (text, wanted) in rows {
            // Not the first document of its file.
            let text = format!("# one\n\n\n\n\n---\n{text}");
            let documents =
                crate::manifest::split(Path::new("all.yaml"), &text).expect("manifests");
            let [document] = &documents[..] else {
                panic!("one document: {documents:?}");
            };
            let outcome = outcome(document, language(false));
            let known = BTreeSet::from(["cnp shop/web".to_owned()]);
            let said = line(document, &outcome, Some(&known));
            assert!(said.starts_with(wanted), "{said}");
            let kept = said.ends_with("; the last good version stays enforced");
            assert_eq!(kept, matches!(outcome, Outcome::Refused { .. }), "{said}");
            let said = line(document, &outcome, Some(&BTreeSet::new()));
            let cut = said.ends_with("; NOT ENFORCED, no version of it is in force");
            assert_eq!(cut, matches!(outcome, Outcome::Refused { .. }), "{said}");
        }
    }
}
