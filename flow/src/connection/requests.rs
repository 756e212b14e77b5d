//! The requests of layer 7 that connections carried, as proxies told.
//!
//! A proxy tells each request once for each end whose rules it judged by: of the two numbers the greater
//! one is how many there were. They are kept by the two ends with their ports, apart from the legs, since
//! nodes and proxies may be heard in any order; which connection they were on, of several between the same
//! ports, is worked out when somebody reads.

use proto::flow::{TrafficDirection, Verdict};

use super::alike::Alike;
use super::{Connections, NONE, TupleId, pairs};
use crate::layer7::{Answered, answered, subject_number};
use crate::view::{Direction, FlowView, is_answer};

/// Connections of one pair of ports whose requests are kept apart: the oldest are counted together.
const MOST: usize = 16;

/// Requests of one connection of two ends.
#[derive(Debug)]
pub(super) struct Carried<K> {
    /// Unix ns of the first event.
    first: i64,
    /// Unix ns of the last one.
    last: i64,
    /// Requests as they were judged at the source and at the destination.
    judged: [u32; 2],
    denied: u32,
    /// Those that failed, of both ends.
    failed: [u32; 2],
    /// Answers, as they were told of both ends.
    answers: [u32; 2],
    /// Whether all asked the same, and were answered alike.
    alike: Alike,
    /// The newest answer to an allowed one or, without any, the newest of those. Of what one DNS name was
    /// answered addresses say more than that there are none of another type.
    newest: Option<K>,
    /// Its time, and whether it is an answer.
    rank: (i64, bool),
    /// What it asked for, if that has addresses.
    addresses_of: Option<u64>,
    /// What it and the last denied request asked for, and at which end that was told.
    newest_of: Option<(u64, usize)>,
    denied_of: Option<(u64, usize)>,
    /// Times of the last requests that were allowed and denied: what answers a denied one is the proxy.
    asked: [i64; 2],
}

/// What is told of the requests that a connection carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests<'a, K> {
    /// All, the denied ones too.
    pub total: u64,
    /// Those that no rule allowed.
    pub denied: u64,
    /// Those that were allowed, and failed on the way.
    pub failed: u64,
    /// What is kept of the newest event of an allowed one: an answer, or a request.
    pub newest: Option<&'a K>,
    /// If all asked the same, and nothing of it is open or has failed: what became of them.
    pub alike: Option<Answered>,
}

/// What a proxy tells of a request or of its answer.
pub(super) struct RequestEvent {
    /// Unix ns.
    pub(super) time: i64,
    is_answer: bool,
    end: Direction,
    verdict: Verdict,
    /// Alike for requests that ask the same, and their answers.
    subject: Option<u64>,
    /// Of an answer.
    answered: Option<Answered>,
}

impl RequestEvent {
    pub(super) fn of<V: FlowView>(flow: &V) -> Self {
        let is_answer = is_answer(flow);
        let layer7 = flow.l7();
        Self {
            time: flow.time_ns().unwrap_or(0),
            is_answer,
            subject: layer7.and_then(subject_number),
            answered: layer7.filter(|_| is_answer).map(answered),
            end: match flow.direction() {
                TrafficDirection::Ingress => Direction::Ingress,
                TrafficDirection::Egress | TrafficDirection::Unknown => Direction::Egress,
            },
            verdict: flow.verdict(),
        }
    }
}

impl<K> Carried<K> {
    fn new(time: i64) -> Self {
        Self {
            first: time,
            last: time,
            judged: [0; 2],
            denied: 0,
            failed: [0; 2],
            answers: [0; 2],
            alike: Alike::default(),
            newest: None,
            rank: (i64::MIN, false),
            addresses_of: None,
            newest_of: None,
            denied_of: None,
            asked: [i64::MIN; 2],
        }
    }

