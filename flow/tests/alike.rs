//! Connections whose requests are alike become one row: nothing of them is lost in it, and what is in trouble
//! stays by itself.

use flow::Verdict;
use flow::connection::{Answered, ConnectionView, Connections};
use flow::request::RequestView;
use flow::rows::{Row, folded, grouped};
use flows_flow as flow;
use proptest::prelude::*;
use proto::flow::{
    CiliumEventType, Dns, Endpoint, Flow, Http, Ip, IpVersion, L7FlowType, Layer4, Layer7,
    TrafficDirection, Udp, layer4, layer7::Record,
};
use proto::flows::v1::{Cause, Decision, FlowExtension};
use proto::google::Timestamp;

const BEGIN: i64 = 1_795_343_415_000_000_000;
const LATER: i64 = BEGIN + 60_000_000_000;
const SEARCHED: [&str; 4] = [
    "api.test.shop.svc.cluster.local.",
    "api.test.svc.cluster.local.",
    "api.test.cluster.local.",
    "api.test.",
];

/// Response code and addresses.
type Answer<'a> = (u32, &'a [&'a str]);

fn end(namespace: &str, pod: &str) -> Endpoint {
    Endpoint {
        namespace: namespace.to_owned(),
        pod_name: pod.to_owned(),
        ..Endpoint::default()
    }
}

/// What the kernel tells of a query's packet or of its answer's.
fn packet(us: i64, client: u8, port: u32, is_reply: bool) -> Flow {
    let (own, theirs) = (format!("10.0.0.{client}"), "10.0.1.53".to_owned());
    let (source, destination) = (
        end("shop", &format!("web-{client}")),
        end("kube-system", "dns"),
    );
    let turned = |one: String, other: String| if is_reply { (other, one) } else { (one, other) };
    let (from, to) = turned(own, theirs);
    let (source_port, destination_port) = if is_reply { (53, port) } else { (port, 53) };
    let mut flow = Flow {
        time: Some(Timestamp::from_unix_nanos(BEGIN + us * 1_000)),
        node_name: "n1".to_owned(),
        verdict: Verdict::Forwarded.into(),
        ip: Some(Ip {
            source: from,
            destination: to,
            ip_version: IpVersion::IPv4.into(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(layer4::Protocol::Udp(Udp {
                source_port,
                destination_port,
            })),
        }),
        source: Some(if is_reply {
            destination.clone()
        } else {
            source.clone()
        }),
        destination: Some(if is_reply { source } else { destination }),
        is_reply: Some(is_reply.into()),
        ..Flow::default()
    };
    let volume = proto::flows::v1::Volume {
        packets: 1,
        bytes: 70,
    };
    flow.set_extension(&FlowExtension {
        cause: if is_reply { Cause::Active } else { Cause::New }.into(),
        egress: Some(Decision::default()),
        ingress: Some(Decision::default()),
        forward: Some(volume),
        reply: is_reply.then_some(volume),
        ..FlowExtension::default()
    });
    flow
}

/// What the proxy tells of a query or of its answer; `rcode` and addresses of the latter.
fn dns(us: i64, at: (u8, u32), name: &str, kind: &str, answer: Option<Answer<'_>>) -> Flow {
    let (rcode, ips) = answer.unwrap_or_default();
    Flow {
        event_type: Some(CiliumEventType {
            r#type: 129,
            sub_type: 0,
        }),
        traffic_direction: TrafficDirection::Egress.into(),
        l7: Some(Layer7 {
            r#type: match answer {
                Some(_) => L7FlowType::Response.into(),
                None => L7FlowType::Request.into(),
            },
            latency_ns: 0,
            record: Some(Record::Dns(Dns {
                query: name.to_owned(),
                qtypes: vec![kind.to_owned()],
                rcode,
                ips: ips.iter().map(|ip| (*ip).to_owned()).collect(),
                ..Dns::default()
            })),
        }),
        extensions: None,
        ..packet(us, at.0, at.1, answer.is_some())
    }
}

/// All that is told when a client asks one name over one socket: as A and as AAAA.
fn lookup(us: i64, at: (u8, u32), name: &str, a: Answer<'_>, aaaa: Answer<'_>) -> Vec<Flow> {
    vec![
        packet(us, at.0, at.1, false),
        dns(us + 1, at, name, "A", None),
        dns(us + 2, at, name, "AAAA", None),
        dns(us + 3, at, name, "A", Some(a)),
        dns(us + 4, at, name, "AAAA", Some(aaaa)),
        packet(us + 5, at.0, at.1, true),
    ]
}

/// A whole search: three names that aren't there, then the one that is.
fn search(us: i64, client: u8, port: u32) -> Vec<Flow> {
    let steps = SEARCHED.iter().zip(0_u32..);
    let lookups = steps.flat_map(|(name, at)| {
        let (a, aaaa): (Answer<'_>, Answer<'_>) = match at {
            3 => ((0, &["192.0.2.7"]), (0, &[])),
            _ => ((3, &[]), (3, &[])),
        };
        lookup(us + i64::from(at) * 10, (client, port + at), name, a, aaaa)
    });
    lookups.collect()
}

fn rows(events: &[Flow]) -> Vec<Row> {
    let mut joined = Connections::default();
    for event in events {
        assert!(joined.push(event, || event.clone()).is_some());
    }
    let rows = joined.iter().filter_map(|connection| {
        let view = ConnectionView::new(&connection, LATER, Some)?;
        Row::new(&connection, &view, true)
    });
    rows.collect()
}

#[test]
fn what_a_resolver_makes_of_a_name_is_one_row_that_says_what_was_found() {
    let mut events = search(0, 1, 40_000);
    events.extend(search(2_000_000, 1, 41_000));
    let all = rows(&events);
    assert_eq!(all.len(), 8);
    let one = folded(all);
    let [row] = &one[..] else { panic!("{one:#?}") };
    assert_eq!(row.state(), "x8, 16 requests");
    assert_eq!(row.requests.last, "A api.test: 192.0.2.7");
    assert_eq!(row.requests.alike.as_ref().unwrap().subject, "DNS api.test");
    assert_eq!((row.connections, row.source_port), (8, None));
    assert_eq!(row.last - row.start, 2_000_035_000);
    assert_eq!(row.source.pod, "web-1");
    // Another client's are another row.
    let mut both = events.clone();
    both.extend(search(0, 2, 40_000));
    assert_eq!(folded(rows(&both)).len(), 2);
}

#[test]
fn addresses_are_told_in_whatever_order_the_types_are_answered() {
    let events = lookup(0, (1, 40_000), "api.test.", (0, &["192.0.2.7"]), (0, &[]));
    for turn in 0..events.len() {
        let mut turned = events.clone();
        turned.rotate_left(turn);
        let rows = rows(&turned);
        assert_eq!(rows[0].requests.last, "A api.test: 192.0.2.7", "{turn}");
        let alike = rows[0].requests.alike.as_ref().unwrap();
        assert_eq!(alike.answered, Answered::Addresses, "{turn}");
    }
}

#[test]
fn trouble_stands_by_itself() {
    let at = (1, 40_000);
    let found: Answer<'_> = (0, &["192.0.2.7"]);
    let servfail = lookup(0, at, "api.test.", found, (2, &[]));
    let mut open = lookup(0, at, "api.test.", found, (0, &[]));
    open.retain(|flow| {
        let dns = flow.l7.as_ref().and_then(|l7| l7.record.as_ref());
        let is_aaaa = matches!(dns, Some(Record::Dns(dns)) if dns.qtypes == ["AAAA"]);
        !(is_aaaa && flow.is_reply == Some(true.into()))
    });
    let mut several = lookup(0, at, "api.test.", found, (0, &[]));
    // Over the same socket.
    several.extend_from_slice(&lookup(20, at, "other.test.", found, (0, &[]))[1..5]);
    let mut http = lookup(0, at, "api.test.", found, (0, &[]));
    for flow in &mut http {
        if let Some(layer7) = &mut flow.l7 {
            let is_answer = layer7.r#type() == L7FlowType::Response;
            layer7.record = Some(Record::Http(Http {
                method: "GET".to_owned(),
                url: "http://api/".to_owned(),
                code: if is_answer { 200 } else { 0 },
                ..Http::default()
            }));
        }
    }
    let mut mixed = http.clone();
    if let Some(Record::Http(http)) = mixed[4].l7.as_mut().and_then(|l7| l7.record.as_mut()) {
        http.code = 500;
    }
    for (events, is_alike) in [
        (servfail, false),
        (open, false),
        (several, false),
        (mixed, false),
        (http, true),
    ] {
        let rows = rows(&events);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].requests.alike.is_some(), is_alike, "{rows:#?}");
        assert_eq!(rows[0].cause().is_some(), is_alike);
    }
}

