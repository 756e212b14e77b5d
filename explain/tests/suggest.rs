//! What is offered to allow a denied connection: it works, it opens the way for the one that was asked
//! about as far as labels can tell, and where no rule can say it, that is said.

use cluster::{Identities, State};
use flows_explain::trace::{End, Explanation, PolicyContext, Port, TraceQuery};
use policy::Config;
use testing_policy::{shown, state};

const NODES: &str = "
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDR: 10.1.1.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.50.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
spec: {podCIDR: 10.1.2.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.50.2}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: mon, labels: {kubernetes.io/metadata.name: mon}}
";

/// A pod on the first node; the last number of its address is `n`.
fn pod(namespace: &str, name: &str, n: u8, more: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {namespace}{more}, \
         status: {{podIP: 10.1.1.{n}}}}}\n"
    )
}

fn labelled(namespace: &str, name: &str, n: u8, labels: &str) -> String {
    let more = format!(", labels: {{{labels}}}}}, spec: {{nodeName: n1}}");
    pod(namespace, name, n, &more)
}

fn world() -> String {
    let pods = [
        labelled("shop", "vault", 2, "app: vault"),
        labelled("shop", "shell", 3, "app: shell"),
        pod(
            "shop",
            "cron",
            4,
            "}, spec: {nodeName: n1, serviceAccountName: cron}",
        ),
        labelled(
            "shop",
            "sts-0",
            5,
            "statefulset.kubernetes.io/pod-name: sts-0",
        ),
        labelled("shop", "web-a", 6, "app: web, tier: front"),
        labelled("shop", "web-b", 7, "app: web, tier: back"),
        labelled("shop", "log", 8, "app: log"),
        labelled("shop", "log-2", 9, "app: log, role: spare"),
        labelled("mon", "prom", 10, "app: '1e3'"),
        labelled("shop", "native", 11, "app: native"),
        labelled("shop", "shut", 12, "app: shut"),
    ];
    let policies = "
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: vault, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: vault}}
  ingress: [{}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: native, namespace: shop}
spec: {podSelector: {matchLabels: {app: native}}, policyTypes: [Ingress, Egress]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: shut, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: shut}}
  ingressDeny:
  - fromEndpoints: [{matchLabels: {app: shell}}]
  - fromEntities: [cluster]
    toPorts: [{ports: [{port: '80', protocol: TCP}]}]
";
    format!("{NODES}{}{policies}", pods.concat())
}

fn end(text: &str) -> End {
    let made = match text.split_once(' ') {
        Some(("ip", ip)) => End::ip(ip),
        Some(("entity", name)) => End::entity(name),
        Some(("labels", labels)) => End::labels(labels),
        _ => End::pod(text),
    };
    made.expect("the test's question is sound")
}

fn explain(state: &State, source: &str, destination: &str, port: &str) -> Explanation {
    let config = Config::default();
    let (policies, refused) = policy::read(state, &config);
    assert_eq!(shown(&refused), [""; 0]);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(state, &policies, &config, identities);
    let asked = TraceQuery {
        source: end(source),
        destination: end(destination),
        port: Port::parse(port).expect("the test's port is sound"),
    };
    context.explain(&asked).expect("the question is sound")
}

fn offered(explanation: &Explanation) -> Vec<(String, String)> {
    let all = explanation
        .verdicts()
        .flat_map(|verdict| &verdict.suggestions);
    all.map(|one| (one.text.clone(), one.yaml.clone()))
        .collect()
}

const VAULT: &str = "add to spec.ingress of cnp shop/vault";
const PORT: &str = "  toPorts:\n  - ports:\n    - port: \"80\"\n      protocol: TCP\n";

