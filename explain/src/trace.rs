//! The answer to why: what would be decided for a packet that opens a connection, by which rules, and
//! of a denial which condition of each rule failed.
//!
//! ```text
//! State, policies --Scene--> who the two ends are --compile--> two tables
//!                                                                 |
//!    findings: a scan over the rules        decision: the kernel's own lookup (decide)
//!                  '-----------------> Explanation <-----------------'
//! ```
//!
//! The verdict is the lookup's alone. The scan says what each rule had to do with it; tests hold the
//! two equal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use cluster::{Identities, ObjectName, Origin, State};
use datapath_host::HostMaps;

use policy::bounded;
use policy::rule::{Policy, protocol};
use policy::{Config, Mode};
use policy::{Cookies, TableOwner};
use policy::{Decision, TableQuery, decide};
use policy::{Direction, ReasonKind};
use policy::{TableInput, compile_tables};

mod asked;
mod finding;
mod numbers;
mod party;
mod reach;
mod suggest;

pub use asked::{Asked, End, Port, Unanswerable};
pub use finding::{Matter, PolicyFinding, RuleFinding, scan};
pub use party::Party;
pub use reach::Reach;
pub use suggest::Suggestion;

use numbers::Numbers;

/// What is asked about: a cluster, the policies in force in it, and how they are applied.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    state: &'a State,
    policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
    config: &'a Config,
    numbers: Numbers,
}

/// What would be decided for a connection, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Who opens it.
    pub source: Party,
    /// To whom.
    pub destination: Party,
    /// IP protocol number.
    pub protocol: u8,
    /// Destination port; ICMP: type.
    pub port: u16,
    /// Of a question about any port: which ones are allowed. Protocol, port and judgements are then
    /// those of one of them: of a denied one if any is denied, and one that no rule names if there is.
    pub reach: Option<Reach>,
    /// What the source's policies say; `None` if there is nothing to judge: it is no pod.
    pub egress: Option<Judgement>,
    /// What the destination's policies say.
    pub ingress: Option<Judgement>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// Labels were asked for that pods of several nodes have, and the answer depends on the node: one
    /// explanation for each answer. The fields above are then those of the first that denies.
    pub cases: Vec<Self>,
}

/// What one end's policies say.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Seen from the end that is judged.
    pub direction: Direction,
    /// The lookup's answer.
    pub decision: Decision,
    /// Every policy that selects the end and speaks on this direction, by name.
    pub policies: Vec<PolicyFinding>,
    /// What would allow it, if it is denied: steps, in order. Not of a question about any port.
    pub suggestions: Vec<Suggestion>,
    /// Of a question about any port: what this end allows.
    pub reach: Option<Reach>,
}

impl Explanation {
    /// Whether the packet gets through: neither end denies it, whatever the port if none was named.
    pub fn allowed(&self) -> bool {
        let reach = self.reach.as_ref();
        reach.is_none_or(|reach| reach.denied.is_empty())
            && self
                .judgements()
                .all(|judgement| judgement.decision.allows())
    }

    /// What one end's policies say.
    pub fn judgement(&self, direction: Direction) -> Option<&Judgement> {
        match direction {
            Direction::Egress => self.egress.as_ref(),
            Direction::Ingress => self.ingress.as_ref(),
        }
    }

    /// Both ends' judgements in the order of a packet's way.
    pub fn judgements(&self) -> impl Iterator<Item = &Judgement> {
        self.egress.iter().chain(&self.ingress)
    }
}

impl<'a> Scene<'a> {
    /// A scene. `identities` are numbers that labels have already; where none are known, start from
    /// [`Identities::new`].
    pub fn new(
        state: &'a State,
        policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
        config: &'a Config,
        identities: Identities,
    ) -> Self {
        Self {
            state,
            policies,
            config,
            numbers: Numbers::new(state, policies, config, identities),
        }
    }

