//! What a proxy read of a request or of its answer, as far as requests are told together by it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use proto::flow::Layer7;
use proto::flow::layer7::Record;

/// The DNS response code of a name that doesn't exist (RFC 1035, 4.1.1: Name Error).
pub(crate) const NO_SUCH_NAME: u32 = 3;

/// What became of requests that asked the same. Of two answers to one DNS name the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answered {
    /// DNS: there is no such name.
    NoName,
    /// DNS: the name has no addresses of the types that were asked for.
    NoAddresses,
    /// DNS: addresses.
    Addresses,
    /// HTTP: by the hundreds of the status.
    Status(u8),
    /// Kafka: without an error.
    Done,
    /// No rule allowed them.
    Refused,
    /// In several ways, by an error of the server's, or nothing that is known: each stands by itself.
    Otherwise,
}

impl Answered {
    pub(crate) fn and(self, other: Self) -> Self {
        match self <= Self::Addresses && other <= Self::Addresses {
            true => self.max(other),
            false if self == other => self,
            false => Self::Otherwise,
        }
    }

    /// The same for answers of which it doesn't matter which they are: whether a name that was asked for has
    /// addresses.
    #[must_use]
    pub fn kind(self) -> Self {
        match self {
            Self::NoName | Self::NoAddresses | Self::Addresses => Self::Addresses,
            Self::Status(_) | Self::Done | Self::Refused | Self::Otherwise => self,
        }
    }
}

/// What a request or its answer is about, in a few words: `GET /cart` (without the query of the URL), `DNS
/// api.example.com`, `produce orders`; `None` if nothing was read of it.
pub(crate) fn subject(layer7: &Layer7) -> Option<String> {
    Some(match layer7.record.as_ref()? {
        Record::Http(http) => {
            let path = path(&http.url);
            let path = path.split(['?', '#']).next().unwrap_or_default();
            format!("{} {path}", http.method).trim_start().to_owned()
        }
        Record::Dns(dns) => {
            let name = dns.query.strip_suffix('.').unwrap_or(&dns.query);
            format!("DNS {}", name.to_ascii_lowercase())
        }
        Record::Kafka(kafka) => {
            let text = format!("{} {}", kafka.api_key, kafka.topic);
            text.trim_end().to_owned()
        }
    })
}

/// A number for the subject of a request or of its answer: alike for all that ask the same.
pub(crate) fn subject_number(layer7: &Layer7) -> Option<u64> {
    // Clients choose what they ask: they can't choose what has the same number.
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    Some(KEY.hash_one(subject(layer7)?))
}

/// What an answer says, as far as requests are told together by it.
pub(crate) fn answered(layer7: &Layer7) -> Answered {
    match &layer7.record {
        Some(Record::Http(http)) if (100..600).contains(&http.code) => {
            Answered::Status(u8::try_from(http.code / 100).unwrap_or(0))
        }
        Some(Record::Dns(dns)) => match (dns.rcode, dns.ips.is_empty()) {
            (0, false) => Answered::Addresses,
            (0, true) => Answered::NoAddresses,
            (NO_SUCH_NAME, _) => Answered::NoName,
            _ => Answered::Otherwise,
        },
        Some(Record::Kafka(kafka)) if kafka.error_code == 0 => Answered::Done,
        Some(Record::Http(_) | Record::Kafka(_)) | None => Answered::Otherwise,
    }
}

/// Path and query of a URL: `/cart?id=7`.
pub(crate) fn path(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, rest)| rest);
    behind.find('/').map_or("/", |at| &behind[at..])
}
