//! Why a flow was decided as it was: what it records, what would be decided for it now, and the
//! policies that have to do with it.
//!
//! A flow comes from a client. It may be of another server, old, cut down to a few fields, or made up:
//! whatever is missing is not told, and whatever can't be is not believed.

use std::collections::BTreeSet;

use cluster::{Kind, ObjectName};

use crate::trace::{EndpointVerdict, Explanation, PolicyContext, Port, TraceQuery};
use crate::validate;

mod connection;
mod flow;
mod not_policy;
mod recorded;
mod request_flags;
mod sanitize;
mod text;

pub use flow::{
    DropReason, EndpointDecision, RecordedDecision, RecordedEnd, RecordedEndpoint, RecordedFlow,
    RecordedPolicies, RecordedPolicy, RecordedRequest, RecordedRule, Transport, Verdict,
};

pub use request_flags::request_flags;

use connection::{Connection, FlowEnd};

/// Who answers, and what it knows beside the context.
#[derive(Clone, Debug, Default)]
pub struct Responder {
    /// Name of the node.
    pub node_name: String,
    /// Its revision; 0 if it has none.
    pub revision: u32,
    /// Policies in force in their last good form, because their present one is refused.
    pub stale: BTreeSet<ObjectName>,
}

/// Why a flow was decided as it was.
#[derive(Clone, Debug, Default)]
pub struct FlowExplanation {
    /// One line for people, about the decision that the flow records or, if it records none, the present
    /// one.
    pub headline: String,
    /// What the flow says that was decided; `None` if it says nothing.
    pub recorded: Option<RecordedDecision>,
    /// What would be decided now; `None` if it can't be told: `notes` then say why.
    pub now: Option<Explanation>,
    /// The present verdict is another than the recorded one.
    pub differs: bool,
    /// What changed since, one line each.
    pub changes: Vec<String>,
    /// Those that decided, then the others that select an end.
    pub policies: Vec<InvolvedPolicy>,
    /// A command line that asks for the present decision again; empty if there is none to ask for.
    pub command: String,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// Something other than a policy dropped the packet: the headline says what, who sent it and what
    /// usually causes it. There is no `now`, and no policy would change it.
    pub not_policy: bool,
}

/// A policy that has to do with a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvolvedPolicy {
    /// `cnp production/db`.
    pub policy: String,
    /// Kind; `None` if it isn't known.
    pub kind: Option<Kind>,
    /// Empty for clusterwide policies.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// It is among those that decided the flow.
    pub decided: bool,
    /// The version that decided; empty if the flow doesn't tell.
    pub version: String,
    /// The version in force now; empty if none is.
    pub present_version: String,
    /// `version`, where the flow tells it, is the one in force now; otherwise: some version is.
    pub in_force: bool,
    /// The manifest's present form is refused: the last good one is in force.
    pub stale: bool,
    /// Where its manifest is: `web.yaml:1:1`; empty if it is gone.
    pub place: String,
    /// The manifest's text as it is now; empty if it is gone.
    pub yaml: String,
    /// What it means, in a sentence or two.
    pub summary: String,
}

/// Answers for any flow; what can't be told is a note.
pub fn explain(
    context: &PolicyContext<'_>,
    flow: &RecordedFlow,
    responder: &Responder,
) -> FlowExplanation {
    let connection = Connection::from_flow(context, flow);
    let mut recorded = recorded::decision(flow, &connection);
    if let Some(drop) = recorded.as_mut().filter(|drop| drop.is_not_policy()) {
        drop.text = not_policy::sentence(context, flow, drop.drop_reason);
        // Nothing is asked of the policies: whatever they say, the packet stays dropped.
        return FlowExplanation {
            headline: text::not_policy(&connection, &drop.text),
            recorded,
            not_policy: true,
            ..FlowExplanation::default()
        };
    }
    let other_end = recorded::other_end(flow, &connection);
    let mut notes = connection.notes();
    let now = connection
        .query()
        .map_err(|missing| format!("the flow does not identify {missing}"))
        .and_then(|query| {
            let answer = context.answer(&query, connection.request.as_ref());
            answer.map_err(|error| error.to_string())
        });
    let now = match now {
        Ok(now) => Some(now),
        Err(why) => {
            notes.push(format!("the current decision is unknown: {why}"));
            None
        }
    };
    let differs = match (&recorded, &now) {
        // Over all ports a verdict is another thing.
        (Some(recorded), Some(now)) if now.ports.is_none() => {
            // Of a connection to the proxy nothing follows for a request that isn't known.
            let is_known = !connection.hides_request || !now.verdicts().any(is_redirected);
            is_known && differs(recorded, now)
        }
        _ => false,
    };
    let policies = involved(context, &recorded, &now, &responder.stale);
    let changes = changes(&recorded, &now, &policies, responder);
    if let (Some(recorded), Some(other)) = (&recorded, &other_end) {
        notes.push(text::other_end_note(recorded, other));
    }
    // Of a connection that one end let go and the other did not, the denial is the news.
    let decisive = other_end.as_ref().or(recorded.as_ref());
    FlowExplanation {
        headline: text::headline(&connection, decisive, now.as_ref(), differs),
        command: match now {
            Some(_) => text::command(&connection),
            None => String::new(),
        },
        recorded,
        now,
        differs,
        changes,
        policies,
        notes,
        not_policy: false,
    }
}

