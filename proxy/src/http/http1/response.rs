//! The head of a response: where its body ends, and how it is passed on.
//!
//! The client reads what is written here, not what the server sent: both find the same end.

use l7::http::{Chunks, MAX_HEADERS};

use super::body::Body;

/// What of the request says how its response reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// By HEAD: there is no body.
    pub(super) is_head: bool,
    /// For a WebSocket: 101 may come.
    pub(super) is_websocket: bool,
    /// The client sends no other request.
    pub(super) closes: bool,
}

/// The head of a response that has one meaning.
#[derive(Debug)]
pub(super) struct Response<'b> {
    pub(super) status: u16,
    reason: &'b str,
    /// All lines, in order.
    pub(super) headers: Vec<(&'b str, &'b [u8])>,
    /// What its headers say of the body's length, be there one or not.
    declared: Declared,
    /// What follows.
    pub(super) body: Body,
    /// Whether the connection ends behind it.
    pub(super) closes: bool,
}

#[derive(Clone, Copy, Debug)]
enum Declared {
    Nothing,
    Length(u64),
    Chunked,
}

/// Not a response, or one with two meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Where the head ends: behind the first empty line. `seen` is what earlier calls looked at.
pub(super) fn find_end(bytes: &[u8], seen: &mut usize) -> Option<usize> {
    let from = seen.saturating_sub(3);
    *seen = bytes.len();
    let mut rest = bytes.get(from..)?.iter().enumerate();
    rest.find_map(|(at, byte)| {
        let at = from + at;
        let behind = bytes.get(at + 1..)?;
        if *byte != b'\n' {
            return None;
        }
        if behind.starts_with(b"\n") {
            return Some(at + 2);
        }
        behind.starts_with(b"\r\n").then_some(at + 3)
    })
}

/// Headers that are about one connection (RFC 9110, 7.6.1), or say where the body ends: written anew. `Keep-Alive`
/// passes, since the client's connection lives as long as the server's.
const REWRITTEN: [&str; 6] = [
    "connection",
    "content-length",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl<'b> Response<'b> {
    /// Reads a complete head, the answer to what was `asked`.
    pub(super) fn read(bytes: &'b [u8], asked: &Asked) -> Result<Self, Malformed> {
        let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut lines);
        match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) | Err(_) => return Err(Malformed),
        }
        let status = parsed.code.filter(|code| (100..=599).contains(code));
        let status = status.ok_or(Malformed)?;
        let is_old = parsed.version == Some(0);
        let headers: Vec<_> = parsed
            .headers
            .iter()
            .map(|line| (line.name, line.value))
            .collect();
        let connection = items(&headers, "connection");
        let has = |item: &str| connection.iter().any(|one| one.eq_ignore_ascii_case(item));
        let declared = declared(&headers, is_old)?;
        let switches = asked.is_websocket && {
            let upgrade = items(&headers, "upgrade");
            has("upgrade") && matches!(*upgrade, [one] if one.eq_ignore_ascii_case("websocket"))
        };
        if status == 101 && !switches {
            return Err(Malformed);
        }
        let body = match (status, declared) {
            (100..=199 | 204 | 304, _) => Body::Length(0),
            _ if asked.is_head => Body::Length(0),
            (_, Declared::Length(length)) => Body::Length(length),
            (_, Declared::Chunked) => Body::Chunked(Chunks::with_trailers()),
            (_, Declared::Nothing) => Body::UntilClose,
        };
        let stays = !is_old || has("keep-alive");
        let closes = asked.closes || has("close") || !stays || matches!(body, Body::UntilClose);
        Ok(Self {
            status,
            reason: parsed.reason.unwrap_or_default(),
            headers,
            declared,
            body,
            closes,
        })
    }

    /// Whether another response follows.
    pub(super) fn is_interim(&self) -> bool {
        matches!(self.status, 100..=199) && !self.switches()
    }

    /// Whether the connection carries WebSocket's frames from here on.
    pub(super) fn switches(&self) -> bool {
        self.status == 101
    }

    /// The head as the client gets it.
    pub(super) fn write(&self) -> Vec<u8> {
        // About as long as it came.
        let came = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4);
        let mut out = Vec::with_capacity(came.sum::<usize>() + self.reason.len() + 64);
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(self.status.to_string().as_bytes());
        for part in [" ", self.reason, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let mut line = |name: &str, value: &[u8]| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        };
        let named = items(&self.headers, "connection");
        for (name, value) in &self.headers {
            let is_keep_alive = name.eq_ignore_ascii_case("keep-alive");
            let is_dropped = REWRITTEN.iter().any(|one| name.eq_ignore_ascii_case(one))
                || named.iter().any(|one| name.eq_ignore_ascii_case(one)) && !is_keep_alive;
            if !is_dropped {
                line(name, value);
            }
        }
        // RFC 9110, 8.6 and RFC 9112, 6.1: neither length in these.
        if !matches!(self.status, 100..=199 | 204) {
            match self.declared {
                Declared::Nothing => {}
                Declared::Length(length) => {
                    line("Content-Length", length.to_string().as_bytes());
                }
                Declared::Chunked => line("Transfer-Encoding", b"chunked"),
            }
        }
        if self.switches() {
            line("Connection", b"Upgrade");
            line("Upgrade", b"websocket");
        } else if self.closes && !self.is_interim() {
            line("Connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

fn values<'b>(headers: &[(&'b str, &'b [u8])], name: &str) -> impl Iterator<Item = &'b [u8]> {
    let named = headers
        .iter()
        .filter(move |(one, _)| one.eq_ignore_ascii_case(name));
    named.map(|(_, value)| *value)
}

/// The items of a header that is a list; what isn't text is none.
fn items<'b>(headers: &[(&'b str, &'b [u8])], name: &str) -> Vec<&'b str> {
    let lines = values(headers, name).filter_map(|line| std::str::from_utf8(line).ok());
    let items = lines.flat_map(|line| line.split(',')).map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

/// What the headers say of the length (RFC 9112, 6.3), without any guess.
fn declared(headers: &[(&str, &[u8])], is_old: bool) -> Result<Declared, Malformed> {
    let mut codings = values(headers, "transfer-encoding");
    let mut lengths = values(headers, "content-length");
    match (codings.next(), lengths.next()) {
        (None, None) => Ok(Declared::Nothing),
        // No other coding was asked for (TE is not forwarded).
        (Some(coding), None) => {
            let is_chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
            let is_sound = is_chunked && !is_old;
            is_sound.then_some(Declared::Chunked).ok_or(Malformed)
        }
        // The same length twice is one length.
        (None, Some(length)) => {
            if lengths.any(|other| other != length) || length.is_empty() {
                return Err(Malformed);
            }
            let number = length.iter().try_fold(0_u64, |sum, digit| {
                let digit = char::from(*digit).to_digit(10)?;
                sum.checked_mul(10)?.checked_add(digit.into())
            });
            number.map(Declared::Length).ok_or(Malformed)
        }
        (Some(_), Some(_)) => Err(Malformed),
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
