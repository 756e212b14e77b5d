//! Requests asked about: what becomes of them at each end, by which rule, and of a denied one what first
//! doesn't fit.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use cluster::Identities;
use flows_explain::trace::{
    End, Explanation, PolicyContext, Port, Request, RequestError, TraceQuery,
};
use policy::{Config, ProxyPorts};
use testing_policy::{shown, state};

const WORLD: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: fe, namespace: shop, labels: {app: fe}}, spec: {nodeName: a}, status: {podIP: 10.1.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: be, namespace: shop, labels: {app: be}}, spec: {nodeName: a}, status: {podIP: 10.1.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: shop, labels: {app: dns}}, spec: {nodeName: a}, status: {podIP: 10.1.0.3}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: be, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: be}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: fe}}]
    toPorts:
    - ports: [{port: '8080', protocol: TCP}]
      rules:
        http: [{method: GET, path: /public}, {method: GET, path: '/items/[0-9]+', headers: [X-Token]}]
    - ports: [{port: '9092', protocol: TCP}]
      rules:
        kafka: [{role: produce, topic: orders}]
    - ports: [{port: '443', protocol: TCP}]
      serverNames: [be.shop]
    - ports: [{port: '5432', protocol: TCP}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: fe, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: fe}}
  egress:
  - toEndpoints: [{matchLabels: {app: be}}]
    toPorts:
    - ports: [{port: '8080', protocol: TCP}]
      rules:
        http: [{path: '/(public|items).*'}]
    - ports: [{port: '9092', protocol: TCP}, {port: '443', protocol: TCP}, {port: '5432', protocol: TCP}]
  - toEndpoints: [{matchLabels: {app: dns}}]
    toPorts:
    - ports: [{port: '53', protocol: ANY}]
      rules:
        dns: [{matchName: api.example.org}, {matchPattern: '*.shop'}]
  - toFQDNs: [{matchName: api.example.org}]
";

fn explain(destination: &str, port: &str, request: &Request) -> Explanation {
    let state = state(WORLD);
    let config = Config {
        layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    };
    let (policies, refused) = policy::read(&state, &config);
    assert_eq!(shown(&refused), [""; 0]);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(&state, &policies, &config, identities);
    let query = TraceQuery {
        source: End::pod("shop/fe").expect("a name"),
        destination: match destination.parse() {
            Ok(ip) => End::Ip(ip),
            Err(_) => End::pod(destination).expect("a name"),
        },
        port: Port::parse(port).expect("a port"),
    };
    context.explain_request(&query, request).expect("an answer")
}

/// What each end says of a request, in the order of its way.
fn told(destination: &str, port: &str, request: Request) -> (bool, Vec<String>) {
    let explanation = explain(destination, port, &request);
    let requests = explanation
        .verdicts()
        .map(|verdict| match &verdict.request {
            Some(request) => request.to_string(),
            None => "not read".to_owned(),
        });
    (explanation.allowed(), requests.collect())
}

fn http(method: &str, path: &str, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Request::http(method, path, "be.shop", headers.collect()).expect("a request")
}

#[test]
fn each_end_names_its_rule_or_the_nearest_and_what_fails() {
    let own = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let egress = "allowed by egress[0].toPorts[0].rules.http[0] of cnp shop/fe";
    let plain = "not read";
    for (port, request, allowed, wanted) in [
        (
            "8080",
            http("GET", "/public", &[]),
            true,
            [
                egress,
                "allowed by ingress[0].toPorts[0].rules.http[0] of cnp shop/be",
            ],
        ),
        (
            "8080",
            http("GET", "/items/7", &[("x-token", "1")]),
            true,
            [
                egress,
                "allowed by ingress[0].toPorts[0].rules.http[1] of cnp shop/be",
            ],
        ),
        (
            "8080",
            http("GET", "/items/7", &[]),
            false,
            [
                egress,
                "denied: no rule of layer 7 allows it; nearest: ingress[0].toPorts[0].rules.http[1] of cnp \
                 shop/be (header X-Token is missing)",
            ],
        ),
        (
            "8080",
            http("POST", "/public", &[]),
            false,
            [
                egress,
                "denied: no rule of layer 7 allows it; nearest: ingress[0].toPorts[0].rules.http[0] of cnp \
                 shop/be (method POST is not GET)",
            ],
        ),
        (
            "9092",
            Request::kafka("produce", 3, Some("me"), &["orders"]).expect("a request"),
            true,
            [
                plain,
                "allowed by ingress[0].toPorts[1].rules.kafka[0] of cnp shop/be",
            ],
        ),
        (
            "9092",
            Request::kafka("0", 3, None, &["orders", "payments"]).expect("a request"),
            false,
            [
                plain,
                "denied: no rule of layer 7 allows it; nearest: ingress[0].toPorts[1].rules.kafka[0] of cnp \
                 shop/be (topic \"payments\" has no rule; nearest: role=produce topic=orders)",
            ],
        ),
        (
            "443",
            Request::tls("be.shop").expect("a name"),
            true,
            [
                plain,
                "allowed by ingress[0].toPorts[2].serverNames[0] of cnp shop/be",
            ],
        ),
        (
            "443",
            Request::tls("x.shop").expect("a name"),
            false,
            [
                plain,
                "denied: no rule of layer 7 allows it; nearest: ingress[0].toPorts[2].serverNames[0] of cnp \
                 shop/be (server name x.shop is not be.shop)",
            ],
        ),
        // Of what isn't redirected nobody reads a request.
        ("5432", http("GET", "/", &[]), true, [plain, plain]),
    ] {
        assert_eq!(
            told("shop/be", port, request),
            (allowed, own(&wanted)),
            "{port}"
        );
    }
}

