//! What changed in the cluster's state, as the server tells it: asked for when somebody looks, for all
//! who do at about the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use client::Server;
use proto::flows::v1::{GetChangesRequest, GetChangesResponse};
use tokio::sync::Mutex;

/// How long an answer is good for.
const GOOD: Duration = Duration::from_secs(2);
/// And that there is none: a server that doesn't know the question is not asked on and on.
const NONE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Changes(Mutex<Option<Answer>>);

#[derive(Debug)]
struct Answer {
    asked: Instant,
    said: Result<Arc<GetChangesResponse>, String>,
}

impl Changes {
    /// All that the server knows, without the objects; why there is nothing, in words.
    pub(crate) async fn get(
        &self,
        server: Option<&Server>,
    ) -> Result<Arc<GetChangesResponse>, String> {
        let Some(server) = server else {
            return Err("the flows are from a file: there is no server to ask".to_owned());
        };
        let mut last = self.0.lock().await;
        if let Some(last) = &*last {
            let good = if last.said.is_ok() { GOOD } else { NONE };
            if last.asked.elapsed() < good {
                return last.said.clone();
            }
        }
        let request = GetChangesRequest {
            without_objects: true,
            ..GetChangesRequest::default()
        };
        let answer = server.get_changes(request).await;
        let is_there = !answer.as_ref().is_err_and(|error| error.is_unsupported());
        let said = answer.map(Arc::new).map_err(|error| error.to_string());
        // One that is away for a moment is asked again at once.
        *last = (said.is_ok() || !is_there).then(|| Answer {
            asked: Instant::now(),
            said: said.clone(),
        });
        said
    }
}
