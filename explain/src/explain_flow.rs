//! Why a flow was decided as it was: what it records, what would be decided for it now, and the
//! policies that have to do with it.
//!
//! A flow comes from a client. It may be of another server, old, cut down to a few fields, or made up:
//! whatever is missing is not told, and whatever can't be is not believed.

use std::collections::{BTreeMap, BTreeSet};

use cluster::ObjectName;
use proto::flow as pb;
use proto::flows::v1 as wire;

use crate::trace::{Asked, Explanation, Judgement, Port, Scene};
use crate::validate;

mod ends;
mod not_policy;
mod recorded;
mod words;

use ends::{Connection, FlowEnd};

/// Who answers, and what it knows beside the scene.
#[derive(Clone, Debug, Default)]
pub struct Answerer {
    /// Name of the node.
    pub node_name: String,
    /// Its revision; 0 if it has none.
    pub revision: u32,
    /// Policies in force in their last good form, because their present one is refused.
    pub stale: BTreeSet<ObjectName>,
}

/// Answers for any flow; what can't be told is a note.
pub fn because(scene: &Scene<'_>, flow: &pb::Flow, answerer: &Answerer) -> wire::ExplainResponse {
    let connection = Connection::of(scene, flow);
    let mut recorded = recorded::decision(flow, &connection);
    if let Some(drop) = recorded.as_mut().filter(|drop| recorded::not_policy(drop)) {
        drop.text = not_policy::sentence(scene, flow, drop.drop_reason());
        // Nothing is asked of the policies: whatever they say, the packet stays dropped.
        return wire::ExplainResponse {
            headline: words::not_policy(&connection, &drop.text),
            recorded,
            not_policy: true,
            node_name: answerer.node_name.clone(),
            revision: answerer.revision,
            ..wire::ExplainResponse::default()
        };
    }
    let other_end = recorded::other_end(flow, &connection);
    let mut notes = connection.notes();
    let explanation = match connection.asked() {
        Ok(asked) => match scene.explain(&asked) {
            Ok(explanation) => Some((asked, explanation)),
            Err(error) => {
                notes.push(format!("what would be decided now can't be told: {error}"));
                None
            }
        },
        Err(missing) => {
            notes.push(format!(
                "what would be decided now can't be told: the flow doesn't tell {missing}"
            ));
            None
        }
    };
    let (asked, explanation) = match explanation {
        Some((asked, explanation)) => (Some(asked), Some(explanation)),
        None => (None, None),
    };
    let differs = match (&recorded, &explanation) {
        // Over all ports a verdict is another thing.
        (Some(recorded), Some(now)) if now.reach.is_none() => differs(recorded, now),
        _ => false,
    };
    let policies = involved(scene, &recorded, &explanation, &answerer.stale);
    let changes = changes(&recorded, &explanation, &policies, answerer);
    if let (Some(recorded), Some(other)) = (&recorded, &other_end) {
        notes.push(words::both_ends(recorded, other));
    }
    let now = explanation.as_ref().map(|explanation| wire::TraceResponse {
        node_name: answerer.node_name.clone(),
        revision: answerer.revision,
        ..crate::proto::trace(explanation)
    });
    // Of a connection that one end let go and the other did not, the denial is the news.
    let decisive = other_end.as_ref().or(recorded.as_ref());
    wire::ExplainResponse {
        headline: words::headline(&connection, decisive, explanation.as_ref(), differs),
        recorded,
        now,
        differs,
        changes,
        policies,
        command: asked
            .map(|_| words::command(&connection))
            .unwrap_or_default(),
        notes,
        node_name: answerer.node_name.clone(),
        revision: answerer.revision,
        not_policy: false,
    }
}

impl Connection {
    /// The question, or what is missing for it.
    fn asked(&self) -> Result<Asked, String> {
        let missing = |what: &str, end: &FlowEnd| match &end.missing {
            Some(why) => format!("who the {what} is: {why}"),
            None => format!("who the {what} is"),
        };
        let source = self.source.end.clone();
        let destination = self.destination.end.clone();
        Ok(Asked {
            source: source.ok_or_else(|| missing("source", &self.source))?,
            destination: destination.ok_or_else(|| missing("destination", &self.destination))?,
            port: self.port.clone().unwrap_or(Port::Any),
        })
    }

    fn notes(&self) -> Vec<String> {
        let ends = [&self.source, &self.destination];
        let mut notes: Vec<String> = ends.iter().filter_map(|end| end.note.clone()).collect();
        if self.port.is_none() && ends.iter().all(|end| end.end.is_some()) {
            notes.push(
                "the flow doesn't tell its port: the present decision is about any".to_owned(),
            );
        }
        if self.reply {
            notes.push(
                "it is a reply: replies of an allowed connection need no rule; the question is who \
                 may open it"
                    .to_owned(),
            );
        }
        notes
    }
}

/// A verdict that lets a packet go.
fn lets_go(verdict: pb::Verdict) -> Option<bool> {
    match verdict {
        pb::Verdict::Forwarded | pb::Verdict::Redirected => Some(true),
        pb::Verdict::Dropped => Some(false),
        pb::Verdict::Unknown
        | pb::Verdict::Error
        | pb::Verdict::Audit
        | pb::Verdict::Traced
        | pb::Verdict::Translated => None,
    }
}

