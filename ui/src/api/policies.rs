//! The policies: which there are, whether they are in force, how often they decide, and what is likely not
//! meant about them; of a server that has no policies, those that its flows name.

mod details;
mod refusals;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::policies::DecisionCount;
use explain::validate::{Diagnostic, Severity};
use proto::flows::v1::{ManifestProblem, PolicyState};
use serde::Serialize;

use super::{Answer, compute, milliseconds};
use crate::app_state::{AppState, ClusterView, PolicyUses, Unanswered};
use crate::params::Params;
use crate::problem::Problem;

pub(super) use details::get as details;

/// Most workloads without a policy that are named, of each direction.
const NAMED: usize = 200;
/// Most workloads that are named of a policy in the list.
const FEW: usize = 3;

#[derive(Serialize)]
pub(super) struct Policies {
    /// `kernel`: decisions are all that the kernel made; `connections`: only those in memory.
    counted: &'static str,
    /// What can't be shown, and what is shown instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    policies: Vec<Entry>,
    /// So many more match.
    hidden: usize,
    /// All that there are.
    all: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Coverage>,
    /// What is refused and is no policy.
    refused: Vec<Refusal>,
    notes: Vec<String>,
    /// Connections that began since are in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    connections_since: Option<f64>,
}

/// A policy in the list.
#[derive(Clone, Debug, Default, Serialize)]
struct Entry {
    /// `cnp shop/web`.
    policy: String,
    kind: String,
    namespace: String,
    name: String,
    meaning: String,
    /// `enforced`; `stale`: the last good version is; `refused`: nothing is; `seen`: flows name it.
    state: &'static str,
    pods: usize,
    /// The first workloads that it selects.
    workloads: Vec<String>,
    workloads_hidden: usize,
    rules: usize,
    never_hit: usize,
    decisions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    /// Connections that it allowed and that are open.
    open: u64,
    /// The last connection in memory that it decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<f64>,
    /// Connections in memory that it denied.
    denied: u64,
    /// The expression for its connections.
    term: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    findings: Vec<Finding>,
}

/// Why the present form of something is refused.
#[derive(Clone, Debug, Serialize)]
struct Refusal {
    /// `cnp shop/web`; empty if that can't be told.
    object: String,
    /// `web.yaml:3:1`
    place: String,
    field: String,
    problem: String,
    remedy: String,
}

/// What is likely not meant.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    severity: &'static str,
    code: &'static str,
    /// Of the manifest as it is shown; 0: it as a whole.
    line: u32,
    column: u32,
    field: String,
    problem: String,
    remedy: String,
}

/// Pods that no policy restricts.
#[derive(Debug, Default, Serialize)]
struct Coverage {
    pods: usize,
    workloads: usize,
    ingress: Uncovered,
    egress: Uncovered,
}

#[derive(Debug, Default, Serialize)]
struct Uncovered {
    pods: usize,
    workloads: Vec<Named>,
    /// So many more workloads.
    hidden: usize,
}

/// A workload, or a pod that has none.
#[derive(Clone, Debug, Serialize)]
struct Named {
    /// `shop/web`.
    name: String,
    pods: usize,
}

/// Columns by which the list can be sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Policy,
    State,
    Pods,
    Decisions,
    Rate,
    Open,
    Last,
    NeverHit,
}

impl Column {
    const ALL: [(&'static str, Self); 8] = [
        ("policy", Self::Policy),
        ("state", Self::State),
        ("pods", Self::Pods),
        ("decisions", Self::Decisions),
        ("rate", Self::Rate),
        ("open", Self::Open),
        ("last", Self::Last),
        ("never_hit", Self::NeverHit),
    ];

    fn read(text: &str) -> Result<(Self, bool), Problem> {
        let (name, down) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        let known = known.map(|(_, column)| (*column, down));
        known.ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            let what = "is not a column of policies";
            let name: String = name.chars().take(40).collect();
            Problem::parameter("sort", format!("{name:?} {what}; use one of {names}"))
        })
    }
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Policies> {
    let params = Params::read(query.as_deref(), &["words", "sort", "limit"], &[])?;
    let words = params.text("words").unwrap_or_default().to_lowercase();
    let (column, down) = Column::read(params.text("sort").unwrap_or("policy"))?;
    let limit = params.number("limit", 200, 1..=1000)?;
    let mut all = gather(&app).await?;
    let count = all.entries.len();
    let words: Vec<&str> = words.split_whitespace().collect();
    all.entries.retain(|entry| entry.has(&words));
    all.entries.sort_by(|one, other| {
        let order = one.compare(other, column);
        let order = if down { order.reverse() } else { order };
        order.then_with(|| one.policy.cmp(&other.policy))
    });
    let hidden = all.entries.len().saturating_sub(limit);
    all.entries.truncate(limit);
    Ok(Json(Policies {
        counted: match all.is_counted {
            true => "kernel",
            false => "connections",
        },
        why: all.why,
        policies: all.entries,
        hidden,
        all: count,
        coverage: all.cluster.as_deref().map(Coverage::of),
        refused: all.refused,
        notes: all.notes,
        connections_since: all.uses.since.map(milliseconds),
    }))
}

