//! Lines of a head, each by itself. Their bytes are printable or not ASCII: the reader saw to that.

use super::HeadError;

/// Methods that are known (IANA's registry of July 2026, and those that Envoy has besides).
const METHODS: [&str; 46] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "MSEARCH",
    "NOTIFY",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// A first line, taken apart.
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a str,
    /// `None`: the path's authority is that of the Host header.
    pub(super) authority: Option<&'a str>,
    /// Path and query.
    pub(super) path: &'a [u8],
}

/// Takes lines apart.
pub(super) struct Line;

impl Line {
    /// `GET /path HTTP/1.1`
    pub(super) fn request(line: &[u8]) -> Result<RequestLine<'_>, HeadError> {
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(HeadError::RequestLine);
        };
        if !is_token(method) {
            return Err(HeadError::RequestLine);
        }
        match (words.next(), words.next()) {
            (_, Some(_)) => return Err(HeadError::RequestLine),
            (None | Some(b"HTTP/1.0" | b"HTTP/0.9"), None) => return Err(HeadError::OldVersion),
            (Some(b"HTTP/1.1"), None) => {}
            (Some(version), None) if version.starts_with(b"HTTP/") => {
                return Err(HeadError::Version);
            }
            (Some(_), None) => return Err(HeadError::RequestLine),
        }
        let method = std::str::from_utf8(method).map_err(|_not_text| HeadError::RequestLine)?;
        match method {
            "CONNECT" => return Err(HeadError::Connect),
            method if METHODS.contains(&method) => {}
            _ => return Err(HeadError::Method),
        }
        let (authority, path) = split_target(method, target)?;
        Ok(RequestLine {
            method,
            authority,
            path,
        })
    }

    /// `Name: value`
    pub(super) fn header(line: &[u8]) -> Result<(&str, &[u8]), HeadError> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(HeadError::Folded);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = colon
            .and_then(|colon| line.split_at_checked(colon))
            .ok_or(HeadError::HeaderLine)?;
        if !is_token(name) {
            return Err(HeadError::HeaderLine);
        }
        let name = std::str::from_utf8(name).map_err(|_not_text| HeadError::HeaderLine)?;
        let value = value.strip_prefix(b":").unwrap_or(value);
        Ok((name, value.trim_ascii()))
    }
}

/// Authority, and path with query.
fn split_target<'a>(
    method: &str,
    target: &'a [u8],
) -> Result<(Option<&'a str>, &'a [u8]), HeadError> {
    // A fragment is the client's own. A tab is no part of a target either.
    if target.contains(&b'#') || target.contains(&b'\t') {
        return Err(HeadError::Target);
    }
    if target.starts_with(b"/") || (target == b"*" && method == "OPTIONS") {
        return Ok((None, target));
    }
    let (scheme, rest) = target
        .iter()
        .position(|byte| *byte == b':')
        .and_then(|colon| target.split_at_checked(colon))
        .ok_or(HeadError::Target)?;
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(HeadError::Target);
    }
    let rest = rest.strip_prefix(b"://").ok_or(HeadError::Target)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    let (authority, path) = rest
        .split_at_checked(end.unwrap_or(rest.len()))
        .ok_or(HeadError::Target)?;
    if authority.is_empty() {
        return Err(HeadError::Target);
    }
    let authority = read_authority(authority).ok_or(HeadError::Target)?;
    match path.first() {
        None => Ok((Some(authority), b"/")),
        Some(b'/') => Ok((Some(authority), path)),
        // `http://host?query`: servers differ on the path.
        Some(_) => Err(HeadError::Target),
    }
}

/// A host with or without a port: a name, an IPv4 address, an IPv6 one in brackets. No user, no comma, which
/// would make two of one, and no escape, which one reader would undo and another not.
pub(super) fn read_authority(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let is_address = |char: char| char.is_ascii_hexdigit() || matches!(char, ':' | '.');
            address.chars().all(is_address).then_some(())?;
            (address, port)
        }
        None => {
            let at = text.find(':').unwrap_or(text.len());
            let (host, port) = text.split_at_checked(at)?;
            let is_name =
                |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_' | '~');
            host.chars().all(is_name).then_some(())?;
            (host, port)
        }
    };
    let is_port = match port.strip_prefix(':') {
        Some(port) => !port.is_empty() && port.chars().all(|char| char.is_ascii_digit()),
        None => port.is_empty(),
    };
    (is_port && (!host.is_empty() || text.is_empty())).then_some(text)
}

/// RFC 9110, 5.6.2.
pub(in crate::http) fn is_token(bytes: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_token)
}