/// A client's lookups of a name that no rule allows, each over a socket of its own; the answers are the proxy's.
fn denied(us: i64, client: u8, port: u32) -> Vec<Flow> {
    let mut flows = lookup(us, (client, port), "evil.test.", (5, &[]), (5, &[]));
    for flow in &mut flows {
        if flow.l7.is_some() && flow.is_reply != Some(true.into()) {
            flow.verdict = Verdict::Dropped.into();
        }
    }
    flows
}

/// The rows of connections, and those of denied requests.
fn all_rows(events: &[Flow]) -> Vec<Row> {
    let mut all = rows(events);
    let requests = events.iter().filter_map(RequestView::denied);
    all.extend(requests.filter_map(|view| Row::of_request(&view, true)));
    all
}

#[test]
fn a_connection_of_denied_requests_is_told_with_them() {
    let mut events = denied(0, 1, 40_000);
    events.extend(denied(1_000_000, 1, 41_000));
    let all = all_rows(&events);
    assert_eq!(all.len(), 2 + 4);
    let bytes: u64 = all.iter().map(|row| row.bytes).sum();
    for turn in 0..all.len() {
        let mut turned = all.clone();
        turned.rotate_left(turn);
        let one = grouped(turned);
        let [(row, places)] = &one[..] else {
            panic!("{one:#?}")
        };
        assert_eq!(row.state(), "x4");
        assert_eq!((row.connections, row.bytes, places.len()), (6, bytes, 6));
        assert!(row.request.is_some() && row.requests.total == 0, "{row:#?}");
    }
    // One whose requests are no rows, or not all of them, is a row.
    assert_eq!(folded(rows(&events)).len(), 1);
    let mut some = all.clone();
    some.truncate(3);
    assert_eq!(folded(some).len(), 1 + 1);
    // So is one that carried an allowed request, or was heard of at another time.
    let mut other = events.clone();
    other.extend(lookup(
        20,
        (1, 40_000),
        "api.test.",
        (0, &["192.0.2.7"]),
        (0, &[]),
    ));
    assert_eq!(folded(all_rows(&other)).len(), 2);
    let mut late = all;
    for row in &mut late {
        if row.request.is_some() {
            row.start += 3_600_000_000_000;
            row.last += 3_600_000_000_000;
        }
    }
    assert_eq!(folded(late).len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is folded, in whatever order: every connection, request and byte is in one row.
    #[test]
    fn counts_are_exact(
        lookups in proptest::collection::vec((0..3_u8, 0..4_usize, 0..4_u8, 0..1_000_i64), 1..60),
        seed in any::<u64>(),
    ) {
        let mut events = Vec::new();
        for (port, (client, name, answer, ms)) in (40_000..).zip(lookups) {
            if answer == 0 && name == 0 {
                events.extend(denied(ms * 1_000, client, port));
                continue;
            }
            let a: Answer<'_> = match answer {
                0 => (0, &["192.0.2.7"]),
                1 => (0, &[]),
                2 => (3, &[]),
                _ => (2, &[]),
            };
            events.extend(lookup(ms * 1_000, (client, port), SEARCHED[name], a, a));
        }
        let mut all = all_rows(&events);
        let sums = |rows: &[Row]| rows.iter().fold((0, 0, 0), |(count, requests, bytes), row| {
            (count + row.connections, requests + row.requests.total, bytes + row.bytes)
        });
        let told = |row: &&Row| row.request.is_some() || row.only_denied().is_none();
        let (shown, carriers): (Vec<&Row>, Vec<&Row>) = all.iter().partition(told);
        let carried: u64 = carriers.iter().map(|row| row.requests.total).sum();
        let mut wanted = sums(&all);
        // They are counted where they are rows.
        wanted.1 -= carried;
        let alone = shown.iter().filter(|row| row.cause().is_none()).count();
        let causes: std::collections::HashSet<_> = shown.iter().filter_map(|row| row.cause()).collect();
        let turn = usize::try_from(seed % 1_000).unwrap() % all.len();
        all.rotate_left(turn);
        let one = folded(all);
        prop_assert_eq!(sums(&one), wanted);
        prop_assert_eq!(one.len(), alone + causes.len());
    }
}
