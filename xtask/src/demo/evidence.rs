//! What `demo --once` expects to see.

use serde::Deserialize;

/// A pod that connects to another's port.
struct Pair {
    from: &'static str,
    to: &'static str,
    port: u16,
}

const DROPPED: Pair = Pair {
    from: "user-service",
    to: "auth-database",
    port: 5432,
};
const ALLOWED: [Pair; 2] = [
    Pair {
        from: "frontend",
        to: "api-backend",
        port: 8080,
    },
    Pair {
        from: "api-backend",
        to: "database",
        port: 5432,
    },
];
const POLICY: &str = "production/auth-database-policy";
const REASON: &str = "POLICY_DENIED";
/// What stands in one line of the drops.
const UNRESOLVED: Told = Told {
    what: "payment-service -> 203.0.113.11:443 dropped: no name led there",
    words: [
        "production/payment-service",
        "203.0.113.11:443",
        "production/payment-service-egress",
    ],
};
/// What stands in one line of the requests each.
const REQUESTS: [Told; 3] = [
    Told {
        what: "payment-service: a DNS query refused, with its policy",
        words: [
            "production/payment-service",
            "A www.example.com: refused",
            "production/payment-service-egress",
        ],
    },
    Told {
        what: "metrics-scraper: POST /admin/delete answered with 403, with its policy",
        words: [
            "production/metrics-scraper",
            "POST /admin/delete: 403",
            "production/api-metrics-policy",
        ],
    },
    Told {
        what: "order-service: a fetch from payments denied, with its policy",
        words: [
            "production/order-service",
            "payments",
            "production/kafka-policy",
        ],
    },
];

/// A line that people see.
struct Told {
    what: &'static str,
    words: [&'static str; 3],
}

impl Told {
    fn is_in(&self, text: &str) -> bool {
        text.lines()
            .any(|line| self.words.iter().all(|word| line.contains(word)))
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The drops as people see them.
    pub(super) drops: String,
    /// The denied requests as people see them.
    pub(super) requests: String,
    dropped: bool,
    policy_named: bool,
    allowed: [bool; ALLOWED.len()],
}

impl Evidence {
    /// From `observe --verdict DROPPED`, with and without `--type l7`, as text for people, and from flows as JSON,
    /// one a line.
    pub(super) fn new(drops: String, requests: String, flows: &str) -> Evidence {
        let flows: Vec<Flow> = flows
            .lines()
            .filter_map(|line| serde_json::from_str::<Response>(line).ok()?.flow)
            .collect();
        let policy_named = drops.lines().any(|line| {
            line.contains(&format!("production/{}:", DROPPED.from)) && line.contains(POLICY)
        });
        Evidence {
            dropped: flows.iter().any(|flow| {
                flow.is(&DROPPED, "DROPPED") && flow.drop_reason_desc.as_deref() == Some(REASON)
            }),
            policy_named,
            allowed: ALLOWED.map(|pair| flows.iter().any(|flow| flow.is(&pair, "FORWARDED"))),
            drops,
            requests,
        }
    }

    pub(super) fn complete(&self) -> bool {
        self.list().iter().all(|(_, seen)| *seen)
    }

