//! Requests of HTTP/1.1, and bytes that are to be some.

use serde_json::Value;
use testing_cases::{Expect, Http, Probe};
use testing_policy::layer7::World;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use crate::rig::Rig;
use crate::stage::stage;
use crate::wire::{Message, Wire};

/// What the server saw of a request.
pub(crate) struct Seen {
    pub(crate) path: String,
    /// In lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl From<&Message> for Seen {
    fn from(message: &Message) -> Self {
        let lines = message.head.lines().skip(1);
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            path: message.path().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
        }
    }
}

/// What is wrong with what the server saw.
pub(crate) fn wrong_seen(probe: &Probe, seen: &[Seen]) -> Option<String> {
    for (key, wanted) in &probe.upstream {
        let [seen] = seen else {
            return Some(format!("the server sees {} requests", seen.len()));
        };
        if key == "path" {
            if Some(&*seen.path) != wanted.as_str() {
                return Some(format!("the server sees {}", seen.path));
            }
            continue;
        }
        let named = seen
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(key));
        let values: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
        let wanted: Vec<&str> = match wanted.as_array() {
            Some(values) => values.iter().filter_map(Value::as_str).collect(),
            // Null: none.
            None => wanted.as_str().into_iter().collect(),
        };
        if values != wanted {
            return Some(format!("the server sees {key}: {values:?}"));
        }
    }
    None
}

/// Sends bytes and closes the sending half: the statuses of the answers, until the connection's end, and what the
/// server saw.
pub(crate) async fn exchange(rig: &Rig, bytes: &[u8]) -> (Vec<u16>, Vec<Seen>) {
    let listener = rig.server().await;
    let client = async {
        let mut client = Wire::new(rig.client().await);
        client.send(bytes).await;
        client.stream.shutdown().await.unwrap();
        let mut statuses = Vec::new();
        // The answer to HEAD has no body, whatever its length says.
        let is_head = bytes.starts_with(b"HEAD ");
        loop {
            let response = match is_head {
                true => client.head().await,
                false => client.message().await,
            };
            let Some(response) = response else {
                return statuses;
            };
            statuses.push(response.status());
        }
    };
    let mut connections = JoinSet::new();
    let serve = async {
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut wire, mut seen) = (Wire::new(stream), Vec::new());
                while let Some(request) = wire.message().await {
                    seen.push(Seen::from(&request));
                    let body = if request.head.starts_with("HEAD ") {
                        ""
                    } else {
                        "ok"
                    };
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
                    wire.send(format!("{head}{body}")).await;
                }
                seen
            });
        }
    };
    let statuses = tokio::select! {
        statuses = client => statuses,
        () = serve => panic!("the server ended"),
    };
    let seen = connections.join_all().await.into_iter().flatten().collect();
    (statuses, seen)
}

/// Asks as HTTP/1.1.
pub(crate) async fn ask(world: &World, probe: &Probe, http: &Http) -> Option<String> {
    send(world, probe, &http.head()).await
}

/// Sends bytes.
pub(crate) async fn send(world: &World, probe: &Probe, bytes: &str) -> Option<String> {
    let rig = stage(world, probe).await;
    let (statuses, seen) = exchange(&rig, bytes.as_bytes()).await;
    if let Some(wrong) = wrong_statuses(probe, &statuses) {
        return Some(wrong);
    }
    // Nothing that is refused reaches the server.
    let passed = statuses.iter().filter(|status| **status == 200).count();
    if seen.len() != passed {
        return Some(format!("the server sees {} requests", seen.len()));
    }
    wrong_seen(probe, &seen)
}

/// What is wrong with statuses.
pub(crate) fn wrong_statuses(probe: &Probe, statuses: &[u16]) -> Option<String> {
    let is_right = if probe.expect == Expect::Rejected {
        // Any refusal will do, the table says.
        matches!(statuses, [400..=599])
    } else {
        *statuses == *probe.statuses()
    };
    (!is_right).then(|| format!("{statuses:?}"))
}