    /// What would be decided, and why.
    ///
    /// # Errors
    /// The question names what isn't there, or names it ambiguously.
    pub fn explain(&self, asked: &Asked) -> Result<Explanation, Unanswerable> {
        let cases = party::cases(self, asked)?;
        let explained = cases.iter().map(|(case, alike)| self.one(case, alike));
        let mut explained = explained.collect::<Result<Vec<_>, _>>()?;
        if explained.len() == 1 {
            return Ok(explained.swap_remove(0));
        }
        let denied = explained.iter().position(|case| !case.allowed());
        Ok(Explanation {
            cases: explained.clone(),
            ..explained.swap_remove(denied.unwrap_or(0))
        })
    }

    /// The answer to a question about two ends that are the same whatever the node.
    fn one(&self, asked: &Asked, alike: &[String]) -> Result<Explanation, Unanswerable> {
        let mut explanation = self.judged(asked)?;
        if explanation.reach.is_none() {
            let suggest = |direction| suggest::suggest(self, asked, &explanation, direction);
            let (egress, ingress) = (suggest(Direction::Egress), suggest(Direction::Ingress));
            for (judgement, suggestions) in [
                (&mut explanation.egress, egress),
                (&mut explanation.ingress, ingress),
            ] {
                if let Some(judgement) = judgement {
                    judgement.suggestions = suggestions;
                }
            }
        }
        explanation.notes = self.notes(&explanation);
        if !alike.is_empty() {
            explanation
                .notes
                .push(format!("the same goes for {}", bounded::list(alike, ", ")));
        }
        Ok(explanation)
    }

    /// What would be decided, without what could be done about it.
    fn judged(&self, asked: &Asked) -> Result<Explanation, Unanswerable> {
        let mut numbers = self.numbers.clone();
        let (source, destination) = party::resolve(self, &mut numbers, asked)?;
        let port = asked.port.resolve(&destination)?;

        let mut owners: BTreeMap<TableOwner, u32> = BTreeMap::new();
        for party in [&source, &destination] {
            if party.judged {
                let next = u32::try_from(owners.len()).unwrap_or(0) + 1;
                owners.entry(party.owner()).or_insert(next);
            }
        }
        let mut cookies = Cookies::default();
        let tables = compile_tables(
            &TableInput {
                policies: self.policies,
                groups: &self.state.cidr_groups,
                identities: &numbers.identities,
                in_use: &numbers.in_use,
                named_ports: &numbers.named_ports,
                owners: &owners,
                config: self.config,
            },
            &mut cookies,
        );
        let maps = HostMaps::from(&tables);
        let decision = |direction: Direction, protocol: u8, port: u16| {
            let (subject, peer) = match direction {
                Direction::Ingress => (&destination, &source),
                Direction::Egress => (&source, &destination),
            };
            let question = TableQuery {
                table: *owners.get(&subject.owner()).filter(|_| subject.judged)?,
                direction,
                peer: peer.identity,
                protocol,
                port,
            };
            Some((subject, peer, decide(&maps, question, &cookies)))
        };
        let spans = match port {
            Some(_) => Vec::new(),
            None => reach::spans(self, &numbers, &source, &destination),
        };
        let allowed = |directions: &[Direction]| -> Vec<(reach::Span, bool)> {
            let allowed = |span: &reach::Span| {
                let mut decisions = directions
                    .iter()
                    .filter_map(|direction| decision(*direction, span.protocol, span.first));
                decisions.all(|(_, _, decision)| decision.allows())
            };
            spans.iter().map(|span| (*span, allowed(span))).collect()
        };
        let mut reach = None;
        let (protocol, port) = match port {
            Some(port) => port,
            None => {
                let both = allowed(&Direction::ALL);
                reach = Some(Reach::of(&both));
                let telling = reach::telling(&both);
                telling.map_or((protocol::TCP, 1), |span| (span.protocol, span.first))
            }
        };
        let judge = |direction: Direction| {
            let (subject, peer, decision) = decision(direction, protocol, port)?;
            let matter = Matter {
                direction,
                subject,
                peer,
                protocol,
                port,
                any_port: reach.is_some(),
                groups: &self.state.cidr_groups,
                named_ports: &numbers.named_ports,
            };
            Some(Judgement {
                direction,
                decision,
                policies: scan(self.policies, &matter, |policy| self.origin(policy)),
                suggestions: Vec::new(),
                reach: reach.as_ref().map(|_| Reach::of(&allowed(&[direction]))),
            })
        };
        Ok(Explanation {
            egress: judge(Direction::Egress),
            ingress: judge(Direction::Ingress),
            notes: Vec::new(),
            source,
            destination,
            protocol,
            port,
            reach,
            cases: Vec::new(),
        })
    }

