//! Recipes of the policy language in a running lab: what really happens is what `policy trace` says,
//! and views of what is in force agree with it.

mod common;

use std::process::{Command, Output};
use std::time::Duration;

use common::program;
use flows_lab::manifest;
use flows_lab::traffic::client::Outcome;
use proto::flows::v1::trace_response;
use serde_json::Value;
use testing_lab::{Family, Probe, TestLab, options};

/// Pods of two namespaces and accounts. The servers `a` and `b` have equal labels, but the port named
/// `web` is another one.
const PODS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: sales}}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {team: research}}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: server}}
spec:
  nodeName: one
  containers:
    - name: web
      command: [flows-lab, serve, tcp, --port, "8080"]
      ports: [{name: web, containerPort: 8080}]
    - {name: other, command: [flows-lab, serve, tcp, --port, "8081"]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: shop, labels: {app: server}}
spec:
  nodeName: two
  containers:
    - name: web
      command: [flows-lab, serve, tcp, --port, "8081"]
      ports: [{name: web, containerPort: 8081}]
    - {name: other, command: [flows-lab, serve, tcp, --port, "8080"]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {nodeName: one, serviceAccountName: buyer}
---
apiVersion: v1
kind: Pod
metadata: {name: thief, namespace: shop, labels: {app: client}}
spec: {nodeName: two, serviceAccountName: thief}
---
apiVersion: v1
kind: Pod
metadata: {name: guest, namespace: lab, labels: {app: client}}
spec: {nodeName: two, serviceAccountName: buyer}
"#;

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

fn flows(lab: &TestLab, arguments: &[&str]) -> (String, Option<i32>) {
    let output = asked(lab, arguments);
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).expect("text"), output.status.code())
}

fn asked(lab: &TestLab, arguments: &[&str]) -> Output {
    Command::new(program().with_file_name("flows"))
        .args(["--lab", &lab.lab().record().name])
        .args(arguments)
        .output()
        .expect("flows runs")
}

fn apply(lab: &mut TestLab, policies: &str) {
    lab.apply("recipe.yaml", policies).expect("manifests");
    let documents = manifest::split("recipe.yaml".as_ref(), policies).expect("manifests");
    let patience = Duration::from_secs(20);
    lab.lab()
        .settle(&documents, false, patience)
        .expect("in force");
}

fn withdraw(lab: &mut TestLab, policies: &str) {
    lab.delete(policies).expect("manifests");
    let documents = manifest::split("recipe.yaml".as_ref(), policies).expect("manifests");
    let patience = Duration::from_secs(20);
    lab.lab()
        .settle(&documents, true, patience)
        .expect("no longer in force");
}

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
    let outcome = lab
        .connect(from, &target, probe, Family::V4)
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
    let (wanted, line, exit) = match allowed {
        true => (Outcome::Connected, "Verdict: ALLOWED", 0),
        false => (Outcome::TimedOut, "Verdict: DENIED", 1),
    };
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
        apply(&mut lab, recipe.policies);
        let failed = recipe.rows.iter().filter_map(|row| wrong(&lab, *row));
        all.extend(failed.map(|wrong| format!("{}: {wrong}", recipe.name)));
        withdraw(&mut lab, recipe.policies);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn views_show_what_is_in_force_and_what_it_decided() {
    let mut lab = TestLab::up(&options(program(), true), PODS).expect("a lab");
    let policy = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: server}}
  labels: [{key: rule, value: first}]
  ingress:
    - fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: buyer}}]
      toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
    - fromEndpoints: [{matchLabels: {app: nobody}}]
  ingressDeny:
    - fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: thief}}]
      toPorts: [{ports: [{port: "8081", protocol: TCP}]}]
specs:
  - endpointSelector: {matchLabels: {app: server}}
    labels: [{key: rule, value: second}]
    ingress:
      - fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: lab}}]
        toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
