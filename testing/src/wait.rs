//! Waiting for what is to come: as long as a busy machine needs, and no longer than it takes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// No test waits longer for one thing.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until there is what is wanted; an error says what there is instead.
///
/// # Panics
/// If it never comes.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(instead) => assert!(Instant::now() < deadline, "never: {what}: {instead}"),
        }
        sleep(PAUSE).await;
    }
}

/// Waits for a condition.
///
/// # Panics
/// If it never holds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, async || {
        condition().then_some(()).ok_or_else(String::new)
    })
    .await;
}