/// All that is known of policies.
struct Gathered {
    entries: Vec<Entry>,
    is_counted: bool,
    why: Option<String>,
    refused: Vec<Refusal>,
    notes: Vec<String>,
    uses: Arc<PolicyUses>,
    cluster: Option<Arc<ClusterView>>,
}

async fn gather(app: &Arc<AppState>) -> Result<Gathered, Problem> {
    let uses = compute(Arc::clone(app), |app| Ok(app.policy_uses()?)).await?;
    let answer = app.policies.get(app.server.as_ref()).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(none) => {
            return Ok(Gathered {
                entries: seen(&uses),
                is_counted: false,
                why: Some(instead(&none)),
                refused: Vec::new(),
                notes: Vec::new(),
                uses,
                cluster: None,
            });
        }
    };
    let mut notes = answer.notes.clone();
    let cluster = app.cluster_view().await;
    let why = cluster.as_ref().err().map(|none| {
        let why = &none.why;
        format!("Coverage, findings and manifests can't be shown: {why}.")
    });
    let cluster = cluster.ok();
    let of_state = cluster.iter().flat_map(|cluster| &cluster.notes);
    for note in of_state {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    let known = app.health();
    let ours = known
        .health
        .as_ref()
        .and_then(|health| health.ours.as_ref());
    let problems = ours.map_or(&[][..], |ours| &ours.problems);
    let mut entries: Vec<Entry> = answer
        .policies
        .iter()
        .map(|(policy, count)| Entry::new(policy, *count, cluster.as_deref(), &uses))
        .collect();
    let refused = refusals::add(&mut entries, problems);
    Ok(Gathered {
        entries,
        is_counted: true,
        why,
        refused,
        notes,
        uses,
        cluster,
    })
}

/// What a server without policies can't tell, and what is shown in place of it.
fn instead(none: &Unanswered) -> String {
    let why = &none.why;
    format!(
        "The policies in force, their rules, manifests and coverage can't be shown: {why}. Shown instead are \
         the policies that the connections in memory name, and how many of those each decided."
    )
}

/// The policies that connections name.
fn seen(uses: &PolicyUses) -> Vec<Entry> {
    let entries = uses.of.iter().map(|(policy, of)| {
        Entry {
            state: "seen",
            decisions: of.connections,
            ..Entry::named(policy)
        }
        .with_use(uses)
    });
    entries.collect()
}

impl Entry {
    /// One of which only the name is known, `cnp shop/web`.
    fn named(policy: &str) -> Self {
        let (kind, full) = policy.split_once(' ').unwrap_or(("", policy));
        let (namespace, name) = full.split_once('/').unwrap_or(("", full));
        Self {
            policy: policy.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            term: format!("policy == {}", flow::expr::quote(full)),
            ..Self::default()
        }
    }

    fn new(
        policy: &PolicyState,
        count: DecisionCount,
        cluster: Option<&ClusterView>,
        uses: &PolicyUses,
    ) -> Self {
        let owners: BTreeSet<String> = policy
            .selects
            .iter()
            .map(|pod| cluster.map_or_else(|| pod.clone(), |cluster| cluster.owner(pod)))
            .collect();
        let findings = cluster.and_then(|cluster| cluster.findings.get(&policy.policy));
        Self {
            meaning: policy.meaning.clone(),
            state: if policy.stale { "stale" } else { "enforced" },
            pods: policy.selects.len(),
            workloads_hidden: owners.len().saturating_sub(FEW),
            workloads: owners.into_iter().take(FEW).collect(),
            rules: policy.rules.len(),
            never_hit: policy
                .rules
                .iter()
                .filter(|rule| rule.decisions == 0)
                .count(),
            decisions: count.decisions,
            rate: count.rate,
            open: policy.rules.iter().map(|rule| rule.connections).sum(),
            findings: findings.into_iter().flatten().map(Finding::new).collect(),
            ..Self::named(&policy.policy)
        }
        .with_use(uses)
    }