"#;
    apply(&mut lab, policy);
    lab.wait_for(
        Outcome::Connected,
        "shop/client",
        "a:8080",
        Probe::Tcp,
        Family::V4,
    )
    .expect("the rule allows it");
    let allowed = lab.connect("lab/guest", "a.shop:8080", Probe::Tcp, Family::V4);
    assert_eq!(allowed.expect("it can be tried"), Outcome::Connected);
    for port in ["a:8080", "a:8081"] {
        let denied = lab.connect("shop/thief", port, Probe::Tcp, Family::V4);
        assert_eq!(denied.expect("it can be tried"), Outcome::TimedOut);
    }

    let json = |arguments: &[&str]| -> Value {
        let output = asked(&lab, &[arguments, &["-o", "json"]].concat());
        assert!(output.status.success(), "{output:?}");
        // Beside it there may be a note about a node.
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let policies = json(&["policy", "get", "shop/web"]);
    let rules = policies[0]["rules"].as_array().expect("rules");
    let decided = |path: &Value| {
        let mut same = rules.iter().filter(|rule| rule["path"] == *path);
        let rule = same.next().expect("the rule");
        assert_eq!(same.next(), None, "{path} names one rule: {policies:#}");
        assert_eq!(rule["direction"], "INGRESS");
        let text = rule["decisions"].as_str();
        text.unwrap_or("0").parse::<u64>().expect("a number")
    };
    let unused = serde_json::json!({"list": "INGRESS", "index": 1});
    assert_eq!(decided(&unused), 0, "{policies:#}");
    // What flows say decided them is what was counted, and each rule bears its own labels.
    let told = rules_of_flows(&lab);
    for (path, label) in [
        (serde_json::json!({"list": "INGRESS"}), "first"),
        (serde_json::json!({"list": "INGRESS_DENY"}), "first"),
        (serde_json::json!({}), "first"),
        (
            serde_json::json!({"spec_index": 0, "list": "INGRESS"}),
            "second",
        ),
        (serde_json::json!({"spec_index": 0}), "second"),
    ] {
        assert!(decided(&path) > 0, "{path}: {policies:#}");
        let labels: Vec<&str> = told
            .iter()
            .filter(|rule| rule["path"] == path)
            .flat_map(|rule| rule["labels"].as_array().into_iter().flatten())
            .filter_map(|label| label.as_str()?.strip_prefix("unspec:rule="))
            .collect();
        assert!(!labels.is_empty(), "no flow tells of {path}: {told:#?}");
        assert!(
            labels.iter().all(|told| *told == label),
            "{path}: {labels:?}"
        );
    }
    assert_eq!(
        policies[0]["selects"],
        serde_json::json!(["shop/a", "shop/b"])
    );

    let endpoint = &json(&["endpoint", "get", "shop/a"])[0];
    assert_eq!(endpoint["ingress_enforced"], true, "{endpoint:#}");
    assert_eq!(endpoint["policies"], serde_json::json!(["cnp shop/web"]));
    let entries = endpoint["entries"].as_array().expect("entries");
    let buyers = serde_json::json!({"list": "INGRESS"});
    let entry = entries
        .iter()
        .find(|entry| entry["port"] == "8080/TCP" && entry["rules"][0]["path"] == buyers);
    let entry = entry.expect("an entry of the rule");
    assert_eq!(entry["rules"][0]["name"], "web", "{entry:#}");
    let buyer = entry["identity"].to_string();
    let identity = &json(&["identity", "get", &buyer])[0];
    assert_eq!(
        identity["pods"],
        serde_json::json!(["shop/client"]),
        "{identity:#}"
    );

    // Who waits for something that never comes is told so.
    let bad = policy.replace(
        "fromEndpoints: [{matchLabels: {app: nobody}}]",
        "fromNobody: []",
    );
    lab.apply("bad.yaml", &bad).expect("it is a manifest");
    let documents = manifest::split("bad.yaml".as_ref(), &bad).expect("manifests");
    let patience = Duration::from_secs(20);
    let refused = lab.lab().settle(&documents, false, patience);
    let told = refused.expect_err("it is refused").to_string();
    assert!(
        told.contains("spec.ingress[1].fromNobody: unknown field"),
        "{told}"
    );
    let (text, code) = flows(&lab, &["policy", "get", "shop/web"]);
    assert!(code == Some(0) && text.contains("last good one"), "{text}");
}

/// The rules of the policy `shop/web` that flows to `shop/a` name.
fn rules_of_flows(lab: &TestLab) -> Vec<Value> {
    let output = asked(
        lab,
        &[
            "observe", "--last", "1000", "--to-pod", "shop/a", "-o", "jsonpb",
        ],
    );
    assert!(output.status.success(), "{output:?}");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let flows = lines.filter(|line| !line.is_empty()).map(|line| {
        let flow: Value = serde_json::from_slice(line).expect("JSON");
        flow["flow"]["extensions"]["ingress"]["rules"].clone()
    });
    let rules = flows
        .filter_map(|rules| rules.as_array().cloned())
        .flatten();
    let own = rules.filter(|rule| rule["kind"] == "CiliumNetworkPolicy" && rule["name"] == "web");
    own.collect()
}

/// A real drop, taken from the flows and explained by a node and by the relay; then its pod goes.
#[test]
fn a_dropped_flow_is_explained() {
    let mut lab = TestLab::up(&options(program(), true), PODS).expect("a lab");
    let policy = r#"
# Only buyers.
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: server}}
  labels: [{key: team, value: sales}]
  ingress:
    - fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: buyer}}]
      toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
