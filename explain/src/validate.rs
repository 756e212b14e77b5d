//! What is wrong with policies, what they mean, and what about them is likely not meant.
//!
//! Errors are what an agent refuses. Warnings are about policies that are fine as far as the language
//! goes: a selector that selects nothing, a deny that leaves nothing of an allow. Notes are worth
//! knowing, and often intended.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use cluster::manifest::{self, Document, Ignored};
use cluster::{Labels, Object, ObjectName, Origin, Problem, State, yaml};

use policy::Config;
use policy::parse_all;
use policy::rule::{Element, Peer, Policy};
use policy::selector::Selector;
use policy::steps;

mod lint;
mod overlap;
mod partial_shadow;
mod subsumption;
mod summary;

use crate::cancel::{self, Cancel};
use overlap::Overlaps;
use subsumption::{ElementScope, Pods};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// An agent refuses it.
    Error,
    /// Likely a mistake.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing to say about a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Which check says so, `selects-nothing`; `refused` for errors.
    pub code: &'static str,
    /// Where, what, and what to do.
    pub problem: Problem,
}

/// What a policy means, in a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySummary {
    /// The policy.
    pub policy: ObjectName,
    /// Where it came from.
    pub origin: Origin,
    /// `selects 3 pods; allows ingress only from app=frontend on 8080/TCP; egress is not restricted`.
    pub text: String,
    /// It has rules that a proxy judges.
    pub needs_proxy: bool,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// Of each policy that is no error, in the order of the files.
    pub summaries: Vec<PolicySummary>,
    /// Documents in the files, and how many of them are policies, good or not.
    pub documents: usize,
    /// See there.
    pub policies: usize,
}

impl Report {
    /// How many diagnostics of a severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        let of = |diagnostic: &&Diagnostic| diagnostic.severity == severity;
        self.diagnostics.iter().filter(of).count()
    }

    /// Notes of each policy that has rules of layer 7 that agents take them only with a proxy: for whoever
    /// asked without a cluster, which has one or not.
    pub fn note_proxy(&mut self) {
        let needing = self.summaries.iter().filter(|summary| summary.needs_proxy);
        let notes = needing.map(|summary| Diagnostic {
            severity: Severity::Note,
            code: "needs-proxy",
            problem: Problem {
                origin: Some(summary.origin.clone()),
                object: Some(summary.policy.clone()),
                field: String::new(),
                problem: "has rules of layer 7 or for names: agents without a proxy refuse it"
                    .to_owned(),
                remedy: "run flows-proxy on each node, and agents without --l7-proxy=off"
                    .to_owned(),
            },
        });
        self.diagnostics.extend(notes);
        self.sort();
    }

    fn sort(&mut self) {
        self.diagnostics.sort_by(|one, other| {
            let key =
                |diagnostic: &Diagnostic| (diagnostic.problem.origin.clone(), diagnostic.severity);
            key(one).cmp(&key(other))
        });
        self.diagnostics.dedup();
    }
}

/// A text with the name under which it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Name.
    pub name: Arc<str>,
    /// YAML or JSON.
    pub text: String,
}

/// Looks at the objects of files, as they would be beside what `present` holds; an object of the same
/// name is replaced.
pub fn validate(files: &[File], present: &State, config: &Config) -> Report {
    look(files, present, config).0
}

/// As [`validate`], with the state that there would be: what `present` holds and the objects of the files.
/// It is meant for use only if nothing is refused. If it is cancelled not everything has been looked at.
pub fn propose(
    files: &[File],
    present: &State,
    config: &Config,
    cancel: &Cancel,
) -> (Report, State) {
    cancel::during(cancel, || look(files, present, config))
}

