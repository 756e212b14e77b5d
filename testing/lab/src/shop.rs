//! `testdata/shop`: where it is, the causes of denial that are expected in it, and those that flows tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// Where the shop's manifests are.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/shop"))
}

/// What runs on the host outside, a command a line: the shop's customers, and its bank.
///
/// # Panics
/// If it can't be read.
pub fn outside() -> String {
    std::fs::read_to_string(directory().join("outside")).unwrap()
}

/// One end of what is denied: a workload, or an address that belongs to none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Peer {
    /// The workload's namespace.
    pub namespace: String,
    /// The workload's name.
    pub workload: String,
    /// The address of what is no pod.
    pub address: String,
}

/// The policy that decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecidingPolicy {
    /// Kind.
    pub kind: String,
    /// Namespace; empty for clusterwide ones.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// Why something is denied, the same for all pods of a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Cause {
    /// Who asks.
    pub source: Peer,
    /// Who is asked.
    pub destination: Peer,
    /// The destination's port.
    pub port: u64,
    /// `TCP` or `UDP`.
    pub protocol: String,
    /// `INGRESS` or `EGRESS`: the end at which it is denied.
    pub direction: String,
    /// Hubble's name of the reason.
    pub reason: String,
    /// What decides; none if no policy does.
    pub policy: Option<DecidingPolicy>,
    /// Path of the rule in the policy's object.
    pub rule: Option<String>,
    /// No rule matches, and what the policy doesn't allow is denied.
    #[serde(default)]
    pub default_deny: bool,
    /// The rule in short.
    #[serde(default)]
    pub text: String,
    /// What is told where no policy decides, with `POD` for the source pod.
    #[serde(default)]
    pub why: String,
}

#[derive(Deserialize)]
struct Incidents {
    incidents: Vec<Incident>,
}

#[derive(Deserialize)]
struct Incident {
    name: String,
    #[serde(flatten)]
    cause: Cause,
}

/// The expected causes (`incidents.yaml`) by name.
///
/// # Panics
/// If the file can't be read, or two have one name.
pub fn incidents() -> BTreeMap<String, Cause> {
    let path = directory().join("incidents.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let Incidents { incidents } = serde_saphyr::from_str(&text).unwrap();
    let count = incidents.len();
    let by_name: BTreeMap<String, Cause> = incidents
        .into_iter()
        .map(|Incident { name, cause }| (name, cause))
        .collect();
    assert_eq!(by_name.len(), count, "two incidents have one name");
    by_name
}

/// The causes of what is dropped among responses of `flows observe -o json`.
///
/// # Panics
/// If a drop lacks what every drop tells, or several rules decided it.
pub fn causes<'a>(responses: impl IntoIterator<Item = &'a Value>) -> BTreeSet<Cause> {
    let flows = responses.into_iter().map(|response| &response["flow"]);
    let dropped = flows.filter(|flow| flow["verdict"] == "DROPPED");
    dropped.map(cause).collect()
}

fn cause(flow: &Value) -> Cause {
    let direction = text(&flow["traffic_direction"]);
    let decision = &flow["extensions"][direction.to_ascii_lowercase()];
    let layer4 = flow["l4"].as_object();
    let (protocol, ports) = layer4.and_then(|layer4| layer4.iter().next()).unwrap();
    let rules = decision["rules"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(rules.len() <= 1, "several rules decided: {flow}");
    let rule = rules.first();
    let source = &flow["source"];
    let pod = format!(
        "{}/{}",
        text(&source["namespace"]),
        text(&source["pod_name"])
    );
    Cause {
        source: peer(source, &flow["IP"]["source"]),
        destination: peer(&flow["destination"], &flow["IP"]["destination"]),
        port: ports["destination_port"].as_u64().unwrap(),
        protocol: protocol.clone(),
        reason: text(&flow["drop_reason_desc"]),
        policy: rule.map(|rule| DecidingPolicy {
            kind: text(&rule["kind"]),
            namespace: text(&rule["namespace"]),
            name: text(&rule["name"]),
        }),
        rule: rule.map(|rule| path(&rule["path"])),
        default_deny: decision["default_deny"] == true,
        text: rule.map_or_else(String::new, |rule| text(&rule["text"])),
        why: text(&decision["why"]).replace(&pod, "POD"),
        direction,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn peer(end: &Value, address: &Value) -> Peer {
    let workload = text(&end["workloads"][0]["name"]);
    Peer {
        namespace: text(&end["namespace"]),
        address: match workload.as_str() {
            "" => text(address),
            _ => String::new(),
        },
        workload,
    }
}

/// `spec.egressDeny[0]`, out of a `RulePath` of the flow.
fn path(path: &Value) -> String {
    let spec = match path["spec_index"].as_u64() {
        None => "spec".to_owned(),
        Some(index) => format!("specs[{index}]"),
    };
    let list = match path["list"].as_str() {
        None => return spec,
        Some("INGRESS") => "ingress",
        Some("INGRESS_DENY") => "ingressDeny",
        Some("EGRESS") => "egress",
        Some("EGRESS_DENY") => "egressDeny",
        Some(other) => other,
    };
    format!("{spec}.{list}[{}]", path["index"].as_u64().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_written_as_in_manifests() {
        let rows = [
            (json!({}), "spec"),
            (json!({"list": "EGRESS_DENY"}), "spec.egressDeny[0]"),
            (
                json!({"spec_index": 1, "list": "INGRESS", "index": 2}),
                "specs[1].ingress[2]",
            ),
        ];
        for (value, expected) in rows {
            assert_eq!(path(&value), expected);
        }
    }

    #[test]
    fn there_are_eight() {
        let incidents = incidents();
        assert_eq!(incidents.len(), 8);
        let different: BTreeSet<&Cause> = incidents.values().collect();
        assert_eq!(different.len(), 8, "{incidents:#?}");
    }
}