    /// Everything expected, and whether it was seen.
    pub(super) fn list(&self) -> Vec<(String, bool)> {
        let name = |pair: &Pair| format!("{} -> {}:{}", pair.from, pair.to, pair.port);
        let mut list = vec![
            (
                format!("{} dropped, {REASON}", name(&DROPPED)),
                self.dropped,
            ),
            (format!("the drop names {POLICY}"), self.policy_named),
        ];
        let allowed = ALLOWED.iter().zip(self.allowed);
        list.extend(allowed.map(|(pair, seen)| (format!("{} allowed", name(pair)), seen)));
        list.push((UNRESOLVED.what.to_owned(), UNRESOLVED.is_in(&self.drops)));
        list.extend(REQUESTS.map(|told| (told.what.to_owned(), told.is_in(&self.requests))));
        list
    }
}

// Of Hubble's GetFlowsResponse in JSON, what is looked at.

#[derive(Deserialize)]
struct Response {
    flow: Option<Flow>,
}

#[derive(Deserialize)]
struct Flow {
    verdict: String,
    drop_reason_desc: Option<String>,
    source: Option<Endpoint>,
    destination: Option<Endpoint>,
    l4: Option<Layer4>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    pod_name: String,
}

#[derive(Deserialize)]
struct Layer4 {
    #[serde(rename = "TCP")]
    tcp: Option<Tcp>,
}

#[derive(Deserialize)]
struct Tcp {
    #[serde(default)]
    destination_port: u16,
}

impl Flow {
    fn is(&self, pair: &Pair, verdict: &str) -> bool {
        let pod = |end: &Option<Endpoint>, name: &str| {
            end.as_ref()
                .is_some_and(|end| end.namespace == "production" && end.pod_name == name)
        };
        let port = self
            .l4
            .as_ref()
            .and_then(|l4| Some(l4.tcp.as_ref()?.destination_port));
        self.verdict == verdict
            && pod(&self.source, pair.from)
            && pod(&self.destination, pair.to)
            && port == Some(pair.port)
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, REQUESTS};

    fn flow(from: &str, to: &str, port: u16, verdict: &str, more: &str) -> String {
        format!(
            r#"{{"flow":{{"verdict":"{verdict}",{more}"l4":{{"TCP":{{"destination_port":{port}}}}},
            "source":{{"namespace":"production","pod_name":"{from}"}},
            "destination":{{"namespace":"production","pod_name":"{to}"}}}},"node_name":"a"}}"#
        )
        .replace('\n', "")
    }

    /// All that is to be seen: drops, requests, and flows as JSON.
    fn all() -> (Vec<String>, Vec<String>, Vec<String>) {
        let denied = r#""drop_reason_desc":"POLICY_DENIED","#;
        let drops = [
            "Nov 22 10:30:15.123  production/user-service:41234  production/auth-database:5432  \
             DENIED  cnp production/auth-database-policy \u{b7} default deny  x1",
            "Nov 22 10:30:15.124  production/payment-service:41234  203.0.113.11:443  DENIED  \
             cnp production/payment-service-egress \u{b7} default deny",
        ];
        let flows = [
            flow("user-service", "auth-database", 5432, "DROPPED", denied),
            flow("frontend", "api-backend", 8080, "FORWARDED", ""),
            flow("api-backend", "database", 5432, "FORWARDED", ""),
        ];
        let requests = REQUESTS.map(|told| told.words.join("  "));
        (
            drops.map(str::to_owned).into(),
            requests.into(),
            flows.into(),
        )
    }

    #[test]
    fn each_expectation_is_needed() {
        let seen = |(drops, requests, flows): &(Vec<String>, Vec<String>, Vec<String>)| {
            Evidence::new(drops.join("\n"), requests.join("\n"), &flows.join("\n"))
        };
        assert!(seen(&all()).complete());
        let (drops, requests, flows) = all();
        let mut left_out = Vec::new();
        for at in 0..drops.len() {
            let mut some = all();
            left_out.push((some.0.remove(at), some));
        }
        for at in 0..requests.len() {
            let mut some = all();
            left_out.push((some.1.remove(at), some));
        }
        for at in 0..flows.len() {
            let mut some = all();
            left_out.push((some.2.remove(at), some));
        }
        for (what, some) in left_out {
            let list = seen(&some).list();
            let missing = list.iter().filter(|(_, seen)| !seen).count();
            assert_eq!(missing, 1, "without {what}");
        }
        let reply = flow("database", "api-backend", 5432, "FORWARDED", "");
        assert!(!Evidence::new(drops.join("\n"), requests.join("\n"), &reply).complete());
    }
}
