//! Requests of layer 7: on which connection they were, and denied ones as rows and incidents.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use TrafficDirection::{Egress, Ingress};
use flow::connection::{ConnectionView, Connections, Limits};
use flow::incidents::{Status, incidents};
use flow::request::{RequestView, summary};
use flow::rows::{Judged, Row, folded};
use flow::{Filter, FlowView as _, Verdict};
use flows_flow as flow;
use proto::flow::{
    CiliumEventType, Dns, Endpoint, Flow, Http, Ip, IpVersion, Kafka, L7FlowType, Layer4, Layer7,
    Tcp, TrafficDirection, layer4, layer7::Record,
};
use proto::flows::v1::{Cause, Decision, FlowExtension, PolicyKind, Rule};
use proto::google::Timestamp;

const SECOND: i64 = 1_000_000_000;
const BEGIN: i64 = 1_795_343_415 * SECOND;
const LATER: i64 = BEGIN + 60 * SECOND;

fn end(name: &str) -> Endpoint {
    Endpoint {
        namespace: "shop".to_owned(),
        pod_name: format!("{name}-1"),
        workloads: vec![proto::flow::Workload {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        }],
        ..Endpoint::default()
    }
}

/// From web to the API, so many ms after the beginning.
fn packet(ms: i64, port: u32) -> Flow {
    let mut flow = Flow {
        time: Some(Timestamp::from_unix_nanos(BEGIN + ms * 1_000_000)),
        node_name: "n1".to_owned(),
        verdict: Verdict::Forwarded.into(),
        ip: Some(Ip {
            source: "10.0.0.1".to_owned(),
            destination: "10.0.1.2".to_owned(),
            ip_version: IpVersion::IPv4.into(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(layer4::Protocol::Tcp(Tcp {
                source_port: port,
                destination_port: 8080,
                flags: None,
            })),
        }),
        source: Some(end("web")),
        destination: Some(end("api")),
        is_reply: Some(false.into()),
        ..Flow::default()
    };
    let allowed = Decision {
        verdict: Verdict::Redirected.into(),
        ..Decision::default()
    };
    flow.set_extension(&FlowExtension {
        egress: Some(allowed.clone()),
        ingress: Some(allowed),
        cause: Cause::New.into(),
        ..FlowExtension::default()
    });
    flow
}

fn over(ms: i64, port: u32) -> Flow {
    let mut flow = packet(ms, port);
    flow.set_extension(&FlowExtension {
        cause: Cause::End.into(),
        ..FlowExtension::default()
    });
    flow
}

fn http(method: &str, path: &str) -> Record {
    Record::Http(Http {
        method: method.to_owned(),
        url: format!("http://api:8080{path}"),
        protocol: "HTTP/1.1".to_owned(),
        ..Http::default()
    })
}

/// What the proxy tells of a request, as judged at an end.
fn request(ms: i64, port: u32, record: Record, at: TrafficDirection, verdict: Verdict) -> Flow {
    let mut flow = Flow {
        verdict: verdict.into(),
        event_type: Some(CiliumEventType {
            r#type: 129,
            sub_type: 0,
        }),
        traffic_direction: at.into(),
        l7: Some(Layer7 {
            r#type: L7FlowType::Request.into(),
            latency_ns: 0,
            record: Some(record),
        }),
        extensions: None,
        ..packet(ms, port)
    };
    let dropped = verdict == Verdict::Dropped;
    let decision = Some(Decision {
        verdict: verdict.into(),
        default_deny: dropped,
        rules: vec![Rule {
            kind: PolicyKind::CiliumNetworkPolicy.into(),
            namespace: "shop".to_owned(),
            name: "api".to_owned(),
            ..Rule::default()
        }],
        why: match dropped {
            true => "cnp shop/api: method POST is not GET".to_owned(),
            false => String::new(),
        },
        ..Decision::default()
    });
    flow.set_extension(&match at {
        Egress => FlowExtension {
            egress: decision,
            ..FlowExtension::default()
        },
        Ingress | TrafficDirection::Unknown => FlowExtension {
            ingress: decision,
            ..FlowExtension::default()
        },
    });
    flow
}

/// The answer to it.
fn answer(of: &Flow, ms: i64, code: u32) -> Flow {
    let mut flow = Flow {
        time: Some(Timestamp::from_unix_nanos(BEGIN + ms * 1_000_000)),
        verdict: Verdict::Forwarded.into(),
        is_reply: Some(true.into()),
        source: of.destination.clone(),
        destination: of.source.clone(),
        ..of.clone()
    };
    if let Some(ip) = &mut flow.ip {
        std::mem::swap(&mut ip.source, &mut ip.destination);
    }
    if let Some(layer4::Protocol::Tcp(tcp)) = flow.l4.as_mut().and_then(|l4| l4.protocol.as_mut()) {
        std::mem::swap(&mut tcp.source_port, &mut tcp.destination_port);
    }
    if let Some(layer7) = &mut flow.l7 {
        layer7.r#type = L7FlowType::Response.into();
        layer7.latency_ns = 3_000_000;
        if let Some(Record::Http(http)) = &mut layer7.record {
            http.code = code;
        }
    }
    flow
}

fn joined(events: &[Flow]) -> Connections<Flow> {
    let mut joined = Connections::default();
    for event in events {
        assert!(joined.push(event, || event.clone()).is_some());
    }
    joined
}

fn rows(joined: &Connections<Flow>) -> Vec<Row> {
    let mut rows: Vec<Row> = joined
        .iter()
        .filter_map(|connection| {
            let view = ConnectionView::new(&connection, LATER, Some)?;
            Row::new(&connection, &view, true)
        })
        .collect();
    rows.sort_by_key(|row| row.start);
    rows
}

fn denied(flow: &Flow) -> Row {
    Row::of_request(&RequestView::denied(flow).unwrap(), true).unwrap()
}

#[test]
fn a_connection_counts_each_request_once_and_shows_the_last_allowed_one() {
    let mut events = vec![packet(0, 40_000)];
    for (ms, method, verdict, code) in [
        (1, "GET", Verdict::Forwarded, 200),
        (10, "GET", Verdict::Forwarded, 404),
        (20, "POST", Verdict::Dropped, 403),
    ] {
        for (at, verdict) in [(Egress, Verdict::Forwarded), (Ingress, verdict)] {
            let asked = request(ms, 40_000, http(method, "/cart"), at, verdict);
            events.push(answer(&asked, ms + 3, code));
            events.push(asked);
        }
    }
    events.sort_by_key(|flow| (flow.time, flow.traffic_direction, flow.l7.is_some()));
    // In whatever order proxy and kernel are heard.
    for turn in 0..events.len() {
        let mut turned = events.clone();
        turned.rotate_left(turn);
        let rows = rows(&joined(&turned));
        let [row] = &rows[..] else {
            panic!("{rows:#?}")
        };
        assert_eq!(row.judged, Judged::Allowed);
        assert_eq!((row.requests.total, row.requests.denied), (3, 1), "{turn}");
        assert_eq!(row.requests.text(), "3 requests, 1 denied");
    }
    let rows = rows(&joined(&events));
    assert_eq!(rows[0].requests.last, "GET /cart: 404 3.0ms");
    assert!(rows[0].state().ends_with(", 3 requests, 1 denied"));
}

#[test]
fn requests_are_of_the_connection_of_their_time() {
    let get = |ms| request(ms, 40_000, http("GET", "/"), Ingress, Verdict::Forwarded);
    let events = [
        packet(0, 40_000),
        get(1),
        get(2),
        over(5, 40_000),
        packet(30_000, 40_000),
        get(30_001),
        over(30_002, 40_000),
    ];
    let counts: Vec<u64> = rows(&joined(&events))
        .iter()
        .map(|row| row.requests.total)
        .collect();
    assert_eq!(counts, [2, 1]);
    // A proxy alone makes no connection; and its requests wait for it.
    let early = joined(&[get(1)]);
    assert_eq!(early.iter().count(), 0);
    let late = joined(&[get(1), packet(0, 40_000)]);
    assert_eq!(rows(&late)[0].requests.total, 1);
}

/// The event as the node of one end tells it, who sees no packets of the other.
fn on(node: &str, mut flow: Flow) -> Flow {
    flow.node_name = node.to_owned();
    if flow.l7.is_none() {
        let mut extension = flow.extension().unwrap();
        match node {
            "n1" => extension.ingress = None,
            _ => extension.egress = None,
        }
        flow.set_extension(&extension);
    }
    flow
}

#[test]
fn requests_judged_on_two_nodes_are_counted_once() {
    let mut events = Vec::new();
    // Two connections, one after the other; the second node hears of each when a proxy has judged its request.
    for (begin, method, verdict, code) in [
        (0, "GET", Verdict::Forwarded, 200),
        (1_000, "POST", Verdict::Dropped, 403),
    ] {
        let record = || http(method, "/cart");
        let judged = |ms, at, verdict| request(begin + ms, 40_000, record(), at, verdict);
        let one = judged(1, Egress, Verdict::Forwarded);
        let other = judged(3, Ingress, verdict);
        events.extend([
            on("n1", packet(begin, 40_000)),
            on("n1", one.clone()),
            on("n2", packet(begin + 2, 40_000)),
            on("n2", other.clone()),
            on("n2", answer(&other, begin + 4, code)),
            on("n1", answer(&one, begin + 5, code)),
            on("n1", over(begin + 6, 40_000)),
            on("n2", over(begin + 7, 40_000)),
        ]);
    }
    // As they come from one server, and with each node's for itself.
    let mut by_node = events.clone();
    by_node.sort_by_key(|flow| flow.node_name.clone());
    // And as agents tell what reaches them late.
    let mut late = events.clone();
    for flow in late.iter_mut().filter(|flow| flow.l7.is_some()) {
        let time = flow.time.unwrap().unix_nanos();
        let later = if flow.node_name == "n1" { 20 } else { 60 };
        flow.time = Some(Timestamp::from_unix_nanos(
            (time / SECOND) * SECOND + later * 1_000_000,
        ));
    }
    late.sort_by_key(|flow| flow.time);
    for events in [events, by_node, late] {
        let rows = rows(&joined(&events));
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.requests.total, row.requests.denied, &*row.requests.last))
            .collect();
        assert_eq!(told, [(1, 0, "GET /cart: 200 3.0ms"), (1, 1, "")]);
    }
}

