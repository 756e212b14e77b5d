//! Which kind of object a document is: one that is read, one that isn't used here, or a mistake.
//!
//! What looks like a policy is never passed over: a policy that vanishes leaves its pods open. It is
//! read, or an error that says how to spell it; only other engines' own policies are left to them, by
//! name.

use flow::spelling::{closest, closest_by};

use crate::object::Kind;

/// What a group and kind mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DocumentKind {
    /// A kind that is read.
    Read(Kind),
    /// A policy of another engine.
    OtherEngine,
    /// A kind that isn't used here.
    Unused,
}

/// An `apiVersion` or `kind` that can't be meant so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The field to be corrected.
    pub(super) field: &'static str,
    pub(super) problem: String,
    pub(super) remedy: String,
}

/// Kinds that are read: group, kind, versions with the usual one first.
const READ: [(Kind, &str, &[&str]); 9] = [
    (Kind::Node, "", &["v1"]),
    (Kind::Namespace, "", &["v1"]),
    (Kind::Pod, "", &["v1"]),
    (Kind::Service, "", &["v1"]),
    (Kind::EndpointSlice, "discovery.k8s.io", &["v1"]),
    (Kind::CiliumNetworkPolicy, "cilium.io", &["v2"]),
    (Kind::CiliumClusterwideNetworkPolicy, "cilium.io", &["v2"]),
    (Kind::CiliumCidrGroup, "cilium.io", &["v2", "v2alpha1"]),
    (Kind::NetworkPolicy, "networking.k8s.io", &["v1"]),
];

/// Kinds that policies are made of.
const OF_POLICIES: [Kind; 4] = [
    Kind::CiliumNetworkPolicy,
    Kind::CiliumClusterwideNetworkPolicy,
    Kind::CiliumCidrGroup,
    Kind::NetworkPolicy,
];

/// Other names under which people know them, beside the short ones.
const ALIASES: [(&str, Kind); 2] = [
    ("CiliumPolicy", Kind::CiliumNetworkPolicy),
    ("CiliumClusterPolicy", Kind::CiliumClusterwideNetworkPolicy),
];

/// All names under which people know the kinds that policies are made of.
fn names() -> impl Iterator<Item = (&'static str, Kind)> {
    let full = OF_POLICIES.into_iter().map(|kind| (kind.name(), kind));
    let short = OF_POLICIES.into_iter().map(|kind| (kind.short(), kind));
    full.chain(short).chain(ALIASES)
}

/// Groups of other engines that have kinds of policies, some of them of the same names.
const OTHER_ENGINES: [&str; 9] = [
    "projectcalico.org",
    "crd.projectcalico.org",
    "crd.antrea.io",
    "policy.networking.k8s.io",
    "networking.gke.io",
    "networking.k8s.aws",
    "k8s.cni.cncf.io",
    "k8s.ovn.org",
    "security.istio.io",
];

/// Further kinds of the groups whose policies are read. Others that these groups don't have are mistakes.
const OTHERS_OF_CILIUM: [&str; 27] = [
    "CiliumBGPAdvertisement",
    "CiliumBGPClusterConfig",
    "CiliumBGPNodeConfig",
    "CiliumBGPNodeConfigOverride",
    "CiliumBGPPeerConfig",
    "CiliumBGPPeeringPolicy",
    "CiliumClusterwideEnvoyConfig",
    "CiliumEgressGatewayPolicy",
    "CiliumEndpoint",
    "CiliumEndpointSlice",
    "CiliumEnvoyConfig",
    "CiliumExternalWorkload",
    "CiliumGatewayClassConfig",
    "CiliumIdentity",
    "CiliumL2AnnouncementPolicy",
    "CiliumLoadBalancerIPPool",
    "CiliumLocalRedirectPolicy",
    "CiliumNode",
    "CiliumNodeConfig",
    "CiliumPodIPPool",
    "CiliumVTEPConfig",
    "CiliumDatapathPlugin",
    "PodNetwork",
    "PodNetworkAttachment",
    "TracingPolicy",
    "TracingPolicyNamespaced",
    "PodInfo",
];
const OTHERS_OF_NETWORKING: [&str; 4] = ["Ingress", "IngressClass", "IPAddress", "ServiceCIDR"];

