//! The names of the flags.

/// A filter flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Long name, without dashes.
    pub name: &'static str,
    /// Short name.
    pub short: Option<char>,
    /// What its value is called; `None` if it takes none.
    pub value: Option<&'static str>,
    /// One line of help.
    pub help: &'static str,
}

impl Flag {
    /// A flag as messages name it: `-t, --type`.
    pub(super) fn display(name: &str) -> String {
        let short = FLAGS
            .iter()
            .find(|flag| flag.name == name)
            .and_then(|flag| flag.short);
        match short {
            Some(short) => format!("-{short}, --{name}"),
            None => format!("--{name}"),
        }
    }
}

const fn flag(name: &'static str, value: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        value: Some(value),
        help,
    }
}

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        value: None,
        help,
    }
}

const fn short(flag: Flag, short: char) -> Flag {
    Flag {
        short: Some(short),
        ..flag
    }
}

/// All filter flags but `--not`, `--allowlist` and `--denylist`. All can be repeated.
pub const FLAGS: &[Flag] = &[
    flag("uuid", "ID", "the flow with this id"),
    flag(
        "node-name",
        "PATTERN",
        "flows seen by these nodes: [cluster/]node, with *",
    ),
    flag(
        "node-label",
        "SELECTOR",
        "flows seen by nodes with these labels",
    ),
    flag("from-cluster", "NAME", "flows from this cluster"),
    flag("cluster", "NAME", "flows from or to this cluster"),
    flag("to-cluster", "NAME", "flows to this cluster"),
    flag(
        "protocol",
        "NAME",
        "icmp, icmpv4, icmpv6, tcp, udp, sctp, vrrp, igmp, dns, http or kafka",
    ),
    flag(
        "tcp-flags",
        "FLAGS",
        "TCP packets with all of these flags: syn,ack",
    ),
    short(
        flag(
            "type",
            "TYPE[:SUBTYPE]",
            "event type: drop, trace, policy-verdict, l7, ... or a number",
        ),
        't',
    ),
    flag(
        "verdict",
        "VERDICT",
        "FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED or TRANSLATED",
    ),
    flag(
        "drop-reason-desc",
        "REASON",
        "drops for this reason: POLICY_DENIED, ...",
    ),
    flag(
        "http-status",
        "CODE",
        "HTTP responses with this status: 404, 40+ or 5+",
    ),
    flag("http-method", "METHOD", "HTTP requests with this method"),
    flag("http-path", "REGEX", "HTTP requests to these paths"),
    flag("http-url", "REGEX", "HTTP requests to these URLs"),
    flag("http-header", "KEY:VALUE", "HTTP requests with this header"),
    flag("dns-query", "REGEX", "DNS queries for these names"),
    flag("trace-id", "ID", "requests with this trace id"),
    flag(
        "ip-trace-id",
        "N",
        "packets with this trace id in an IP option",
    ),
    flag("from", "KIND:VALUE", "--from-KIND VALUE: pod:shop/cart"),
    flag("to", "KIND:VALUE", "--to-KIND VALUE: pod:shop/cart"),
    flag("from-fqdn", "PATTERN", "flows from these DNS names, with *"),
    flag(
        "fqdn",
        "PATTERN",
        "flows from or to these DNS names, with *",
    ),
    flag("to-fqdn", "PATTERN", "flows to these DNS names, with *"),
    flag("from-ip", "IP", "flows from this address or network"),
    flag(
        "snat-ip",
        "IP",
        "flows whose source was translated to this address or network",
    ),
    flag("ip", "IP", "flows from or to this address or network"),
    flag("to-ip", "IP", "flows to this address or network"),
    short(switch("ipv4", "IPv4 only"), '4'),
    short(switch("ipv6", "IPv6 only"), '6'),
    flag("ip-version", "VERSION", "v4, v6 or none"),
    flag(
        "from-pod",
        "[NS/]POD",
        "flows from pods whose name begins so; NS defaults to `default`",
    ),
    flag(
        "pod",
        "[NS/]POD",
        "flows from or to pods whose name begins so",
    ),
    flag("to-pod", "[NS/]POD", "flows to pods whose name begins so"),
    flag("from-namespace", "NS", "flows from this namespace"),
    short(
        flag("namespace", "NS", "flows from or to this namespace"),
        'n',
    ),
    flag("to-namespace", "NS", "flows to this namespace"),
    switch("from-all-namespaces", "flows from pods of any namespace"),
    short(
        switch("all-namespaces", "flows from or to pods of any namespace"),
        'A',
    ),
    switch("to-all-namespaces", "flows to pods of any namespace"),
    flag(
        "from-label",
        "SELECTOR",
        "flows from endpoints with these labels",
    ),
    short(
        flag(
            "label",
            "SELECTOR",
            "flows from or to endpoints with these labels",
        ),
        'l',
    ),
    flag(
        "to-label",
        "SELECTOR",
        "flows to endpoints with these labels",
    ),
    flag(
        "from-service",
        "[NS/]NAME",
        "flows from services whose name begins so",
    ),
    flag(
        "service",
        "[NS/]NAME",
        "flows from or to services whose name begins so",
    ),
    flag(
        "to-service",
        "[NS/]NAME",
        "flows to services whose name begins so",
    ),
    flag("from-port", "PORT", "flows from this port"),
    flag("port", "PORT", "flows from or to this port"),
    flag("to-port", "PORT", "flows to this port"),
    flag("from-workload", "[KIND/]NAME", "flows from this workload"),
    flag("workload", "[KIND/]NAME", "flows from or to this workload"),
    flag("to-workload", "[KIND/]NAME", "flows to this workload"),
    flag(
        "from-identity",
        "ID",
        "flows from this identity, by name or number",
    ),
    flag("identity", "ID", "flows from or to this identity"),
    flag("to-identity", "ID", "flows to this identity"),
    flag("traffic-direction", "DIRECTION", "ingress or egress"),
    flag(
        "reply",
        "BOOL",
        "replies (true) or what they reply to (false)",
    ),
    flag(
        "cel-expression",
        "EXPR",
        "flows for which this CEL expression is true: '_flow.verdict == Verdict.DROPPED'; the variable _flow is the message flow.Flow",
    ),
    flag("interface", "NAME", "packets at this network interface"),
    switch("encrypted", "encrypted between nodes"),
    switch("unencrypted", "not encrypted between nodes"),
];
