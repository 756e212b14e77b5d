//! What a change of rules of layer 7 does: rows against two traces of every request that there is, in random
//! policies of both ends; and recorded requests, each judged as those traces judge it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use cluster::{Identities, ObjectName, State};
use flows_explain::cancel::Cancel;
use flows_explain::diff::{Changes, Comparison, RequestsBecame};
use flows_explain::flow_groups::FlowGroups;
use flows_explain::proto::group_flow;
use flows_explain::trace::{End, PolicyContext, Port, Request, TraceQuery};
use policy::{Config, Policy, ProxyPorts};
use proto::flow as pb;
use testing_policy::{Random, run_cases, shown, state};

const CASES: u64 = 100;

const PODS: &str = "
{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDRs: [10.1.0.0/16]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {nodeName: a}, status: {podIP: 10.1.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop, labels: {app: api}}, spec: {nodeName: a}, status: {podIP: 10.1.0.2}}
";

const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];
const PATHS: [&str; 4] = ["/a", "/a/b", "/b", "/"];

/// What a rule may say.
const RULES: [&str; 9] = [
    "{}",
    "{method: GET}",
    "{method: 'GET|POST'}",
    "{method: GET, path: /a}",
    "{method: POST, path: /a}",
    "{path: '/a.*'}",
    "{path: '/.*'}",
    "{method: GET, path: '/(a|b)'}",
    "{path: /b}",
];

struct Cluster {
    state: State,
    policies: BTreeMap<ObjectName, Arc<Policy>>,
    config: Config,
}

impl Cluster {
    /// `egress`, `ingress`: rules of layer 7; `None`: there are none there.
    fn new(egress: &Option<Vec<&str>>, ingress: &Option<Vec<&str>>) -> Self {
        let mut text = PODS.to_owned();
        for (pod, list, peer, rules) in [
            (
                "web",
                "egress",
                "toEndpoints: [{matchLabels: {app: api}}]",
                egress,
            ),
            (
                "api",
                "ingress",
                "fromEndpoints: [{matchLabels: {app: web}}]",
                ingress,
            ),
        ] {
            let rules = rules.as_ref().map(|rules| rules.join(", "));
            let rules =
                rules.map_or_else(String::new, |rules| format!(", rules: {{http: [{rules}]}}"));
            writeln!(
                text,
                "---\n{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: {pod}, namespace: \
                 shop}}, spec: {{endpointSelector: {{matchLabels: {{app: {pod}}}}}, {list}: [{{{peer}, toPorts: \
                 [{{ports: [{{port: '8080', protocol: TCP}}]{rules}}}]}}]}}}}"
            )
            .expect("text takes everything");
        }
        let config = Config {
            layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
            ..Config::default()
        };
        let state = state(&text);
        let (policies, refused) = policy::read(&state, &config);
        assert_eq!(shown(&refused), [""; 0], "{text}");
        Self {
            state,
            policies,
            config,
        }
    }

    fn context(&self) -> PolicyContext<'_> {
        let identities = Identities::new(self.state.is_dual_stack());
        PolicyContext::new(&self.state, &self.policies, &self.config, identities)
    }
}

fn allows(context: &PolicyContext<'_>, method: &str, path: &str) -> bool {
    let query = TraceQuery {
        source: End::pod("shop/web").expect("a name"),
        destination: End::pod("shop/api").expect("a name"),
        port: Port::parse("8080").expect("a port"),
    };
    let request = Request::http(method, path, "api", Vec::new()).expect("a request");
    let told = context.verdict(&query, Some(&request));
    told.expect("an answer").allowed()
}

/// A recorded request.
fn flow(method: &str, path: &str, headers: &[(&str, &str)]) -> pb::Flow {
    let end = |name: &str| {
        Some(pb::Endpoint {
            namespace: "shop".to_owned(),
            pod_name: name.to_owned(),
            ..pb::Endpoint::default()
        })
    };
    let headers = headers.iter().map(|(name, value)| pb::HttpHeader {
        key: (*name).to_owned(),
        value: (*value).to_owned(),
    });
    pb::Flow {
        verdict: pb::Verdict::Forwarded.into(),
        traffic_direction: pb::TrafficDirection::Ingress.into(),
        source: end("web"),
        destination: end("api"),
        l4: Some(pb::Layer4 {
            protocol: Some(pb::layer4::Protocol::Tcp(pb::Tcp {
                source_port: 40_000,
                destination_port: 8080,
                ..pb::Tcp::default()
            })),
        }),
        l7: Some(pb::Layer7 {
            r#type: pb::L7FlowType::Request.into(),
            record: Some(pb::layer7::Record::Http(pb::Http {
                method: method.to_owned(),
                url: format!("http://api:8080{path}"),
                headers: headers.collect(),
                ..pb::Http::default()
            })),
            ..pb::Layer7::default()
        }),
        ..pb::Flow::default()
    }
}

fn grouped(flows: &[pb::Flow]) -> FlowGroups {
    let mut groups = FlowGroups::default();
    flows.iter().for_each(|flow| group_flow(&mut groups, flow));
    groups
}