fn look(files: &[File], present: &State, config: &Config) -> (Report, State) {
    let mut report = Report::default();
    let mut state = present.clone();
    let mut given: BTreeMap<ObjectName, Origin> = BTreeMap::new();
    let mut order: Vec<Arc<manifest::Policy>> = Vec::new();
    let mut unused: Vec<Ignored> = Vec::new();
    for file in cancel::each(files) {
        let origin = Origin::from(Arc::clone(&file.name));
        let documents = match yaml::parse(&file.text) {
            Ok(documents) => documents,
            Err(error) => {
                report.refuse(Problem {
                    origin: Some(origin.at(error.at)),
                    object: None,
                    field: String::new(),
                    problem: format!("invalid YAML: {}", error.problem),
                    remedy: String::new(),
                });
                continue;
            }
        };
        let documents = documents.into_iter();
        for document in
            cancel::each(documents.flat_map(|document| manifest::read(&origin, document)))
        {
            report.documents += 1;
            match document {
                Document::Ignored(ignored) => unused.push(ignored),
                Document::Bad(name, problem) => {
                    report.policies += usize::from(name.is_none_or(|name| name.kind.is_policy()));
                    report.refuse(problem);
                }
                Document::Object(name, object, document) => {
                    report.policies += usize::from(name.kind.is_policy());
                    let origin = origin.at(document.at);
                    if let Some(first) = given.get(&name) {
                        report.refuse(Problem {
                            problem: format!("duplicate definition; the first is at {first}"),
                            origin: Some(origin),
                            object: Some(name),
                            field: String::new(),
                            remedy: "delete one of the two".to_owned(),
                        });
                        continue;
                    }
                    given.insert(name, origin);
                    if let Object::Policy(raw) = &object {
                        order.push(Arc::clone(raw));
                    }
                    state.insert(object);
                }
            }
        }
    }
    report.diagnostics.extend(unused_kinds(&unused));
    // What a policy that is replaced named, nobody names any more.
    state.rebuild_named_labels();
    let mut policies: BTreeMap<ObjectName, Arc<Policy>> = BTreeMap::new();
    for raw in cancel::each(state.policies.values()) {
        match parse_all(raw, config) {
            Ok(policy) => {
                if given.contains_key(&raw.name) {
                    policy
                        .doubts
                        .iter()
                        .cloned()
                        .for_each(|doubt| report.refuse(doubt));
                    let findings = policy.findings.iter();
                    report
                        .diagnostics
                        .extend(findings.map(|finding| Diagnostic {
                            severity: match finding.severity {
                                l7::lint::Severity::Warning => Severity::Warning,
                                l7::lint::Severity::Hint => Severity::Note,
                            },
                            code: "layer7",
                            problem: finding.problem.clone(),
                        }));
                }
                policies.insert(raw.name.clone(), Arc::new(policy));
            }
            Err(wrong) if given.contains_key(&raw.name) => {
                wrong.into_iter().for_each(|problem| report.refuse(problem));
            }
            // What is in force already is not asked about.
            Err(_) => {}
        }
    }
    let context = LintContext::new(&state, &policies, config);
    for raw in cancel::each(&order) {
        let Some(policy) = policies.get(&raw.name) else {
            continue;
        };
        report.summaries.push(PolicySummary {
            policy: raw.name.clone(),
            origin: raw.origin.clone(),
            text: summary::summary(policy, &context),
            needs_proxy: policy.needs_proxy(),
        });
        report
            .diagnostics
            .extend(lint::lint(raw, policy, &context, &given));
    }
    report.sort();
    state.generation += 1;
    (report, state)
}

/// Names what is left out: each policy of another engine, the rest by file and kind.
fn unused_kinds(unused: &[Ignored]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut kinds: BTreeMap<(Option<&Arc<str>>, &str), Vec<&Ignored>> = BTreeMap::new();
    for ignored in unused {
        if ignored.is_policy {
            found.push(Diagnostic {
                severity: Severity::Warning,
                code: "other-engine",
                problem: Problem {
                    origin: Some(ignored.origin.clone()),
                    object: None,
                    field: String::new(),
                    problem: format!(
                        "{} {} is a policy of another engine: it is NOT enforced",
                        ignored.kind, ignored.name
                    ),
                    remedy: "write it as a NetworkPolicy or CiliumNetworkPolicy".to_owned(),
                },
            });
            continue;
        }
        let file = ignored.origin.as_file().map(|file| &file.path);
        let kind = (file, ignored.kind.as_str());
        kinds.entry(kind).or_default().push(ignored);
    }
    for ((_, kind), objects) in kinds {
        let count = match objects.len() {
            1 => "1 object".to_owned(),
            n => format!("{n} objects"),
        };
        let names: Vec<&str> = objects.iter().map(|object| object.name.as_str()).collect();
        let more = if names.len() > NAMED { ", ..." } else { "" };
        found.push(Diagnostic {
            severity: Severity::Note,
            code: "unused",
            problem: Problem {
                origin: Some(objects[0].origin.clone()),
                object: None,
                field: String::new(),
                problem: format!(
                    "{count} of a kind that isn't used here: {kind} ({}{more})",
                    names[..names.len().min(NAMED)].join(", ")
                ),
                remedy: String::new(),
            },
        });
    }
    found
}

/// Objects that are named before they are counted.
const NAMED: usize = 3;

/// What policies mean in a cluster.
pub fn summaries(
    state: &State,
    policies: &BTreeMap<ObjectName, Arc<Policy>>,
    config: &Config,
) -> BTreeMap<ObjectName, String> {
    let context = LintContext::new(state, policies, config);
    cancel::each(policies)
        .map(|(name, policy)| (name.clone(), summary::summary(policy, &context)))
        .collect()
}

