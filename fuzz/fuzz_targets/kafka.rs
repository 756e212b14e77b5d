//! Any bytes of a client and a broker, through a Kafka connection, in one piece and in small ones.
//! Nothing may panic, what comes out must be the same, and it keeps no more than its limits allow.
//!
//! The input is a byte that chooses rules and the size of pieces, then records: whose bytes they are and
//! how much time goes by (a byte), their length (two bytes, big-endian), and the bytes.

#![no_main]

use std::time::Duration;

use l7::kafka::{Close, Config, Connection, Event, Options, Output, Piece, Rule, RuleSpec, Rules};
use libfuzzer_sys::fuzz_target;

const LIMITS: Config = Config {
    request: 1 << 20,
    held: 4_000,
    items: 200,
    names: 4_000,
    answer: 8_000,
    // How two sides alternate when one is stopped depends on the pieces.
    in_flight: usize::MAX,
    waiting: usize::MAX,
    filter_metadata: true,
};

fuzz_target!(|input: &[u8]| {
    let Some((&how, records)) = input.split_first() else {
        return;
    };
    let rules = rules(how >> 6);
    let whole = Run::new(&rules, records, usize::MAX);
    let pieces = Run::new(&rules, records, usize::from(how & 0x3f) + 1);
    assert_eq!(whole, pieces);
    is_bounded(&rules, records, usize::from(how & 0x3f) + 1);
});

/// What a connection keeps has a limit that no bytes move. Then the client is stopped too.
fn is_bounded(rules: &Rules, records: &[u8], piece: usize) {
    // Held, an answer being changed; kept of a request: items with their texts and places, names twice; what
    // waits, with one over the limit; four sessions.
    const NAMES: usize = LIMITS.names + LIMITS.items * 24;
    const KEPT: usize = LIMITS.items * (24 + 32) + 2 * LIMITS.names + 2 * NAMES;
    const WAITING: usize = 10_000;
    const MOST: usize = LIMITS.held + LIMITS.answer + KEPT + 3 * WAITING + 4 * NAMES;
    let mut connection = Connection::new(Config {
        in_flight: 8,
        waiting: WAITING,
        ..LIMITS
    });
    let mut now = Duration::ZERO;
    let mut rest = records;
    while let Some(([how, high, low], tail)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (mut bytes, tail) = tail.split_at(length);
        rest = tail;
        now += Duration::from_millis(u64::from(how >> 1) * 10);
        connection.elapsed(now);
        while !bytes.is_empty() {
            let input = &bytes[..bytes.len().min(piece)];
            let output = match how & 1 {
                0 if connection.takes_client() => connection.client_sent(rules, now, input),
                1 if connection.takes_server() => connection.server_sent(rules, now, input),
                _ => break,
            };
            let held = connection.held();
            assert!(held <= MOST, "{held}");
            if output.taken == 0 {
                break;
            }
            bytes = &bytes[output.taken..];
        }
    }
}

fn rules(which: u8) -> Rules {
    let rule = |role: &str, topic: Option<&str>| {
        let spec = RuleSpec {
            role: Some(role.to_owned()),
            topic: topic.map(str::to_owned),
            ..RuleSpec::default()
        };
        Rule::try_from(&spec).expect("a rule")
    };
    let options = Options {
        always_login: true,
        idempotent_producers: true,
    };
    let rules = match which {
        0 => Vec::new(),
        1 => vec![
            rule("produce", Some("alpha")),
            rule("consume", Some("alpha")),
        ],
        2 => vec![rule("produce", None), rule("consume", Some("beta.2"))],
        _ => vec![Rule::any()],
    };
    Rules::new(rules, options)
}

#[derive(Debug, Default, PartialEq)]
struct Run {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    events: Vec<Event>,
    close: Option<Close>,
}

impl Run {
    fn new(rules: &Rules, records: &[u8], piece: usize) -> Self {
        let mut run = Self::default();
        let mut connection = Connection::new(LIMITS);
        let (mut client, mut server) = (Vec::new(), Vec::new());
        let mut now = Duration::ZERO;
        let mut rest = records;
        while let Some(([how, high, low], tail)) = rest.split_first_chunk::<3>() {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
            let (bytes, tail) = tail.split_at(length);
            rest = tail;
            now += Duration::from_millis(u64::from(how >> 1) * 10);
            run.take(connection.elapsed(now), &[]);
            let side = if how & 1 == 0 {
                &mut client
            } else {
                &mut server
            };
            side.extend_from_slice(bytes);
            run.give(
                &mut connection,
                rules,
                now,
                (&mut client, &mut server),
                piece,
            );
        }
        run
    }

    fn give(
        &mut self,
        connection: &mut Connection,
        rules: &Rules,
        now: Duration,
        (client, server): (&mut Vec<u8>, &mut Vec<u8>),
        piece: usize,
    ) {
        while !client.is_empty() {
            let input: Vec<u8> = client.iter().copied().take(piece).collect();
            let output = connection.client_sent(rules, now, &input);
            assert!(output.taken > 0);
            client.drain(..output.taken);
            self.take(output, &input);
        }
        while !server.is_empty() && connection.takes_server() {
            let input: Vec<u8> = server.iter().copied().take(piece).collect();
            let output = connection.server_sent(rules, now, &input);
            assert!(output.taken > 0);
            server.drain(..output.taken);
            self.take(output, &input);
        }
    }

    fn take(&mut self, output: Output, input: &[u8]) {
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
    }
}
