//! What was lost, at which stage.

use client::{Health, NodeStats};
use proto::flows::v1::EventCounts;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Loss {
    stage: &'static str,
    pub(super) count: u64,
    text: &'static str,
}

/// The stages that our servers count, in the order in which events pass them.
fn counted(events: &EventCounts) -> Vec<Loss> {
    let loss = |stage, count, text| Loss { stage, count, text };
    vec![
        loss(
            "Kernel",
            events.failed,
            "events dropped because a kernel ring was full",
        ),
        loss(
            "Left unread",
            events.left_unread,
            "events that an agent left unread in its rings when it exited",
        ),
        loss(
            "Unreadable",
            events.malformed,
            "records that could not be read",
        ),
        loss(
            "Queues",
            events.queue_lost,
            "events dropped between a ring's reader and the history",
        ),
        loss(
            "Evicted unread",
            events.evicted_unread,
            "flows evicted from a history before a client read them",
        ),
    ]
}

/// Of all nodes together: what our servers count, else what was told in the stream. Never both: they
/// tell of the same events.
pub(super) fn of_all(health: Option<&Health>, told: u64) -> Vec<Loss> {
    let ours = health.and_then(|health| health.ours.as_ref());
    match ours.and_then(|ours| ours.events.as_ref()) {
        Some(events) => counted(events),
        None => vec![Loss {
            stage: "Reported in the stream",
            count: told,
            text: "events whose loss is marked in the table",
        }],
    }
}

/// Of one node: what it counts itself, else what it said in the stream.
pub(super) fn of_node(events: Option<&EventCounts>, came: &NodeStats) -> Vec<Loss> {
    let told = came.lost.iter().map(|(stage, count)| Loss {
        stage: match stage.name() {
            "PERF_EVENT_RING_BUFFER" => "Kernel",
            "OBSERVER_EVENTS_QUEUE" => "Queues",
            "HUBBLE_RING_BUFFER" => "Evicted unread",
            _ => "Elsewhere",
        },
        count: *count,
        text: "events that the node reported as lost",
    });
    match events {
        Some(events) => counted(events),
        None => told.collect(),
    }
}

/// How many events that is.
pub(super) fn sum(losses: &[Loss]) -> u64 {
    losses
        .iter()
        .fold(0, |sum, loss| sum.saturating_add(loss.count))
}

#[cfg(test)]
mod tests {
    use proto::flows::v1::GetStatusResponse;

    use super::*;

    #[test]
    fn nothing_counts_twice() {
        let counting = Health {
            ours: Some(GetStatusResponse {
                events: Some(EventCounts {
                    failed: 40,
                    queue_lost: 2,
                    ..EventCounts::default()
                }),
                ..GetStatusResponse::default()
            }),
            ..Health::default()
        };
        for (health, told, wanted) in [
            (Some(&counting), 42, 42),
            (Some(&counting), 0, 42),
            (Some(&Health::default()), 7, 7),
            (None, 7, 7),
        ] {
            assert_eq!(sum(&of_all(health, told)), wanted, "{told}");
        }
    }
}
