//! What a change would have done to requests that were recorded, on connections that stay allowed.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::Direction;

use super::{Comparison, RequestsBecame};
use crate::connectivity::{PeerGroup, allows};
use crate::flow_groups::{FlowGroups, RecordedPeer, RequestGroup};
use crate::trace::Request;

/// Requests that were recorded and would be decided otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestImpact {
    /// Newly denied ones first, then those of most requests.
    pub changes: Vec<RecordedRequestChange>,
    /// All requests that were looked at.
    pub requests: u64,
    /// Requests of which nothing can be said: they depend on values of headers that are not recorded.
    pub unknown: u64,
    /// Requests that were not looked at: too long, too many kinds of them, or the flow doesn't tell them.
    pub not_looked_at: u64,
}

/// Requests between two groups on one port that ask the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequestChange {
    /// What would become of them: never [`RequestsBecame::Restricted`].
    pub became: RequestsBecame,
    /// Who sent them.
    pub source: Arc<PeerGroup>,
    /// To whom.
    pub destination: Arc<PeerGroup>,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the destination.
    pub port: u16,
    /// What they ask, without the query of a URL: `HTTP GET /cart`.
    pub request: String,
    /// How many requests.
    pub requests: u64,
    /// Source and destination of the most of them.
    pub example: [RecordedPeer; 2],
    /// What each end that reads them says after the change, in the order of a request's way.
    pub ends: Vec<(Direction, String)>,
}

/// A change while it is summed up.
struct Sum {
    requests: u64,
    most: u64,
    example: usize,
    ends: Vec<(Direction, String)>,
}

/// What changes are told together by: what becomes, from whom to whom, on which port, what was asked.
type Key = (RequestsBecame, usize, usize, u8, u16, String);

impl Comparison {
    /// Judges each kind of recorded request as before and as after. Those of connections that change are not
    /// counted: the connections are.
    pub fn request_impact(&self, flows: &FlowGroups) -> RequestImpact {
        let groups = flows.requests().groups();
        let mut impact = RequestImpact {
            not_looked_at: flows.requests().beyond() + flows.requests().unreadable(),
            ..RequestImpact::default()
        };
        if groups.is_empty() {
            return impact;
        }
        let (locator, members) = (self.connectivity.locator(), self.connectivity.members());
        let judge = self
            .connectivity
            .judge(groups.iter().any(RequestGroup::is_redacted));
        let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
        for group in groups {
            let requests = group.requests();
            impact.requests += requests;
            let connections = &flows.groups()[group.connections];
            let ends = [&connections.source, &connections.destination];
            let [Some(source), Some(destination)] = ends.map(|end| locator.find(end)) else {
                impact.not_looked_at += requests;
                continue;
            };
            let pair = [&members[source].ends, &members[destination].ends];
            let (protocol, port) = (connections.protocol, connections.port);
            let decisions = self.connectivity.decide(pair, protocol, port);
            if !decisions.iter().all(allows) {
                continue;
            }
            let said = |decisions: &crate::connectivity::Decisions| {
                decisions.map(|end| end.map(|end| end.requests).unwrap_or_default())
            };
            if said(&decisions[0]) == said(&decisions[1]) {
                // The same rules say the same, whatever that is.
                continue;
            }
            let is_redacted = group.is_redacted();
            let on = (protocol, port);
            let connectivity = &self.connectivity;
            let [before, after] =
                connectivity.judge_request(&judge, pair, on, &group.request, is_redacted);
            let was_allowed = match before.allowed == before.may_be_allowed {
                true => Some(before.allowed),
                false if group.allowed > 0 => Some(true),
                false if group.denied > 0 => Some(false),
                false => None,
            };
            let is_allowed = (after.allowed == after.may_be_allowed).then_some(after.allowed);
            let (Some(was_allowed), Some(is_allowed)) = (was_allowed, is_allowed) else {
                impact.unknown += requests;
                continue;
            };
            let became = match (was_allowed, is_allowed) {
                (true, false) => RequestsBecame::Denied,
                (false, true) => RequestsBecame::Allowed,
                (true, true) | (false, false) => continue,
            };
            let asked = without_query(&group.request);
            let sum = sums
                .entry((became, source, destination, protocol, port, asked))
                .or_insert_with(|| Sum {
                    requests: 0,
                    most: 0,
                    example: group.connections,
                    ends: Vec::new(),
                });
            sum.requests += requests;
            if requests > sum.most {
                let ends = Direction::ALL.into_iter().zip(after.ends);
                let ends =
                    ends.filter_map(|(direction, said)| Some((direction, said?.to_string())));
                let mut ends: Vec<_> = ends.collect();
                ends.reverse();
                (sum.most, sum.example, sum.ends) = (requests, group.connections, ends);
            }
        }
        impact.changes = sums
            .into_iter()
            .map(
                |((became, source, destination, protocol, port, request), sum)| {
                    let example = &flows.groups()[sum.example];
                    RecordedRequestChange {
                        became,
                        source: Arc::clone(&members[source].group),
                        destination: Arc::clone(&members[destination].group),
                        protocol,
                        port,
                        request,
                        requests: sum.requests,
                        example: [example.source.clone(), example.destination.clone()],
                        ends: sum.ends,
                    }
                },
            )
            .collect();
        impact
            .changes
            .sort_by_key(|change| (change.became, std::cmp::Reverse(change.requests)));
        impact
    }
}

impl RequestImpact {
    /// Requests that become so.
    pub fn requests(&self, became: RequestsBecame) -> u64 {
        let changes = self.changes.iter().filter(|change| change.became == became);
        changes.map(|change| change.requests).sum()
    }
}

fn without_query(request: &Request) -> String {
    let text = request.to_string();
    match (request, text.split_once('?')) {
        (Request::Http { .. }, Some((text, _))) => text.to_owned(),
        (Request::Http { .. } | Request::Dns(_) | Request::Kafka { .. } | Request::Tls(_), _) => {
            text
        }
    }
}
