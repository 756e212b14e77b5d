//! `flows why` about requests: rules of layer 7 as they are, flows that tell of such requests, and the change that
//! decided.

use explain::proto::{change, object_state};
use policy::{Config, ProxyPorts};
use proto::flows::v1::{
    Change, GetChangesResponse, GetStateResponse, ProxyPorts as WirePorts, StateObject,
    TraceResponse, end, get_state_response::Mode,
};
use proto::google::Timestamp;
use proto::observer::GetFlowsResponse;

use super::service::{Server, said, text};

const MANIFESTS: &str = include_str!("../../../testdata/requests/manifests.yaml");
const FLOWS: &str = include_str!("../../../testdata/requests/flows.jsonl");

fn state(manifests: &str) -> GetStateResponse {
    let objects = manifests.split("\n---\n").map(|yaml| StateObject {
        yaml: yaml.to_owned(),
        file: "shop.yaml".to_owned(),
        line: 1,
        column: 1,
    });
    GetStateResponse {
        objects: objects.collect(),
        mode: Mode::Default.into(),
        l7_proxy: Some(WirePorts { tcp: 1, dns: 2 }),
        ..GetStateResponse::default()
    }
}

/// What changed from one state to another, as an agent tells it.
fn changes(before: &str, after: &str) -> GetChangesResponse {
    let read = |text: &str| explain::proto::read_state(&state(text)).unwrap().0;
    let (before, after) = (read(before), read(after));
    let found = cluster::changes::between((&before).into(), (&after).into());
    let config = Config {
        layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    };
    // Before the first flow.
    let time = Some(Timestamp {
        seconds: 1_780_000_000,
        nanos: 0,
    });
    let changes = found.iter().map(|one| Change {
        time,
        last_time: time,
        place: "shop.yaml:26:1".to_owned(),
        before: one.before.as_ref().map(object_state),
        after: one.after.as_ref().map(object_state),
        ..change(one, &config)
    });
    GetChangesResponse {
        changes: changes.collect(),
        complete_since: time,
        ..GetChangesResponse::default()
    }
}

fn server() -> Server {
    let flows = FLOWS.lines().map(|line| {
        let response: GetFlowsResponse = serde_json::from_str(line).unwrap();
        Ok(response)
    });
    let server = Server::start(flows.collect());
    server.enforces(state(MANIFESTS));
    let present = "{method: GET, path: /metrics}";
    let former = "{method: GET, path: /metrics}, {method: POST, path: '/admin/.*'}";
    server.tells(changes(&MANIFESTS.replace(present, former), MANIFESTS));
    server
}

/// What is printed of it, and what is said beside it.
fn shown(server: &Server, args: &[&str]) -> String {
    let output = server.flows(&[&["why"], args].concat());
    let (beside, code) = said(&output);
    format!(
        "{}---\n{beside}exit code {}\n",
        text(&output.stdout),
        code.unwrap()
    )
}

#[test]
fn requests_have_a_past_and_a_cause() {
    let server = server();
    let api = ["shop/web", "shop/api:8080", "--utc"];
    for (name, more) in [
        ("why_connection", &[][..]),
        (
            "why_denied",
            &["--http-method", "POST", "--http-path", "/admin/delete"],
        ),
        ("why_allowed", &["--http-path", "/cart"]),
        ("why_never_seen", &["--http-path", "/orders"]),
    ] {
        insta::assert_snapshot!(name, shown(&server, &[&api, more].concat()));
    }
    let dns = ["shop/web", "kube-system/dns", "--utc", "--dns-name"];
    insta::assert_snapshot!(
        "why_name",
        shown(&server, &[&dns[..], &["www.other.test"]].concat())
    );
    // Nobody reads what this one carries.
    let plain = [
        "shop/scraper",
        "kube-system/dns:53/udp",
        "--utc",
        "--dns-name",
        "a.org",
    ];
    insta::assert_snapshot!("why_not_read", shown(&server, &plain));
}

#[test]
fn what_is_typed_to_ask_about_a_denied_request_is_what_asks_about_it() {
    let server = server();
    let args = ["why", "shop/web", "shop/api:8080", "-o", "json"];
    let output = server.flows(&args);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["verdict"], "ALLOWED", "{told}");
    let denied = &told["denied_requests"][0];
    assert_eq!(denied["subject"], "POST /admin/delete", "{told}");
    let command = denied["command"].as_str().unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let words: Vec<&str> = words.iter().map(|word| word.trim_matches('\'')).collect();
    let output = server.flows(&[&words[..], &["-o", "json"]].concat());
    assert_eq!(said(&output), ("", Some(0)), "{command}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["verdict"], "DENIED", "{command}: {told}");
    assert_eq!(told["causes"][0]["object"], "cnp shop/api", "{told}");
    assert_eq!(told["request"]["judged"][0]["direction"], "ingress");
}

#[test]
fn mistakes_say_what_to_write() {
    let server = server();
    for (args, wanted) in [
        (
            &["why", "shop/web", "shop/api", "--http-path", "/"][..],
            "\"shop/api\" names no port\nhint: NAMESPACE/NAME:PORT, such as data/redis:6379 or kube-system/dns:53/udp\n",
        ),
        (
            &["why", "shop/web", "shop/api:8080", "--http-path", "cart"],
            "\"cart\" is not the path of a request: write /path or /path?query\n",
        ),
        (
            &[
                "why",
                "shop/web",
                "shop/api:8080",
                "--sni",
                "a.org",
                "--dns-name",
                "a.org",
            ],
            "a connection carries one protocol: the flags name several\nhint: use --http-*, --dns-name, --kafka-* or --sni\n",
        ),
    ] {
        assert_eq!(said(&server.flows(args)), (wanted, Some(1)), "{args:?}");
    }
}

/// The state alone doesn't tell which names an address has: the node of the pod does.
#[test]
fn names_of_an_address_are_those_that_an_agent_knows() {
    let server = server();
    let note = "203.0.113.9 was api.stripe.test to this pod, told 90 s ago, until 12 s ago: the answer's time is over";
    server.traces(TraceResponse {
        notes: vec![note.to_owned()],
        ..TraceResponse::default()
    });
    let told = shown(&server, &["shop/web", "203.0.113.9:443", "--utc"]);
    assert!(
        told.starts_with("DENIED now  shop/web -> 203.0.113.9:443"),
        "{told}"
    );
    assert!(told.contains(&format!("  note: {note}\n")), "{told}");
    let asked = server.asked_trace();
    let destination = asked.destination.unwrap().of.unwrap();
    assert_eq!(destination, end::Of::Ip("203.0.113.9".to_owned()));
    assert_eq!(asked.port, "443/tcp");
}
