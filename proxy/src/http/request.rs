//! A request whose head has one meaning: its path normalized, judged, and told of.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use l7::http::{Effects, Head, HeadReader, Normalized, Request, normalize};
use tokio::time::Instant;

use super::Service;
use super::judge::Decisions;
use super::record::{Event, Failure, HttpRecord, Protocol, Rejection, RequestLine};
use super::refusal::Refusal;

/// Most bytes of a client's own `x-request-id`.
const MAX_REQUEST_ID: usize = 128;

/// What becomes of a request.
pub(super) enum Judged<'h, 's> {
    /// It goes to the server, with this path and these changes.
    Forwarded(Cow<'h, [u8]>, Effects, RequestLog<'s>),
    /// The rules deny it.
    Denied(RequestLog<'s>),
    /// The client is to ask for this path.
    Redirected(Vec<u8>),
    /// It is not a request that can be judged.
    Refused(Refusal),
}

/// Judges a request, and records that.
pub(super) fn judge<'h, 's>(
    service: &'s Service<'s>,
    protocol: Protocol,
    scheme: &str,
    head: &Head<'h>,
) -> Judged<'h, 's> {
    let path = match normalize(head.path) {
        Ok(Normalized::Path(path)) => path,
        Ok(Normalized::Redirect(path)) => return Judged::Redirected(path),
        Err(error) => return Judged::Refused(error.into()),
    };
    let mut decisions = service.judge.judge(&Request {
        method: head.method,
        authority: head.authority,
        path: &path,
        headers: head.headers.as_slice(),
    });
    let redaction = service.redaction;
    let shown_path = String::from_utf8_lossy(redaction.path(&path));
    let url = [scheme, "://", head.authority, &shown_path].concat();
    let is_allowed = decisions.is_allowed();
    let changes = std::mem::take(&mut decisions.effects.changes);
    let log = RequestLog {
        service,
        request: Arc::new(RequestLine {
            protocol,
            method: head.method.into(),
            url: url.into(),
            request_id: request_id(head),
        }),
        decisions: Arc::new(redaction.decisions(decisions)),
        time: SystemTime::now(),
        began: Instant::now(),
    };
    log.record(Event::Judged {
        headers: redaction.headers(head.headers.iter().copied()),
    });
    if is_allowed {
        let effects = Effects {
            changes,
            ..Effects::default()
        };
        Judged::Forwarded(path, effects, log)
    } else {
        Judged::Denied(log)
    }
}

/// Resolves when the rules no longer allow a request that was allowed, which is then recorded as one that is denied.
pub(super) async fn withdrawn(service: &Service<'_>, head: &[u8]) {
    loop {
        let changed = service.judge.changed();
        // It was read before.
        let Ok(Some(head)) = HeadReader::new().read(head) else {
            return;
        };
        if !is_allowed(service, &head) {
            judge(service, Protocol::Http1, service.scheme, &head);
            return;
        }
        changed.await;
    }
}

fn is_allowed(service: &Service<'_>, head: &Head<'_>) -> bool {
    let Ok(Normalized::Path(path)) = normalize(head.path) else {
        return false;
    };
    let decisions = service.judge.judge(&Request {
        method: head.method,
        authority: head.authority,
        path: &path,
        headers: head.headers.as_slice(),
    });
    decisions.is_allowed()
}

fn request_id(head: &Head<'_>) -> Box<str> {
    let mut ids = head
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
    let sent = ids.next().and_then(|(_, id)| std::str::from_utf8(id).ok());
    match sent {
        Some(id) if !id.is_empty() && id.len() <= MAX_REQUEST_ID => id.into(),
        // Of the thread's generator: uuid's own asks the system each time.
        _ => uuid::Builder::from_random_bytes(rand::random())
            .into_uuid()
            .to_string()
            .into(),
    }
}

/// Tells of one request.
pub(super) struct RequestLog<'s> {
    service: &'s Service<'s>,
    request: Arc<RequestLine>,
    decisions: Arc<Decisions>,
    time: SystemTime,
    began: Instant,
}

impl RequestLog<'_> {
    fn record(&self, event: Event) {
        self.service.record.record(HttpRecord {
            time: self.time,
            request: Arc::clone(&self.request),
            decisions: Arc::clone(&self.decisions),
            event,
        });
    }

    pub(super) fn responded<'h>(
        &self,
        status: u16,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) {
        self.record(Event::Responded {
            status,
            latency: self.began.elapsed(),
            headers: self.service.redaction.headers(headers),
        });
    }

    pub(super) fn failed(&self, status: Option<u16>, failure: Failure) {
        self.record(Event::Failed {
            status,
            latency: self.began.elapsed(),
            failure,
        });
    }
}

/// Tells of a request that is refused.
pub(super) fn reject(service: &Service<'_>, protocol: Protocol, refusal: Refusal) {
    service.record.reject(Rejection { protocol, refusal });
}
