//! What differs between IPv4 and IPv6: addresses, and the maps they are looked up in.

use abi::addr::{Addr, Addr4, Addr6, PRESENT};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, SCOPE_POD};
use abi::event::F_IPV6;
use abi::identity::WORLD;
use abi::node::Node;

use crate::maps::{CtFull, Maps};

/// An address of one family.
pub trait Family: Copy + Default + Ord {
    /// Key of the family's conntrack map.
    type CtKey: Copy + Default + PartialEq;
    /// [`F_IPV6`] or 0.
    const EVENT_FLAG: u8;
    /// ICMP's protocol number in this family.
    const ICMP: u8;
    /// An ICMP error is no longer than this, IP header included (RFC 1812, 4.3.2.3; RFC 4443, 2.4).
    const LONGEST_ERROR: usize;

    /// An ICMP message with an identifier that pairs request and reply.
    fn is_query(icmp_type: u8) -> bool;
    /// The type whose message a message of this type answers; of any other type the type itself.
    fn request_of(icmp_type: u8) -> u8;
    /// An ICMP error about a packet, which it quotes.
    fn is_error(icmp_type: u8) -> bool;
    /// ICMP that belongs to the link itself.
    fn is_link_chatter(icmp_type: u8) -> bool;
    /// Unspecified, link-local or multicast: an address that no router passes on.
    fn link_scope(self) -> bool;
    /// As in an event: IPv4 in the first word.
    fn wide(self) -> Addr6;
    /// Value in the hash of known addresses.
    fn exact<M: Maps>(self, maps: &M, revision: u32) -> Option<&Addr>;
    /// Value of the longest covering prefix.
    fn covering<M: Maps>(self, maps: &M, revision: u32) -> Option<&Addr>;
    /// Key whose side A is `a`; the caller has put the lower side first.
    fn ct_key(a: Self, b: Self, port_a: u16, port_b: u16, proto: u8) -> Self::CtKey;
    /// The connection.
    fn ct<'m, M: Maps>(maps: &'m mut M, key: &Self::CtKey) -> Option<&'m mut CtEntry>;
    /// Inserts or replaces it.
    ///
    /// # Errors
    /// [`CtFull`].
    fn ct_insert<M: Maps>(maps: &mut M, key: &Self::CtKey, entry: &CtEntry) -> Result<(), CtFull>;
    /// Removes it.
    fn ct_remove<M: Maps>(maps: &mut M, key: &Self::CtKey);
    /// Number of places of the family's connections, a power of two or 0.
    fn places(node: &Node) -> u32;
    /// Who holds a place.
    fn place<M: Maps>(maps: &mut M, index: u32) -> Option<&mut Self::CtKey>;
    /// A number that spreads connections over places.
    fn spread(key: &Self::CtKey) -> u32;

    /// Who the address is at `revision`: the hash answers for known addresses, the trie for the
    /// rest. An address that nothing covers is the world (the maps always hold /0; this is what
    /// counts if they don't).
    #[inline(always)]
    fn resolve<M: Maps>(self, maps: &M, revision: u32) -> Addr {
        if let Some(addr) = self.exact(maps, revision)
            && addr.flags & PRESENT != 0
        {
            return *addr;
        }
        self.prefix(maps, revision)
    }

    /// Who the address is by its prefix alone.
    #[inline(always)]
    fn prefix<M: Maps>(self, maps: &M, revision: u32) -> Addr {
        match self.covering(maps, revision) {
            Some(addr) if addr.flags & PRESENT != 0 => *addr,
            _ => Addr {
                identity: WORLD,
                flags: PRESENT,
                ..Addr::default()
            },
        }
    }
}

#[inline(always)]
fn ports(a: u16, b: u16) -> u32 {
    u32::from(a) << 16 | u32::from(b)
}

/// Four words into one whose low bits depend on all of them (the finaliser of MurmurHash3).
#[inline(always)]
fn mix(words: [u32; 4]) -> u32 {
    let mut sum: u32 = 0;
    for word in words {
        sum = (sum ^ word).wrapping_mul(0x9e37_79b1).rotate_left(13);
    }
    sum = (sum ^ sum >> 16).wrapping_mul(0x85eb_ca6b);
    sum = (sum ^ sum >> 13).wrapping_mul(0xc2b2_ae35);
    sum ^ sum >> 16
}

/// IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct V4(pub Addr4);

impl Family for V4 {
    type CtKey = CtKey4;
    const EVENT_FLAG: u8 = 0;
    const ICMP: u8 = 1;
    const LONGEST_ERROR: usize = 576;

    // Echo, timestamp, information, address mask.
    #[inline(always)]
    fn is_query(icmp_type: u8) -> bool {
        matches!(icmp_type, 0 | 8 | 13..=18)
    }

    #[inline(always)]
    fn request_of(icmp_type: u8) -> u8 {
        match icmp_type {
            0 => 8,
            14 | 16 | 18 => icmp_type - 1,
            _ => icmp_type,
        }
    }

    // Unreachable, time exceeded, parameter problem. Source quench (RFC 6633: to be ignored) and
    // redirect (it moves a pod's routes) are judged as packets of their own, as in Cilium.
    #[inline(always)]
    fn is_error(icmp_type: u8) -> bool {
        matches!(icmp_type, 3 | 11 | 12)
    }

