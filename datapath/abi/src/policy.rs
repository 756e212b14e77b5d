//! Policy tables: one per identity (and set of named ports), shared by the pods that have it.
//!
//! A table is a header (array map, index = table id) and entries (one hash map for all tables).
//! An entry's *shape* is how many bits of protocol and port it fixes, as the prefix length in
//! Cilium's policy map: 0 all, 8 protocol, 9 to 23 a port prefix, 24 the exact port.

/// Size of the tables array. Table 0 is never used.
pub const MAX_TABLES: u32 = 16_384;

/// Direction bit in [`PolicyKey::shape`]: set for egress, clear for ingress.
pub const EGRESS: u8 = 1 << 7;
/// Shape of an entry for every protocol and port.
pub const SHAPE_ALL: u8 = 0;
/// Shape of an entry for one protocol, every port.
pub const SHAPE_PROTO: u8 = 8;
/// Shape of an entry for one protocol and one port (ICMP: type).
pub const SHAPE_PORT: u8 = 24;

/// Key of the policy map. 12 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyKey {
    /// Table id.
    pub table: u32,
    /// Identity of the peer; 0 = any peer.
    pub identity: u32,
    /// Destination port (ICMP: type), host order; bits that the shape leaves open are 0.
    pub port: u16,
    /// IP protocol number; 0 if the shape leaves it open.
    pub proto: u8,
    /// [`EGRESS`] bit and the shape's length, 0, 8 to 24.
    pub shape: u8,
}

/// Set in every valid entry.
pub const ENTRY_PRESENT: u8 = 1 << 0;
/// The entry denies; wins over every entry that allows.
pub const ENTRY_DENY: u8 = 1 << 1;

/// What an entry decides. 12 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyEntry {
    /// Names the rules behind the entry; user space resolves it.
    pub cookie: u32,
    /// As in Cilium's policy map (`policy.md` section 10): higher wins; low byte 255 deny, 1 plain
    /// allow, between: redirects.
    pub precedence: u32,
    /// Proxy port of an L7 redirect, 0 = none.
    pub proxy_port: u16,
    /// [`ENTRY_PRESENT`], [`ENTRY_DENY`].
    pub flags: u8,
    /// Room for the authentication type, 0.
    pub auth: u8,
}

/// The direction is enforced: what no entry allows is dropped.
pub const ENFORCED: u32 = 1 << 0;
/// At least one entry of the direction denies.
pub const HAS_DENY: u32 = 1 << 1;

/// Header of one direction of a table. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Bit n set: some entry for a specific peer has shape n.
    pub peer_shapes: u32,
    /// Bit n set: some entry for any peer has shape n.
    pub any_shapes: u32,
    /// Cookie that names the policies that put the direction in default deny (if [`ENFORCED`]), or
    /// the implicit allow (if not).
    pub default_cookie: u32,
    /// [`ENFORCED`], [`HAS_DENY`].
    pub flags: u32,
}

/// Set in every valid header.
pub const TABLE_PRESENT: u32 = 1 << 0;

/// Header of a table. 40 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Traffic to the pod.
    pub ingress: Direction,
    /// Traffic from the pod.
    pub egress: Direction,
    /// [`TABLE_PRESENT`].
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// Size of the per-CPU array that counts decisions per cookie; cookies are below it.
pub const MAX_COOKIES: u32 = 65_536;
/// Cookie of "nothing judged this".
pub const COOKIE_NONE: u32 = 0;
/// Cookie of the implicit allow of an unenforced ingress (`allow-any-ingress`).
pub const COOKIE_ALLOW_ANY_INGRESS: u32 = 1;
/// Cookie of the implicit allow of an unenforced egress (`allow-any-egress`).
pub const COOKIE_ALLOW_ANY_EGRESS: u32 = 2;
/// Cookie of the implicit allow from the pod's own node (`allow-localhost-ingress`).
pub const COOKIE_ALLOW_LOCALHOST: u32 = 3;
/// First cookie that the agent allocates for rules.
pub const COOKIE_FIRST_RULE: u32 = 16;

/// Whether a cookie has a fixed meaning, or none: rules have other ones.
#[inline(always)]
pub const fn is_reserved(cookie: u32) -> bool {
    cookie < COOKIE_FIRST_RULE
}

/// Whether a cookie is that of an implicit allow because no policy selects the end: no verdict of a
/// policy's.
#[inline(always)]
pub const fn is_allow_any(cookie: u32) -> bool {
    matches!(cookie, COOKIE_ALLOW_ANY_INGRESS | COOKIE_ALLOW_ANY_EGRESS)
}

/// How specific the deciding entry was; numbers as `policy_match_type` in Hubble's flows.
pub mod match_type {
    /// Nothing matched.
    pub const NONE: u8 = 0;
    /// The peer, any protocol.
    pub const L3_ONLY: u8 = 1;
    /// The peer, protocol and port.
    pub const L3_L4: u8 = 2;
    /// Any peer, protocol and port.
    pub const L4_ONLY: u8 = 3;
    /// Any peer, any protocol.
    pub const ALL: u8 = 4;
    /// The peer, protocol only.
    pub const L3_PROTO: u8 = 5;
    /// Any peer, protocol only.
    pub const PROTO_ONLY: u8 = 6;
}

const _: () = assert!(size_of::<PolicyKey>() == 12);
const _: () = assert!(size_of::<PolicyEntry>() == 12);
const _: () = assert!(size_of::<Table>() == 40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_by_what_they_name() {
        let rows = [
            (COOKIE_NONE, true, false),
            (COOKIE_ALLOW_ANY_INGRESS, true, true),
            (COOKIE_ALLOW_ANY_EGRESS, true, true),
            (COOKIE_ALLOW_LOCALHOST, true, false),
            (COOKIE_FIRST_RULE - 1, true, false),
            (COOKIE_FIRST_RULE, false, false),
            (MAX_COOKIES - 1, false, false),
        ];
        for (cookie, reserved, any) in rows {
            assert_eq!(is_reserved(cookie), reserved, "{cookie}");
            assert_eq!(is_allow_any(cookie), any, "{cookie}");
        }
    }
}
