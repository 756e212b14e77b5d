//! Asks the server every few seconds how it and its nodes are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use client::{Health, Item, Server, Store};
use flow::FlowView as _;
use proto::google::Timestamp;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(3);

/// Over so many answers rates are taken: what comes in bursts has one, too.
const OVER: usize = 4;

/// So much older flows count as coming now.
const LATE: Duration = Duration::from_secs(10);

/// What is known of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Its last answer.
    pub(crate) health: Option<Health>,
    /// Why there was none this time.
    pub(crate) error: Option<String>,
    /// Flows per second that came of late, by node.
    pub(crate) rates: BTreeMap<String, f64>,
}

/// Asks on and on; what was known stays known while there is no answer.
pub(super) async fn watch(server: Server, store: Arc<Store>, set: watch::Sender<Known>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pace = Pace {
        begun: Timestamp::from(SystemTime::now()).unix_nanos(),
        ..Pace::default()
    };
    loop {
        ticks.tick().await;
        let rates = pace.rates(&store);
        let (health, error) = match server.health().await {
            Ok(health) => (Some(health), None),
            Err(error) => (set.borrow().health.clone(), Some(error.to_string())),
        };
        set.send_replace(Known {
            health,
            error,
            rates,
        });
    }
}

/// How many flows came of late.
#[derive(Default)]
struct Pace {
    /// When the first look was, Unix ns: what is older came out of the history.
    begun: i64,
    /// Up to which item they were counted, and when.
    counted: Option<(Instant, u64)>,
    /// Seconds, and flows by node, between the last looks.
    spans: VecDeque<(f64, BTreeMap<String, f64>)>,
}

impl Pace {
    /// Per second and node. What came out of the history is left out.
    fn rates(&mut self, store: &Store) -> BTreeMap<String, f64> {
        let snapshot = store.snapshot();
        let (now, end) = (Instant::now(), snapshot.range().end);
        let Some((then, from)) = self.counted.replace((now, end)) else {
            return BTreeMap::new();
        };
        let live = Timestamp::from(SystemTime::now() - (now - then) - LATE).unix_nanos();
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        for (_, item) in snapshot.iter(from..end) {
            if let Item::Flow(row) = item
                && row.time() >= live.max(self.begun)
            {
                match counts.get_mut(row.node()) {
                    Some(count) => *count += 1.0,
                    None => drop(counts.insert(row.node().to_owned(), 1.0)),
                }
            }
        }
        self.add((now - then).as_secs_f64(), counts)
    }

    fn add(&mut self, seconds: f64, counts: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        if self.spans.len() == OVER {
            self.spans.pop_front();
        }
        self.spans.push_back((seconds, counts));
        let seconds: f64 = self.spans.iter().map(|(seconds, _)| seconds).sum();
        let mut rates: BTreeMap<String, f64> = BTreeMap::new();
        for (node, count) in self.spans.iter().flat_map(|(_, counts)| counts) {
            *rates.entry(node.clone()).or_default() += count / seconds;
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_bursts_has_one_rate() {
        let mut pace = Pace::default();
        let mut all = |counts: &[f64]| {
            let mut last = 0.0;
            for count in counts {
                let rates = pace.add(3.0, BTreeMap::from([("one".to_owned(), *count)]));
                last = rates["one"];
            }
            last
        };
        // None, all, none, all: six a second.
        assert!((all(&[0.0, 36.0, 0.0, 36.0]) - 6.0).abs() < 1e-9);
        assert!((all(&[0.0]) - 6.0).abs() < 1e-9);
        assert!(all(&[0.0, 0.0, 0.0]) < 1e-9);
    }
}
