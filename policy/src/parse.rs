//! Policy objects into rules. Every error names file, line, field, what is wrong and what to do; one
//! bad field refuses the whole object.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::{Kind, ObjectName, Problem, State, manifest};

use crate::config::Language;
use crate::path::RulePath;
use crate::rule::Policy;

mod cilium;
mod doubts;
mod field;
mod icmp;
mod kubernetes;
mod layer7;
mod peers;
mod ports;
mod select;

/// Reads a policy object.
///
/// # Errors
/// The first thing in the object that is wrong or that isn't supported.
pub fn parse<'l>(
    policy: &manifest::Policy,
    language: impl Into<Language<'l>>,
) -> Result<Policy, Box<Problem>> {
    parse_all(policy, language).map_err(|mut wrong| Box::new(wrong.remove(0)))
}

/// Reads a policy object as [`parse`] does.
///
/// # Errors
/// Everything in the object that is wrong or that isn't supported, as far as it could be read; never
/// empty, in the order of the file.
pub fn parse_all<'l>(
    policy: &manifest::Policy,
    language: impl Into<Language<'l>>,
) -> Result<Policy, Vec<Problem>> {
    read_object(policy, language.into()).map_err(|mut wrong| {
        wrong.sort_by(|one, other| one.origin.cmp(&other.origin));
        wrong
    })
}

fn read_object(
    policy: &manifest::Policy,
    language: Language<'_>,
) -> Result<Policy, field::Refused> {
    let object = field::Field::of(policy);
    let rules = match policy.name.kind {
        Kind::NetworkPolicy => kubernetes::rules(&object, language.cluster),
        Kind::CiliumNetworkPolicy | Kind::CiliumClusterwideNetworkPolicy => {
            cilium::rules(&object, language)
        }
        Kind::Node
        | Kind::Namespace
        | Kind::Pod
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::CiliumCidrGroup => Err(object.refuse("is not a policy", "")),
    }?;
    let has_layer7 = language.layer7 && policy.name.kind != Kind::NetworkPolicy;
    let findings = match has_layer7 {
        true => doubts::layer7(&object),
        false => Vec::new(),
    };
    Ok(Policy {
        name: policy.name.clone(),
        uid: policy.uid.clone(),
        version: Arc::clone(&policy.version),
        rules,
        doubts: doubts::ports(&object),
        findings,
    })
}

/// Reads all policies of a state: those that are good, and what is wrong with the others.
pub fn read<'l>(
    state: &State,
    language: impl Into<Language<'l>>,
) -> (BTreeMap<ObjectName, Arc<Policy>>, Vec<Problem>) {
    let language = language.into();
    let mut policies = BTreeMap::new();
    let mut refused = Vec::new();
    for (name, raw) in state.policies.iter() {
        match parse(raw, language) {
            Ok(policy) => drop(policies.insert(name.clone(), Arc::new(policy))),
            Err(problem) => refused.push(*problem),
        }
    }
    (policies, refused)
}

/// Selectors of pods that an element names, each with its path: what [`crate::rule::Element`] no longer
/// tells apart.
pub fn selectors(
    policy: &manifest::Policy,
    element: RulePath,
    cluster: &str,
) -> Vec<(String, crate::selector::Selector)> {
    let object = field::Field::of(policy);
    let namespace = policy.name.namespace.as_deref();
    let scope = peers::Scope {
        namespace,
        cluster,
        init: false,
    };
    let mut found = Vec::new();
    for list in ["fromEndpoints", "toEndpoints", "from", "to"] {
        let Some(field) = object.at(&format!("{element}.{list}")) else {
            continue;
        };
        for item in field.list().unwrap_or_default() {
            let said = if policy.name.kind == Kind::NetworkPolicy {
                kubernetes::peer(&item, namespace.unwrap_or_default(), cluster)
            } else {
                peers::endpoint(&item, &scope)
            };
            for peer in said.map(|(peers, _)| peers).unwrap_or_default() {
                if let crate::rule::Peer::Labels(selector) = peer {
                    found.push((item.path.clone(), selector));
                }
            }
        }
    }
    found
}
