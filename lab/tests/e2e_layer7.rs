//! Rules of layer 7 in a running lab: real requests to real servers, judged by each node's proxy.

mod common;
#[path = "common/names.rs"]
mod names;
#[path = "common/resolver.rs"]
mod resolver;

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use common::program;
use flows_lab::network;
use flows_lab::process::Deadline;
use names::{query, within};
use resolver::resolver;
use testing_lab::{TestLab, metrics, options, pod};

const POLICY: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: api}
spec:
  endpointSelector: {matchLabels: {app: api}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: scraper}}]
      toPorts:
        - ports: [{port: '8080', protocol: TCP}]
          rules: {http: [{method: METHOD, path: /metrics}]}
";

fn policy(method: &str) -> String {
    POLICY.replace("METHOD", method)
}

/// A server, clients on its node and on another one, and somebody whom no rule selects.
fn up() -> TestLab {
    let api = "apiVersion: v1\nkind: Pod\nmetadata: {name: api, labels: {app: api}}\nspec:\n  nodeName: one\n  \
        containers:\n    - {name: http, command: [flows-lab, serve, tcp, --port, '8080', --http, hello]}\n";
    let manifests = [
        api.to_owned(),
        pod("near", "app: scraper", "one", &[]),
        pod("far", "app: scraper", "two", &[]),
        pod("stranger", "app: stranger", "two", &[]),
        policy("GET"),
    ];
    let options = flows_lab::lab::Options {
        l7_proxy: true,
        ..options(program(), true)
    };
    TestLab::up(&options, &manifests.join("---\n")).unwrap()
}

/// What the server, or somebody in its place, answers: the status of the answer and its body; empty if there is
/// none within the time.
fn ask(lab: &TestLab, from: &str, to: &str, request: &str, seconds: u32) -> String {
    let script = format!(
        "exec 3<>/dev/tcp/{to}/8080 || exit; \
         printf '{request} HTTP/1.1\\r\\nHost: api\\r\\nConnection: close\\r\\n\\r\\n' >&3; \
         IFS= read -r -u 3 first; while IFS= read -r -u 3 line; do last=$line; done; \
         echo \"${{first%$'\\r'}}: ${{last%$'\\r'}}$line\""
    );
    let limit = seconds.to_string();
    let output = lab
        .exec(from, &["timeout", &limit, "bash", "-c", &script])
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

const ALLOWED: &str = "HTTP/1.1 200 OK: hello";
const DENIED: &str = "HTTP/1.1 403 Forbidden: Access denied";

/// Asks until it is answered so.
fn until(lab: &TestLab, from: &str, request: &str, expected: &str) {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let answer = ask(lab, from, "api", request, 5);
        if answer == expected {
            return;
        }
        assert!(
            deadline.pause(),
            "{from}: {request}: {answer}, not {expected}"
        );
    }
}