#[test]
fn questions_for_names() {
    for (name, allowed, wanted) in [
        (
            "API.example.org.",
            true,
            "allowed by egress[1].toPorts[0].rules.dns[0] of cnp shop/fe",
        ),
        (
            "be.shop",
            true,
            "allowed by egress[1].toPorts[0].rules.dns[1] of cnp shop/fe",
        ),
        (
            "x.example.org",
            false,
            "denied: no rule of layer 7 allows it; nearest: egress[1].toPorts[0].rules.dns[0] of cnp shop/fe \
             (name x.example.org is not api.example.org)",
        ),
    ] {
        let request = Request::dns(name).expect("a name");
        let (is_allowed, told) = told("shop/dns", "53/udp", request);
        assert_eq!((is_allowed, told[0].as_str()), (allowed, wanted));
    }
}

#[test]
fn a_denied_packet_has_no_request_and_learned_addresses_are_told_of() {
    let request = http("GET", "/", &[]);
    let explanation = explain("203.0.113.9", "443", &request);
    assert!(!explanation.allowed());
    let egress = explanation.egress.as_ref().expect("fe is judged");
    assert_eq!(egress.request, None);
    assert!(
        explanation
            .notes
            .iter()
            .any(|note| note.contains("toFQDNs")),
        "{:?}",
        explanation.notes
    );
    let inside = explain("shop/dns", "80", &request);
    assert!(!inside.notes.iter().any(|note| note.contains("toFQDNs")));
}

#[test]
fn what_is_no_request_is_refused() {
    let http = |path| Request::http("GET", path, "be", Vec::new());
    assert_eq!(http("a"), Err(RequestError::Path("a".to_owned())));
    assert_eq!(
        http("/a%2Fb"),
        Err(RequestError::EscapedSlash(
            "/a%2Fb".to_owned(),
            "/a/b".to_owned()
        ))
    );
    assert_eq!(http("/a/../b"), http("/b"));
    assert_eq!(
        Request::dns("a..b"),
        Err(RequestError::Name("a..b".to_owned()))
    );
    assert_eq!(
        Request::kafka("write", 0, None, &[]),
        Err(RequestError::ApiKey("write".to_owned()))
    );
    assert_eq!(Request::tls(""), Err(RequestError::Name(String::new())));
}

/// What is offered at each end, without its YAML.
fn offered(explanation: &Explanation) -> Vec<String> {
    let verdicts = explanation.verdicts();
    let suggestions = verdicts.flat_map(|verdict| &verdict.suggestions);
    suggestions
        .map(|one| format!("{}\n{}", one.text, one.yaml))
        .collect()
}

