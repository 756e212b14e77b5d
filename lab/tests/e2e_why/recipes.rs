//! What is told is what happens.

use flows_lab::traffic::client::Outcome;
use testing_lab::{Family, Probe, TestLab, options};

use crate::common::program;
use crate::pods::{PODS, flows};

/// From, to, port with protocol, and whether it gets through.
type Row = (&'static str, &'static str, &'static str, bool);

struct Recipe {
    name: &'static str,
    policies: &'static str,
    rows: &'static [Row],
}

const RECIPES: &[Recipe] = &[
    Recipe {
        name: "nothing is allowed in the cluster but pings, by a label that nobody has",
        policies: r#"
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: default-deny}
spec:
  endpointSelector: {}
  ingress:
    - fromEndpoints: [{matchLabels: {nobody: has-this}}]
---
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: pings}
spec:
  endpointSelector: {}
  ingress:
    - fromEntities: [cluster]
      icmps: [{fields: [{family: IPv4, type: EchoRequest}]}]
"#,
        rows: &[
            ("shop/client", "shop/a", "8080/tcp", false),
            ("lab/guest", "shop/b", "8080/tcp", false),
            ("shop/client", "shop/a", "8/icmp", true),
            ("lab/guest", "shop/a", "8/icmp", true),
            ("outside", "shop/a", "8/icmp", false),
        ],
    },
    Recipe {
        name: "a native policy and one of Cilium's on the same pods: both allow",
        policies: r#"
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: native, namespace: shop}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {team: research}}}]
      ports: [{port: 8080}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: ours, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: client}}]
      toPorts: [{ports: [{port: "8081", protocol: TCP}]}]
"#,
        rows: &[
            ("lab/guest", "shop/a", "8080/tcp", true),
            ("lab/guest", "shop/a", "8081/tcp", false),
            ("shop/client", "shop/a", "8080/tcp", false),
            ("shop/client", "shop/a", "8081/tcp", true),
            ("shop/thief", "shop/b", "8081/tcp", true),
        ],
    },
    Recipe {
        name: "a port's name means each pod's own number",
        policies: r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: by-name, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
    - fromEndpoints: [{}]
      toPorts: [{ports: [{port: web, protocol: TCP}]}]
"#,
        rows: &[
            ("shop/client", "shop/a", "8080/tcp", true),
            ("shop/client", "shop/a", "8081/tcp", false),
            ("shop/client", "shop/b", "8080/tcp", false),
            ("shop/client", "shop/b", "8081/tcp", true),
        ],
    },
    Recipe {
        name: "out to a range, less a part of it",
        policies: r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: client}}
  egress:
    - toCIDRSet: [{cidr: 203.0.113.0/24, except: [203.0.113.128/25]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: not-there, namespace: lab}
spec:
  endpointSelector: {matchLabels: {app: client}}
  egress:
    - toCIDRSet: [{cidr: 203.0.113.0/24, except: [203.0.113.8/29]}]
"#,
        rows: &[
            ("shop/client", "outside", "8/icmp", true),
            ("lab/guest", "outside", "8/icmp", false),
            ("shop/client", "shop/a", "8080/tcp", false),
        ],
    },
    Recipe {
        name: "by service account, of any namespace",
        policies: r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: buyers, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
    - fromEndpoints:
        - matchLabels: {io.cilium.k8s.policy.serviceaccount: buyer}
          matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]
"#,
        rows: &[
            ("shop/client", "shop/a", "8080/tcp", true),
            ("lab/guest", "shop/a", "8080/tcp", true),
            ("shop/thief", "shop/a", "8080/tcp", false),
        ],
    },
];

/// Address of the outside host.
const OUTSIDE: &str = "203.0.113.10";

/// What happens, and what is said to happen, where it isn't what the row says.
fn wrong(lab: &TestLab, (from, to, port, allowed): Row) -> Option<String> {
    let (number, protocol) = port.split_once('/').expect("a port");
    let host = match to.split_once('/') {
        Some((namespace, name)) => format!("{name}.{namespace}"),
        None => to.to_owned(),
    };
    let (probe, target) = match protocol {
        "icmp" => (Probe::Icmp, host),
        _ => (Probe::Tcp, format!("{host}:{number}")),
    };
    let (wanted, line, exit) = match allowed {
        true => (Outcome::Connected, "Verdict: ALLOWED", 0),
        false => (Outcome::TimedOut, "Verdict: DENIED", 1),
    };
    let outcome = lab
        .expect(wanted, from, &target, probe, Family::V4)
        .expect("it can be tried");
    let end = |which: &str, who: &str| match who {
        "outside" => [format!("--{which}-ip"), OUTSIDE.to_owned()],
        pod => [format!("--{which}-pod"), pod.to_owned()],
    };
    let (source, destination) = (end("src", from), end("dst", to));
    let (told, code) = flows(
        lab,
        &[
            "policy",
            "trace",
            "--exit-code",
            &source[0],
            &source[1],
            &destination[0],
            &destination[1],
            "--dport",
            port,
        ],
    );
    let last = told.lines().last().unwrap_or_default().to_owned();
    let right = outcome == wanted && last == line && code == Some(exit);
    (!right).then(|| format!("{from} -> {to} {port}: {outcome}, exit code {code:?}\n{told}"))
}

#[test]
fn what_is_told_is_what_happens() {
    let mut options = options(program(), true);
    options.outside = true;
    let mut lab = TestLab::up(&options, PODS).expect("a lab");
    for (server, port) in [
        ("a.shop", 8080),
        ("a.shop", 8081),
        ("b.shop", 8080),
        ("b.shop", 8081),
    ] {
        let to = format!("{server}:{port}");
        lab.wait_for(
            Outcome::Connected,
            "shop/client",
            &to,
            Probe::Tcp,
            Family::V4,
        )
        .expect("the servers listen");
    }
    let mut all = Vec::new();
    for recipe in RECIPES {
        lab.enforce("recipe.yaml", recipe.policies)
            .expect("in force");
        let failed = recipe.rows.iter().filter_map(|row| wrong(&lab, *row));
        all.extend(failed.map(|wrong| format!("{}: {wrong}", recipe.name)));
        lab.withdraw(recipe.policies).expect("no longer in force");
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
