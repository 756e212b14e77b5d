//! ClientHellos: a real one, made ones with each length wrong, and any bytes in any pieces.

use l7_wire::tls::{MAX_HELLO, NotHello, Reader, ServerName};
use proptest::prelude::*;

/// What is told: the name and whether there is an inner message.
type Told = Result<Option<(Option<String>, bool)>, NotHello>;

fn push(reader: &mut Reader, bytes: &[u8]) -> Told {
    let told = reader.push(bytes)?;
    Ok(told.map(|hello| (hello.server_name.map(ToString::to_string), hello.has_inner)))
}

fn read(bytes: &[u8]) -> Told {
    push(&mut Reader::new(), bytes)
}

fn read_in_pieces(bytes: &[u8], pieces: &[usize]) -> Told {
    let (mut reader, mut rest) = (Reader::new(), bytes);
    let mut told = Ok(None);
    for length in pieces.iter().cycle() {
        let (piece, left) = rest.split_at((*length).min(rest.len()));
        told = push(&mut reader, piece);
        rest = left;
        if rest.is_empty() {
            break;
        }
    }
    told
}

fn named(name: &str) -> Told {
    Ok(Some((Some(name.to_owned()), false)))
}

/// Bytes after their length in `size` bytes.
fn counted(size: usize, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [&length[length.len() - size..], bytes].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &counted(2, data)].concat()
}

fn server_name(name: &str) -> Vec<u8> {
    let entry = [&[0], &counted(2, name.as_bytes())[..]].concat();
    extension(0, &counted(2, &entry))
}

/// What stands before the extensions.
fn fixed() -> Vec<u8> {
    let suites = counted(2, &[0x13, 0x01, 0x0a, 0x0a]);
    [
        &[3, 3][..],
        &[7; 32],
        &counted(1, &[9; 32]),
        &suites,
        &counted(1, &[0]),
    ]
    .concat()
}

fn message(body: &[u8]) -> Vec<u8> {
    [&[1], &counted(3, body)[..]].concat()
}

fn hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    message(&[fixed(), counted(2, &extensions.concat())].concat())
}

/// A message in records of at most `most` bytes each.
fn records(message: &[u8], most: usize) -> Vec<u8> {
    let one = |content: &[u8]| [&[22, 3, 1][..], &counted(2, content)].concat();
    message.chunks(most).flat_map(one).collect()
}

#[test]
fn a_real_one_tells_its_name() {
    let bytes = include_bytes!("../../../testdata/l7/client-hello.bin");
    assert_eq!(read(bytes), named("www.Example.com"));
    assert_eq!(read_in_pieces(bytes, &[1]), named("www.Example.com"));
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]), Ok(None), "{end} bytes");
    }
}

