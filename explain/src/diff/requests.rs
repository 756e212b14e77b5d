//! What a change does to requests on connections that stay allowed: by the rules of layer 7 of both ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::Direction;

use super::{ChangedEnd, Comparison};
use crate::connectivity::{
    Decisions, EndDecision, PeerGroup, PortSet, ReasonId, RequestRule, RequestSet, SpanDecisions,
    allows,
};

/// What becomes of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestsBecame {
    /// Whatever was sent was allowed, and only what the rules allow is now.
    Restricted,
    /// Rules that allowed them are gone.
    Denied,
    /// Rules allow them now, or nothing restricts what is sent any more.
    Allowed,
}

/// Requests between any of some sources and any of some destinations, on connections that are allowed before and
/// after, that change alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestChange {
    /// What becomes of them.
    pub became: RequestsBecame,
    /// Who sends them, by kind and name.
    pub sources: Vec<Arc<PeerGroup>>,
    /// To whom, likewise.
    pub destinations: Vec<Arc<PeerGroup>>,
    /// On which ports.
    pub ports: PortSet,
    /// The ends whose rules change, in the order of a request's way; never empty.
    pub ends: Vec<ChangedRequests>,
}

/// An end whose rules for requests change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedRequests {
    /// The end, and what decides about connections there.
    pub end: ChangedEnd,
    /// Of [`RequestsBecame::Denied`] the rules that are gone, of the others those that there are now; none of
    /// [`RequestsBecame::Restricted`]: nothing is allowed, none of [`RequestsBecame::Allowed`]: everything.
    pub rules: Vec<String>,
}

/// Of a change without its ends: what it is put together by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RequestKey {
    pub(super) became: RequestsBecame,
    pub(super) ends: Vec<(Direction, ReasonId, ReasonId, Vec<String>)>,
}

impl Comparison {
    /// What changes for requests of a pair, and on which ports.
    pub(super) fn request_changes(&self, spans: &[SpanDecisions<2>]) -> Vec<(RequestKey, PortSet)> {
        let mut changed: BTreeMap<RequestKey, Vec<_>> = BTreeMap::new();
        for SpanDecisions { span, decisions } in spans {
            for key in self.request_change(decisions) {
                changed.entry(key).or_default().push(*span);
            }
        }
        let changed = changed.into_iter();
        changed
            .map(|(key, spans)| (key, PortSet::from_spans(spans)))
            .collect()
    }

    /// What becomes of requests on a connection that is allowed before and after.
    fn request_change(&self, [before, after]: &[Decisions; 2]) -> Vec<RequestKey> {
        if !(allows(before) && allows(after)) {
            return Vec::new();
        }
        let mut keys: BTreeMap<RequestsBecame, Vec<_>> = BTreeMap::new();
        for (place, direction) in Direction::ALL.into_iter().enumerate() {
            let (Some(old), Some(new)) = (&before[place], &after[place]) else {
                continue;
            };
            if old.requests == new.requests {
                continue;
            }
            let other = |decisions: &Decisions| self.requests(decisions[1 - place].as_ref());
            let [was, is] = [old, new].map(|end| self.requests(Some(end)));
            let texts = |rules: Vec<&RequestRule>| -> Vec<String> {
                rules.iter().map(ToString::to_string).collect()
            };
            let mut add = |became, rules| {
                let end = (direction, old.reason, new.reason, rules);
                keys.entry(became).or_default().push(end);
            };
            match (was, is) {
                (RequestSet::Everything, RequestSet::Everything) => {}
                // What the other end never let through isn't missed, and isn't gained.
                (RequestSet::Everything, RequestSet::Only(rules)) => {
                    if other(before).passes(None, is) {
                        add(RequestsBecame::Restricted, texts(rules.iter().collect()));
                    }
                }
                (RequestSet::Only(_), RequestSet::Everything) => {
                    if other(after).passes(None, was) {
                        add(RequestsBecame::Allowed, Vec::new());
                    }
                }
                (RequestSet::Only(_), RequestSet::Only(_)) => {
                    let lost: Vec<_> = was.beyond(is, other(before)).collect();
                    let gained: Vec<_> = is.beyond(was, other(after)).collect();
                    if !lost.is_empty() {
                        add(RequestsBecame::Denied, texts(lost));
                    }
                    if !gained.is_empty() {
                        add(RequestsBecame::Allowed, texts(gained));
                    }
                }
            }
        }
        let keys = keys.into_iter();
        keys.map(|(became, mut ends)| {
            // A request meets the source's rules first.
            ends.reverse();
            RequestKey { became, ends }
        })
        .collect()
    }

    /// What an end lets through; where nobody is asked, everything.
    pub(super) fn requests(&self, end: Option<&EndDecision>) -> &RequestSet {
        let requests = end.map(|end| end.requests).unwrap_or_default();
        self.connectivity.requests(requests)
    }

    pub(super) fn changed_requests(&self, key: &RequestKey) -> Vec<ChangedRequests> {
        let reason = |id: &ReasonId| self.connectivity.reason(*id).cloned();
        let ends = key.ends.iter();
        let ends = ends.map(|(direction, before, after, rules)| ChangedRequests {
            end: ChangedEnd {
                direction: *direction,
                before: reason(before),
                after: reason(after),
            },
            rules: rules.clone(),
        });
        ends.collect()
    }
}
