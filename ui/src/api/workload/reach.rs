//! Who may reach a workload and whom it may reach, by the rules of both ends, and which of that was used.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use explain::connectivity::{PeerGroup, PeerKind};
use explain::flow_groups::{FlowGroups, ObservedEnd, ObservedFlow};
use explain::who_can::{AllowedEdge, WhoCan};
use flow::rows::Judged;
use flow::view::Transport;
use flow::{FlowView, Side};
use policy::rule::protocol;
use serde::Serialize;

use super::super::{Answer, compute, connections, milliseconds};
use super::Asked;
use crate::app_state::{AppState, FlowQuery, TooMany};

/// Most edges of a direction.
const EDGES: usize = 200;
/// Most peers that are named of an edge.
const PEERS: usize = 12;
/// The newest so many connections are looked at.
const LOOKED: usize = 50_000;

#[derive(Serialize)]
pub(in crate::api) struct Reach {
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Who may reach it.
    inbound: Vec<Edge>,
    inbound_hidden: usize,
    /// Whom it may reach.
    outbound: Vec<Edge>,
    outbound_hidden: usize,
    /// Since when connections are looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<f64>,
}

/// Peers that the same rules allow the same ports.
#[derive(Serialize)]
struct Edge {
    /// The pods that are asked about, if not all are alike.
    of: String,
    peers: Vec<Peer>,
    peers_hidden: usize,
    /// `5432/TCP`, `UDP`, `all`
    ports: String,
    /// The rules; none: no policy restricts it.
    rules: Vec<Rule>,
    /// Connections in memory that used it; 0: never used.
    used: u64,
}

#[derive(Serialize)]
struct Peer {
    name: String,
    /// The workload or pod, if it is one: `shop/web`.
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<String>,
}

#[derive(Serialize)]
struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    text: String,
}

pub(in crate::api) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Reach> {
    let asked = Asked::read(query.as_deref())?;
    let cluster = match app.cluster_view().await {
        Ok(cluster) => cluster,
        Err(none) => {
            return Ok(Json(Reach {
                why: Some(none.why),
                inbound: Vec::new(),
                inbound_hidden: 0,
                outbound: Vec::new(),
                outbound_hidden: 0,
                since: None,
            }));
        }
    };
    let reach = compute(app, move |app| {
        let (flows, since) = recorded(app, &asked.query)?;
        let reachability = cluster.reachability.with_flows(&flows);
        let of = reachability.named(&asked.name);
        let part = |asked| {
            let edges = reachability.edges(asked, &of, None);
            let hidden = edges.len().saturating_sub(EDGES);
            let edges = edges.iter().take(EDGES).map(edge);
            (edges.collect(), hidden)
        };
        let (inbound, inbound_hidden) = part(WhoCan::Reach);
        let (outbound, outbound_hidden) = part(WhoCan::BeReachedFrom);
        Ok(Reach {
            why: None,
            inbound,
            inbound_hidden,
            outbound,
            outbound_hidden,
            since: since.map(milliseconds),
        })
    });
    Ok(Json(reach.await?))
}

/// The connections of a workload, by who connected with whom, and since when (Unix ns) they are known.
fn recorded(app: &AppState, query: &FlowQuery) -> Result<(FlowGroups, Option<i64>), TooMany> {
    let wanted = app.connections(query, None)?;
    Ok(app.look(&wanted, |known| {
        let mut groups = FlowGroups::default();
        let entries = known.list.entries().iter().rev();
        let entries = entries.filter(|entry| entry.id.is_some()).take(LOOKED);
        for entry in entries {
            if let Some((_, view)) = connections::read(known, entry) {
                add(&mut groups, &view);
            }
        }
        (groups, crate::app_state::oldest(&app.store))
    }))
}

/// Takes a connection into its group.
fn add<V: FlowView>(groups: &mut FlowGroups, view: &V) {
    let number = match view.transport() {
        Some(Transport::Tcp) => protocol::TCP,
        Some(Transport::Udp) => protocol::UDP,
        Some(Transport::Sctp) => protocol::SCTP,
        Some(Transport::IcmpV4) => protocol::ICMP,
        Some(Transport::IcmpV6) => protocol::ICMPV6,
        // No policy can name these.
        Some(Transport::Vrrp | Transport::Igmp) | None => return groups.add_unreadable(),
    };
    // The answer to a request stands for it.
    let kind = view.icmp().map(|(kind, _code)| match kind {
        0 => 8,
        129 => 128,
        kind => kind,
    });
    let kind = kind.and_then(|kind| u16::try_from(kind).ok());
    let Some(port) = view.port(Side::Destination).or(kind) else {
        return groups.add_unreadable();
    };
    let ends = [Side::Source, Side::Destination].map(|side| OwnedEnd::new(view, side));
    let [source, destination] = ends.each_ref().map(|end| {
        let (kind, name) = &end.workload;
        ObservedEnd {
            ip: &end.ip,
            namespace: &end.namespace,
            pod_name: &end.pod,
            workload: (kind, name),
            labels: &end.labels,
            names: &end.names,
        }
    });
    groups.add(&ObservedFlow {
        source,
        destination,
        protocol: number,
        port,
        source_port: view.port(Side::Source).unwrap_or(0).into(),
        allowed: match Judged::of(view) {
            Judged::Allowed => Some(true),
            Judged::Denied => Some(false),
            Judged::Audited | Judged::Dropped | Judged::Error | Judged::Unknown => None,
        },
    });
}

/// An end, with what is made for the question.
struct OwnedEnd {
    ip: String,
    namespace: String,
    pod: String,
    workload: (String, String),
    labels: Vec<String>,
    names: Vec<String>,
}

impl OwnedEnd {
    fn new<V: FlowView>(view: &V, side: Side) -> Self {
        let mut workload = (String::new(), String::new());
        view.any_workload(side, &mut |kind, name| {
            workload = (kind.to_owned(), name.to_owned());
            !name.is_empty()
        });
        let mut labels = Vec::new();
        view.any_label(side, &mut |label| {
            labels.push(label.to_owned());
            false
        });
        let mut names = Vec::new();
        if matches!(side, Side::Destination) && view.pod(side).is_empty() {
            view.any_name(side, &mut |name| {
                names.push(name.to_owned());
                false
            });
        }
        Self {
            ip: view.ip(side).map_or_else(String::new, |ip| ip.to_string()),
            namespace: view.namespace(side).to_owned(),
            pod: view.pod(side).to_owned(),
            workload,
            labels,
            names,
        }
    }
}

fn edge(edge: &AllowedEdge) -> Edge {
    let peer = |group: &Arc<PeerGroup>| Peer {
        name: match group.kind {
            PeerKind::Pods | PeerKind::Prefix | PeerKind::Name | PeerKind::Entity => {
                group.name.clone()
            }
            PeerKind::FormerPods => format!("{} (gone)", group.name),
        },
        workload: group.owner().map(|owner| owner.to_string()),
    };
    let mut rules = Vec::new();
    for reason in edge.rules() {
        if reason.origins.is_empty() {
            let text = reason.to_string();
            rules.push(Rule { policy: None, text });
        }
        rules.extend(reason.origins.iter().map(|origin| Rule {
            policy: Some(origin.policy.to_string()),
            text: format!("{} {}", origin.rule, origin.text),
        }));
    }
    Edge {
        of: edge.of.name.clone(),
        peers: edge.peers.iter().take(PEERS).map(peer).collect(),
        peers_hidden: edge.peers.len().saturating_sub(PEERS),
        ports: edge.ports.to_string(),
        rules,
        used: edge.connections.unwrap_or(0),
    }
}
