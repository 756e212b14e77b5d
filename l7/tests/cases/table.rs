//! The table as written.

use std::collections::BTreeMap;

use l7::http::RuleSpec;
use l7::names::NameSpec;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct Table {
    pub(crate) fixtures: Fixtures,
    pub(crate) sets: Vec<Set>,
    pub(crate) validation: Vec<Validation>,
}

#[derive(Deserialize)]
pub(crate) struct Fixtures {
    pub(crate) pods: BTreeMap<String, Pod>,
}

#[derive(Deserialize)]
pub(crate) struct Pod {
    pub(crate) ns: String,
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ports: BTreeMap<String, NamedPort>,
}

#[derive(Deserialize)]
pub(crate) struct NamedPort {
    pub(crate) port: u16,
    pub(crate) proto: String,
}

#[derive(Deserialize)]
pub(crate) struct Set {
    pub(crate) id: String,
    pub(crate) merge_error: Option<String>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) probes: Vec<Probe>,
}

#[derive(Deserialize)]
pub(crate) struct Probe {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) dir: String,
    pub(crate) port: u16,
    pub(crate) proto: String,
    pub(crate) l4: String,
    pub(crate) expect: String,
    /// A number, or for bytes a list of them.
    pub(crate) status: Option<Value>,
    pub(crate) why: String,
    pub(crate) http: Option<Http>,
    pub(crate) raw: Option<String>,
    pub(crate) dns: Option<Dns>,
    pub(crate) tls: Option<Tls>,
    pub(crate) kafka: Option<Value>,
    #[serde(default)]
    pub(crate) upstream: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) host: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
pub(crate) struct Dns {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) rtype: String,
}

#[derive(Deserialize)]
pub(crate) struct Tls {
    pub(crate) sni: String,
}

#[derive(Deserialize)]
pub(crate) struct Policy {
    pub(crate) spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) endpoint_selector: Selector,
    #[serde(default)]
    pub(crate) ingress: Vec<Rule>,
    #[serde(default)]
    pub(crate) egress: Vec<Rule>,
    #[serde(default)]
    pub(crate) enable_default_deny: BTreeMap<String, bool>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Selector {
    #[serde(default)]
    pub(crate) match_labels: BTreeMap<String, String>,
}

/// Of one direction, or of the other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(alias = "fromEndpoints")]
    pub(crate) to_endpoints: Option<Vec<Selector>>,
    #[serde(alias = "fromEntities")]
    pub(crate) to_entities: Option<Vec<String>>,
    #[serde(alias = "fromCIDR", rename = "toCIDR")]
    pub(crate) to_cidr: Option<Vec<String>>,
    #[serde(rename = "toFQDNs")]
    pub(crate) to_fqdns: Option<Vec<NameSpec>>,
    pub(crate) to_ports: Option<Vec<PortRule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PortRule {
    #[serde(default)]
    pub(crate) ports: Vec<Port>,
    #[serde(default)]
    pub(crate) rules: L7Rules,
    #[serde(default)]
    pub(crate) server_names: Vec<Box<str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Port {
    pub(crate) port: String,
    pub(crate) end_port: Option<u16>,
    pub(crate) protocol: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct L7Rules {
    #[serde(default)]
    pub(crate) http: Vec<RuleSpec>,
    #[serde(default)]
    pub(crate) dns: Vec<NameSpec>,
    #[serde(default)]
    pub(crate) kafka: Vec<Value>,
}

#[derive(Deserialize)]
pub(crate) struct Validation {
    pub(crate) id: String,
    pub(crate) policy: Value,
    pub(crate) load_error: Option<String>,
    #[serde(default)]
    pub(crate) note: String,
}

pub(crate) fn table() -> Table {
    // `n` is a name here.
    let options = serde_saphyr::options! { strict_booleans: true };
    let text = include_str!("../../../testdata/l7/cases.yaml");
    serde_saphyr::from_str_with_options(text, options).unwrap()
}
