//! What one node told of a connection.

use super::event::Event;
use super::{NONE, NodeId};
use crate::view::{Direction, tcp};

/// After so long without a word (ns) something new is another connection: longer than the time-out of
/// what isn't TCP (60 s, Cilium's default) and than the pauses between a SYN's repetitions.
const SILENCE: i64 = 150_000_000_000;
/// A connection that has ended stays known for so long (ns) for what is still on its way.
const LINGER: i64 = 10_000_000_000;
/// Events of one packet by a server that doesn't say where connections begin come within so long (ns).
const BURST: i64 = 1_000_000_000;

/// What is known of a leg, bit by bit.
pub(super) mod bit {
    /// Its beginning was told.
    pub(in crate::connection) const BEGUN: u32 = 1 << 0;
    /// The last packet that was judged was dropped.
    pub(in crate::connection) const DROPPED: u32 = 1 << 1;
    /// The drop was at the source.
    pub(in crate::connection) const AT_EGRESS: u32 = 1 << 2;
    /// The drop was at the destination.
    pub(in crate::connection) const AT_INGRESS: u32 = 1 << 3;
    /// Judged at the source.
    pub(in crate::connection) const EGRESS: u32 = 1 << 4;
    /// Judged at the destination.
    pub(in crate::connection) const INGRESS: u32 = 1 << 5;
    /// A packet of it passed.
    pub(in crate::connection) const PASSED: u32 = 1 << 6;
    /// A packet of the reply was seen.
    pub(in crate::connection) const REPLIED: u32 = 1 << 7;
    /// The node said that it ended.
    pub(in crate::connection) const ENDED: u32 = 1 << 8;
    /// FIN of who opened it.
    pub(in crate::connection) const FIN_FORWARD: u32 = 1 << 9;
    /// FIN of the other.
    pub(in crate::connection) const FIN_REPLY: u32 = 1 << 10;
    /// RST of who opened it.
    pub(in crate::connection) const RST_FORWARD: u32 = 1 << 11;
    /// RST of the other.
    pub(in crate::connection) const RST_REPLY: u32 = 1 << 12;
    /// SYN of the other: the handshake was answered.
    pub(in crate::connection) const SYN_REPLY: u32 = 1 << 13;
    /// The node tells where connections begin and end.
    pub(in crate::connection) const OURS: u32 = 1 << 14;
    /// The witness names who decided.
    pub(in crate::connection) const NAMED: u32 = 1 << 15;
    /// The destination let a packet in.
    pub(in crate::connection) const LET_IN: u32 = 1 << 18;
    /// A packet of it would have been dropped, if policy were enforced.
    pub(in crate::connection) const AUDITED: u32 = 1 << 19;
    /// Its source is a pod.
    pub(in crate::connection) const FROM_POD: u32 = 1 << 16;
    /// Its destination is a pod.
    pub(in crate::connection) const TO_POD: u32 = 1 << 17;
}

/// See the module. 72 bytes, with a witness of 8.
#[derive(Debug)]
pub(super) struct Leg<K> {
    pub(super) witness: K,
    /// Unix ns of its first event.
    pub(super) start: i64,
    /// Unix ns of its last one.
    pub(super) last: i64,
    /// Bytes forward and reply.
    pub(super) bytes: [u64; 2],
    /// Packets forward and reply.
    pub(super) packets: [u32; 2],
    /// The next older leg of the same ends.
    pub(super) next: u32,
    pub(super) node: NodeId,
    /// Packets that were dropped.
    pub(super) drops: u32,
    /// Round trip of the handshake, us; 0: not known.
    pub(super) rtt_us: u32,
    pub(super) bits: u32,
    /// Number among all legs, in the order in which they were begun.
    pub(super) serial: u32,
}

impl<K> Leg<K> {
    pub(super) fn new(event: &Event, witness: K, serial: u32) -> Self {
        let mut leg = Self {
            witness,
            start: event.time,
            last: i64::MIN,
            bytes: [0; 2],
            packets: [0; 2],
            next: NONE,
            serial,
            node: event.node,
            drops: 0,
            rtt_us: 0,
            bits: 0,
        };
        leg.add(event);
        leg.set(bit::NAMED, event.names_policies);
        leg
    }

    pub(super) fn has(&self, bits: u32) -> bool {
        self.bits & bits != 0
    }

    fn set(&mut self, bits: u32, is: bool) {
        self.bits = if is {
            self.bits | bits
        } else {
            self.bits & !bits
        };
    }

    /// Whether an event, not older than the leg's start, is of this leg.
    pub(super) fn continues(&self, event: &Event) -> bool {
        let since = event.time.saturating_sub(self.last);
        if since <= 0 {
            return true;
        }
        let is_waiting = self.has(bit::DROPPED) || !self.has(bit::REPLIED);
        if since > SILENCE && (event.is_new || is_waiting) {
            return false;
        }
        // Nobody asks again for what was answered.
        if event.is_syn && self.has(bit::REPLIED) {
            return false;
        }
        if self.is_over() {
            return !event.is_new && since <= LINGER;
        }
        // Told by the packet's further flows, or opened at last by a packet sent again.
        !event.is_new
            || !self.has(bit::PASSED)
            || self.has(bit::DROPPED)
            || (!self.has(bit::OURS) && since <= BURST)
    }

