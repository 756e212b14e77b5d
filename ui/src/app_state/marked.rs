//! Answers that hold until something changes in the cluster: kept with the mark of the state that they are
//! of, shared by all who look.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use proto::google::Timestamp;
use tokio::sync::Mutex;

use super::shared::Unanswered;

/// After so long one is asked for again though nothing seems to have changed.
const KEPT: Duration = Duration::from_secs(60);
/// And if the server doesn't say whether something changed.
const UNMARKED: Duration = Duration::from_secs(10);
/// Answers that are kept of one kind; those that nobody waits for leave.
const MOST: usize = 32;

/// Tells whether something changed: the number of known changes and what the newest one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangeMark {
    pub(super) changes: u64,
    pub(super) object: String,
    pub(super) time: Option<Timestamp>,
    pub(super) last_time: Option<Timestamp>,
}

/// See the module. By what was asked for.
pub(crate) struct Marked<T>(std::sync::Mutex<HashMap<String, Arc<Slot<T>>>>);

type Slot<T> = Mutex<Option<Kept<T>>>;

struct Kept<T> {
    asked: Instant,
    mark: Option<ChangeMark>,
    answer: Arc<T>,
}

impl<T> Default for Marked<T> {
    fn default() -> Self {
        Self(std::sync::Mutex::default())
    }
}

impl<T> std::fmt::Debug for Marked<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Marked").finish_non_exhaustive()
    }
}

impl<T> Marked<T> {
    /// The answer of the state that has the mark. One question is asked once, however many ask it.
    pub(crate) async fn get(
        &self,
        key: &str,
        mark: Option<ChangeMark>,
        ask: impl AsyncFnOnce() -> Result<T, Unanswered>,
    ) -> Result<Arc<T>, Unanswered> {
        let slot = self.slot(key);
        let mut kept = slot.lock().await;
        if let Some(kept) = &*kept {
            let good = if mark.is_some() { KEPT } else { UNMARKED };
            if kept.mark == mark && kept.asked.elapsed() < good {
                return Ok(Arc::clone(&kept.answer));
            }
        }
        let answer = Arc::new(ask().await?);
        *kept = Some(Kept {
            asked: Instant::now(),
            mark,
            answer: Arc::clone(&answer),
        });
        Ok(answer)
    }

    fn slot(&self, key: &str) -> Arc<Slot<T>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        if slots.len() >= MOST {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let slot = Arc::default();
        slots.insert(key.to_owned(), Arc::clone(&slot));
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_holds_until_the_mark_is_another_one() {
        let answers: Marked<u32> = Marked::default();
        let mark = |changes| {
            Some(ChangeMark {
                changes,
                ..ChangeMark::default()
            })
        };
        for (key, mark, next, wanted) in [
            ("a", mark(1), 1, 1),
            ("a", mark(1), 2, 1),
            ("b", mark(1), 3, 3),
            ("a", mark(2), 4, 4),
            ("a", None, 5, 5),
            ("a", None, 6, 5),
        ] {
            let answer = answers.get(key, mark, async || Ok(next)).await;
            assert_eq!(*answer.unwrap(), wanted, "{key} {next}");
        }
        let failed = answers
            .get("c", None, async || Err(Unanswered::file()))
            .await;
        assert!(failed.is_err());
        assert_eq!(*answers.get("c", None, async || Ok(7)).await.unwrap(), 7);
        for number in 0..100 {
            let key = number.to_string();
            answers.get(&key, None, async || Ok(number)).await.unwrap();
        }
        assert!(answers.0.lock().unwrap().len() <= MOST);
    }
}
