//! Requests as bytes, through the readers to the rules.

use l7::http::{
    Chunks, Framing, Head, HeadReader, NoSecrets, Normalized, Request, Upgrade, normalize,
};
use l7::rules::{Decision, Set};
use l7::wire::dns::{MAX_REPLY, Query, rcode};
use l7::wire::tls::Reader;
use serde_json::Value;
use testing_cases::{Dns, Expect, Http, Probe, Tls};

/// What a server would see of a request.
struct Seen {
    path: String,
    headers: Vec<(String, Vec<u8>)>,
}

/// Sends bytes: the statuses of the answers, until the connection is closed, and what the server saw.
fn send(set: &Set, peer: u32, mut bytes: &[u8]) -> (Vec<u16>, Vec<Seen>) {
    let (mut statuses, mut seen) = (Vec::new(), Vec::new());
    while !bytes.is_empty() {
        let head = match HeadReader::new().read(bytes) {
            Ok(Some(head)) => head,
            Ok(None) => break,
            Err(error) => {
                statuses.push(error.status());
                break;
            }
        };
        match normalize(head.path) {
            Ok(Normalized::Path(path)) => {
                let (status, more) = judge(set, peer, &head, &path);
                statuses.push(status);
                seen.extend(more);
            }
            Ok(Normalized::Redirect(_)) => statuses.push(307),
            Err(error) => {
                statuses.push(error.status());
                break;
            }
        }
        if head.upgrade == Upgrade::WebSocket {
            break;
        }
        let body = bytes.get(head.length..).unwrap_or_default();
        let length = match head.framing {
            Framing::Length(length) => usize::try_from(length).unwrap(),
            Framing::Chunked => match Chunks::new().push(body) {
                Ok(length) => length,
                Err(_) => break,
            },
        };
        bytes = body.get(length..).unwrap_or_default();
    }
    (statuses, seen)
}

fn judge(set: &Set, peer: u32, head: &Head<'_>, path: &[u8]) -> (u16, Option<Seen>) {
    let request = Request {
        method: head.method,
        authority: head.authority,
        path,
        headers: head.headers.as_slice(),
    };
    let (decision, effects) = set.judge_http(peer, &request, &NoSecrets);
    if let Decision::Denied(denial) = decision {
        assert!(denial.nearest.is_some(), "the peer is selected");
        assert!(!denial.to_string().is_empty());
        return (403, None);
    }
    let written = head.write(path, &effects);
    let again = HeadReader::new().read(&written).unwrap().unwrap();
    let owned = again
        .headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.to_vec()));
    let headers = owned.collect();
    let path = again.path;
    let path = String::from_utf8(path.to_vec()).unwrap();
    (200, Some(Seen { path, headers }))
}

fn check_seen(probe: &Probe, seen: &[Seen]) -> Result<(), String> {
    for (key, wanted) in &probe.upstream {
        let [seen] = seen else {
            return Err("the server sees nothing".to_owned());
        };
        if key == "path" {
            if Some(seen.path.as_str()) != wanted.as_str() {
                return Err(format!("the server sees {}", seen.path));
            }
            continue;
        }
        let named = seen
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(key));
        let values: Vec<String> = named
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            .collect();
        let wanted: Vec<String> = match wanted {
            Value::Null => Vec::new(),
            Value::Array(values) => values
                .iter()
                .map(|one| one.as_str().unwrap().into())
                .collect(),
            Value::String(value) => vec![value.clone()],
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => panic!("{wanted}"),
        };
        if values != wanted {
            return Err(format!("the server sees {key}: {values:?}"));
        }
    }
    Ok(())
}

pub(crate) fn http(set: &Set, peer: u32, probe: &Probe, http: &Http) -> Result<(), String> {
    // HTTP/2 has the same parts.
    let (statuses, seen) = send(set, peer, http.head().as_bytes());
    if statuses != probe.statuses() {
        return Err(format!("{statuses:?}"));
    }
    check_seen(probe, &seen)
}

pub(crate) fn raw(set: &Set, peer: u32, probe: &Probe, bytes: &[u8]) -> Result<(), String> {
    let (statuses, seen) = send(set, peer, bytes);
    let wanted = probe.statuses().into_iter();
    // Of CONNECT the table says that 405 does as well.
    let wanted: Vec<u16> = wanted
        .map(|one| if one == 404 { 405 } else { one })
        .collect();
    if statuses != wanted {
        return Err(format!("{statuses:?} instead of {wanted:?}"));
    }
    if seen.len() != wanted.iter().filter(|one| **one == 200).count() {
        return Err("the server sees what it must not".to_owned());
    }
    check_seen(probe, &seen)
}

pub(crate) fn dns(set: &Set, peer: u32, probe: &Probe, dns: &Dns) -> Result<(), String> {
    let bytes = dns.query(0x1234);
    let query = Query::read(&bytes).unwrap();
    let told = match set.judge_dns(peer, &query.name) {
        Decision::Allowed(_) => Expect::Allowed,
        Decision::Denied(denial) => {
            assert!(denial.nearest.is_some(), "the server is selected");
            let mut reply = [0; MAX_REPLY];
            let length = query.reply(rcode::REFUSED, &mut reply).unwrap();
            assert_eq!(reply[12..length], bytes[12..]);
            Expect::Refused
        }
    };
    (told == probe.expect)
        .then_some(())
        .ok_or_else(|| format!("{told:?}"))
}

pub(crate) fn tls(set: &Set, peer: u32, probe: &Probe, tls: &Tls) -> Result<(), String> {
    let hello = tls.hello();
    let mut reader = Reader::new();
    let hello = reader.push(&hello).unwrap().unwrap();
    let told = match set.judge_server_name(peer, hello.server_name) {
        Decision::Allowed(_) => Expect::Allowed,
        Decision::Denied(denial) => {
            assert!(denial.nearest.is_some(), "the peer is selected");
            Expect::Denied
        }
    };
    (told == probe.expect)
        .then_some(())
        .ok_or_else(|| format!("{told:?}"))
}
