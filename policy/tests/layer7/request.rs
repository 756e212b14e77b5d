//! Requests of the table, judged as a proxy does.

use l7::http::{Chunks, Framing, HeadReader, NoSecrets, Normalized, Upgrade, normalize};
use l7::kafka::{ApiKey, Head, Options, Topics, Verdict};
use l7::rules::{Decision, PeerKind, RuleRef, Set};
use l7::wire::name::Name;
use l7::wire::tls::ServerName;
use testing_cases::{Kafka, Probe, Request};

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Allowed {
        rule: RuleRef,
    },
    Denied {
        /// The nearest.
        rule: Option<RuleRef>,
    },
    /// Of HTTP, by what reads it.
    Status(u16),
    /// Of a stream of bytes.
    Statuses(Vec<u16>),
}

impl Answer {
    /// The rule that it names.
    pub(crate) fn rule(&self) -> Option<RuleRef> {
        match self {
            Self::Allowed { rule } => Some(*rule),
            Self::Denied { rule, .. } => *rule,
            Self::Status(_) | Self::Statuses(_) => None,
        }
    }
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allowed(allowed) => Self::Allowed { rule: allowed.rule },
            Decision::Denied(denial) => {
                assert!(!denial.to_string().is_empty());
                Self::Denied {
                    rule: denial.nearest.map(|nearest| nearest.rule),
                }
            }
        }
    }
}

/// Sends a probe's request.
pub(crate) fn judge(set: &Set, peer: u32, probe: &Probe) -> Answer {
    match &probe.request {
        Request::Http(http) => one(set, peer, http.head().as_bytes()),
        Request::Raw(raw) => Answer::Statuses(statuses(set, peer, raw.as_bytes())),
        Request::Dns(dns) => {
            let name = Name::from_text(&dns.name).expect("a name");
            set.judge_dns(peer, &name).into()
        }
        Request::Tls(tls) => {
            let name = ServerName::new(tls.sni.as_bytes());
            set.judge_server_name(peer, name.as_ref()).into()
        }
        Request::Kafka(request) => kafka(set, peer, request),
        Request::None => panic!("a redirected probe without a request: {probe}"),
    }
}

fn one(set: &Set, peer: u32, bytes: &[u8]) -> Answer {
    let head = match HeadReader::new().read(bytes) {
        Ok(head) => head.expect("a whole head"),
        Err(error) => return Answer::Status(error.status()),
    };
    let path = match normalize(head.path) {
        Ok(Normalized::Path(path)) => path,
        Ok(Normalized::Redirect(_)) => return Answer::Status(307),
        Err(error) => return Answer::Status(error.status()),
    };
    let request = l7::http::Request {
        method: head.method,
        authority: head.authority,
        path: &path,
        headers: head.headers.as_slice(),
    };
    set.judge_http(peer, &request, &NoSecrets).0.into()
}

/// The statuses of a stream, until it is closed.
fn statuses(set: &Set, peer: u32, mut bytes: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !bytes.is_empty() {
        let head = match HeadReader::new().read(bytes) {
            Ok(Some(head)) => head,
            Ok(None) => break,
            Err(error) => {
                statuses.push(error.status());
                break;
            }
        };
        statuses.push(match one(set, peer, bytes) {
            Answer::Allowed { .. } => 200,
            Answer::Denied { .. } => 403,
            Answer::Status(status) => status,
            Answer::Statuses(_) => panic!("of one request"),
        });
        if head.upgrade == Upgrade::WebSocket || statuses.last().is_some_and(|one| *one == 400) {
            break;
        }
        let body = bytes.get(head.length..).unwrap_or_default();
        let length = match head.framing {
            Framing::Length(length) => usize::try_from(length).expect("short"),
            Framing::Chunked => match Chunks::new().push(body) {
                Ok(length) => length,
                Err(_) => break,
            },
        };
        bytes = body.get(length..).unwrap_or_default();
    }
    statuses
}

fn kafka(set: &Set, peer: u32, kafka: &Kafka) -> Answer {
    assert!(matches!(
        set.peer_kind(peer),
        PeerKind::Kafka | PeerKind::Plain
    ));
    let head = Head {
        api_key: ApiKey(kafka.api_key),
        api_version: kafka.api_version,
        correlation_id: 5,
        client_id: kafka.client_id.clone(),
    };
    let mut topics = Topics::default();
    for name in &kafka.topics {
        if !topics.names.contains(name) {
            topics.names.push(name.clone());
        }
    }
    let rules = set.kafka(peer, Options::default());
    match rules.rules.judge(&head, &topics) {
        Verdict::Allowed(index) => Answer::Allowed {
            rule: index
                .and_then(|index| rules.rule(index))
                .expect("one of the set's")
                .rule,
        },
        Verdict::Denied(denial) => Answer::Denied {
            rule: denial
                .nearest
                .and_then(|index| Some(rules.rule(index)?.rule)),
        },
    }
}
