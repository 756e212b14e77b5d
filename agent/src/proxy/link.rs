//! The connection to the proxy: one thread, which connects again whenever there is a proxy.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::Builder;
use std::time::Duration;

use proto::flows::v1::proxy_client::ProxyClient;
use proto::flows::v1::{
    GetProxyRecordsRequest, GetProxyRecordsResponse, GetProxyStatusRequest, LearnRequest,
    LearnResponse, SetRulesRequest,
};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};
use tracing::{debug, info, warn};

use super::records::Facts;
use super::{
    ANSWERS, Acknowledgement, Command, Learned, PATIENCE, ProxyError, ProxyRoom, ProxyStats,
    SetRules,
};
use crate::node::Notifier;

/// How often a proxy is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it is asked what it holds.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Bytes of rules in a message; the proxy takes 1 MiB.
const PART: usize = 512 << 10;

/// Most bytes of a message of records.
const RECORDS: usize = 64 << 20;

/// Whom the thread tells what the proxy says.
pub(super) struct Tell {
    pub(super) facts: Facts,
    pub(super) answers: SyncSender<Learned>,
    /// Rung when there is an answer.
    pub(super) notifier: Notifier,
    pub(super) stats: Arc<ProxyStats>,
}

/// Starts the thread. It ends when nobody can ask anything any more.
pub(super) fn start(socket: PathBuf, commands: Receiver<Command>, tell: Tell) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let link = Link {
        socket,
        commands,
        tell,
        client: None,
    };
    Builder::new()
        .name("proxy link".into())
        .spawn(move || runtime.block_on(link.run()))?;
    Ok(())
}

struct Link {
    socket: PathBuf,
    commands: Receiver<Command>,
    tell: Tell,
    client: Option<ProxyClient<Channel>>,
}

/// What a proxy that is connected sends.
struct Streams {
    records: Streaming<GetProxyRecordsResponse>,
    answers: Streaming<LearnResponse>,
    acknowledgements: Sender<LearnRequest>,
}

enum Said {
    Records(GetProxyRecordsResponse),
    Answer(LearnResponse),
    /// It is gone.
    Nothing,
}

impl Streams {
    async fn open(client: &mut ProxyClient<Channel>) -> Result<Self, Status> {
        let (acknowledgements, sent) = channel(ANSWERS);
        // The proxy waits for it, to know that somebody is there.
        drop(acknowledgements.try_send(LearnRequest::default()));
        let sent = futures::stream::unfold(sent, async |mut sent: Receiver<_>| {
            Some((sent.recv().await?, sent))
        });
        let answers = client.learn(sent).await?.into_inner();
        let records = client.get_proxy_records(GetProxyRecordsRequest {}).await?;
        Ok(Self {
            records: records.into_inner(),
            answers,
            acknowledgements,
        })
    }

    async fn next(&mut self) -> Said {
        tokio::select! {
            records = self.records.message() => match records {
                Ok(Some(records)) => Said::Records(records),
                Ok(None) | Err(_) => Said::Nothing,
            },
            answer = self.answers.message() => match answer {
                Ok(Some(answer)) => Said::Answer(answer),
                Ok(None) | Err(_) => Said::Nothing,
            },
        }
    }

    fn acknowledge(&self, acknowledgement: Acknowledgement) {
        let request = LearnRequest {
            id: acknowledgement.id,
            error: acknowledgement.wrong.unwrap_or_default(),
            holds_for_seconds: acknowledgement.holds_for,
        };
        // If the proxy is gone, or takes nothing, it gives up by itself.
        drop(self.acknowledgements.try_send(request));
    }
}

async fn connect(socket: &Path) -> Option<ProxyClient<Channel>> {
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).ok()?;
    let channel = endpoint.connect_timeout(PATIENCE).connect().await.ok()?;
    Some(ProxyClient::new(channel).max_decoding_message_size(RECORDS))
}

