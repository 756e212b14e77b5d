//! Work that is given up when nobody waits for its answer any more.
//!
//! Policies come in all sizes, and what is done with them lies deep. So what is to be given up belongs to
//! the thread, and loops that a caller can make long end early ([`each`]). What they leave behind is never
//! seen: [`unless`] throws it away.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says that work is to be given up. Its copies are one: who asked keeps one of them, and it is never taken
/// back.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

/// The work was given up, so there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Cancels when it is dropped: for who waits, and may be gone before there is a result.
#[derive(Debug)]
#[must_use]
pub struct CancelOnDrop(Cancel);

impl Cancel {
    /// Has the work given up at its next step.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is to be given up.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The same for `?`.
    ///
    /// # Errors
    /// It is to be given up.
    pub fn check(&self) -> Result<(), Cancelled> {
        match self.is_cancelled() {
            true => Err(Cancelled),
            false => Ok(()),
        }
    }

    /// Cancels when what is returned is dropped.
    pub fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

thread_local! {
    /// Of the work that this thread is at.
    static CURRENT: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

/// Puts back what this thread was at before.
struct Before(Option<Cancel>);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.replace(self.0.take());
    }
}

/// Does work on this thread unless it is given up.
///
/// # Errors
/// It was given up, before or in the middle.
pub fn unless<T>(cancel: &Cancel, work: impl FnOnce() -> T) -> Result<T, Cancelled> {
    cancel.check()?;
    let done = during(cancel, work);
    cancel.check()?;
    Ok(done)
}

/// Does work on this thread. If it is given up not all of it is done: who looks at the result checks first.
pub fn during<T>(cancel: &Cancel, work: impl FnOnce() -> T) -> T {
    let _before = Before(CURRENT.replace(Some(cancel.clone())));
    work()
}

/// The items, as long as this thread's work isn't given up.
pub fn each<I: IntoIterator>(items: I) -> impl Iterator<Item = I::Item> {
    let current = CURRENT.with_borrow(Clone::clone);
    items.into_iter().take_while(move |_| {
        let given_up = current.as_ref().is_some_and(Cancel::is_cancelled);
        !given_up
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_end_early_and_what_they_leave_is_not_seen() {
        let cancel = Cancel::default();
        let mut rounds = 0;
        let found = unless(&cancel, || {
            for n in each(0..100) {
                rounds += 1;
                if n == 9 {
                    cancel.cancel();
                }
            }
        });
        assert_eq!((found, rounds), (Err(Cancelled), 10));
        assert_eq!(unless(&cancel, || rounds += 1), Err(Cancelled));
        assert_eq!(rounds, 10, "it isn't begun");
        assert_eq!(each(0..100).count(), 100, "other work isn't touched");
    }

    #[test]
    fn who_works_sees_that_nobody_waits() {
        let cancel = Cancel::default();
        let work = cancel.clone();
        let waits = cancel.on_drop();
        assert_eq!(work.check(), Ok(()));
        drop(waits);
        assert_eq!(work.check(), Err(Cancelled));
        assert!(!Cancel::default().is_cancelled());
    }

    #[test]
    fn work_within_work() {
        let (outer, inner) = (Cancel::default(), Cancel::default());
        let found = unless(&outer, || {
            let found = unless(&inner, || inner.cancel());
            assert_eq!(found, Err(Cancelled));
            each(0..3).count()
        });
        assert_eq!(found, Ok(3));
    }
}