impl Connection {
    /// The question, or what is missing for it.
    fn query(&self) -> Result<TraceQuery, String> {
        let missing = |what: &str, end: &FlowEnd| match &end.missing {
            Some(why) => format!("the {what}: {why}"),
            None => format!("the {what}"),
        };
        let source = self.source.end.clone();
        let destination = self.destination.end.clone();
        Ok(TraceQuery {
            source: source.ok_or_else(|| missing("source", &self.source))?,
            destination: destination.ok_or_else(|| missing("destination", &self.destination))?,
            port: self.port.clone().unwrap_or(Port::Any),
        })
    }

    fn notes(&self) -> Vec<String> {
        let ends = [&self.source, &self.destination];
        let mut notes: Vec<String> = ends.iter().filter_map(|end| end.note.clone()).collect();
        if self.port.is_none() && ends.iter().all(|end| end.end.is_some()) {
            notes.push("flow has no port; evaluated for any port".to_owned());
        }
        if self.hides_request {
            notes.push(
                "the flow is about a request and does not tell it: what is said is about its connection"
                    .to_owned(),
            );
        }
        if self.reply && self.request.is_none() {
            notes.push(
                "it is a reply: replies of an allowed connection need no rule; what counts is who \
                 may open it"
                    .to_owned(),
            );
        }
        notes
    }
}

/// The verdict of the end that decided the flow.
fn same_end<'a>(recorded: &RecordedDecision, now: &'a Explanation) -> Option<&'a EndpointVerdict> {
    now.verdict(recorded.direction?)
}

fn is_redirected(verdict: &EndpointVerdict) -> bool {
    verdict.decision.verdict == abi::event::REDIRECTED
}

fn differs(recorded: &RecordedDecision, now: &Explanation) -> bool {
    let Some(then) = recorded.verdict.allows() else {
        return false;
    };
    let allows = match same_end(recorded, now) {
        Some(verdict) => verdict.allows(),
        None => now.allowed(),
    };
    then != allows
}

/// The policies that decided, then those that decide now, then the others that select an end.
fn involved(
    context: &PolicyContext<'_>,
    recorded: &Option<RecordedDecision>,
    now: &Option<Explanation>,
    stale: &BTreeSet<ObjectName>,
) -> Vec<InvolvedPolicy> {
    let mut list: Vec<InvolvedPolicy> = Vec::new();
    let rules = recorded.iter().flat_map(|recorded| &recorded.decided_by);
    for rule in rules {
        let same = |known: &InvolvedPolicy| {
            (&known.kind, &known.namespace, &known.name)
                == (&rule.kind, &rule.namespace, &rule.name)
        };
        if !list.iter().any(same) {
            list.push(InvolvedPolicy {
                policy: text::policy_name(rule),
                kind: rule.kind,
                namespace: rule.namespace.clone(),
                name: rule.name.clone(),
                decided: true,
                version: rule.version.clone(),
                ..InvolvedPolicy::default()
            });
        }
    }
    let verdicts = || now.iter().flat_map(Explanation::verdicts);
    let deciding = verdicts()
        .filter_map(|verdict| verdict.decision.reason.as_deref())
        .flat_map(|reason| &reason.origins)
        .map(|origin| &origin.policy);
    let selecting = verdicts()
        .flat_map(|verdict| &verdict.policies)
        .map(|finding| &finding.policy);
    for name in deciding.chain(selecting) {
        let text = name.to_string();
        if !list.iter().any(|known| known.policy == text) {
            list.push(InvolvedPolicy {
                policy: text,
                kind: Some(name.kind),
                namespace: name.namespace.as_deref().unwrap_or_default().to_owned(),
                name: name.name.to_string(),
                ..InvolvedPolicy::default()
            });
        }
    }
    let present = context.policies_by_text(list.iter().map(|policy| policy.policy.as_str()));
    let summaries = validate::summaries(context.state(), &present, context.config());
    for policy in &mut list {
        let known = present
            .iter()
            .find(|(name, _)| name.to_string() == policy.policy);
        if let Some((name, parsed)) = known {
            policy.present_version = parsed.version.to_string();
            policy.stale = stale.contains(name);
            policy.summary = summaries.get(name).cloned().unwrap_or_default();
        }
        let manifests = context.state().policies.iter();
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
    recorded: &Option<RecordedDecision>,
    now: &Option<Explanation>,
    policies: &[InvolvedPolicy],
    responder: &Responder,
) -> Vec<String> {
    let Some(recorded) = recorded else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    for policy in policies.iter().filter(|policy| policy.decided) {
        let name = &policy.policy;
        if policy.present_version.is_empty() {
            changes.push(format!("{name} no longer exists"));
        } else if !policy.in_force {
            let of = match policy.namespace.as_str() {
                "" => policy.name.clone(),
                namespace => format!("{namespace}/{}", policy.name),
            };
            changes.push(format!(
                "{name} says another thing now (flows policy history {of} --diff)"
            ));
        }
    }
    let decides = now.as_ref().and_then(|now| same_end(recorded, now));
    let origins = decides
        .and_then(|verdict| verdict.decision.reason.as_deref())
        .map(|reason| reason.origins.as_slice())
        .unwrap_or_default();
    let names: BTreeSet<String> = origins
        .iter()
        .map(|origin| origin.policy.to_string())
        .collect();
    for name in &names {
        let before = policies
            .iter()
            .any(|policy| policy.decided && policy.policy == *name);
        if !before && recorded.tells_rules() {
            changes.push(format!(
                "{name} now matches this traffic; did not when the flow was recorded"
            ));
        }
    }
    if recorded.revision > 0
        && recorded.node_name == responder.node_name
        && responder.revision > 0
        && recorded.revision != responder.revision
        && !changes.is_empty()
    {
        changes.push(format!(
            "{} was at revision {}, and is at {}",
            responder.node_name, recorded.revision, responder.revision
        ));
    }
    changes
}
