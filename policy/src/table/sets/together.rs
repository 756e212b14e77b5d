//! Rules of one filter and one selector: what they are together, and which can't stand together.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use l7::rules::{Alternative, MergeError, Part, Peers, RuleRef, merge};

use super::Piece;
use crate::layer7::Conflict;
use crate::rule::{Peer, Ports};
use crate::rule_store::PeerSlot;

/// Peers of a piece that it doesn't open on ports, because other rules for them name servers.
pub(super) type Closed<'a> = HashSet<(usize, &'a Ports, PeerSlot)>;

/// What rules of one filter (a way to write ports) and one selector are together: what a plain rule doesn't open
/// beside one that names servers, and what can't stand together.
pub(super) fn stand_together<'a>(pieces: &[Piece<'a>]) -> (Closed<'a>, Vec<Conflict>) {
    let mut filters: BTreeMap<&'a Ports, Vec<usize>> = BTreeMap::new();
    for (number, piece) in pieces.iter().enumerate() {
        for ports in piece.ports {
            filters.entry(ports).or_default().push(number);
        }
    }
    let differ = |numbers: &mut dyn Iterator<Item = usize>| {
        let mut kinds = numbers.map(|number| std::mem::discriminant(pieces[number].allows));
        let first = kinds.next();
        kinds.any(|kind| Some(kind) != first)
    };
    let mut together: HashMap<(&'a Ports, PeerSlot), Vec<(usize, &'a Peer)>> = HashMap::new();
    for (ports, numbers) in filters {
        if !differ(&mut numbers.iter().copied()) {
            continue;
        }
        for number in numbers {
            let (_, element, slots) = pieces[number].contribution;
            for (slot, peer) in slots.iter().zip(&element.peers) {
                let rules = together.entry((ports, *slot)).or_default();
                rules.push((number, peer));
            }
        }
    }
    let (mut closed, mut conflicts) = (Closed::new(), BTreeSet::new());
    let mixed: Vec<_> = together
        .into_iter()
        .filter(|(_, numbers)| differ(&mut numbers.iter().map(|(number, _)| *number)))
        .collect();
    for ((ports, slot), numbers) in mixed {
        let text = numbers.first().map(|(_, peer)| peer.to_string());
        let text = text.unwrap_or_default();
        let part = |(number, _): &(usize, &Peer)| Part {
            selector: &text,
            alternative: Alternative {
                rule: RuleRef(u32::try_from(*number).unwrap_or(u32::MAX)),
                peers: Peers::Any,
                is_wide: false,
                allows: pieces[*number].allows.clone(),
            },
        };
        match merge(numbers.iter().map(part).collect()) {
            Ok(left) => {
                let left: HashSet<u32> = left.iter().map(|one| one.rule.0).collect();
                let gone = numbers.iter().filter(|(number, _)| {
                    u32::try_from(*number).is_ok_and(|number| !left.contains(&number))
                });
                closed.extend(gone.map(|(number, _)| (*number, ports, slot)));
            }
            Err(wrong) => conflicts.extend(conflict(pieces, &wrong)),
        }
    }
    (closed, conflicts.into_iter().collect())
}

fn conflict(pieces: &[Piece<'_>], wrong: &MergeError) -> Option<Conflict> {
    let (MergeError::Parsers { rules, .. } | MergeError::ServerNames { rules, .. }) = wrong;
    let of = |RuleRef(number): RuleRef| {
        let Piece {
            contribution: (selecting, element, _),
            rule,
            ..
        } = pieces.get(usize::try_from(number).ok()?)?;
        let path = rule.map_or(element.path, |rule| rule.path);
        Some((selecting.policy.name.clone(), path))
    };
    let [before, after] = *rules;
    let ((other_policy, other), (policy, rule)) = (of(before)?, of(after)?);
    Some(Conflict {
        policy,
        rule,
        other_policy,
        other,
        problem: wrong.to_string(),
    })
}
