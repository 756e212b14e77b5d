//! The answer to why: what would be decided for a packet that opens a connection, by which rules, and
//! of a denial which condition of each rule failed.
//!
//! ```text
//! State, policies --PolicyContext--> who the two ends are --compile--> two tables
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

use policy::Config;
use policy::bounded;
use policy::rule::{Policy, protocol};
use policy::{Cookies, TableOwner};
use policy::{Decision, TableQuery, decide};
use policy::{Direction, ReasonKind, RulePath};
use policy::{TableInput, compile_tables};

mod allowed_ports;
mod finding;
mod identities;
mod name_resolution;
mod notes;
mod query;
mod request;
mod resolved_peer;
mod suggest;

pub use allowed_ports::AllowedPorts;
pub use finding::{MatchInput, PolicyFinding, RuleFinding, scan};
pub use name_resolution::NameResolution;
pub use query::{End, Port, QueryError, TraceQuery};
pub use request::{
    Layer7Rule, PortQuery, REDACTED, Request, RequestError, RequestVerdict, RuleNames, judge_port,
};
pub use resolved_peer::ResolvedPeer;
pub use suggest::Suggestion;

pub(crate) use allowed_ports::{Span, spans_between};
pub(crate) use identities::KnownIdentities;
pub(crate) use request::rules_allow;

/// What is asked about: a cluster, the policies in force in it, and how they are applied.
#[derive(Clone, Debug)]
pub struct PolicyContext<'a> {
    state: &'a State,
    policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
    config: &'a Config,
    known: KnownIdentities,
}

/// What would be decided for a connection, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Who opens it.
    pub source: ResolvedPeer,
    /// To whom.
    pub destination: ResolvedPeer,
    /// IP protocol number.
    pub protocol: u8,
    /// Destination port; ICMP: type.
    pub port: u16,
    /// Of a question about any port: which ones are allowed. Protocol, port and verdicts are then
    /// those of one of them: of a denied one if any is denied, and one that no rule names if there is.
    pub ports: Option<AllowedPorts>,
    /// What the source's policies say; `None` if there is nothing to judge: it is no pod.
    pub egress: Option<EndpointVerdict>,
    /// What the destination's policies say.
    pub ingress: Option<EndpointVerdict>,
    /// The request that was asked about.
    pub request: Option<Request>,
    /// Of a destination that is a name, if something restricts the source: whether it learns its addresses.
    pub resolution: Option<NameResolution>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// Labels were asked for that pods of several nodes have, and the answer depends on the node: one
    /// explanation for each answer. The fields above are then those of the first that denies.
    pub cases: Vec<Self>,
}

/// What one end's policies say.
#[derive(Clone, Debug)]
pub struct EndpointVerdict {
    /// Seen from the end that is judged.
    pub direction: Direction,
    /// The lookup's answer.
    pub decision: Decision,
    /// Every policy that selects the end and speaks on this direction, by name.
    pub policies: Vec<PolicyFinding>,
    /// What would allow it, if it is denied: steps, in order. Not of a question about any port.
    pub suggestions: Vec<Suggestion>,
    /// Of a question about any port: what this end allows.
    pub ports: Option<AllowedPorts>,
    /// Of a question about a request, if the packet is redirected: what becomes of it.
    pub request: Option<RequestVerdict>,
}

impl EndpointVerdict {
    /// Whether this end lets through what was asked about: the packet and, if one was, the request.
    pub fn allows(&self) -> bool {
        let request = self.request.as_ref();
        self.decision.allows() && request.is_none_or(|request| request.allowed)
    }

    /// Of a default deny, the rule that comes nearest to allowing it.
    pub fn nearest_rule(&self) -> Option<NearestRule<'_>> {
        let kind = self.decision.reason.as_deref()?.kind;
        let (finding, rule) = finding::nearest(&self.policies)?;
        let failed = rule.failed.first()?;
        (kind == ReasonKind::DefaultDeny).then_some(NearestRule {
            policy: &finding.policy,
            path: rule.path,
            failed,
        })
    }
}

