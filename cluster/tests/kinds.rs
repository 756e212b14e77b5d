//! Which documents are objects, which are lists of them, and which are mistakes.

use flows_cluster::manifest::{Document, read};
use flows_cluster::{Origin, yaml};

/// What became of a text, object by object.
fn outcome(text: &str) -> Vec<String> {
    let origin = Origin::from("f.yaml");
    yaml::parse(text)
        .expect("valid YAML")
        .into_iter()
        .flat_map(|document| read(&origin, document))
        .map(|document| match document {
            Document::Object(name, _, tree) => format!("{name} at {}", tree.at),
            Document::Bad(_, problem) => problem.to_string(),
            Document::Ignored(ignored) => format!(
                "{}: {} {}{}",
                ignored.origin,
                ignored.kind,
                ignored.name,
                if ignored.is_policy { ", a policy" } else { "" }
            ),
        })
        .collect()
}

/// What a text is about, the text, and what becomes of it.
const ROWS: &[(&str, &str, &[&str])] = &[
    (
        "items of a kind's list leave kind and version to it",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems:\n\
             - {metadata: {name: a, namespace: shop}, spec: {podSelector: {}}}\n\
             - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: b}, spec: {podSelector: {}}}\n",
        &["netpol shop/a at 4:3", "netpol default/b at 5:3"],
    ),
    (
        "every kind that is read has a list",
        "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicyList, items: [{metadata: {name: a}, spec: {}}]}\n---\n\
             {apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicyList, items: [{metadata: {name: a}, spec: {}}]}\n---\n\
             {apiVersion: cilium.io/v2alpha1, kind: CiliumCIDRGroupList, items: [{metadata: {name: a}}]}\n---\n\
             {apiVersion: v1, kind: PodList, items: [{metadata: {name: a}}]}\n---\n\
             {apiVersion: v1, kind: NamespaceList, items: [{metadata: {name: a}}]}\n",
        &[
            "cnp default/a at 1:67",
            "ccnp a at 3:78",
            "ccg a at 5:69",
            "pod default/a at 7:41",
            "ns a at 9:47",
        ],
    ),
    (
        "lists in lists",
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: NodeList, items: [{metadata: {name: n}}]}]}",
        &["node n at 1:79"],
    ),
    (
        "a list under a group that its items aren't of",
        "{apiVersion: v1, kind: NetworkPolicyList, items: [{metadata: {name: a}}]}",
        &["f.yaml:1:14: apiVersion: NetworkPolicy is not a kind of v1; use networking.k8s.io/v1"],
    ),
    (
        "an empty list",
        "{apiVersion: v1, kind: List, items: []}",
        &[],
    ),
    (
        "a list of nothing",
        "{apiVersion: v1, kind: PodList, items: ~}",
        &[],
    ),
    (
        "a list without items",
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicyList, item: []}",
        &["f.yaml:1:1: items: is missing; list the objects under items, [] for none"],
    ),
    (
        "items that are none",
        "{apiVersion: v1, kind: List, items: {a: 1}}",
        &["f.yaml:1:37: items: is a mapping, should be a list"],
    ),
    (
        "an object whose kind ends in List",
        "{apiVersion: example.com/v1, kind: BlockList, metadata: {name: a}}",
        &["f.yaml:1:1: example.com/v1 BlockList a"],
    ),
    (
        "a list of what isn't used",
        "{apiVersion: apps/v1, kind: DeploymentList, items: [{metadata: {name: a}}, {metadata: {name: b, namespace: c}}]}",
        &[
            "f.yaml:1:53: apps/v1 Deployment a",
            "f.yaml:1:76: apps/v1 Deployment c/b",
        ],
    ),
    (
        "another engine's",
        "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: guard, namespace: shop}}",
        &["f.yaml:1:1: projectcalico.org/v3 NetworkPolicy shop/guard, a policy"],
    ),
    (
        "a slip in the kind",
        "apiVersion: cilium.io/v2\nkind: CiliumClusterWideNetworkPolicy\nmetadata: {name: a}\n",
        &[
            "f.yaml:2:7: kind: CiliumClusterWideNetworkPolicy of cilium.io/v2 is not a known kind; \
                 did you mean CiliumClusterwideNetworkPolicy?",
        ],
    ),
    (
        "text",
        "hello\n",
        &[
            "f.yaml:1:1: is text, not an object; an object is a mapping with apiVersion, kind and metadata",
        ],
    ),
    (
        "a list without a head",
        "- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n",
        &[
            "f.yaml:1:1: is a list, not an object; an object is a mapping with apiVersion, kind and metadata",
        ],
    ),
    (
        "hostile names",
        "{apiVersion: v1, kind: Pod, metadata: {name: \"a\\e[31m\"}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: ../a}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: a.b}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {\"a\\nb\": x}}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {a: \"x\\ty\"}}}\n",
        &[
            "f.yaml:1:46: metadata.name: \"a\\u{1b}[31m\" is not a name that Kubernetes takes; use lower case \
                 letters, digits, '-' and, but for namespaces, '.', beginning and ending with a letter or digit",
            "f.yaml:3:46: metadata.name: \"../a\" is not a name that Kubernetes takes; use lower case \
                 letters, digits, '-' and, but for namespaces, '.', beginning and ending with a letter or digit",
            "f.yaml:5:60: metadata.namespace: \"a.b\" is not a name that Kubernetes takes; use lower case \
                 letters, digits, '-' and, but for namespaces, '.', beginning and ending with a letter or digit",
            "f.yaml:7:58: pod default/a: metadata.labels: \"a\\nb\" is not a label key; use a name of at most 63 \
                 letters, digits, '-', '_' and '.', if wanted with a domain and one '/' before it",
            "f.yaml:9:61: pod default/a: metadata.labels.a: \"x\\ty\" is not a label value; use at most 63 \
                 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
        ],
    ),
    (
        "a switch that is none",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {hostNetwork: yes}}",
        &["f.yaml:1:70: pod default/a: spec.hostNetwork: is text, should be true or false"],
    ),
];

#[test]
fn documents() {
    for (name, text, wanted) in ROWS {
        assert_eq!(outcome(text), *wanted, "{name}");
    }
}

#[test]
fn an_object_is_no_deeper_than_what_can_be_kept() {
    let nested = |depth: usize| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert_eq!(outcome(&nested(27)), ["pod default/a at 1:1"]);
    assert_eq!(
        outcome(&nested(28)),
        ["f.yaml:1:1: pod default/a: is nested too deep: at most 28 levels are read"]
    );
    // A deeper one that isn't used may well be a definition of resources.
    let unused = nested(50).replace("kind: Pod", "kind: Thing");
    assert_eq!(outcome(&unused), ["f.yaml:1:1: v1 Thing a"]);
    let kept = yaml::parse(&nested(27)).expect("valid").remove(0);
    let text = serde_json::to_string(&[[[[kept.clone()]]]]).expect("plain data");
    let again: [[[[yaml::Node; 1]; 1]; 1]; 1] = serde_json::from_str(&text).expect("own form");
    assert_eq!(again[0][0][0][0], kept);
}
