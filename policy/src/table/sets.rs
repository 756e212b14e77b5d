//! What is judged of the redirected: of each port with rules of layer 7 all rules that cover it, those that
//! allow everything included.
//!
//! ```text
//! elements --> pieces (items of toPorts) --> what can't stand together is told
//!                 '--> intervals of ports --cut--> ports that have the same rules --> sets
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use l7::rules::{Allows, Peers, Protocol, SetSpec};

use super::{Contribution, TableCompiler};
use crate::attribution::Direction;
use crate::cookies::{NamedPort, TableOwner};
use crate::layer7::{Conflict, PortSet, PortSets};
use crate::rule::{PortRule, Ports, protocol};
use crate::rule_store::PeerSlot;

mod alternatives;
mod together;

use together::stand_together;

/// What is allowed beside the rules, by its cookie.
#[derive(Clone, Copy)]
pub(super) struct Implicit {
    /// No rule switches the direction to default deny: those of layer 7 show, and refuse nothing; nor is
    /// anybody refused whom none selects and whose connection comes here for the other end's rules.
    pub(super) anyone: Option<u32>,
    /// The pod's own node may always reach it.
    pub(super) localhost: Option<u32>,
}

/// An item of `toPorts`, or an element without rules of layer 7.
#[derive(Clone, Copy)]
struct Piece<'a> {
    contribution: Contribution<'a>,
    rule: Option<&'a PortRule>,
    ports: &'a [Ports],
    allows: &'a Allows,
}

/// Ports that a piece covers, and whom it selects there.
struct Interval {
    protocol: Protocol,
    first: u16,
    last: u16,
    piece: usize,
    /// More than one port.
    is_wide: bool,
    peers: Rc<Peers>,
}

