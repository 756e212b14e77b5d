//! Questions to the policy engine: few at a time, behind what enforces, and given up with whoever asked.
//!
//! What an answer costs is in the hands of the caller, who may send rules of 16 MiB to be checked, many
//! times at once, and leave. So a question waits for one of few places, of which those that wait are few,
//! too. It is then answered by a thread of its own, which other threads of the agent precede, and which
//! keeps the place until it has ended, whether anybody still waits for the answer or not.

use std::{sync::Arc, thread, time::Duration};

use policy::cancel::{self, Cancel, Cancelled};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tonic::Status;
use tracing::debug;

/// Of the threads that answer; 0 is that of others (setpriority(2)): they get a tenth of a CPU that
/// another one wants.
const NICENESS: i32 = 10;
/// After so long an answer is given up, whatever its caller's patience.
const LONGEST: Duration = Duration::from_secs(60);

/// The places of one kind of question.
#[derive(Clone, Debug)]
pub(super) struct Questions {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// How many may wait.
    most: usize,
}

/// A place for one question.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Questions {
    /// So many at a time, while so many wait; further ones are refused.
    pub(super) fn new(running: usize, waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            waiting: Arc::new(Semaphore::new(waiting)),
            most: waiting,
        }
    }

    /// Waits for a place. Whoever stops waiting makes room for the next one.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) async fn place(&self) -> Result<Place, Status> {
        if let Ok(_permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(Place { _permit });
        }
        let busy = |_none_free| {
            Status::resource_exhausted(format!(
                "busy: {} questions of this kind wait for an answer already; try again",
                self.most
            ))
        };
        let _waiting = self.waiting.try_acquire().map_err(busy)?;
        let free = Arc::clone(&self.running).acquire_owned().await;
        let _permit = free.map_err(|_closed| Status::unavailable("the agent ends"))?;
        Ok(Place { _permit })
    }
}

impl Place {
    /// Answers on a thread of its own. If this is dropped before, the answer is given up.
    ///
    /// # Errors
    /// The answer's own; it takes too long, or its thread fails.
    pub(super) async fn answer<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let cancel = Cancel::default();
        let asker = cancel.on_drop();
        let (send, answer) = oneshot::channel();
        let thread = thread::Builder::new().name("question".into());
        let started = thread.spawn(move || {
            // Free again when the work has ended, not when its caller is gone.
            let _place = self;
            if let Err(error) = loader::set_thread_niceness(NICENESS) {
                debug!(%error, "a question is answered at the priority of enforcement");
            }
            let answer = cancel::unless(&cancel, work);
            // Who is gone needs no answer.
            drop(send.send(answer));
        });
        started.map_err(|error| {
            Status::resource_exhausted(format!("no thread to answer: {error}; try again"))
        })?;
        let answered = tokio::time::timeout(LONGEST, answer).await;
        drop(asker);
        let given_up = || {
            Status::deadline_exceeded(format!(
                "the answer takes more than {} s; ask for less",
                LONGEST.as_secs()
            ))
        };
        match answered {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Ok(Err(Cancelled))) | Err(_) => Err(given_up()),
            Ok(Err(_panicked)) => Err(Status::internal(
                "the policy engine failed on this question",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{sync::mpsc, task::JoinSet};
    use tonic::Code;

    use super::*;

    /// Counts who is at work until it is dropped.
    struct AtWork(Arc<AtomicUsize>);

    impl AtWork {
        fn begin(count: &Arc<AtomicUsize>) -> (Self, usize) {
            let now = count.fetch_add(1, Ordering::SeqCst) + 1;
            (Self(Arc::clone(count)), now)
        }
    }

    impl Drop for AtWork {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Asks what takes for ever, unless it is given up; tells how many are at work when it begins.
    async fn ask(
        questions: Questions,
        count: Arc<AtomicUsize>,
        began: mpsc::UnboundedSender<usize>,
    ) -> Result<usize, Status> {
        let place = questions.place().await?;
        let work = move || {
            let (_at_work, now) = AtWork::begin(&count);
            began.send(now).unwrap();
            let rounds = cancel::each(0_usize..).inspect(|_| thread::yield_now());
            Ok(rounds.count())
        };
        place.answer(work).await
    }

    #[tokio::test]
    async fn few_run_few_wait_and_all_end_with_their_callers() {
        const RUNNING: usize = 2;
        const WAITING: usize = 5;
        let questions = Questions::new(RUNNING, WAITING);
        let count = Arc::new(AtomicUsize::new(0));
        #[expect(clippy::disallowed_methods, reason = "a test sends a few")]
        let (send, mut began) = mpsc::unbounded_channel();
        for _ in 0..10 {
            let mut callers = JoinSet::new();
            for _ in 0..RUNNING + WAITING + 3 {
                callers.spawn(ask(questions.clone(), Arc::clone(&count), send.clone()));
            }
            for _ in 0..3 {
                let refused = callers.join_next().await.unwrap().unwrap().unwrap_err();
                assert_eq!(refused.code(), Code::ResourceExhausted);
                assert!(refused.message().contains("5 questions"), "{refused}");
            }
            for _ in 0..RUNNING {
                let now = began.recv().await.unwrap();
                assert!(now <= RUNNING, "{now} at work");
            }
            callers.shutdown().await;
            // Whoever comes next has a place as soon as those have ended, which is of itself.
            let place = questions.place().await.unwrap();
            assert!(count.load(Ordering::SeqCst) < RUNNING);
            assert_eq!(place.answer(|| Ok(7)).await.unwrap(), 7);
        }
        let all = questions.running.acquire_many(2).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 0, "none is left");
        assert!(began.try_recv().is_err(), "those that waited didn't begin");
        drop(all);
    }

    #[tokio::test]
    async fn others_go_first_and_a_failure_is_an_answer() {
        let questions = Questions::new(1, 1);
        let stat = || std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let place = questions.place().await.unwrap();
        let stat = place.answer(move || Ok(stat())).await.unwrap();
        // proc_pid_stat(5): the 19th field, the 17th after the name.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let niceness: i32 = fields.split(' ').nth(16).unwrap().parse().unwrap();
        assert!(niceness >= NICENESS, "{niceness}");

        let place = questions.place().await.unwrap();
        let failed = place.answer::<()>(|| panic!("a test")).await.unwrap_err();
        assert_eq!(failed.code(), Code::Internal);
        assert!(questions.place().await.is_ok(), "its place is free again");
    }
}