impl Link {
    async fn run(mut self) {
        let mut streams: Option<Streams> = None;
        let mut ask = interval(ASK_EVERY);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if streams.is_none() {
                streams = self.subscribe().await;
            }
            let said = async {
                match &mut streams {
                    Some(streams) => Some(streams.next().await),
                    None => {
                        sleep(LOOK_EVERY).await;
                        None
                    }
                }
            };
            tokio::select! {
                command = self.commands.recv() => match (command, &streams) {
                    (Some(Command::SetRules(command)), _) => self.set_rules(command).await,
                    (Some(Command::Acknowledge(of)), Some(streams)) => streams.acknowledge(of),
                    (Some(Command::Acknowledge(_)), None) => {}
                    (None, _) => return,
                },
                _ = ask.tick(), if self.client.is_some() => self.ask().await,
                said = said => match said {
                    None => {}
                    Some(Said::Records(records)) => self.tell.facts.tell(records),
                    Some(Said::Answer(answer)) => {
                        if let (Some(refusal), Some(streams)) = (self.learn(answer), &streams) {
                            streams.acknowledge(refusal);
                        }
                    }
                    Some(Said::Nothing) => {
                        warn!("flows-proxy is gone: what is redirected to it is dropped until it is back");
                        streams = None;
                        self.client = None;
                        self.tell.stats.set_there(false);
                        self.tell.stats.set_room(None);
                    }
                },
            }
        }
    }

    /// Hands an answer on; gives back why it can't be.
    fn learn(&self, answer: LearnResponse) -> Option<Acknowledgement> {
        let id = answer.id;
        let refusal = |wrong: &str| {
            Some(Acknowledgement {
                id,
                wrong: Some(wrong.to_owned()),
                holds_for: 0,
            })
        };
        let addresses = answer.addresses.iter().map(|address| address.parse());
        let Ok(addresses) = addresses.collect() else {
            return refusal("an address can't be read");
        };
        let Ok(client) = answer.client.parse() else {
            return refusal("the address of the pod can't be read");
        };
        let learned = Learned {
            id,
            client,
            names: answer.names,
            addresses,
            ttl: answer.ttl_seconds,
        };
        if self.tell.answers.try_send(learned).is_err() {
            return refusal("too many answers wait for the agent");
        }
        self.tell.notifier.notify();
        None
    }

    async fn client(&mut self) -> Option<&mut ProxyClient<Channel>> {
        if self.client.is_none() {
            self.client = connect(&self.socket).await;
        }
        self.client.as_mut()
    }

    async fn subscribe(&mut self) -> Option<Streams> {
        match Streams::open(self.client().await?).await {
            Ok(streams) => {
                info!("flows-proxy is there");
                self.tell.stats.set_there(true);
                Some(streams)
            }
            Err(status) => {
                debug!(%status, "flows-proxy tells nothing");
                self.client = None;
                None
            }
        }
    }

    /// Asks what it holds. One that doesn't answer is found out by its streams.
    async fn ask(&mut self) {
        let Some(client) = &mut self.client else {
            return;
        };
        let asked = timeout(PATIENCE, client.get_proxy_status(GetProxyStatusRequest {}));
        if let Ok(Ok(status)) = asked.await {
            let room = ProxyRoom::new(status.into_inner());
            self.tell.stats.set_room(Some(room));
        }
    }

    async fn set_rules(&mut self, command: SetRules) {
        let SetRules {
            json,
            revision,
            answer,
        } = command;
        let set = timeout(PATIENCE, self.give(&json, revision)).await;
        // Who asked may have given up.
        drop(answer.send(set.unwrap_or(Err(ProxyError::Timeout))));
    }

    /// Gives a proxy the rules, if one listens: one that doesn't judges nothing, and reads them when it starts. A
    /// connection that ended says nothing of that, so that another one is tried.
    async fn give(&mut self, json: &str, revision: u64) -> Result<(), ProxyError> {
        loop {
            let Some(client) = self.client().await else {
                if nobody_listens(&self.socket).await {
                    return Ok(());
                }
                sleep(LOOK_EVERY).await;
                continue;
            };
            let setting = client.set_rules(futures::stream::iter(parts(json, revision)));
            match setting.await {
                Ok(_set) => return Ok(()),
                Err(status) if is_gone(&status) => {
                    self.client = None;
                    sleep(LOOK_EVERY).await;
                }
                Err(status) => return Err(ProxyError::Refused(status.message().to_owned())),
            }
        }
    }
}

/// Whether it is certain that there is no proxy at the socket.
async fn nobody_listens(socket: &Path) -> bool {
    let connected = UnixStream::connect(socket).await;
    connected.is_err_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        )
    })
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

/// The connection has ended.
fn is_gone(status: &Status) -> bool {
    status.code() == tonic::Code::Unavailable
}
