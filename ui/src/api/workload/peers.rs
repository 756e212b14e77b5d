//! Whom a workload connects with, as the connections in memory tell it.

use std::collections::HashMap;

use client::connections::Entry;
use flow::connection::Connection;
use flow::filter_for;
use flow::format;
use flow::rows::{Judged, Row, RowEnd};
use flow::workload_ref::Kind;
use flow::{FlowView, Side};
use serde::Serialize;

use super::super::{connections, explain, milliseconds};
use crate::app_state::{AppState, FlowQuery, TooMany};
use crate::flow_id::ConnectionId;

/// Most peers that are told in each direction.
const MOST: usize = 200;
/// The newest so many connections are looked at.
const LOOKED: usize = 50_000;

#[derive(Debug, Default, Serialize)]
pub(super) struct Peers {
    /// Who connects to it.
    inbound: Vec<Peer>,
    inbound_hidden: usize,
    /// Whom it connects to.
    outbound: Vec<Peer>,
    outbound_hidden: usize,
    /// Connections that were looked at.
    pub(super) connections: usize,
    /// When the first of them began.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<f64>,
    /// There are older ones, which were not looked at.
    more: bool,
}

/// A peer and a port.
#[derive(Debug, Serialize)]
struct Peer {
    /// `shop/web`, `example.org`, `10.0.0.1`.
    name: String,
    kind: &'static str,
    /// `5432`, `53/UDP`, `ICMP`
    port: String,
    allowed: u64,
    denied: u64,
    /// They left their source, and nothing more is known.
    unknown: u64,
    last: f64,
    /// How the newest was judged, and who decided.
    judged: &'static str,
    why: String,
    policies: Vec<String>,
    /// The newest.
    connection: String,
    /// The expression for them.
    term: String,
    /// Asks what would be decided now.
    trace: String,
}

/// What is summed up.
struct Sum {
    allowed: u64,
    denied: u64,
    unknown: u64,
    newest: Entry,
}

/// Of a workload, in a list of its connections.
pub(super) fn of(app: &AppState, name: &str, query: &FlowQuery) -> Result<Peers, TooMany> {
    let wanted = app.connections(query, None)?;
    Ok(app.look(&wanted, |known| {
        let mut sums: HashMap<(bool, String, String), Sum> = HashMap::new();
        let mut peers = Peers::default();
        let entries = known.list.entries().iter().rev();
        let mut entries = entries.filter(|entry| entry.id.is_some());
        for entry in entries.by_ref().take(LOOKED) {
            let Some((connection, view)) = connections::read(known, entry) else {
                continue;
            };
            let Some(row) = Row::new(&connection, &view, true) else {
                continue;
            };
            peers.connections += 1;
            peers.since = Some(milliseconds(entry.start));
            for inbound in [true, false] {
                let (own, peer) = match inbound {
                    true => (&row.destination, &row.source),
                    false => (&row.source, &row.destination),
                };
                if !is_named(own, name) {
                    continue;
                }
                let key = (inbound, peer.workload(), row.port.clone());
                let sum = sums.entry(key).or_insert(Sum {
                    allowed: 0,
                    denied: 0,
                    unknown: 0,
                    newest: *entry,
                });
                match row.judged {
                    Judged::Allowed | Judged::Audited => sum.allowed += 1,
                    Judged::Denied | Judged::Dropped | Judged::Error => sum.denied += 1,
                    Judged::Unknown => sum.unknown += 1,
                }
                if entry.last > sum.newest.last {
                    sum.newest = *entry;
                }
            }
        }
        peers.more = entries.next().is_some();
        let mut sums: Vec<_> = sums.into_iter().collect();
        // What is denied first, then what there is most of.
        sums.sort_by(|((_, a, p), one), ((_, b, q), other)| {
            let order = |sum: &Sum| (sum.denied == 0, u64::MAX - sum.allowed - sum.denied);
            order(one)
                .cmp(&order(other))
                .then_with(|| (a, p).cmp(&(b, q)))
        });
        for ((inbound, _, _), sum) in sums {
            let (list, hidden) = match inbound {
                true => (&mut peers.inbound, &mut peers.inbound_hidden),
                false => (&mut peers.outbound, &mut peers.outbound_hidden),
            };
            if list.len() == MOST {
                *hidden += 1;
                continue;
            }
            let read = connections::read(known, &sum.newest);
            let peer = read
                .and_then(|(connection, view)| peer(&connection, &view, inbound, &sum, &app.flags));
            list.extend(peer);
        }
        peers
    }))
}

/// Whether an end is the workload, or the pod, of a name.
fn is_named(end: &RowEnd, name: &str) -> bool {
    matches!(end.who.kind, Kind::Workload | Kind::Pod)
        && (end.who.to_string() == name || end.full() == name)
}

fn peer<V: FlowView>(
    connection: &Connection<'_, u64>,
    view: &flow::connection::ConnectionView<'_, V>,
    inbound: bool,
    sum: &Sum,
    flags: &str,
) -> Option<Peer> {
    let row = Row::new(connection, view, true)?;
    let end = if inbound {
        &row.source
    } else {
        &row.destination
    };
    Some(Peer {
        name: end.workload(),
        kind: end.who.kind.name(),
        port: row.port.trim_start_matches([':', ' ']).to_owned(),
        allowed: sum.allowed,
        denied: sum.denied,
        unknown: sum.unknown,
        last: milliseconds(sum.newest.last),
        judged: row.judged.name(),
        why: row.why.clone(),
        policies: format::policy_names_of(view),
        connection: ConnectionId::of(connection).to_string(),
        term: filter_for::ends(view),
        trace: explain::command(&trace(view, &row), flags),
    })
}

/// The command that asks what would be decided now for the pods, or addresses, of a connection.
fn trace<V: FlowView>(view: &V, row: &Row) -> String {
    let mut command = "flows policy trace".to_owned();
    for (which, side) in [("src", Side::Source), ("dst", Side::Destination)] {
        let (namespace, pod) = (view.namespace(side), view.pod(side));
        command += &match (pod, view.ip(side)) {
            ("", Some(ip)) => format!(" --{which}-ip {ip}"),
            ("", None) => return String::new(),
            (pod, _) => format!(" --{which}-pod {namespace}/{pod}"),
        };
    }
    let port = row.port.trim_start_matches(':');
    // Of ICMP any type is asked for.
    match port.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("{command} --dport {}", port.to_lowercase()),
        false => command,
    }
}
