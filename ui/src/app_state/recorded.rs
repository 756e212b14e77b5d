//! The flows in memory by who connected with whom: of which it is asked what other policies would have
//! made of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use client::{Item, Store};
use explain::flow_groups::FlowGroups;
use flow::quantity::{grouped, span};

/// How far back flows are looked at, ns: as `flows policy diff` does.
const SINCE: i64 = 3600 * 1_000_000_000;
/// Flows that are looked at: of more, the newest.
const MOST: usize = 300_000;
/// How long they are good for.
const GOOD: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Recorded(Mutex<Option<(Instant, Arc<RecordedFlows>)>>);

/// Flows, and which.
#[derive(Debug)]
pub(crate) struct RecordedFlows {
    pub(crate) groups: FlowGroups,
    /// `of the last 60 min`.
    pub(crate) origin: String,
}

impl Recorded {
    /// Those of the last hour before `now` (Unix ns). Looks through all of them unless somebody just did,
    /// who is waited for.
    pub(crate) fn get(&self, store: &Store, now: i64) -> Arc<RecordedFlows> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((looked, flows)) = &*known
            && looked.elapsed() < GOOD
        {
            return Arc::clone(flows);
        }
        let flows = Arc::new(read(store, now, MOST));
        *known = Some((Instant::now(), Arc::clone(&flows)));
        flows
    }
}

fn read(store: &Store, now: i64, most: usize) -> RecordedFlows {
    let snapshot = store.snapshot();
    let since = now.saturating_sub(SINCE);
    let mut messages = snapshot.messages();
    let mut groups = FlowGroups::default();
    let (mut taken, mut oldest, mut more) = (0, now, false);
    // The newest first: those are held in any case.
    for (number, item) in snapshot.iter(snapshot.range()).rev() {
        let Item::Flow(row) = item else { continue };
        // Nodes' clocks differ, and older ones may stand among newer ones.
        if row.time() < since {
            continue;
        }
        if taken == most {
            more = true;
            break;
        }
        if let Some(flow) = messages.get(number) {
            explain::proto::group_flow(&mut groups, &flow);
            taken += 1;
            oldest = oldest.min(row.time());
        }
    }
    let held = span(now.saturating_sub(oldest));
    let origin = match (more, SINCE - (now - oldest) > SINCE / 10) {
        (true, _) => {
            let most = grouped(u64::try_from(most).unwrap_or(u64::MAX));
            format!("in memory of the last {held} (the newest {most} flows)")
        }
        (false, true) => format!("in memory of the last {held} (older flows are not held)"),
        (false, false) => format!("in memory of the last {}", span(SINCE)),
    };
    RecordedFlows { groups, origin }
}

#[cfg(test)]
mod tests {
    use proto::flow::Verdict;
    use testing::server::{SECOND, flow};

    use super::*;

    #[test]
    fn flows_of_the_last_hour_and_of_more_the_newest() {
        let store = Store::new(1000);
        let now = 10_000 * SECOND;
        for at in [2, 6_000, 7_000, 9_999] {
            store.push(&[flow(at * SECOND, "web", Verdict::Dropped)], i64::MAX);
        }
        let all = read(&store, now, 10);
        assert_eq!(
            (all.groups.flows(), &*all.origin),
            (2, "in memory of the last 50 min (older flows are not held)")
        );
        let some = read(&store, now, 1);
        assert_eq!(
            (some.groups.flows(), &*some.origin),
            (1, "in memory of the last 1 s (the newest 1 flows)")
        );
        let whole = read(&store, 9_500 * SECOND, 10);
        assert_eq!(whole.origin, "in memory of the last 60 min");
    }
}
