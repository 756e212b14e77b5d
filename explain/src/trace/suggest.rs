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

use super::asked::Asked;
use super::finding::PolicyFinding;
use super::party::Party;
use super::{Explanation, Judgement, Scene};
use policy::rule::{Element, Policy};
use policy::{Direction, Origin, ReasonKind};

mod parsed;
mod telling;
mod yaml;

use telling::Others;

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
struct Wanted<'a> {
    scene: &'a Scene<'a>,
    asked: &'a Asked,
    direction: Direction,
    protocol: u8,
    port: u16,
    subject: &'a Party,
    peer: &'a Party,
    others: Others,
}

type Policies = BTreeMap<ObjectName, Arc<Policy>>;

/// A change and the policies with it.
struct Tried {
    suggestion: Suggestion,
    policies: Policies,
}

/// The most denying rules that are taken out one after the other.
const MOST_ROUNDS: usize = 16;

/// The steps that lead to an allowed connection at one end, in order; empty if it is allowed.
pub(super) fn suggest(
    scene: &Scene<'_>,
    asked: &Asked,
    explanation: &Explanation,
    direction: Direction,
) -> Vec<Suggestion> {
    let (subject, peer) = match direction {
        Direction::Ingress => (&explanation.destination, &explanation.source),
        Direction::Egress => (&explanation.source, &explanation.destination),
    };
    let wanted = Wanted {
        scene,
        asked,
        direction,
        protocol: explanation.protocol,
        port: explanation.port,
        subject,
        peer,
        others: Others::of(scene),
    };
    let mut policies = scene.policies.clone();
    let mut steps: Vec<Suggestion> = Vec::new();
    let mut judgement = explanation.judgement(direction).cloned();
    for _ in 0..MOST_ROUNDS {
        let Some(now) = judgement.filter(|now| !now.decision.allows()) else {
            return steps;
        };
        let Some(reason) = now.decision.reason.as_deref() else {
            return Vec::new();
        };
        match reason.kind {
            ReasonKind::Deny => {
                for origin in &reason.origins {
                    steps.push(narrowed(origin));
                    take_out(&mut policies, origin, direction);
                }
            }
            ReasonKind::DefaultDeny | ReasonKind::AlwaysEnforced => {
                let mut step = wanted.opened(&now, &policies);
                if !steps.is_empty() {
                    step.text = format!("then {}", step.text);
                }
                steps.push(step);
                return steps;
            }
            ReasonKind::Init
            | ReasonKind::Allow
            | ReasonKind::AllowAny
            | ReasonKind::AllowLocalhost => return Vec::new(),
        }
        judgement = wanted.judged(&policies);
    }
    Vec::new()
}

fn narrowed(origin: &Origin) -> Suggestion {
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
fn take_out(policies: &mut Policies, origin: &Origin, direction: Direction) {
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

impl Wanted<'_> {
    /// The verdict under other policies.
    fn judged(&self, policies: &Policies) -> Option<Judgement> {
        let numbers = self.scene.numbers.identities.clone();
        let scene = Scene::new(self.scene.state, policies, self.scene.config, numbers);
        let explanation = scene.judged(self.asked).ok()?;
        explanation.judgement(self.direction).cloned()
    }

    fn works(&self, tried: &Tried) -> bool {
        self.judged(&tried.policies)
            .is_some_and(|judgement| judgement.decision.allows())
    }

    /// The smallest rule that opens a default deny for the peer, or why there is none.
    fn opened(&self, now: &Judgement, policies: &Policies) -> Suggestion {
        let mut findings: Vec<&PolicyFinding> = now.policies.iter().collect();
        findings.sort_by_key(|finding| distance(finding));
        let extended = findings
            .iter()
            .filter_map(|finding| self.extended(finding, policies))
            .find(|tried| self.works(tried));
        if let Some(tried) = extended {
            return tried.suggestion;
        }
        let added = self.added(findings.first().copied(), policies);
        match added.filter(|tried| self.works(tried)) {
            Some(tried) => tried.suggestion,
            None => self.nothing(),
        }
    }

    /// A rule more in a policy that selects the subject.
    fn extended(&self, finding: &PolicyFinding, policies: &Policies) -> Option<Tried> {
        let spec = finding.selecting.first()?;
        let native = finding.policy.kind == Kind::NetworkPolicy;
        let namespace = finding.policy.namespace.as_deref();
        let yaml = yaml::element(self, native, namespace)?;
        let element = parsed::element(
            &finding.policy,
            self.direction,
            &yaml,
            &self.scene.config.cluster,
        )?;
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
        Some(Tried {
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
    fn added(&self, nearest: Option<&PolicyFinding>, policies: &Policies) -> Option<Tried> {
        let namespace = self.subject.namespace()?;
        let labels = telling::labels(self.subject, &self.others, Some(namespace), true)?;
        if !labels.also.is_empty() {
            // It would restrict other pods, too.
            return None;
        }
        let yaml = yaml::policy(self, namespace, &labels)?;
        let policy = parsed::policy(&yaml, &self.scene.config.cluster)?;
        let element = policy.rules.first()?.statement(self.direction)?;
        let also = self.also(element.elements.first()?);
        let why = match nearest {
            Some(finding) => format!(": {} has no words for {}", finding.policy, self.peer.name),
            None => String::new(),
        };
        let mut policies = policies.clone();
        policies.insert(policy.name.clone(), Arc::new(policy));
        Some(Tried {
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
        let groups = &self.scene.state.cidr_groups;
        let matches = |labels: &Labels| {
            let mut peers = element.peers.iter();
            *labels != self.peer.labels && peers.any(|peer| peer.matches(labels, groups))
        };
        if self.peer.judged {
            let also = self.others.named(matches);
            return match also.is_empty() {
                true => String::new(),
                false => format!(" (no label tells it from {also}, which it allows as well)"),
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
        format!(" (it allows {all}: policies don't tell them apart)")
    }

    /// Why nothing is offered.
    fn nothing(&self) -> Suggestion {
        let at = |party: &Party| telling::labels(party, &self.others, party.namespace(), true);
        let unlabelled = [self.peer, self.subject]
            .into_iter()
            .find(|party| party.judged && at(party).is_none());
        let text = match unlabelled {
            Some(party) => format!(
                "no rule can name {name} alone: it has no label that other pods of its namespace \
                 don't have; give it one of its own (such as app: {own}), then ask again",
                name = party.name,
                own = party.pod.as_ref().map_or("NAME", |pod| &pod.name),
            ),
            None => format!(
                "no rule of the policy language says it: {} can't be named by one",
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
