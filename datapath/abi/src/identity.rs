//! Numbers of the reserved identities, as in Cilium (`pkg/identity/numericidentity.go`, v1.19).

/// Unknown; in policy keys: any peer.
pub const UNKNOWN: u32 = 0;
/// The node itself.
pub const HOST: u32 = 1;
/// Outside the cluster, single-stack clusters.
pub const WORLD: u32 = 2;
/// An address of the cluster's pod range that belongs to no known pod.
pub const UNMANAGED: u32 = 3;
/// Health endpoint.
pub const HEALTH: u32 = 4;
/// A pod whose labels aren't known yet.
pub const INIT: u32 = 5;
/// Another node of the cluster.
pub const REMOTE_NODE: u32 = 6;
/// The Kubernetes API server.
pub const KUBE_APISERVER: u32 = 7;
/// Ingress endpoint.
pub const INGRESS: u32 = 8;
/// Outside, IPv4, in dual-stack clusters.
pub const WORLD_IPV4: u32 = 9;
/// Outside, IPv6, in dual-stack clusters.
pub const WORLD_IPV6: u32 = 10;
/// First number that is derived from labels.
pub const FIRST_DERIVED: u32 = 256;
/// Label-derived identities fit in 24 bits; above is node-local scope.
pub const LAST_DERIVED: u32 = 0x00ff_ffff;
/// First node-local (CIDR) identity.
pub const FIRST_LOCAL: u32 = 0x0100_0001;
/// Last node-local (CIDR) identity.
pub const LAST_LOCAL: u32 = 0x01ff_ffff;

/// Whether it is one of addresses: of prefixes that policies name, and of names.
pub const fn is_local(identity: u32) -> bool {
    FIRST_LOCAL <= identity && identity <= LAST_LOCAL
}

/// Whether it is what is outside of the cluster, whatever is known of it.
pub const fn is_outside(identity: u32) -> bool {
    matches!(identity, WORLD | WORLD_IPV4 | WORLD_IPV6) || is_local(identity)
}
