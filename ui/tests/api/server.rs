//! A running flows-ui.

use std::net::SocketAddr;

use clap::Parser as _;
use flows_ui::{Args, Config, Server};
use proto::observer::GetFlowsResponse;
use serde_json::Value;
use testing::until;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::server::Router;

use crate::http::{Answer, get, post};
use crate::schema::DESCRIPTION;
use testing::server as relay;

/// A server with flows from a file; ends when dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    _flows: Option<tempfile::NamedTempFile>,
    _directory: Option<tempfile::TempDir>,
    _stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// With so many seconds of flows.
    pub(crate) async fn start(seconds: i64, arguments: &[&str]) -> Self {
        Self::of_file(crate::flows::file(seconds), arguments).await
    }

    /// With the flows of a file.
    pub(crate) async fn of_file(flows: tempfile::NamedTempFile, arguments: &[&str]) -> Self {
        let path = flows.path().to_str().unwrap().to_owned();
        let mut running = Self::of(&[&["--input-file", &path], arguments].concat()).await;
        running._flows = Some(flows);
        running
    }

    /// With the flows of a relay, which can be stopped.
    pub(crate) async fn of_relay(
        history: Vec<GetFlowsResponse>,
        arguments: &[&str],
    ) -> (relay::Server, Self) {
        Self::of_relay_beside(history, arguments, |services| services).await
    }

    /// The same of a relay that has further services.
    pub(crate) async fn of_relay_beside(
        history: Vec<GetFlowsResponse>,
        arguments: &[&str],
        services: impl Fn(Router) -> Router + Send + 'static,
    ) -> (relay::Server, Self) {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("relay.sock");
        let relay = relay::Server::start_beside(&socket, history, services);
        let mut running = Self::beside(&relay, arguments).await;
        running._directory = Some(directory);
        (relay, running)
    }

    /// Another one with the flows of the same relay.
    pub(crate) async fn beside(relay: &relay::Server, arguments: &[&str]) -> Self {
        let address = format!("unix://{}", relay.socket.display());
        Self::of(&[&["--server", &address], arguments].concat()).await
    }

    /// Started with these arguments.
    pub(crate) async fn of(arguments: &[&str]) -> Self {
        let fixed = ["flows-ui", "--listen", "127.0.0.1:0"];
        let args = Args::try_parse_from([&fixed, arguments].concat()).unwrap();
        let server = Server::bind(Config::try_from(args).unwrap()).unwrap();
        let address = server.address().unwrap();
        let metrics = server.metrics_address();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            server.run(stop).await.unwrap();
        });
        Self {
            address,
            metrics,
            _flows: None,
            _directory: None,
            _stop: stop,
            task,
        }
    }

    /// An answer of the API is as openapi.yaml says, whatever else is tested.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let answer = get(self.address, path, &[]).await;
        if path.starts_with("/api/") {
            DESCRIPTION.check_answer("get", path, &answer);
        }
        answer
    }

    /// The same of what is sent, which is as openapi.yaml says, too, unless it is refused.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let answer = post(self.address, path, body).await;
        DESCRIPTION.check_answer("post", path, &answer);
        if answer.status == 200 {
            DESCRIPTION.check_sent(path, body);
        }
        answer
    }

    /// Waits until the status is as wanted, and gives it.
    pub(crate) async fn status(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, async || {
            let status = self.get("/api/status").await.json();
            match wanted(&status) {
                true => Ok(status),
                false => Err(status.to_string()),
            }
        })
        .await
    }

    /// Waits until so many flows are held.
    pub(crate) async fn holds(&self, flows: u64) {
        let what = format!("{flows} flows are held");
        self.status(&what, |status| status["held"]["flows"] == flows)
            .await;
    }

    /// Waits until the file has been read.
    pub(crate) async fn ready(&self) {
        let read = |status: &Value| {
            let state = &status["link"]["state"];
            assert_ne!(*state, "failed", "{status}");
            *state == "ended"
        };
        self.status("the file is read", read).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
