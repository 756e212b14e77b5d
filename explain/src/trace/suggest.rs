//! What would let a denied connection through, proven: each change is made to a copy of the policies,
//! and shown only if the verdict with it is the wanted one.
//!
//! ```text
//! denied by a rule --> that rule taken out ---.
//!        ^                                    v
//!        '------- still denied? ------- the verdict again --> allowed: these are the steps
//!                                             |
//!                 in default deny: a rule for the peer alone, in the policy nearest to it, in
//!                 another one, or in a new one; if none does it, that is said
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::{Kind, Labels, ObjectName};

use super::finding::PolicyFinding;
use super::query::TraceQuery;
use super::resolved_peer::ResolvedPeer;
use super::{EndpointVerdict, Explanation, PolicyContext, Request};
use policy::rule::{Element, Policy};
use policy::{Direction, Origin, ReasonKind, cancel};

mod items;
mod parse;
mod unique_labels;
mod yaml;

use unique_labels::PodsByLabels;

/// A change that would allow a connection at one end. It is offered, not recommended: whether the
/// connection should be is for people to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The policy that it changes; `None`: a new one, or nothing can be offered.
    pub policy: Option<ObjectName>,
    /// In words.
    pub text: String,
    /// What to add to the named list, or the whole new policy; empty if nothing is to be added.
    pub yaml: String,
}

/// What is to be allowed, at one end.
struct DeniedConnection<'a> {
    context: &'a PolicyContext<'a>,
    query: &'a TraceQuery,
    request: Option<&'a Request>,
    direction: Direction,
    protocol: u8,
    port: u16,
    subject: &'a ResolvedPeer,
    peer: &'a ResolvedPeer,
    /// What a new rule says of the request, in YAML: empty if there is none, or if whatever is sent is allowed;
    /// `None`: policies have no words for it.
    layer7: Option<String>,
    others: PodsByLabels,
}

type Policies = BTreeMap<ObjectName, Arc<Policy>>;

/// A change and the policies with it.
struct Candidate {
    suggestion: Suggestion,
    policies: Policies,
}

/// The most denying rules that are taken out one after the other.
const MOST_ROUNDS: usize = 16;

/// The steps that lead to an allowed connection at one end, in order; empty if it is allowed.
pub(super) fn suggest(
    context: &PolicyContext<'_>,
    query: &TraceQuery,
    request: Option<&Request>,
    explanation: &Explanation,
    direction: Direction,
) -> Vec<Suggestion> {
    let (subject, peer) = match direction {
        Direction::Ingress => (&explanation.destination, &explanation.source),
        Direction::Egress => (&explanation.source, &explanation.destination),
    };
    let denied = DeniedConnection {
        context,
        query,
        request,
        direction,
        protocol: explanation.protocol,
        port: explanation.port,
        subject,
        peer,
        layer7: items::block(request, direction, context.config),
        others: PodsByLabels::from_context(context),
    };
    let mut policies = context.policies.clone();
    let mut steps: Vec<Suggestion> = Vec::new();
    let mut verdict = explanation.verdict(direction).cloned();
    for _ in cancel::each(0..MOST_ROUNDS) {
        let Some(now) = verdict.filter(|now| !now.allows()) else {
            steps.extend(denied.open_name(explanation));
            return steps;
        };
        if now.decision.allows() {
            steps.push(items::open_request(&denied, &now, &policies));
            return steps;
        }
        let Some(reason) = now.decision.reason.as_deref() else {
            return Vec::new();
        };
        match reason.kind {
            ReasonKind::Deny => {
                for origin in &reason.origins {
                    steps.push(narrow_deny(origin));
                    remove_rule(&mut policies, origin, direction);
                }
            }
            ReasonKind::DefaultDeny | ReasonKind::AlwaysEnforced => {
                let mut step = denied.open_default_deny(&now, &policies);
                if !steps.is_empty() {
                    step.text = format!("then {}", step.text);
                }
                steps.push(step);
                steps.extend(denied.open_name(explanation).map(|step| Suggestion {
                    text: format!("then {}", step.text),
                    ..step
                }));
                return steps;
            }
            ReasonKind::Init
            | ReasonKind::Allow
            | ReasonKind::AllowAny
            | ReasonKind::AllowLocalhost => return Vec::new(),
        }
        verdict = denied.evaluate(&policies);
    }
    Vec::new()
}

