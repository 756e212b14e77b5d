//! Flows of requests at layer 7: what is explained is the request, not its connection.

use policy::{Config, ProxyPorts};

use super::*;

const POLICY: &str = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: production, resourceVersion: '5'}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: web}}]
    toPorts:
    - ports: [{port: '8080', protocol: TCP}]
      rules: {http: [{method: GET, path: /public}]}
";

fn config() -> Config {
    Config {
        layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    }
}

/// The flow of a request that the database refuses.
fn refused(record: Option<pb::layer7::Record>) -> pb::Flow {
    let mut flow = pb::Flow {
        r#type: pb::FlowType::L7.into(),
        drop_reason: 0,
        drop_reason_desc: 0,
        l4: tcp(40_001, 8080),
        l7: Some(pb::Layer7 {
            record,
            ..pb::Layer7::default()
        }),
        ..dropped()
    };
    flow.set_extension(&FlowExtension {
        ingress: Some(Decision {
            verdict: Dropped.into(),
            default_deny: true,
            rules: vec![rule("5")],
            why: "cnp production/db: method POST is not GET".to_owned(),
            ..Decision::default()
        }),
        ..FlowExtension::default()
    });
    flow
}

fn http(method: &str, url: &str) -> Option<pb::layer7::Record> {
    Some(pb::layer7::Record::Http(pb::Http {
        method: method.to_owned(),
        url: url.to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        headers: [
            ("x-request-id", "4b1f"),
            ("authorization", "[redacted]"),
            ("x-tenant", "blue"),
        ]
        .map(|(key, value)| pb::HttpHeader {
            key: key.to_owned(),
            value: value.to_owned(),
        })
        .into(),
        ..pb::Http::default()
    }))
}

fn explained(flow: &pb::Flow) -> ExplainResponse {
    let (pods, _) = CLUSTER.split_once("# Who may").expect("a policy");
    let state = state(&format!("{pods}{POLICY}"));
    explain_with(&state, &config(), flow)
}

#[test]
fn a_denied_request_has_its_nearest_rule_and_the_smallest_that_allows_it() {
    let answer = explained(&refused(http("POST", "http://db:8080/public?x=1")));
    assert_eq!(
        answer.headline,
        "production/web may not send HTTP POST /public?x=1 to production/db on 8080/TCP: no ingress rule of \
         cnp production/db allows it; nearest: ingress[0].toPorts[0].rules.http[0] of cnp production/db (method \
         POST is not GET)"
    );
    assert!(!answer.differs);
    let now = answer.now.expect("an answer");
    assert_eq!(now.verdict(), Verdict::Denied);
    assert_eq!(now.request, "HTTP POST /public?x=1");
    let request = now.ingress.and_then(|ingress| ingress.request);
    assert_eq!(
        request.expect("it is redirected").failed,
        "method POST is not GET"
    );
    let [suggestion] = &now.suggestions[..] else {
        panic!("one: {:?}", now.suggestions)
    };
    assert_eq!(
        suggestion.text,
        "add to spec.ingress[0].toPorts[0].rules.http of cnp production/db"
    );
    assert_eq!(
        answer.command,
        "flows policy trace --src-pod production/web --dst-pod production/db --dport 8080/tcp --http-method \
         POST --http-path '/public?x=1' --http-host db:8080 --http-header 'x-tenant: blue'"
    );
}

#[test]
fn one_that_is_allowed_now_differs_though_its_connection_was_always_allowed() {
    let answer = explained(&refused(http("GET", "http://db:8080/public")));
    assert!(answer.differs, "{}", answer.headline);
    assert!(
        answer.headline.ends_with("now it is allowed"),
        "{}",
        answer.headline
    );
}

#[test]
fn a_request_that_the_flow_hides_is_said_to_be_hidden() {
    let answer = explained(&refused(None));
    assert!(
        answer
            .headline
            .contains("(cnp production/db: method POST is not GET)"),
        "{}",
        answer.headline
    );
    let hidden = |note: &String| note.contains("does not tell it");
    assert!(answer.notes.iter().any(hidden), "{:?}", answer.notes);
    // Made up by somebody: no path, a path that no request has.
    for url in ["", "x", "http://", "http://db/a%2Fb", "\u{1b}[31m"] {
        let answer = explained(&refused(http("GET", url)));
        assert!(!answer.headline.contains('\u{1b}'), "{url}");
    }
}
