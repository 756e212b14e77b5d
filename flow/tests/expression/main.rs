//! The expression language: what expressions mean, how they are printed, what is pushed to servers,
//! what is said of mistakes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod completion;
mod errors;
mod filter_for;
mod laws;

use flow::Filter;
use flows_flow as flow;
use proto::flow::Flow;
use proto::flows::v1::{Cause, Decision, FlowExtension, Rule, Volume};
use proto::json::{self, Unknown};

const DROP: &str = r#"{"uuid":"u1","verdict":"DROPPED","IP":{"source":"10.0.0.1",
"destination":"93.184.216.34","ipVersion":"IPv4","source_xlated":"192.168.0.1","encrypted":true},
"l4":{"TCP":{"source_port":40000,"destination_port":5432,"flags":{"SYN":true}}},
"source":{"identity":300,"namespace":"prod","pod_name":"web-0","cluster_name":"c1",
"labels":["k8s:app=web","k8s:tier=front"],"workloads":[{"name":"web","kind":"StatefulSet"}]},
"destination":{"identity":2,"labels":["reserved:world"]},
"destination_names":["www.example.com"],"destination_service":{"name":"db","namespace":"prod"},
"node_name":"c1/node-a","node_labels":["zone=a"],"event_type":{"type":1,"sub_type":133},
"traffic_direction":"EGRESS","drop_reason_desc":"POLICY_DENIED","policy_log":["audit","team-a"],"interface":{"index":3,"name":"eth0"},
"trace_context":{"parent":{"trace_id":"t1"}},"ip_trace_id":{"trace_id":"7"},
"Summary":"TCP Flags: SYN"}"#;

const ANSWER: &str = r#"{"verdict":"FORWARDED","IP":{"source":"fd00::1","destination":"fd00::2",
"ipVersion":"IPv6"},"l4":{"TCP":{"source_port":8080,"destination_port":40001,
"flags":{"SYN":true,"ACK":true}}},
"source":{"identity":400,"namespace":"prod","pod_name":"api-1"},
"destination":{"identity":1},"node_name":"node-b","event_type":{"type":129},
"traffic_direction":"INGRESS","is_reply":true,"trace_reason":"REPLY",
"l7":{"type":"RESPONSE","http":{"code":404,"method":"GET","url":"http://api:8080/v1/cart?x=1",
"headers":[{"key":"host","value":"api"}]}}}"#;

const QUERY: &str = r#"{"verdict":"REDIRECTED","IP":{"source":"10.0.0.1",
"destination":"10.0.0.10","ipVersion":"IPv4"},"l4":{"UDP":{"source_port":5000,
"destination_port":53}},"source":{"namespace":"prod","pod_name":"web-0"},
"node_name":"node-b","event_type":{"type":129},"is_reply":false,
"l7":{"type":"REQUEST","dns":{"query":"db.example.com.","rcode":3}}}"#;

const PING: &str = r#"{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.9",
"ipVersion":"IPv4"},"l4":{"ICMPv4":{"type":8}},"source":{"namespace":"dev","pod_name":"web-1"},
"event_type":{"type":4,"sub_type":3},"is_reply":false,"trace_reason":"NEW"}"#;

/// What the server's own messages say, with our extension on the drop.
fn flows() -> Vec<Flow> {
    let read = |text| json::read::<Flow>(text, Unknown::Refuse).unwrap();
    let mut flows: Vec<Flow> = [DROP, ANSWER, QUERY, PING].map(read).into();
    let rule = |name: &str| Rule {
        kind: proto::flows::v1::PolicyKind::CiliumNetworkPolicy.into(),
        namespace: "prod".to_owned(),
        name: name.to_owned(),
        ..Rule::default()
    };
    flows[0].set_extension(&FlowExtension {
        egress: Some(Decision {
            verdict: 2,
            rules: vec![rule("web-egress")],
            ..Decision::default()
        }),
        ingress: Some(Decision {
            verdict: 1,
            rules: vec![rule("db-ingress")],
            ..Decision::default()
        }),
        revision: 5,
        limited: 9,
        cause: Cause::Drop.into(),
        ..FlowExtension::default()
    });
    flows[1].set_extension(&FlowExtension {
        forward: Some(Volume {
            packets: 10,
            bytes: 1_500,
        }),
        reply: Some(Volume {
            packets: 20,
            bytes: 2_000_000,
        }),
        handshake_rtt_us: 1_500,
        cause: Cause::Flags.into(),
        ..FlowExtension::default()
    });
    flows
}