/// What it is about, source, destination and port, and what is offered.
type Row = (&'static str, [&'static str; 3], Vec<(String, String)>);

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    let from = |labels: &str| format!("- fromEndpoints:\n  - matchLabels:\n{labels}{PORT}");
    let policy = |subject: &str, direction: &str, rule: &str| {
        format!(
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: {subject}-\
             {direction}\n  namespace: shop\nspec:\n  endpointSelector:\n    matchLabels:\n      app: \
             {subject}\n  {direction}:\n{rule}"
        )
    };
    vec![
        (
            "one label says it",
            ["shop/shell", "shop/vault", "80"],
            vec![(VAULT.to_owned(), from("      app: shell\n"))],
        ),
        (
            "two are needed",
            ["shop/web-a", "shop/vault", "80"],
            vec![(VAULT.to_owned(), from("      app: web\n      tier: front\n"))],
        ),
        (
            "no label, but a service account of its own",
            ["shop/cron", "shop/vault", "80"],
            vec![(
                VAULT.to_owned(),
                from("      k8s:io.cilium.k8s.policy.serviceaccount: cron\n"),
            )],
        ),
        (
            "no label that counts",
            ["shop/sts-0", "shop/vault", "80"],
            vec![(
                "no rule can select shop/sts-0 alone: it has no label that other pods of its namespace \
                 don't have; give it one of its own (such as app: sts-0), then ask again"
                    .to_owned(),
                String::new(),
            )],
        ),
        (
            "another pod has all its labels and more",
            ["shop/log", "shop/vault", "80"],
            vec![(
                format!("{VAULT} (no label distinguishes it from shop/log-2, which it allows as well)"),
                from("      app: log\n"),
            )],
        ),
        (
            "another namespace, a value that YAML would read as a number",
            ["mon/prom", "shop/vault", "80"],
            vec![(
                VAULT.to_owned(),
                from("      app: \"1e3\"\n      k8s:io.kubernetes.pod.namespace: mon\n"),
            )],
        ),
        (
            "a NetworkPolicy has words for pods",
            ["mon/prom", "shop/native", "80"],
            vec![(
                "add to spec.ingress of netpol shop/native".to_owned(),
                "- from:\n  - namespaceSelector:\n      matchLabels:\n        \
                 kubernetes.io/metadata.name: mon\n    podSelector:\n      matchLabels:\n        app: \
                 \"1e3\"\n  ports:\n  - port: 80\n    protocol: TCP\n"
                    .to_owned(),
            )],
        ),
        (
            "and for the world",
            ["shop/native", "ip 192.0.2.1", "80"],
            vec![(
                "add to spec.egress of netpol shop/native".to_owned(),
                "- to:\n  - ipBlock:\n      cidr: 192.0.2.1/32\n  ports:\n  - port: 80\n    protocol: \
                 TCP\n"
                    .to_owned(),
            )],
        ),
        (
            "not for nodes",
            ["ip 192.168.50.2", "shop/native", "80"],
            vec![(
                "add a CiliumNetworkPolicy: netpol shop/native has no rule for 192.168.50.2 (node n2, \
                 remote-node) (it allows all other nodes: policies can't distinguish them)"
                    .to_owned(),
                policy(
                    "native",
                    "ingress",
                    "  - fromEntities:\n    - remote-node\n    toPorts:\n    - ports:\n      - port: \
                     \"80\"\n        protocol: TCP\n",
                ),
            )],
        ),
        (
            "not for addresses of pods that aren't known",
            ["ip 10.1.1.77", "shop/native", "80"],
            vec![(
                "add a CiliumNetworkPolicy: netpol shop/native has no rule for 10.1.1.77 (it allows \
                 all addresses of pods that are not known: policies can't distinguish them)"
                    .to_owned(),
                policy(
                    "native",
                    "ingress",
                    "  - fromEntities:\n    - unmanaged\n    toPorts:\n    - ports:\n      - port: \
                     \"80\"\n        protocol: TCP\n",
                ),
            )],
        ),
        (
            "not for ICMP",
            ["shop/shell", "shop/native", "8/icmp"],
            vec![(
                "add a CiliumNetworkPolicy: netpol shop/native has no rule for shop/shell".to_owned(),
                policy(
                    "native",
                    "ingress",
                    "  - fromEndpoints:\n    - matchLabels:\n        app: shell\n    icmps:\n    - \
                     fields:\n      - family: IPv4\n        type: 8\n",
                ),
            )],
        ),
        (
            "denied twice, and then not allowed",
            ["shop/shell", "shop/shut", "80"],
            vec![
                (
                    "narrow or remove spec.ingressDeny[1] of cnp shop/shut: a deny outweighs every \
                     allow"
                        .to_owned(),
                    String::new(),
                ),
                (
                    "narrow or remove spec.ingressDeny[0] of cnp shop/shut: a deny outweighs every \
                     allow"
                        .to_owned(),
                    String::new(),
                ),
                (
                    "then add to spec.ingress of cnp shop/shut".to_owned(),
                    from("      app: shell\n"),
                ),
            ],
        ),
        ("whatever port", ["shop/shell", "shop/vault", ""], vec![]),
    ]
}