#[test]
fn what_is_kept_of_requests_is_bounded_and_forgotten() {
    let mut joined = Connections::new(Limits { tuples: 64 });
    for port in 1..1_000 {
        let asked = request(
            i64::from(port),
            port,
            http("GET", "/"),
            Ingress,
            Verdict::Forwarded,
        );
        joined.push(&asked, || port);
    }
    assert!(joined.len() <= 64);
    assert!(joined.forgotten() > 900);
    joined.forget_unwitnessed(|port| *port >= 990);
    assert_eq!(joined.len(), 10);
}

#[test]
fn a_denied_request_is_a_row_whose_cause_is_what_was_asked() {
    let post = |ms, port, path: &str| {
        denied(&request(
            ms,
            port,
            http("POST", path),
            Ingress,
            Verdict::Dropped,
        ))
    };
    let row = post(1, 40_000, "/admin/delete?id=7");
    assert_eq!(row.judged, Judged::Denied);
    assert_eq!(row.why, "cnp shop/api \u{b7} POST /admin/delete: 403");
    assert_eq!(
        (row.state().as_str(), row.drops().as_str()),
        ("x1", "1 request refused")
    );
    let rows = folded(vec![
        row,
        post(2, 40_001, "/admin/delete?id=8"),
        post(3, 40_001, "/admin"),
    ]);
    let said: Vec<(String, Option<u16>)> = rows
        .iter()
        .map(|row| (format!("{} {}", row.state(), row.why), row.source_port))
        .collect();
    assert_eq!(
        said,
        [
            (
                "x2 cnp shop/api \u{b7} POST /admin/delete: 403".to_owned(),
                None
            ),
            (
                "x1 cnp shop/api \u{b7} POST /admin: 403".to_owned(),
                Some(40_001)
            ),
        ]
    );
    // What is no denied request is none.
    let get = request(1, 1, http("GET", "/"), Ingress, Verdict::Forwarded);
    assert!(RequestView::denied(&get).is_none());
    assert!(RequestView::new(&answer(&get, 2, 403)).is_none());
    assert!(RequestView::new(&packet(0, 1)).is_none());
}

