//! One timer for all the times that a connection waits for, one after the other.

use std::pin::Pin;

use tokio::time::{Instant, Sleep, sleep_until};

/// A time that moves. The timer under it is set anew only for an earlier one: where times are put off with each request,
/// it fires once in a while, and waits on.
#[derive(Debug)]
pub struct Deadline {
    timer: Pin<Box<Sleep>>,
    due: Instant,
}

impl Deadline {
    /// At that time.
    pub fn new(due: Instant) -> Self {
        Self {
            timer: Box::pin(sleep_until(due)),
            due,
        }
    }

    /// At that time instead.
    pub fn set(&mut self, due: Instant) {
        self.due = due;
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
    }

    /// Resolves when it has passed.
    pub async fn passed(&mut self) {
        loop {
            self.timer.as_mut().await;
            if self.due <= self.timer.deadline() {
                return;
            }
            self.timer.as_mut().reset(self.due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn passes_at_the_time_that_was_set_last() {
        let begin = Instant::now();
        let mut deadline = Deadline::new(begin + 500 * STEP);
        for steps in [700, 600, 3, 4] {
            deadline.set(begin + steps * STEP);
        }
        deadline.passed().await;
        assert!(begin.elapsed() >= 4 * STEP);
        // Put off while it is waited for, and after it passed.
        deadline.set(begin + 9000 * STEP);
        assert!(timeout(STEP, deadline.passed()).await.is_err());
        let again = Instant::now() + 2 * STEP;
        deadline.set(again);
        deadline.passed().await;
        assert!(Instant::now() >= again);
    }
}
