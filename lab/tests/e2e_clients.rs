//! Clients and servers by other hands, through the kernel and the proxies of two nodes: curl, h2load, Chromium, Node.js,
//! dig, the C library's resolver, dnsmasq, kcat (librdkafka).

mod common;

use std::path::Path;
use std::time::Duration;

use common::program;
use flows_lab::lab::Options;
use flows_lab::process::Deadline;
use testing_lab::{TestLab, options, pod};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/server.mjs");

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
    - toEndpoints: [{matchLabels: {app: web}}, {matchLabels: {app: broker}}]
    - toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': kube-system, k8s-app: kube-dns}}]
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
          rules: {kafka: [{role: produce, topic: orders}, {role: consume, topic: orders}]}
";

/// A pod of a namespace with one container that runs a command.
fn serving(namespace: &str, name: &str, labels: &str, node: &str, command: &[&str]) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\nspec:\n  \
         nodeName: {node}\n  containers:\n    - {{name: server, command: {command:?}}}\n"
    )
}

fn up() -> TestLab {
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
    ];
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: kube-dns, namespace: kube-system}\nspec:\n  selector: \
                   {k8s-app: kube-dns}\n  ports: [{port: 53, protocol: UDP}]\n";
    let manifests = [
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}\n".to_owned(),
        service.to_owned(),
        serving("kube-system", "dns", "k8s-app: kube-dns", "two", &resolver),
        serving("default", "web", "app: web", "two", &["node", SERVER]),
        serving("default", "broker", "app: broker", "two", &broker),
        pod("near", "app: client", "two", &[]),
        pod("far", "app: client", "one", &[]),
        POLICIES.to_owned(),
    ];
    let options = Options {
        l7_proxy: true,
        outside: true,
        ..options(program(), true)
    };
    TestLab::up(&options, &manifests.join("---\n")).unwrap()
}

/// What a command in a pod says on both of its outputs.
fn run(lab: &TestLab, from: &str, line: &str) -> String {
    let output = lab
        .exec(from, &["timeout", "60", "bash", "-c", line])
        .unwrap();
    let texts = [output.stdout, output.stderr];
    let texts = texts.map(|text| String::from_utf8_lossy(&text).into_owned());
    texts.concat()
}

/// Runs a command until it says this, which it does once its servers are up.
fn until(lab: &TestLab, from: &str, line: &str, words: &[&str]) {
    let deadline = Deadline::after(Duration::from_secs(60));
    loop {
        let said = run(lab, from, line);
        if words.iter().all(|words| said.contains(words)) {
            return;
        }
        assert!(deadline.pause(), "{from}: {line}: {words:?} in:\n{said}");
    }
}

fn expect(lab: &TestLab, from: &str, line: &str, words: &[&str]) {
    let said = run(lab, from, line);
    let missing: Vec<_> = words
        .iter()
        .filter(|words| !said.contains(**words))
        .collect();
    assert!(
        missing.is_empty(),
        "{from}: {line}: {missing:?} in:\n{said}"
    );
}

fn http(lab: &TestLab, from: &str) {
    const CODE: &str = "-s -o /dev/null -w '%{http_code} %{http_version}'";
    until(
        lab,
        from,
        &format!("curl {CODE} http://web:8080/hello"),
        &["200 1.1"],
    );
    for (options, said) in [
        ("http://web:8080/hello -I", "200 1.1"),
        ("--http1.0 http://web:8080/hello", "426 1.1"),
        ("-X DELETE http://web:8080/hello", "403 1.1"),
        ("http://web:8080/secret", "403 1.1"),
        ("--path-as-is http://web:8080/hello/../secret", "403 1.1"),
        // curl asks for HTTP/2 by an upgrade, which servers may leave unanswered.
        ("--http2 http://web:8080/hello", "200 1.1"),
        ("--http2-prior-knowledge http://web:8081/hello", "200 2"),
        ("--http2-prior-knowledge http://web:8081/secret", "403 2"),
        (
            "--http2-prior-knowledge -X POST -d x http://web:8081/hello",
            "403 2",
        ),
    ] {
        expect(lab, from, &format!("curl {CODE} {options}"), &[said]);
    }
    // A request is answered before its body has come, and the body may still come: no client misses the answer.
    let many = format!(
        "for n in {{1..30}}; do curl {CODE} --http2-prior-knowledge -d x http://web:8081/hello; echo; done | sort | uniq -c"
    );
    expect(lab, from, &many, &["30 403 2"]);
    // Bodies: with a length after 100 Continue, in chunks, and down again.
    let sent = "head -c 5000000 /dev/zero | curl -s -H 'Expect: 100-continue'";
    expect(
        lab,
        from,
        &format!("{sent} --data-binary @- http://web:8080/upload"),
        &["received 5000000"],
    );
    expect(
        lab,
        from,
        &format!("{sent} -T - http://web:8080/upload"),
        &["received 5000000"],
    );
    expect(
        lab,
        from,
        &format!("{sent} --http2-prior-knowledge --data-binary @- http://web:8081/upload"),
        &["received 5000000"],
    );
    expect(
        lab,
        from,
        &format!("{sent} --data-binary @- http://web:8080/secret"),
        &["Access denied"],
    );
    for url in [
        "http://web:8080/large",
        "--http2-prior-knowledge http://web:8081/large",
    ] {
        expect(lab, from, &format!("curl -s {url} | wc -c"), &["8388608"]);
    }
    // One connection: the second request is denied, and the third goes on.
    let three = "http://web:8080/hello http://web:8080/secret http://web:8080/hello";
    expect(
        lab,
        from,
        &format!("curl -s -w '%{{http_code}}/%{{num_connects}} ' {three}"),
        &["200/1", "403/0", "200/0"],
    );
}

