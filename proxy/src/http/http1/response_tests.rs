//! Heads of responses: rows.

use super::*;

const GET: Asked = Asked {
    is_head: false,
    is_websocket: false,
    closes: false,
};
const HEAD: Asked = Asked {
    is_head: true,
    ..GET
};
const WEBSOCKET: Asked = Asked {
    is_websocket: true,
    ..GET
};

/// What follows, whether the connection ends, and the head as it is passed on.
fn read(lines: &str, asked: Asked) -> Result<(String, bool, String), Malformed> {
    let bytes = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
    let response = Response::read(bytes.as_bytes(), &asked)?;
    let body = match &response.body {
        Body::Length(length) => length.to_string(),
        Body::Chunked(_) => "chunked".into(),
        Body::UntilClose => "close".into(),
    };
    let written = String::from_utf8(response.write()).unwrap();
    let written = written.trim_end().replace("\r\n", "\n");
    Ok((body, response.closes, written))
}

#[test]
fn bodies_end_where_both_find_the_end() {
    let rows: &[(&str, Asked, &str, bool)] = &[
        ("HTTP/1.1 200 OK\nContent-Length: 3", GET, "3", false),
        ("HTTP/1.1 200 OK\nContent-Length: 3", HEAD, "0", false),
        (
            "HTTP/1.1 200 OK\nContent-Length: 3\nContent-Length: 3",
            GET,
            "3",
            false,
        ),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: Chunked",
            GET,
            "chunked",
            false,
        ),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked",
            HEAD,
            "0",
            false,
        ),
        ("HTTP/1.1 200 OK", GET, "close", true),
        ("HTTP/1.1 200 OK", HEAD, "0", false),
        (
            "HTTP/1.1 204 No Content\nContent-Length: 3",
            GET,
            "0",
            false,
        ),
        (
            "HTTP/1.1 304 Not Modified\nContent-Length: 3",
            GET,
            "0",
            false,
        ),
        (
            "HTTP/1.1 200 OK\nContent-Length: 0\nConnection: Close",
            GET,
            "0",
            true,
        ),
        ("HTTP/1.0 200 OK\nContent-Length: 0", GET, "0", true),
        (
            "HTTP/1.0 200 OK\nContent-Length: 0\nConnection: keep-alive",
            GET,
            "0",
            false,
        ),
        ("HTTP/1.1 103 Early Hints\nLink: a", GET, "0", false),
    ];
    for (lines, asked, body, closes) in rows {
        let (is_body, is_closes, _) = read(lines, *asked).unwrap();
        assert_eq!((&*is_body, is_closes), (*body, *closes), "{lines}");
    }
    let closing = Asked {
        closes: true,
        ..GET
    };
    assert!(
        read("HTTP/1.1 200 OK\nContent-Length: 3", closing)
            .unwrap()
            .1
    );
}

#[test]
fn what_has_two_ends_is_no_response() {
    for lines in [
        "HTTP/1.1 200 OK\nContent-Length: 3\nContent-Length: 4",
        "HTTP/1.1 200 OK\nContent-Length: +3",
        "HTTP/1.1 200 OK\nContent-Length:",
        "HTTP/1.1 200 OK\nContent-Length: 99999999999999999999",
        "HTTP/1.1 200 OK\nContent-Length: 3\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked",
        "HTTP/1.0 200 OK\nTransfer-Encoding: chunked",
        "HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket",
        "HTTP/1.1 099 No",
        "HTTP/1.1 600 No",
        "HTTP/2 200 OK",
        "HTTP/1.1 200 OK\n folded: a",
        "HTTP/1.1 200 OK\na : b",
        "hello",
    ] {
        assert_eq!(read(lines, GET), Err(Malformed), "{lines}");
    }
    for lines in [
        "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket",
        "HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: h2c",
    ] {
        assert_eq!(read(lines, WEBSOCKET), Err(Malformed), "{lines}");
    }
}

#[test]
fn what_is_passed_on_is_what_was_read() {
    let rows: &[(&str, Asked, &str)] = &[
        (
            "HTTP/1.0 200 Fine\nA: b\nConnection: keep-alive, X\nX: 1\nKeep-Alive: timeout=5\ncontent-length: 03",
            GET,
            "HTTP/1.1 200 Fine\nA: b\nKeep-Alive: timeout=5\nContent-Length: 3",
        ),
        (
            "HTTP/1.1 204 No Content\nContent-Length: 3\nConnection: close",
            GET,
            "HTTP/1.1 204 No Content\nConnection: close",
        ),
        (
            "HTTP/1.1 304 Not Modified\nContent-Length: 3",
            GET,
            "HTTP/1.1 304 Not Modified\nContent-Length: 3",
        ),
        (
            "HTTP/1.1 200 OK\nTrailer: a\nTransfer-Encoding: CHUNKED",
            GET,
            "HTTP/1.1 200 OK\nTrailer: a\nTransfer-Encoding: chunked",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\nconnection: Upgrade\nupgrade: WebSocket\nA: b",
            WEBSOCKET,
            "HTTP/1.1 101 Switching Protocols\nA: b\nConnection: Upgrade\nUpgrade: websocket",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\nContent-Length: 5",
            WEBSOCKET,
            "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket",
        ),
        (
            "HTTP/1.1 103 Early Hints\nLink: a",
            Asked {
                closes: true,
                ..GET
            },
            "HTTP/1.1 103 Early Hints\nLink: a",
        ),
    ];
    for (lines, asked, wanted) in rows {
        assert_eq!(read(lines, *asked).unwrap().2, *wanted, "{lines}");
    }
}

#[test]
fn a_head_ends_behind_its_first_empty_line() {
    let text = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n";
    for step in [1, 2, 3, 100] {
        let mut seen = 0;
        let ends = (step..text.len() + step).step_by(step);
        let mut found = ends.map(|end| find_end(&text[..end.min(text.len())], &mut seen));
        assert_eq!(found.find_map(|found| found), Some(25), "{step}");
    }
}