fn compared(before: &Cluster, after: &Cluster) -> Comparison {
    Comparison::new(
        &before.context(),
        &after.context(),
        &BTreeSet::new(),
        &Cancel::default(),
    )
}

fn run(seed: u64, met: &mut BTreeMap<&'static str, u64>) {
    let mut random = Random::new(seed);
    let mut rules = || -> Option<Vec<&'static str>> {
        random.chance(75).then(|| {
            let number = 1 + random.below(3);
            (0..number).map(|_| *random.pick(&RULES)).collect()
        })
    };
    let ends: Vec<_> = (0..4).map(|_| rules()).collect();
    let before = Cluster::new(&ends[0], &ends[1]);
    // Often one end stays as it is.
    let egress = if random.chance(50) {
        &ends[0]
    } else {
        &ends[2]
    };
    let ingress = if random.chance(50) {
        &ends[1]
    } else {
        &ends[3]
    };
    let after = Cluster::new(egress, ingress);
    let comparison = compared(&before, &after);
    let Changes {
        connections,
        requests,
    } = comparison.changes();
    assert_eq!(connections, [], "seed {seed}: connections stay");
    let clusters = [before.context(), after.context()];
    let mut recorded = Vec::new();
    let mut differing = BTreeMap::from([(RequestsBecame::Denied, 0), (RequestsBecame::Allowed, 0)]);
    for (method, path) in METHODS.iter().flat_map(|of| PATHS.map(|path| (*of, path))) {
        recorded.push(flow(method, path, &[]));
        let became = match [&clusters[0], &clusters[1]].map(|of| allows(of, method, path)) {
            [true, false] => RequestsBecame::Denied,
            [false, true] => RequestsBecame::Allowed,
            [true, true] | [false, false] => continue,
        };
        *differing.entry(became).or_default() += 1;
        let tells = |row: &RequestsBecame| match row {
            RequestsBecame::Restricted | RequestsBecame::Denied => became == RequestsBecame::Denied,
            RequestsBecame::Allowed => became == RequestsBecame::Allowed,
        };
        assert!(
            requests.iter().any(|row| tells(&row.became)),
            "seed {seed}: {method} {path} becomes {became:?}: {ends:?}\n{requests:#?}"
        );
    }
    let impact = comparison.request_impact(&grouped(&recorded));
    for (became, number) in &differing {
        assert_eq!(impact.requests(*became), *number, "seed {seed}: {became:?}");
    }
    assert_eq!((impact.requests, impact.unknown), (12, 0), "seed {seed}");
    let kind = match (requests.is_empty(), differing.values().all(|n| *n == 0)) {
        (true, _) => "nothing changes",
        (false, true) => "what may change",
        (false, false) => "changes",
    };
    *met.entry(kind).or_default() += 1;
    let same = compared(&before, &before).changes();
    assert_eq!(same, Changes::default(), "seed {seed}");
}

#[test]
fn no_request_changes_that_no_row_tells() {
    let mut met = BTreeMap::new();
    if run_cases(CASES, |seed| run(seed, &mut met)).is_none() {
        return;
    }
    for (kind, least) in [("nothing changes", 10), ("changes", 25)] {
        assert!(
            met.get(kind).copied().unwrap_or(0) >= least,
            "{kind}: {met:?}"
        );
    }
    // Rows that no request of these bears out are few.
    let vain = met.get("what may change").copied().unwrap_or(0);
    assert!(vain * 5 <= CASES, "{met:?}");
}

#[test]
fn values_of_headers_that_are_not_recorded_are_not_guessed() {
    let rule = |path: &str, header: &str| {
        Some(vec![format!(
            "{{method: GET, path: {path}, headers: ['{header}']}}"
        )])
    };
    let cluster = |rules: Option<Vec<String>>| {
        let rules = rules.as_ref();
        let rules = rules.map(|rules| rules.iter().map(String::as_str).collect());
        Cluster::new(&None, &rules)
    };
    let token = &[("x-token", "[redacted]"), ("x-request-id", "1")];
    let flows = [
        flow("GET", "/a", token),
        flow("GET", "/a", token),
        flow("GET", "/a", &[]),
    ];
    let told = |after: Option<Vec<String>>| {
        let (before, after) = (cluster(rule("/a", "X-Token: abc")), cluster(after));
        let impact = compared(&before, &after).request_impact(&grouped(&flows));
        let [denied, allowed] =
            [RequestsBecame::Denied, RequestsBecame::Allowed].map(|became| impact.requests(became));
        (denied, allowed, impact.unknown)
    };
    // Another value: who knows; another path: whatever the value was. What has no such header was denied, and is.
    assert_eq!(told(rule("/a", "X-Token: abd")), (0, 0, 2));
    assert_eq!(told(rule("/b", "X-Token: abc")), (2, 0, 0));
    assert_eq!(told(rule("/a", "X-Token: abc")), (0, 0, 0));
    // That it is there is enough: it was let through, and is. Without any rule the third is, too.
    assert_eq!(told(rule("/a", "X-Token")), (0, 0, 0));
    assert_eq!(told(None), (0, 1, 0));
}