fn load(lab: &TestLab, from: &str) {
    let load = "h2load -n 2000 -c 8 -m 16";
    expect(
        lab,
        from,
        &format!("{load} http://web:8081/hello"),
        &["2000 succeeded, 0 failed", "2000 2xx"],
    );
    expect(
        lab,
        from,
        &format!("{load} http://web:8081/secret"),
        &["2000 done", "2000 4xx"],
    );
    expect(
        lab,
        from,
        "h2load --h1 -n 2000 -c 8 http://web:8080/hello",
        &["2000 succeeded, 0 failed", "2000 2xx"],
    );
}

fn browser(lab: &TestLab, from: &str) {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().display();
    let page = format!(
        "chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
         --disable-background-networking --disable-component-update --disable-sync --user-data-dir={profile} \
         --timeout=20000 --virtual-time-budget=10000 --dump-dom http://web:8080/page"
    );
    let words = [
        "hello: 200",
        "secret: 403",
        "deleted: 403",
        "echo: over a socket",
        "done",
    ];
    until(lab, from, &page, &words);
}

fn names(lab: &TestLab, from: &str) {
    let plan = &lab.lab().record().plan;
    let server = plan.pod("kube-system", "dns").unwrap().ipv4;
    until(
        lab,
        from,
        &format!("dig +short @{server} api.svc.test"),
        &["203.0.113.10"],
    );
    for (options, said) in [
        ("+tcp api.svc.test", "203.0.113.10"),
        ("+noedns api.svc.test", "203.0.113.10"),
        ("+bufsize=4096 +dnssec api.svc.test", "203.0.113.10"),
        ("AAAA api.svc.test", "2001:db8::10"),
        ("api.other.test", "status: REFUSED"),
        ("+tcp api.other.test", "status: REFUSED"),
        ("TXT api.other.test", "status: REFUSED"),
    ] {
        expect(lab, from, &format!("dig @{server} {options}"), &[said]);
    }
    expect(lab, from, "getent ahostsv4 api.svc.test", &["203.0.113.10"]);
    expect(
        lab,
        from,
        "getent ahostsv4 api.other.test || echo none",
        &["none"],
    );
    expect(
        lab,
        from,
        "curl -s -4 -m 5 -o /dev/null -w '%{errormsg}' http://api.svc.test:443/",
        // The way is open, and nobody listens there.
        &["Couldn't connect to server"],
    );
}

fn kafka(lab: &TestLab, from: &str) {
    let kcat = "kcat -b broker:9092 -m 20";
    until(lab, from, &format!("{kcat} -L"), &["topic \"orders\""]);
    expect(
        lab,
        from,
        &format!("echo tea | {kcat} -P -t orders && echo stored"),
        &["stored"],
    );
    expect(
        lab,
        from,
        &format!("{kcat} -C -t orders -o beginning -e"),
        &["tea"],
    );
    expect(
        lab,
        from,
        &format!("echo tea | {kcat} -P -t payments -X message.timeout.ms=5000 || echo denied"),
        &["denied"],
    );
}

#[test]
fn they_get_what_the_rules_allow_and_nothing_else() {
    assert!(Path::new(SERVER).exists());
    let lab = up();
    // On the server's node, and from another one.
    for from in ["near", "far"] {
        http(&lab, from);
        names(&lab, from);
    }
    load(&lab, "far");
    browser(&lab, "far");
    kafka(&lab, "far");
    let l7 = ["observe", "--type", "l7", "--last", "20000"];
    for (verdict, words) in [
        ("FORWARDED", ["default/far", "GET /page"]),
        ("DROPPED", ["default/far", "DELETE /hello: 403"]),
        ("FORWARDED", ["default/near", "PUT /upload"]),
        ("DROPPED", ["default/near", "A api.other.test: refused"]),
        ("DROPPED", ["default/far", "payments"]),
    ] {
        lab.told(&l7, &[&[verdict][..], &words].concat());
    }
}