impl TableCompiler<'_, '_> {
    /// The sets of a direction; `None` if no rule of layer 7 is in it. `contributions` are what speaks in it.
    pub(super) fn port_sets(
        &mut self,
        direction: Direction,
        owner: &TableOwner,
        contributions: &[Contribution<'_>],
        implicit: Implicit,
    ) -> (Option<PortSets>, Vec<Conflict>) {
        let has_rules = |(_, element, _): &Contribution<'_>| !element.port_rules.is_empty();
        if self.config.layer7.is_none() || !contributions.iter().any(has_rules) {
            return (None, Vec::new());
        }
        let pieces: Vec<Piece<'_>> = contributions.iter().flat_map(pieces).collect();
        let (closed, conflicts) = stand_together(&pieces);
        let is_judged = |piece: &Piece<'_>| *piece.allows != Allows::Everything;
        let mut intervals: Vec<Interval> = Vec::new();
        // Whom a rule selects that covers none of the judged ports isn't asked.
        for judged in [true, false] {
            let ports = intervals.iter();
            let ports = ports.map(|one| (one.protocol, one.first, one.last));
            let redirected: Vec<(Protocol, u16, u16)> = ports.collect();
            let covers = |protocol, first, last| {
                let mut all = redirected.iter();
                judged
                    || all.any(|(other, low, high)| {
                        *other == protocol && *low <= last && first <= *high
                    })
            };
            let wanted = pieces.iter().enumerate();
            for (number, piece) in wanted.filter(|(_, piece)| is_judged(piece) == judged) {
                let (_, _, slots) = piece.contribution;
                for ports in piece.ports {
                    let is_open = |slot: &&PeerSlot| !closed.contains(&(number, ports, **slot));
                    let slots: Vec<PeerSlot> = slots.iter().filter(is_open).copied().collect();
                    let found = self.intervals(direction, owner, number, ports, &slots, &covers);
                    intervals.extend(found);
                }
            }
        }
        intervals.sort_by_key(|interval| interval.piece);
        intervals.retain(|interval| *interval.peers != Peers::Identities(Box::default()));
        let mut sets = PortSets::default();
        let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut cookies: Vec<Option<u32>> = vec![None; pieces.len()];
        let alike = alike(&intervals);
        let mut size = 0;
        for (protocol, first, last, mut covering) in segments(&pieces, &intervals) {
            covering.iter_mut().for_each(|index| *index = alike[*index]);
            covering.sort_unstable();
            covering.dedup();
            let set = *known.entry(covering).or_insert_with_key(|covering| {
                let mut cookie = |piece: usize| {
                    let Piece {
                        contribution, rule, ..
                    } = pieces[piece];
                    let named = || self.names.rule(direction, contribution, rule);
                    *cookies[piece].get_or_insert_with(named)
                };
                let covering = covering.iter().map(|index| &intervals[*index]);
                let set = alternatives::set(&pieces, covering, implicit, &mut cookie);
                size += alternatives::size(&set);
                sets.sets.push(match size <= alternatives::MOST {
                    true => set,
                    // It has no rule that allows anything.
                    false => SetSpec::default(),
                });
                sets.sets.len() - 1
            });
            match sets.ports.last_mut() {
                Some(before)
                    if before.protocol == protocol
                        && before.set == set
                        && u32::from(before.last) + 1 == u32::from(first) =>
                {
                    before.last = last;
                }
                Some(_) | None => sets.ports.push(PortSet {
                    protocol,
                    first,
                    last,
                    set,
                }),
            }
        }
        sets.is_cut = size > alternatives::MOST;
        let is_empty = sets.ports.is_empty();
        ((!is_empty).then_some(sets), conflicts)
    }

    /// The intervals of one way to write ports, of those that `covers` tells to matter.
    fn intervals(
        &mut self,
        direction: Direction,
        owner: &TableOwner,
        piece: usize,
        ports: &Ports,
        slots: &[PeerSlot],
        covers: &dyn Fn(Protocol, u16, u16) -> bool,
    ) -> Vec<Interval> {
        let named = |own: &NamedPort| match ports {
            Ports::Named { protocol, name } => own.protocol == *protocol && own.name == *name,
            Ports::All | Ports::Protocol(_) | Ports::Range { .. } => false,
        };
        let mut numbers: Vec<(u8, u16, u16, Option<BTreeSet<u32>>)> = Vec::new();
        match ports {
            Ports::All => {
                numbers.push((protocol::TCP, 0, u16::MAX, None));
                numbers.push((protocol::UDP, 0, u16::MAX, None));
            }
            Ports::Protocol(protocol) => numbers.push((*protocol, 0, u16::MAX, None)),
            Ports::Range {
                protocol,
                first,
                last,
            } => numbers.push((*protocol, *first, *last, None)),
            // On ingress a name is the subject's own port.
            Ports::Named { .. } if direction == Direction::Ingress => {
                let own = owner.ports.iter().filter(|own| named(own));
                numbers.extend(own.map(|own| (own.protocol, own.port, own.port, None)));
            }
            // On egress it is the peer's, which may differ from peer to peer.
            Ports::Named { .. } => {
                let mut by_port: BTreeMap<(u8, u16), BTreeSet<u32>> = BTreeMap::new();
                for (identity, ports) in self.named_ports {
                    for port in ports.iter().filter(|port| named(port)) {
                        let peers = by_port.entry((port.protocol, port.port)).or_default();
                        peers.insert(identity.0);
                    }
                }
                let by_port = by_port.into_iter();
                numbers.extend(
                    by_port.map(|((protocol, port), peers)| (protocol, port, port, Some(peers))),
                );
            }
        }
        let mut selected = None;
        let mut intervals = Vec::new();
        for (protocol, first, last, only) in numbers {
            let protocol = match protocol {
                protocol::TCP => Protocol::Tcp,
                protocol::UDP => Protocol::Udp,
                _ => continue,
            };
            if !covers(protocol, first, last) {
                continue;
            }
            let selected = selected.get_or_insert_with(|| self.peers(slots));
            let peers = match (only, &**selected) {
                (None, _) => Rc::clone(selected),
                (Some(only), Peers::Any) => Rc::new(Peers::Identities(only.into_iter().collect())),
                (Some(only), Peers::Identities(selected)) => {
                    let selects = |identity: &u32| selected.binary_search(identity).is_ok();
                    Rc::new(Peers::Identities(
                        only.into_iter().filter(selects).collect(),
                    ))
                }
            };
            intervals.push(Interval {
                protocol,
                first,
                last,
                piece,
                is_wide: first < last,
                peers,
            });
        }
        intervals
    }

    /// Whom selectors select now, sorted.
    fn peers(&mut self, slots: &[PeerSlot]) -> Rc<Peers> {
        if let Some(known) = self.selected.0.get(slots) {
            return Rc::clone(known);
        }
        let of_slot = |slot: &PeerSlot| match slot {
            PeerSlot::All => None,
            PeerSlot::Of(id) => Some(self.selector_cache.identities(*id).iter()),
        };
        let selected = match slots.iter().map(of_slot).collect::<Option<Vec<_>>>() {
            None => Peers::Any,
            Some(lists) => {
                let all = lists.into_iter().flatten();
                let mut all: Vec<u32> = all.map(|identity| identity.0).collect();
                all.sort_unstable();
                all.dedup();
                Peers::Identities(all.into())
            }
        };
        let selected = Rc::new(selected);
        self.selected.0.insert(slots.to_vec(), Rc::clone(&selected));
        selected
    }
}

/// Whom selectors select together, as lists: tables have many selectors in common.
#[derive(Default)]
pub(crate) struct Selected(HashMap<Vec<PeerSlot>, Rc<Peers>>);

fn pieces<'a>(contribution: &Contribution<'a>) -> impl Iterator<Item = Piece<'a>> + use<'a> {
    let contribution = *contribution;
    let (_, element, _) = contribution;
    let whole = (element.port_rules.is_empty() && !element.deny).then_some(Piece {
        contribution,
        rule: None,
        ports: &element.ports,
        allows: &Allows::Everything,
    });
    let rules = element.port_rules.iter().map(move |rule| Piece {
        contribution,
        rule: Some(rule),
        ports: &rule.ports,
        allows: &rule.allows,
    });
    whole.into_iter().chain(rules)
}