/// Expressions, and which of the flows drop, answer, query and ping match.
pub(crate) const MEANINGS: &[(&str, &str)] = &[
    ("", "daqp"),
    ("true", "daqp"),
    ("false", ""),
    ("verdict == DROPPED", "d"),
    ("verdict == dropped", "d"),
    ("verdict = DROPPED", "d"),
    ("verdict != DROPPED", "aqp"),
    ("verdict in {FORWARDED, REDIRECTED}", "aqp"),
    ("verdict not in {FORWARDED, REDIRECTED}", "d"),
    ("verdict in {}", ""),
    ("verdict ~ \"*ED\"", "daqp"),
    ("verdict =~ \"^RE\"", "q"),
    ("verdict == 2", "d"),
    ("has verdict", "daqp"),
    ("reason == POLICY_DENIED", "d"),
    ("reason == \"Policy denied\"", "d"),
    ("reason ~ \"policy*\"", "d"),
    ("reason == policy-denied", "d"),
    ("has reason", "d"),
    ("src.pod ~ \"prod/*\"", "daq"),
    ("src.pod ~ prod/web", "dq"),
    ("src.pod ~ web", "dqp"),
    ("src.pod ~ \"*/web\"", "dqp"),
    ("src.pod ~ \"p*d/w?b\"", "dq"),
    ("src.pod == web-0", "dq"),
    ("src.pod == prod/web-0", "dq"),
    ("src.pod == prod/web", ""),
    ("src.pod == prod/", "daq"),
    ("src.pod =~ \"/(web|api)-[0-9]$\"", "daqp"),
    ("src.pod in {web-1, prod/api-1}", "ap"),
    ("src.pod contains eb-", "dqp"),
    ("pod !~ web", "a"),
    ("has src.pod", "daqp"),
    ("has(dst.pod)", ""),
    ("dst.pod == \"\"", "daqp"),
    ("source.ns == prod", "daq"),
    ("src.namespace ~ \"*o*\"", "daq"),
    ("namespace != prod", "p"),
    ("src.workload == web", "d"),
    ("src.workload == StatefulSet/web", "d"),
    ("src.workload == Deployment/web", ""),
    ("src.workload ~ \"Stateful*/w\"", "d"),
    ("src.workload == prod/web", "d"),
    ("src.workload == dev/web", ""),
    // A pod that no workload made is its own, when its namespace is asked for.
    ("src.workload in {prod/web, dev/web-1, prod/api-1}", "dap"),
    ("src.workload == web-1", ""),
    ("src.workload ~ \"d*/web\"", "p"),
    ("has workload", "d"),
    ("dst.service == prod/db", "d"),
    ("dst.service ~ prod/d", "d"),
    ("dst.fqdn ~ \"*.example.com\"", "d"),
    ("dst.fqdn == WWW.example.com.", "d"),
    ("fqdn =~ example", "d"),
    ("src.cluster == c1", "d"),
    ("src.cluster ~ \"c*\"", "d"),
    ("src.label == \"app=web\"", "d"),
    ("src.label == \"app in (api,web),tier!=back\"", "d"),
    ("src.label in {\"app=api\", \"tier\"}", "d"),
    ("src.label ~ \"app=w*\"", "d"),
    ("src.label == app", "d"),
    ("label == reserved:world", "d"),
    ("not has src.label", "aqp"),
    ("src.identity == 300", "d"),
    ("dst.identity == world", "d"),
    ("identity in {host, 400}", "a"),
    ("src.identity >= 300", "da"),
    ("src.ip == 10.0.0.1", "dqp"),
    ("src.ip in 10.0.0.0/8", "dqp"),
    ("ip == fd00:0::1", "a"),
    ("ip in {fd00::/16, 10.0.0.9}", "ap"),
    ("has src.ip", "daqp"),
    ("snat.ip in 192.168.0.0/16", "d"),
    ("dst.port == 53", "q"),
    ("dst.port in {53, 5000-6000}", "dq"),
    ("port == 5000-6000", "dq"),
    ("dst.port < 1024", "q"),
    ("dst.port <= 53", "q"),
    ("dst.port > 5432", "a"),
    ("dst.port >= 5432", "da"),
    ("dst.port < 0", ""),
    ("dst.port != 53", "dap"),
    ("has dst.port", "daq"),
    ("protocol == tcp", "da"),
    ("protocol in {dns, icmp}", "qp"),
    ("protocol ~ \"icmp*\"", "p"),
    ("reply", "a"),
    ("not reply", "dqp"),
    ("!reply", "dqp"),
    ("reply == false", "dqp"),
    ("reply != false", "a"),
    ("encrypted", "d"),
    ("encrypted == no", "aqp"),
    ("tcp.syn and not tcp.ack", "d"),
    ("tcp.flags ~ syn", "da"),
    ("tcp.flags == syn", "d"),
    ("tcp.flags == \"syn,ack\"", "a"),
    ("tcp.flags in {syn, syn+ack}", "da"),
    ("tcp.flags != syn", "aqp"),
    ("has tcp.flags", "da"),
    ("icmp.type == 8", "p"),
    ("ip.version == 6", "a"),
    ("ip.version == ipv4", "dqp"),
    ("type == drop", "d"),
    ("type in {l7, trace:to-stack}", "aqp"),
    ("type == trace:to-host", ""),
    ("type == any:133", "d"),
    ("direction == egress", "d"),
    ("direction == unknown", "qp"),
    ("node == c1/node-a", "d"),
    ("node == node-a", "d"),
    ("node ~ \"node-?\"", "aq"),
    ("node ~ \"*/node-*\"", "daq"),
    ("node.label == \"zone in (a,b)\"", "d"),
    ("interface == eth0", "d"),
    ("interface == \"#3\"", "d"),
    ("interface ~ \"eth*\"", "d"),
    ("has interface", "d"),
    ("policy == web-egress", "d"),
    ("policy ~ prod/web", "d"),
    ("policy ~ db", ""),
    ("policy.log == team-a", "d"),
    ("policy.log ~ \"aud*\"", "d"),
    ("has policy.log", "d"),
    ("policy.log == \"\"", "aqp"),
    ("late", ""),
    ("late == false", "da"),
    ("has late", "da"),
    ("match == none", ""),
    ("trace.reason in {new, reply}", "ap"),
    ("cause == drop", "d"),
    ("cause ~ \"*\"", "da"),
    ("bytes > 2MB", "a"),
    ("bytes >= 2_001_500", "a"),
    ("bytes < 10k", ""),
    ("packets == 30", "a"),
    ("rtt > 1ms", "a"),
    ("rtt <= 1500us", "a"),
    ("revision == 5", "d"),
    ("limited > 0", "d"),
    ("http.status == 404", "a"),
    ("http.status == 4+", "a"),
    ("http.status in {400-499, 503}", "a"),
    ("http.status >= 500", ""),
    ("http.method == get", "a"),
    ("http.method != GET", "dqp"),
    ("http.path == /v1/cart", "a"),
    ("http.path ~ \"/v1/*\"", "a"),
    ("http.path =~ \"^/v[0-9]/\"", "a"),
    ("http.url matches \"x=1$\"", "a"),
    ("http.url contains \"cart?\"", "a"),
    ("http.header == host:api", "a"),
    ("http.header ~ \"host:*\"", "a"),
    ("dns.query == db.example.com", "q"),
    ("dns.query ~ \"*.example.com\"", "q"),
    ("dns.query =~ \"example\\.com\\.$\"", "q"),
    ("dns.rcode == 3", "q"),
    ("request == \"DNS db.example.com\"", "q"),
    ("request ~ \"GET *\"", "a"),
    ("uuid == u1", "d"),
    ("has uuid", "d"),
    ("uuid == \"\"", "aqp"),
    ("traceid == t1", "d"),
    ("ip.traceid in {7, 8}", "d"),
    ("summary contains SYN", "d"),
    ("web-0", "dq"),
    ("PROD", "daq"),
    ("od/we", "dq"),
    ("prod/db", "d"),
    ("web-egress", "d"),
    ("www.example.com", "d"),
    ("\"web\"", "dqp"),
    ("\"web egress\"", ""),
    ("not web", "a"),
    ("p?-1 or web-1", "ap"),
    ("a*-1 and reply", "a"),
    ("(web-0 and verdict == DROPPED) or not has src.pod", "d"),
    ("StatefulSet", ""),
    ("VERDICT == DROPPED AND NOT (REPLY OR reply)", "d"),
    ("verdict == DROPPED or reply and false", "d"),
    ("(verdict == DROPPED or reply) and true", "da"),
    ("not verdict == DROPPED && !reply || reply", "aqp"),
    (
        "verdict == DROPPED and (src.pod ~ \"prod/*\" or dst.port in {53, 443}) and not reply",
        "d",
    ),
];

