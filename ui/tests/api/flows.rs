//! A file of flows: two connections of a web pod, one allowed and one denied, and a loss.

use std::io::Write as _;

use serde_json::{Value, json};

/// The first flow's time: 2026-01-02T03:04:05Z, in Unix seconds.
pub(crate) const START: i64 = 1_767_323_045;

fn flow(second: i64, destination: &str, port: u32, dropped: bool, reply: bool) -> Value {
    let pod = |name: &str, identity: u32| {
        json!({
            "identity": identity, "namespace": "shop", "pod_name": name,
            "labels": [format!("k8s:app={name}")],
        })
    };
    let (mut from, mut to) = (
        ("web", 1000, "10.0.0.1", 40000),
        (destination, 1001, "10.0.0.2", port),
    );
    if reply {
        std::mem::swap(&mut from, &mut to);
    }
    let since_three = second + 4 * 60 + 5;
    let time = format!(
        "2026-01-02T{:02}:{:02}:{:02}.5Z",
        3 + since_three / 3600,
        since_three / 60 % 60,
        since_three % 60
    );
    let mut flow = json!({
        "time": time,
        "verdict": if dropped { "DROPPED" } else { "FORWARDED" },
        "IP": {"source": from.2, "destination": to.2, "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": from.3, "destination_port": to.3, "flags": {"SYN": true}}},
        "source": pod(from.0, from.1),
        "destination": pod(to.0, to.1),
        "Type": "L3_L4",
        "node_name": "one",
        "event_type": {"type": if dropped { 1 } else { 4 }, "sub_type": if dropped { 133 } else { 0 }},
        "traffic_direction": "EGRESS",
        "is_reply": reply,
        "Summary": "TCP Flags: SYN",
    });
    if dropped {
        flow["drop_reason_desc"] = json!("POLICY_DENIED");
        flow["is_reply"] = Value::Null;
    }
    json!({"flow": flow, "node_name": "one", "time": time})
}

/// Flows of so many seconds: each second a packet, its reply, and a drop.
pub(crate) fn file(seconds: i64) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for second in 0..seconds {
        for line in [
            flow(second, "api", 8080, false, false),
            flow(second, "api", 8080, false, true),
            flow(second, "db", 5432, true, false),
        ] {
            writeln!(file, "{line}").unwrap();
        }
    }
    let lost = json!({
        "lost_events": {"source": "PERF_EVENT_RING_BUFFER", "num_events_lost": "7"},
        "node_name": "one", "time": "2026-01-02T03:04:06Z",
    });
    writeln!(file, "{lost}").unwrap();
    file
}
