//! Parts of one task, of which each is polled only when it was woken itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// Whether a part was woken. The two connections of HTTP/2 and their streams wake each other all the time, and to poll
/// a connection that has nothing to do costs as much as a request's head.
#[derive(Debug)]
pub(super) struct Wakes {
    flag: Arc<Flag>,
    waker: Waker,
}

#[derive(Debug)]
struct Flag {
    is_woken: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Wakes {
    /// To be polled.
    pub(super) fn new() -> Self {
        let flag = Arc::new(Flag {
            is_woken: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            waker: Arc::clone(&flag).into(),
            flag,
        }
    }

    /// To be polled once more, whatever it waits for.
    pub(super) fn wake(&self) {
        self.flag.wake_by_ref();
    }

    /// Polls it if it was woken since it was pending.
    pub(super) fn poll<T>(
        &self,
        cx: &Context<'_>,
        part: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        // First: what wakes it from here on wakes the task.
        self.flag.task.register(cx.waker());
        if !self.flag.is_woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let polled = part(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.flag.is_woken.store(true, Ordering::Release);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_polled_when_it_was_woken() {
        let wakes = Wakes::new();
        let task = Context::from_waker(Waker::noop());
        let mut polls = 0;
        let mut poll = |answer: Poll<()>, wakes_itself: bool| {
            let polled = wakes.poll(&task, |cx| {
                polls += 1;
                if wakes_itself {
                    cx.waker().wake_by_ref();
                }
                answer
            });
            assert!(polled.is_pending() || answer.is_ready());
            polls
        };
        assert_eq!(poll(Poll::Ready(()), false), 1);
        // There may be more.
        assert_eq!(poll(Poll::Pending, false), 2);
        assert_eq!(poll(Poll::Pending, false), 2);
        wakes.wake();
        assert_eq!(poll(Poll::Pending, true), 3);
        assert_eq!(poll(Poll::Pending, false), 4);
        assert_eq!(poll(Poll::Ready(()), false), 4);
    }
}