    fn take(&mut self, event: &RequestEvent, keep: impl FnOnce() -> K) {
        self.first = self.first.min(event.time);
        self.last = self.last.max(event.time);
        let is_denied = event.verdict == Verdict::Dropped && !event.is_answer;
        let at = usize::from(event.end == Direction::Ingress);
        if event.verdict == Verdict::Error {
            self.failed[at] = self.failed[at].saturating_add(1);
        } else if !event.is_answer {
            self.judged[at] = self.judged[at].saturating_add(1);
            self.denied = self.denied.saturating_add(is_denied.into());
        }
        if event.is_answer {
            self.answers[at] = self.answers[at].saturating_add(1);
        }
        self.alike.take(event.subject, event.answered);
        if !event.is_answer {
            let last = &mut self.asked[usize::from(is_denied)];
            *last = event.time.max(*last);
        }
        let [allowed, denied] = self.asked;
        // What the other end's rules denied was not allowed, and its answer is the proxy's own.
        let asked = if event.is_answer { allowed } else { event.time };
        let is_refusal = is_denied || denied > i64::MIN && denied >= asked;
        let (time, is_answer) = self.rank;
        // The other end's proxy had allowed it and passed the refusal on, and may be heard first or last: agents
        // give what comes late the time at which it comes.
        let elsewhere = event.subject.map(|subject| (subject, 1 - at));
        let is_same_elsewhere =
            |told: Option<(u64, usize)>| elsewhere.is_some() && told == elsewhere;
        if is_denied && (!is_answer && time <= event.time || is_same_elsewhere(self.newest_of)) {
            (self.newest, self.rank) = (None, (i64::MIN, false));
            (self.addresses_of, self.newest_of) = (None, None);
        }
        if is_denied {
            self.denied_of = event.subject.map(|subject| (subject, at));
        }
        if is_refusal || is_same_elsewhere(self.denied_of) {
            return;
        }
        let has_addresses = event.answered == Some(Answered::Addresses);
        let is_same = self.alike.is_one() && self.newest.is_some();
        let says_more = match (is_same, self.addresses_of.is_some(), has_addresses) {
            // Of one name: either type may be answered first.
            (true, false, true) => true,
            (true, true, false) => false,
            _ => (event.is_answer || !is_answer) && event.time >= time,
        };
        if says_more {
            self.rank = (event.time.max(time), event.is_answer);
            self.newest = Some(keep());
            self.newest_of = event.subject.map(|subject| (subject, at));
            self.addresses_of = event.subject.filter(|_| has_addresses);
        }
    }
}

/// What several parts of one connection's requests are together: another leg may have begun between a request
/// and its answer.
struct Sum<'a, K> {
    /// As in [`Carried`].
    judged: [u64; 2],
    denied: u64,
    failed: [u64; 2],
    answers: [u64; 2],
    newest: Option<&'a K>,
    alike: Alike,
}

impl<'a, K> Sum<'a, K> {
    const NOTHING: Self = Self {
        judged: [0; 2],
        denied: 0,
        failed: [0; 2],
        answers: [0; 2],
        newest: None,
        alike: Alike::Nothing,
    };

    fn and(self, carried: &'a Carried<K>) -> Self {
        // Each end by itself: one may have told its own in one part, and the other in the next.
        let sum = |[one, other]: [u64; 2], more: [u32; 2]| {
            [one + u64::from(more[0]), other + u64::from(more[1])]
        };
        Self {
            judged: sum(self.judged, carried.judged),
            denied: self.denied + u64::from(carried.denied),
            failed: sum(self.failed, carried.failed),
            answers: sum(self.answers, carried.answers),
            newest: carried.newest.as_ref().or(self.newest),
            alike: self.alike.and(carried.alike),
        }
    }

    /// With what became of all of them.
    fn told(self) -> Requests<'a, K> {
        let [judged, failed, answers] =
            [self.judged, self.failed, self.answers].map(|[one, other]| one.max(other));
        // Of one that failed the request itself may be told, or not.
        let total = judged.max(failed);
        let alike = match self.denied {
            _ if failed > 0 || total == 0 => None,
            0 if answers >= total => self.alike.answered(),
            denied if denied >= total && self.alike.is_one() => Some(Answered::Refused),
            _ => None,
        };
        Requests {
            total,
            denied: self.denied,
            failed,
            newest: self.newest,
            alike,
        }
    }
}

