//! Any bytes as the head of a request, and what follows it as a body in chunks. In pieces they tell what they tell
//! as a whole; the first byte is the pieces' length. What is taken has one reading.

#![no_main]

use l7::http::{Chunks, Framing, HeadReader, Normalized, normalize};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((length, bytes)) = bytes.split_first() else {
        return;
    };
    let step = usize::from(*length).max(1);
    let whole = HeadReader::new().read(bytes);
    let mut reader = HeadReader::new();
    let ends = (1..=bytes.len()).step_by(step).chain([bytes.len()]);
    let told = ends.map(|end| reader.read(&bytes[..end]));
    let told = told.into_iter().find(|told| !matches!(told, Ok(None)));
    assert_eq!(told.unwrap_or(Ok(None)), whole);
    let Ok(Some(head)) = whole else {
        return;
    };
    let text = &bytes[..head.length];
    let lines = text.windows(2).filter(|two| two == b"\r\n").count();
    for end in [b'\r', b'\n'] {
        assert_eq!(text.iter().filter(|byte| **byte == end).count(), lines);
    }
    let count = |name: &str| {
        let named = head
            .headers
            .iter()
            .filter(|(one, _)| one.eq_ignore_ascii_case(name));
        named.count()
    };
    assert_eq!(count("host"), 1);
    assert!(count("content-length") + count("transfer-encoding") <= 1);
    if let Ok(normalized) = normalize(head.path) {
        let path = match normalized {
            Normalized::Path(path) => path.into_owned(),
            Normalized::Redirect(path) => path,
        };
        assert_eq!(normalize(&path), Ok(Normalized::Path((&path).into())));
        let end = path
            .iter()
            .position(|byte| *byte == b'?')
            .unwrap_or(path.len());
        let segments = path[..end].split(|byte| *byte == b'/');
        assert!(
            segments
                .skip(1)
                .all(|segment| segment != b"." && segment != b"..")
        );
    }
    if head.framing == Framing::Chunked {
        let body = &bytes[head.length..];
        let whole = chunks(body, body.len().max(1));
        assert_eq!(chunks(body, step), whole);
    }
});

/// How many bytes are the body's; `None` if its end is not among them, or can't be told.
fn chunks(body: &[u8], step: usize) -> Option<usize> {
    let (mut chunks, mut read) = (Chunks::new(), 0);
    for piece in body.chunks(step) {
        read += chunks.push(piece).ok()?;
        if chunks.is_complete() {
            return Some(read);
        }
    }
    None
}