fn narrow_deny(origin: &Origin) -> Suggestion {
    Suggestion {
        policy: Some(origin.policy.clone()),
        text: format!(
            "narrow or remove {} of {}: a deny outweighs every allow",
            origin.rule, origin.policy
        ),
        yaml: String::new(),
    }
}

/// Takes a rule out of its policy; what its policy says otherwise stays, its default deny too.
fn remove_rule(policies: &mut Policies, origin: &Origin, direction: Direction) {
    change(policies, &origin.policy, direction, |elements| {
        elements.retain(|element| element.path != origin.rule);
    });
}

/// Changes the rules of a policy for a direction.
fn change(
    policies: &mut Policies,
    name: &ObjectName,
    direction: Direction,
    mut how: impl FnMut(&mut Vec<Element>),
) {
    let Some(policy) = policies.get_mut(name) else {
        return;
    };
    for rule in &mut Arc::make_mut(policy).rules {
        let statement = match direction {
            Direction::Ingress => rule.ingress.as_mut(),
            Direction::Egress => rule.egress.as_mut(),
        };
        if let Some(statement) = statement {
            how(&mut statement.elements);
        }
    }
}

impl DeniedConnection<'_> {
    /// The verdict under other policies.
    fn evaluate(&self, policies: &Policies) -> Option<EndpointVerdict> {
        let known = self.context.known.identities.clone();
        let context = PolicyContext::new(self.context.state, policies, self.context.config, known);
        let explanation = context.evaluate(self.query, self.request).ok()?;
        explanation.verdict(self.direction).cloned()
    }

    /// What lets the source ask for the name that it wants to reach, beside what opens the connection.
    fn open_name(&self, explanation: &Explanation) -> Option<Suggestion> {
        let resolution = explanation.resolution.as_ref()?;
        let is_here = self.direction == Direction::Egress && !resolution.allowed;
        is_here.then(|| items::open_name(self, resolution))
    }

    fn is_allowed_with(&self, candidate: &Candidate) -> bool {
        self.evaluate(&candidate.policies)
            .is_some_and(|verdict| verdict.allows())
    }

    /// The smallest rule that opens a default deny for the peer, or why there is none.
    fn open_default_deny(&self, now: &EndpointVerdict, policies: &Policies) -> Suggestion {
        let mut findings: Vec<&PolicyFinding> = now.policies.iter().collect();
        findings.sort_by_key(|finding| distance(finding));
        let extended = findings
            .iter()
            .filter_map(|finding| self.extend_policy(finding, policies))
            .find(|candidate| self.is_allowed_with(candidate));
        if let Some(candidate) = extended {
            return candidate.suggestion;
        }
        let added = self.add_policy(findings.first().copied(), policies);
        match added.filter(|candidate| self.is_allowed_with(candidate)) {
            Some(candidate) => candidate.suggestion,
            None => self.no_suggestion(),
        }
    }

    /// A rule more in a policy that selects the subject.
    fn extend_policy(&self, finding: &PolicyFinding, policies: &Policies) -> Option<Candidate> {
        let spec = finding.selecting.first()?;
        let native = finding.policy.kind == Kind::NetworkPolicy;
        let namespace = finding.policy.namespace.as_deref();
        let yaml = yaml::element(self, native, namespace)?;
        let element = parse::element(&finding.policy, self.direction, &yaml, self.context.config)?;
        let also = self.also(&element);
        let mut policies = policies.clone();
        let policy = policies.get_mut(&finding.policy)?;
        let rules = &mut Arc::make_mut(policy).rules;
        let rule = rules.iter_mut().find(|rule| rule.path == *spec)?;
        let statement = match self.direction {
            Direction::Ingress => rule.ingress.as_mut(),
            Direction::Egress => rule.egress.as_mut(),
        };
        statement?.elements.insert(0, element);
        Some(Candidate {
            suggestion: Suggestion {
                policy: Some(finding.policy.clone()),
                text: format!(
                    "add to {spec}.{} of {}{also}",
                    self.direction, finding.policy
                ),
                yaml,
            },
            policies,
        })
    }

    /// A new policy for the subject alone. `nearest` has no words for the peer.
    fn add_policy(
        &self,
        nearest: Option<&PolicyFinding>,
        policies: &Policies,
    ) -> Option<Candidate> {
        let namespace = self.subject.namespace()?;
        let labels = unique_labels::labels(self.subject, &self.others, Some(namespace), true)?;
        if !labels.also.is_empty() {
            // It would restrict other pods, too.
            return None;
        }
        let yaml = yaml::policy(self, namespace, &labels)?;
        let policy = parse::policy(&yaml, self.context.config)?;
        let element = policy.rules.first()?.statement(self.direction)?;
        let also = self.also(element.elements.first()?);
        let why = match nearest {
            Some(finding) => format!(": {} has no rule for {}", finding.policy, self.peer.name),
            None => String::new(),
        };
        let mut policies = policies.clone();
        policies.insert(policy.name.clone(), Arc::new(policy));
        Some(Candidate {
            suggestion: Suggestion {
                policy: None,
                text: format!("add a CiliumNetworkPolicy{why}{also}"),
                yaml,
            },
            policies,
        })
    }

    /// Whom else a rule lets through, because nothing that a policy can say tells them apart.
    fn also(&self, element: &Element) -> String {
        let groups = &self.context.state.cidr_groups;
        let matches = |labels: &Labels| {
            let mut peers = element.peers.iter();
            *labels != self.peer.labels && peers.any(|peer| peer.matches(labels, groups))
        };
        if self.peer.judged {
            let also = self.others.named(matches);
            return match also.is_empty() {
                true => String::new(),
                false => {
                    format!(" (no label distinguishes it from {also}, which it allows as well)")
                }
            };
        }
        let kind = self
            .peer
            .labels
            .iter()
            .find(|label| &*label.source == "reserved");
        let all = match kind.map(|label| &*label.key) {
            Some("remote-node") => "all other nodes",
            Some("unmanaged") => "all addresses of pods that are not known",
            _ => return String::new(),
        };
        format!(" (it allows {all}: policies can't distinguish them)")
    }

    /// Why nothing is offered.
    fn no_suggestion(&self) -> Suggestion {
        let at = |resolved: &ResolvedPeer| {
            unique_labels::labels(resolved, &self.others, resolved.namespace(), true)
        };
        let unlabelled = [self.peer, self.subject]
            .into_iter()
            .find(|resolved| resolved.judged && at(resolved).is_none());
        let text = match unlabelled {
            Some(resolved) => format!(
                "no rule can select {name} alone: it has no label that other pods of its namespace \
                 don't have; give it one of its own (such as app: {own}), then ask again",
                name = resolved.name,
                own = resolved.pod.as_ref().map_or("NAME", |pod| &pod.name),
            ),
            None => format!(
                "the policy language can't express it: no rule can select {}",
                self.peer.name
            ),
        };
        Suggestion {
            policy: None,
            text,
            yaml: String::new(),
        }
    }
}

/// How far a policy is from allowing it: how much failed of the rule of which least failed.
fn distance(finding: &PolicyFinding) -> (usize, bool) {
    let allows = finding.rules.iter().filter(|rule| !rule.deny);
    let failed = allows.map(|rule| rule.failed.len()).min();
    (
        failed.unwrap_or(usize::MAX),
        finding.policy.kind != Kind::CiliumNetworkPolicy,
    )
}
