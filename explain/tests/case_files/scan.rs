//! The answers of a scan over all rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use abi::{identity as number, reason};
use cluster::ObjectName;
use flows_explain::trace::{MatchInput, ResolvedPeer};
use l7::rules::Allows;
use policy::rule::{Peer, Ports};
use policy::{Config, Decision, Direction, Mode, Origin, Policy, Reason, ReasonKind};

use super::fixtures::Fixtures;
use super::probe::Probe;
use super::run::Run;

impl Run {
    /// The answer of a scan over all rules.
    pub(crate) fn scan(
        &self,
        fixtures: &Fixtures,
        policies: &BTreeMap<ObjectName, Arc<Policy>>,
        probe: &Probe,
        direction: Direction,
    ) -> Decision {
        let (subject, peer) = probe.ends(direction);
        let (subject, peer) = (
            self.resolved(fixtures, subject),
            self.resolved(fixtures, peer),
        );
        let input = MatchInput {
            direction,
            subject: &subject,
            peer: &peer,
            protocol: probe.protocol,
            port: probe.port,
            any_port: false,
            groups: &self.groups,
            named_ports: &self.named_ports,
        };
        let Config {
            mode,
            allow_localhost,
            ..
        } = self.config;
        let findings = match mode {
            // The node is judged by policies for nodes, which aren't there yet.
            _ if subject.identity.0 == number::HOST => Vec::new(),
            Mode::Never => Vec::new(),
            Mode::Default | Mode::Always => flows_explain::trace::scan(policies, &input, |_| None),
        };
        let matching = |deny: bool| -> Vec<Origin> {
            let rules = findings
                .iter()
                .flat_map(|finding| finding.rules.iter().map(move |rule| (finding, rule)));
            rules
                .filter(|(_, rule)| rule.matched() && rule.deny == deny)
                .map(|(finding, rule)| Origin {
                    policy: finding.policy.clone(),
                    uid: None,
                    version: Arc::clone(&finding.version),
                    rule: rule.path,
                    text: Arc::clone(&rule.text),
                    labels: Vec::new(),
                    log: None,
                })
                .collect()
        };
        let enforced = mode != Mode::Never
            && (mode == Mode::Always
                || subject.identity.0 == number::INIT
                || findings.iter().any(|finding| finding.default_deny));
        let (denies, allows) = (matching(true), matching(false));
        let from_host = direction == Direction::Ingress && peer.identity.0 == number::HOST;
        // Of what allows all ports alike, the entry for the one peer comes before that for any peer.
        let own_node = from_host && allow_localhost && enforced;
        let beyond_anyone = allows.iter().any(|origin| {
            let rules = policies.get(&origin.policy).into_iter();
            let statements = rules
                .flat_map(|policy| &policy.rules)
                .filter_map(|rule| rule.statement(direction));
            statements
                .flat_map(|statement| &statement.elements)
                .any(|element| {
                    element.path == origin.rule
                        && (element.peers != [Peer::All] || element.ports != [Ports::All])
                })
        });
        let (verdict, kind, origins) = if !denies.is_empty() {
            (reason::POLICY_DENY, ReasonKind::Deny, denies)
        } else if own_node
            && !beyond_anyone
            && !allows
                .iter()
                .any(|origin| redirects(policies, origin, &input))
        {
            (
                abi::event::FORWARDED,
                ReasonKind::AllowLocalhost,
                Vec::new(),
            )
        } else if !allows.is_empty() {
            // One that has rules of layer 7 for the port is enough.
            let redirects = allows
                .iter()
                .any(|origin| redirects(policies, origin, &input));
            let verdict = match redirects {
                true => abi::event::REDIRECTED,
                false => abi::event::FORWARDED,
            };
            (verdict, ReasonKind::Allow, allows)
        } else if !enforced {
            (abi::event::FORWARDED, ReasonKind::AllowAny, Vec::new())
        } else {
            (reason::POLICY_DENIED, ReasonKind::DefaultDeny, Vec::new())
        };
        Decision {
            verdict,
            match_type: 0,
            cookie: 0,
            reason: Some(Arc::new(Reason {
                direction,
                kind,
                origins,
            })),
        }
    }

    fn resolved(&self, fixtures: &Fixtures, name: &str) -> ResolvedPeer {
        let identity = self.identity(fixtures, name).unwrap_or_default();
        let pod = fixtures.pods.get(name);
        ResolvedPeer {
            name: name.to_owned(),
            identity,
            labels: self
                .identities
                .labels(identity)
                .cloned()
                .unwrap_or_default(),
            pod: None,
            pods: 1,
            ports: pod
                .map(|(_, ports)| ports.iter().cloned().collect())
                .unwrap_or_default(),
            judged: pod.is_some(),
            assumed: false,
            ip: None,
            node: None,
            spread: Vec::new(),
            unlike: 0,
        }
    }
}

/// Whether a rule that allows has rules of layer 7 for the port.
fn redirects(
    policies: &BTreeMap<ObjectName, Arc<Policy>>,
    origin: &Origin,
    input: &MatchInput<'_>,
) -> bool {
    let rules = policies.get(&origin.policy).into_iter();
    let statements = rules
        .flat_map(|policy| &policy.rules)
        .filter_map(|rule| rule.statement(input.direction));
    let elements = statements.flat_map(|statement| &statement.elements);
    let rules = elements
        .filter(|element| element.path == origin.rule)
        .flat_map(|element| &element.port_rules);
    let judged = rules.filter(|rule| *rule.allows != Allows::Everything);
    judged
        .flat_map(|rule| &rule.ports)
        .any(|ports| input.port_matches(ports))
}
