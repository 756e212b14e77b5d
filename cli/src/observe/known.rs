//! From when on flows are known: an agent keeps them in memory, so what was before its start is gone.

use std::time::SystemTime;

use client::Server;
use flow::time::Zone;
use proto::{google::Timestamp, observer::Node, relay::NodeState};

use crate::text::many;

/// Nodes that are named; of others their number.
const NAMED: usize = 3;
/// What is asked for from so near an agent's start (ns) on is known as well as can be.
const NEAR: i64 = 1_000_000_000;
/// The agents of a cluster that were started within so long (ns) know the same time.
const TOGETHER: i64 = 60_000_000_000;

/// What to say if flows are asked for of a time before some agents were started. Nothing of a server that doesn't say
/// since when its nodes run.
pub(super) async fn note(server: &Server, since: Timestamp, zone: &Zone) -> Option<String> {
    let nodes = server.get_nodes().await.ok()?;
    let now = Timestamp::from(SystemTime::now()).unix_nanos();
    text(&nodes, since.unix_nanos(), now, zone)
}

/// What isn't known though all was asked for that is held, the oldest flow of this time (Unix ns): which nodes are away,
/// and which agents were started later. Nothing of a server that doesn't say.
pub(crate) async fn missing(server: &Server, oldest: i64, zone: &Zone) -> Vec<String> {
    let Ok(nodes) = server.get_nodes().await else {
        return Vec::new();
    };
    let now = Timestamp::from(SystemTime::now()).unix_nanos();
    let late = text(&nodes, oldest.saturating_add(TOGETHER), now, zone);
    away(&nodes).into_iter().chain(late).collect()
}

fn away(nodes: &[Node]) -> Option<String> {
    let away = nodes.iter().filter(|node| {
        matches!(
            node.state(),
            NodeState::NodeUnavailable | NodeState::NodeError
        )
    });
    let names: Vec<&str> = away.map(|node| &*node.name).collect();
    let (first, more) = names.split_at_checked(NAMED).unwrap_or((&names, &[]));
    let mut first: Vec<String> = first.iter().map(|name| (*name).to_owned()).collect();
    if !more.is_empty() {
        first.push(many(more.len() as u64, "other node"));
    }
    let (is, what) = match names.len() {
        0 => return None,
        1 => ("is", "it tells"),
        _ => ("are", "they tell"),
    };
    Some(format!(
        "Note: {} {is} away: nothing that {what} of is here",
        first.join(", ")
    ))
}

fn text(nodes: &[Node], since: i64, now: i64, zone: &Zone) -> Option<String> {
    let mut late: Vec<(i64, &str)> = nodes
        .iter()
        .filter(|node| node.uptime_ns > 0)
        .filter_map(|node| {
            let uptime = i64::try_from(node.uptime_ns).ok()?;
            Some((now.saturating_sub(uptime), &*node.name))
        })
        .filter(|(start, _)| start.saturating_sub(since) > NEAR)
        .collect();
    if late.is_empty() {
        return None;
    }
    // Those that know least first.
    late.sort_unstable_by(|(one, name), (other, of)| other.cmp(one).then_with(|| name.cmp(of)));
    let named = late.iter().take(NAMED);
    let mut named: Vec<String> = named
        .map(|(start, name)| format!("{name} since {}", zone.clock_seconds(*start)))
        .collect();
    if let Some(more @ 1..) = late.len().checked_sub(NAMED) {
        named.push(many(more as u64, "other node"));
    }
    Some(format!(
        "Note: not all of that time is known: an agent keeps flows from its start on ({})",
        named.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn node(name: &str, uptime: u64) -> Node {
        Node {
            name: name.to_owned(),
            uptime_ns: uptime * 1_000_000_000,
            ..Node::default()
        }
    }

    #[test]
    fn what_is_before_an_agent_s_start_is_said() {
        let now = 86_400 * SECOND;
        let said = |nodes: &[Node], ago: i64| text(nodes, now - ago * SECOND, now, &Zone::UTC);
        let nodes = [node("n1", 7_200), node("n2", 60), node("away", 0)];
        assert_eq!(said(&nodes, 60), None);
        assert_eq!(said(&[], 60), None);
        let one = said(&nodes, 3_600).unwrap();
        assert!(one.ends_with("(n2 since 23:59:00)"), "{one}");
        let both = said(&nodes, 10_000).unwrap();
        assert!(
            both.ends_with("(n2 since 23:59:00, n1 since 22:00:00)"),
            "{both}"
        );
        let many: Vec<Node> = (0..5).map(|at| node(&format!("n{at}"), 60)).collect();
        let all = said(&many, 3_600).unwrap();
        assert!(all.ends_with("n2 since 23:59:00, 2 other nodes)"), "{all}");
    }

    #[test]
    fn nodes_that_are_away_are_named() {
        let node = |name: &str, state: NodeState| Node {
            state: state.into(),
            ..node(name, 60)
        };
        assert_eq!(away(&[node("n1", NodeState::NodeConnected)]), None);
        let nodes = [
            node("n1", NodeState::NodeConnected),
            node("n2", NodeState::NodeUnavailable),
        ];
        let said = away(&nodes).unwrap();
        assert_eq!(said, "Note: n2 is away: nothing that it tells of is here");
        let all = [1, 2, 3, 4, 5].map(|at| node(&format!("n{at}"), NodeState::NodeUnavailable));
        let said = away(&all).unwrap();
        assert!(
            said.starts_with("Note: n1, n2, n3, 2 other nodes are away: "),
            "{said}"
        );
    }
}
