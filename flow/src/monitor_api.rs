//! What a number in an event means: drop reasons, observation points, match types.
//!
//! Numbers and texts are those of Cilium v1.19.4 (`pkg/monitor/api`), as its CLI prints them.

/// Text of a drop reason, the sub type of drop events. Below 130 they are no drops.
const REASONS: [(u8, &str); 90] = [
    (0, "Success"),
    (2, "Invalid packet"),
    (3, "Interface"),
    (4, "Interface Decrypted"),
    (5, "LB, sock cgroup: No backend slot entry found"),
    (6, "LB, sock cgroup: No backend entry found"),
    (7, "LB, sock cgroup: Reverse entry update failed"),
    (8, "LB, sock cgroup: Reverse entry stale"),
    (9, "Fragmented packet"),
    (10, "Fragmented packet entry update failed"),
    (11, "Missed tail call to custom program"),
    (12, "Interface Decrypting"),
    (13, "Interface Encrypting"),
    (14, "LB: sock cgroup: Reverse entry delete succeeded"),
    (15, "MTU error message"),
    (130, "Invalid source mac"),
    (131, "Invalid destination mac"),
    (132, "Invalid source ip"),
    (133, "Policy denied"),
    (134, "Invalid packet"),
    (135, "CT: Truncated or invalid header"),
    (136, "Fragmentation needed"),
    (137, "CT: Unknown L4 protocol"),
    (138, "CT: Can't create entry from packet"),
    (139, "Unsupported L3 protocol"),
    (140, "Missed tail call"),
    (141, "Error writing to packet"),
    (142, "Unknown L4 protocol"),
    (143, "Unknown ICMPv4 code"),
    (144, "Unknown ICMPv4 type"),
    (145, "Unknown ICMPv6 code"),
    (146, "Unknown ICMPv6 type"),
    (147, "Error retrieving tunnel key"),
    (148, "Error retrieving tunnel options"),
    (149, "Invalid Geneve option"),
    (150, "Unknown L3 target address"),
    (151, "Stale or unroutable IP"),
    (152, "No matching local container found"),
    (153, "Error while correcting L3 checksum"),
    (154, "Error while correcting L4 checksum"),
    (155, "CT: Map insertion failed"),
    (156, "Invalid IPv6 extension header"),
    (157, "IP fragmentation not supported"),
    (158, "Service backend not found"),
    (160, "No tunnel/encapsulation endpoint (datapath BUG!)"),
    (161, "NAT 46/64 not enabled"),
    (162, "Reached EDT rate-limiting drop horizon"),
    (163, "Unknown connection tracking state"),
    (164, "Local host is unreachable"),
    (165, "No configuration available to perform policy decision"),
    (166, "Unsupported L2 protocol"),
    (167, "No mapping for NAT masquerade"),
    (168, "Unsupported protocol for NAT masquerade"),
    (169, "FIB lookup failed"),
    (170, "Encapsulation traffic is prohibited"),
    (171, "Invalid identity"),
    (172, "Unknown sender"),
    (173, "NAT not needed"),
    (174, "Is a ClusterIP"),
    (175, "First logical datagram fragment not found"),
    (176, "Forbidden ICMPv6 message"),
    (177, "Denied by LB src range check"),
    (178, "Socket lookup failed"),
    (179, "Socket assign failed"),
    (180, "Proxy redirection not supported for protocol"),
    (181, "Policy denied by denylist"),
    (182, "VLAN traffic disallowed by VLAN filter"),
    (183, "Incorrect VNI from VTEP"),
    (184, "Failed to update or lookup TC buffer"),
    (185, "No SID was found for the IP address"),
    (186, "SRv6 state was removed during tail call"),
    (187, "L3 translation from IPv4 to IPv6 failed (NAT46)"),
    (188, "L3 translation from IPv6 to IPv4 failed (NAT64)"),
    (189, "Authentication required"),
    (190, "No conntrack map found"),
    (191, "No nat map found"),
    (192, "Invalid ClusterID"),
    (193, "Unsupported packet protocol for DSR encapsulation"),
    (194, "No egress gateway found"),
    (195, "Traffic is unencrypted"),
    (196, "TTL exceeded"),
    (197, "No node ID found"),
    (198, "Rate limited"),
    (199, "IGMP handled"),
    (200, "IGMP subscribed"),
    (201, "Multicast handled"),
    (202, "Host datapath not ready"),
    (203, "Endpoint policy program not available"),
    (204, "No Egress IP configured"),
    (205, "Punt to proxy"),
];