#[test]
fn requests_are_judged_by_the_rules_of_their_moment() {
    let mut lab = up();
    let plan = &lab.lab().record().plan;
    let ipv6 = plan.pods.iter().find(|pod| pod.name == "api").unwrap().ipv6;
    let ipv6 = ipv6.to_string();
    for from in ["near", "far"] {
        until(&lab, from, "GET /metrics", ALLOWED);
        for to in ["api", &ipv6] {
            assert_eq!(
                ask(&lab, from, to, "GET /metrics", 10),
                ALLOWED,
                "{from} {to}"
            );
            for request in [
                "POST /metrics",
                "GET /metrics/x",
                "GET /",
                "DELETE /metrics",
            ] {
                assert_eq!(
                    ask(&lab, from, to, request, 10),
                    DENIED,
                    "{from} {to} {request}"
                );
            }
        }
    }
    // Nobody's rule selects it: not even a connection.
    assert_eq!(ask(&lab, "stranger", "api", "GET /metrics", 1), "");

    let l7 = ["observe", "--type", "l7", "--last", "100"];
    lab.told(
        &l7,
        &[
            "default/near",
            "-> ",
            "api:8080",
            "DROPPED",
            "method POST is not GET",
        ],
    );
    lab.told(
        &l7,
        &["default/far", "DROPPED", "path /metrics/x is not /metrics"],
    );
    lab.told(&l7, &["default/near", "FORWARDED", "cnp default/api"]);
    let json = ["observe", "--http-method", "DELETE", "-o", "jsonpb"];
    lab.told(
        &json,
        &["\"method\":\"DELETE\"", "\"DROPPED\"", "\"type\":129"],
    );
    // A denied request is a row by itself and an incident, whatever its connection; and all are counted.
    let denied = "cnp default/api \u{b7} POST /metrics: 403";
    let rows = ["observe", "--last", "200"];
    lab.told(&rows, &["default/near", "api:8080", "DENIED", denied]);
    lab.told(&rows, &["default/far", "ALLOWED", "1 request, 1 denied"]);
    lab.told(&["incidents"], &["near", "api:8080", denied]);
    let page = metrics(&lab);
    assert_eq!(page["flows_proxy_connected"], 1);
    let forbidden = "method=\"POST\",protocol=\"HTTP/1.1\",status=\"403\",reporter=\"server\"";
    assert!(page[&format!("hubble_http_requests_total{{{forbidden}}}")] >= 4);
    let redirected = ["observe", "--events", "--verdict", "REDIRECTED"];
    lab.told(
        &redirected,
        &["default/near", "api:8080", "cnp default/api"],
    );

    lab.enforce("policy.yaml", &policy("POST")).unwrap();
    for from in ["near", "far"] {
        until(&lab, from, "POST /metrics", ALLOWED);
        assert_eq!(ask(&lab, from, "api", "GET /metrics", 10), DENIED, "{from}");
    }
    // Without rules of layer 7 nothing is redirected.
    lab.withdraw(&policy("POST")).unwrap();
    until(&lab, "stranger", "GET /anything", ALLOWED);
    let (_, errors, _) = lab.run_flows(&["status"]);
    assert!(!errors.contains("problem"), "{errors}");
}

#[test]
fn neither_an_agent_nor_a_proxy_is_missed_in_silence() {
    let mut lab = up();
    until(&lab, "near", "GET /metrics", ALLOWED);
    // Without an agent requests go on being judged.
    assert!(lab.lab_mut().kill_agent("one").unwrap());
    for from in ["near", "far"] {
        assert_eq!(
            ask(&lab, from, "api", "GET /metrics", 10),
            ALLOWED,
            "{from}"
        );
        assert_eq!(
            ask(&lab, from, "api", "POST /metrics", 10),
            DENIED,
            "{from}"
        );
    }
    lab.lab_mut().restart_agent("one").unwrap();
    // What was recorded meanwhile isn't lost.
    let l7 = ["observe", "--type", "l7", "--last", "100"];
    lab.told(&l7, &["default/far", "DROPPED", "method POST is not GET"]);
    assert_eq!(ask(&lab, "far", "api", "POST /metrics", 10), DENIED);

    // Without a proxy nothing passes, which is told.
    assert!(lab.lab_mut().kill_proxy("one").unwrap());
    for from in ["near", "far"] {
        assert_eq!(ask(&lab, from, "api", "GET /metrics", 1), "", "{from}");
    }
    let drops = [
        "observe",
        "--events",
        "--verdict",
        "DROPPED",
        "--last",
        "20",
    ];
    lab.told(&drops, &["default/near", "api:8080", "cnp default/api"]);
    lab.told(&["status"], &["flows-proxy doesn't run on this node"]);
    // A new one begins with the rules of the moment, also those that came while there was none.
    lab.enforce("policy.yaml", &policy("POST")).unwrap();
    lab.lab_mut().restart_proxy("one").unwrap();
    for from in ["near", "far"] {
        until(&lab, from, "POST /metrics", ALLOWED);
        assert_eq!(ask(&lab, from, "api", "GET /metrics", 10), DENIED, "{from}");
    }
    lab.told(&l7, &["default/near", "FORWARDED", "cnp default/api"]);
    let deadline = Deadline::after(Duration::from_secs(20));
    while !lab.lab().complaints().is_empty() {
        assert!(deadline.pause(), "{:?}", lab.lab().complaints());
    }
}

