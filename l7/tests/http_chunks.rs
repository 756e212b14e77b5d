//! Bodies in chunks: where they end, strictly, and what isn't one.

use l7::http::{Chunks, ChunksError};

#[test]
fn chunks_end_where_they_say() {
    let rows: &[(&str, Result<Option<usize>, ChunksError>)] = &[
        ("0\r\n\r\nGET", Ok(Some(5))),
        ("5\r\nhello\r\n0\r\n\r\n", Ok(Some(15))),
        ("A;x=\"y\"\r\n0123456789\r\n00\r\n\r\n", Ok(Some(27))),
        ("5\r\nhel", Ok(None)),
        ("", Ok(None)),
        ("\r\n", Err(ChunksError::Size)),
        ("x\r\n", Err(ChunksError::Size)),
        ("-1\r\n", Err(ChunksError::Size)),
        ("0x1\r\n", Err(ChunksError::Size)),
        (" 1\r\n", Err(ChunksError::Size)),
        ("1 \r\n", Err(ChunksError::Size)),
        ("1000000000000000\r\n", Err(ChunksError::Size)),
        ("1\n", Err(ChunksError::Size)),
        ("1;a\n", Err(ChunksError::LineEnd)),
        ("1;a\rb", Err(ChunksError::LineEnd)),
        ("1\r\nab\r\n", Err(ChunksError::LineEnd)),
        ("1\r\na\n", Err(ChunksError::LineEnd)),
        ("0\r\nHost: b\r\n\r\n", Err(ChunksError::Trailer)),
        ("0\r\n\rx", Err(ChunksError::LineEnd)),
    ];
    for (text, wanted) in rows {
        for step in [1, 3, 100] {
            let (mut chunks, mut read) = (Chunks::new(), 0);
            let mut told = Ok(None);
            for piece in text.as_bytes().chunks(step) {
                match chunks.push(piece) {
                    Ok(more) => read += more,
                    Err(error) => told = Err(error),
                }
                if told.is_err() || chunks.is_complete() {
                    break;
                }
            }
            if chunks.is_complete() {
                told = Ok(Some(read));
            }
            assert_eq!(told, *wanted, "{text:?} in {step}");
        }
    }
    let mut chunks = Chunks::new();
    assert_eq!(chunks.push(b"1;").unwrap(), 2);
    assert_eq!(chunks.push(&[b'a'; 300]), Err(ChunksError::TooLong));
    // What follows an error isn't read as if there were none.
    let mut chunks = Chunks::new();
    assert_eq!(chunks.push(b"x"), Err(ChunksError::Size));
    assert_eq!(chunks.push(b"0\r\n\r\n"), Err(ChunksError::Size));
    assert!(!chunks.is_complete());
}

#[test]
fn trailers_of_a_response_pass() {
    let long = format!("0\r\nA: {}\r\n\r\n", "b".repeat(8 * 1024));
    let rows: &[(&str, Result<Option<usize>, ChunksError>)] = &[
        ("1\r\na\r\n0\r\nA: b\r\nC: \u{e9}\r\n\r\nHTTP", Ok(Some(24))),
        ("0\r\n\r\nHTTP", Ok(Some(5))),
        ("0\r\nA: b\r\n", Ok(None)),
        ("0\r\nA: b\n\r\n", Err(ChunksError::LineEnd)),
        ("0\r\nA: b\rc", Err(ChunksError::LineEnd)),
        ("0\r\nA\0: b\r\n\r\n", Err(ChunksError::LineEnd)),
        ("0\r\n\nA: b\r\n\r\n", Err(ChunksError::Trailer)),
        (&long, Err(ChunksError::TooLong)),
    ];
    for (text, wanted) in rows {
        for step in [1, 3, 10_000] {
            let (mut chunks, mut read) = (Chunks::with_trailers(), 0);
            let mut told = Ok(None);
            for piece in text.as_bytes().chunks(step) {
                match chunks.push(piece) {
                    Ok(more) => read += more,
                    Err(error) => told = Err(error),
                }
                if told.is_err() || chunks.is_complete() {
                    break;
                }
            }
            if chunks.is_complete() {
                told = Ok(Some(read));
            }
            assert_eq!(told, *wanted, "{text:?} in {step}");
        }
    }
}
