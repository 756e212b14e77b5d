//! Drop reasons, numbered as Hubble's `DropReason` (flow.proto, v1.19). Only those that this
//! datapath gives are here; `flows-flow` has the names of all.

/// The pod sent from an address that isn't its own.
pub const INVALID_SOURCE_IP: u8 = 132;
/// No rule allowed it (default deny).
pub const POLICY_DENIED: u8 = 133;
/// A header is cut short or contradicts itself.
pub const INVALID_PACKET: u8 = 134;
/// Conntrack: an L4 header is cut short.
pub const CT_TRUNCATED: u8 = 135;
/// Conntrack: an L4 protocol without a notion of connection here.
pub const CT_UNKNOWN_L4: u8 = 137;
/// An ethertype that is neither IPv4, IPv6 nor ARP.
pub const UNSUPPORTED_L3: u8 = 139;
/// Conntrack is full and nothing could be evicted.
pub const CT_INSERT_FAILED: u8 = 155;
/// An IPv6 extension header chain that is too long or malformed.
pub const INVALID_IPV6_EXT: u8 = 156;
/// No endpoint or table is configured for this interface (fail closed).
pub const NO_CONFIGURATION: u8 = 165;
/// A frame that is no Ethernet frame at all.
pub const UNSUPPORTED_L2: u8 = 166;
/// A later fragment whose first one was not seen.
pub const FRAG_NOT_FOUND: u8 = 175;
/// A rule sends the packet through the proxy, and none listens.
pub const PROXY_LOOKUP_FAILED: u8 = 178;
/// An explicit deny rule matched.
pub const POLICY_DENY: u8 = 181;
