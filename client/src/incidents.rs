//! Which connections may be of one incident, and what ended it, as far as changes of the cluster's state tell.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use flow::{
    FlowView, Side,
    incidents::{Incident, Status},
};
use proto::flows::v1::{Change, change::Action};

/// Nodes' clocks differ by so much, and a change is told once it is in force (ns).
const SLACK: i64 = 2_000_000_000;
/// After a change an incident is over without a drop for so long (ns), unless its drops come more rarely.
const SILENT: i64 = 5_000_000_000;

/// Ends what a change has ended, by all that is known: after one that has to do with an incident nobody waits a minute
/// for its drops, only as long as they came apart, and a little longer. If they come after all it goes on. What has ended
/// so comes behind what goes on. `now`: Unix ns.
pub fn follow(incidents: &mut [Incident], changes: &[Change], now: i64) {
    for incident in incidents.iter_mut() {
        let Incident { row, status, .. } = &*incident;
        let count = i64::try_from(row.connections).unwrap_or(i64::MAX);
        let apart = row.last.saturating_sub(row.start) / count.max(1);
        let is_silent = now.saturating_sub(row.last) > apart.saturating_mul(3).max(SILENT);
        let goes_on = *status == Status::Ongoing;
        if goes_on && is_silent && latest(incident, changes, now).is_some() {
            incident.status = Status::Quiet;
        }
    }
    // Stays in its order otherwise.
    incidents.sort_by_key(|incident| incident.status != Status::Ongoing);
}

/// The change after which what was denied is allowed, or nobody tries any more: of those between the last
/// drop and then, the one that has most to do with it. That it is the reason is likely, not proven:
/// `flows why` proves. `now`: Unix ns.
#[must_use]
pub fn ended_by<'a>(incident: &Incident, changes: &'a [Change], now: i64) -> Option<&'a Change> {
    let until = match incident.status {
        Status::Ongoing => return None,
        Status::Allowed(since) => since,
        Status::Quiet => now,
    };
    latest(incident, changes, until.saturating_add(SLACK))
}

/// Of the changes from the last drop until a moment (Unix ns) the one that has most to do with an incident.
fn latest<'a>(incident: &Incident, changes: &'a [Change], until: i64) -> Option<&'a Change> {
    let last = incident.row.last;
    let within = |change: &&Change| {
        let time = change.time.unwrap_or_default().unix_nanos();
        time >= last.saturating_sub(SLACK) && time <= until
    };
    let ranked = changes.iter().filter(within).filter_map(|change| {
        let rank = rank(incident, change)?;
        Some((rank, std::cmp::Reverse(change.time), change))
    });
    ranked
        .min_by_key(|(rank, time, _)| (*rank, *time))
        .map(|(.., change)| change)
}

/// How much a change has to do with an incident: 0 most; `None` nothing.
fn rank(incident: &Incident, change: &Change) -> Option<u8> {
    let row = &incident.row;
    if row.why.split(" \u{b7} ").next() == Some(&*change.object) {
        return Some(0);
    }
    let pods = [&incident.sources, &incident.destinations];
    let ends = [&row.source.who.namespace, &row.destination.who.namespace];
    match &*change.kind {
        "Pod" => {
            let pod = format!("{}/{}", change.namespace, change.name);
            let is_new = change.action() == Action::Added;
            (!is_new && pods.iter().any(|pods| pods.contains(&pod))).then_some(1)
        }
        "Namespace" => ends.contains(&&change.name).then_some(2),
        kind if kind.ends_with("Policy") || kind.ends_with("CIDRGroup") => {
            (change.namespace.is_empty() || ends.contains(&&change.namespace)).then_some(3)
        }
        _ => None,
    }
}