/// The place of a tuple without requests takes only this.
pub(super) type CarriedList<K> = Option<Box<Vec<Carried<K>>>>;

impl<K> Connections<K> {
    /// Takes a request of two ends in, or an answer.
    pub(super) fn take_request(&mut self, at: u32, event: &RequestEvent, keep: impl FnOnce() -> K) {
        let Some(tuple) = self.tuples.get_mut(at) else {
            return;
        };
        let (head, legs) = (tuple.head, &self.legs);
        let all = tuple.carried.get_or_insert_default();
        let begun_between = |from: i64, to: i64| {
            let is_between = |start: i64| start > from && start <= to;
            // A leg may be the same connection's, as the other node sees it.
            legs.chain(head).any(|leg| is_between(leg.start)) && {
                let legs: Vec<_> = legs.chain(head).collect();
                pairs::of(&legs).iter().map(pairs::start).any(is_between)
            }
        };
        // The newest that it may belong to, unless another connection began between.
        let known = all.iter_mut().rev();
        let mut known = known.skip_while(|carried| carried.first > event.time);
        match known.next() {
            Some(carried) if !begun_between(carried.last, event.time) => {
                return carried.take(event, keep);
            }
            Some(_) => {}
            None => {
                // Older than all.
                if let Some(carried) = all.first_mut()
                    && !begun_between(event.time, carried.first)
                {
                    return carried.take(event, keep);
                }
            }
        }
        let mut carried = Carried::new(event.time);
        carried.take(event, keep);
        let place = all.partition_point(|known| known.first <= event.time);
        if all.len() < MOST {
            all.insert(place, carried);
        } else if let Some(nearest) = all.get_mut(place.saturating_sub(1)) {
            nearest.last = nearest.last.max(carried.last);
            nearest.judged = [0, 1].map(|at| nearest.judged[at].saturating_add(carried.judged[at]));
            nearest.denied = nearest.denied.saturating_add(carried.denied);
            nearest.failed = [0, 1].map(|at| nearest.failed[at].saturating_add(carried.failed[at]));
            nearest.alike = Alike::Different;
            nearest.newest = carried.newest.or(nearest.newest.take());
            nearest.newest_of = carried.newest_of.or(nearest.newest_of);
            nearest.rank = carried.rank;
        }
    }

    /// The requests of two ends that were on the connection which lived in a time (Unix ns, the second not
    /// included).
    pub(super) fn requests_of(&self, of: TupleId, (from, to): (i64, i64)) -> Requests<'_, K> {
        let all = self.tuples.get(of.0).and_then(|of| of.carried.as_deref());
        let all = all.into_iter().flatten();
        all.filter(|carried| carried.last >= from && carried.last < to)
            .fold(Sum::NOTHING, Sum::and)
            .told()
    }

    /// When two ends were heard of last, in an event of any kind (Unix ns); `None` if they are forgotten.
    pub fn last_of(&self, id: TupleId) -> Option<i64> {
        let tuple = self.tuples.get(id.0)?;
        let legs = self.legs_of(tuple.head);
        let carried = tuple.carried.iter().flat_map(|all| all.iter());
        let last = legs.iter().map(|leg| leg.last);
        last.chain(carried.map(|carried| carried.last)).max()
    }

    /// Whether something is held that is kept of the requests of two ends.
    pub(super) fn holds_request(&self, at: u32, holds: impl Fn(&K) -> bool) -> bool {
        let tuple = self.tuples.get(at);
        let carried = tuple.and_then(|tuple| tuple.carried.as_deref());
        let mut kept = carried.into_iter().flatten();
        kept.any(|carried| carried.newest.as_ref().is_some_and(&holds))
    }
}

// Most pairs of ends carry nothing that a proxy read.
const _: () = assert!(size_of::<CarriedList<u64>>() == size_of::<usize>() && NONE == u32::MAX);
