//! The page, as it is in the program.
//!
//! All files but the index have a digest in their names and are kept by browsers for good. The index
//! learns the base path when the program starts, and is asked for each time.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::problem::Problem;

/// A file of the page.
#[derive(Debug, Clone, Copy)]
struct Asset {
    /// Path below the base.
    name: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Served in place of a page that isn't there.
const NO_PAGE: &str = include_str!("assets/no_page.html");

/// What the index refers to the base path by.
const BASE: &str = "<base href=\"/\"";

/// Whether the real page is in the program.
pub fn page_is_built() -> bool {
    !ASSETS.is_empty()
}

/// The index for a base path (which has nothing in it that means something in HTML).
pub(crate) fn index(base_path: &str) -> String {
    let index = ASSETS.iter().find(|asset| asset.name == "index.html");
    let text = index.and_then(|asset| str::from_utf8(asset.plain).ok());
    let text = text.unwrap_or(NO_PAGE);
    text.replacen(BASE, &format!("<base href=\"{base_path}\""), 1)
}

/// The answer that is the index.
pub(crate) fn index_response(index: &'static str) -> Response {
    let mut response = Response::new(Body::from(index));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The answer that is the file of this name.
pub(crate) fn response(name: &str, request: &HeaderMap) -> Response {
    let Some(asset) = ASSETS
        .iter()
        .find(|asset| asset.name == name && name != "index.html")
    else {
        return Problem::new(StatusCode::NOT_FOUND, "there is no such file").into_response();
    };
    let packed = [("br", asset.brotli), ("gzip", asset.gzip)];
    let packed = packed.into_iter().find_map(|(coding, bytes)| {
        bytes
            .filter(|_| accepts(request, coding))
            .map(|bytes| (coding, bytes))
    });
    let mut response = Response::new(Body::from(packed.map_or(asset.plain, |(_, bytes)| bytes)));
    let headers = response.headers_mut();
    if let Some((coding, _)) = packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(name)),
    );
    let cache = match name.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// Whether a request takes a coding (RFC 9110, 12.5.3), `*` left aside: who accepts everything can
/// read the plain bytes.
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).into_iter();
    let words = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    words.into_iter().any(|word| {
        let (name, quality) = word.split_once(';').unwrap_or((word, ""));
        let refused = quality
            .trim()
            .strip_prefix("q=")
            .is_some_and(|q| q.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case(coding) && !refused
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings() {
        for (value, accepted) in [
            ("gzip, deflate, br", true),
            ("BR;q=0.5", true),
            ("br;q=0", false),
            ("br; q=0.000", false),
            ("gzip", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts(&headers, "br"), accepted, "{value}");
        }
    }

    #[test]
    fn the_index_knows_its_base() {
        assert!(index("/flows/").contains("<base href=\"/flows/\""));
    }
}
