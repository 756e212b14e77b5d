//! Keys of staged maps, and which prefix covers which.

use std::fmt::Debug;
use std::hash::Hash;

use abi::addr::{Addr4, Addr6, Cidr4, Cidr6};
use abi::policy::PolicyKey;

use crate::pod_types::Plain;

/// A key of a staged map.
pub(crate) trait Key: Plain + Eq + Hash + Debug + Send {
    /// The prefixes that cover this one, from the longest to the shortest; none for exact keys.
    fn covering(&self) -> impl Iterator<Item = Self> {
        std::iter::empty()
    }

    /// What is wrong with the key, if anything is.
    fn fault(&self) -> Option<&'static str> {
        None
    }
}

impl Key for Addr4 {}
impl Key for Addr6 {}
impl Key for PolicyKey {}

fn cut4(addr: Addr4, bits: u32) -> Addr4 {
    let mask = u32::MAX
        .checked_shl(32_u32.saturating_sub(bits))
        .unwrap_or(0);
    addr & mask.to_be()
}

fn cut6(addr: Addr6, bits: u32) -> Addr6 {
    let mut cut = addr;
    for (word, start) in cut.iter_mut().zip((0..).step_by(32)) {
        *word = cut4(*word, bits.saturating_sub(start).min(32));
    }
    cut
}

const BEYOND: &str = "the address has bits beyond the prefix's length";

impl Key for Cidr4 {
    fn covering(&self) -> impl Iterator<Item = Self> {
        let addr = self.addr;
        (0..self.prefix_len).rev().map(move |prefix_len| Self {
            prefix_len,
            addr: cut4(addr, prefix_len),
        })
    }

    fn fault(&self) -> Option<&'static str> {
        if self.prefix_len > 32 {
            return Some("an IPv4 prefix is at most 32 bits long");
        }
        (cut4(self.addr, self.prefix_len) != self.addr).then_some(BEYOND)
    }
}

impl Key for Cidr6 {
    fn covering(&self) -> impl Iterator<Item = Self> {
        let addr = self.addr;
        (0..self.prefix_len).rev().map(move |prefix_len| Self {
            prefix_len,
            addr: cut6(addr, prefix_len),
        })
    }

    fn fault(&self) -> Option<&'static str> {
        if self.prefix_len > 128 {
            return Some("an IPv6 prefix is at most 128 bits long");
        }
        (cut6(self.addr, self.prefix_len) != self.addr).then_some(BEYOND)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn v4(addr: [u8; 4], prefix_len: u32) -> Cidr4 {
        Cidr4 {
            prefix_len,
            addr: u32::from_ne_bytes(addr),
        }
    }

    fn v6(addr: &str, prefix_len: u32) -> Cidr6 {
        let octets = addr.parse::<Ipv6Addr>().unwrap().octets();
        let word = |n: usize| u32::from_ne_bytes(octets[4 * n..4 * n + 4].try_into().unwrap());
        Cidr6 {
            prefix_len,
            addr: [word(0), word(1), word(2), word(3)],
        }
    }

    #[test]
    fn covering_prefixes_are_cut_and_in_order() {
        let covering: Vec<_> = v4([10, 1, 255, 0], 24).covering().collect();
        assert_eq!(covering.len(), 24);
        assert_eq!(covering[0], v4([10, 1, 254, 0], 23));
        assert_eq!(covering[7], v4([10, 1, 0, 0], 16));
        assert_eq!(covering[23], v4([0, 0, 0, 0], 0));
        let covering: Vec<_> = v6("2001:db8:ffff::", 48).covering().collect();
        assert_eq!(covering[0], v6("2001:db8:fffe::", 47));
        assert_eq!(covering[15], v6("2001:db8::", 32));
        assert_eq!(covering[47], v6("::", 0));
        assert_eq!(
            u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets())
                .covering()
                .count(),
            0
        );
    }

    #[test]
    fn malformed_prefixes_are_told() {
        assert_eq!(v4([10, 0, 0, 0], 8).fault(), None);
        assert_eq!(v4([10, 0, 0, 1], 32).fault(), None);
        assert_eq!(v4([0, 0, 0, 0], 0).fault(), None);
        assert!(v4([10, 0, 0, 1], 8).fault().is_some());
        assert!(v4([10, 0, 0, 0], 33).fault().is_some());
        assert_eq!(v6("2001:db8::1", 128).fault(), None);
        assert!(v6("2001:db8::1", 127).fault().is_some());
        assert!(v6("::", 129).fault().is_some());
    }
}
