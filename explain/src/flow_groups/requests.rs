//! Recorded requests of layer 7 by what they asked, within the groups of their connections.

use std::collections::HashMap;

use crate::trace::{REDACTED, Request};

/// The most requests that are told apart; others are counted as [`RequestGroups::beyond`].
const REQUESTS: usize = 1 << 16;
/// The longest path, bytes, of a request that is kept.
const LONGEST: usize = 2048;

/// Requests between two ends on one port that ask the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestGroup {
    /// Place of their connections' group.
    pub connections: usize,
    /// What they ask.
    pub request: Request,
    /// How many were recorded at the source, and how many at the destination: each end has its own rules.
    at_ends: [u64; 2],
    /// Records of requests that were let through.
    pub allowed: u64,
    /// Records of requests that no rule allowed.
    pub denied: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub struct RequestGroups {
    groups: Vec<RequestGroup>,
    index: HashMap<(usize, u64), usize>,
    beyond: u64,
    unreadable: u64,
}

/// What a flow tells of a request beside what is asked.
#[derive(Clone, Copy, Debug)]
pub struct ObservedRequest {
    /// A number for what is asked, alike for all that ask the same.
    pub number: u64,
    /// It was judged by the rules of its source.
    pub at_source: bool,
    /// Whether it was let through; `None` if the flow doesn't tell.
    pub allowed: Option<bool>,
}

impl RequestGroup {
    /// How many requests.
    pub fn requests(&self) -> u64 {
        let [source, destination] = self.at_ends;
        source.max(destination)
    }

    /// Whether the proxy kept the values of some headers to itself.
    pub fn is_redacted(&self) -> bool {
        match &self.request {
            Request::Http { headers, .. } => headers.iter().any(|(_, value)| value == REDACTED),
            Request::Dns(_) | Request::Kafka { .. } | Request::Tls(_) => false,
        }
    }
}

impl RequestGroups {
    /// Takes one of a group of connections. `request` reads it, if it is the first that asks this.
    pub(super) fn add(
        &mut self,
        connections: usize,
        observed: ObservedRequest,
        request: impl FnOnce() -> Option<Request>,
    ) {
        let key = (connections, observed.number);
        let index = match self.index.get(&key) {
            Some(known) => *known,
            None if self.groups.len() >= REQUESTS => {
                self.beyond += 1;
                return;
            }
            None => match request().filter(is_kept) {
                Some(request) => {
                    self.groups.push(RequestGroup {
                        connections,
                        request,
                        at_ends: [0; 2],
                        allowed: 0,
                        denied: 0,
                    });
                    self.index.insert(key, self.groups.len() - 1);
                    self.groups.len() - 1
                }
                None => {
                    self.unreadable += 1;
                    return;
                }
            },
        };
        let group = &mut self.groups[index];
        group.at_ends[usize::from(!observed.at_source)] += 1;
        match observed.allowed {
            Some(true) => group.allowed += 1,
            Some(false) => group.denied += 1,
            None => {}
        }
    }

    /// The groups, in the order of their first requests.
    pub fn groups(&self) -> &[RequestGroup] {
        &self.groups
    }

    /// Requests in no group, since too many are told apart.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Requests of which the flow tells too little, or that are too long.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

fn is_kept(request: &Request) -> bool {
    match request {
        Request::Http {
            method,
            path,
            host,
            headers,
        } => {
            let headers = headers.iter();
            let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
            method.len() + path.len() + host.len() + headers <= 2 * LONGEST && path.len() <= LONGEST
        }
        Request::Dns(_) | Request::Kafka { .. } | Request::Tls(_) => true,
    }
}