/// Text of the drop reason of that number, `None` for one that isn't known.
pub fn drop_reason_text(number: u8) -> Option<&'static str> {
    REASONS
        .binary_search_by_key(&number, |(known, _)| *known)
        .ok()
        .map(|at| REASONS[at].1)
}

/// Names of the observation points by the sub type of trace events.
const POINTS: [&str; 14] = [
    "to-endpoint",
    "to-proxy",
    "to-host",
    "to-stack",
    "to-overlay",
    "from-endpoint",
    "from-proxy",
    "from-host",
    "from-stack",
    "from-overlay",
    "from-network",
    "to-network",
    "from-crypto",
    "to-crypto",
];

/// Name of the observation point with that sub type.
pub fn observation_point(sub_type: i32) -> Option<&'static str> {
    usize::try_from(sub_type)
        .ok()
        .and_then(|at| POINTS.get(at).copied())
}

/// Names of all observation points.
pub(crate) fn observation_points() -> impl Iterator<Item = &'static str> {
    POINTS.iter().copied()
}

/// Sub type of the observation point of that name.
pub fn observation_point_named(name: &str) -> Option<i32> {
    let at = POINTS.iter().position(|point| *point == name)?;
    i32::try_from(at).ok()
}

/// What a policy verdict matched on (`flow.Flow.policy_match_type`).
pub fn match_type_text(number: u32) -> &'static str {
    match number {
        0 => "none",
        1 => "L3-Only",
        2 => "L3-L4",
        3 => "L4-Only",
        4 => "all",
        5 => "L3-Proto",
        6 => "Proto-Only",
        _ => "unknown",
    }
}

/// Numbers of the event types (`flow.CiliumEventType.type`).
pub mod event {
    /// A packet was dropped.
    pub const DROP: i32 = 1;
    /// A debug message.
    pub const DEBUG: i32 = 2;
    /// A captured packet.
    pub const CAPTURE: i32 = 3;
    /// A packet was seen.
    pub const TRACE: i32 = 4;
    /// Policy was asked about a packet.
    pub const POLICY_VERDICT: i32 = 5;
    /// A socket's address was translated.
    pub const TRACE_SOCK: i32 = 7;
    /// A record of the proxy.
    pub const L7: i32 = 129;
    /// An event of the agent itself.
    pub const AGENT: i32 = 130;

    /// Names that `--type` takes.
    pub(crate) const NAMES: [(&str, i32); 8] = [
        ("drop", DROP),
        ("debug", DEBUG),
        ("capture", CAPTURE),
        ("trace", TRACE),
        ("policy-verdict", POLICY_VERDICT),
        ("trace-sock", TRACE_SOCK),
        ("l7", L7),
        ("agent", AGENT),
    ];
}

/// An event type and its sub type as filters name them: `trace:to-endpoint`, `5:1`, `any`.
pub(crate) fn event_type_text(kind: Option<i32>, sub: Option<i32>) -> String {
    let known = event::NAMES.iter().find(|(_, known)| Some(*known) == kind);
    let name = match (known, kind) {
        (Some((name, _)), _) => (*name).to_owned(),
        (None, Some(kind)) => kind.to_string(),
        (None, None) => "any".to_owned(),
    };
    match (kind, sub, sub.and_then(observation_point)) {
        (_, None, _) => name,
        (Some(event::TRACE), _, Some(point)) => format!("{name}:{point}"),
        (_, Some(sub), _) => format!("{name}:{sub}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_sorted_and_known_to_the_wire() {
        assert!(REASONS.is_sorted_by_key(|(number, _)| *number));
        assert_eq!(drop_reason_text(133), Some("Policy denied"));
        assert_eq!(drop_reason_text(181), Some("Policy denied by denylist"));
        assert_eq!(drop_reason_text(159), None);
        for (number, text) in REASONS.iter().filter(|(number, _)| *number >= 130) {
            let known = proto::flow::DropReason::try_from(i32::from(*number));
            assert!(known.is_ok(), "{number} {text}");
        }
    }
}
