//! What is told of a difference between two states of policies, whatever the format: which objects
//! differ, which connections and requests and recorded ones change, and what is likely a mistake in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use flow::quantity::{grouped, many};
use policy::{Reason, ReasonKind};
use proto::flows::v1::{Diagnostic, diagnostic};

use crate::cancel::{Cancel, Cancelled};
use crate::connectivity::PeerGroup;
use crate::diff::{
    Became, Change, Changes, Comparison, FlowImpact, RequestChange, RequestImpact, RequestsBecame,
};
use crate::flow_groups::FlowGroups;
use crate::policy_inputs::PolicyInputs;
use crate::validate;

mod markdown;
mod names;
mod objects;
mod requests;

pub use markdown::markdown;
pub use names::{Names, connections};
use objects::changed_objects;
pub use objects::{ChangedObject, ObjectChange};
pub use requests::{changed_requests, requests};

/// All that is to be known of a change.
#[derive(Clone, Debug)]
pub struct Report {
    /// Objects that differ.
    pub objects: Vec<ChangedObject>,
    /// What `policy validate` says of the changed ones.
    pub warnings: Vec<Diagnostic>,
    /// Pods that can't be compared.
    pub unmatched: Vec<String>,
    /// Everyone who is compared.
    pub groups: Vec<Arc<PeerGroup>>,
    /// Denied ones first.
    pub changes: Vec<Change>,
    /// What becomes of requests on connections that stay allowed; denied ones first.
    pub requests: Vec<RequestChange>,
    /// What would have become of recorded connections, and which those are: `of the last 60 min`.
    pub impact: Option<(FlowImpact, String)>,
    /// The same of recorded requests.
    pub request_impact: Option<RequestImpact>,
}

impl Report {
    /// Compares two states. `checked` is what validating the change found; `flows` are recorded ones,
    /// and which.
    ///
    /// # Errors
    /// It was cancelled meanwhile.
    pub fn new(
        before: &PolicyInputs,
        after: &PolicyInputs,
        checked: &validate::Report,
        flows: Option<(&FlowGroups, String)>,
        cancel: &Cancel,
    ) -> Result<Self, Cancelled> {
        let objects = changed_objects(&before.state, &after.state);
        let former = flows.as_ref().map(|(groups, _)| groups.pod_labels());
        let (before, after) = (before.context(), after.context());
        let comparison = Comparison::new(&before, &after, &former.unwrap_or_default(), cancel);
        let Changes {
            connections,
            requests,
        } = comparison.changes();
        let groups = flows.as_ref().map(|(groups, _)| *groups);
        let report = Self {
            request_impact: groups.map(|groups| comparison.request_impact(groups)),
            requests,
            warnings: warnings(checked, &objects),
            unmatched: comparison.unmatched().to_vec(),
            groups: comparison.groups().cloned().collect(),
            changes: connections,
            impact: flows.map(|(groups, origin)| (comparison.flow_impact(groups), origin)),
            objects,
        };
        cancel.check()?;
        Ok(report)
    }

    /// Pairs of workloads (or prefixes, or entities) of which some connection becomes so.
    pub fn pairs(&self, became: Became) -> u64 {
        let rows = self.changes.iter().filter(|change| change.became == became);
        let pairs = rows.flat_map(|row| {
            let destinations = &row.destinations;
            let pair = |source| destinations.iter().map(move |to| (source, Arc::as_ptr(to)));
            row.sources.iter().map(Arc::as_ptr).flat_map(pair)
        });
        pairs.collect::<BTreeSet<_>>().len() as u64
    }

    /// What would have become of recorded connections, in one line.
    pub fn impact_summary(&self) -> Option<String> {
        let (impact, origin) = self.impact.as_ref()?;
        let at_least = if impact.is_lower_bound {
            "at least "
        } else {
            ""
        };
        Some(format!(
            "Connections {origin}: {at_least}{}, of which {} would be denied and {} allowed.",
            grouped(impact.connections),
            grouped(impact.connections(Became::Denied)),
            grouped(impact.connections(Became::Allowed)),
        ))
    }

    /// What to know about those connections.
    pub fn impact_notes(&self) -> Vec<String> {
        let Some((impact, _)) = &self.impact else {
            return Vec::new();
        };
        let counts = [
            (
                impact.decided_otherwise,
                "connection",
                "decided otherwise when recorded: policies or labels were others then",
            ),
            (
                impact.unknown,
                "flow",
                "not looked at: they name no port, or nobody who is known",
            ),
            (
                impact.beyond,
                "flow",
                "not looked at: there are too many kinds of connections",
            ),
        ];
        let notes = counts.iter().filter(|(count, ..)| *count > 0);
        notes
            .map(|(count, what, why)| format!("{} {why}", many(*count, what)))
            .collect()
    }

    /// In one line. A pair counts if any port is concerned.
    pub fn summary(&self) -> String {
        let (denied, allowed) = (self.pairs(Became::Denied), self.pairs(Became::Allowed));
        let requests = match self.request_summary() {
            requests if requests.is_empty() => requests,
            requests => format!("; {requests}"),
        };
        if denied == 0 && allowed == 0 {
            return format!("No connection becomes denied or allowed{requests}.");
        }
        format!(
            "Become denied: {}; become allowed: {}{requests}.",
            many(denied, "pair"),
            many(allowed, "pair")
        )
    }

    /// Whether some connections, or requests on others, become denied.
    pub fn denies(&self) -> bool {
        let denied = |row: &RequestChange| row.became != RequestsBecame::Allowed;
        let connections = self.changes.iter();
        let mut connections = connections.map(|row| row.became);
        connections.any(|became| became == Became::Denied) || self.requests.iter().any(denied)
    }

    /// Whether some connections, or requests on others, become allowed.
    pub fn allows(&self) -> bool {
        let allowed = |row: &RequestChange| row.became == RequestsBecame::Allowed;
        let connections = self.changes.iter();
        let mut connections = connections.map(|row| row.became);
        connections.any(|became| became == Became::Allowed) || self.requests.iter().any(allowed)
    }
}

/// Those of objects that differ, and of what is no object.
fn warnings(checked: &validate::Report, objects: &[ChangedObject]) -> Vec<Diagnostic> {
    let changed: BTreeSet<String> = objects.iter().map(|one| one.name.to_string()).collect();
    let mut warnings = crate::proto::report(checked).diagnostics;
    warnings.retain(|warning| {
        warning.severity() == diagnostic::Severity::Warning
            && (warning.object.is_empty() || changed.contains(&warning.object))
    });
    warnings
}

/// Rules and where they stand: `cnp shop/db spec.ingress[0] allows app=web on 5432/TCP`.
pub fn reason_text(reason: Option<&Arc<Reason>>) -> String {
    let Some(reason) = reason else {
        return "not known".to_owned();
    };
    match reason.kind {
        ReasonKind::Allow | ReasonKind::Deny => {
            let rules = reason.origins.iter();
            let rules: Vec<String> = rules
                .map(|origin| format!("{} {} {}", origin.policy, origin.rule, origin.text))
                .collect();
            policy::bounded::list_of_bounded(&rules, "; ")
        }
        ReasonKind::AllowAny
        | ReasonKind::AllowLocalhost
        | ReasonKind::DefaultDeny
        | ReasonKind::AlwaysEnforced
        | ReasonKind::Init => reason.to_string(),
    }
}
