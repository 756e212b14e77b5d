//! The requests of HTTP in the table beside Envoy with the same rules: its own RBAC filter, and what Cilium sets of
//! its connection manager. Not a part of what runs everywhere, since Envoy isn't there: CONTRIBUTING.md says how.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use l7::http::RuleSpec;
use l7::rules::{Allows, Peers};
use serde_json::{Value, json};
use testing_cases::{L4, Probe, Request};
use testing_policy::layer7::World;
use testing_program::Background;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::http::{Seen, exchange};
use crate::http2;
use crate::rig::{SHORT, within};
use crate::stage::stage;
use crate::wire::{Server, Wire};

/// Where the proxy answers otherwise than Envoy, on purpose: what the probe says, and why.
const DIFFERENT: [(&str, &str); 3] = [
    (
        "several lines of one header: every line would have to match; do not let one good line excuse a bad one",
        "a server may read the line that no rule allows",
    ),
    (
        "bare LF line ends must be refused",
        "servers differ in where such a head ends",
    ),
    (
        "CONNECT has no path to match and is never tunnelled",
        "405 says that it is the method",
    ),
];

/// A probe, and the bytes of its request.
struct Case<'t> {
    id: &'t str,
    probe: &'t Probe,
    bytes: String,
    /// What is asked, in Envoy's words.
    rules: Value,
    /// Where Envoy asks it.
    address: SocketAddr,
}

/// A rule as permissions of Envoy. `None`: no request can match it.
fn permission(rule: &RuleSpec) -> Option<Value> {
    let regex = |name: &str, regex: &Option<Box<str>>| {
        let matcher = json!({"safe_regex": {"regex": regex.as_ref()?}});
        Some(json!({"header": {"name": name, "string_match": matcher}}))
    };
    let exact = |name: &str, value: &str| json!({"header": {"name": name, "string_match": {"exact": value}}});
    let present = |name: &str| json!({"header": {"name": name, "present_match": true}});
    let mut all: Vec<Value> = [
        regex(":method", &rule.method),
        regex(":path", &rule.path),
        regex(":authority", &rule.host),
    ]
    .into_iter()
    .flatten()
    .collect();
    // As Cilium takes them apart.
    for text in &rule.headers {
        match text.split_once(' ') {
            Some((name, value)) => all.push(exact(name.trim_end_matches(':'), value)),
            None if text.contains(':') => return None,
            None => all.push(present(text)),
        }
    }
    for of in &rule.header_matches {
        assert!(of.secret.is_none(), "Envoy has no secrets of Kubernetes");
        match &of.value {
            // What is done about a mismatch is a filter of Cilium's; the rule matches.
            _ if of.mismatch.is_some() => {}
            Some(value) => all.push(exact(&of.name, value)),
            None => all.push(present(&of.name)),
        }
    }
    Some(match all.is_empty() {
        true => json!({"any": true}),
        false => json!({"and_rules": {"rules": all}}),
    })
}

/// What the rules of a probe's port allow its peer, as policies of Envoy.
fn policies(world: &World, probe: &Probe) -> Value {
    let (subject, peer) = probe.ends();
    let (table, peer) = (world.table(subject), world.identity(peer).0);
    let direction = match probe.dir.as_str() {
        "ingress" => l7::rules::Direction::Ingress,
        _ => l7::rules::Direction::Egress,
    };
    let bindings = world.snapshot.bindings.iter().filter(|binding| {
        Some(binding.endpoint) == table
            && binding.direction == direction
            && binding.protocol == l7::rules::Protocol::Tcp
            && (binding.first_port..=binding.last_port).contains(&probe.port)
    });
    let sets = bindings.map(|binding| &world.snapshot.sets[usize::try_from(binding.set).unwrap()]);
    let of_peer = sets
        .flat_map(|set| &set.alternatives)
        .filter(|one| match &one.peers {
            Peers::Any => true,
            Peers::Identities(identities) => identities.contains(&peer),
        });
    let mut permissions = Vec::new();
    for one in of_peer {
        match &one.allows {
            Allows::Everything => permissions.push(json!({"any": true})),
            Allows::Http(rules) => permissions.extend(rules.iter().filter_map(permission)),
            Allows::Dns(_) | Allows::Kafka(_) | Allows::ServerNames(_) => {
                panic!("{probe}: {:?}", one.allows);
            }
        }
    }
    match permissions.is_empty() {
        true => json!({}),
        false => json!({"own": {"principals": [{"any": true}], "permissions": permissions}}),
    }
}

