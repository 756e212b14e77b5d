//! Who may have how many connections: no pod's connections push another pod's out of the table.
//!
//! ```text
//!  places: | 256 shares of equal size, one per endpoint | what all share, first come, first served |
//!          |<---------------- half ------------------->|<---------------- half ------------------>|
//! ```
//!
//! A connection holds a place. Which ones it may take follows from its key and its owner: eight of the
//! owner's own share and eight of what all share, two of each before the others. A place is free if
//! nobody holds it or its connection has ended. If all of them are taken, a connection gives way: in what
//! all share one that nobody has answered yet, whosever it is (a flood is made of such); else the owner's
//! own that has the least life left. An answered connection of another pod never does, nor one that
//! policy cut: once that is forgotten, the other end's next datagram would open it again. If there is
//! none, the new connection is refused.
//!
//! The owner is the pod that sent the first packet; what comes from elsewhere is its destination's.
//! The table itself is larger than the number of places. Two packets that take the same place at the
//! same time leave one connection without a place. It stays known, and the table's own eviction takes
//! it in the end.

use crate::conntrack::expired;
use crate::family::Family;
use crate::maps::Maps;
use abi::conntrack::{DENIED, SEEN_REPLY, SHARES};

/// Places looked at in each half.
const PROBES: u32 = 8;

/// Of those, how many before the other half is tried. Whose share is full mostly finds a place after
/// these; beyond them no half is preferred for being cheap.
const FIRST: u32 = 2;

/// Whether an attempt is one in the owner's share, and which one it is of its half.
#[inline(always)]
fn attempt(probe: u32) -> (bool, u32) {
    const REST: u32 = PROBES - FIRST;
    if probe < 2 * FIRST {
        (probe < FIRST, probe & (FIRST - 1))
    } else if probe < 2 * FIRST + REST {
        (true, probe - FIRST)
    } else {
        (false, probe - PROBES)
    }
}

/// The place that a connection may take at its `probe`-th attempt (0 to 15), of `places` in all. Of a
/// number that is no power of two, or is below 1024, there are none.
#[inline(always)]
pub fn place_of<F: Family>(key: &F::CtKey, owner: u32, probe: u32, places: u32) -> u32 {
    let half = places >> 1;
    let share = half / SHARES;
    let (in_share, number) = attempt(probe);
    let at = F::spread(key).wrapping_add(number);
    if in_share {
        // The bits of the hash that choose within a share.
        (owner & (SHARES - 1)) * share + (at & share.wrapping_sub(1))
    } else {
        half + (at & half.wrapping_sub(1))
    }
}

/// Number of attempts of [`place_of`].
pub const ATTEMPTS: u32 = 2 * PROBES;

/// Fewer places than this can't be shared out.
pub const FEWEST_PLACES: u32 = 2 * SHARES * 2;

/// What [`claim`] works on, in memory for the reason given at [`crate::policy::PolicyLookup`].
#[derive(Clone, Copy, Default)]
pub struct Claim {
    /// Endpoint that the connection is charged to.
    pub owner: u32,
    /// Time of the packet.
    pub tick: u32,
    /// 1 if there is no place for the connection.
    pub refused: u32,
    /// Place of the connection that gives way first, plus 1; 0 = none.
    victim: u32,
    /// Its owner.
    victim_owner: u32,
    /// What is left of it, in ticks.
    life: u32,
    /// The attempt.
    probe: u32,
}

/// Looking at one place, which the kernel's program makes a function that the verifier checks once and by
/// itself, instead of once for each way that leads to a call.
pub trait Free: Maps + Sized {
    /// [`free`].
    #[inline(always)]
    fn free<F: Family>(&mut self, claim: &mut Claim, key: &F::CtKey) -> u32 {
        free::<F, Self>(self, claim, key)
    }
}

/// Takes a place for a new connection, at the cost of another if need be.
#[inline(never)]
pub fn claim<F: Family, M: Free>(maps: &mut M, claim: &mut Claim, key: &F::CtKey) {
    claim.refused = 0;
    claim.victim = 0;
    claim.life = u32::MAX;
    if F::places(maps.node()) < FEWEST_PLACES {
        return;
    }
    for probe in 0..ATTEMPTS {
        claim.probe = probe;
        if maps.free::<F>(claim, key) != 0 {
            return;
        }
    }
    if claim.victim == 0 {
        claim.refused = 1;
        return;
    }
    let Some(place) = F::place(maps, claim.victim - 1) else {
        return;
    };
    let gives_way = *place;
    *place = *key;
    // Another CPU may have given the place to somebody else meanwhile.
    if F::ct(maps, &gives_way).is_some_and(|entry| entry.owner == claim.victim_owner) {
        F::ct_remove(maps, &gives_way);
        if let Some(counts) = maps.limit(claim.owner) {
            counts.replaced += 1;
        }
    }
}

/// Takes the place of the present attempt if it is free (1); else looks whether its connection could
/// give way (0).
#[inline(always)]
pub fn free<F: Family, M: Maps>(maps: &mut M, claim: &mut Claim, key: &F::CtKey) -> u32 {
    let places = F::places(maps.node());
    let index = place_of::<F>(key, claim.owner, claim.probe, places);
    let Some(place) = F::place(maps, index) else {
        return 0;
    };
    let holder = *place;
    let (in_share, _) = attempt(claim.probe);
    let mut ended = false;
    if holder != F::CtKey::default() && holder != *key {
        if let Some(entry) = F::ct(maps, &holder) {
            ended = expired(entry.expires, claim.tick);
            // A connection that has become another pod's has no right to a place in this share.
            let is_strange = in_share && (entry.owner ^ claim.owner) & (SHARES - 1) != 0;
            if !ended && !is_strange {
                let is_own = in_share || entry.owner == claim.owner;
                let life = if is_own {
                    entry.expires.wrapping_sub(claim.tick)
                } else if entry.flags & SEEN_REPLY == 0 {
                    0
                } else {
                    u32::MAX
                };
                if entry.flags & DENIED == 0 && life < claim.life {
                    claim.life = life;
                    claim.victim = index + 1;
                    claim.victim_owner = entry.owner;
                }
                return 0;
            }
        }
        if ended {
            F::ct_remove(maps, &holder);
        }
    }
    if let Some(place) = F::place(maps, index) {
        *place = *key;
    }
    1
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn each_half_is_tried_eight_times() {
        let attempts: Vec<_> = (0..ATTEMPTS).map(attempt).collect();
        for in_share in [true, false] {
            let of_half = attempts.iter().filter(|(share, _)| *share == in_share);
            let numbers: Vec<u32> = of_half.map(|(_, number)| *number).collect();
            assert_eq!(numbers, (0..PROBES).collect::<Vec<_>>(), "{in_share}");
        }
        let first: Vec<_> = attempts.iter().take(4).map(|(share, _)| *share).collect();
        assert_eq!(first, [true, true, false, false]);
    }
}
