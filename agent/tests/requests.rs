//! Requests at layer 7: from the proxy's record to Hubble's flow, to filters and to clients.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failure of the test"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use abi::policy::COOKIE_NONE;
use common::server::{Agent, flow};
use common::{ALLOW_FRONTEND, CART, DEFAULT_DENY, FRONTEND, WORLD, names, new_connection};
use flow::attribute::Attribute;
use flow::view::{Direction, Transport};
use flows_agent::fact::{Outcome, Request};
use flows_agent::history::{Cursor, Entry, History};
use flows_agent::hubble::{FlowBuilder, stored_request::StoredRequest};
use flows_agent::observe::{Family, RequestMetrics, Resolver};
use prost::Message as _;
use proto::flow as pb;
use proto::flows::v1::FlowExtension;
use proto::observer::GetFlowsRequest;

fn socket(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// `POST /admin/delete` from frontend to cart.
fn http(time: u64, outcome: Outcome) -> Request {
    Request {
        time,
        ends: [socket(FRONTEND, 40_001), socket(CART, 8080)],
        transport: Transport::Tcp,
        identities: [20_001, 20_002],
        direction: Direction::Ingress,
        is_reply: false,
        outcome,
        cookie: ALLOW_FRONTEND,
        item: Some(1),
        why: "allows GET, not POST".into(),
        content: pb::Layer7 {
            r#type: pb::L7FlowType::Request.into(),
            record: Some(pb::layer7::Record::Http(pb::Http {
                method: "POST".into(),
                url: "http://cart:8080/admin/delete".into(),
                protocol: "HTTP/1.1".into(),
                ..pb::Http::default()
            })),
            ..pb::Layer7::default()
        },
    }
}

/// An answer from the world's resolver to frontend.
fn dns(time: u64) -> Request {
    Request {
        ends: [socket(WORLD, 53), socket(FRONTEND, 50_002)],
        transport: Transport::Udp,
        identities: [2, 20_001],
        direction: Direction::Egress,
        is_reply: true,
        why: "".into(),
        content: pb::Layer7 {
            r#type: pb::L7FlowType::Response.into(),
            record: Some(pb::layer7::Record::Dns(pb::Dns {
                query: "api.example.com.".into(),
                ips: vec!["203.0.113.9".into()],
                ttl: 30,
                observation_source: "proxy".into(),
                qtypes: vec!["A".into()],
                rrtypes: vec!["A".into()],
                ..pb::Dns::default()
            })),
            ..pb::Layer7::default()
        },
        ..http(time, Outcome::Forwarded)
    }
}

/// The flow of a request, after every attribute was found to be the same for a filter.
fn shown(request: Request, extensions: bool) -> pb::Flow {
    const NOT_SHOWN: [&str; 1] = ["summary"];
    let mut names = names();
    // Rules of layer 7 have cookies of their own, which name an item of `toPorts`.
    let mut allows = (*names.attributions.get(&ALLOW_FRONTEND).unwrap())
        .as_ref()
        .clone();
    allows.policies[0].rules[0].path = "spec.ingress[0].toPorts[2]".parse().unwrap();
    names.attributions.insert(ALLOW_FRONTEND, Arc::new(allows));
    let names = Arc::new(names);
    let mut resolver = Resolver::default();
    resolver.update(&names);
    let (history, mut writer) = History::new(10, Arc::clone(&names.node));
    let named = resolver.name_request(request);
    writer.request(named, resolver.node());
    writer.publish(0);
    let mut flow_builder = FlowBuilder::new("node-a".into(), 1);
    flow_builder.extensions = extensions;
    let view = history.view();
    assert_eq!((view.flows(), view.end().events), (1, 1));
    let Some(Entry::Request(stored)) = view.segments()[0].get(0) else {
        panic!("a request was stored")
    };
    let flow = flow_builder.request(&stored);
    let seen = StoredRequest::new(&flow_builder, stored);
    let plain = pb::Flow {
        extensions: None,
        ..flow.clone()
    };
    for attribute in Attribute::fields().filter(|field| !NOT_SHOWN.contains(&field.name)) {
        let (seen, said) = (attribute.value(&seen), attribute.value(&plain));
        assert_eq!(seen, said, "{}", attribute.name);
    }
    flow
}

#[test]
fn is_shown_as_hubble_shows_it() {
    let flow = shown(dns(3_000_000), false);
    // As Hubble v1.19 has such an answer, but for uuid, emitter and what only ours has.
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:00.003Z",
        "verdict": "FORWARDED",
        "IP": {"source": "203.0.113.9", "destination": "10.0.1.11", "ipVersion": "IPv4"},
        "l4": {"UDP": {"source_port": 53, "destination_port": 50002}},
        "source": {"identity": 2, "labels": ["reserved:world"]},
        "destination": {"ID": 101, "identity": 20001, "namespace": "shop",
            "pod_name": "frontend-6d9c7b-xk2vq"},
        "Type": "L7",
        "node_name": "node-a",
        "l7": {"type": "RESPONSE", "dns": {"query": "api.example.com.", "ips": ["203.0.113.9"],
            "ttl": 30, "observation_source": "proxy", "qtypes": ["A"], "rrtypes": ["A"]}},
        "reply": true,
        "event_type": {"type": 129},
        "traffic_direction": "EGRESS",
        "is_reply": true,
        "Summary": "DNS Answer \"203.0.113.9\" TTL: 30 (Proxy api.example.com. A)",
    });
    let mut shown = serde_json::to_value(&flow).unwrap();
    let object = shown.as_object_mut().unwrap();
    for ours in ["uuid", "emitter", "node_labels"] {
        assert!(object.remove(ours).is_some(), "{ours}");
    }
    for ours in ["cluster_name", "labels", "workloads"] {
        object["destination"].as_object_mut().unwrap().remove(ours);
    }
    assert_eq!(shown, expected);
}