#[test]
fn the_smallest_rule_for_a_denied_request_is_no_more_than_what_was_asked() {
    let produce = |topics: &[&str]| Request::kafka("produce", 3, None, topics).expect("a request");
    for (destination, port, request, wanted) in [
        (
            "shop/be",
            "8080",
            http("POST", "/items/a.b?x=1", &[]),
            "add to spec.ingress[0].toPorts[0].rules.http of cnp shop/be\n\
             - method: POST\n  path: '/items/a\\.b\\?x=1'\n  host: 'be\\.shop'\n",
        ),
        (
            "shop/be",
            "9092",
            produce(&["orders", "payments"]),
            "add to spec.ingress[0].toPorts[1].rules.kafka of cnp shop/be\n\
             - apiKey: produce\n  topic: orders\n- apiKey: produce\n  topic: payments\n",
        ),
        (
            "shop/be",
            "443",
            Request::tls("x.shop").expect("a name"),
            "add to spec.ingress[0].toPorts[2].serverNames of cnp shop/be\n- x.shop\n",
        ),
        (
            "shop/dns",
            "53/udp",
            Request::dns("x.example.org").expect("a name"),
            "add to spec.egress[1].toPorts[0].rules.dns of cnp shop/fe\n- matchName: x.example.org\n",
        ),
        // The connection is denied, too: the rule is for the request alone.
        (
            "shop/dns",
            "8080",
            http("GET", "/", &[]),
            "add to spec.egress of cnp shop/fe\n- toEndpoints:\n  - matchLabels:\n      app: dns\n  \
             toPorts:\n  - ports:\n    - port: \"8080\"\n      protocol: TCP\n    rules:\n      http:\n      \
             - method: GET\n        path: /\n        host: 'be\\.shop'\n",
        ),
        // No rule can say so: names of keys end before it.
        (
            "shop/be",
            "9092",
            Request::kafka("60", 0, None, &[]).expect("a request"),
            "the policy language has no rule for this request alone\n",
        ),
    ] {
        let explanation = explain(destination, port, &request);
        assert!(!explanation.allowed());
        assert_eq!(offered(&explanation), [wanted], "{request}");
    }
}

/// What is said of a connection to a name.
fn to_name(name: &str, world: &str) -> (bool, String, Vec<String>) {
    let state = state(world);
    let config = Config {
        layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    };
    let (policies, refused) = policy::read(&state, &config);
    assert_eq!(shown(&refused), [""; 0]);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(&state, &policies, &config, identities);
    let query = TraceQuery {
        source: End::pod("shop/fe").expect("a name"),
        destination: End::fqdn(name).expect("a name"),
        port: Port::parse("443").expect("a port"),
    };
    let explanation = context.explain(&query).expect("an answer");
    let resolution = explanation.resolution.as_ref();
    let told = resolution.map(ToString::to_string).unwrap_or_default();
    (explanation.allowed(), told, offered(&explanation))
}

#[test]
fn a_destination_that_is_a_name_is_opened_by_its_selector_and_must_be_asked_for() {
    let learned = "may be asked for, by egress[1].toPorts[0].rules.dns[0] of cnp shop/fe";
    assert_eq!(
        to_name("API.example.org", WORLD),
        (true, learned.to_owned(), Vec::new())
    );

    // No rule opens the name, and none lets the pod ask for it.
    let (allowed, told, offered) = to_name("www.example.com", WORLD);
    assert!(!allowed);
    assert_eq!(
        told,
        "may not be asked for; nearest: egress[1].toPorts[0].rules.dns[0] of cnp shop/fe (name \
         www.example.com is not api.example.org)"
    );
    assert_eq!(
        offered,
        [
            "add to spec.egress of cnp shop/fe\n- toFQDNs:\n  - matchName: www.example.com\n  toPorts:\n  - \
             ports:\n    - port: \"443\"\n      protocol: TCP\n",
            "then add to spec.egress[1].toPorts[0].rules.dns of cnp shop/fe, so that the name can be asked for\n\
             - matchName: www.example.com\n",
        ]
    );

    // The answers pass, and nobody reads them.
    let plain =
        "      rules:\n        dns: [{matchName: api.example.org}, {matchPattern: '*.shop'}]\n";
    assert!(WORLD.contains(plain));
    let (allowed, told, _) = to_name("api.example.org", &WORLD.replace(plain, ""));
    assert!(!allowed);
    assert_eq!(
        told,
        "egress[1] of cnp shop/fe allows DNS and has no rules.dns, so nobody reads the answer and no \
         address is learned"
    );

    // Whoever may go anywhere needs no name.
    let open = WORLD.replace(
        "  - toFQDNs: [{matchName: api.example.org}]\n",
        "  - toEntities: [world]\n",
    );
    let (allowed, told, _) = to_name("api.example.org", &open.replace(plain, ""));
    assert!(allowed, "{told}");

    // Nothing restricts a pod that no policy selects.
    let free = WORLD.replace(
        "endpointSelector: {matchLabels: {app: fe}}",
        "endpointSelector: {matchLabels: {app: x}}",
    );
    assert_eq!(
        to_name("www.example.com", &free),
        (true, String::new(), Vec::new())
    );
}
