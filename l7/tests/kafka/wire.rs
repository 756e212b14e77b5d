//! A connection with what goes in and what comes out of it, and frames for it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use l7::kafka::{Close, Config, Connection, Event, Output, Piece, Rule, RuleSpec, Rules};

use crate::requests::{Names, request};

/// Of frames that a test doesn't number.
pub(crate) const ID: i32 = 77;

/// A request of a kind and version as a frame, and what it names.
pub(crate) fn frame(key: ApiKey, version: i16) -> (Vec<u8>, Names) {
    let (body, names) = request(key, version);
    (encode(key, version, ID, body), names)
}

/// A request as a frame; without a body: any bytes are one.
pub(crate) fn encode(key: ApiKey, version: i16, id: i32, body: Option<RequestKind>) -> Vec<u8> {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(id)
        .with_client_id(Some(StrBytes::from_static_str("client")));
    let mut bytes = BytesMut::new();
    header
        .encode(&mut bytes, key.request_header_version(version))
        .expect("a header");
    match body {
        Some(body) => body
            .encode(&mut bytes, version)
            .unwrap_or_else(|error| panic!("{key:?} {version}: {error:#}")),
        None => bytes.extend_from_slice(&[0; 9]),
    }
    framed(&bytes)
}

/// An answer as a frame.
pub(crate) fn answer(key: ApiKey, version: i16, id: i32, body: &ResponseKind) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(id)
        .encode(&mut bytes, key.response_header_version(version))
        .expect("a header");
    body.encode(&mut bytes, version)
        .unwrap_or_else(|error| panic!("{key:?} {version}: {error:#}"));
    framed(&bytes)
}

/// Any bytes with their length.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).expect("short");
    [&size.to_be_bytes()[..], bytes].concat()
}

/// Takes the first frame apart, as an answer of that kind; the rest stays.
pub(crate) fn decode(bytes: &mut Vec<u8>, key: ApiKey, version: i16) -> (i32, ResponseKind) {
    let size: [u8; 4] = bytes[..4].try_into().expect("a length");
    let end = 4 + usize::try_from(u32::from_be_bytes(size)).expect("short");
    let mut frame = Bytes::copy_from_slice(&bytes[4..end]);
    bytes.drain(..end);
    let header = ResponseHeader::decode(&mut frame, key.response_header_version(version))
        .unwrap_or_else(|error| panic!("{key:?} {version}: {error}"));
    let body = ResponseKind::decode(key, &mut frame, version)
        .unwrap_or_else(|error| panic!("{key:?} {version}: {error}"));
    assert!(frame.is_empty(), "{key:?} {version}: bytes are left");
    (header.correlation_id, body)
}

/// Rules by the fields of policies: `role=produce topic=orders`.
pub(crate) fn rules(texts: &[&str]) -> Rules {
    let rule = |text: &&str| {
        let mut spec = RuleSpec::default();
        for field in text.split_whitespace() {
            let (name, value) = field.split_once('=').expect("a field");
            let value = Some(value.to_owned());
            match name {
                "role" => spec.role = value,
                "apiKey" => spec.api_key = value,
                "clientID" => spec.client_id = value,
                "topic" => spec.topic = value,
                _ => panic!("{name}"),
            }
        }
        Rule::try_from(&spec).expect("a rule")
    };
    Rules::new(
        texts.iter().map(rule).collect(),
        l7::kafka::Options::default(),
    )
}

/// A connection, what it was given and what it gave.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    now: Duration,
    /// Bytes given at a time.
    pub(crate) piece: usize,
    /// Bytes that weren't taken yet.
    pub(crate) from_client: Vec<u8>,
    pub(crate) from_server: Vec<u8>,
    pub(crate) to_server: Vec<u8>,
    pub(crate) to_client: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) close: Option<Close>,
    /// Most bytes that it kept.
    pub(crate) held: usize,
}

impl Wire {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            connection: Connection::new(config),
            now: Duration::ZERO,
            piece: usize::MAX,
            from_client: Vec::new(),
            from_server: Vec::new(),
            to_server: Vec::new(),
            to_client: Vec::new(),
            events: Vec::new(),
            close: None,
            held: 0,
        }
    }

    pub(crate) fn client(&mut self, rules: &Rules, bytes: &[u8]) {
        self.from_client.extend_from_slice(bytes);
        self.go(rules);
    }

    pub(crate) fn server(&mut self, rules: &Rules, bytes: &[u8]) {
        self.from_server.extend_from_slice(bytes);
        self.go(rules);
    }

    /// Other rules hold.
    pub(crate) fn renew(&mut self, rules: &Rules) {
        let output = self.connection.renew(rules);
        self.collect(output, &[]);
    }

    /// Time passes, in ms.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        let output = self.connection.elapsed(self.now);
        self.collect(output, &[]);
    }

    /// Gives all that is taken.
    fn go(&mut self, rules: &Rules) {
        loop {
            let mut moved = false;
            if !self.from_client.is_empty() && self.connection.takes_client() {
                let input = piece(&self.from_client, self.piece);
                let output = self.connection.client_sent(rules, self.now, &input);
                self.from_client.drain(..output.taken);
                moved |= output.taken > 0;
                self.collect(output, &input);
            }
            if !self.from_server.is_empty() && self.connection.takes_server() {
                let input = piece(&self.from_server, self.piece);
                let output = self.connection.server_sent(rules, self.now, &input);
                self.from_server.drain(..output.taken);
                moved |= output.taken > 0;
                self.collect(output, &input);
            }
            if !moved || self.close.is_some() {
                return;
            }
        }
    }

    fn collect(&mut self, output: Output, input: &[u8]) {
        let put = |to: &mut Vec<u8>, pieces: Vec<Piece>| {
            for piece in pieces {
                match piece {
                    Piece::Input(range) => to.extend_from_slice(&input[range]),
                    Piece::Bytes(bytes) => to.extend_from_slice(&bytes),
                }
            }
        };
        put(&mut self.to_server, output.to_server);
        put(&mut self.to_client, output.to_client);
        self.events.extend(output.events);
        self.close = self.close.take().or(output.close);
        self.held = self.held.max(self.connection.held());
    }
}

fn piece(bytes: &[u8], most: usize) -> Vec<u8> {
    bytes[..bytes.len().min(most)].to_vec()
}
