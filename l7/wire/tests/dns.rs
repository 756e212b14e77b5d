//! DNS messages: rows of queries and what is answered to them, answers with aliases and pointers, and any bytes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use l7_wire::dns::{Data, MAX_REPLY, Malformed, NoRoom, Query, Rejected, Response, rcode};
use l7_wire::dns::{rcode_text, type_name};
use l7_wire::name::Name;
use proptest::prelude::*;

/// A name as on the wire.
fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn header(flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let words = [
        [0x1234, flags],
        [counts[0], counts[1]],
        [counts[2], counts[3]],
    ];
    words
        .as_flattened()
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect()
}

fn query(flags: u16, counts: [u16; 4], question: &str, rest: &[u8]) -> Vec<u8> {
    let mut bytes = header(flags, counts);
    bytes.extend(wire(question));
    bytes.extend([0, 1, 0, 1]);
    bytes.extend(rest);
    bytes
}

fn record(owner: &[u8], rtype: u16, class: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend([rtype, class].iter().flat_map(|word| word.to_be_bytes()));
    bytes.extend(ttl.to_be_bytes());
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

fn name(text: &str) -> Name {
    Name::from_text(text).unwrap()
}

const QUERY: u16 = 0x0100;
const ANSWER: u16 = 0x8180;
/// A pointer to the question's name.
const QUESTION: [u8; 2] = [0xc0, 12];

#[test]
fn a_question_is_read_and_what_follows_is_not_of_it() {
    let opt = record(&[0], 41, 1232, 0, &[]);
    let mut bytes = query(QUERY, [1, 0, 0, 1], "Api.EXAMPLE.com", &opt);
    let whole = bytes.len();
    bytes.extend(b"smuggled");
    let query = Query::read(&bytes).unwrap();
    assert_eq!(query.id(), 0x1234);
    assert_eq!(query.name, name("api.example.com"));
    assert_eq!(
        (query.qtype, query.qclass, query.edns_size),
        (1, 1, Some(1232))
    );
    assert_eq!(query.message(), &bytes[..whole]);
}

#[test]
fn what_is_not_one_question_is_answered_by_its_kind() {
    use Rejected::{Format, Ignore, NotImplemented};
    let format = |flags| Some(Format { id: 0x1234, flags });
    let pointer = [header(QUERY, [1, 0, 0, 0]), vec![0xc0, 12, 0, 1, 0, 1]].concat();
    let into_header = [header(QUERY, [1, 0, 0, 0]), vec![0xc0, 0, 0, 1, 0, 1]].concat();
    let after = [header(QUERY, [1, 0, 0, 0]), vec![0xc0, 18, 0, 1, 0, 1, 0]].concat();
    let kind = [header(QUERY, [1, 0, 0, 0]), vec![0x41, b'a', 0, 0, 1, 0, 1]].concat();
    let long = query(QUERY, [1, 0, 0, 0], &vec!["a".repeat(63); 4].join("."), &[]);
    let rr = record(&QUESTION, 1, 1, 0, &[1, 2, 3, 4]);
    let (twice, thrice) = (rr.repeat(2), rr.repeat(3));
    let rows: &[(&str, Vec<u8>, Option<Rejected>)] = &[
        ("plain", query(QUERY, [1, 0, 0, 0], "a.b", &[]), None),
        ("root", query(QUERY, [1, 0, 0, 0], "", &[]), None),
        (
            "notice with a record",
            query(0x2400, [1, 1, 0, 0], "a.b", &rr),
            None,
        ),
        (
            "two additional",
            query(QUERY, [1, 0, 0, 2], "a.b", &twice),
            None,
        ),
        ("empty", vec![], Some(Ignore)),
        (
            "short header",
            header(QUERY, [1, 0, 0, 0])[..11].to_vec(),
            Some(Ignore),
        ),
        (
            "response",
            query(ANSWER, [1, 0, 0, 0], "a.b", &[]),
            Some(Ignore),
        ),
        (
            "update",
            query(0x2800, [1, 0, 0, 0], "a.b", &[]),
            Some(NotImplemented {
                id: 0x1234,
                flags: 0x2800,
            }),
        ),
        ("no question", header(QUERY, [0; 4]), format(QUERY)),
        (
            "two questions",
            query(QUERY, [2, 0, 0, 0], "a.b", &[1, b'c', 0, 0, 1, 0, 1]),
            format(QUERY),
        ),
        (
            "two answers",
            query(QUERY, [1, 2, 0, 0], "a.b", &twice),
            format(QUERY),
        ),
        (
            "two of authority",
            query(QUERY, [1, 0, 2, 0], "a.b", &twice),
            format(QUERY),
        ),
        (
            "three additional",
            query(QUERY, [1, 0, 0, 3], "a.b", &thrice),
            format(QUERY),
        ),
        (
            "cut question",
            query(QUERY, [1, 0, 0, 0], "a.b", &[])[..18].to_vec(),
            format(QUERY),
        ),
        (
            "missing record",
            query(QUERY, [1, 0, 0, 1], "a.b", &[]),
            format(QUERY),
        ),
        ("pointer to itself", pointer, format(QUERY)),
        ("pointer into the header", into_header, format(QUERY)),
        ("pointer forwards", after, format(QUERY)),
        ("unknown kind of label", kind, format(QUERY)),
        ("name of 256 bytes", long, format(QUERY)),
    ];
    for (row, bytes, wanted) in rows {
        assert_eq!(Query::read(bytes).err(), *wanted, "{row}");
    }
}

#[test]
fn a_refusal_repeats_id_question_and_little_else() {
    let opt = record(&[0], 41, 1232, 0, &[]);
    // Recursion desired, authentic data, checking disabled.
    let bytes = query(0x0130, [1, 0, 0, 1], "Api.b", &opt);
    let mut out = [0xff; MAX_REPLY];
    let length = Query::read(&bytes)
        .unwrap()
        .reply(rcode::REFUSED, &mut out)
        .unwrap();
    let mut wanted = query(0x8115, [1, 0, 0, 0], "Api.b", &[]);
    assert_eq!(out[..length], wanted);
    let response = Response::read(&wanted).unwrap();
    assert_eq!(response.question, Some((name("api.b"), 1)));
    assert_eq!(response.rcode, u16::from(rcode::REFUSED));
    assert_eq!(
        Query::read(&bytes)
            .unwrap()
            .reply(rcode::REFUSED, &mut out[..length - 1]),
        Err(NoRoom)
    );

    let rejected = Query::read(&bytes[..20]).unwrap_err();
    let length = rejected.reply(&mut out).unwrap().unwrap();
    wanted = header(0x8101, [0; 4]);
    assert_eq!(out[..length], wanted);
    assert_eq!(Rejected::Ignore.reply(&mut out), Ok(None));
}

#[test]
fn the_longest_question_fits_a_reply() {
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
    let bytes = query(QUERY, [1, 0, 0, 0], &longest, &[]);
    let mut out = [0; MAX_REPLY];
    let length = Query::read(&bytes)
        .unwrap()
        .reply(rcode::REFUSED, &mut out)
        .unwrap();
    assert_eq!(length, MAX_REPLY);
}

#[test]
fn aliases_and_addresses_are_read_through_pointers() {
    let mut bytes = query(ANSWER, [1, 4, 0, 1], "www.a.b", &[]);
    // Points to `a.b` inside the question.
    let target = [b"\x03cdn".as_slice(), &[0xc0, 16]].concat();
    let place = u8::try_from(bytes.len() + 12).unwrap();
    bytes.extend(record(&QUESTION, 5, 1, 300, &target));
    bytes.extend(record(&[0xc0, place], 1, 1, 30, &[198, 51, 100, 1]));
    bytes.extend(record(&[0xc0, place], 28, 1, 60, &[0x20; 16]));
    bytes.extend(record(&[0xc0, place], 16, 1, 5, b"\x01x"));
    bytes.extend(record(&[0], 41, 1232, 0x0100_0000, &[]));
    let response = Response::read(&bytes).unwrap();
    let answers: Vec<_> = response
        .answers()
        .map(|record| (record.owner, record.data))
        .collect();
    let (www, cdn) = (name("www.a.b"), name("cdn.a.b"));
    assert_eq!(
        answers,
        [
            (www, Data::Cname(cdn.clone())),
            (cdn.clone(), Data::A([198, 51, 100, 1])),
            (cdn.clone(), Data::Aaaa([0x20; 16])),
            (cdn, Data::Other),
        ]
    );
    // That of the TXT record is not of the chain.
    assert_eq!(response.least_ttl(), Some(30));
    // Extended: 1 << 4.
    assert_eq!(response.rcode, 16);
    assert!(!response.has_addresses(), "an error");
    assert_eq!(response.message(), bytes);
}

#[test]
fn records_that_are_not_what_they_say_are_refused() {
    let one = |record: Vec<u8>| query(ANSWER, [1, 1, 0, 0], "a.b", &record);
    let rows: &[(&str, Vec<u8>, bool)] = &[
        (
            "address",
            one(record(&QUESTION, 1, 1, 1, &[1, 2, 3, 4])),
            true,
        ),
        (
            "other class",
            one(record(&QUESTION, 1, 3, 1, &[1, 2])),
            true,
        ),
        (
            "short address",
            one(record(&QUESTION, 1, 1, 1, &[1, 2, 3])),
            false,
        ),
        (
            "long address",
            one(record(&QUESTION, 28, 1, 1, &[0; 17])),
            false,
        ),
        (
            "alias with more behind",
            one(record(&QUESTION, 5, 1, 1, &[0xc0, 12, 0])),
            false,
        ),
        (
            "alias beyond its end",
            one(record(&QUESTION, 5, 1, 1, &[1])),
            false,
        ),
        (
            "cut",
            one(record(&QUESTION, 1, 1, 1, &[1, 2, 3, 4])[..15].to_vec()),
            false,
        ),
        ("query", query(QUERY, [1, 0, 0, 0], "a.b", &[]), false),
    ];
    for (row, bytes, is_read) in rows {
        assert_eq!(Response::read(bytes).is_ok(), *is_read, "{row}");
    }
}

#[test]
fn a_pointer_leads_to_no_label_that_reaches_beyond() {
    // A label of five bytes and one of sixteen: over the pointer's own record, and what stands behind it.
    let data = [5, b'a', b'b'];
    let mut rest = record(&[0], 16, 1, 0, &data);
    let target = 12 + wire("a.b").len() + 4 + rest.len() - data.len();
    let pointer = [0xc0, u8::try_from(target).unwrap()];
    rest.extend(record(&pointer, 16, 1, 0, &[]));
    rest.extend(b"xxxxxxxx\0");
    let bytes = query(QUERY, [1, 0, 0, 2], "a.b", &rest);
    let flags = QUERY;
    assert_eq!(
        Query::read(&bytes).err(),
        Some(Rejected::Format { id: 0x1234, flags })
    );
}

#[test]
fn pointers_are_not_chained_without_end() {
    /// An answer whose TXT record holds so many pointers, each to the one before it, and then a record
    /// whose owner is at the chain's end.
    fn chained(pointers: usize) -> Vec<u8> {
        let mut bytes = query(ANSWER, [1, 2, 0, 0], "a.b", &[]);
        let place = bytes.len() + 12;
        let pointer = |at: usize| (u16::try_from(at).unwrap() | 0xc000).to_be_bytes();
        let data: Vec<u8> = (0..pointers)
            .flat_map(|index| {
                pointer(if index == 0 {
                    12
                } else {
                    place + 2 * (index - 1)
                })
            })
            .collect();
        bytes.extend(record(&QUESTION, 16, 1, 0, &data));
        let owner = pointer(place + 2 * (pointers - 1));
        bytes.extend(record(&owner, 1, 1, 9, &[1, 2, 3, 4]));
        bytes
    }
    // The owner's pointer is one more than those of the chain.
    let bytes = chained(125);
    let most = Response::read(&bytes).unwrap();
    assert_eq!(most.answers().nth(1).unwrap().owner, name("a.b"));
    for more in [126, 8_000] {
        assert_eq!(Response::read(&chained(more)).err(), Some(Malformed));
    }
}

#[test]
fn a_truncated_answer_has_the_records_that_are_whole() {
    let whole = record(&QUESTION, 1, 1, 7, &[1, 2, 3, 4]);
    let rest = [&whole[..], &whole[..9]].concat();
    let bytes = query(ANSWER | 0x0200, [1, 2, 0, 0], "a.b", &rest);
    let response = Response::read(&bytes).unwrap();
    assert!(response.truncated && response.has_addresses());
    assert_eq!(response.answers().count(), 1);
    // Its counts are those of before the cut: it is passed on as it came.
    assert_eq!(response.message(), bytes);
    let bytes = query(ANSWER, [1, 2, 0, 0], "a.b", &rest);
    assert_eq!(Response::read(&bytes).err(), Some(Malformed));
}

#[test]
fn names_of_types_and_codes_are_hubbles() {
    assert_eq!(
        [1, 28, 65, 99].map(type_name),
        ["A", "AAAA", "HTTPS", "Unknown"]
    );
    assert_eq!(rcode_text(0), None);
    assert_eq!(rcode_text(3), Some("Non-Existent Domain"));
    assert_eq!(rcode_text(99), Some("Unknown"));
}

/// Bytes that are often nearly a message.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let flags = prop_oneof![
        Just(QUERY),
        Just(ANSWER),
        Just(ANSWER | 0x0200),
        any::<u16>()
    ];
    let counts = (0_u16..2, 0_u16..2, 0_u16..2).prop_map(|(a, b, c)| [1, a, b, c]);
    let name = prop_oneof![
        Just(QUESTION.to_vec()),
        Just(wire("a.b")),
        prop::collection::vec(any::<u8>(), 0..4)
    ];
    let rtype = prop_oneof![Just(1_u16), Just(5), Just(28), Just(41), any::<u16>()];
    let data = prop_oneof![
        Just(vec![1, 2, 3, 4]),
        Just(vec![0xc0, 12]),
        prop::collection::vec(any::<u8>(), 0..20)
    ];
    let records = prop::collection::vec((name.clone(), rtype, 0_u16..3, any::<u32>(), data), 0..5);
    let tail = prop::collection::vec(any::<u8>(), 0..8);
    let message =
        (flags, counts, name, records, tail).prop_map(|(flags, counts, name, records, tail)| {
            let mut bytes = header(flags, counts);
            bytes.extend(name);
            bytes.extend([0, 1, 0, 1]);
            for (owner, rtype, class, ttl, data) in records {
                bytes.extend(record(&owner, rtype, class, ttl, &data));
            }
            bytes.extend(tail);
            bytes
        });
    prop_oneof![4 => message, 1 => prop::collection::vec(any::<u8>(), 0..64)]
}

