//! Filters: what the recorded rows do not reach, their errors, and what a program remembers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::net::IpAddr;

use flow::filter::{Bounds, Filter};
use flow::view::{FlowView, NoFlow, Side, Transport};
use flow::{Identity, Verdict};
use flows_flow as flow;
use proto::flow::{Flow, FlowFilter, IpVersion};
use proto::json::{self, Unknown};

fn one(text: &str) -> FlowFilter {
    json::read(text, Unknown::Refuse).unwrap()
}

fn filter(text: &str) -> Filter {
    Filter::from_lists(&[one(text)], &[]).unwrap()
}

const FLOW: &str = r#"{"uuid":"u1","verdict":"DROPPED","IP":{"source":"10.0.0.1",
"destination":"fd00::1","ipVersion":"IPv6","source_xlated":"192.168.0.1"},
"l4":{"TCP":{"source_port":4000,"destination_port":80,"flags":{"SYN":true,"ACK":true}}},
"source":{"identity":300,"namespace":"shop","pod_name":"cart-0","cluster_name":"c1",
"labels":["k8s:app=cart"],"workloads":[{"name":"cart","kind":"StatefulSet"}]},
"destination":{"identity":2,"labels":["reserved:world"]},"destination_names":["a.example.com"],
"node_name":"c1/node-a","node_labels":["zone=a"],"event_type":{"type":129},
"source_service":{"name":"cart-svc","namespace":"shop"},"traffic_direction":"EGRESS",
"drop_reason_desc":"POLICY_DENIED","interface":{"index":3,"name":"eth0"},
"l7":{"type":"REQUEST","dns":{"query":"a.example.com."}},"ip_trace_id":{"trace_id":"7"},
"trace_context":{"parent":{"trace_id":"t1"}}}"#;

