//! Recorded requests beside one that is asked about.

use super::Request;

/// In place of a header's value that a proxy keeps to itself.
pub const REDACTED: &str = "[redacted]";

impl Request {
    /// Whether a recorded request asks what this one does, as far as flows tell: where this one has no query, no
    /// host, no headers or no topics, any will do. Values of headers that the proxy kept to itself do, too; names
    /// of TLS servers are not recorded.
    pub fn is_asked_by(&self, recorded: &Self) -> bool {
        match (self, recorded) {
            (
                Self::Http {
                    method,
                    path,
                    host,
                    headers,
                },
                Self::Http {
                    method: seen_method,
                    path: seen_path,
                    host: seen_host,
                    headers: seen_headers,
                },
            ) => {
                let is_sent = |(name, value): &(String, String)| {
                    let mut seen = seen_headers.iter();
                    seen.any(|(seen, sent)| {
                        seen.eq_ignore_ascii_case(name) && (sent == value || sent == REDACTED)
                    })
                };
                let seen_path = match path.contains(&b'?') {
                    true => seen_path.as_slice(),
                    false => without_query(seen_path),
                };
                method == seen_method
                    && path.as_slice() == seen_path
                    && (host.is_empty() || host.eq_ignore_ascii_case(seen_host))
                    && headers.iter().all(is_sent)
            }
            (Self::Dns(name), Self::Dns(seen)) => name == seen,
            (
                Self::Kafka { head, topics },
                Self::Kafka {
                    head: seen,
                    topics: seen_topics,
                },
            ) => {
                // A flow has one topic of a request.
                let is_sent = |topic: &String| topics.contains(topic);
                head.api_key == seen.api_key
                    && (topics.is_empty() || seen_topics.iter().any(is_sent))
            }
            (Self::Http { .. } | Self::Dns(_) | Self::Kafka { .. } | Self::Tls(_), _) => false,
        }
    }
}

fn without_query(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(path: &str, host: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request::http("GET", path, host, headers.collect()).expect("a request")
    }

    #[test]
    fn what_is_left_open_may_be_anything() {
        let seen = http(
            "/cart?id=7",
            "shop:8080",
            &[("x-token", REDACTED), ("a", "1")],
        );
        for (asked, is_it) in [
            (http("/cart", "", &[]), true),
            (http("/cart?id=7", "Shop:8080", &[("X-Token", "abc")]), true),
            (http("/cart?id=8", "", &[]), false),
            (http("/", "", &[]), false),
            (http("/cart", "other", &[]), false),
            (http("/cart", "", &[("a", "2")]), false),
            (http("/cart", "", &[("b", "1")]), false),
            (Request::dns("cart").expect("a name"), false),
        ] {
            assert_eq!(asked.is_asked_by(&seen), is_it, "{asked:?}");
        }
        let kafka = |key, topics: &[&str]| Request::kafka(key, 1, None, topics).expect("a request");
        let seen = kafka("produce", &["orders"]);
        for (asked, is_it) in [
            (kafka("produce", &["payments", "orders"]), true),
            (kafka("produce", &[]), true),
            (kafka("produce", &["payments"]), false),
            (kafka("fetch", &["orders"]), false),
        ] {
            assert_eq!(asked.is_asked_by(&seen), is_it, "{asked:?}");
        }
        let name = Request::dns("api.example.org").expect("a name");
        assert!(name.is_asked_by(&Request::dns("API.example.org.").expect("a name")));
    }
}