#[test]
fn suggestions_open_for_the_one_that_was_asked_about() {
    let state = state(&world());
    for (name, [source, destination, port], wanted) in rows() {
        let explanation = explain(&state, source, destination, port);
        assert!(!explanation.allowed(), "{name}");
        assert_eq!(offered(&explanation), wanted, "{name}");
    }
}

/// Pods of two nodes: to the one the asked node is its own, to the other it is not.
#[test]
fn labels_of_pods_on_several_nodes_are_answered_for_each() {
    let two = format!(
        "{NODES}{}{}",
        labelled("shop", "a", 2, "app: a"),
        "---
{apiVersion: v1, kind: Pod, metadata: {name: a2, namespace: shop, labels: {app: a}}, \
         spec: {nodeName: n2}, status: {podIP: 10.1.2.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: edge, namespace: kube-system}, \
         spec: {nodeName: n1, hostNetwork: true}, status: {podIP: 192.168.50.1}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: shut, namespace: shop}, \
         spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress]}}
"
    );
    let state = state(&two);
    for source in ["ip 192.168.50.1", "kube-system/edge"] {
        let explanation = explain(&state, source, "labels app=a", "80");
        assert!(!explanation.allowed(), "{source}");
        let cases: Vec<(&str, bool)> = explanation
            .cases
            .iter()
            .map(|case| (case.destination.name.as_str(), case.allowed()))
            .collect();
        assert_eq!(cases, [("shop/a", true), ("shop/a2", false)], "{source}");
    }
    // Who is the same to all of them gets one answer.
    let explanation = explain(&state, "ip 192.0.2.1", "labels app=a", "80");
    assert!(explanation.cases.is_empty() && !explanation.allowed());
    assert_eq!(explanation.destination.spread.len(), 2);
}

#[test]
fn without_a_port_what_is_allowed_is_told_of_each_end() {
    let some = format!(
        "{NODES}{}{}{}",
        labelled("shop", "db", 2, "app: db"),
        labelled("shop", "web", 3, "app: web"),
        "---
{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: db, namespace: shop}, spec: \
         {endpointSelector: {matchLabels: {app: db}}, ingress: [{fromEndpoints: [{matchLabels: {app: \
         web}}], toPorts: [{ports: [{port: '5432', protocol: TCP}]}]}]}}
"
    );
    let explanation = explain(&state(&some), "shop/web", "shop/db", "");
    let ports = explanation.ports.as_ref().expect("any port was asked for");
    assert_eq!(ports.allowed, ["5432/TCP"]);
    let of = |verdict: &Option<flows_explain::trace::EndpointVerdict>| {
        let verdict = verdict.as_ref().expect("both are pods");
        verdict.ports.clone().expect("any port was asked for")
    };
    assert_eq!(of(&explanation.ingress).allowed, ["5432/TCP"]);
    assert!(of(&explanation.egress).denied.is_empty());
    let rules = &explanation.ingress.as_ref().expect("a pod").policies[0].rules;
    assert!(rules[0].matched(), "{rules:?}");
    assert_eq!(offered(&explanation), []);
}
