//! What the connection that is asked about carries: flags of `flows policy trace` and `flows why`.

use proto::flow::HttpHeader;
use proto::flows::v1::{DnsQuery, HttpRequest, KafkaRequest, TlsHello, trace_request::Request};

use crate::error::Error;

/// The version of Kafka's requests if none is named.
const KAFKA_VERSION: u32 = 1;

/// A request: flags of one protocol.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "The request")]
pub(super) struct RequestArgs {
    /// HTTP: method [default: GET]
    #[arg(long, value_name = "METHOD")]
    http_method: Option<String>,
    /// HTTP: path, with its query if there is one [default: /]
    #[arg(long, value_name = "PATH")]
    http_path: Option<String>,
    /// HTTP: Host header, with the port if one is sent
    #[arg(long, value_name = "HOST")]
    http_host: Option<String>,
    /// HTTP: another header; repeat it for more
    #[arg(long, value_name = "'NAME: VALUE'")]
    http_header: Vec<String>,
    /// DNS: the name that is asked for, whatever the type; the port is then 53/udp if none is named
    #[arg(long, value_name = "NAME")]
    dns_name: Option<String>,
    /// Kafka: API key by name, such as produce or fetch, or by number
    #[arg(long, value_name = "KEY")]
    kafka_api_key: Option<String>,
    /// Kafka: topic; repeat it for more
    #[arg(long, value_name = "TOPIC")]
    kafka_topic: Vec<String>,
    /// Kafka: client id
    #[arg(long, value_name = "ID")]
    kafka_client_id: Option<String>,
    /// Kafka: version of the request [default: 1]
    #[arg(long, value_name = "NUMBER")]
    kafka_api_version: Option<u32>,
    /// TLS: server that the client names (SNI)
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
}

impl RequestArgs {
    /// Whether it is a question of DNS.
    pub(super) fn is_dns(&self) -> bool {
        self.dns_name.is_some()
    }

    /// The request, if one is asked about.
    pub(super) fn request(&self) -> Result<Option<Request>, Error> {
        let found = [self.http()?, self.dns(), self.kafka()?, self.tls()];
        let mut found = found.into_iter().flatten();
        match (found.next(), found.next()) {
            (request, None) => Ok(request),
            _ => Err(Error::Hinted(
                "a connection carries one protocol: the flags name several".to_owned(),
                "use --http-*, --dns-name, --kafka-* or --sni".to_owned(),
            )),
        }
    }

    fn http(&self) -> Result<Option<Request>, Error> {
        let Self {
            http_method,
            http_path,
            http_host,
            http_header,
            ..
        } = self;
        let given = [http_method, http_path, http_host];
        if given.iter().all(|flag| flag.is_none()) && http_header.is_empty() {
            return Ok(None);
        }
        let headers = http_header.iter().map(|text| header(text));
        let text = |flag: &Option<String>, default: &str| {
            flag.clone().unwrap_or_else(|| default.to_owned())
        };
        Ok(Some(Request::Http(HttpRequest {
            method: text(http_method, "GET"),
            path: text(http_path, "/"),
            host: text(http_host, ""),
            headers: headers.collect::<Result<_, _>>()?,
        })))
    }

    fn dns(&self) -> Option<Request> {
        let name = self.dns_name.clone()?;
        Some(Request::Dns(DnsQuery { name }))
    }

    fn kafka(&self) -> Result<Option<Request>, Error> {
        let Self {
            kafka_api_key,
            kafka_topic,
            kafka_client_id,
            kafka_api_version,
            ..
        } = self;
        let Some(api_key) = kafka_api_key.clone() else {
            let is_alone =
                !kafka_topic.is_empty() || kafka_client_id.is_some() || kafka_api_version.is_some();
            return match is_alone {
                false => Ok(None),
                true => Err(Error::Hinted(
                    "a request to Kafka needs its API key".to_owned(),
                    "add --kafka-api-key produce (or fetch, metadata, ...)".to_owned(),
                )),
            };
        };
        Ok(Some(Request::Kafka(KafkaRequest {
            api_key,
            api_version: kafka_api_version.unwrap_or(KAFKA_VERSION),
            client_id: kafka_client_id.clone(),
            topics: kafka_topic.clone(),
        })))
    }

    fn tls(&self) -> Option<Request> {
        let server_name = self.sni.clone()?;
        Some(Request::Tls(TlsHello { server_name }))
    }
}

/// `Name: value`
fn header(text: &str) -> Result<HttpHeader, Error> {
    let parts = text.split_once(':');
    let parts = parts.map(|(name, value)| (name.trim(), value.trim()));
    match parts.filter(|(name, _)| !name.is_empty()) {
        Some((key, value)) => Ok(HttpHeader {
            key: key.to_owned(),
            value: value.to_owned(),
        }),
        None => Err(Error::Hinted(
            format!("{text:?} is not a header"),
            "write it as on the wire: --http-header 'X-Token: secret'".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http() -> RequestArgs {
        RequestArgs {
            http_path: Some("/a".to_owned()),
            http_header: vec!["X-Token:  a: b ".to_owned()],
            ..RequestArgs::default()
        }
    }

    #[test]
    fn what_is_not_given_of_a_request_is_the_usual() {
        assert!(matches!(RequestArgs::default().request(), Ok(None)));
        let Ok(Some(Request::Http(request))) = http().request() else {
            panic!("a request of HTTP")
        };
        assert_eq!((&*request.method, &*request.path), ("GET", "/a"));
        let header = &request.headers[0];
        assert_eq!((&*header.key, &*header.value), ("X-Token", "a: b"));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let two = RequestArgs {
            sni: Some("a.org".to_owned()),
            ..http()
        };
        let topic_alone = RequestArgs {
            kafka_topic: vec!["orders".to_owned()],
            ..RequestArgs::default()
        };
        let no_header = RequestArgs {
            http_header: vec!["X-Token".to_owned()],
            ..RequestArgs::default()
        };
        for (args, wanted) in [
            (two, "one protocol"),
            (topic_alone, "needs its API key"),
            (no_header, "is not a header"),
        ] {
            let error = args.request().expect_err(wanted).to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
