//! Requests of Kafka, with a broker behind the proxy.

use testing_cases::{Expect, Kafka, Probe};
use testing_policy::layer7::World;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::Instead;
use crate::rig::{read, send, within};
use crate::stage::stage;

const ID: i32 = 77;

/// Codes of refusals: of topics, groups, clusters, transactions (`org.apache.kafka.common.protocol.Errors`).
const REFUSALS: [i16; 4] = [29, 30, 31, 53];

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;

/// What the broker knows, for metadata of all topics.
const TOPICS: [&str; 2] = ["orders", "secret"];

fn text(text: &str) -> Vec<u8> {
    let length = i16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn count<T>(list: &[T]) -> [u8; 4] {
    i32::try_from(list.len()).unwrap().to_be_bytes()
}

/// A topic of a metadata answer of version 1.
fn topic(name: &str, code: i16) -> Vec<u8> {
    [&code.to_be_bytes()[..], &text(name), &[0], &[0; 4]].concat()
}

/// The broker's answer.
fn answer(kafka: &Kafka) -> Vec<u8> {
    match (kafka.api_key, kafka.api_version) {
        (METADATA, 1) => {
            let names = kafka.topics.iter().map(String::as_str);
            let mut names: Vec<&str> = names.collect();
            if names.is_empty() {
                names = TOPICS.to_vec();
            }
            let topics: Vec<Vec<u8>> = names.iter().map(|name| topic(name, 0)).collect();
            [&[0; 8], &count(&names)[..], &topics.concat()].concat()
        }
        // Fetch up to version 16.
        (API_VERSIONS, 0) => [&[0, 0], &[0, 0, 0, 1][..], &[0, 1, 0, 0, 0, 16]].concat(),
        (FETCH, 3 | 4) => vec![0; 8],
        (_, _) => b"served".to_vec(),
    }
}

/// Where in the answer to a request the code of a refusal stands.
fn place(kafka: &Kafka) -> usize {
    let name = kafka.topics.first().map_or(0, |name| 2 + name.len());
    match (kafka.api_key, kafka.api_version) {
        // Topics, the name, partitions, the partition.
        (PRODUCE, _) => 4 + name + 4 + 4,
        // The time to wait, and the same.
        (FETCH, _) => 4 + 4 + name + 4 + 4,
        // Brokers, the controller, topics.
        (METADATA, 1) => 4 + 4 + 4,
        // FindCoordinator and SaslHandshake begin with it.
        (10 | 17, _) => 0,
        // The time to wait.
        (22, _) => 4,
        // Topics, the name.
        (19 | 20, _) => 4 + name,
        other => panic!("{other:?}: where its code stands isn't known"),
    }
}

async fn frame(stream: &mut TcpStream) -> Option<(i32, Vec<u8>)> {
    let length = stream.read_i32().await.ok()?;
    let body = read(stream, usize::try_from(length).unwrap()).await;
    let (id, rest) = body.split_first_chunk().unwrap();
    Some((i32::from_be_bytes(*id), rest.to_vec()))
}

/// Asks: the request reaches the broker as it is and its answer comes, or an answer comes that refuses it, and the
/// broker sees nothing.
pub(crate) async fn ask(
    world: &World,
    probe: &Probe,
    kafka: &Kafka,
    instead: Option<Instead>,
) -> Option<String> {
    let rig = stage(world, probe).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let request = kafka.frame(ID);
    send(&mut client, &request).await;
    let mut seen = Vec::new();
    let serve = async {
        let (mut broker, _) = listener.accept().await.unwrap();
        while let Ok(length) = broker.read_u32().await {
            let body = read(&mut broker, usize::try_from(length).unwrap()).await;
            let own = [&body[4..8], &answer(kafka)].concat();
            send(&mut broker, &[&count(&own), &*own].concat()).await;
            seen.push([&length.to_be_bytes(), &*body].concat());
        }
        std::future::pending::<()>().await;
    };
    let got = within(async {
        tokio::select! {
            got = frame(&mut client) => got,
            () = serve => unreachable!("it waits"),
        }
    });
    let Some((id, got)) = got.await else {
        return Some("the connection ended".to_owned());
    };
    assert_eq!(id, ID);
    match (probe.expect, instead) {
        (Expect::Denied, Some(Instead::PassesInPart)) => wrong_part(kafka, &seen, &got),
        (Expect::Allowed, None) | (Expect::Denied, Some(Instead::Passes)) => {
            let is_right =
                seen == [request] && (got == answer(kafka) || kafka.api_key == API_VERSIONS);
            (!is_right).then(|| format!("the broker sees {seen:?}, the client {got:?}"))
        }
        (Expect::Denied, None) => {
            let at = place(kafka);
            let code = got
                .get(at..at + 2)
                .map(|code| i16::from_be_bytes([code[0], code[1]]));
            let is_right = seen.is_empty() && code.is_some_and(|code| REFUSALS.contains(&code));
            (!is_right).then(|| format!("code {code:?} in {got:?}; the broker sees {seen:?}"))
        }
        other => panic!("{other:?}"),
    }
}

/// A request up to its body.
fn frame_head(kafka: &Kafka) -> Vec<u8> {
    let [key, version] = [kafka.api_key, kafka.api_version].map(i16::to_be_bytes);
    let client = text(kafka.client_id.as_deref().unwrap_or(""));
    [&key[..], &version, &ID.to_be_bytes(), &client].concat()
}

/// What is wrong with metadata of which a part is refused.
fn wrong_part(kafka: &Kafka, seen: &[Vec<u8>], got: &[u8]) -> Option<String> {
    assert_eq!((kafka.api_key, kafka.api_version), (METADATA, 1));
    let has = |name: &str, code| {
        let topic = topic(name, code);
        got.windows(topic.len()).any(|part| part == topic)
    };
    let is_right = match kafka.topics.as_slice() {
        [] => has("orders", 0) && !has("secret", 0) && seen.len() == 1,
        [refused] => {
            let none: Vec<u8> = [&frame_head(kafka)[..], &[0; 4]].concat();
            has(refused, 29) && seen == [[&count(&none), &*none].concat()]
        }
        [allowed, refused] => {
            let asked = Kafka {
                topics: vec![allowed.clone()],
                ..kafka.clone()
            };
            has(allowed, 0) && has(refused, 29) && seen == [asked.frame(ID)]
        }
        other => panic!("{other:?}"),
    };
    (!is_right).then(|| format!("the broker sees {seen:?}, the client {got:?}"))
}
