//! The connection to the proxy: one thread, which connects again whenever there is a proxy.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::Builder;
use std::time::Duration;

use proto::flows::v1::proxy_client::ProxyClient;
use proto::flows::v1::{GetProxyRecordsRequest, SetRulesRequest};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};
use tracing::{debug, info, warn};

use super::records::Facts;
use super::{PATIENCE, ProxyError, SetRules};
use crate::fact::Fact;

/// How often a proxy is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Bytes of rules in a message; the proxy takes 1 MiB.
const PART: usize = 512 << 10;

/// Most bytes of a message of records.
const RECORDS: usize = 64 << 20;

type Records = Streaming<proto::flows::v1::GetProxyRecordsResponse>;

/// Starts the thread. It ends when nobody can ask anything any more.
pub(super) fn start(
    socket: PathBuf,
    commands: UnboundedReceiver<SetRules>,
    facts: SyncSender<Fact>,
    is_there: Arc<AtomicBool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let link = Link {
        socket,
        commands,
        facts: Facts::new(facts),
        client: None,
        is_there,
    };
    Builder::new()
        .name("proxy link".into())
        .spawn(move || runtime.block_on(link.run()))?;
    Ok(())
}

struct Link {
    socket: PathBuf,
    commands: UnboundedReceiver<SetRules>,
    facts: Facts,
    client: Option<ProxyClient<Channel>>,
    is_there: Arc<AtomicBool>,
}

async fn connect(socket: &Path) -> Option<ProxyClient<Channel>> {
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).ok()?;
    let channel = endpoint.connect_timeout(PATIENCE).connect().await.ok()?;
    Some(ProxyClient::new(channel).max_decoding_message_size(RECORDS))
}

impl Link {
    async fn run(mut self) {
        let mut records: Option<Records> = None;
        loop {
            if records.is_none() {
                records = self.subscribe().await;
            }
            let told = async {
                match &mut records {
                    Some(records) => Some(records.message().await),
                    None => {
                        sleep(LOOK_EVERY).await;
                        None
                    }
                }
            };
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.set_rules(command).await,
                    None => return,
                },
                told = told => match told {
                    None => {}
                    Some(Ok(Some(told))) => self.facts.tell(told),
                    Some(Ok(None) | Err(_)) => {
                        warn!("flows-proxy is gone: what is redirected to it is dropped until it is back");
                        records = None;
                        self.client = None;
                        self.is_there.store(false, Ordering::Relaxed);
                    }
                },
            }
        }
    }

    async fn client(&mut self) -> Option<&mut ProxyClient<Channel>> {
        if self.client.is_none() {
            self.client = connect(&self.socket).await;
        }
        self.client.as_mut()
    }

    async fn subscribe(&mut self) -> Option<Records> {
        let client = self.client().await?;
        match client.get_proxy_records(GetProxyRecordsRequest {}).await {
            Ok(records) => {
                info!("flows-proxy is there");
                self.is_there.store(true, Ordering::Relaxed);
                Some(records.into_inner())
            }
            Err(status) => {
                debug!(%status, "flows-proxy tells no records");
                self.client = None;
                None
            }
        }
    }

    async fn set_rules(&mut self, command: SetRules) {
        let SetRules {
            json,
            revision,
            answer,
        } = command;
        let set = match self.client().await {
            // It reads them when it starts.
            None => Ok(()),
            Some(client) => {
                let setting = client.set_rules(futures::stream::iter(parts(&json, revision)));
                match timeout(PATIENCE, setting).await {
                    Ok(Ok(_set)) => Ok(()),
                    // Nobody listens any more, so that nothing is judged by other rules.
                    Ok(Err(status)) if is_gone(&status) => {
                        self.client = None;
                        Ok(())
                    }
                    Ok(Err(status)) => Err(ProxyError::Refused(status.message().to_owned())),
                    Err(_elapsed) => Err(ProxyError::Timeout),
                }
            }
        };
        // Who asked may have given up.
        drop(answer.send(set));
    }
}

fn parts(json: &str, revision: u64) -> Vec<SetRulesRequest> {
    let mut parts = Vec::new();
    let mut rest = json;
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(rest.floor_char_boundary(PART));
        parts.push(SetRulesRequest {
            snapshot: part.to_owned(),
            revision,
        });
        rest = behind;
    }
    parts
}

/// The other end of the connection has closed it.
fn is_gone(status: &tonic::Status) -> bool {
    status.code() == tonic::Code::Unavailable
}