/// Tells what an object is. `version` is its whole `apiVersion`.
pub(super) fn classify(version: &str, kind: &str) -> Result<DocumentKind, Mistake> {
    let (group, number) = version.rsplit_once('/').unwrap_or(("", version));
    if let Some((found, _, versions)) = READ
        .iter()
        .find(|(read, of, _)| *of == group && read.name() == kind)
    {
        if versions.contains(&number) {
            return Ok(DocumentKind::Read(*found));
        }
        return Err(Mistake {
            field: "apiVersion",
            problem: format!("{version} isn't supported for {kind}"),
            remedy: format!("use {}", version_of(*found)),
        });
    }
    if OTHER_ENGINES.contains(&group) {
        return Ok(match kind.contains("Policy") {
            true => DocumentKind::OtherEngine,
            false => DocumentKind::Unused,
        });
    }
    // The kind as such exists: it is the group that is wrong.
    if let Some(found) = OF_POLICIES.iter().find(|found| found.name() == kind) {
        return Err(Mistake {
            field: "apiVersion",
            problem: format!("{kind} is not a kind of {version}"),
            remedy: format!("use {}", version_of(*found)),
        });
    }
    let others: Option<&[&str]> = match group {
        "cilium.io" => Some(&OTHERS_OF_CILIUM),
        "networking.k8s.io" => Some(&OTHERS_OF_NETWORKING),
        _ => None,
    };
    if others.is_some_and(|others| others.contains(&kind)) {
        return Ok(DocumentKind::Unused);
    }
    let not_a_kind = |remedy: String| Mistake {
        field: "kind",
        problem: format!("{kind} of {version} is not a known kind"),
        remedy,
    };
    if let Some((_, meant)) = closest_by(kind, names(), |(name, _)| *name) {
        return Err(not_a_kind(format!("did you mean {}?", meant.name())));
    }
    if let Some(others) = others {
        let near =
            closest(kind, others.iter().copied()).map(|near| format!("did you mean {near}?"));
        return Err(not_a_kind(near.unwrap_or_else(|| policies_of(kind))));
    }
    if kind.to_lowercase().contains("networkpolic") {
        // A domain of its own has kinds of its own; Kubernetes' groups don't.
        if group.contains('.') && !group.ends_with(".k8s.io") && !is_like_a_known_group(group) {
            return Ok(DocumentKind::OtherEngine);
        }
        return Err(not_a_kind(policies_of(kind)));
    }
    let near: &[&str] = match group {
        "" => &["Node", "Namespace", "Pod", "Service"],
        "discovery.k8s.io" => &["EndpointSlice"],
        _ => &[],
    };
    match closest(kind, near.iter().copied()) {
        Some(near) if !CORE.contains(&kind) => Err(not_a_kind(format!("did you mean {near}?"))),
        Some(_) | None => Ok(DocumentKind::Unused),
    }
}

/// Kinds of the core group that are spelled much like others of it.
const CORE: [&str; 2] = ["Endpoints", "PodTemplate"];

/// The `apiVersion` under which a kind is read.
fn version_of(kind: Kind) -> String {
    let found = READ.iter().find(|(read, ..)| *read == kind);
    match found {
        Some((_, "", versions)) => versions[0].to_owned(),
        Some((_, group, versions)) => format!("{group}/{}", versions[0]),
        None => String::new(),
    }
}

/// What to write if some policy was meant.
fn policies_of(kind: &str) -> String {
    let kinds = match kind.to_lowercase().contains("cilium") {
        true => [
            Kind::CiliumNetworkPolicy,
            Kind::CiliumClusterwideNetworkPolicy,
        ]
        .as_slice(),
        false => &[Kind::NetworkPolicy, Kind::CiliumNetworkPolicy],
    };
    let names: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{} {}", version_of(*kind), kind.name()))
        .collect();
    format!("policies are {}", names.join(" and "))
}

