//! Clients and servers by other hands, through the kernel and the proxies of two nodes: curl, h2load, Chromium, Node.js,
//! dig, resolvers of the C libraries (glibc, musl), dnsmasq, unbound, gRPC's own, kcat (librdkafka), kafka-python.

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod grpc;
mod http;
mod kafka;
mod names;

use common::program;
use flows_lab::lab::Options;
use testing_lab::{TestLab, options, pod};

/// Debian's Python, which has the modules of Debian's packages; another one may stand before it in PATH.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// The path of a program of this test.
macro_rules! script {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e_clients/", $name)
    };
}
pub(crate) use script;

const POLICIES: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: client}}]
      toPorts:
        - ports: [{port: '8080', protocol: TCP}, {port: '8081', protocol: TCP}]
          rules:
            http:
              - {method: 'GET|HEAD', path: '/(hello|page|large|socket|favicon.ico)'}
              - {method: 'PUT|POST', path: /upload}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: client}
spec:
  endpointSelector: {matchLabels: {app: client}}
  egress:
    - toEndpoints: [{matchLabels: {app: web}}, {matchLabels: {app: orders}}, {matchLabels: {app: broker}}]
    - toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': kube-system, k8s-app: kube-dns}}]
      toPorts:
        - ports: [{port: '53', protocol: ANY}]
          rules: {dns: [{matchPattern: '*.svc.test'}]}
    - toEndpoints: [{matchLabels: {app: unbound}}]
      toPorts:
        - ports: [{port: '53', protocol: ANY}]
          rules: {dns: [{matchPattern: '*.svc.test'}]}
    - toFQDNs: [{matchPattern: '*.svc.test'}]
      toPorts: [{ports: [{port: '443', protocol: TCP}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: broker}
spec:
  endpointSelector: {matchLabels: {app: broker}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: client}}]
      toPorts:
        - ports: [{port: '9092', protocol: TCP}]
          rules: {kafka: [{role: produce, topic: orders}, {role: consume, topic: orders}, {role: produce, topic: audit}]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: orders}
spec:
  endpointSelector: {matchLabels: {app: orders}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: client}}]
      toPorts:
        - ports: [{port: '50051', protocol: TCP}]
          rules: {http: [{method: POST, path: '/shop.Orders/(Say|Talk)'}]}
";

/// A pod of a namespace with one container that runs a command.
fn serving(namespace: &str, name: &str, labels: &str, node: &str, command: &[&str]) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\nspec:\n  \
         nodeName: {node}\n  containers:\n    - {{name: server, command: {command:?}}}\n"
    )
}

/// The lab; `unbound` is the path of that resolver's configuration, `proxy_args` are words for each proxy.
fn up(unbound: &str, proxy_args: &[&str]) -> TestLab {
    let resolver = [
        "dnsmasq",
        "--no-daemon",
        "--user=root",
        "--no-resolv",
        "--no-hosts",
        "--address=/svc.test/203.0.113.10",
        "--address=/svc.test/2001:db8::10",
        "--address=/other.test/203.0.113.10",
    ];
    let broker = [
        "flows-lab",
        "serve",
        "kafka",
        "--port=9092",
        "--topic=orders",
        "--topic=payments",
        "--topic=audit",
    ];
    let unbound = ["unbound", "-c", unbound];
    let orders = [PYTHON, script!("grpc_server.py")];
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: kube-dns, namespace: kube-system}\nspec:\n  selector: \
                   {k8s-app: kube-dns}\n  ports: [{port: 53, protocol: UDP}]\n";
    let manifests = [
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}\n".to_owned(),
        service.to_owned(),
        serving("kube-system", "dns", "k8s-app: kube-dns", "two", &resolver),
        serving("default", "unbound", "app: unbound", "two", &unbound),
        serving(
            "default",
            "web",
            "app: web",
            "two",
            &["node", script!("http_server.mjs")],
        ),
        serving("default", "orders", "app: orders", "two", &orders),
        serving("default", "broker", "app: broker", "two", &broker),
        pod("near", "app: client", "two", &[]),
        pod("far", "app: client", "one", &[]),
        POLICIES.to_owned(),
    ];
    let options = Options {
        l7_proxy: true,
        outside: true,
        proxy_args: proxy_args.iter().map(|&arg| arg.to_owned()).collect(),
        ..options(program(), true)
    };
    TestLab::up(&options, &manifests.join("---\n")).unwrap()
}

#[test]
fn they_get_what_the_rules_allow_and_nothing_else() {
    let files = tempfile::tempdir().unwrap();
    let unbound = names::unbound(files.path());
    let lookup = names::compile(files.path());
    let lab = up(&unbound, &[]);
    // On the server's node, and from another one.
    for from in ["near", "far"] {
        http::curl(&lab, from);
        names::dig(&lab, from, "kube-system/dns");
        names::dig(&lab, from, "default/unbound");
        names::glibc(&lab, from);
        names::musl(&lab, from, &lookup);
        grpc::python(&lab, from);
    }
    http::load(&lab, "far");
    http::browser(&lab, "far");
    kafka::kcat(&lab, "far");
    kafka::python(&lab, "far");
    let l7 = ["observe", "--type", "l7", "--last", "20000"];
    for (verdict, words) in [
        ("FORWARDED", ["default/far", "GET /page"]),
        ("DROPPED", ["default/far", "DELETE /hello: 403"]),
        ("FORWARDED", ["default/near", "PUT /upload"]),
        ("FORWARDED", ["default/near", "POST /shop.Orders/Talk"]),
        ("DROPPED", ["default/near", "POST /shop.Orders/Delete: 403"]),
        ("DROPPED", ["default/near", "A api.other.test: refused"]),
        ("DROPPED", ["default/far", "payments"]),
        ("DROPPED", ["default/far", "offsets audit"]),
        ("DROPPED", ["default/far", "fetch audit"]),
    ] {
        lab.told(&l7, &[&[verdict][..], &words].concat());
    }
}

#[test]
fn a_name_that_may_not_be_asked_for_can_be_said_not_to_exist() {
    let files = tempfile::tempdir().unwrap();
    let lookup = names::compile(files.path());
    let unbound = names::unbound(files.path());
    let lab = up(&unbound, &["--dns-reject-response-code=nameError"]);
    names::does_not_exist(&lab, "far", &lookup);
    let l7 = ["observe", "--type", "l7", "--last", "1000"];
    lab.told(
        &l7,
        &["DROPPED", "default/far", "A api.other.test: refused"],
    );
}