#[test]
fn a_denied_one_names_its_rule_in_the_extension_alone() {
    let flow = shown(http(1, Outcome::Denied), true);
    assert_eq!(flow.verdict(), pb::Verdict::Dropped);
    assert_eq!((flow.drop_reason, flow.drop_reason_desc), (0, 0));
    assert!(flow.ingress_denied_by.is_empty() && flow.ingress_allowed_by.is_empty());
    assert_eq!(flow.traffic_direction(), pb::TrafficDirection::Ingress);
    let extension = FlowExtension::decode(&*flow.extensions.unwrap().value).unwrap();
    assert_eq!(extension.egress, None);
    let decision = extension.ingress.unwrap();
    assert_eq!(decision.verdict(), pb::Verdict::Dropped);
    assert!(decision.default_deny);
    assert_eq!(
        decision.why,
        "cnp shop/allow-frontend: allows GET, not POST"
    );
    let rules: Vec<_> = decision.rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(rules, ["allow-frontend"]);
    let path = explain::proto::path_text(decision.rules[0].path.as_ref());
    assert_eq!(path, "spec.ingress[0].toPorts[2].rules.http[1]");

    let flow = shown(http(1, Outcome::Failed), true);
    assert_eq!(flow.verdict(), pb::Verdict::Error);
    // No rule that is known.
    let unknown = Request {
        cookie: COOKIE_NONE,
        ..http(1, Outcome::Denied)
    };
    let flow = shown(unknown, true);
    let extension = FlowExtension::decode(&*flow.extensions.unwrap().value).unwrap();
    assert_eq!(extension.ingress.unwrap().rules, []);
}

#[test]
fn an_allowed_one_names_the_item_that_allowed_it() {
    let tls = Request {
        content: pb::Layer7::default(),
        ..http(1, Outcome::Forwarded)
    };
    let whole = Request {
        item: None,
        ..http(1, Outcome::Forwarded)
    };
    for (request, wanted) in [
        (http(1, Outcome::Forwarded), ".rules.http[1]"),
        (
            Request {
                item: Some(0),
                direction: Direction::Ingress,
                ..dns(1)
            },
            ".rules.dns[0]",
        ),
        (tls, ".serverNames[1]"),
        (whole, ""),
    ] {
        let flow = shown(request, true);
        let extension = FlowExtension::decode(&*flow.extensions.unwrap().value).unwrap();
        let decision = extension.ingress.unwrap();
        assert!(!decision.default_deny);
        let path = explain::proto::path_text(decision.rules[0].path.as_ref());
        assert_eq!(path, format!("spec.ingress[0].toPorts[2]{wanted}"));
    }
}