/// A rule that would allow it if one thing were otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearestRule<'a> {
    /// Whose it is.
    pub policy: &'a ObjectName,
    /// Where it stands there.
    pub path: RulePath,
    /// What doesn't match: `from: app=web, have app=api`, `port 9121 not in 9187/TCP`.
    pub failed: &'a str,
}

impl fmt::Display for NearestRule<'_> {
    /// `ingress[0] of cnp data/redis (port 9121 not in 9187/TCP)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string();
        let path = path.strip_prefix("spec.").unwrap_or(&path);
        write!(f, "{path} of {} ({})", self.policy, self.failed)
    }
}

impl Explanation {
    /// Whether the packet gets through, and the request if one was asked about: neither end denies it, whatever
    /// the port if none was named. If the destination is a name, its addresses are learned, too.
    pub fn allowed(&self) -> bool {
        let ports = self.ports.as_ref();
        let resolution = self.resolution.as_ref();
        ports.is_none_or(|ports| ports.denied.is_empty())
            && resolution.is_none_or(|resolution| resolution.allowed)
            && self.verdicts().all(EndpointVerdict::allows)
    }

    /// What one end's policies say.
    pub fn verdict(&self, direction: Direction) -> Option<&EndpointVerdict> {
        match direction {
            Direction::Egress => self.egress.as_ref(),
            Direction::Ingress => self.ingress.as_ref(),
        }
    }

    /// Both ends' verdicts in the order of a packet's way.
    pub fn verdicts(&self) -> impl Iterator<Item = &EndpointVerdict> {
        self.egress.iter().chain(&self.ingress)
    }
}

