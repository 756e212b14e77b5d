//! Heads of requests: what has two readings is refused, and pieces make no difference.

use l7::http::HeadError::{self, *};
use l7::http::{
    Effects, Framing, Head, HeadReader, HeaderChange, MAX_HEAD, MAX_HEADERS, Upgrade,
    is_http2_preface,
};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Option<Head<'_>>, HeadError> {
    HeadReader::new().read(bytes)
}

fn read_in_pieces<'a>(bytes: &'a [u8], pieces: &[usize]) -> Result<Option<Head<'a>>, HeadError> {
    let mut reader = HeadReader::new();
    let mut end = 0;
    for piece in pieces.iter().cycle() {
        end = (end + piece).min(bytes.len());
        match reader.read(&bytes[..end]) {
            Ok(None) if end < bytes.len() => {}
            told => return told,
        }
    }
    unreachable!("pieces are not empty")
}

/// A request line and headers, each with its end.
fn request(line: &str, headers: &[&str]) -> Vec<u8> {
    let mut text = format!("{line}\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// What of a target is told, or why it is refused.
type Parts<'a> = Result<(&'a str, &'a str), HeadError>;
/// Why headers are refused, and the status.
type Refused = Option<(HeadError, u16)>;

const GET: &str = "GET /a HTTP/1.1";
const HOST: &str = "Host: be";

#[test]
fn what_has_one_reading_is_read() {
    let mut bytes = b"\r\n".to_vec();
    bytes.extend(request(
        "POST /a?b HTTP/1.1",
        &[
            "Host: be:80",
            "X-A:  b c\t",
            "Content-Length: 12",
            "Expect: 100-Continue",
            "Empty:",
        ],
    ));
    let length = bytes.len();
    bytes.extend(b"and a body");
    let head = read(&bytes).unwrap().unwrap();
    assert_eq!(
        head,
        Head {
            method: "POST",
            authority: "be:80",
            path: b"/a?b",
            headers: vec![
                ("Host", b"be:80"),
                ("X-A", b"b c"),
                ("Content-Length", b"12"),
                ("Expect", b"100-Continue"),
                ("Empty", b""),
            ],
            framing: Framing::Length(12),
            upgrade: Upgrade::None,
            closes: false,
            expects_continue: true,
            length,
        }
    );
}

#[test]
fn targets() {
    let rows: &[(&str, Parts<'_>)] = &[
        ("GET /", Ok(("be", "/"))),
        ("GET http://Other:8080/a?b=c", Ok(("Other:8080", "/a?b=c"))),
        ("GET HTTPS://other", Ok(("other", "/"))),
        ("GET http://[::1]:80/", Ok(("[::1]:80", "/"))),
        ("OPTIONS *", Ok(("be", "*"))),
        ("GET /caf\u{e9}", Ok(("be", "/caf\u{e9}"))),
        ("GET *", Err(Target)),
        ("GET a", Err(Target)),
        ("GET http://other?b", Err(Target)),
        ("GET http:///a", Err(Target)),
        ("GET http://user@other/", Err(Target)),
        ("GET http://a,b/", Err(Target)),
        ("GET ftp://other/", Err(Target)),
        ("GET /a#b", Err(Target)),
        ("GET /a\tb", Err(Target)),
        ("GET  /a", Err(RequestLine)),
        ("GET /a b", Err(RequestLine)),
        ("G@T /a", Err(RequestLine)),
        ("get /a", Err(Method)),
        ("GETX /a", Err(Method)),
        ("PURGE /a", Ok(("be", "/a"))),
        ("CONNECT be:80", Err(Connect)),
    ];
    for (start, wanted) in rows {
        let bytes = request(&format!("{start} HTTP/1.1"), &[HOST]);
        let told = read(&bytes).map(|head| {
            let head = head.unwrap();
            (head.authority, std::str::from_utf8(head.path).unwrap())
        });
        assert_eq!(told, *wanted, "{start}");
    }
}

#[test]
fn what_has_two_readings_is_refused() {
    let rows: &[(&str, &[u8], HeadError, u16)] = &[
        ("bare LF", b"GET /a HTTP/1.1\nHost: be\n\n", LineEnd, 400),
        (
            "bare LF in a value",
            b"GET /a HTTP/1.1\r\nHost: be\r\nA: b\nC: d\r\n\r\n",
            LineEnd,
            400,
        ),
        (
            "bare CR",
            b"GET /a HTTP/1.1\r\nHost: be\rA: b\r\n\r\n",
            LineEnd,
            400,
        ),
        (
            "two CR",
            b"GET /a HTTP/1.1\r\r\nHost: be\r\n\r\n",
            LineEnd,
            400,
        ),
        (
            "zero byte",
            b"GET /pub\0lic HTTP/1.1\r\nHost: be\r\n\r\n",
            Control,
            400,
        ),
        (
            "zero byte in a value",
            b"GET /a HTTP/1.1\r\nHost: be\r\nA: \0\r\n\r\n",
            Control,
            400,
        ),
        ("TLS", b"\x16\x03\x01\x02\x00\x01", Control, 400),
        ("text", b"hello\r\n", RequestLine, 400),
        ("HTTP/0.9", b"GET /public\r\n\r\n", OldVersion, 426),
        ("HTTP/1.0", b"GET /a HTTP/1.0\r\n\r\n", OldVersion, 426),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\n", Version, 505),
        ("no version", b"GET /a http/1.1\r\n", RequestLine, 400),
    ];
    for (row, bytes, wanted, status) in rows {
        assert_eq!(read(bytes), Err(*wanted), "{row}");
        assert_eq!(read_in_pieces(bytes, &[1]), Err(*wanted), "{row}");
        assert_eq!(wanted.status(), *status, "{row}");
    }
}

#[test]
fn headers_that_have_two_readings_are_refused() {
    let rows: &[(&[&str], Refused)] = &[
        (&[HOST], None),
        (&[], Some((Host, 400))),
        (&[HOST, "host: be"], Some((Host, 400))),
        (&["Host: a,b"], Some((Host, 400))),
        (&["Host: a b"], Some((Host, 400))),
        (&["Host: a/b"], Some((Host, 400))),
        (&["Host: a:b"], Some((Host, 400))),
        (&["Host: u@a"], Some((Host, 400))),
        (&["Host:"], None),
        (&["Host: [::1]:80"], None),
        (&["Host : be"], Some((HeaderLine, 400))),
        (&[HOST, " folded"], Some((Folded, 400))),
        (&[HOST, "\tfolded"], Some((Folded, 400))),
        (&[HOST, "no colon"], Some((HeaderLine, 400))),
        (&[HOST, ": no name"], Some((HeaderLine, 400))),
        (&[HOST, "a(b): c"], Some((HeaderLine, 400))),
        (
            &[HOST, "Content-Length: 5", "Transfer-Encoding: chunked"],
            Some((TwoLengths, 400)),
        ),
        (
            &[HOST, "Content-Length: 5", "Content-Length: 5"],
            Some((ContentLength, 400)),
        ),
        (&[HOST, "Content-Length: 5, 5"], Some((ContentLength, 400))),
        (&[HOST, "Content-Length: -1"], Some((ContentLength, 400))),
        (&[HOST, "Content-Length: +1"], Some((ContentLength, 400))),
        (&[HOST, "Content-Length: 0x1"], Some((ContentLength, 400))),
        (&[HOST, "Content-Length:"], Some((ContentLength, 400))),
        (
            &[HOST, "Content-Length: 9999999999999999999"],
            Some((ContentLength, 400)),
        ),
        (
            &[HOST, "Transfer-Encoding: xchunked"],
            Some((TransferEncoding, 501)),
        ),
        (
            &[HOST, "Transfer-Encoding: gzip, chunked"],
            Some((TransferEncoding, 501)),
        ),
        (
            &[HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: x"],
            Some((TransferEncoding, 501)),
        ),
        (&[HOST, "Transfer-Encoding: Chunked"], None),
        (
            &[HOST, "Connection: Upgrade", "Upgrade: foo"],
            Some((Upgrade, 403)),
        ),
        (
            &[HOST, "Connection: Upgrade", "Upgrade: websocket, h2c"],
            Some((Upgrade, 403)),
        ),
        (
            &[HOST, "Connection: close, upgrade", "Upgrade: WebSocket"],
            None,
        ),
        (&[HOST, "Expect: 200-maybe"], Some((Expect, 417))),
        // Whom the proxy obeyed, it would drop what was judged for.
        (
            &[HOST, "Connection: close, X-User", "X-User: a"],
            Some((Connection, 400)),
        ),
        (&["Host: a%2eb"], Some((Host, 400))),
    ];
    for (headers, wanted) in rows {
        let bytes = request(GET, headers);
        let told = read(&bytes).err().map(|error| (error, error.status()));
        assert_eq!(told, *wanted, "{headers:?}");
    }
}

#[test]
fn frames_begin_behind_a_get_without_a_body() {
    let upgrade = ["Connection: upgrade", "Upgrade: websocket"];
    let rows: [(&str, &[&str], bool); 4] = [
        (GET, &[HOST], true),
        ("POST / HTTP/1.1", &[HOST], false),
        (GET, &[HOST, "Content-Length: 3"], false),
        (GET, &[HOST, "Transfer-Encoding: chunked"], false),
    ];
    for (line, headers, wanted) in rows {
        let told = read(&request(line, &[headers, &upgrade].concat())).err();
        assert_eq!(told, (!wanted).then_some(Upgrade), "{line} {headers:?}");
    }
}

#[test]
fn what_follows_and_what_becomes_of_the_connection() {
    let rows: &[(&[&str], Framing, Upgrade)] = &[
        (&[], Framing::Length(0), Upgrade::None),
        (
            &["Transfer-Encoding: CHUNKED"],
            Framing::Chunked,
            Upgrade::None,
        ),
        (&["Upgrade: foo"], Framing::Length(0), Upgrade::Dropped),
        (
            &["Upgrade: websocket", "Connection: keep-alive, Upgrade"],
            Framing::Length(0),
            Upgrade::WebSocket,
        ),
        (
            &["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings"],
            Framing::Length(0),
            Upgrade::Dropped,
        ),
    ];
    for (headers, framing, upgrade) in rows {
        let bytes = request(GET, &[&[HOST], *headers].concat());
        let head = read(&bytes).unwrap().unwrap();
        assert_eq!(
            (head.framing, head.upgrade),
            (*framing, *upgrade),
            "{headers:?}"
        );
    }
}

#[test]
fn what_is_forwarded_is_what_was_judged() {
    let change = |change| Effects {
        changes: vec![change],
        ..Effects::default()
    };
    let none = Effects::default;
    let add = HeaderChange::Add("X".into(), b"2".as_slice().into());
    let replace = HeaderChange::Replace("x".into(), b"3".as_slice().into());
    let rows: [(&str, &[&str], Effects, &str); 6] = [
        // Of an absolute target Host is the target's.
        (
            "GET http://be:81/a HTTP/1.1",
            &["Accept: *", HOST],
            none(),
            "Host: be:81\r\nAccept: *\r\n",
        ),
        // An upgrade that isn't followed isn't offered either.
        (
            GET,
            &[
                HOST,
                "Upgrade: h2c",
                "Connection: Upgrade, HTTP2-Settings",
                "HTTP2-Settings: AA",
            ],
            none(),
            "Host: be\r\n",
        ),
        (
            GET,
            &[
                HOST,
                "Connection: keep-alive, upgrade",
                "Upgrade: WebSocket",
                "Sec-WebSocket-Key: k",
            ],
            none(),
            "Host: be\r\nSec-WebSocket-Key: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        ),
        (
            "POST / HTTP/1.1",
            &[
                "content-length: 007",
                HOST,
                "Connection: close, TE",
                "TE: trailers",
                "X: 1",
            ],
            change(add),
            "Host: be\r\nX: 1\r\nX: 2\r\nConnection: close\r\nContent-Length: 7\r\n",
        ),
        (
            "POST / HTTP/1.1",
            &[
                HOST,
                "Transfer-Encoding: CHUNKED",
                "X: 1",
                "X: 2",
                "Keep-Alive: 5",
                "Trailer: X",
            ],
            change(replace),
            "Host: be\r\nx: 3\r\nTransfer-Encoding: chunked\r\n",
        ),
        (
            GET,
            &[HOST, "X: 1"],
            change(HeaderChange::Remove("x".into())),
            "Host: be\r\n",
        ),
    ];
    for (line, headers, effects, wanted) in rows {
        let bytes = request(line, headers);
        let head = read(&bytes).unwrap().unwrap();
        let written = head.write(b"/p?q", &effects);
        let wanted = format!("{} /p?q HTTP/1.1\r\n{wanted}\r\n", head.method);
        assert_eq!(String::from_utf8_lossy(&written), wanted);
        // And the server reads the same.
        let again = read(&written).unwrap().unwrap();
        assert_eq!(
            (again.authority, again.framing, again.closes),
            (head.authority, head.framing, head.closes)
        );
        assert_eq!(again.write(b"/p?q", &Effects::default()), written);
    }
}

#[test]
fn a_head_is_bounded() {
    let many = vec!["A: b"; MAX_HEADERS - 1];
    assert!(read(&request(GET, &[&[HOST][..], &many].concat())).is_ok());
    assert_eq!(
        read(&request(GET, &[&[HOST, HOST][..], &many].concat())),
        Err(TooMany)
    );
    let room = MAX_HEAD - request(GET, &[HOST, "A: "]).len();
    let value = |length| request(GET, &[HOST, &format!("A: {}", "b".repeat(length))]);
    assert_eq!(read(&value(room)).unwrap().unwrap().length, MAX_HEAD);
    assert_eq!(read(&value(room + 1)), Err(TooLong));
    assert_eq!(read(&b"\r\n".repeat(MAX_HEAD)), Err(TooLong));
    assert_eq!(TooLong.status(), 431);
}

#[test]
fn the_preface_of_http_2() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(is_http2_preface(preface), Some(true));
    assert_eq!(is_http2_preface(&preface[..20]), None);
    assert_eq!(is_http2_preface(b""), None);
    assert_eq!(is_http2_preface(b"POST"), Some(false));
    assert_eq!(
        is_http2_preface(&[&preface[..], b"more"].concat()),
        Some(true)
    );
}

#[test]
fn pieces_make_no_difference() {
    let config = ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let line = prop_oneof![
        4 => Just(GET), 1 => Just("GET http://a/b HTTP/1.1"), 1 => Just("GET /a"), 1 => Just("GET /\u{e9} HTTP/1.1"),
    ];
    let header = prop_oneof![
        8 => "[A-Za-z-]{1,6}: [ -~]{0,8}",
        1 => Just("Content-Length: 3".to_owned()),
        1 => Just("Transfer-Encoding: chunked".to_owned()),
        1 => Just(" fold".to_owned()),
    ];
    let headers = prop::collection::vec(header, 0..4);
    let change = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    let pieces = prop::collection::vec(1_usize..20, 1..6);
    let strategy = (line, headers, "[ -~\r\n]{0,6}", change, pieces);
    let told = std::cell::Cell::new((0, 0));
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&strategy, |(line, headers, tail, change, pieces)| {
            let mut all = vec![HOST];
            all.extend(headers.iter().map(String::as_str));
            let mut bytes = request(line, &all);
            bytes.extend(tail.as_bytes());
            if let Some((index, value)) = change {
                let index = index.index(bytes.len());
                bytes[index] = value;
            }
            let whole = read(&bytes);
            prop_assert_eq!(&read_in_pieces(&bytes, &pieces), &whole);
            if let Ok(Some(head)) = &whole {
                // Nothing behind it counts, and everything before it does.
                prop_assert_eq!(&read(&bytes[..head.length]), &whole);
                prop_assert_eq!(&read(&bytes[..head.length - 1]), &Ok(None));
                // A second opinion on what is taken: one LF per CR, and no other control characters.
                let text = &bytes[..head.length];
                let count = |byte| text.iter().filter(|one| **one == byte).count();
                prop_assert_eq!(count(b'\r'), count(b'\n'));
                prop_assert_eq!(
                    text.windows(2).filter(|two| two == b"\r\n").count(),
                    count(b'\n')
                );
                let hosts = head
                    .headers
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case("host"));
                prop_assert_eq!(hosts.count(), 1);
            }
            let (good, bad) = told.get();
            told.set((
                good + i32::from(whole.is_ok()),
                bad + i32::from(whole.is_err()),
            ));
            Ok(())
        })
        .unwrap();
    assert!(told.get().0 > 300 && told.get().1 > 300, "{told:?}");
}
