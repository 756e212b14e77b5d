//! Which requests an edge carries: the rules of layer 7 that let them through, and how many of each were recorded.

use std::collections::HashMap;

use policy::Direction;

use crate::connectivity::{Connectivity, PortSet, RequestSet, RuleJudge};
use crate::flow_groups::FlowGroups;
use crate::trace::Request;

/// What an end that reads requests lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedRequests {
    /// Whose rules these are: the source's egress, or the destination's ingress.
    pub direction: Direction,
    /// The rules; none: nothing is let through.
    pub rules: Vec<RuleUse>,
}

/// A rule of layer 7, and how often it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleUse {
    /// `HTTP GET /metrics`.
    pub text: String,
    /// Recorded requests that it allows and that were let through; `None`: no flows were looked at.
    pub requests: Option<u64>,
}

/// Protocol, port, what was asked, how often.
type Asked = (u8, u16, Request, u64);

/// Recorded requests that were let through.
#[derive(Debug, Default)]
pub(super) struct RecordedRequests {
    /// By source and destination.
    by_pair: HashMap<(usize, usize), Vec<Asked>>,
}

impl RecordedRequests {
    pub(super) fn new(connectivity: &Connectivity<1>, flows: &FlowGroups) -> Self {
        let locator = connectivity.locator();
        let mut recorded = Self::default();
        let groups = flows.requests().groups().iter();
        for group in groups.filter(|group| group.allowed > 0) {
            let of = &flows.groups()[group.connections];
            let ends = [&of.source, &of.destination].map(|end| locator.find(end));
            if let [Some(source), Some(destination)] = ends {
                let number = group.requests().min(group.allowed);
                let request = (of.protocol, of.port, group.request.clone(), number);
                let of_pair = recorded.by_pair.entry((source, destination)).or_default();
                of_pair.push(request);
            }
        }
        recorded
    }

    /// Whether there are some between a pair on some ports.
    pub(super) fn has_any(&self, pair: (usize, usize), ports: &PortSet) -> bool {
        self.between(pair, ports).next().is_some()
    }

    fn between(
        &self,
        pair: (usize, usize),
        ports: &PortSet,
    ) -> impl Iterator<Item = (&Request, u64)> {
        let of_pair = self.by_pair.get(&pair).into_iter().flatten();
        let on_ports = of_pair.filter(|(protocol, port, ..)| ports.contains(*protocol, *port));
        on_ports.map(|(_, _, request, number)| (request, *number))
    }
}

impl CarriedRequests {
    /// Of one end. `None`: it lets through whatever is sent.
    pub(super) fn new(
        direction: Direction,
        requests: &RequestSet,
        recorded: Option<&RecordedRequests>,
        pairs: impl Iterator<Item = (usize, usize)> + Clone,
        ports: &PortSet,
    ) -> Option<Self> {
        let RequestSet::Only(rules) = requests else {
            return None;
        };
        let rules = rules.iter().map(|rule| {
            let used = |recorded: &RecordedRequests| -> u64 {
                let judge = RuleJudge::new(&rule.item);
                let all = pairs.clone().flat_map(|pair| recorded.between(pair, ports));
                let by_this = all.filter(|(request, _)| judge.allows(request));
                by_this.map(|(_, number)| number).sum()
            };
            RuleUse {
                text: rule.text.clone(),
                requests: recorded.map(used),
            }
        });
        Some(Self {
            direction,
            rules: rules.collect(),
        })
    }
}