impl Report {
    fn refuse(&mut self, problem: Problem) {
        self.diagnostics.push(Diagnostic {
            severity: Severity::Error,
            code: "refused",
            problem,
        });
    }
}

/// The pods of a cluster by their labels, and its policies.
struct LintContext<'a> {
    state: &'a State,
    /// The pods that have each set of labels.
    pods: BTreeMap<Labels, Vec<&'a cluster::Pod>>,
    /// Labels of pods, and of identities that are no pods.
    labels: BTreeSet<Labels>,
    cluster: &'a str,
    policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
    overlaps: OnceCell<Overlaps<'a>>,
    /// Which of the sets of labels a selector matches.
    matching: RefCell<HashMap<Selector, Rc<Pods>>>,
    /// What is known of elements, by where they are in memory: they outlive this.
    known: RefCell<HashMap<usize, Rc<ElementScope>>>,
}

impl<'a> LintContext<'a> {
    fn new(
        state: &'a State,
        policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
        config: &'a Config,
    ) -> Self {
        let mut pods: BTreeMap<Labels, Vec<&cluster::Pod>> = BTreeMap::new();
        for pod in state.pods.values().filter(|pod| !pod.host_network) {
            let labels = state.identity_labels(pod, &config.cluster);
            pods.entry(labels).or_default().push(pod);
        }
        let reserved = cluster::Identities::new(state.is_dual_stack());
        let labels = reserved.iter().map(|(_, labels)| labels.clone());
        Self {
            state,
            policies,
            cluster: &config.cluster,
            labels: labels.chain(pods.keys().cloned()).collect(),
            pods,
            overlaps: OnceCell::new(),
            matching: RefCell::default(),
            known: RefCell::default(),
        }
    }

    /// Whether pods are known at all: without them nothing can be said of what selectors match.
    fn knows_pods(&self) -> bool {
        !self.pods.is_empty()
    }

    /// What all policies say.
    fn overlaps(&self) -> &Overlaps<'a> {
        self.overlaps.get_or_init(|| {
            Overlaps::new(self.policies, |selector| (*self.pods_of(selector)).clone())
        })
    }

    /// Sets of labels that a selector matches.
    fn pods_of(&self, selector: &Selector) -> Rc<Pods> {
        if let Some(known) = self.matching.borrow().get(selector) {
            return Rc::clone(known);
        }
        let mut pods = Pods::default();
        for (number, labels) in self.pods.keys().enumerate() {
            steps::count(1);
            if selector.matches(labels) {
                pods.insert(number);
            }
        }
        let pods = Rc::new(pods);
        let mut matching = self.matching.borrow_mut();
        matching.insert(selector.clone(), Rc::clone(&pods));
        pods
    }

    /// What is known of an element of one of the policies.
    fn scope_of(&self, element: &Element) -> Rc<ElementScope> {
        let place = std::ptr::from_ref(element).addr();
        if let Some(known) = self.known.borrow().get(&place) {
            return Rc::clone(known);
        }
        let mut pods = Pods::default();
        for peer in &element.peers {
            match peer {
                Peer::Labels(selector) => pods.extend(&self.pods_of(selector)),
                Peer::All => (0..self.pods.len()).for_each(|number| pods.insert(number)),
                // Pods have no reserved labels, and are never meant by prefixes or names.
                Peer::Reserved(_)
                | Peer::Cidr(_)
                | Peer::CidrGroup { .. }
                | Peer::CidrGroups { .. }
                | Peer::Name(_) => {}
            }
        }
        let known = Rc::new(ElementScope::new(element, pods));
        let mut all = self.known.borrow_mut();
        all.insert(place, Rc::clone(&known));
        known
    }

    fn selected(&self, selector: &Selector) -> Vec<&'a cluster::Pod> {
        let matching = self.pods_of(selector);
        let all = self.pods.values().enumerate();
        let matching = all.filter(|(number, _)| matching.has(*number));
        let mut pods: Vec<&cluster::Pod> = matching.flat_map(|(_, pods)| pods.clone()).collect();
        pods.sort_by(|one, other| one.name.cmp(&other.name));
        pods
    }
}

/// A selector without the local cluster, to which nearly all are confined.
fn selector_text(selector: &Selector) -> String {
    let own = selector.requirements.iter();
    let own = own.filter(|requirement| &*requirement.key.name != cluster::labels::CLUSTER);
    Selector::new(own.cloned()).to_string()
}
