//! What became of a connection.

use super::leg::{Leg, bit};
use crate::view::{ConnectionState as State, Direction, Transport};

/// How long (ns) an answer may take before it is said that there is none.
const PATIENCE: i64 = 3_000_000_000;

/// How a connection was judged, over both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Allowed wherever it was judged, and it was judged at each pod.
    Allowed,
    /// Dropped. What passed at one end and was dropped at the other is dropped.
    Denied {
        /// At the veth of which end; `None` if that isn't told.
        at: Option<Direction>,
    },
    /// It passed, and policy would have denied it at an end if it were enforced there.
    Audited,
    /// It left its source, and nothing is known of the pod that it goes to: that pod's node told
    /// nothing, and no answer was seen.
    Unconfirmed,
}

/// How both legs were judged.
pub(super) fn outcome<K>(one: &Leg<K>, other: Option<&Leg<K>>) -> Outcome {
    let mut dropped: Option<&Leg<K>> = None;
    let mut bits = 0;
    for leg in [Some(one), other].into_iter().flatten() {
        bits |= leg.bits;
        // A packet gets to the destination's node only by passing at its source.
        let rank = |leg: &Leg<K>| (leg.has(bit::INGRESS), leg.last);
        if leg.has(bit::DROPPED) && dropped.is_none_or(|known| rank(known) < rank(leg)) {
            dropped = Some(leg);
        }
    }
    if let Some(leg) = dropped {
        let at = match () {
            () if leg.has(bit::AT_EGRESS) => Some(Direction::Egress),
            () if leg.has(bit::AT_INGRESS) => Some(Direction::Ingress),
            () => None,
        };
        return Outcome::Denied { at };
    }
    if bits & bit::AUDITED != 0 {
        return Outcome::Audited;
    }
    // Of a pod some node must have said that it let the packet in.
    match bits & (bit::LET_IN | bit::REPLIED) != 0 || bits & bit::TO_POD == 0 {
        true => Outcome::Allowed,
        false => Outcome::Unconfirmed,
    }
}

/// How it stands at a moment (Unix ns).
pub(super) fn state<K>(
    one: &Leg<K>,
    other: Option<&Leg<K>>,
    transport: Option<Transport>,
    now: i64,
) -> State {
    let (mut bits, mut replies, mut start, mut is_over) = (0, 0, i64::MAX, false);
    for leg in [Some(one), other].into_iter().flatten() {
        bits |= leg.bits;
        replies = leg.packets[1].max(replies);
        start = leg.start.min(start);
        is_over |= leg.is_over();
    }
    let has = |of: u32| bits & of != 0;
    if has(bit::DROPPED) {
        return State::Denied;
    }
    if transport == Some(Transport::Tcp) {
        if has(bit::RST_REPLY) && !has(bit::SYN_REPLY) && replies <= 1 {
            return State::Refused;
        }
        if has(bit::RST_FORWARD | bit::RST_REPLY) {
            return State::Reset;
        }
        if is_over {
            return State::Closed;
        }
    }
    if has(bit::REPLIED) {
        return match transport {
            Some(Transport::Tcp | Transport::Sctp) => State::Open,
            Some(
                Transport::Udp
                | Transport::IcmpV4
                | Transport::IcmpV6
                | Transport::Vrrp
                | Transport::Igmp,
            )
            | None => State::Answered,
        };
    }
    match now.saturating_sub(start) > PATIENCE {
        true => State::NoAnswer,
        false => State::Opening,
    }
}
