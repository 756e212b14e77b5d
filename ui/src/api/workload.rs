//! A workload, or a pod: its pods, whom it connects with, and what policies make of it.

mod peers;
mod reach;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use explain::who_can::Enforcement;
use policy::Reason;
use serde::Serialize;

use super::{Answer, compute, expressions};
use crate::app_state::{AppState, ClusterView, FlowQuery};
use crate::params::Params;
use crate::problem::Problem;
use peers::Peers;

pub(super) use reach::get as reach;

/// Most pods that are named.
const PODS: usize = 100;
/// Of so many groups of pods that are not alike the identities are asked for.
const ALIKE: usize = 4;

#[derive(Serialize)]
pub(super) struct Workload {
    /// `shop/web`
    name: String,
    /// What can't be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    pods: Vec<Pod>,
    pods_hidden: usize,
    /// How its pods are restricted: a part for each group of pods that policies treat alike.
    enforcement: Vec<Enforced>,
    #[serde(flatten)]
    peers: Peers,
    /// The expression for its connections.
    term: String,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Pod {
    name: String,
    node: String,
    addresses: Vec<IpAddr>,
    /// `up`; `no address`: not yet, or it has ended; `host network`: policies of pods don't concern it.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<u32>,
}

/// Pods that policies treat alike.
#[derive(Serialize)]
struct Enforced {
    /// `shop/web`, with the pods that are meant if not all are alike.
    pods: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<u32>,
    labels: Vec<String>,
    /// All policies that select them.
    policies: Vec<String>,
    ingress: Direction,
    egress: Direction,
}

#[derive(Serialize)]
struct Direction {
    restricted: bool,
    /// `default deny by cnp shop/web`, `not restricted`.
    text: String,
    /// The policies that make it so.
    policies: Vec<String>,
}

/// What a request names.
pub(super) struct Asked {
    name: String,
    query: FlowQuery,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let params = Params::read(query, &["name"], &[])?;
        let name = params.text("name").filter(|name| name.contains('/'));
        let name = name.ok_or_else(|| {
            let what = "which workload or pod is meant, such as shop/web";
            Problem::parameter("name", what)
        })?;
        let quoted = flow::expr::quote(name);
        let text = format!("workload == {quoted} or pod == {quoted}");
        let filter = expressions::read(&text, 0);
        let filter = filter.map_err(|problem| Problem::parameter("name", problem.detail))?;
        Ok(Self {
            name: name.to_owned(),
            query: FlowQuery { key: text, filter },
        })
    }
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Workload> {
    let asked = Asked::read(query.as_deref())?;
    let (name, term) = (asked.name.clone(), asked.query.key.clone());
    let cluster = app.cluster_view().await;
    let why = cluster.as_ref().err().map(|none| {
        format!(
            "Pods, policies and who may reach it can't be shown: {}. Shown is what the connections in memory \
             tell.",
            none.why
        )
    });
    let cluster = cluster.ok();
    let peers = compute(Arc::clone(&app), move |app| {
        Ok(peers::of(app, &asked.name, &asked.query)?)
    });
    let peers = peers.await?;
    let groups = cluster
        .as_ref()
        .map_or_else(Vec::new, |cluster| cluster.reachability.named(&name));
    let (mut pods, pods_hidden) = cluster
        .as_ref()
        .map_or_else(Default::default, |cluster| pods(cluster, &name));
    if pods.is_empty() && peers.connections == 0 {
        let name: String = name.chars().take(80).collect();
        let detail = format!(
            "there is no pod or workload {name}: the cluster has none now, and no connection in memory names it"
        );
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    let mut notes = cluster
        .as_ref()
        .map_or_else(Vec::new, |cluster| cluster.notes.clone());
    let mut enforcement = Vec::new();
    if let Some(cluster) = &cluster {
        let alike = cluster.enforcement.iter();
        for of in alike.filter(|of| groups.contains(&of.group)).take(ALIKE) {
            enforcement.push(enforced(of, &app, &mut pods, &mut notes).await);
        }
    }
    Ok(Json(Workload {
        name,
        why,
        pods,
        pods_hidden,
        enforcement,
        peers,
        term,
        notes,
    }))
}

/// The pods that a name means, a workload's or one, the first by name, and how many more there are.
fn pods(cluster: &ClusterView, name: &str) -> (Vec<Pod>, usize) {
    let all = || cluster.inputs.state.pods.values();
    let owner = |pod: &cluster::Pod| {
        let workload = pod.workload.as_ref().map(|workload| &workload.name);
        format!(
            "{}/{}",
            pod.name.namespace,
            workload.unwrap_or(&pod.name.name)
        )
    };
    // A workload comes before a pod of the same name.
    let is_workload = all().any(|pod| owner(pod) == name);
    let is_meant = |pod: &cluster::Pod| match is_workload {
        true => owner(pod) == name,
        false => pod.name.to_string() == name,
    };
    let mut found: Vec<Pod> = all()
        .filter(|pod| is_meant(pod))
        .map(|pod| Pod {
            name: pod.name.to_string(),
            node: pod.node.as_deref().unwrap_or_default().to_owned(),
            addresses: pod.ips.clone(),
            state: match (pod.host_network, pod.ips.is_empty()) {
                (true, _) => "host network",
                (false, true) => "no address",
                (false, false) => "up",
            },
            identity: None,
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let hidden = found.len().saturating_sub(PODS);
    found.truncate(PODS);
    (found, hidden)
}

/// How a group of pods is restricted; the server is asked for the identity of one of them, which all have.
async fn enforced(
    of: &Enforcement,
    app: &AppState,
    pods: &mut [Pod],
    notes: &mut Vec<String>,
) -> Enforced {
    let mut enforced = Enforced {
        pods: of.group.name.clone(),
        identity: None,
        labels: Vec::new(),
        policies: Vec::new(),
        ingress: direction(of.ingress.as_deref()),
        egress: direction(of.egress.as_deref()),
    };
    if let Some(pod) = of.group.pods.first() {
        match app.endpoint(&pod.to_string()).await.as_deref() {
            Ok(Some(endpoint)) => {
                enforced.identity = Some(endpoint.identity);
                enforced.labels.clone_from(&endpoint.labels);
                enforced.policies.clone_from(&endpoint.policies);
            }
            Ok(None) => notes.push(format!("{pod}: no node that answered has it")),
            Err(none) => notes.push(format!("{pod}: {}", none.why)),
        }
    }
    let names: BTreeSet<String> = of.group.pods.iter().map(ToString::to_string).collect();
    for pod in pods.iter_mut().filter(|pod| names.contains(&pod.name)) {
        pod.identity = enforced.identity;
    }
    enforced
}

fn direction(default: Option<&Reason>) -> Direction {
    let origins = default.into_iter().flat_map(|reason| &reason.origins);
    let policies: BTreeSet<String> = origins.map(|origin| origin.policy.to_string()).collect();
    let policies: Vec<String> = policies.into_iter().collect();
    Direction {
        restricted: default.is_some(),
        text: match (default, policies.as_slice()) {
            (None, _) => "not restricted".to_owned(),
            (Some(reason), []) => reason.to_string(),
            (Some(_), policies) => format!("default deny by {}", policies.join(", ")),
        },
        policies,
    }
}
