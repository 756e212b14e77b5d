//! The cluster by which policies are decided, as the server knows it: read again when something changed,
//! and what follows from it computed once for all who look.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use client::policy_history;
use cluster::NamespacedName;
use explain::policy_inputs::PolicyInputs;
use explain::validate::{self, Diagnostic, File};
use explain::who_can::{Enforcement, Reachability};
use proto::flows::v1::{EndpointState, GetChangesRequest, GetChangesResponse, GetStateResponse};

use super::AppState;
use super::shared::Unanswered;

/// The newest so many versions of a policy are asked for.
const VERSIONS: u32 = 20;

/// See the module.
pub(crate) struct ClusterView {
    /// Pods, nodes, namespaces, policies, and how those are applied.
    pub(crate) inputs: PolicyInputs,
    /// Who may reach whom.
    pub(crate) reachability: Reachability,
    /// What is enforced for each group of pods, by name.
    pub(crate) enforcement: Vec<Enforcement>,
    /// Whose pods are whose.
    pub(crate) owners: HashMap<NamespacedName, NamespacedName>,
    /// The manifests in force by policy, `cnp shop/web`, and where they stand.
    pub(crate) manifests: BTreeMap<String, Manifest>,
    /// What is likely not meant, by policy; lines are those of its manifest.
    pub(crate) findings: BTreeMap<String, Vec<Diagnostic>>,
    /// What stands in the way of taking this for the whole truth.
    pub(crate) notes: Vec<String>,
}

/// A policy's manifest.
pub(crate) struct Manifest {
    /// YAML as it is enforced.
    pub(crate) yaml: String,
    /// `web.yaml:3:1`.
    pub(crate) place: String,
}

impl AppState {
    /// The cluster as it is now.
    pub(crate) async fn cluster_view(&self) -> Result<Arc<ClusterView>, Unanswered> {
        let Some(server) = &self.server else {
            return Err(Unanswered::file());
        };
        let mark = self.changes.mark(Some(server)).await;
        let read = async || {
            let answer = server.get_state().await?;
            let place = Arc::clone(&self.computing).acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            let read = tokio::task::spawn_blocking(move || {
                let view = ClusterView::read(&answer);
                drop(place);
                view
            });
            let view = read.await.unwrap_or_else(|error| {
                tracing::error!(%error, "the cluster's state could not be looked at");
                Err("the cluster's state could not be looked at".to_owned())
            });
            view.map_err(|why| Unanswered { why, never: false })
        };
        self.cluster.get("", mark, read).await
    }

    /// What the servers recorded of a policy, `cnp shop/web`: its newest changes, with their texts.
    pub(crate) async fn policy_history(
        &self,
        policy: &str,
    ) -> Result<Arc<GetChangesResponse>, Unanswered> {
        let Some(server) = &self.server else {
            return Err(Unanswered::file());
        };
        let mark = self.changes.mark(Some(server)).await;
        let ask = async || {
            let (kind, full) = policy.split_once(' ').unwrap_or(("", policy));
            let (namespace, name) = full.rsplit_once('/').unwrap_or(("", full));
            let request = GetChangesRequest {
                kind: kind.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                number: VERSIONS,
                ..GetChangesRequest::default()
            };
            let mut answer = server.get_changes(request).await?;
            answer.changes.retain(|change| {
                change.object == policy && policy_history::is_policy(&change.kind)
            });
            Ok(answer)
        };
        self.histories.get(policy, mark, ask).await
    }

    /// A pod as its node enforces policy for it, without its table; `None` if no node has it.
    pub(crate) async fn endpoint(
        &self,
        pod: &str,
    ) -> Result<Arc<Option<EndpointState>>, Unanswered> {
        let Some(server) = &self.server else {
            return Err(Unanswered::file());
        };
        let mark = self.changes.mark(Some(server)).await;
        let ask = async || {
            let answer = server.list_endpoints(pod).await?;
            let mut endpoint = answer.endpoints.into_iter().next();
            if let Some(endpoint) = &mut endpoint {
                endpoint.entries.clear();
            }
            Ok(endpoint)
        };
        self.endpoints.get(pod, mark, ask).await
    }
}

impl ClusterView {
    fn read(answer: &GetStateResponse) -> Result<Self, String> {
        let (state, config) =
            explain::proto::read_state(answer).map_err(|error| error.to_string())?;
        let inputs = PolicyInputs::new(state.into(), config);
        let reachability = Reachability::new(&inputs.context(), None);
        let enforcement: Vec<Enforcement> = reachability.enforcement().collect();
        let mut owners = HashMap::new();
        for enforcement in &enforcement {
            if let Some(owner) = enforcement.group.owner() {
                let pods = enforcement.group.pods.iter();
                owners.extend(pods.map(|pod| (pod.clone(), owner.clone())));
            }
        }
        let manifests: BTreeMap<String, Manifest> = inputs
            .state
            .policies
            .iter()
            .map(|(name, policy)| {
                let manifest = Manifest {
                    yaml: policy.document.to_yaml(),
                    place: policy.origin.to_string(),
                };
                (name.to_string(), manifest)
            })
            .collect();
        let files: Vec<File> = manifests
            .iter()
            .map(|(name, manifest)| File {
                name: name.as_str().into(),
                text: manifest.yaml.clone(),
            })
            .collect();
        let mut findings: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
        for found in validate::validate(&files, &inputs.state, &inputs.config).diagnostics {
            // Each file is one policy, and named after it.
            let of = found.problem.file().map(|file| file.path.to_string());
            findings
                .entry(of.unwrap_or_default())
                .or_default()
                .push(found);
        }
        Ok(Self {
            reachability,
            enforcement,
            owners,
            manifests,
            findings,
            notes: answer.notes.clone(),
            inputs,
        })
    }

    /// Whose pod it is, `shop/web`; the pod itself if nothing is known of it.
    pub(crate) fn owner(&self, pod: &str) -> String {
        let name = pod
            .split_once('/')
            .map(|(namespace, name)| NamespacedName::new(namespace, name));
        let owner = name.and_then(|name| self.owners.get(&name));
        owner.map_or_else(|| pod.to_owned(), ToString::to_string)
    }
}
