//! A target's path in the form that is matched and forwarded, as Envoy makes it with Cilium's options
//! (`normalize_path`, `merge_slashes`, `UNESCAPE_AND_REDIRECT`; cilium 1.20.0-dev, `pkg/envoy/xds_server.go`).

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

/// What becomes of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Normalized<'a> {
    /// To be matched and forwarded.
    Path(Cow<'a, [u8]>),
    /// It had an escaped slash or backslash, which servers read in two ways: the client is to ask for this one
    /// (307). For gRPC, which follows no redirects, that is a refusal.
    Redirect(Vec<u8>),
}

/// Most bytes of a target that is matched.
pub const MAX_TARGET: usize = 8 * 1024;

/// A target that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It isn't a path, has a zero byte in it, unescaped is escaped once more, or has dot segments with
    /// parameters (`/..;/`), which servers in Java resolve.
    #[error("the target of the request is not a path")]
    Form,
    /// More than [`MAX_TARGET`] bytes.
    #[error("a target of more than {MAX_TARGET} bytes")]
    TooLong,
}

impl BadPath {
    /// The status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Self::Form => 400,
            Self::TooLong => 414,
        }
    }
}

/// Normalizes a target `path?query`: dot segments are resolved, letters, digits and `-._~` unescaped (once),
/// backslashes turned, runs of slashes made one. The query stays. `*`, of OPTIONS, stays as well.
///
/// # Errors
/// If the target is too long, doesn't begin with a slash, has a zero byte, an escape whose parts are escaped, or a
/// dot segment with parameters.
pub fn normalize(target: &[u8]) -> Result<Normalized<'_>, BadPath> {
    if target == b"*" {
        return Ok(Normalized::Path(target.into()));
    }
    if target.len() > MAX_TARGET {
        return Err(BadPath::TooLong);
    }
    let end = target.iter().position(|byte| *byte == b'?');
    let (path, query) = target.split_at(end.unwrap_or(target.len()));
    if !path.starts_with(b"/") || path.contains(&0) {
        return Err(BadPath::Form);
    }
    if is_plain(path) {
        return Ok(Normalized::Path(target.into()));
    }
    change(target, path, query)
}

/// Whether nothing in a path can change, or be refused: nothing is escaped, and no segment is empty or begins with a
/// dot. Most are so.
fn is_plain(path: &[u8]) -> bool {
    let mut before = b'a';
    path.iter().all(|byte| {
        let is_plain = match byte {
            b'%' | b'\\' => false,
            b'/' | b'.' => before != b'/',
            _ => true,
        };
        before = *byte;
        is_plain
    })
}

fn change<'a>(target: &'a [u8], path: &[u8], query: &[u8]) -> Result<Normalized<'a>, BadPath> {
    let (unescaped, had_slash) = unescape(path)?;
    // `%%32e`: what is unescaped makes an escape, which the server would undo.
    if unescape(&unescaped)?.0 != unescaped {
        return Err(BadPath::Form);
    }
    if unescaped.split(|byte| *byte == b'/').any(has_parameter) {
        return Err(BadPath::Form);
    }
    let mut normal = merge(&resolve(&unescaped));
    if normal == path {
        return Ok(Normalized::Path(target.into()));
    }
    normal.extend_from_slice(query);
    Ok(if had_slash {
        Normalized::Redirect(normal)
    } else {
        Normalized::Path(normal.into())
    })
}

/// Whether it is a dot segment with a parameter, be its semicolon escaped.
fn has_parameter(segment: &[u8]) -> bool {
    let rest = segment.strip_prefix(b".").unwrap_or_default();
    let rest = rest.strip_prefix(b".").unwrap_or(rest);
    [&b";"[..], b"%3b", b"%3B"]
        .iter()
        .any(|mark| rest.starts_with(mark))
}

