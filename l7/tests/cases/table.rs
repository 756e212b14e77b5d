//! A set's policies as written, as far as these tests read them.

use std::collections::BTreeMap;

use l7::http::RuleSpec;
use l7::names::NameSpec;
use serde::Deserialize;
use serde_json::Value;
use testing_cases::Set;

/// The policies of a set.
pub(crate) fn policies(set: &Set) -> Vec<Policy> {
    let policies = set.policies.iter().cloned().map(serde_json::from_value);
    policies.collect::<Result<_, _>>().unwrap()
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