#[test]
fn subjects_of_all_protocols() {
    let dns = Record::Dns(Dns {
        query: "WWW.Other.test.".to_owned(),
        qtypes: vec!["AAAA".to_owned()],
        ..Dns::default()
    });
    let kafka = Record::Kafka(Kafka {
        api_key: "produce".to_owned(),
        topic: "orders".to_owned(),
        ..Kafka::default()
    });
    for (record, why) in [
        (http("GET", ""), "GET /: 403"),
        (dns, "DNS www.other.test: refused"),
        (kafka, "produce orders: denied"),
    ] {
        let flow = request(1, 1, record, Egress, Verdict::Dropped);
        assert_eq!(denied(&flow).why, format!("cnp shop/api \u{b7} {why}"));
        // Hubble names no policy.
        let theirs = Flow {
            extensions: None,
            ..flow
        };
        assert_eq!(denied(&theirs).why, why);
    }
    let mut tls = request(1, 1, http("", ""), Egress, Verdict::Dropped);
    tls.l7.as_mut().unwrap().record = None;
    tls.set_extension(&FlowExtension {
        egress: Some(Decision {
            verdict: Verdict::Dropped.into(),
            why: "cnp shop/web: server name evil.test is not api.test".to_owned(),
            ..Decision::default()
        }),
        ..FlowExtension::default()
    });
    assert_eq!(denied(&tls).why, "TLS evil.test: refused");
    tls.extensions = None;
    assert_eq!(denied(&tls).why, "connection: refused");
}

