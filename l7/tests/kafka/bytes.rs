//! Any bytes: no panic, the same whatever pieces they come in, and no more memory than the limits say.

use kafka_protocol::messages::ApiKey;
use l7::kafka::{Config, Rules, versions};
use proptest::prelude::*;

use crate::wire::{Wire, frame, framed, rules};

const LIMITS: Config = Config {
    request: 1 << 20,
    held: 2_000,
    items: 100,
    names: 2_000,
    answer: 3_000,
    in_flight: 8,
    waiting: 10_000,
    filter_metadata: true,
};

fn any_rules() -> impl Strategy<Value = Rules> {
    prop::sample::select(vec![
        vec![],
        vec!["role=produce topic=alpha", "role=consume topic=beta.2"],
        vec!["role=produce topic=alpha", "role=produce topic=beta.2"],
        vec!["role=consume"],
        vec!["clientID=client"],
    ])
    .prop_map(|texts| rules(&texts))
}

/// Requests of any kind, some of them damaged, and bytes between them.
fn any_client() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<(ApiKey, i16)> = versions()
        .filter_map(|of| {
            let key = ApiKey::try_from(of.api_key.0).ok()?;
            let newest = key.valid_versions().max.min(of.read);
            Some((key, newest))
        })
        .collect();
    let whole = prop::sample::select(known).prop_flat_map(|(key, newest)| {
        let oldest = key.valid_versions().min;
        (oldest..=newest).prop_map(move |version| frame(key, version).0)
    });
    let damaged = (whole.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut frame, at, byte)| {
            let at = 4 + at.index(frame.len() - 4);
            frame[at] = byte;
            frame
        },
    );
    let cut = (whole.clone(), any::<prop::sample::Index>()).prop_map(|(frame, at)| {
        let at = 8 + at.index(frame.len() - 8);
        framed(&frame[4..at])
    });
    let part = prop_oneof![
        6 => whole,
        3 => damaged,
        1 => cut,
        1 => prop::collection::vec(any::<u8>(), 0..60),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// Answers to requests that have the id of all of them.
fn any_server() -> impl Strategy<Value = Vec<u8>> {
    let some = |bytes: Vec<u8>| framed(&[&crate::wire::ID.to_be_bytes()[..], &bytes].concat());
    let part = prop_oneof![
        5 => prop::collection::vec(any::<u8>(), 0..300).prop_map(some),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// All that came out of a connection that was given bytes in pieces of that size.
fn run(rules: &Rules, config: Config, client: &[u8], server: &[u8], piece: usize) -> Wire {
    let mut wire = Wire::new(config);
    wire.piece = piece;
    wire.client(rules, client);
    wire.server(rules, server);
    for _ in 0..20 {
        wire.wait(5_000);
        wire.client(rules, &[]);
    }
    wire
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn pieces_make_no_difference(
        rules in any_rules(),
        client in any_client(),
        server in any_server(),
        piece in 1usize..50,
    ) {
        // The client isn't stopped: how two sides alternate is no matter of pieces.
        let config = Config { in_flight: 1_000, waiting: 1 << 20, ..LIMITS };
        let whole = run(&rules, config, &client, &server, usize::MAX);
        let pieces = run(&rules, config, &client, &server, piece);
        prop_assert_eq!(&whole.events, &pieces.events);
        prop_assert_eq!(&whole.close, &pieces.close);
        prop_assert_eq!(&whole.to_server, &pieces.to_server);
        prop_assert_eq!(&whole.to_client, &pieces.to_client);
    }

    #[test]
    fn memory_has_limits(
        rules in any_rules(),
        client in any_client(),
        server in any_server(),
        piece in 1usize..2_000,
    ) {
        let wire = run(&rules, LIMITS, &client, &server, piece);
        // Names with what each takes besides.
        let names = 2_000 + 100 * 24;
        // Held, kept of one request (its items with their texts and places, and its names twice), answers that
        // wait with one over the limit, an answer being changed, and four sessions.
        let items = 100 * 24 + 2_000;
        let places = 100 * 32 + 2_000;
        let most = 2_000 + (items + places + 2 * names) + (10_000 + 10_000) + 3_000 + 4 * names;
        prop_assert!(wire.held <= most, "{}", wire.held);
    }
}

#[test]
fn all_that_is_allowed_arrives_unchanged() {
    let all = Rules::new(vec![l7::kafka::Rule::any()], Default::default());
    let mut wire = Wire::new(Config::default());
    let mut sent = Vec::new();
    for version in 4..=12 {
        sent.extend(frame(ApiKey::Fetch, version).0);
    }
    // A kind and a version that nobody knows.
    sent.extend(framed(&[3, 0, 0, 9, 0, 0, 0, 77, 0xff, 0xff, 1, 2, 3]));
    wire.client(&all, &sent);
    assert_eq!(wire.to_server, sent);
    let answers: Vec<u8> = (0..10u8)
        .flat_map(|byte| framed(&[0, 0, 0, 77, byte]))
        .collect();
    wire.server(&all, &answers);
    assert_eq!(wire.to_client, answers);
}
