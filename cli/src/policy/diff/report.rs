//! What is told of a difference, whatever the format.

use std::sync::Arc;

use cluster::ObjectName;
use explain::connectivity::PeerGroup;
use explain::diff::{Became, Change, FlowImpact};
use policy::{Reason, ReasonKind};
use proto::flows::v1::Diagnostic;

use crate::text::{grouped, many};

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ObjectChange {
    Added,
    Changed,
    Removed,
}

/// The whole of it.
pub(super) struct Report {
    /// Objects that differ, by name, and where they stand.
    pub(super) objects: Vec<(ObjectChange, ObjectName, String)>,
    /// What `policy validate` says of the changed ones.
    pub(super) warnings: Vec<Diagnostic>,
    /// Pods that can't be compared.
    pub(super) unmatched: Vec<String>,
    /// Everyone who is compared.
    pub(super) groups: Vec<Arc<PeerGroup>>,
    /// Denied ones first.
    pub(super) changes: Vec<Change>,
    /// What would have become of recorded connections, and which those are.
    pub(super) impact: Option<(FlowImpact, String)>,
}

impl Report {
    /// Pairs of workloads (or prefixes, or entities) of which some connection becomes so.
    pub(super) fn pairs(&self, became: Became) -> u64 {
        let rows = self.changes.iter().filter(|change| change.became == became);
        let pairs = rows.flat_map(|row| {
            let destinations = &row.destinations;
            let pair = |source| destinations.iter().map(move |to| (source, Arc::as_ptr(to)));
            row.sources.iter().map(Arc::as_ptr).flat_map(pair)
        });
        pairs.collect::<std::collections::BTreeSet<_>>().len() as u64
    }

    /// What would have become of recorded connections, in one line.
    pub(super) fn impact_summary(&self) -> Option<String> {
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
    pub(super) fn impact_notes(&self) -> Vec<String> {
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
    pub(super) fn summary(&self) -> String {
        let (denied, allowed) = (self.pairs(Became::Denied), self.pairs(Became::Allowed));
        if denied == 0 && allowed == 0 {
            return "No connection becomes denied or allowed.".to_owned();
        }
        format!(
            "Become denied: {}; become allowed: {}.",
            many(denied, "pair"),
            many(allowed, "pair")
        )
    }
}

/// Rules and where they stand: `cnp shop/db spec.ingress[0] allows app=web on 5432/TCP`.
pub(in crate::policy) fn reason_text(reason: Option<&Arc<Reason>>) -> String {
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
