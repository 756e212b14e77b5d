//! Work that may take long, and that nobody may be waiting for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says that work is to end. Its copies are one: who asked keeps one of them, who works has another and looks at it
/// again and again.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

/// The work ended without a result, since nobody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Cancels when it is dropped: for who waits, and may be gone before there is a result.
#[derive(Debug)]
#[must_use]
pub struct CancelOnDrop(Cancel);

impl Cancel {
    /// From now on the work is to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The same for `?`.
    ///
    /// # Errors
    /// The work is to end.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
