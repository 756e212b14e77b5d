//! Asks the server every few seconds how it and its nodes are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use client::{Health, Item, Server, Store};
use flow::FlowView as _;
use proto::google::Timestamp;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(3);

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
    let mut pace = Pace::default();
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

/// Up to which item flows were counted, and when.
#[derive(Default)]
struct Pace(Option<(Instant, u64)>);

impl Pace {
    /// Since the last time. What came out of the history is left out.
    fn rates(&mut self, store: &Store) -> BTreeMap<String, f64> {
        let snapshot = store.snapshot();
        let (now, end) = (Instant::now(), snapshot.range().end);
        let Some((then, from)) = self.0.replace((now, end)) else {
            return BTreeMap::new();
        };
        let seconds = (now - then).as_secs_f64();
        let live = Timestamp::from(SystemTime::now() - (now - then) - LATE).unix_nanos();
        let mut rates: BTreeMap<String, f64> = BTreeMap::new();
        for (_, item) in snapshot.iter(from..end) {
            if let Item::Flow(row) = item
                && row.time() >= live
            {
                match rates.get_mut(row.node()) {
                    Some(rate) => *rate += 1.0 / seconds,
                    None => drop(rates.insert(row.node().to_owned(), 1.0 / seconds)),
                }
            }
        }
        rates
    }
}
