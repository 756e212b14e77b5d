//! An answer of the server's, asked for when somebody looks, for all who do at about the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{RequestError, Server};
use tokio::sync::Mutex;

/// How long an answer is good for.
const GOOD: Duration = Duration::from_secs(2);
/// And that there is none: a server that doesn't know the question is not asked on and on.
const NONE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared<T>(Mutex<Option<Kept<T>>>);

#[derive(Debug)]
struct Kept<T> {
    asked: Instant,
    answer: Result<Arc<T>, Unanswered>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// In words.
    pub(crate) why: String,
    /// This source never will: a file, a stock Hubble.
    pub(crate) never: bool,
}

impl From<RequestError> for Unanswered {
    fn from(error: RequestError) -> Self {
        Self {
            why: error.to_string(),
            never: error.is_unsupported(),
        }
    }
}

impl Unanswered {
    /// There is nobody to ask.
    pub(crate) fn file() -> Self {
        Self {
            why: "the flows are from a file: there is no server to ask".to_owned(),
            never: true,
        }
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shared<T> {
    /// The answer, at most two seconds old.
    pub(crate) async fn get(
        &self,
        server: Option<&Server>,
        ask: impl AsyncFnOnce(&Server) -> Result<T, RequestError>,
    ) -> Result<Arc<T>, Unanswered> {
        let Some(server) = server else {
            return Err(Unanswered::file());
        };
        let mut last = self.0.lock().await;
        if let Some(last) = &*last {
            let good = if last.answer.is_ok() { GOOD } else { NONE };
            if last.asked.elapsed() < good {
                return last.answer.clone();
            }
        }
        let answer = ask(server).await.map(Arc::new).map_err(Unanswered::from);
        // One that is away for a moment is asked again at once.
        let keep = answer.as_ref().map_or_else(|none| none.never, |_| true);
        *last = keep.then(|| Kept {
            asked: Instant::now(),
            answer: answer.clone(),
        });
        answer
    }

    /// The last answer, however old, if there is one and nobody is asking.
    pub(crate) fn last(&self) -> Option<Arc<T>> {
        let last = self.0.try_lock().ok()?;
        last.as_ref()?.answer.clone().ok()
    }

    /// What is known is of before.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
