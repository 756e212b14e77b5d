//! A value that holds its present form, its next form, and the revision from which the next counts.
//!
//! ```text
//!  steady    { now: X, next: X, from: NEVER }
//!  staged    { now: X, next: Y, from: r+1   }   every reader still sees X
//!  node revision becomes r+1                    every packet that starts now sees Y
//!  cleanup 1 { now: Y, next: Y, from: r+1   }   after a grace period
//!  cleanup 2 { now: Y, next: Y, from: NEVER }
//! ```
//!
//! The two steps of the clean-up make it safe for maps whose entries are changed in place (arrays and
//! hashes, [`crate::maps::Declaration::is_locked`]), where a reader may see a mix of old and new words:
//! each mix selects an equal value. An insertion stages `now` = absent (each `T` has its own bit for
//! that), a deletion `next` = absent.

/// `from` of a value with nothing staged.
pub const NEVER: u32 = u32::MAX;

/// See the module.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Staged<T: Copy> {
    /// What counts before `from`.
    pub now: T,
    /// What counts from revision `from` on.
    pub next: T,
    /// The first node revision for which `next` counts, [`NEVER`] if nothing is staged.
    pub from: u32,
    /// The kernel's (`struct bpf_spin_lock`), where entries are changed in place under a lock of their own;
    /// zero in what anybody else reads or writes.
    pub lock: u32,
}

impl<T: Copy> Staged<T> {
    /// A value with nothing staged.
    pub const fn steady(value: T) -> Self {
        Self::switching(value, value, NEVER)
    }

    /// A value that changes at revision `from`.
    pub const fn switching(now: T, next: T, from: u32) -> Self {
        Self {
            now,
            next,
            from,
            lock: 0,
        }
    }

    /// The form that counts at `revision`.
    #[inline(always)]
    pub fn at(&self, revision: u32) -> &T {
        if revision >= self.from {
            &self.next
        } else {
            &self.now
        }
    }
}
