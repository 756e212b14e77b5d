//! Asks the server every few seconds how it and its nodes are.

use std::time::Duration;

use client::{Health, Server};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(3);

/// What is known of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Its last answer.
    pub(crate) health: Option<Health>,
    /// Why there was none this time.
    pub(crate) error: Option<String>,
}

/// Asks on and on; what was known stays known while there is no answer.
pub(super) async fn watch(server: Server, set: watch::Sender<Known>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (health, error) = match server.health().await {
            Ok(health) => (Some(health), None),
            Err(error) => (set.borrow().health.clone(), Some(error.to_string())),
        };
        set.send_replace(Known { health, error });
    }
}
