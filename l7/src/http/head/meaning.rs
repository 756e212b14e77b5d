//! What a head means, once each of its lines is fine.

use super::line::{Line, read_authority};
use super::{Head, HeadError};

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; none without a header that says otherwise.
    Length(u64),
    /// [Chunks](crate::http::Chunks).
    Chunked,
}

/// What becomes of the connection if the server agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing.
    None,
    /// The next request.
    Dropped,
    /// It carries WebSocket's frames, which are not judged.
    WebSocket,
}

/// Reads a complete head whose lines were checked.
pub(super) fn read(bytes: &[u8]) -> Result<Head<'_>, HeadError> {
    let mut rest = bytes;
    let mut lines = std::iter::from_fn(|| {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = rest.get(..end)?;
        rest = rest.get(end.checked_add(2)?..)?;
        Some(line)
    });
    let first = lines.find(|line| !line.is_empty());
    let line = Line::request(first.ok_or(HeadError::RequestLine)?)?;
    let headers = lines.take_while(|line| !line.is_empty()).map(Line::header);
    let headers = headers.collect::<Result<Vec<_>, _>>()?;
    let values = |name: &str| {
        let named = headers
            .iter()
            .filter(|(one, _)| one.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let host = match *values("host") {
        [host] => read_authority(host).ok_or(HeadError::Host)?,
        _ => return Err(HeadError::Host),
    };
    let framing = framing(&values("content-length"), &values("transfer-encoding"))?;
    let connection = items(&values("connection"));
    if !connection.iter().all(|item| KNOWN.contains(&&**item)) {
        return Err(HeadError::Connection);
    }
    let upgrade = upgrade(&items(&values("upgrade")), &connection)?;
    // RFC 6455, 4.1. Where a body would end and frames begin, nobody says.
    let is_handshake = line.method == "GET" && framing == Framing::Length(0);
    if upgrade == Upgrade::WebSocket && !is_handshake {
        return Err(HeadError::Upgrade);
    }
    let expects_continue = match *values("expect") {
        [] => false,
        [value] if value.eq_ignore_ascii_case(b"100-continue") => true,
        _ => return Err(HeadError::Expect),
    };
    Ok(Head {
        method: line.method,
        authority: line.authority.unwrap_or(host),
        path: line.path,
        framing,
        upgrade,
        closes: connection.iter().any(|item| item == b"close"),
        expects_continue,
        headers,
        length: bytes.len(),
    })
}

fn framing(lengths: &[&[u8]], codings: &[&[u8]]) -> Result<Framing, HeadError> {
    match (lengths, codings) {
        ([], []) => Ok(Framing::Length(0)),
        ([_, ..], [_, ..]) => Err(HeadError::TwoLengths),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        ([], _) => Err(HeadError::TransferEncoding),
        // Digits alone: no sign, no list. 18 of them always fit.
        ([length], []) if (1..=18).contains(&length.len()) => length
            .iter()
            .try_fold(0_u64, |sum, digit| {
                let digit = char::from(*digit).to_digit(10)?;
                sum.checked_mul(10)?.checked_add(digit.into())
            })
            .map(Framing::Length)
            .ok_or(HeadError::ContentLength),
        (_, []) => Err(HeadError::ContentLength),
    }
}

/// Items of Connection that are handled. Others name headers to be dropped, which rules may want.
const KNOWN: [&[u8]; 5] = [
    b"close",
    b"keep-alive",
    b"upgrade",
    b"te",
    b"http2-settings",
];

/// The items of a header that is a list, in lower case.
fn items(lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let items = lines
        .iter()
        .flat_map(|line| line.split(|byte| *byte == b','));
    let items = items.map(|item| item.trim_ascii().to_ascii_lowercase());
    items.filter(|item| !item.is_empty()).collect()
}

/// WebSocket passes; `h2c` is ignored, as Envoy does, and so is what Connection doesn't ask for.
fn upgrade(protocols: &[Vec<u8>], connection: &[Vec<u8>]) -> Result<Upgrade, HeadError> {
    if protocols.is_empty() {
        return Ok(Upgrade::None);
    }
    if !connection.iter().any(|item| item == b"upgrade") {
        return Ok(Upgrade::Dropped);
    }
    match protocols {
        [one] if one == b"websocket" => Ok(Upgrade::WebSocket),
        all if all.iter().all(|one| one == b"h2c") => Ok(Upgrade::Dropped),
        _ => Err(HeadError::Upgrade),
    }
}