/// Without the escapes that mean the same without, and whether a slash was among them.
fn unescape(path: &[u8]) -> Result<(Vec<u8>, bool), BadPath> {
    let mut out = Vec::with_capacity(path.len());
    let mut had_slash = false;
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let escaped = match (byte, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match escaped {
            Some(0) => return Err(BadPath::Form),
            Some(b'/' | b'\\') => {
                had_slash = true;
                out.push(b'/');
            }
            Some(plain) if plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => {
                out.push(plain);
            }
            Some(_) | None => {
                out.push(if *byte == b'\\' { b'/' } else { *byte });
                continue;
            }
        }
        rest = tail.get(2..).unwrap_or_default();
    }
    Ok((out, had_slash))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Without `.` and `..` segments (RFC 3986, 5.2.4).
fn resolve(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let segments = path.strip_prefix(b"/").unwrap_or(path);
    let mut is_open = false;
    for segment in segments.split(|byte| *byte == b'/') {
        is_open = true;
        match segment {
            b"." => {}
            b".." => {
                kept.pop();
            }
            segment => {
                kept.push(segment);
                is_open = false;
            }
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    // Of a dot segment at the end its slash is left.
    if is_open || out.is_empty() {
        out.push(b'/');
    }
    out
}

fn merge(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|byte, before| *byte == b'/' && *before == b'/');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let rows = [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/api/../admin", "/admin"),
            ("/api/%2e%2E/admin", "/admin"),
            ("/api/.%2e/admin", "/admin"),
            ("/x/../api/y", "/api/y"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/a/./b", "/a/b"),
            ("/a/...", "/a/..."),
            ("//api//y", "/api/y"),
            ("/a//../b", "/a/b"),
            ("/a/", "/a/"),
            ("/%61pi/%41", "/api/A"),
            ("/%2561pi/y", "/%2561pi/y"),
            ("/a%20b", "/a%20b"),
            ("/a%zz%4", "/a%zz%4"),
            (r"/a\..\b", "/b"),
            ("/a?x=/../%41//", "/a?x=/../%41//"),
            ("/a/../b?x=..", "/b?x=.."),
            ("*", "*"),
        ];
        for (target, wanted) in rows {
            let wanted = Normalized::Path(wanted.as_bytes().into());
            assert_eq!(normalize(target.as_bytes()), Ok(wanted), "{target}");
        }
        let redirects = [
            ("/api%2fy", "/api/y"),
            ("/api/a%5Cb?c=%2f", "/api/a/b?c=%2f"),
            ("/api%2F..%2fadmin", "/admin"),
        ];
        for (target, wanted) in redirects {
            let wanted = Normalized::Redirect(wanted.into());
            assert_eq!(normalize(target.as_bytes()), Ok(wanted), "{target}");
        }
        for target in [
            "",
            "a",
            "?",
            "/%00",
            "/a\0",
            "http://a/",
            "/%%32e/a",
            "/%2%65%2e",
            "/a/..;/b",
            "/a/.;x=1/b",
            "/a/%2e.;",
            "/a/..%3B/b",
        ] {
            let error = Err(BadPath::Form);
            assert_eq!(normalize(target.as_bytes()), error, "{target}");
        }
        for target in ["/a;x/b", "/...;/a", "/;/a", "/a?/..;/"] {
            assert!(normalize(target.as_bytes()).is_ok(), "{target}");
        }
        let mut longest = vec![b'/'; MAX_TARGET];
        assert!(normalize(&longest).is_ok());
        longest.push(b'a');
        assert_eq!(normalize(&longest), Err(BadPath::TooLong));
    }

    #[test]
    fn what_is_plain_would_not_change() {
        proptest::proptest!(|(path in "/([a.;]{0,2}[/a%\\\\]{0,2}){0,4}")| {
            let path = path.as_bytes();
            if is_plain(path) {
                proptest::prop_assert_eq!(change(path, path, b""), Ok(Normalized::Path(path.into())));
            }
        });
    }

    #[test]
    fn twice_is_once() {
        proptest::proptest!(|(target in "/[a./%25e\\\\?~;]{0,12}(%2[eEfF]|%5c)?[./]{0,3}")| {
            let once = match normalize(target.as_bytes()) {
                Ok(Normalized::Path(path)) => path.into_owned(),
                Ok(Normalized::Redirect(path)) => path,
                Err(_) => return Ok(()),
            };
            let again = normalize(&once);
            proptest::prop_assert_eq!(again, Ok(Normalized::Path((&once).into())));
        });
    }
}
