//! Requests judged by the rules of layer 7 of all tables, as a proxy judges them.

use l7::http::RuleSpec;
use l7::rules::{Allows, Alternative, Item, Peers, RuleRef, Rules, Set, SetSpec, Snapshot};
use policy::Direction;
use policy::layer7::TablePortSets;

use super::{Connectivity, Ends, subject_and_peer};
use crate::trace::{PortQuery, Request, RequestVerdict, judge_port, rules_allow};

/// What both ends say of a request in one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// No end denies it.
    pub(crate) allowed: bool,
    /// No end would, if the headers whose values are not known had those that rules ask for.
    pub(crate) may_be_allowed: bool,
    /// What the ends say that read it, in the order of [`Direction::ALL`].
    pub(crate) ends: [Option<RequestVerdict>; 2],
}

/// The rules of the clusters.
pub(crate) struct Judge<const N: usize> {
    strict: [Option<Rules>; N],
    /// With headers whose values don't matter.
    lenient: [Option<Rules>; N],
}

impl<const N: usize> Connectivity<N> {
    /// To judge many requests. `is_redacted`: values of some of their headers are not known.
    pub(crate) fn judge(&self, is_redacted: bool) -> Judge<N> {
        let rules = |sets: &TablePortSets, is_lenient: bool| {
            let mut snapshot = policy::layer7::snapshot(sets, 0);
            if is_lenient {
                ignore_values(&mut snapshot);
            }
            // What was read as a policy was checked.
            Rules::compile(&snapshot, None).ok()
        };
        Judge {
            strict: std::array::from_fn(|cluster| rules(self.tables[cluster].layer7(), false)),
            lenient: std::array::from_fn(|cluster| {
                let is_asked = is_redacted.then(|| rules(self.tables[cluster].layer7(), true));
                is_asked.flatten()
            }),
        }
    }

    /// Judges a request on a connection that both ends allow. `is_redacted`: values of some headers are not known.
    pub(crate) fn judge_request(
        &self,
        judge: &Judge<N>,
        pair: [&Ends<N>; 2],
        (protocol, port): (u8, u16),
        request: &Request,
        is_redacted: bool,
    ) -> [Judged; N] {
        let decisions = self.decide(pair, protocol, port);
        std::array::from_fn(|cluster| {
            let by = |rules: &Option<Rules>| {
                let mut place = 0;
                Direction::ALL.map(|direction| {
                    let decision = decisions[cluster][place];
                    place += 1;
                    decision.filter(|decision| decision.redirected)?;
                    let [subject, peer] = subject_and_peer(direction, pair);
                    let asked = PortQuery {
                        table: subject[cluster].table?,
                        direction,
                        protocol,
                        port,
                    };
                    let rules = rules.as_ref()?;
                    let peer = peer[cluster].identity;
                    Some(judge_port(rules, asked, peer, request, &self.interner))
                })
            };
            let allows = |ends: &[Option<RequestVerdict>; 2]| {
                ends.iter().flatten().all(|verdict| verdict.allowed)
            };
            let ends = by(&judge.strict[cluster]);
            let allowed = allows(&ends);
            Judged {
                allowed,
                may_be_allowed: allowed || is_redacted && allows(&by(&judge.lenient[cluster])),
                ends,
            }
        })
    }
}

/// Headers that must have a value only have to be there.
fn ignore_values(snapshot: &mut Snapshot) {
    let alternatives = snapshot
        .sets
        .iter_mut()
        .flat_map(|set| &mut set.alternatives);
    for alternative in alternatives {
        if let Allows::Http(rules) = &mut alternative.allows {
            rules.iter_mut().for_each(ignore_values_of);
        }
    }
}

fn ignore_values_of(rule: &mut RuleSpec) {
    for header in &mut rule.headers {
        let name = l7::http::Header::from_text(header).name;
        *header = name;
    }
    let strict = rule.header_matches.iter_mut();
    for header in strict.filter(|header| header.mismatch.is_none()) {
        (header.value, header.secret) = (None, None);
    }
}

/// A rule of layer 7 by itself: what of recorded requests it allows. Of headers it asks only whether they are
/// there: their values are seldom recorded.
pub(crate) struct RuleJudge {
    set: Option<Set>,
}

impl RuleJudge {
    pub(crate) fn new(item: &Item) -> Self {
        let mut allows = Allows::from(item);
        if let Allows::Http(rules) = &mut allows {
            rules.iter_mut().for_each(ignore_values_of);
        }
        let spec = SetSpec {
            alternatives: vec![Alternative {
                rule: RuleRef(0),
                peers: Peers::Any,
                is_wide: false,
                allows,
            }],
        };
        Self {
            // What was read as a policy was checked.
            set: Set::new(&spec).ok(),
        }
    }

    pub(crate) fn allows(&self, request: &Request) -> bool {
        self.set
            .as_ref()
            .is_some_and(|set| rules_allow(set, request))
    }
}
