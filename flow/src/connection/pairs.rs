//! Which legs are one connection.

use super::leg::{Leg, bit};

/// Nodes' clocks differ by at most so much (ns), for what they saw to be taken for the same.
const CLOCKS: i64 = 5_000_000_000;

/// A leg, and the one of the other node.
pub(super) type Pair<'a, K> = (&'a Leg<K>, Option<&'a Leg<K>>);

/// The connections that the legs of two ends are, the oldest first. Of the legs that may belong
/// together, those that began nearest to each other do; so it is the same whatever order they came in.
pub(super) fn of<'a, K>(legs: &[&'a Leg<K>]) -> Vec<Pair<'a, K>> {
    if let [one] = legs {
        return vec![(one, None)];
    }
    let mut likely = Vec::new();
    for (at, one) in legs.iter().enumerate() {
        for (of, other) in legs.iter().enumerate().skip(at + 1) {
            if let Some(distance) = distance(one, other, legs) {
                likely.push((distance, one.start.min(other.start), at, of));
            }
        }
    }
    likely.sort_unstable();
    let mut partner = vec![None; legs.len()];
    for (_, _, one, other) in likely {
        if partner[one].is_none() && partner[other].is_none() {
            partner[one] = Some(other);
            partner[other] = Some(one);
        }
    }
    let mut pairs = Vec::with_capacity(legs.len());
    for (at, leg) in legs.iter().enumerate() {
        match partner[at] {
            Some(other) if other < at => {}
            Some(other) => pairs.push((*leg, Some(legs[other]))),
            None => pairs.push((*leg, None)),
        }
    }
    pairs.sort_by_key(|pair| (start(pair), pair.0.node));
    pairs
}

/// When a connection began, Unix ns.
pub(super) fn start<K>((one, other): &Pair<'_, K>) -> i64 {
    other.map_or(one.start, |other| other.start.min(one.start))
}

/// How far apart two legs began, if they may be one connection's.
fn distance<K>(one: &Leg<K>, other: &Leg<K>, all: &[&Leg<K>]) -> Option<i64> {
    if one.node == other.node {
        return None;
    }
    // Each end is judged by one node.
    let ends = [one, other].map(|leg| leg.bits & (bit::EGRESS | bit::INGRESS));
    if ends[0] & ends[1] != 0 {
        return None;
    }
    let overlaps = one.start <= end(other, all).saturating_add(CLOCKS)
        && other.start <= end(one, all).saturating_add(CLOCKS);
    overlaps.then(|| {
        one.start
            .abs_diff(other.start)
            .try_into()
            .unwrap_or(i64::MAX)
    })
}

/// Until when more may have happened that its node did not tell.
fn end<K>(leg: &Leg<K>, all: &[&Leg<K>]) -> i64 {
    if leg.is_over() || leg.has(bit::DROPPED) {
        return leg.last;
    }
    let later = all
        .iter()
        .filter(|other| other.node == leg.node && other.start > leg.start);
    later.map(|other| other.start).min().unwrap_or(i64::MAX)
}