#[tokio::test]
async fn clients_get_them_among_packets_and_by_filters() {
    let agent = Agent::start(10_000, 1000).await;
    agent.store((0..3).map(new_connection)).await;
    let denied = Request {
        cookie: DEFAULT_DENY,
        ..http(5, Outcome::Denied)
    };
    agent
        .store_requests([http(3, Outcome::Forwarded), dns(4), denied])
        .await;
    agent.store((6..8).map(new_connection)).await;
    let count = async |whitelist: &[pb::FlowFilter], blacklist: &[pb::FlowFilter]| {
        let request = GetFlowsRequest {
            whitelist: whitelist.to_vec(),
            blacklist: blacklist.to_vec(),
            first: true,
            ..GetFlowsRequest::default()
        };
        agent
            .get(request)
            .await
            .unwrap()
            .iter()
            .filter_map(flow)
            .count()
    };
    let filter = pb::FlowFilter::default;
    let l7 = pb::FlowFilter {
        event_type: vec![pb::EventTypeFilter {
            r#type: 129,
            ..pb::EventTypeFilter::default()
        }],
        ..filter()
    };
    // Each new connection is a verdict and a trace.
    assert_eq!(count(&[], &[]).await, 5 * 2 + 3);
    assert_eq!(count(std::slice::from_ref(&l7), &[]).await, 3);
    assert_eq!(count(&[], std::slice::from_ref(&l7)).await, 5 * 2);
    let rows = [
        (
            pb::FlowFilter {
                http_method: vec!["post".into()],
                ..filter()
            },
            2,
        ),
        (
            pb::FlowFilter {
                http_path: vec!["/admin/.*".into()],
                verdict: vec![pb::Verdict::Dropped.into()],
                ..filter()
            },
            1,
        ),
        (
            pb::FlowFilter {
                dns_query: vec!["example.com".into()],
                ..filter()
            },
            1,
        ),
        (
            pb::FlowFilter {
                protocol: vec!["http".into()],
                ..filter()
            },
            2,
        ),
        (
            pb::FlowFilter {
                verdict: vec![pb::Verdict::Error.into()],
                ..filter()
            },
            0,
        ),
        (
            pb::FlowFilter {
                source_identity: vec![2],
                ..filter()
            },
            1,
        ),
    ];
    for (filter, expected) in rows {
        assert_eq!(
            count(std::slice::from_ref(&filter), &[]).await,
            expected,
            "{filter:?}"
        );
    }
    // From the end.
    for number in 1..=3 {
        let request = GetFlowsRequest {
            number,
            whitelist: vec![l7.clone()],
            ..GetFlowsRequest::default()
        };
        let got = agent.get(request).await.unwrap();
        let flows: Vec<_> = got.iter().filter_map(flow).collect();
        assert_eq!(flows.len() as u64, number);
        assert_eq!(flows.last().unwrap().verdict(), pb::Verdict::Dropped);
    }
    agent.end().await;
}

#[tokio::test]
async fn one_that_comes_late_is_not_stored_behind_what_is_later() {
    let agent = Agent::start(10_000, 1000).await;
    agent.store_requests([http(3, Outcome::Forwarded)]).await;
    agent.store_requests([http(1, Outcome::Forwarded)]).await;
    let mut times = Vec::new();
    let mut cursor = Cursor::oldest(&agent.history.view());
    while let Some(run) = cursor.next_run(&agent.history) {
        for entry in run.segment.iter_from(run.from) {
            let Entry::Request(stored) = entry else {
                panic!("{entry:?}")
            };
            times.push(stored.request().time);
        }
    }
    assert_eq!(times.len(), 2);
    assert!(times.is_sorted(), "{times:?}");
    agent.end().await;
}

/// The series of a family as lines.
fn series<T: std::fmt::Debug>(family: &Family<T>) -> Vec<String> {
    let all = family.sorted().into_iter();
    all.map(|(values, value)| format!("{} = {value:?}", values.join("|")))
        .collect()
}

