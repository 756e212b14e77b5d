//! The head of a stream's request.
//!
//! It is written as HTTP/1.1 would have it, and read by l7's strict reader: one set of checks for both, and what
//! a server that passes the request on as HTTP/1.1 would make of it is what is judged.

use bytes::Bytes;
use http::header::{COOKIE, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderMap, Request};
use l7::http::{BadPath, Effects, HeadReader, HeaderChange};

use crate::http::Service;
use crate::http::record::{Failure, Protocol};
use crate::http::refusal::Refusal;
use crate::http::request::{Guard, Judged, RequestLog, judge};

/// What becomes of a stream.
pub(super) enum Incoming<'s> {
    /// It goes to the server so.
    Forwarded(Box<Request<()>>, RequestLog<'s>, Guard<'s>),
    Denied(RequestLog<'s>),
    Redirected(Vec<u8>),
    Refused(Refusal),
    /// A rule's changes can't be made.
    Failed(Failure, RequestLog<'s>),
}

impl<'s> Incoming<'s> {
    /// Checks and judges a head.
    pub(super) fn new(service: &'s Service<'s>, parts: &Parts) -> Self {
        // Not there in a request without `:authority`.
        let scheme = parts.uri.scheme_str().unwrap_or(service.scheme);
        if !["http", "https"].contains(&scheme) {
            return Self::Refused(Refusal::Scheme);
        }
        if parts.headers.values().any(has_space_around) {
            return Self::Refused(Refusal::Space);
        }
        let (text, authority) = match text(parts) {
            Ok(text) => text,
            Err(refusal) => return Self::Refused(refusal),
        };
        let mut reader = HeadReader::new();
        let head = match reader.read(&text) {
            Ok(Some(head)) => head,
            // Not reached: the text ends with an empty line.
            Ok(None) => return Self::Refused(Refusal::Incomplete),
            Err(error) => return Self::Refused(error.into()),
        };
        match judge(service, Protocol::Http2, scheme, &head, &text) {
            Judged::Forwarded(path, effects, log, guard) => {
                let Ok(uri) = uri(scheme, &authority, &path) else {
                    return Self::Refused(BadPath::Form.into());
                };
                let Ok(headers) = changed(parts, &effects) else {
                    return Self::Failed(Failure::Effects, log);
                };
                let mut request = Request::new(());
                *request.method_mut() = parts.method.clone();
                *request.version_mut() = http::Version::HTTP_2;
                *request.uri_mut() = uri;
                *request.headers_mut() = headers;
                Self::Forwarded(Box::new(request), log, guard)
            }
            Judged::Denied(log) => Self::Denied(log),
            Judged::Redirected(path) => Self::Redirected(path),
            Judged::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// Whether an answer that isn't the server's is to be gRPC's.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE);
    let rest = kind.and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| rest.is_empty() || matches!(rest.first(), Some(b'+' | b';')))
}

/// White space that a line of HTTP/1.1 would lose (RFC 9113, 8.2.1).
fn has_space_around(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    let ends = [value.first(), value.last()];
    ends.into_iter().flatten().any(|byte| b" \t".contains(byte))
}

/// The head as HTTP/1.1, and its authority. Of Host and `:authority` one is enough; two must be equal (RFC 9113,
/// 8.3.1). Lines of Cookie are one (8.2.3).
fn text(parts: &Parts) -> Result<(Vec<u8>, String), Refusal> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next();
    let authority = match (parts.uri.authority(), host) {
        (Some(authority), Some(host)) if authority.as_str().as_bytes() != host.as_bytes() => {
            return Err(Refusal::Authority);
        }
        (Some(authority), _) => authority.as_str(),
        (None, host) => host
            .and_then(|host| host.to_str().ok())
            .ok_or(Refusal::Authority)?,
    };
    if hosts.next().is_some() {
        return Err(Refusal::Authority);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut out = Vec::with_capacity(1024);
    let mut add = |pieces: &[&[u8]]| {
        for piece in pieces {
            out.extend_from_slice(piece);
        }
    };
    add(&[
        parts.method.as_str().as_bytes(),
        b" ",
        path.as_bytes(),
        b" HTTP/1.1\r\n",
    ]);
    add(&[b"host: ", authority.as_bytes(), b"\r\n"]);
    for (name, value) in &parts.headers {
        if name != HOST && name != COOKIE {
            add(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    for (at, value) in parts.headers.get_all(COOKIE).iter().enumerate() {
        let before: &[u8] = if at == 0 { b"cookie: " } else { b"; " };
        add(&[before, value.as_bytes()]);
    }
    if parts.headers.contains_key(COOKIE) {
        add(&[b"\r\n"]);
    }
    add(&[b"\r\n"]);
    Ok((out, authority.to_owned()))
}

fn uri(scheme: &str, authority: &str, path: &[u8]) -> Result<Uri, http::Error> {
    Uri::builder()
        .scheme(scheme)
        .authority(Authority::try_from(authority)?)
        .path_and_query(PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(
            path,
        ))?)
        .build()
}

/// The headers as the rules change them, without Host.
fn changed(parts: &Parts, effects: &Effects) -> Result<HeaderMap, http::Error> {
    let mut headers = parts.headers.clone();
    headers.remove(HOST);
    for change in &effects.changes {
        let name = match change {
            HeaderChange::Add(name, _)
            | HeaderChange::Remove(name)
            | HeaderChange::Replace(name, _) => HeaderName::from_bytes(name.as_bytes())?,
        };
        match change {
            HeaderChange::Add(_, value) => {
                headers.append(&name, HeaderValue::from_bytes(value)?);
            }
            HeaderChange::Remove(_) => {
                headers.remove(&name);
            }
            HeaderChange::Replace(_, value) => {
                headers.insert(&name, HeaderValue::from_bytes(value)?);
            }
        }
    }
    Ok(headers)
}