#[test]
fn filters_see_a_denied_request_as_a_denied_connection() {
    let flow = request(1, 40_000, http("POST", "/x"), Ingress, Verdict::Dropped);
    let view = RequestView::denied(&flow).unwrap();
    for (text, holds) in [
        ("verdict == DROPPED", true),
        ("state == denied and drops == 1", true),
        ("src.workload == shop/web and dst.port == 8080", true),
        ("dst.workload == shop/web", false),
        ("state == open", false),
    ] {
        let filter = Filter::parse_expr(text).unwrap();
        assert_eq!(filter.matches(&view), holds, "{text}");
    }
    assert_eq!(view.connection().unwrap().age_ns, 0);
}

#[test]
fn incidents_of_requests_end_when_the_same_is_allowed_by_the_same_end() {
    let at = |seconds: i64, end, verdict| {
        let flow = request(seconds * 1_000, 40_000, http("POST", "/x"), end, verdict);
        Row::of_request(&RequestView::new(&flow).unwrap(), true).unwrap()
    };
    let first = at(1, Ingress, Verdict::Dropped);
    let rows = [
        first.clone(),
        at(2, Ingress, Verdict::Dropped),
        // The source's rules say nothing of the destination's.
        at(3, Egress, Verdict::Forwarded),
        // Nor does another connection say anything of the request.
        Row {
            request: None,
            judged: Judged::Allowed,
            start: BEGIN + 4 * SECOND,
            ..first.clone()
        },
    ];
    let now = BEGIN + 10 * SECOND;
    let found = incidents(&rows, now);
    let [incident] = &found[..] else {
        panic!("{found:#?}")
    };
    assert_eq!(incident.status, Status::Ongoing);
    assert_eq!(incident.row.drops(), "2 requests refused");
    let id = incident.id();
    let allowed = [&rows[..], &[at(5, Ingress, Verdict::Forwarded)]].concat();
    let found = incidents(&allowed, now);
    assert_eq!(found[0].status, Status::Allowed(BEGIN + 5 * SECOND));
    assert_eq!(found[0].id(), id);
    // Another request is another incident, and so is the connection to the same port.
    let connection = Row {
        request: None,
        ..first.clone()
    };
    for other in [
        connection,
        denied(&request(
            1,
            1,
            http("POST", "/y"),
            Ingress,
            Verdict::Dropped,
        )),
    ] {
        assert_ne!(incidents(&[other], now)[0].id(), id);
    }
}

#[test]
fn a_summary_says_what_was_answered() {
    let asked = request(1, 1, http("GET", "/cart?id=7"), Ingress, Verdict::Forwarded);
    let said = |flow: &Flow| summary(flow.l7.as_ref().unwrap(), flow.verdict());
    assert_eq!(said(&asked), "GET /cart?id=7");
    assert_eq!(said(&answer(&asked, 4, 200)), "GET /cart?id=7: 200 3.0ms");
}