/// The judgement of the end that decided the flow.
fn same_end<'a>(recorded: &wire::RecordedDecision, now: &'a Explanation) -> Option<&'a Judgement> {
    match recorded.direction() {
        pb::TrafficDirection::Egress => now.egress.as_ref(),
        pb::TrafficDirection::Ingress => now.ingress.as_ref(),
        pb::TrafficDirection::Unknown => None,
    }
}

fn differs(recorded: &wire::RecordedDecision, now: &Explanation) -> bool {
    let Some(then) = lets_go(recorded.verdict()) else {
        return false;
    };
    let allows = match same_end(recorded, now) {
        Some(judgement) => judgement.decision.allows(),
        None => now.allowed(),
    };
    then != allows
}

/// The policies that decided, then those that decide now, then the others that select an end.
fn involved(
    scene: &Scene<'_>,
    recorded: &Option<wire::RecordedDecision>,
    now: &Option<Explanation>,
    stale: &BTreeSet<ObjectName>,
) -> Vec<wire::InvolvedPolicy> {
    let mut list: Vec<wire::InvolvedPolicy> = Vec::new();
    let rules = recorded.iter().flat_map(|recorded| &recorded.decided_by);
    for rule in rules {
        let same = |known: &wire::InvolvedPolicy| {
            (&known.kind, &known.namespace, &known.name)
                == (&rule.kind, &rule.namespace, &rule.name)
        };
        if !list.iter().any(same) {
            list.push(wire::InvolvedPolicy {
                policy: words::policy_name(rule),
                kind: rule.kind,
                namespace: rule.namespace.clone(),
                name: rule.name.clone(),
                decided: true,
                version: rule.resource_version.clone(),
                ..wire::InvolvedPolicy::default()
            });
        }
    }
    let judgements = || now.iter().flat_map(Explanation::judgements);
    let deciding = judgements()
        .filter_map(|judgement| judgement.decision.reason.as_deref())
        .flat_map(|reason| &reason.origins)
        .map(|origin| &origin.policy);
    let selecting = judgements()
        .flat_map(|judgement| &judgement.policies)
        .map(|finding| &finding.policy);
    for name in deciding.chain(selecting) {
        let text = name.to_string();
        if !list.iter().any(|known| known.policy == text) {
            list.push(wire::InvolvedPolicy {
                policy: text,
                kind: crate::proto::policy_kind(name.kind).into(),
                namespace: name.namespace.as_deref().unwrap_or_default().to_owned(),
                name: name.name.to_string(),
                ..wire::InvolvedPolicy::default()
            });
        }
    }
    let present = scene.policies_by_text(list.iter().map(|policy| policy.policy.as_str()));
    let meanings = validate::meanings(scene.state(), &present, scene.config());
    for policy in &mut list {
        let known = present
            .iter()
            .find(|(name, _)| name.to_string() == policy.policy);
        if let Some((name, parsed)) = known {
            policy.present_version = parsed.version.to_string();
            policy.stale = stale.contains(name);
            policy.meaning = meanings.get(name).cloned().unwrap_or_default();
        }
        let manifests = scene.state().policies.iter();
        let raw = manifests
            .filter(|(name, _)| name.name.as_ref() == policy.name)
            .find(|(name, _)| name.to_string() == policy.policy);
        if let Some((_, raw)) = raw {
            policy.place = raw.origin.to_string();
            policy.yaml = raw.yaml();
        }
        let is_same = policy.version.is_empty() || policy.version == policy.present_version;
        policy.in_force = known.is_some() && is_same;
    }
    list
}

/// What is another than when the flow was decided.
fn changes(
    recorded: &Option<wire::RecordedDecision>,
    now: &Option<Explanation>,
    policies: &[wire::InvolvedPolicy],
    answerer: &Answerer,
) -> Vec<String> {
    let Some(recorded) = recorded else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    for policy in policies.iter().filter(|policy| policy.decided) {
        let name = &policy.policy;
        if policy.present_version.is_empty() {
            changes.push(format!("{name} is gone"));
        } else if !policy.in_force {
            changes.push(format!(
                "{name} is at version {}, and decided at version {}",
                policy.present_version, policy.version
            ));
        }
    }
    let decides = now.as_ref().and_then(|now| same_end(recorded, now));
    let origins = decides
        .and_then(|judgement| judgement.decision.reason.as_deref())
        .map(|reason| reason.origins.as_slice())
        .unwrap_or_default();
    let names: BTreeMap<String, ()> = origins
        .iter()
        .map(|origin| (origin.policy.to_string(), ()))
        .collect();
    for name in names.keys() {
        let before = policies
            .iter()
            .any(|policy| policy.decided && policy.policy == *name);
        if !before && recorded::tells_rules(recorded) {
            changes.push(format!("{name} has a say now, and had none then"));
        }
    }
    if recorded.revision > 0
        && recorded.node_name == answerer.node_name
        && answerer.revision > 0
        && recorded.revision != answerer.revision
        && !changes.is_empty()
    {
        changes.push(format!(
            "{} was at revision {}, and is at {}",
            answerer.node_name, recorded.revision, answerer.revision
        ));
    }
    changes
}
