//! Any bytes as the beginning of a TLS connection. In pieces they tell what they tell as a whole; the first byte
//! is the pieces' length.

#![no_main]

use l7::wire::tls::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((length, bytes)) = bytes.split_first() else {
        return;
    };
    let mut whole = Reader::new();
    let whole = whole.push(bytes);
    let mut reader = Reader::new();
    let mut ended = false;
    for piece in bytes.chunks(usize::from(*length).max(1)) {
        match reader.push(piece) {
            Ok(None) => {}
            told => {
                assert_eq!(told, whole);
                ended = true;
                break;
            }
        }
    }
    assert_eq!(ended, !matches!(whole, Ok(None)));
    if let Ok(Some(hello)) = whole
        && let Some(name) = hello.server_name
    {
        // It stands in the bytes, unless records divide it.
        let sent = name.as_bytes();
        let is_whole = bytes.windows(sent.len()).any(|part| part == sent);
        assert!(is_whole || bytes.len() > sent.len() + 5);
        let _matched = name.to_name();
    }
});
