//! The rules of ports: who of them allows whom what.

use std::collections::BTreeSet;

use l7::rules::{Allows, Alternative, Peers, RuleRef, SetSpec};

use super::{Implicit, Interval, Piece};

/// How much the sets of a direction may hold: peers and rules of layer 7, each time that they are there.
pub(super) const MOST: usize = 1 << 20;

/// Whom rules without any of layer 7 allow everything already. What a later one adds is told of it alone: rules
/// of many policies about the same peers stay one list.
#[derive(Default)]
struct Opened {
    /// By rules of exactly the port, which DNS looks at.
    narrow: Option<BTreeSet<u32>>,
    /// By these and wider ones.
    all: Option<BTreeSet<u32>>,
    narrow_any: bool,
    any: bool,
}

impl Opened {
    /// Whom a further rule opens the port to.
    fn open(&mut self, peers: &Peers, is_wide: bool) -> Option<Peers> {
        if self.narrow_any || (is_wide && self.any) {
            return None;
        }
        let peers = match peers {
            Peers::Any => {
                self.narrow_any |= !is_wide;
                self.any = true;
                return Some(Peers::Any);
            }
            Peers::Identities(peers) => peers,
        };
        let all = self.all.get_or_insert_default();
        let narrow = self.narrow.get_or_insert_default();
        let mut new = Vec::new();
        for peer in peers {
            let is_new = match is_wide {
                true => !all.contains(peer),
                false => narrow.insert(*peer),
            };
            all.insert(*peer);
            if is_new {
                new.push(*peer);
            }
        }
        (!new.is_empty()).then(|| Peers::Identities(new.into()))
    }
}

/// The alternatives of intervals that cover the same ports, in their order.
pub(super) fn set<'i>(
    pieces: &[Piece<'_>],
    covering: impl Iterator<Item = &'i Interval>,
    implicit: Implicit,
    cookie: &mut dyn FnMut(usize) -> u32,
) -> SetSpec {
    // A rule that covers a port in two ways is one rule.
    let mut rules: Vec<(usize, bool, Peers)> = Vec::new();
    for interval in covering {
        match rules.last_mut() {
            Some((piece, is_wide, peers)) if *piece == interval.piece => {
                *is_wide &= interval.is_wide;
                *peers = union(peers, &interval.peers);
            }
            Some(_) | None => {
                let peers = Peers::clone(&interval.peers);
                rules.push((interval.piece, interval.is_wide, peers));
            }
        }
    }
    let mut opened = Opened::default();
    let mut alternatives: Vec<Alternative> = Vec::new();
    for (piece, is_wide, peers) in rules {
        let allows = pieces[piece].allows;
        let peers = match allows {
            Allows::Everything => opened.open(&peers, is_wide),
            Allows::Http(_) | Allows::Kafka(_) | Allows::Dns(_) | Allows::ServerNames(_) => {
                Some(peers)
            }
        };
        alternatives.extend(peers.map(|peers| Alternative {
            rule: RuleRef(cookie(piece)),
            peers,
            is_wide,
            allows: allows.clone(),
        }));
    }
    let host = Peers::Identities([abi::identity::HOST].into());
    for (cookie, peers) in [(implicit.anyone, Peers::Any), (implicit.localhost, host)] {
        alternatives.extend(cookie.map(|cookie| Alternative {
            rule: RuleRef(cookie),
            peers,
            is_wide: false,
            allows: Allows::Everything,
        }));
    }
    SetSpec { alternatives }
}

/// How much a set holds.
pub(super) fn size(set: &SetSpec) -> usize {
    let size = |one: &Alternative| {
        let peers = match &one.peers {
            Peers::Any => 1,
            Peers::Identities(peers) => peers.len(),
        };
        peers + one.allows.items()
    };
    set.alternatives.iter().map(size).sum()
}

fn union(one: &Peers, other: &Peers) -> Peers {
    match (one, other) {
        (Peers::Identities(one), Peers::Identities(other)) => {
            let all: BTreeSet<u32> = one.iter().chain(other).copied().collect();
            Peers::Identities(all.into_iter().collect())
        }
        (Peers::Any, _) | (_, Peers::Any) => Peers::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_rule_is_told_of_whom_it_adds() {
        let peers = |of: &[u32]| Peers::Identities(of.into());
        let mut opened = Opened::default();
        for (rule, is_wide, told) in [
            (peers(&[1, 2]), true, Some(peers(&[1, 2]))),
            (peers(&[2, 3]), true, Some(peers(&[3]))),
            // What is wide opens no names.
            (peers(&[1, 4]), false, Some(peers(&[1, 4]))),
            (peers(&[4, 1]), false, None),
            (peers(&[4]), true, None),
            (Peers::Any, true, Some(Peers::Any)),
            (peers(&[9]), true, None),
            (peers(&[9]), false, Some(peers(&[9]))),
            (Peers::Any, false, Some(Peers::Any)),
            (peers(&[10]), false, None),
        ] {
            assert_eq!(opened.open(&rule, is_wide), told, "{rule:?} {is_wide}");
        }
    }
}
