//! What stands before every answer: who may ask, what a browser is told about what it gets, and how
//! long an answer may take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;

use crate::config::Access;
use crate::problem::Problem;

/// How long an answer may take until its first byte.
const ANSWER: Duration = Duration::from_secs(20);

/// All that the page needs comes from its own origin; nothing inline runs, nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
    img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'self'; form-action 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// For every answer: security headers, a limit of time, one Host, reading methods only; but for `posts`, paths that
/// may be sent something by the page itself or by a program.
pub(crate) async fn every(
    State(posts): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = async {
        if let Err(problem) = has_one_host(request.headers()) {
            return problem.into_response();
        }
        match *request.method() {
            Method::GET | Method::HEAD => next.run(request).await,
            Method::POST if posts.iter().any(|path| path == request.uri().path()) => {
                match may_send(request.headers(), request.uri().authority()) {
                    Ok(()) => next.run(request).await,
                    Err(problem) => problem.into_response(),
                }
            }
            _ => {
                let mut response = Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "this address is read-only: use GET",
                )
                .into_response();
                let allow = HeaderValue::from_static("GET, HEAD");
                response.headers_mut().insert(header::ALLOW, allow);
                response
            }
        }
    };
    let mut response = match tokio::time::timeout(ANSWER, answer).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("no answer within {} s", ANSWER.as_secs()),
        )
        .into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    response
}

/// Keeps pages of other origins from sending something in the name of whoever looks at them. Browsers say
/// where a request comes from (`Sec-Fetch-Site`; older ones, and all on plain HTTP, `Origin`: the rule of
/// Go's `http.CrossOriginProtection`); and they send no JSON elsewhere without asking first, which is
/// never allowed here.
fn may_send(headers: &HeaderMap, authority: Option<&Authority>) -> Result<(), Problem> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let same = match (
        text(&HeaderName::from_static("sec-fetch-site")),
        text(&header::ORIGIN),
    ) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = authority
                .map(Authority::as_str)
                .or(text(&header::HOST))
                .unwrap_or_default();
            let from = origin.split_once("://").map(|(_, from)| from);
            from.is_some_and(|from| from.eq_ignore_ascii_case(host))
        }
        // No browser.
        (None, None) => true,
    };
    if !same {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "another site sends this request: open the page of flows-ui itself",
        ));
    }
    let kind = text(&header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send JSON: `Content-Type: application/json`",
        )),
    }
}

/// Whom a proxy in front says is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User(pub(crate) String);

/// For what shows flows: who may ask.
pub(crate) async fn asker(
    State(access): State<Arc<Access>>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&access, request.headers(), request.uri().authority()) {
        Ok(user) => {
            if let Some(user) = user {
                request.extensions_mut().insert(user);
            }
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            headers
                .entry(header::CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("no-store"));
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// Keeps requests out whose host nobody knows: two lines of Host are malformed (RFC 9112, 3.2), and what stands in front
/// of this server may take another one than it does.
fn has_one_host(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get_all(header::HOST).iter().count() {
        0 | 1 => Ok(()),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the request has several lines of Host: send one",
        )),
    }
}

fn admit(
    access: &Access,
    headers: &HeaderMap,
    authority: Option<&Authority>,
) -> Result<Option<User>, Problem> {
    match access {
        Access::Anybody => Ok(None),
        Access::Local { names } => {
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            let host = authority
                .map(Authority::as_str)
                .or(host)
                .unwrap_or_default();
            if is_local(host, names) {
                return Ok(None);
            }
            Err(Problem::new(
                StatusCode::FORBIDDEN,
                "this server accepts only names of this machine as Host; --allow-host adds others",
            ))
        }
        Access::Token(token) => {
            let given = headers
                .get(header::AUTHORIZATION)
                .map(HeaderValue::as_bytes);
            let given = given.and_then(|given| given.split_at_checked(7));
            match given {
                Some((scheme, given))
                    if scheme.eq_ignore_ascii_case(b"bearer ")
                        && bool::from(given.ct_eq(token.as_bytes())) =>
                {
                    Ok(None)
                }
                _ => Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "a token is needed: `Authorization: Bearer TOKEN`",
                )),
            }
        }
        Access::Proxy(name) => {
            let mut users = headers.get_all(name).into_iter();
            let user = users.next().and_then(|user| user.to_str().ok());
            match (user, users.next()) {
                (Some(user), None) if !user.trim().is_empty() => {
                    Ok(Some(User(user.trim().to_owned())))
                }
                _ => Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    format!("the proxy in front of this server must set {name} to the user"),
                )),
            }
        }
    }
}

