//! A client: one request to a URL, and what became of it.
//!
//! | URL | asks |
//! |---|---|
//! | `http://HOST:PORT/PATH`, `https://…` | HTTP; any certificate will do, for the lab's servers make their own |
//! | `dns://NAME` | for the name's addresses, of the pod's resolver |
//! | `kafka://HOST:PORT/TOPIC` | for the topic's records, or to take one ([`Request::produce`]) |

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::Once;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use ureq::http::{Request as HttpRequest, StatusCode};
use ureq::tls::TlsConfig;

use crate::kafka;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// `http://` or `https://`, whole.
    Http(String),
    /// The name behind `dns://`.
    Dns(String),
    /// Behind `kafka://`.
    Kafka {
        /// `HOST:PORT`.
        broker: String,
        /// The topic.
        topic: String,
    },
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is none of http://HOST:PORT/PATH, https://HOST/PATH, dns://NAME and \
                 kafka://HOST:PORT/TOPIC"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        match scheme {
            _ if rest.is_empty() => Err(wrong()),
            "http" | "https" => Ok(Self::Http(text.to_owned())),
            "dns" if !rest.contains('/') => Ok(Self::Dns(rest.to_owned())),
            "kafka" => match rest.split_once('/') {
                Some((broker, topic)) if broker.contains(':') && !topic.is_empty() => {
                    Ok(Self::Kafka {
                        broker: broker.to_owned(),
                        topic: topic.to_owned(),
                    })
                }
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it goes.
    pub url: Url,
    /// The method, of HTTP.
    pub method: String,
    /// What to produce, of Kafka; to fetch otherwise.
    pub produce: Option<String>,
    /// How long to wait for an answer.
    pub patience: Duration,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered, so.
    Answered(String),
    /// Somebody said no.
    Denied(String),
    /// There was no answer in time.
    TimedOut,
    /// It failed otherwise.
    Failed(String),
}

impl Outcome {
    /// The exit code that stands for it: 0, 5, 2 and 3.
    pub fn code(&self) -> u8 {
        match self {
            Self::Answered(_) => 0,
            Self::TimedOut => 2,
            Self::Failed(_) => 3,
            Self::Denied(_) => 5,
        }
    }

    fn of(error: &io::Error) -> Self {
        match [ErrorKind::TimedOut, ErrorKind::WouldBlock].contains(&error.kind()) {
            true => Self::TimedOut,
            false => Self::Failed(error.to_string()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(what) => write!(out, "{what}"),
            Self::Denied(what) => write!(out, "denied: {what}"),
            Self::TimedOut => out.write_str("timed out"),
            Self::Failed(why) => write!(out, "failed: {why}"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.url, &self.produce) {
            (Url::Http(url), _) => write!(out, "{} {url}", self.method),
            (Url::Dns(name), _) => write!(out, "resolve {name}"),
            (Url::Kafka { broker, topic }, None) => write!(out, "fetch {topic} from {broker}"),
            (Url::Kafka { broker, topic }, Some(_)) => write!(out, "produce {topic} to {broker}"),
        }
    }
}

impl Request {
    /// Sends it, on a connection of its own, and waits for the answer.
    pub fn send(&self) -> Outcome {
        match &self.url {
            Url::Http(url) => self.http(url),
            Url::Dns(name) => match resolve(&format!("{name}:0")) {
                Ok(found) => {
                    let found = found.iter().map(|address| address.ip().to_string());
                    Outcome::Answered(found.collect::<Vec<_>>().join(" "))
                }
                Err(error) => Outcome::of(&error),
            },
            Url::Kafka { broker, topic } => match self.kafka(broker, topic) {
                Ok(Ok(said)) => Outcome::Answered(said),
                Ok(Err(ResponseError::TopicAuthorizationFailed)) => {
                    Outcome::Denied("not authorized for the topic".to_owned())
                }
                Ok(Err(error)) => Outcome::Failed(error.to_string()),
                Err(error) => Outcome::of(&error),
            },
        }
    }

    fn http(&self, url: &str) -> Outcome {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // There is one already if somebody else in this process chose.
            drop(rustls::crypto::ring::default_provider().install_default());
        });
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(self.patience))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .tls_config(TlsConfig::builder().disable_verification(true).build())
            .build()
            .new_agent();
        let request = HttpRequest::builder()
            .method(&*self.method)
            .uri(url)
            .body(());
        let request = match request {
            Ok(request) => request,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        match agent.run(request) {
            Ok(answer) if answer.status() == StatusCode::FORBIDDEN => {
                Outcome::Denied(answer.status().to_string())
            }
            Ok(answer) => Outcome::Answered(answer.status().to_string()),
            Err(ureq::Error::Timeout(_)) => Outcome::TimedOut,
            Err(ureq::Error::Io(error)) => Outcome::of(&error),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    fn kafka(&self, broker: &str, topic: &str) -> kafka::Answer<String> {
        let found = resolve(broker)?;
        let to = *found.first().ok_or(ErrorKind::NotFound)?;
        Ok(match &self.produce {
            Some(text) => kafka::produce(to, topic, text, self.patience)?
                .map(|offset| format!("stored at {offset}")),
            None => kafka::fetch(to, topic, self.patience)?
                .map(|records| format!("{} records", records.len())),
        })
    }
}

/// The addresses of `HOST:PORT`, those of IPv4 first: as the system says.
fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    let mut found: Vec<SocketAddr> = name.to_socket_addrs()?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let kafka = Url::Kafka {
            broker: "kafka:9092".to_owned(),
            topic: "orders".to_owned(),
        };
        assert_eq!("kafka://kafka:9092/orders".parse(), Ok(kafka));
        assert_eq!("dns://a.b".parse(), Ok(Url::Dns("a.b".to_owned())));
        for wrong in [
            "",
            "x",
            "dns://",
            "dns://a/b",
            "kafka://a/b",
            "kafka://a:1/",
            "ftp://a",
        ] {
            assert!(wrong.parse::<Url>().is_err(), "{wrong}");
        }
    }
}