impl<'a> PolicyContext<'a> {
    /// A context. `identities` are numbers that labels have already; where none are known, start from
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
            known: KnownIdentities::new(state, policies, config, identities),
        }
    }

    /// What would be decided, and why.
    ///
    /// # Errors
    /// The question names what isn't there, or names it ambiguously.
    pub fn explain(&self, query: &TraceQuery) -> Result<Explanation, QueryError> {
        self.answer(query, None)
    }

    /// What would be decided of a request, and why. What isn't redirected is as [`Self::explain`] says: nobody
    /// reads its requests.
    ///
    /// # Errors
    /// As [`Self::explain`].
    pub fn explain_request(
        &self,
        query: &TraceQuery,
        request: &Request,
    ) -> Result<Explanation, QueryError> {
        self.answer(query, Some(request))
    }

    /// As [`Self::explain_request`] if there is a request, else as [`Self::explain`].
    ///
    /// # Errors
    /// As [`Self::explain`]; or there is a request to whatever port.
    pub fn answer(
        &self,
        query: &TraceQuery,
        request: Option<&Request>,
    ) -> Result<Explanation, QueryError> {
        if request.is_some() && query.port == Port::Any {
            return Err(QueryError::RequestPort);
        }
        let cases = resolved_peer::cases(self, query)?;
        let explained = cases
            .iter()
            .map(|(case, alike)| self.explain_case(case, alike, request));
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
    fn explain_case(
        &self,
        query: &TraceQuery,
        alike: &[String],
        request: Option<&Request>,
    ) -> Result<Explanation, QueryError> {
        let mut explanation = self.evaluate(query, request)?;
        if explanation.ports.is_none() {
            let suggest =
                |direction| suggest::suggest(self, query, request, &explanation, direction);
            let (egress, ingress) = (suggest(Direction::Egress), suggest(Direction::Ingress));
            for (verdict, suggestions) in [
                (&mut explanation.egress, egress),
                (&mut explanation.ingress, ingress),
            ] {
                if let Some(verdict) = verdict {
                    verdict.suggestions = suggestions;
                }
            }
        }
        explanation.notes = self.notes(query, &explanation);
        if !alike.is_empty() {
            explanation.notes.push(format!(
                "the same applies to {}",
                bounded::list(alike, ", ")
            ));
        }
        Ok(explanation)
    }

    /// What would be decided, without what could be done about it: for many questions one after the other.
    ///
    /// # Errors
    /// As [`Self::explain`].
    pub fn verdict(
        &self,
        query: &TraceQuery,
        request: Option<&Request>,
    ) -> Result<Explanation, QueryError> {
        self.evaluate(query, request)
    }

    fn evaluate(
        &self,
        query: &TraceQuery,
        request: Option<&Request>,
    ) -> Result<Explanation, QueryError> {
        let mut known = self.known.clone();
        let (source, destination) = resolved_peer::resolve(self, &mut known, query)?;
        let port = destination.port(&query.port)?;

        let mut owners: BTreeMap<TableOwner, u32> = BTreeMap::new();
        for resolved in [&source, &destination] {
            if resolved.judged {
                let next = u32::try_from(owners.len()).unwrap_or(0) + 1;
                owners.entry(resolved.owner()).or_insert(next);
            }
        }
        let mut cookies = Cookies::default();
        let tables = compile_tables(
            &TableInput {
                policies: self.policies,
                groups: &self.state.cidr_groups,
                identities: &known.identities,
                in_use: &known.in_use,
                named_ports: &known.named_ports,
                owners: &owners,
                config: self.config,
            },
            &mut cookies,
        );
        let maps = HostMaps::from(&tables);
        // What was read as a policy was checked.
        let layer7 = request.map(|request| {
            let snapshot = policy::layer7::snapshot(&tables.layer7, 0);
            (request, l7::rules::Rules::compile(&snapshot, None))
        });
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
            None => allowed_ports::spans(self, &known, &source, &destination),
        };
        let allowed = |directions: &[Direction]| -> Vec<(Span, bool)> {
            let allowed = |span: &Span| {
                let mut decisions = directions
                    .iter()
                    .filter_map(|direction| decision(*direction, span.protocol, span.first));
                decisions.all(|(_, _, decision)| decision.allows())
            };
            spans.iter().map(|span| (*span, allowed(span))).collect()
        };
        let mut ports = None;
        let (protocol, port) = match port {
            Some(port) => port,
            None => {
                let both = allowed(&Direction::ALL);
                ports = Some(AllowedPorts::from_spans(&both));
                let span = allowed_ports::representative(&both);
                span.map_or((protocol::TCP, 1), |span| (span.protocol, span.first))
            }
        };
        let judge = |direction: Direction| {
            let (subject, peer, decision) = decision(direction, protocol, port)?;
            let input = MatchInput {
                direction,
                subject,
                peer,
                protocol,
                port,
                any_port: ports.is_some(),
                groups: &self.state.cidr_groups,
                named_ports: &known.named_ports,
            };
            let request = layer7.as_ref().and_then(|(request, rules)| {
                let asked = PortQuery {
                    table: *owners.get(&subject.owner())?,
                    direction,
                    protocol,
                    port,
                };
                let is_redirected = decision.verdict == abi::event::REDIRECTED;
                is_redirected.then(|| match rules {
                    Ok(rules) => judge_port(rules, asked, peer.identity, request, &cookies)
                        .with_text(self.policies),
                    Err(wrong) => RequestVerdict::refused(&wrong.to_string()),
                })
            });
            Some(EndpointVerdict {
                request,
                direction,
                decision,
                policies: scan(self.policies, &input, |policy| self.origin(policy)),
                suggestions: Vec::new(),
                ports: ports
                    .as_ref()
                    .map(|_| AllowedPorts::from_spans(&allowed(&[direction]))),
            })
        };
        let egress = judge(Direction::Egress);
        let (labels, asked) = (&source.labels, &query.destination);
        let resolve = |verdict| name_resolution::resolve(self, labels, asked, verdict);
        let resolution = egress.as_ref().and_then(resolve);
        Ok(Explanation {
            egress,
            resolution,
            request: request.cloned(),
            ingress: judge(Direction::Ingress),
            notes: Vec::new(),
            source,
            destination,
            protocol,
            port,
            ports,
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

    /// The policies in force.
    pub fn policies(&self) -> &'a BTreeMap<ObjectName, Arc<Policy>> {
        self.policies
    }

    /// The identities of everything that a query can meet.
    pub(crate) fn known(&self) -> &KnownIdentities {
        &self.known
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
}

/// A protocol as people write it: `TCP`, or its number.
pub fn protocol_name(number: u8) -> String {
    cluster::protocol::name(number).map_or_else(|| number.to_string(), str::to_owned)
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