fn listener(case: &Case<'_>, number: usize) -> Value {
    let types = "type.googleapis.com/envoy.extensions.filters";
    json!({
        "name": format!("{} {number}", case.id),
        "address": {"socket_address": {
            "address": case.address.ip(), "port_value": case.address.port(),
        }},
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": format!("{types}.network.http_connection_manager.v3.HttpConnectionManager"),
                "stat_prefix": "http",
                "use_remote_address": true,
                "skip_xff_append": true,
                "normalize_path": true,
                "merge_slashes": true,
                "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
                "upgrade_configs": [{"upgrade_type": "websocket"}],
                "route_config": {"virtual_hosts": [{
                    "name": "all", "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "server"}}],
                }]},
                "http_filters": [
                    {"name": "envoy.filters.http.rbac", "typed_config": {
                        "@type": format!("{types}.http.rbac.v3.RBAC"),
                        "rules": {"action": "ALLOW", "policies": case.rules},
                    }},
                    {"name": "envoy.filters.http.router", "typed_config": {
                        "@type": format!("{types}.http.router.v3.Router"),
                    }},
                ],
            },
        }]}],
    })
}

/// Starts it before a server.
async fn start(cases: &[Case<'_>], server: SocketAddr, directory: &Path) -> Background {
    let listeners = cases
        .iter()
        .zip(0..)
        .map(|(case, number)| listener(case, number));
    let endpoint = json!({"endpoint": {"address": {"socket_address": {
        "address": server.ip(), "port_value": server.port(),
    }}}});
    let config = json!({"static_resources": {
        "listeners": listeners.collect::<Vec<_>>(),
        "clusters": [{
            "name": "server", "type": "STATIC", "connect_timeout": "5s",
            "load_assignment": {
                "cluster_name": "server", "endpoints": [{"lb_endpoints": [endpoint]}],
            },
        }],
    }});
    let file = directory.join("envoy.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let program = testing_program::envoy().unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(program);
    command
        .args(["--concurrency", "1", "-l", "error", "--disable-hot-restart"])
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null());
    let mut envoy = Background::start(&mut command);
    let deadline = Instant::now() + Duration::from_secs(30);
    for case in cases {
        while TcpStream::connect(case.address).await.is_err() {
            assert!(Instant::now() < deadline, "envoy does not listen");
            assert!(envoy.child().try_wait().unwrap().is_none(), "envoy ended");
            sleep(Duration::from_millis(20)).await;
        }
    }
    envoy
}

/// Ports that are free now: Envoy can't tell which it was given.
fn addresses(count: usize) -> Vec<SocketAddr> {
    let listeners = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let listeners: Vec<_> = listeners.collect();
    listeners
        .iter()
        .map(|one| one.local_addr().unwrap())
        .collect()
}

/// Sends bytes: the statuses of so many answers, and of those that still come. It closes a connection whose client
/// closes its half, so that isn't done.
async fn send(address: SocketAddr, bytes: &str, count: usize) -> Vec<u16> {
    let mut client = Wire::connect(address).await;
    client.send(bytes).await;
    let is_head = bytes.starts_with("HEAD ");
    let mut statuses = Vec::new();
    loop {
        let answer = async {
            match is_head {
                true => client.head().await,
                false => client.message().await,
            }
        };
        let answer = if statuses.len() < count {
            answer.await
        } else {
            timeout(SHORT, answer).await.unwrap_or(None)
        };
        let Some(answer) = answer else {
            return statuses;
        };
        statuses.push(answer.status());
    }
}

fn answer(request: &crate::wire::Message) -> String {
    let body = if request.head.starts_with("HEAD ") {
        ""
    } else {
        "ok"
    };
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}")
}