    /// The cluster.
    pub fn state(&self) -> &'a State {
        self.state
    }

    /// How policies are applied.
    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// The policies in force among those of these names, `cnp production/web`.
    pub(crate) fn policies_by_text<'t>(
        &self,
        names: impl Iterator<Item = &'t str>,
    ) -> BTreeMap<ObjectName, Arc<Policy>> {
        let names: BTreeSet<&str> = names.collect();
        let named = self.policies.iter();
        named
            .filter(|(name, _)| names.contains(name.to_string().as_str()))
            .map(|(name, policy)| (name.clone(), Arc::clone(policy)))
            .collect()
    }

    fn origin(&self, policy: &ObjectName) -> Option<Origin> {
        self.state
            .policies
            .get(policy)
            .map(|known| known.origin.clone())
    }

    fn notes(&self, explanation: &Explanation) -> Vec<String> {
        let Explanation {
            source,
            destination,
            egress,
            ingress,
            ..
        } = explanation;
        let mut notes = Vec::new();
        if self.config.mode == Mode::Never {
            notes.push("enforcement is off (mode never): all policies are ignored".to_owned());
        }
        if source.judged && source.pod.is_some() && source.pod == destination.pod {
            notes.push(
                "a pod's traffic to itself stays inside of the pod: no policy sees it".to_owned(),
            );
        }
        if egress.is_none() && ingress.is_none() {
            notes.push("neither end is a pod: no policy applies".to_owned());
        }
        for (party, what) in [(source, "source"), (destination, "destination")] {
            if party.assumed {
                notes.push(format!(
                    "the {what} is not a pod of this cluster: its labels are taken as given"
                ));
            }
            if party.pods > 1 {
                notes.push(format!(
                    "{} pods have the labels of the {what}; all of them get the same answer",
                    party.pods
                ));
            }
        }
        let localhost = ingress
            .iter()
            .filter_map(|judgement| judgement.decision.reason.as_ref())
            .any(|reason| reason.kind == ReasonKind::AllowLocalhost);
        if localhost {
            notes.push(
                "host means the pod's own node, for example a kubelet's probe; other nodes are \
                 remote-node"
                    .to_owned(),
            );
        }
        notes
    }
}

/// A protocol as people write it: `TCP`, or its number.
pub fn protocol_name(number: u8) -> String {
    match number {
        protocol::ICMP => "ICMP".to_owned(),
        protocol::TCP => "TCP".to_owned(),
        protocol::UDP => "UDP".to_owned(),
        protocol::ICMPV6 => "ICMPv6".to_owned(),
        protocol::SCTP => "SCTP".to_owned(),
        other => other.to_string(),
    }
}

/// Port and protocol as people write them: `5432/TCP`, `ICMP type 8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortText {
    /// IP protocol number.
    pub protocol: u8,
    /// Port; ICMP: type.
    pub port: u16,
}

impl fmt::Display for PortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = protocol_name(self.protocol);
        match self.protocol {
            protocol::ICMP | protocol::ICMPV6 => write!(f, "{name} type {}", self.port),
            _ => write!(f, "{}/{name}", self.port),
        }
    }
}
