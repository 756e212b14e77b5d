//! Drops that no policy made.

use super::*;

/// Drops that no policy made: what happened, who sent it, why that usually is, and no advice.
#[test]
fn what_no_policy_dropped_gets_no_advice() {
    use pb::TrafficDirection::{Egress, Ingress};
    type Change = fn(&mut pb::Flow);
    let rows: [(&str, i32, pb::TrafficDirection, Change, &str); 8] = [
        (
            "spoofed, the pod behind the veth is named",
            132,
            Egress,
            |flow| flow.ip = addresses("10.9.9.9", "10.0.1.2"),
            "the source address does not belong to the sender (production/web sent it as 10.9.9.9); \
             usual cause: a program that fakes its address, or a router, VPN or second network inside \
             the pod",
        ),
        (
            "spoofed, the owner of the address is named",
            132,
            Egress,
            |_| {},
            "the source address does not belong to the sender (a pod on node-a, not production/web, \
             whose address it is, sent it as 10.0.1.1); usual cause: a program that fakes its address, \
             or a router, VPN or second network inside the pod",
        ),
        (
            "spoofed, nobody is named",
            132,
            Egress,
            |flow| {
                flow.source = None;
                flow.ip = addresses("10.9.9.9", "10.0.1.2");
                flow.interface = Some(pb::NetworkInterface {
                    index: 7,
                    name: "veth7".to_owned(),
                });
            },
            "the source address does not belong to the sender (a pod behind veth7 on node-a sent it as \
             10.9.9.9); usual cause: a program that fakes its address, or a router, VPN or second \
             network inside the pod",
        ),
        (
            "an unknown protocol, no ports",
            137,
            Egress,
            |flow| flow.l4 = None,
            "its transport protocol is not supported, only TCP, UDP, SCTP and ICMP are (production/web \
             sent it); usual cause: a tunnel or routing daemon inside the pod (GRE, IPIP, ESP, OSPF, \
             VRRP, IGMP)",
        ),
        (
            "cut short, by an address of the cluster",
            135,
            Egress,
            |flow| flow.source = None,
            "the TCP, UDP or ICMP header is cut short (production/web sent it); usual cause: a faulty \
             or hostile program that builds packets itself",
        ),
        (
            "a fragment from outside",
            175,
            Ingress,
            |flow| {
                flow.source = None;
                flow.ip = addresses("192.0.2.7", "10.0.1.2");
            },
            "it is a later fragment of a datagram whose first fragment was not seen or not allowed \
             (192.0.2.7 sent it); usual cause: a first fragment that was lost or overtaken, or \
             datagrams larger than the MTU",
        ),
        (
            "a full table, with rules that had a say before",
            155,
            Ingress,
            |flow| flow.ingress_denied_by = vec![pb::Policy::default()],
            "the connection table is full (production/web sent it); usual cause: more connections at \
             once than the node has room for (`flows status` shows how full it is)",
        ),
        (
            "a rule of layer 7 without a proxy",
            178,
            Ingress,
            |_| {},
            "a rule sends it through the layer-7 proxy, and no proxy runs on node-a (production/web sent \
             it); usual cause: flows-proxy has ended or was not started there: start it with the \
             agent's --run-dir (`flows status` names the nodes without one)",
        ),
    ];
    let state = state(CLUSTER);
    for (name, reason, direction, change, wanted) in rows {
        let mut flow = pb::Flow {
            drop_reason: u32::try_from(reason).expect("a small number"),
            drop_reason_desc: reason,
            traffic_direction: direction.into(),
            ..dropped()
        };
        flow.extensions = None;
        change(&mut flow);
        let answer = explain(&state, &flow);
        let recorded = answer.recorded.as_ref().expect("it was dropped");
        assert_eq!(recorded.text, wanted, "{name}");
        let headline = &answer.headline;
        assert!(
            headline.contains("was dropped, but not by a policy: ") && headline.ends_with(wanted),
            "{name}: {headline}"
        );
        assert_eq!(
            (
                answer.not_policy,
                answer.now,
                answer.differs,
                answer.policies.len(),
                answer.changes.len(),
                answer.command.as_str(),
            ),
            (true, None, false, 0, 0, ""),
            "{name}"
        );
    }
}