#[tokio::test]
#[ignore = "needs Envoy: FLOWS_ENVOY=... cargo test -p flows-proxy --test cases -- --ignored"]
async fn envoy_answers_as_the_proxy_does() {
    let table = testing_cases::table();
    let worlds = table.sets.iter().map(|set| (set, World::new(&table, set)));
    let worlds: Vec<_> = worlds
        .filter(|(set, _)| set.merge_error.is_none())
        .collect();
    let probes = worlds.iter().flat_map(|(set, world)| {
        let redirected = set.probes.iter().filter(|probe| probe.l4 == L4::Redirected);
        redirected.filter_map(move |probe| {
            let bytes = match &probe.request {
                Request::Http(http) => http.head(),
                Request::Raw(bytes) => bytes.clone(),
                Request::Dns(_) | Request::Kafka(_) | Request::Tls(_) | Request::None => {
                    return None;
                }
            };
            Some((set, world, probe, bytes))
        })
    });
    let probes: Vec<_> = probes.collect();
    let places = addresses(probes.len());
    let cases: Vec<Case<'_>> = probes
        .iter()
        .zip(places)
        .map(|((set, world, probe, bytes), address)| Case {
            id: &set.id,
            probe,
            bytes: bytes.clone(),
            rules: policies(world, probe),
            address,
        })
        .collect();
    let server = Server::answering(answer).await;
    let directory = tempfile::tempdir().unwrap();
    let _envoy = start(&cases, server.address, directory.path()).await;
    let (mut compared, mut found) = (0, Vec::new());
    for (case, (_, world, ..)) in cases.iter().zip(&probes) {
        let rig = stage(world, case.probe).await;
        let own = exchange(&rig, case.bytes.as_bytes()).await;
        let before = server.seen().len();
        let theirs = send(case.address, &case.bytes, own.0.len()).await;
        let theirs = (theirs, seen_since(&server, before));
        compared += 1;
        found.extend(differs(case, "HTTP/1.1", own, theirs));
        let Request::Http(request) = &case.probe.request else {
            continue;
        };
        let rig = stage(world, case.probe).await;
        let (own, own_seen) = http2::exchange(&rig, request).await;
        let before = server.seen().len();
        let client = TcpStream::connect(case.address).await.unwrap();
        let theirs = within(http2::status(client, request)).await;
        let theirs = (vec![theirs], seen_since(&server, before));
        compared += 1;
        found.extend(differs(case, "HTTP/2", (vec![own], own_seen), theirs));
    }
    let is_known = |probe: &Probe| DIFFERENT.iter().any(|(why, _)| *why == probe.why);
    let wrong = found.iter().filter(|(probe, _)| !is_known(probe));
    let wrong: Vec<&str> = wrong.map(|(_, text)| text.as_str()).collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for (why, _) in DIFFERENT {
        let is_found = found.iter().any(|(probe, _)| probe.why == why);
        assert!(is_found, "not different: {why}");
    }
    assert!(compared >= 150, "{compared}");
}

/// What the server saw since it had seen so many.
fn seen_since(server: &Server, before: usize) -> Vec<Seen> {
    server.seen()[before..].iter().map(Seen::from).collect()
}

/// Statuses, and what the server saw.
type Answers = (Vec<u16>, Vec<Seen>);

/// What is not the same: statuses, and the paths that reach the server.
fn differs<'t>(
    case: &Case<'t>,
    version: &str,
    own: Answers,
    theirs: Answers,
) -> Option<(&'t Probe, String)> {
    let paths = |(statuses, seen): Answers| {
        let paths = seen.into_iter().map(|one| one.path);
        (statuses, paths.collect::<Vec<_>>())
    };
    let (own, theirs) = (paths(own), paths(theirs));
    (own != theirs).then(|| {
        let Case { id, probe, .. } = case;
        let text = format!("{id} {probe}, {version}: the proxy {own:?}, Envoy {theirs:?}");
        (case.probe, text)
    })
}