    /// Whether an event from before the leg's start is of it.
    pub(super) fn begins_before(&self, event: &Event) -> bool {
        let before = self.start.saturating_sub(event.time);
        !self.has(bit::BEGUN) && (before <= SILENCE || !self.has(bit::DROPPED)) && !event.is_end
    }

    /// Takes in an event of this leg.
    pub(super) fn take(&mut self, event: &Event, keep: impl FnOnce() -> K) {
        if self.becomes_witness(event) {
            self.witness = keep();
            self.set(bit::NAMED, event.names_policies);
        }
        self.add(event);
    }

    /// The latest event tells most: names, rules and volumes as they are now. Of what was dropped it is a
    /// drop, of what passes at last one that passed; and among those nothing takes the place of what names
    /// the rules but what does, too.
    fn becomes_witness(&self, event: &Event) -> bool {
        let is_drop = event.dropped.is_some();
        if event.time >= self.last && is_drop && !self.has(bit::DROPPED)
            || event.time > self.last && self.is_cleared_by(event)
        {
            return true;
        }
        if is_drop != self.has(bit::DROPPED) {
            return false;
        }
        if event.names_policies != self.has(bit::NAMED) {
            return event.names_policies;
        }
        event.time > self.last || event.time == self.last && event.dropped.is_some()
    }

    /// Whether an event says that what was dropped passes now: that its source let it out doesn't mean that
    /// its destination let it in.
    fn is_cleared_by(&self, event: &Event) -> bool {
        let judged_there = event.judged[1] || event.is_reply;
        event.dropped.is_none()
            && self.has(bit::DROPPED)
            && (judged_there || !self.has(bit::AT_INGRESS))
    }

    fn add(&mut self, event: &Event) {
        // Of one packet: told again, or by another of its flows.
        let is_same = event.time == self.last;
        let is_later = event.time > self.last;
        if let Some(end) = event.dropped {
            if is_later || is_same && !self.has(bit::DROPPED) {
                let more = u32::try_from(event.limited).unwrap_or(u32::MAX);
                self.drops = self.drops.saturating_add(1).saturating_add(more);
                self.set(bit::DROPPED, true);
            }
            if is_later || is_same {
                self.set(bit::AT_EGRESS, end == Some(Direction::Egress));
                self.set(bit::AT_INGRESS, end == Some(Direction::Ingress));
            }
        } else {
            self.bits |= bit::PASSED;
            self.set(bit::LET_IN, self.has(bit::LET_IN) || event.judged[1]);
            if is_later && self.is_cleared_by(event) {
                self.set(bit::DROPPED | bit::AT_EGRESS | bit::AT_INGRESS, false);
            }
        }
        self.add_bits(event);
        for (at, volume) in event.volume.iter().enumerate() {
            if let Some(volume) = volume {
                let packets = u32::try_from(volume.packets).unwrap_or(u32::MAX);
                self.packets[at] = self.packets[at].max(packets);
                self.bytes[at] = self.bytes[at].max(volume.bytes);
            }
        }
        self.rtt_us = self.rtt_us.max(event.rtt_us.unwrap_or(0));
        self.start = self.start.min(event.time);
        self.last = self.last.max(event.time);
    }

    fn add_bits(&mut self, event: &Event) {
        let passed = event.dropped.is_none();
        let flag = |bits: u16| event.tcp_flags & bits != 0 && passed;
        let either = |forward, reply| if event.is_reply { reply } else { forward };
        let is_reply = passed && event.is_reply;
        let answered = event.volume[1].is_some_and(|volume| volume.packets > 0);
        for (bits, is) in [
            (bit::BEGUN, event.is_new),
            (bit::EGRESS, event.judged[0]),
            (bit::INGRESS, event.judged[1]),
            (bit::REPLIED, is_reply || answered),
            (bit::ENDED, event.is_end),
            (bit::OURS, event.is_ours),
            (bit::FROM_POD, event.pods[0]),
            (bit::TO_POD, event.pods[1]),
            (bit::AUDITED, event.audited),
            (either(bit::FIN_FORWARD, bit::FIN_REPLY), flag(tcp::FIN)),
            (either(bit::RST_FORWARD, bit::RST_REPLY), flag(tcp::RST)),
            (bit::SYN_REPLY, is_reply && flag(tcp::SYN)),
        ] {
            if is {
                self.bits |= bits;
            }
        }
    }

    /// Nothing more is to come of it, but what is still on its way.
    pub(super) fn is_over(&self) -> bool {
        const BOTH: u32 = bit::FIN_FORWARD | bit::FIN_REPLY;
        self.has(bit::ENDED | bit::RST_FORWARD | bit::RST_REPLY) || self.bits & BOTH == BOTH
    }
}

// A free place takes no room of its own, and both legs and their ends stay below 200 bytes.
const _: () = assert!(size_of::<Option<Leg<u64>>>() == 72);
