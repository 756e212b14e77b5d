//! Security identities: the number for a set of labels.

use std::fmt;

/// A security identity. Zero is unknown; up to 255 the numbers have fixed meanings (Cilium
/// v1.19.4, `pkg/identity`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub u32);

/// Number and name of the reserved identities that have both.
const RESERVED: [(u32, &str); 11] = [
    (0, "unknown"),
    (1, "host"),
    (2, "world"),
    (3, "unmanaged"),
    (4, "health"),
    (5, "init"),
    (6, "remote-node"),
    (7, "kube-apiserver"),
    (8, "ingress"),
    (9, "world-ipv4"),
    (10, "world-ipv6"),
];

impl Identity {
    /// The reserved identities that somebody may have.
    pub fn reserved() -> impl Iterator<Item = Self> {
        RESERVED
            .iter()
            .map(|(number, _)| Self(*number))
            .filter(|identity| *identity != Self::default())
    }

    /// Its reserved name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        RESERVED
            .iter()
            .find(|(number, _)| *number == self.0)
            .map(|(_, name)| *name)
    }

    /// The reserved identity of that name.
    pub fn named(name: &str) -> Option<Self> {
        RESERVED
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(number, _)| Self(*number))
    }
}

impl fmt::Display for Identity {
    /// `world`, or `ID:20001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "ID:{}", self.0),
        }
    }
}
