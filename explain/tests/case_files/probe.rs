//! A question, and what must come out.

use abi::reason;
use cluster::yaml::Node;
use flows_explain::trace::Request;
use policy::{Decision, Direction, Reason, ReasonKind};

use super::number_of;

/// A question, and what must come out.
pub(crate) struct Probe {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) directions: &'static [Direction],
    pub(crate) protocol: u8,
    pub(crate) port: u16,
    /// What is asked of a proxy, and whether it must be allowed.
    pub(crate) request: Option<(Request, bool)>,
    expect: String,
    /// `None`: any will do, if there is one.
    reason: Option<String>,
}

impl Probe {
    pub(super) fn read(node: &Node) -> Self {
        let text = |key: &str| node.text(key).unwrap_or_else(|| panic!("{key} is missing"));
        Self {
            from: text("from").to_owned(),
            to: text("to").to_owned(),
            directions: match text("dir") {
                "ingress" => &[Direction::Ingress],
                "egress" => &[Direction::Egress],
                "both" => &[Direction::Egress, Direction::Ingress],
                other => panic!("{other}"),
            },
            protocol: match text("proto") {
                "TCP" => 6,
                "UDP" => 17,
                "SCTP" => 132,
                "ICMP" => 1,
                "ICMPv6" => 58,
                other => panic!("{other}"),
            },
            port: number_of(node, "port"),
            request: node.get("l7").map(request),
            expect: match node.text("l4") {
                // Policies that can't be merged: the proxy gets it, and refuses it (`policy/tests/layer7`).
                Some("ERROR") => "REDIRECTED".to_owned(),
                // The table of layer 7 says by `expect` what becomes of the request.
                Some(verdict) => verdict.to_owned(),
                None => text("expect").to_owned(),
            },
            reason: match node.text("l4") {
                Some(_) => None,
                None => Some(text("reason").to_owned()),
            },
        }
    }

    /// Who is judged, and who is on the other side.
    pub(crate) fn ends(&self, direction: Direction) -> (&str, &str) {
        match direction {
            Direction::Ingress => (&self.to, &self.from),
            Direction::Egress => (&self.from, &self.to),
        }
    }

    /// What came out, if that is not what must.
    pub(crate) fn wrong(&self, decisions: &[Decision]) -> Option<String> {
        // The first that denies speaks for both; if both allow, either may be the one named.
        let speaking: Vec<&Decision> = match decisions.iter().find(|decision| !decision.allows()) {
            Some(denying) => vec![denying],
            None => decisions.iter().collect(),
        };
        let wrong: Vec<Option<String>> = speaking
            .iter()
            .map(|decision| mismatch(decision, &self.expect, self.reason.as_deref()))
            .collect();
        if wrong.iter().any(Option::is_none) {
            return None;
        }
        wrong.into_iter().next().flatten()
    }
}

fn request(node: &Node) -> (Request, bool) {
    let text = |node: &Node, key: &str| node.text(key).unwrap_or_default().to_owned();
    let (request, of) = match (node.get("http"), node.get("dns")) {
        (Some(http), None) => {
            let host = http.text("host").unwrap_or("be.test");
            let request =
                Request::http(&text(http, "method"), &text(http, "path"), host, Vec::new());
            (request, http)
        }
        (None, Some(dns)) => (Request::dns(&text(dns, "query")), dns),
        _ => panic!("{node:?}"),
    };
    let allowed = of.text("result") == Some("forward");
    (request.expect("a request"), allowed)
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let directions: Vec<String> = self.directions.iter().map(ToString::to_string).collect();
        let port = flows_explain::trace::PortText {
            protocol: self.protocol,
            port: self.port,
        };
        let reason = self.reason.as_deref().unwrap_or("for any reason");
        write!(
            f,
            "{} -> {} {port} {}: {} {reason} wanted",
            self.from,
            self.to,
            directions.join(" and "),
            self.expect,
        )
    }
}

/// Why a decision isn't the expected one.
fn mismatch(decision: &Decision, expect: &str, wanted: Option<&str>) -> Option<String> {
    let allows = decision.allows();
    let Some(found) = &decision.reason else {
        return Some("has no reason".to_owned());
    };
    let right = match wanted {
        Some(wanted) => match is_reason(decision, found, wanted) {
            Some(right) => right,
            None => return Some(format!("{wanted:?} is no reason")),
        },
        None => true,
    };
    let verdict = match decision.verdict {
        abi::event::REDIRECTED => "REDIRECTED",
        _ if allows => "ALLOWED",
        _ => "DENIED",
    };
    (!right || verdict != expect).then(|| format!("{verdict} ({}): {found}", decision.verdict))
}

/// Whether a decision was made for a reason; `None`: there is none of these words.
fn is_reason(decision: &Decision, found: &Reason, wanted: &str) -> Option<bool> {
    let allows = decision.allows();
    let names = |policy: &str| {
        found
            .origins
            .iter()
            .any(|origin| &*origin.policy.name == policy)
    };
    Some(match wanted.split_once(' ') {
        None if wanted == "not-enforced" => allows && found.kind == ReasonKind::AllowAny,
        None if wanted == "default-deny" => {
            decision.verdict == reason::POLICY_DENIED && !allows && decision.match_type == 0
        }
        Some(("explicit-deny", policy)) => {
            decision.verdict == reason::POLICY_DENY
                && found.kind == ReasonKind::Deny
                && names(policy)
        }
        Some(("allowed-by", "reserved:allow-localhost-ingress")) => {
            allows && found.kind == ReasonKind::AllowLocalhost
        }
        Some(("allowed-by", "reserved:allow-any-ingress" | "reserved:allow-any-egress")) => {
            allows && found.kind == ReasonKind::AllowAny
        }
        Some(("allowed-by", policy)) => allows && found.kind == ReasonKind::Allow && names(policy),
        _ => return None,
    })
}
