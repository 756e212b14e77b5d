//! Damage that others did to the datapath, and that was repaired.

use std::fmt;

use crate::IfIndex;

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Damage {
    /// A program was taken off an interface.
    Link,
    /// Another program was put in the place of ours.
    Program,
    /// The program that drops where ours is missing was taken off.
    Guard,
    /// A pin was removed, or something else was pinned in its place.
    Pin,
    /// The bpffs was unmounted.
    Mount,
}

impl Damage {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Link,
        Self::Program,
        Self::Guard,
        Self::Pin,
        Self::Mount,
    ];

    /// A word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Link => "detached",
            Self::Program => "replaced",
            Self::Guard => "opened",
            Self::Pin => "unpinned",
            Self::Mount => "unmounted",
        }
    }
}

/// Something that was put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What was wrong.
    pub damage: Damage,
    /// On which interface.
    pub interface: Option<IfIndex>,
    /// `from` or `to` (the pod), or the name of a pin.
    pub name: String,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.damage {
            Damage::Link => write!(f, "the program for packets {name} the pod was detached"),
            Damage::Program => write!(f, "the program for packets {name} the pod was replaced"),
            Damage::Guard => write!(
                f,
                "the program that drops packets {name} the pod while no other is attached was detached"
            ),
            Damage::Pin => write!(f, "the pin {name} was removed or replaced"),
            Damage::Mount => write!(f, "the bpffs at {name} was unmounted"),
        }
    }
}