    #[inline(always)]
    fn is_link_chatter(_: u8) -> bool {
        false
    }

    #[inline(always)]
    fn link_scope(self) -> bool {
        let first = u32::from_be(self.0);
        first == 0 || first >> 28 == 0xe || first >> 16 == 0xa9fe
    }

    #[inline(always)]
    fn wide(self) -> Addr6 {
        [self.0, 0, 0, 0]
    }

    #[inline(always)]
    fn exact<M: Maps>(self, maps: &M, revision: u32) -> Option<&Addr> {
        maps.addr4(self.0).map(|staged| staged.at(revision))
    }

    #[inline(always)]
    fn covering<M: Maps>(self, maps: &M, revision: u32) -> Option<&Addr> {
        maps.cidr4(self.0).map(|staged| staged.at(revision))
    }

    #[inline(always)]
    fn ct_key(a: Self, b: Self, port_a: u16, port_b: u16, proto: u8) -> CtKey4 {
        CtKey4 {
            a: a.0,
            b: b.0,
            port_a,
            port_b,
            proto,
            scope: SCOPE_POD,
            reserved: 0,
        }
    }

    #[inline(always)]
    fn ct<'m, M: Maps>(maps: &'m mut M, key: &CtKey4) -> Option<&'m mut CtEntry> {
        maps.ct4(key)
    }

    #[inline(always)]
    fn ct_insert<M: Maps>(maps: &mut M, key: &CtKey4, entry: &CtEntry) -> Result<(), CtFull> {
        maps.ct4_insert(key, entry)
    }

    #[inline(always)]
    fn ct_remove<M: Maps>(maps: &mut M, key: &CtKey4) {
        maps.ct4_remove(key);
    }

    #[inline(always)]
    fn places(node: &Node) -> u32 {
        node.places4
    }

    #[inline(always)]
    fn place<M: Maps>(maps: &mut M, index: u32) -> Option<&mut CtKey4> {
        maps.place4(index)
    }

    #[inline(always)]
    fn spread(key: &CtKey4) -> u32 {
        mix([
            key.a,
            key.b,
            ports(key.port_a, key.port_b),
            key.proto.into(),
        ])
    }
}

/// IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct V6(pub Addr6);

impl Family for V6 {
    type CtKey = CtKey6;
    const EVENT_FLAG: u8 = F_IPV6;
    const ICMP: u8 = 58;
    const LONGEST_ERROR: usize = 1280;

    #[inline(always)]
    fn is_query(icmp_type: u8) -> bool {
        matches!(icmp_type, 128 | 129)
    }

    #[inline(always)]
    fn request_of(icmp_type: u8) -> u8 {
        if icmp_type == 129 { 128 } else { icmp_type }
    }

    // Unreachable, too big, time exceeded, parameter problem.
    #[inline(always)]
    fn is_error(icmp_type: u8) -> bool {
        matches!(icmp_type, 1..=4)
    }

    // MLD (RFC 2710, 3810) and neighbour discovery (RFC 4861), redirects excepted.
    #[inline(always)]
    fn is_link_chatter(icmp_type: u8) -> bool {
        matches!(icmp_type, 130..=136 | 143)
    }

    #[inline(always)]
    fn link_scope(self) -> bool {
        let first = u32::from_be(self.0[0]);
        first >> 24 == 0xff || first >> 22 == 0xfe80 >> 6 || self.0 == [0; 4]
    }

    #[inline(always)]
    fn wide(self) -> Addr6 {
        self.0
    }

    #[inline(always)]
    fn exact<M: Maps>(self, maps: &M, revision: u32) -> Option<&Addr> {
        maps.addr6(&self.0).map(|staged| staged.at(revision))
    }

    #[inline(always)]
    fn covering<M: Maps>(self, maps: &M, revision: u32) -> Option<&Addr> {
        maps.cidr6(&self.0).map(|staged| staged.at(revision))
    }

    #[inline(always)]
    fn ct_key(a: Self, b: Self, port_a: u16, port_b: u16, proto: u8) -> CtKey6 {
        CtKey6 {
            a: a.0,
            b: b.0,
            port_a,
            port_b,
            proto,
            scope: SCOPE_POD,
            reserved: 0,
        }
    }

    #[inline(always)]
    fn ct<'m, M: Maps>(maps: &'m mut M, key: &CtKey6) -> Option<&'m mut CtEntry> {
        maps.ct6(key)
    }

    #[inline(always)]
    fn ct_insert<M: Maps>(maps: &mut M, key: &CtKey6, entry: &CtEntry) -> Result<(), CtFull> {
        maps.ct6_insert(key, entry)
    }

    #[inline(always)]
    fn ct_remove<M: Maps>(maps: &mut M, key: &CtKey6) {
        maps.ct6_remove(key);
    }

    #[inline(always)]
    fn places(node: &Node) -> u32 {
        node.places6
    }

    #[inline(always)]
    fn place<M: Maps>(maps: &mut M, index: u32) -> Option<&mut CtKey6> {
        maps.place6(index)
    }

    #[inline(always)]
    fn spread(key: &CtKey6) -> u32 {
        let [a, b, c, d] = key.a;
        let [e, f, g, h] = key.b;
        let a = mix([a, b, c, d]);
        let b = mix([e, f, g, h]);
        mix([a, b, ports(key.port_a, key.port_b), key.proto.into()])
    }
}