/// Whether a `Host` is this machine or one of the names.
fn is_local(host: &str, names: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let loopback = |address: std::net::IpAddr| address.to_canonical().is_loopback();
    name == "localhost"
        || name.ends_with(".localhost")
        || address.parse().is_ok_and(loopback)
        || names.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(access: &Access, headers: &[(&'static str, &'static str)]) -> Option<Option<User>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        admit(access, &map, None).ok()
    }

    #[test]
    fn hosts() {
        let access = Access::Local {
            names: vec!["flows.example.com".to_owned()],
        };
        for (host, good) in [
            ("localhost:12000", true),
            ("LOCALHOST", true),
            ("x.localhost:1", true),
            ("127.0.0.1:12000", true),
            ("127.9.9.9", true),
            ("[::1]:12000", true),
            ("flows.example.com", true),
            ("Flows.Example.com:443", true),
            ("evil.example.com", false),
            ("127.0.0.1.evil.example.com", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(
                admitted(&access, &[("host", host)]).is_some(),
                good,
                "{host}"
            );
        }
        assert!(admitted(&access, &[]).is_none());
    }

    #[test]
    fn senders() {
        let json = ("content-type", "application/json");
        let sent = |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            may_send(&map, None).map_err(|problem| problem.status().as_u16())
        };
        let host = ("host", "flows.example.com");
        for (headers, wanted) in [
            // A program.
            (&[json][..], Ok(())),
            (
                &[("content-type", "Application/JSON; charset=utf-8")],
                Ok(()),
            ),
            (&[json, ("sec-fetch-site", "same-origin")], Ok(())),
            // Behind a proxy that changes the host the browser still knows.
            (
                &[
                    json,
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "https://flows.example.com"),
                    ("host", "127.0.0.1:12000"),
                ],
                Ok(()),
            ),
            (
                &[json, host, ("origin", "http://flows.example.com")],
                Ok(()),
            ),
            (
                &[json, host, ("origin", "http://evil.example.com")],
                Err(403),
            ),
            (
                &[json, host, ("origin", "http://flows.example.com:81")],
                Err(403),
            ),
            (&[json, host, ("origin", "null")], Err(403)),
            (&[json, ("sec-fetch-site", "cross-site")], Err(403)),
            (&[json, ("sec-fetch-site", "same-site")], Err(403)),
            // What a form of another site can send.
            (&[], Err(415)),
            (&[("content-type", "text/plain")], Err(415)),
            (
                &[("content-type", "application/x-www-form-urlencoded")],
                Err(415),
            ),
        ] {
            assert_eq!(sent(headers), wanted, "{headers:?}");
        }
    }

    #[test]
    fn tokens() {
        let access = Access::Token("0123456789abcdef".to_owned());
        for (header, good) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer 0123456789abcdef", true),
            ("Bearer 0123456789abcdeg", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer ", false),
            ("Basic 0123456789abcdef", false),
            ("", false),
        ] {
            let given = admitted(&access, &[("authorization", header)]);
            assert_eq!(given.is_some(), good, "{header}");
        }
        assert!(admitted(&access, &[]).is_none());
    }

    #[test]
    fn users() {
        let access = Access::Proxy(HeaderName::from_static("x-user"));
        let user = |headers: &[(&'static str, &'static str)]| admitted(&access, headers);
        assert_eq!(
            user(&[("x-user", " ann ")]),
            Some(Some(User("ann".to_owned())))
        );
        assert_eq!(user(&[("x-user", "ann"), ("x-user", "bob")]), None);
        assert_eq!(user(&[("x-user", " ")]), None);
        assert_eq!(user(&[]), None);
    }
}
