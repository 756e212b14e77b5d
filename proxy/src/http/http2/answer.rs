//! What the proxy answers by itself on a stream: plain, or as gRPC has it.

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderValue, Response, StatusCode};

use crate::http::answer::Answer;
use crate::http::request::RequestLog;

/// gRPC's status for HTTP's (grpc `doc/http-grpc-status-mapping.md`).
fn grpc_status(status: u16) -> u16 {
    match status {
        400 => 13,
        403 => 7,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// Sends an answer. Whether the client is still there shows on the stream.
pub(super) fn send(
    respond: &mut SendResponse<Bytes>,
    answer: &Answer,
    is_grpc: bool,
    log: Option<&RequestLog<'_>>,
) {
    let mut response = Response::new(());
    // A stream without a body: gRPC's trailers alone.
    let is_bare = is_grpc || answer.is_bare;
    let headers = if is_grpc {
        vec![
            ("content-type", b"application/grpc".to_vec()),
            (
                "grpc-status",
                grpc_status(answer.status).to_string().into_bytes(),
            ),
            ("grpc-message", answer.text.trim_end().as_bytes().to_vec()),
        ]
    } else {
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
        answer.headers()
    };
    for (name, value) in &headers {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            response.headers_mut().append(*name, value);
        }
    }
    if let Some(log) = log {
        let headers = headers.iter();
        log.responded(
            response.status().as_u16(),
            headers.map(|(name, value)| (*name, value.as_slice())),
        );
    }
    let Ok(mut body) = respond.send_response(response, is_bare) else {
        return;
    };
    if !is_bare {
        // A text shorter than any window; a stream that is gone needs none.
        drop(body.send_data(Bytes::copy_from_slice(answer.text.as_bytes()), true));
    }
}
