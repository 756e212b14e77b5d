//! What is kept up to date for questions, shared by all who ask the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long is kept what nobody looks at now.
const KEPT: Duration = Duration::from_secs(60);

/// By the question's text.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    entries: Mutex<HashMap<String, Entry<T>>>,
    limits: Limits,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of what nobody looks at now.
    pub(crate) idle: usize,
    /// At a time, looked at or not.
    pub(crate) most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: 8, most: 80 }
    }
}

#[derive(Debug)]
struct Entry<T> {
    looked: Arc<Mutex<T>>,
    used: Instant,
}

/// There are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl<T> Cache<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            entries: Mutex::default(),
            limits,
        }
    }

    /// What is kept for a question, or what `make` makes.
    pub(crate) fn get(
        &self,
        key: &str,
        make: impl FnOnce() -> T,
    ) -> Result<Arc<Mutex<T>>, TooMany> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(entry) = entries.get_mut(key) {
            entry.used = now;
            return Ok(Arc::clone(&entry.looked));
        }
        let in_use = |entry: &Entry<T>| Arc::strong_count(&entry.looked) > 1;
        entries.retain(|_, entry| in_use(entry) || entry.used + KEPT > now);
        let mut idle: Vec<(Instant, String)> = entries
            .iter()
            .filter(|(_, entry)| !in_use(entry))
            .map(|(key, entry)| (entry.used, key.clone()))
            .collect();
        idle.sort();
        let beyond = |count: usize, limit: usize| (count + 1).saturating_sub(limit);
        let many =
            beyond(idle.len(), self.limits.idle).max(beyond(entries.len(), self.limits.most));
        for (_, key) in idle.iter().take(many) {
            entries.remove(key);
        }
        if entries.len() >= self.limits.most {
            return Err(TooMany);
        }
        let looked = Arc::new(Mutex::new(make()));
        let entry = Entry {
            looked: Arc::clone(&looked),
            used: now,
        };
        entries.insert(key.to_owned(), entry);
        Ok(looked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_stays_and_of_the_rest_the_newest() {
        let cache: Cache<u32> = Cache::new(Limits { idle: 2, most: 4 });
        let looked = cache.get("looked", || 0).unwrap();
        for number in 1..=5 {
            cache.get(&number.to_string(), || number).unwrap();
        }
        let held = |key: &str| {
            let entries = cache.entries.lock().unwrap();
            entries.contains_key(key)
        };
        assert!(held("looked") && held("4") && held("5"));
        assert!(!held("1") && !held("3"));
        *looked.lock().unwrap() = 7;
        assert_eq!(*cache.get("looked", || 0).unwrap().lock().unwrap(), 7);

        let _all: Vec<_> = (6..=8)
            .map(|number| cache.get(&number.to_string(), || number).unwrap())
            .collect();
        assert_eq!(cache.get("9", || 9).unwrap_err(), TooMany);
    }
}