    fn with_use(mut self, uses: &PolicyUses) -> Self {
        let of = uses.of.get(&self.policy);
        self.last = of.map(|of| milliseconds(of.last));
        self.denied = of.map_or(0, |of| of.denied);
        self
    }

    /// Whether all words stand in what is shown of it.
    fn has(&self, words: &[&str]) -> bool {
        let texts = [&self.policy, &self.kind, &self.meaning];
        let texts = texts.into_iter().chain(&self.workloads);
        let texts = texts.map(|text| text.to_lowercase());
        let texts: Vec<String> = texts.chain([self.state.to_owned()]).collect();
        words
            .iter()
            .all(|word| texts.iter().any(|text| text.contains(word)))
    }

    fn compare(&self, other: &Self, column: Column) -> std::cmp::Ordering {
        let number = |one: Option<f64>, other: Option<f64>| {
            let value = |of: Option<f64>| of.unwrap_or(-1.0);
            value(one).total_cmp(&value(other))
        };
        match column {
            Column::Policy => self.policy.cmp(&other.policy),
            Column::State => self.trouble().cmp(&other.trouble()),
            Column::Pods => self.pods.cmp(&other.pods),
            Column::Decisions => self.decisions.cmp(&other.decisions),
            Column::Rate => number(self.rate, other.rate),
            Column::Open => self.open.cmp(&other.open),
            Column::Last => number(self.last, other.last),
            Column::NeverHit => self.never_hit.cmp(&other.never_hit),
        }
    }

    /// How badly it stands, 0: well.
    fn trouble(&self) -> (u8, usize) {
        let state = match self.state {
            "refused" => 3,
            "stale" => 2,
            _ => u8::from(self.findings.iter().any(|found| found.severity != "note")),
        };
        (state, self.findings.len())
    }
}

impl Refusal {
    fn new(problem: &ManifestProblem) -> Self {
        let place = match (problem.line, problem.column) {
            (0, _) => problem.file.clone(),
            (line, 0) => format!("{}:{line}", problem.file),
            (line, column) => format!("{}:{line}:{column}", problem.file),
        };
        Self {
            object: problem.object.clone(),
            place,
            field: problem.field.clone(),
            problem: problem.problem.clone(),
            remedy: problem.remedy.clone(),
        }
    }
}

impl Finding {
    fn new(found: &Diagnostic) -> Self {
        let at = found.problem.file().map(|file| file.at);
        Self {
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            code: found.code,
            line: at.map_or(0, |at| at.line),
            column: at.map_or(0, |at| at.column),
            field: found.problem.field.clone(),
            problem: found.problem.problem.clone(),
            remedy: found.problem.remedy.clone(),
        }
    }
}

impl Coverage {
    fn of(cluster: &ClusterView) -> Self {
        let mut owners: BTreeSet<String> = BTreeSet::new();
        let mut coverage = Self::default();
        let (mut ingress, mut egress) = (Vec::new(), Vec::new());
        for of in &cluster.enforcement {
            let Some(owner) = of.group.owner() else {
                continue;
            };
            let (name, pods) = (owner.to_string(), of.group.pods.len());
            coverage.pods += pods;
            if of.ingress.is_none() {
                ingress.push((name.clone(), pods));
            }
            if of.egress.is_none() {
                egress.push((name.clone(), pods));
            }
            owners.insert(name);
        }
        coverage.workloads = owners.len();
        coverage.ingress = Uncovered::of(ingress);
        coverage.egress = Uncovered::of(egress);
        coverage
    }
}

impl Uncovered {
    fn of(groups: Vec<(String, usize)>) -> Self {
        let mut workloads = std::collections::BTreeMap::<String, usize>::new();
        for (name, pods) in groups {
            *workloads.entry(name).or_default() += pods;
        }
        Self {
            pods: workloads.values().sum(),
            hidden: workloads.len().saturating_sub(NAMED),
            workloads: workloads
                .into_iter()
                .take(NAMED)
                .map(|(name, pods)| Named { name, pods })
                .collect(),
        }
    }
}