#[test]
fn metrics_count_them_as_hubble_does_and_by_rule() {
    let mut resolver = Resolver::default();
    resolver.update(&Arc::new(names()));
    let metrics = RequestMetrics::default();
    let mut count = |request: Request| metrics.count(&resolver.name_request(request));
    let http_answer = |code, latency_ns| {
        let mut answer = Request {
            is_reply: true,
            ..http(2, Outcome::Forwarded)
        };
        answer.content.latency_ns = latency_ns;
        answer.content.r#type = pb::L7FlowType::Response.into();
        if let Some(pb::layer7::Record::Http(http)) = &mut answer.content.record {
            http.code = code;
        }
        answer
    };
    count(http(1, Outcome::Denied));
    count(http(1, Outcome::Forwarded));
    count(http_answer(403, 40_000));
    count(http_answer(200, 30_000_000));
    let query = Request {
        is_reply: false,
        ..dns(3)
    };
    count(Request {
        outcome: Outcome::Denied,
        ..query.clone()
    });
    count(query);
    count(dns(4));
    let kafka = |is_reply| {
        let mut request = http(5, Outcome::Forwarded);
        request.is_reply = is_reply;
        request.direction = Direction::Egress;
        request.content.latency_ns = if is_reply { 11_000_000_000 } else { 0 };
        request.content.record = Some(pb::layer7::Record::Kafka(pb::Kafka {
            api_key: "produce".into(),
            topic: "orders".into(),
            error_code: 29,
            ..pb::Kafka::default()
        }));
        request
    };
    count(kafka(false));
    count(kafka(true));
    let counts = metrics.counts();
    assert_eq!(
        series(&counts.http_requests),
        [
            "POST|HTTP/1.1|200|server = 1",
            "POST|HTTP/1.1|403|server = 1"
        ]
    );
    assert_eq!(
        series(&counts.dns_queries),
        ["|A|1 = 1", "Policy denied|A|1 = 1"]
    );
    assert_eq!(series(&counts.dns_responses), ["No Error|A|1 = 1"]);
    assert_eq!(series(&counts.dns_response_types), ["A|A = 1"]);
    assert_eq!(
        series(&counts.kafka_requests),
        ["orders|produce|29|client = 1"]
    );
    let by_rule: Vec<String> = counts
        .by_rule
        .labelled()
        .into_iter()
        .map(|(labels, sum)| format!("{} = {sum}", labels.join("|")))
        .collect();
    let of_http: Vec<&String> = by_rule.iter().filter(|of| of.contains("HTTP")).collect();
    let [forwarded, denied] = &of_http[..] else {
        panic!("{by_rule:?}")
    };
    assert!(
        denied.starts_with("cnp shop/allow-frontend|spec.ingress["),
        "{denied}"
    );
    assert!(denied.ends_with("|HTTP|ingress|DROPPED = 1"), "{denied}");
    assert!(
        forwarded.ends_with("|HTTP|ingress|FORWARDED = 1"),
        "{forwarded}"
    );
    let [(values, latency)] = counts.http_duration.sorted()[..] else {
        panic!("one: {:?}", counts.http_duration)
    };
    assert_eq!(values.join("|"), "POST|server");
    assert_eq!((latency.buckets[0], latency.buckets[3]), (1, 1));
    assert!((latency.sum - 0.030_04).abs() < 1e-9, "{latency:?}");
    let [(_, slow)] = counts.kafka_duration.sorted()[..] else {
        panic!("one: {:?}", counts.kafka_duration)
    };
    assert_eq!(slow.buckets.last(), Some(&1), "above all bounds");
    assert_eq!(counts.overflowed, 0);
    assert!(series(&counts.flows).contains(&"HTTP|DROPPED = 1".to_owned()));
}

#[test]
fn what_clients_send_makes_no_more_series_than_there_is_room_for() {
    let mut resolver = Resolver::default();
    resolver.update(&Arc::new(names()));
    let metrics = RequestMetrics::default();
    for number in 0..3_000 {
        let mut request = http(1, Outcome::Forwarded);
        request.is_reply = true;
        if let Some(pb::layer7::Record::Http(http)) = &mut request.content.record {
            http.method = format!("{number}{}", "\u{fc}".repeat(200));
        }
        metrics.count(&resolver.name_request(request));
    }
    let counts = metrics.counts();
    let all = counts.http_requests.sorted();
    assert_eq!(all.len(), 1_001);
    assert!(all.iter().all(|(values, _)| values[0].len() <= 120));
    let other = all.iter().find(|(values, _)| &*values[0] == "other");
    assert_eq!(other.map(|(_, sum)| **sum), Some(2_000));
    assert_eq!(counts.overflowed, 2_000);
}