/// Tells most pairs of ends and their ports apart, without a text of any: what is alike here may be of one
/// incident, what differs is not.
pub fn pair<V: FlowView>(flow: &V) -> u64 {
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    (flow.port(Side::Destination), flow.transport()).hash(&mut hasher);
    for side in [Side::Source, Side::Destination] {
        let namespace = flow.namespace(side);
        namespace.hash(&mut hasher);
        let is_named = flow.any_workload(side, &mut |_, name| {
            name.hash(&mut hasher);
            true
        });
        match flow.pod(side) {
            _ if is_named => {}
            // A name may have several addresses, and the incident is the name's.
            "" => drop(flow.any_name(side, &mut |name| {
                name.hash(&mut hasher);
                true
            })),
            pod => pod.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use flow::{
        aggregate::Trend,
        rows::{Judged, Row, RowEnd, RowRequests},
        view::{ConnectionFacts, ConnectionState},
        workload_ref::{Kind, WorkloadRef},
    };
    use proto::google::Timestamp;

    use super::*;

    const S: i64 = 1_000_000_000;

    fn incident(status: Status) -> Incident {
        let end = |name: &str| RowEnd {
            who: WorkloadRef {
                kind: Kind::Workload,
                namespace: "shop".to_owned(),
                name: name.to_owned(),
            },
            pod: format!("{name}-1"),
            outside: String::new(),
        };
        Incident {
            row: Row {
                source: end("web"),
                destination: end("db"),
                source_port: None,
                port: ":5432".to_owned(),
                judged: Judged::Denied,
                why: "cnp shop/db \u{b7} default deny".to_owned(),
                facts: ConnectionFacts {
                    state: ConnectionState::Denied,
                    age_ns: 100 * S,
                    drops: 9,
                    silent: None,
                    lost: 0,
                },
                start: 100 * S,
                last: 200 * S,
                bytes: 0,
                rtt_us: None,
                connections: 7,
                request: None,
                requests: RowRequests::default(),
            },
            sources: BTreeSet::from(["shop/web-1".to_owned()]),
            destinations: BTreeSet::from(["shop/db-1".to_owned()]),
            status,
            trend: Trend::default(),
            newest: 0,
        }
    }

    fn change(kind: &str, object: &str, action: Action, at: i64) -> Change {
        let name = object.rsplit([' ', '/']).next().unwrap_or_default();
        Change {
            action: action.into(),
            kind: kind.to_owned(),
            object: object.to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            time: Some(Timestamp::from_unix_nanos(at * S)),
            ..Change::default()
        }
    }

    #[test]
    fn the_policy_that_denied_comes_first_and_the_latest_before() {
        let policy = |at| change("CiliumNetworkPolicy", "cnp shop/db", Action::Changed, at);
        let changes = [
            policy(150),
            policy(210),
            policy(220),
            change("Pod", "pod shop/web-1", Action::Changed, 225),
            policy(300),
        ];
        let by = |status| {
            let found = ended_by(&incident(status), &changes, 400 * S);
            found.map(|change| change.time.unwrap_or_default().unix_nanos() / S)
        };
        assert_eq!(by(Status::Allowed(230 * S)), Some(220));
        assert_eq!(by(Status::Quiet), Some(300));
        assert_eq!(by(Status::Ongoing), None);
        assert_eq!(by(Status::Allowed(205 * S)), None);
    }

    /// The state follows the changes: after one, silence of a few seconds is enough, and no other ends anything.
    #[test]
    fn a_change_ends_what_is_silent_since() {
        let policy = |at| change("CiliumNetworkPolicy", "cnp shop/db", Action::Changed, at);
        // Seven drops from 100 s to 200 s: 14 s apart.
        for (now, changed, wanted) in [
            (240, vec![policy(201)], Status::Ongoing),
            (243, vec![policy(201)], Status::Quiet),
            (243, vec![policy(199)], Status::Quiet),
            (243, vec![policy(150)], Status::Ongoing),
            (243, vec![policy(244)], Status::Ongoing),
            (
                243,
                vec![change("Node", "node n1", Action::Changed, 201)],
                Status::Ongoing,
            ),
            (243, Vec::new(), Status::Ongoing),
        ] {
            let mut one = [incident(Status::Ongoing)];
            follow(&mut one, &changed, now * S);
            assert_eq!(one[0].status, wanted, "{now}: {changed:?}");
        }
        let mut both = [incident(Status::Ongoing), incident(Status::Ongoing)];
        both[1].row.last = 242 * S;
        follow(&mut both, &[policy(201)], 243 * S);
        assert_eq!(both.map(|one| one.row.last), [242 * S, 200 * S]);
        let mut allowed = [incident(Status::Allowed(230 * S))];
        follow(&mut allowed, &[policy(201)], 243 * S);
        assert_eq!(allowed[0].status, Status::Allowed(230 * S));
    }

    #[test]
    fn pods_and_namespaces_of_both_ends_count_and_others_don_t() {
        for (changed, counts) in [
            (change("Pod", "pod shop/web-1", Action::Removed, 210), true),
            (change("Pod", "pod shop/web-2", Action::Removed, 210), false),
            (change("Pod", "pod shop/web-1", Action::Added, 210), false),
            (change("Namespace", "ns shop", Action::Changed, 210), true),
            (change("Namespace", "ns data", Action::Changed, 210), false),
            (change("Node", "node n1", Action::Changed, 210), false),
            (
                change("NetworkPolicy", "netpol shop/x", Action::Added, 210),
                true,
            ),
        ] {
            let changes = [changed];
            let found = ended_by(&incident(Status::Quiet), &changes, 400 * S);
            assert_eq!(found.is_some(), counts, "{}", changes[0].object);
        }
    }
}
