//! A request on a command line: what to type to ask about it.

use super::sanitize::plain;
use crate::trace::{REDACTED, Request};

/// The flags of `flows policy trace` and `flows why` that ask about a request, each with its value quoted for a
/// shell. Texts of a flow are bounded, and header values that it does not tell are left out.
pub fn request_flags(request: &Request) -> Vec<String> {
    let flag = |name: &str, value: &str| format!("--{name} {}", quoted(&plain(value)));
    match request {
        Request::Http {
            method,
            path,
            host,
            headers,
        } => {
            let path = String::from_utf8_lossy(path);
            let mut flags = vec![flag("http-method", method), flag("http-path", &path)];
            flags.extend((!host.is_empty()).then(|| flag("http-host", host)));
            // What the proxy added, or kept to itself, is nothing to ask with.
            let sent = headers
                .iter()
                .filter(|(name, value)| name != "x-request-id" && value != REDACTED);
            let sent = sent.map(|(name, value)| format!("{name}: {value}"));
            flags.extend(sent.map(|header| flag("http-header", &header)));
            flags
        }
        Request::Dns(_) => {
            let text = request.to_string();
            vec![flag("dns-name", text.trim_start_matches("DNS "))]
        }
        Request::Kafka { head, topics } => {
            let mut flags = vec![
                flag("kafka-api-key", &head.api_key.to_string()),
                format!("--kafka-api-version {}", head.api_version),
            ];
            flags.extend(topics.iter().map(|topic| flag("kafka-topic", topic)));
            flags
        }
        Request::Tls(Some(name)) => vec![flag("sni", &name.to_string())],
        Request::Tls(None) => Vec::new(),
    }
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(safe) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