#[test]
fn fields() {
    let flow: Flow = json::read(FLOW, Unknown::Refuse).unwrap();
    for (text, matches) in [
        ("{}", true),
        (r#"{"reply":[false]}"#, true),
        (r#"{"reply":[true]}"#, false),
        (r#"{"reply":[true,false]}"#, true),
        (r#"{"encrypted":[false]}"#, true),
        (r#"{"encrypted":[true]}"#, false),
        (r#"{"dns_query":["^a\\.example"]}"#, true),
        (r#"{"dns_query":["^b"]}"#, false),
        (r#"{"node_labels":["zone=b","zone in (a)"]}"#, true),
        (r#"{"node_labels":["zone!=a"]}"#, false),
        (r#"{"tcp_flags":[{"SYN":true}]}"#, true),
        (r#"{"tcp_flags":[{"SYN":true,"FIN":true}]}"#, false),
        (r#"{"tcp_flags":[{}]}"#, true),
        (r#"{"source_ip_xlated":["192.168.0.0/16"]}"#, true),
        (r#"{"source_ip_xlated":["10.0.0.1"]}"#, false),
        (r#"{"destination_ip":["fd00::1"]}"#, true),
        (r#"{"destination_ip":["fd00:0::1"]}"#, false),
        (r#"{"source_service":["shop/cart"]}"#, true),
        (r#"{"destination_service":["shop/cart"]}"#, false),
        (r#"{"source_workload":[{}]}"#, true),
        (r#"{"source_workload":[{"kind":"Deployment"}]}"#, false),
        (r#"{"source_pod":["/cart"]}"#, true),
        (r#"{"source_pod":["cart"]}"#, false),
        (r#"{"source_pod":["shop/cart-0/x"]}"#, true),
        (r#"{"destination_pod":["/"]}"#, false),
        (r#"{"interface":[{"index":3}]}"#, true),
        (r#"{"interface":[{"index":4,"name":"eth0"}]}"#, false),
        (r#"{"ip_trace_id":["7"]}"#, true),
        (r#"{"trace_id":["t1"]}"#, true),
        (r#"{"trace_id":[""]}"#, false),
        (r#"{"uuid":["u1","u2"]}"#, true),
        (r#"{"event_type":[{"match_sub_type":true}]}"#, true),
        (
            r#"{"event_type":[{"type":129,"match_sub_type":true,"sub_type":1}]}"#,
            false,
        ),
        (r#"{"traffic_direction":["INGRESS"]}"#, false),
        (r#"{"verdict":[77]}"#, false),
        (r#"{"protocol":["dns"],"source_identity":[5,300,1]}"#, true),
        (r#"{"http_method":["GET"]}"#, false),
        (
            r#"{"destination_fqdn":["*.example.com"],"destination_port":["80"]}"#,
            true,
        ),
    ] {
        let filter = filter(text);
        assert_eq!(filter.matches(&flow), matches, "{text}");
        assert_eq!(filter.program().matches(&flow), matches, "{text}");
        // On the blacklist the same filter says the opposite.
        let black = Filter::from_lists(&[], &[one(text)]).unwrap();
        assert_eq!(black.matches(&flow), !matches, "{text}");
    }
}

#[test]
fn lists_are_alternatives() {
    let flow: Flow = json::read(FLOW, Unknown::Refuse).unwrap();
    let [dropped, forwarded] =
        [r#"{"verdict":["DROPPED"]}"#, r#"{"verdict":["FORWARDED"]}"#].map(one);
    for (white, black, matches) in [
        (vec![], vec![], true),
        (vec![&forwarded], vec![], false),
        (vec![&forwarded, &dropped], vec![], true),
        (vec![&dropped], vec![&forwarded], true),
        (vec![], vec![&forwarded, &dropped], false),
    ] {
        let list = |list: Vec<&FlowFilter>| list.into_iter().cloned().collect::<Vec<_>>();
        let filter = Filter::from_lists(&list(white), &list(black)).unwrap();
        assert_eq!(filter.matches(&flow), matches, "{filter:?}");
    }
    assert!(Filter::from_lists(&[], &[]).unwrap().is_everything());
    assert!(filter("{}").is_everything());
    assert!(!filter(r#"{"reply":[true]}"#).is_everything());
}

#[test]
fn what_is_no_flow_passes_only_what_asks_for_nothing() {
    for (text, matches) in [
        ("{}", true),
        (r#"{"verdict":["VERDICT_UNKNOWN"]}"#, false),
        (r#"{"ip_version":["IP_NOT_USED"]}"#, false),
        (
            r#"{"traffic_direction":["TRAFFIC_DIRECTION_UNKNOWN"]}"#,
            false,
        ),
        (r#"{"node_name":["*"]}"#, false),
        (r#"{"source_label":["!app"]}"#, true),
        (r#"{"source_label":["app"]}"#, false),
    ] {
        assert_eq!(filter(text).matches(&NoFlow), matches, "{text}");
    }
}

#[test]
fn what_can_not_be_read_is_refused() {
    for (text, error) in [
        (
            r#"{"source_pod":[""]}"#,
            "invalid filter, name must not be empty",
        ),
        (
            r#"{"destination_service":[""]}"#,
            "invalid destination service filter: invalid filter, name must not be empty",
        ),
        (
            r#"{"source_ip":["x"]}"#,
            "invalid IP address \"x\" in filter: ParseAddr(\"x\"): unable to parse IP",
        ),
        (
            r#"{"source_ip":["::1/x"]}"#,
            "invalid IP prefix \"::1/x\" in filter: netip.ParsePrefix(\"::1/x\"): bad bits after \
             slash: \"x\"",
        ),
        (
            r#"{"destination_port":["80-90"]}"#,
            "invalid destination port filter: invalid port \"80-90\": strconv.ParseUint: parsing \
             \"80-90\": invalid syntax",
        ),
        (r#"{"source_fqdn":["a b"]}"#, "' ': invalid rune in pattern"),
        (
            r#"{"http_status_code":["6+"]}"#,
            "invalid http status code filter: invalid status code prefix: \"6+\"",
        ),
        (
            r#"{"http_url":["x"],"event_type":[{"type":1}]}"#,
            "filtering by http url requires the event type filter to only match 'l7' events",
        ),
        (
            r#"{"experimental":{"cel_expression":["1"]}}"#,
            "got \"int\", wanted \"bool\" result type",
        ),
    ] {
        let refused = Filter::from_lists(&[], &[one(text)]).unwrap_err();
        assert_eq!(refused.to_string(), error, "{text}");
    }
    for text in [
        r#"{"source_label":["a b"]}"#,
        r#"{"http_path":["("]}"#,
        r#"{"dns_query":["("]}"#,
    ] {
        assert!(Filter::from_lists(&[one(text)], &[]).is_err(), "{text}");
    }
}

/// A flow whose labels follow from its identity: even numbers are carts.
struct Numbered<'a> {
    identity: u32,
    asked: &'a Cell<usize>,
}

impl FlowView for Numbered<'_> {
    fn labels_follow_identity(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        Verdict::Forwarded
    }
    fn event_type(&self) -> Option<(i32, i32)> {
        None
    }
    fn transport(&self) -> Option<Transport> {
        None
    }
    fn port(&self, _side: Side) -> Option<u16> {
        None
    }
    fn ip(&self, _side: Side) -> Option<IpAddr> {
        None
    }
    fn ip_version(&self) -> IpVersion {
        IpVersion::IpNotUsed
    }
    fn identity(&self, _side: Side) -> Option<Identity> {
        Some(Identity(self.identity))
    }
    fn namespace(&self, _side: Side) -> &str {
        ""
    }
    fn pod(&self, _side: Side) -> &str {
        ""
    }
    fn any_label(&self, _side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.identity.is_multiple_of(2) && is("k8s:app=cart")
    }
    fn node(&self) -> &str {
        ""
    }

    flow::absent! {
        time_ns drop_reason direction match_type trace_reason is_reply tcp_flags icmp
        source_xlated encrypted cluster any_workload any_name service any_node_label
        interface l7 uuid trace_id ip_trace_id summary any_policy any_policy_log connection message with_extension
    }
}

#[test]
fn a_program_asks_for_labels_once_per_identity() {
    let asked = Cell::new(0);
    let mut program = filter(r#"{"source_label":["app=cart"]}"#).program();
    let mut check = |identity| {
        let view = Numbered {
            identity,
            asked: &asked,
        };
        assert_eq!(
            program.matches(&view),
            identity.is_multiple_of(2),
            "{identity}"
        );
    };
    for _ in 0..3 {
        (0..1024).for_each(&mut check);
    }
    assert_eq!(asked.get(), 1024);
    // Numbers that share a place push each other out, and are answered right all the same.
    for _ in 0..3 {
        [0, 1024 + 1, 4096, 1, (1 << 24) + 1]
            .into_iter()
            .for_each(&mut check);
    }
    assert!(asked.get() > 1024);
}

#[test]
fn segments_are_passed_over_only_if_nothing_in_them_can_match() {
    struct Forwarded;
    impl Bounds for Forwarded {
        fn verdict(&self, verdict: Verdict) -> bool {
            verdict == Verdict::Forwarded
        }
        fn identity(&self, _side: Side, identity: Identity) -> bool {
            identity.0 == 300
        }
    }
    let could = |white: &[&str], black: &[&str]| {
        let list = |list: &[&str]| list.iter().map(|text| one(text)).collect::<Vec<_>>();
        let filter = Filter::from_lists(&list(white), &list(black)).unwrap();
        filter.program().could_match(&Forwarded)
    };
    assert!(could(&[], &[]));
    assert!(could(&[r#"{"verdict":["FORWARDED"]}"#], &[]));
    assert!(!could(&[r#"{"verdict":["DROPPED","AUDIT"]}"#], &[]));
    assert!(!could(&[r#"{"drop_reason_desc":["POLICY_DENIED"]}"#], &[]));
    assert!(!could(
        &[r#"{"verdict":["FORWARDED"],"source_identity":[301]}"#],
        &[]
    ));
    assert!(could(
        &[r#"{"verdict":["DROPPED"]}"#, r#"{"source_identity":[300]}"#],
        &[]
    ));
    // What a blacklist leaves can't be told from bounds.
    assert!(could(&[], &[r#"{"verdict":["FORWARDED"]}"#]));
}