/// Cuts the ports that have rules of layer 7 where what covers them changes: protocol, first, last, and which
/// intervals cover them.
fn segments(pieces: &[Piece<'_>], intervals: &[Interval]) -> Vec<(Protocol, u16, u16, Vec<usize>)> {
    let mut segments = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        // At which port which intervals begin and, behind their last one, end.
        let mut cuts: BTreeMap<u32, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        let of_protocol = intervals.iter().enumerate();
        for (index, interval) in of_protocol.filter(|(_, one)| one.protocol == protocol) {
            let (first, end) = (u32::from(interval.first), u32::from(interval.last) + 1);
            cuts.entry(first).or_default().0.push(index);
            cuts.entry(end).or_default().1.push(index);
        }
        let mut covering: BTreeSet<usize> = BTreeSet::new();
        let mut redirecting = 0_usize;
        let redirects =
            |index: &&usize| *pieces[intervals[**index].piece].allows != Allows::Everything;
        let ends: Vec<u32> = cuts.keys().skip(1).copied().collect();
        for ((first, (begin, end)), next) in cuts.into_iter().zip(ends) {
            redirecting += begin.iter().filter(redirects).count();
            redirecting -= end.iter().filter(redirects).count();
            covering.extend(begin);
            for index in end {
                covering.remove(&index);
            }
            let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(next - 1)) else {
                continue;
            };
            if redirecting > 0 {
                segments.push((protocol, first, last, covering.iter().copied().collect()));
            }
        }
    }
    segments
}

/// Of each interval the first of its piece that says the same: ports that only such ones cover share a set.
fn alike(intervals: &[Interval]) -> Vec<usize> {
    let mut first = 0;
    let mut alike = Vec::with_capacity(intervals.len());
    for (index, one) in intervals.iter().enumerate() {
        if intervals[first].piece != one.piece {
            first = index;
        }
        let mut before = (first..index).filter(|before| alike.get(*before) == Some(before));
        let same = |before: &usize| {
            let before = &intervals[*before];
            before.is_wide == one.is_wide && before.peers == one.peers
        };
        let found = before.find(same).unwrap_or(index);
        alike.push(found);
    }
    alike
}