"#;
    apply(&mut lab, policy);
    let denied = lab.connect("shop/thief", "a:8080", Probe::Tcp, Family::V4);
    assert_eq!(denied.expect("it can be tried"), Outcome::TimedOut);
    let name = lab.lab().record().name.clone();
    let sockets =
        ["relay.sock", "one/hubble.sock"].map(|socket| format!("/run/flows/{name}/{socket}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let flow = runtime.block_on(dropped_flow(&sockets[1]));
    for socket in &sockets {
        let answer = runtime.block_on(explained(socket, &flow));
        assert_eq!(
            answer.headline,
            "shop/thief may not reach shop/a on 8080/TCP: no ingress rule of cnp shop/web allows it"
        );
        assert_eq!(answer.node_name, flow.node_name);
        let now = answer.now.expect("both pods are there");
        assert_eq!(now.verdict(), trace_response::Verdict::Denied);
        assert!(now.suggestions[0].yaml.contains("app: client"), "{now:?}");
        let policy = &answer.policies[0];
        assert_eq!(policy.policy, "cnp shop/web");
        assert!(policy.in_force && policy.decided, "{policy:?}");
        assert!(
            policy.yaml.starts_with("# Only buyers.\n"),
            "{}",
            policy.yaml
        );
        let recorded = answer.recorded.expect("it was decided");
        let labels = &recorded.decided_by[0].labels;
        assert!(
            labels.contains(&"unspec:team=sales".to_owned()),
            "{labels:?}"
        );
        // The command that is given asks the same.
        let words: Vec<&str> = answer.command.split(' ').skip(1).collect();
        let (text, _) = flows(&lab, &words);
        assert!(text.ends_with("Verdict: DENIED\n"), "{text}");
    }

    // Any port: what the one rule allows.
    let any = [
        "policy",
        "trace",
        "--src-pod",
        "shop/client",
        "--dst-pod",
        "shop/a",
    ];
    let (text, _) = flows(&lab, &any);
    let verdict = "Verdict: ALLOWED on 8080/TCP, DENIED on everything else\n";
    assert!(text.ends_with(verdict), "{text}");
    assert!(
        !text.contains("To allow it"),
        "nobody asked for more: {text}"
    );

    // Who waits for what never comes is told how far the node is.
    let server = format!("unix://{}", sockets[1]);
    let wait = [
        "policy",
        "wait",
        "--revision",
        "9999",
        "--server",
        &server,
        "--request-timeout",
        "1s",
    ];
    let output = Command::new(program().with_file_name("flows"))
        .args(wait)
        .output();
    let output = output.expect("flows runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("not in force within 1 s") && text.contains("revision 9999 is waited for"),
        "{text}"
    );
    let (text, code) = flows(&lab, &["policy", "wait"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("in force on all nodes\n"), "{text}");
}

async fn channel(socket: &str) -> tonic::transport::Channel {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("unix://{socket}"));
    endpoint
        .expect("an address")
        .connect()
        .await
        .expect("it listens")
}

/// The newest flow that was dropped by policy.
async fn dropped_flow(socket: &str) -> proto::flow::Flow {
    use proto::observer::{
        GetFlowsRequest, get_flows_response::ResponseTypes, observer_client::ObserverClient,
    };
    let mut request = tonic::Request::new(GetFlowsRequest {
        number: 1,
        whitelist: vec![proto::flow::FlowFilter {
            drop_reason_desc: vec![proto::flow::DropReason::PolicyDenied.into()],
            ..proto::flow::FlowFilter::default()
        }],
        ..GetFlowsRequest::default()
    });
    let metadata = request.metadata_mut();
    metadata.insert(proto::WANT_EXTENSIONS, "1".parse().expect("a value"));
    let stream = ObserverClient::new(channel(socket).await)
        .get_flows(request)
        .await;
    let mut stream = stream.expect("flows").into_inner();
    while let Some(response) = stream.message().await.expect("flows") {
        if let Some(ResponseTypes::Flow(flow)) = response.response_types {
            return flow;
        }
    }
    panic!("no flow was dropped")
}

async fn explained(socket: &str, flow: &proto::flow::Flow) -> proto::flows::v1::ExplainResponse {
    use proto::flows::v1::{ExplainRequest, policy_client::PolicyClient};
    let request = ExplainRequest {
        flow: Some(flow.clone()),
    };
    let answer = PolicyClient::new(channel(socket).await)
        .explain(request)
        .await;
    answer.expect("an explanation").into_inner()
}