fn is_like_a_known_group(group: &str) -> bool {
    closest(group, ["cilium.io", "networking.k8s.io"]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `apiVersion`, `kind`, and what comes of them.
    const ROWS: &[(&str, &str, &str)] = &[
        ("networking.k8s.io/v1", "NetworkPolicy", "NetworkPolicy"),
        ("cilium.io/v2alpha1", "CiliumCIDRGroup", "CiliumCIDRGroup"),
        (
            "v1",
            "NetworkPolicy",
            "apiVersion: use networking.k8s.io/v1",
        ),
        (
            "networking.k8s.io",
            "NetworkPolicy",
            "apiVersion: use networking.k8s.io/v1",
        ),
        (
            "networking.k8s.io/v1beta1",
            "NetworkPolicy",
            "apiVersion: use networking.k8s.io/v1",
        ),
        (
            "extensions/v1beta1",
            "NetworkPolicy",
            "apiVersion: use networking.k8s.io/v1",
        ),
        (
            "cilium.io/v2",
            "NetworkPolicy",
            "apiVersion: use networking.k8s.io/v1",
        ),
        (
            "netwroking.k8s.io/v1",
            "NetworkPolicy",
            "apiVersion: use networking.k8s.io/v1",
        ),
        (
            "example.com/v1",
            "NetworkPolicy",
            "apiVersion: use networking.k8s.io/v1",
        ),
        (
            "cilium.io/v1",
            "CiliumNetworkPolicy",
            "apiVersion: use cilium.io/v2",
        ),
        (
            "networking.k8s.io/v1",
            "CiliumNetworkPolicy",
            "apiVersion: use cilium.io/v2",
        ),
        (
            "cilum.io/v2",
            "CiliumClusterwideNetworkPolicy",
            "apiVersion: use cilium.io/v2",
        ),
        (
            "Cilium.io/v2",
            "CiliumNetworkPolicy",
            "apiVersion: use cilium.io/v2",
        ),
        (
            "a/cilium.io/v2",
            "CiliumNetworkPolicy",
            "apiVersion: use cilium.io/v2",
        ),
        (
            "cilium.io/v2",
            "CiliumClusterWideNetworkPolicy",
            "kind: did you mean CiliumClusterwideNetworkPolicy?",
        ),
        (
            "cilium.io/v2",
            "CiliumClusterNetworkPolicy",
            "kind: policies are cilium.io/v2 CiliumNetworkPolicy and cilium.io/v2 CiliumClusterwideNetworkPolicy",
        ),
        (
            "cilium.io/v2",
            "ciliumnetworkpolicy",
            "kind: did you mean CiliumNetworkPolicy?",
        ),
        (
            "cilium.io/v2",
            "CNP",
            "kind: did you mean CiliumNetworkPolicy?",
        ),
        ("cilium.io/v2", "CiliumNode", "unused"),
        (
            "cilium.io/v2",
            "CiliumNod",
            "kind: did you mean CiliumNode?",
        ),
        ("cilium.io/v2", "Whatever", "kind: policies are"),
        (
            "networking.k8s.io/v1",
            "NetworkPolcy",
            "kind: did you mean NetworkPolicy?",
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicies",
            "kind: did you mean NetworkPolicy?",
        ),
        ("networking.k8s.io/v1", "Ingress", "unused"),
        (
            "networking.k8s.io/v1",
            "ClusterNetworkPolicy",
            "kind: policies are",
        ),
        ("v1", "networkPolicy", "kind: did you mean NetworkPolicy?"),
        (
            "apps/v1",
            "NetworkPolcy",
            "kind: did you mean NetworkPolicy?",
        ),
        ("v1", "Pd", "kind: did you mean Pod?"),
        ("v1", "Endpoints", "unused"),
        ("v1", "ConfigMap", "unused"),
        ("apps/v1", "Deployment", "unused"),
        ("serving.knative.dev/v1", "Service", "unused"),
        ("projectcalico.org/v3", "NetworkPolicy", "other engine"),
        (
            "projectcalico.org/v3",
            "GlobalNetworkPolicy",
            "other engine",
        ),
        ("projectcalico.org/v3", "IPPool", "unused"),
        (
            "policy.networking.k8s.io/v1alpha1",
            "AdminNetworkPolicy",
            "other engine",
        ),
        ("example.com/v1", "FancyNetworkPolicy", "other engine"),
        ("policy/v1", "PodDisruptionBudget", "unused"),
        ("policy/v1", "FancyNetworkPolicy", "kind: policies are"),
    ];

    #[test]
    fn nothing_that_looks_like_a_policy_is_passed_over() {
        for (version, kind, wanted) in ROWS {
            let found = match classify(version, kind) {
                Ok(DocumentKind::Read(kind)) => kind.name().to_owned(),
                Ok(DocumentKind::OtherEngine) => "other engine".to_owned(),
                Ok(DocumentKind::Unused) => "unused".to_owned(),
                Err(mistake) => format!("{}: {}", mistake.field, mistake.remedy),
            };
            assert!(found.starts_with(*wanted), "{version} {kind}: {found}");
        }
    }
}