#[test]
fn rows() {
    use NotHello::{Malformed, NotTls, TooLong};
    let grease = extension(0x0a0a, &[]);
    let two_names = [&[0][..], &counted(2, b"a"), &[0], &counted(2, b"b")].concat();
    let other_kind = [&[1][..], &counted(2, b"a")].concat();
    let plain = hello(&[server_name("a.b")]);
    let mut longer = plain.clone();
    longer[3] += 1;
    let mut shorter = plain.clone();
    shorter[3] -= 1;
    let none = records(&message(&fixed()), 16_384);
    let big = extension(21, &vec![0; 60_000]);
    let rows: Vec<(&str, Vec<u8>, Told)> = vec![
        ("plain", records(&plain, 16_384), named("a.b")),
        ("one byte a record", records(&plain, 1), named("a.b")),
        (
            "more bytes behind",
            [records(&plain, 100), vec![0; 9]].concat(),
            named("a.b"),
        ),
        (
            "name after GREASE",
            records(&hello(&[grease.clone(), server_name("a")]), 99),
            named("a"),
        ),
        (
            "name before GREASE",
            records(&hello(&[server_name("a"), grease.clone()]), 99),
            named("a"),
        ),
        (
            "no name",
            records(&hello(&[grease]), 99),
            Ok(Some((None, false))),
        ),
        ("no extensions", none, Ok(Some((None, false)))),
        (
            "empty list of extensions",
            records(&hello(&[]), 99),
            Ok(Some((None, false))),
        ),
        (
            "inner message",
            records(
                &hello(&[extension(0xfe0d, &[1; 9]), server_name("outer")]),
                99,
            ),
            Ok(Some((Some("outer".to_owned()), true))),
        ),
        ("nothing yet", vec![], Ok(None)),
        ("HTTP", b"GET / HTTP/1.1".to_vec(), Err(NotTls)),
        ("SSL 2", vec![0x80, 0x2e, 1, 3, 1], Err(NotTls)),
        ("alert", vec![21, 3, 1, 0, 2], Err(NotTls)),
        (
            "another handshake message",
            records(&[2, 0, 0, 4], 9),
            Err(NotTls),
        ),
        ("empty record", vec![22, 3, 1, 0, 0], Err(Malformed)),
        ("long record", vec![22, 3, 1, 0x40, 1], Err(Malformed)),
        (
            "another record between",
            [records(&plain[..20], 99), vec![23, 3, 3]].concat(),
            Err(Malformed),
        ),
        (
            "the name twice",
            records(&hello(&[server_name("a"), server_name("b")]), 99),
            Err(Malformed),
        ),
        (
            "two names",
            records(&hello(&[extension(0, &counted(2, &two_names))]), 99),
            Err(Malformed),
        ),
        (
            "another kind of name",
            records(&hello(&[extension(0, &counted(2, &other_kind))]), 99),
            Err(Malformed),
        ),
        (
            "empty name",
            records(&hello(&[server_name("")]), 99),
            Err(Malformed),
        ),
        (
            "no names",
            records(&hello(&[extension(0, &[])]), 99),
            Err(Malformed),
        ),
        (
            "name of 256 bytes",
            records(&hello(&[server_name(&"a".repeat(256))]), 999),
            Err(Malformed),
        ),
        ("a byte too many", records(&longer, 16_384), Err(Malformed)),
        ("a byte too few", records(&shorter, 16_384), Err(Malformed)),
        ("announced length", records(&[1, 1, 0, 1], 9), Err(TooLong)),
        (
            "one byte a record, for ever",
            records(&hello(std::slice::from_ref(&big)), 1),
            Err(TooLong),
        ),
        (
            "large",
            records(&hello(&[big, server_name("a")]), 16_384),
            named("a"),
        ),
    ];
    for (row, bytes, wanted) in rows {
        assert_eq!(read(&bytes), wanted, "{row}");
        assert_eq!(
            read_in_pieces(&bytes, &[1, 2, 5]),
            wanted,
            "{row}, in pieces"
        );
        assert!(bytes.len() <= MAX_HELLO || row.contains("ever"), "{row}");
    }
}

#[test]
fn an_error_stays() {
    let mut reader = Reader::new();
    assert_eq!(push(&mut reader, b"G"), Err(NotHello::NotTls));
    let good = records(&hello(&[server_name("a")]), 99);
    assert_eq!(push(&mut reader, &good), Err(NotHello::NotTls));
}

#[test]
fn what_is_a_name() {
    let rows = [
        ("WWW.a.b", Some("www.a.b.")),
        ("a.b.", None),
        (".", None),
        ("a..b", None),
        ("\u{e9}.b", Some("\\195\\169.b.")),
    ];
    for (sent, wanted) in rows {
        let name = ServerName::new(sent.as_bytes()).unwrap();
        assert_eq!(
            name.to_name().map(|name| name.to_string()).as_deref(),
            wanted,
            "{sent}"
        );
    }
    assert_eq!(ServerName::new(b"\xff").unwrap().to_name(), None);
    assert_eq!(ServerName::new(b""), None);
    assert_eq!(ServerName::new(&[b'a'; 256]), None);
}

#[test]
fn pieces_make_no_difference() {
    let config = ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let part = prop_oneof![
        3 => (any::<u16>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(kind, data)| extension(kind, &data)),
        1 => Just(server_name("a.example")),
        1 => Just(extension(0xfe0d, &[0; 4])),
    ];
    let extensions = prop::collection::vec(part, 0..5);
    // Sometimes a byte is changed.
    let change = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    let pieces = prop::collection::vec(1_usize..40, 1..6);
    let told = std::cell::Cell::new((0, 0));
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(
            &(extensions, 1_usize..400, change, pieces),
            |(extensions, most, change, pieces)| {
                let mut bytes = records(&hello(&extensions), most);
                if let Some((index, value)) = change {
                    let index = index.index(bytes.len());
                    bytes[index] = value;
                }
                let whole = read(&bytes);
                prop_assert_eq!(&read_in_pieces(&bytes, &pieces), &whole);
                let names = extensions
                    .iter()
                    .filter(|one| one.starts_with(&[0, 0]))
                    .count();
                if change.is_none() && names < 2 {
                    let name = (names == 1).then(|| "a.example".to_owned());
                    let inner = extensions.iter().any(|one| one.starts_with(&[0xfe, 0x0d]));
                    prop_assert_eq!(whole.clone(), Ok(Some((name, inner))));
                }
                let (good, bad) = told.get();
                told.set((
                    good + i32::from(whole.is_ok()),
                    bad + i32::from(whole.is_err()),
                ));
                Ok(())
            },
        )
        .unwrap();
    assert!(told.get().0 > 100 && told.get().1 > 50, "{told:?}");
}