const NAMES: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: payment}
spec:
  endpointSelector: {matchLabels: {app: payment}}
  egress:
    - toEndpoints: [{matchLabels: {app: dns}}]
      toPorts:
        - ports: [{port: '53', protocol: UDP}]
          rules: {dns: [{matchPattern: '*.stripe.test'}]}
    - toFQDNs: [{matchName: api.stripe.test}]
      toPorts: [{ports: [{port: '443', protocol: TCP}]}]
";

/// A lab of those, with a resolver: the pod's namespace, and where the resolver is.
fn up_with_names() -> (TestLab, PathBuf, SocketAddr) {
    let options = flows_lab::lab::Options {
        l7_proxy: true,
        outside: true,
        ..options(program(), true)
    };
    let manifests = [
        pod("payment", "app: payment", "one", &[]),
        pod("dns", "app: dns", "two", &[]),
        NAMES.to_owned(),
    ];
    let lab = TestLab::up(&options, &manifests.join("---\n")).unwrap();
    let paths = lab.lab().paths();
    let pods = &lab.lab().record().plan.pods;
    let [payment, dns] =
        ["payment", "dns"].map(|name| pods.iter().find(|pod| pod.name == name).unwrap());
    let server = SocketAddr::from((dns.ipv4, 53));
    within(&paths.pod_namespace(dns), move || {
        let socket = UdpSocket::bind("0.0.0.0:53").unwrap();
        let limit = Some(Duration::from_secs(60));
        socket.set_read_timeout(limit).unwrap();
        resolver(&socket);
    });
    let payment = paths.pod_namespace(payment);
    (lab, payment, server)
}

#[test]
fn a_name_opens_what_its_answer_says_before_the_answer_arrives() {
    let (mut lab, payment, server) = up_with_names();
    let limit = Some(Duration::from_secs(60));
    let outside = lab.lab().paths().outside_namespace();
    let listener = within(&outside, || TcpListener::bind("0.0.0.0:443").unwrap());
    let _listener = listener.join().unwrap();
    let asking = within(&payment, move || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_read_timeout(limit).unwrap();
        let https = SocketAddr::from((network::OUTSIDE_IPV4, 443));
        let opens =
            |patience| TcpStream::connect_timeout(&https, Duration::from_millis(patience)).is_ok();
        let ask = |id, name| {
            let mut answer = [0; 512];
            socket.send_to(&query(id, name), server).unwrap();
            let length = socket.recv(&mut answer).unwrap();
            assert_eq!(answer[..2], u16::to_be_bytes(id));
            // The response code, and how many answers there are.
            (answer[3] & 0xf, answer[7], length)
        };
        // The resolver may not be there yet.
        assert!(!opens(300), "nobody asked for its name");
        let (code, answers, _) = ask(1, "www.other.test");
        assert_eq!((code, answers), (5, 0), "refused");
        let (code, answers, _) = ask(2, "www.stripe.test");
        assert_eq!((code, answers), (0, 1));
        assert!(
            !opens(300),
            "a name that may be asked for, and opens nothing"
        );
        for id in 3..23 {
            let (code, answers, _) = ask(id, "API.stripe.test");
            assert_eq!((code, answers), (0, 1));
            assert!(opens(10_000), "at once");
        }
    });
    asking.join().unwrap();
    let l7 = ["observe", "--type", "l7", "--last", "100"];
    lab.told(
        &l7,
        &[
            "default/payment",
            "L7_DNS",
            "DROPPED",
            "A www.other.test: refused",
            "cnp default/payment",
        ],
    );
    lab.told(
        &l7,
        &[
            "default/payment",
            "FORWARDED",
            "api.stripe.test 203.0.113.10",
        ],
    );
    lab.told(
        &["names", "list"],
        &[
            "default/payment",
            "api.stripe.test",
            "open",
            "toFQDNs api.stripe.test",
        ],
    );
    let denied = ["observe", "--verdict", "DROPPED"];
    lab.told(
        &denied,
        &[
            "default/payment",
            "www.stripe.test:443",
            "default deny egress",
        ],
    );
    // A new agent knows what the last one learned.
    assert!(lab.lab_mut().kill_agent("one").unwrap());
    lab.lab_mut().restart_agent("one").unwrap();
    let opens = within(&payment, || {
        let https = SocketAddr::from((network::OUTSIDE_IPV4, 443));
        TcpStream::connect_timeout(&https, Duration::from_secs(10)).is_ok()
    });
    assert!(opens.join().unwrap());
}