#[test]
fn meanings() {
    let flows = flows();
    let matched = |filter: &Filter| -> String {
        let named = flows.iter().zip(["d", "a", "q", "p"]);
        let matching = named.filter(|(flow, _)| filter.matches(*flow));
        matching.map(|(_, name)| name).collect()
    };
    for (text, expected) in MEANINGS {
        let filter = match Filter::parse_expr(text) {
            Ok(filter) => filter,
            Err(error) => panic!("{}", error.render(text)),
        };
        assert_eq!(matched(&filter), *expected, "{text}: {filter:?}");
        // What is printed means the same, and is printed the same again.
        let printed = filter.to_string();
        let again = match Filter::parse_expr(&printed) {
            Ok(filter) => filter,
            Err(error) => panic!("{text}:\n{}", error.render(&printed)),
        };
        assert_eq!(matched(&again), *expected, "{text} printed as {printed}");
        assert_eq!(again.to_string(), printed, "{text}");
    }
}

#[test]
fn printed() {
    for (text, expected) in [
        ("verdict in {dropped,AUDIT}", "verdict in {DROPPED, AUDIT}"),
        ("!(a_reply)", "not a_reply"),
        ("!(src.reply)", ""),
        ("not verdict == DROPPED", "verdict != DROPPED"),
        ("not (reply and encrypted)", "not (reply and encrypted)"),
        (
            "(reply or encrypted) and true",
            "(reply or encrypted) and true",
        ),
        (
            "reply and encrypted or tcp.syn",
            "reply and encrypted or tcp.flags ~ syn",
        ),
        ("port in {80,443}", "port in {80, 443}"),
        (
            "src.port == 80 or dst.port == 81",
            "src.port == 80 or dst.port == 81",
        ),
        ("port >= 1024", "port >= 1024"),
        ("src.pod ~ prod/web", "src.pod ~ prod/web*"),
        ("src.pod ~ 'prod/*'", "src.ns == prod"),
        (
            "src.workload == Deployment/web",
            "src.workload == Deployment/web",
        ),
        ("src.workload == prod/web", "src.workload == prod/web"),
        ("http.path =~ '\\.php$'", "http.path =~ \"\\\\.php$\""),
        (
            "src.label == 'app  in (a, b)'",
            "src.label == \"app in (a,b)\"",
        ),
        ("rtt > 20ms", "rtt >= 20001"),
        ("User-service", "User-service"),
        ("'user'", "user"),
        ("not \"a\\\"b\"", "not \"a\\\"b\""),
        ("\"5432\" or 'reply'", "\"5432\" or \"reply\""),
        ("'src.web' and 'and'", "\"src.web\" and \"and\""),
        ("'dropped' or \"web:80\"", "\"dropped\" or \"web:80\""),
        ("uuid == 'a \"b\"'", "uuid == \"a \\\"b\\\"\""),
    ] {
        match Filter::parse_expr(text) {
            Ok(filter) => assert_eq!(filter.to_string(), expected, "{text}"),
            Err(error) => assert_eq!(expected, "", "{}", error.render(text)),
        }
    }
}

/// Rows say DENIED of what a policy dropped.
#[test]
fn denied_is_taken_for_dropped() {
    let wanted = Filter::parse_expr("verdict == DROPPED")
        .unwrap()
        .to_string();
    for text in ["DENIED", "denied", "Denied"] {
        let one = Filter::parse_expr(&format!("verdict == {text}")).unwrap();
        assert_eq!(one.to_string(), wanted);
        let several = Filter::parse_expr(&format!("verdict in {{{text}}}")).unwrap();
        assert_eq!(several.to_string(), wanted);
        let mut flags = flow::flags::FilterFlags::default();
        flags.set("verdict", text).unwrap();
        let lists = flags.finish().unwrap();
        assert_eq!(lists.whitelist[0].verdict, [2], "{text}");
    }
}
