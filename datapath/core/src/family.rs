//! What differs between IPv4 and IPv6: addresses, and the maps they are looked up in.

use abi::addr::{Addr, Addr4, Addr6, PRESENT};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, SCOPE_POD};
use abi::event::F_IPV6;
use abi::identity::WORLD;

use crate::maps::{CtFull, Maps};
use crate::packet::Packet;
use crate::parse::{self, Quoted};

/// An address of one family.
pub trait Family: Copy + Default + Ord {
    /// Key of the family's conntrack map.
    type CtKey: Copy + Default;
    /// [`F_IPV6`] or 0.
    const EVENT_FLAG: u8;
    /// ICMP's protocol number in this family.
    const ICMP: u8;
    /// Type of the echo request.
    const ECHO_REQUEST: u8;
    /// Type of the echo reply.
    const ECHO_REPLY: u8;

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

    /// What an ICMP error quotes, if its header is at `at`.
    fn quoted<P: Packet>(packet: &P, at: usize) -> Option<Quoted<Self>>;

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

/// IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct V4(pub Addr4);

impl Family for V4 {
    type CtKey = CtKey4;
    const EVENT_FLAG: u8 = 0;
    const ICMP: u8 = 1;
    const ECHO_REQUEST: u8 = 8;
    const ECHO_REPLY: u8 = 0;

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
    fn quoted<P: Packet>(packet: &P, at: usize) -> Option<Quoted<Self>> {
        parse::quoted_v4(packet, at)
    }
}

/// IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct V6(pub Addr6);

impl Family for V6 {
    type CtKey = CtKey6;
    const EVENT_FLAG: u8 = F_IPV6;
    const ICMP: u8 = 58;
    const ECHO_REQUEST: u8 = 128;
    const ECHO_REPLY: u8 = 129;

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
    fn quoted<P: Packet>(packet: &P, at: usize) -> Option<Quoted<Self>> {
        parse::quoted_v6(packet, at)
    }
}