/// Queries each second.
const RATE: u32 = 2_000;
/// How long they go on.
const ASKED_FOR: Duration = Duration::from_secs(6);

/// What became of many queries.
#[derive(Debug, Default)]
struct Asked {
    queries: u32,
    answered: u32,
    /// Answers with addresses to names that may not be asked for.
    forbidden: u32,
}

/// Asks for names, every fourth one of them forbidden, and counts what comes back.
fn ask_many(server: SocketAddr) -> Asked {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let began = Instant::now();
    let mut asked = Asked::default();
    let mut answer = [0; 512];
    // What is asked last has time to be answered.
    while began.elapsed() < ASKED_FOR + Duration::from_secs(5) {
        let mut busy = false;
        let due = began.elapsed().min(ASKED_FOR).as_secs_f64() * f64::from(RATE);
        if f64::from(asked.queries) < due {
            let id = u16::try_from(asked.queries % 60_000).unwrap();
            let zone = if id.is_multiple_of(4) {
                "other"
            } else {
                "stripe"
            };
            let query = query(id, &format!("n{}.{zone}.test", id % 500));
            // The queue towards the proxy may be full for a moment; then it is tried again.
            asked.queries += u32::from(socket.send_to(&query, server).is_ok());
            busy = true;
        }
        if let Ok(length) = socket.recv(&mut answer) {
            assert!(length > 12);
            asked.answered += 1;
            let id = u16::from_be_bytes([answer[0], answer[1]]);
            asked.forbidden += u32::from(id.is_multiple_of(4) && answer[7] > 0);
            busy = true;
        }
        if !busy {
            thread::sleep(Duration::from_micros(200));
        }
    }
    asked
}

#[test]
fn a_proxy_that_is_killed_is_back_and_lets_nothing_else_pass() {
    let (lab, payment, server) = up_with_names();
    // Ports of which the policy allows one.
    let listening = within(&lab.lab().paths().outside_namespace(), || {
        [443, 444].map(|port| TcpListener::bind(("0.0.0.0", port)).unwrap())
    });
    let _listening = listening.join().unwrap();
    let asking = within(&payment, move || ask_many(server));
    let connecting = within(&payment, || {
        let began = Instant::now();
        let mut passed = 0;
        while began.elapsed() < ASKED_FOR {
            for port in [443, 444] {
                let address = SocketAddr::from((network::OUTSIDE_IPV4, port));
                let opened = TcpStream::connect_timeout(&address, Duration::from_millis(50));
                passed += u32::from(opened.is_ok());
            }
        }
        passed
    });
    for _ in 0..3 {
        thread::sleep(ASKED_FOR / 4);
        let deadline = Deadline::after(Duration::from_secs(30));
        while !lab.lab().kill_proxy_worker("one").unwrap() {
            assert!(deadline.pause(), "the proxy is not back");
        }
    }
    // No name that anybody asked for opens anything.
    assert_eq!(connecting.join().unwrap(), 0);
    let asked = asking.join().unwrap();
    assert_eq!(asked.forbidden, 0, "{asked:?}");
    // Those that a proxy had taken when it was killed are lost, as clients expect of DNS.
    assert!(asked.answered > asked.queries / 2, "{asked:?}");
    let opens = within(&payment, move || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        let deadline = Deadline::after(Duration::from_secs(60));
        let mut answer = [0; 512];
        loop {
            socket
                .send_to(&query(7, "api.stripe.test"), server)
                .unwrap();
            if socket.recv(&mut answer).is_ok() && answer[7] == 1 {
                break;
            }
            assert!(deadline.pause(), "not answered any more");
        }
        let https = SocketAddr::from((network::OUTSIDE_IPV4, 443));
        TcpStream::connect_timeout(&https, Duration::from_secs(10)).is_ok()
    });
    assert!(opens.join().unwrap());
}