#[test]
fn only_what_the_message_delimits_is_read() {
    let config = ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let read = std::cell::Cell::new((0, 0));
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&(bytes(), bytes()), |(bytes, other)| {
            let (mut queries, mut responses) = read.get();
            if let Ok(query) = Query::read(&bytes) {
                queries += 1;
                let message = query.message();
                let again = Query::read(message).unwrap();
                prop_assert_eq!(
                    (&again.name, again.edns_size),
                    (&query.name, query.edns_size)
                );
                let more = [message, &other].concat();
                prop_assert_eq!(Query::read(&more).unwrap().message(), message);
                prop_assert!(Query::read(&message[..message.len() - 1]).is_err());
                let mut out = [0; MAX_REPLY];
                let length = query.reply(rcode::REFUSED, &mut out).unwrap();
                let reply = Response::read(&out[..length]).unwrap();
                prop_assert_eq!(reply.question, Some((query.name, query.qtype)));
            }
            if let Ok(response) = Response::read(&bytes) {
                responses += 1;
                let message = response.message();
                let answers: Vec<_> = response.answers().collect();
                if !response.truncated {
                    let more = [message, &other].concat();
                    let again = Response::read(&more).unwrap();
                    prop_assert_eq!(again.message(), message);
                    prop_assert_eq!(again.answers().collect::<Vec<_>>(), answers);
                    prop_assert!(Response::read(&message[..message.len() - 1]).is_err());
                }
            }
            read.set((queries, responses));
            Ok(())
        })
        .unwrap();
    let (queries, responses) = read.get();
    assert!(queries > 100 && responses > 100, "{read:?}");
}
