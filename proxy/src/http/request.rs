//! A request whose head has one meaning: its path normalized, judged, and told of.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use futures::future::BoxFuture;
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
    /// It goes to the server, with this path and these changes, for as long as the guard lets it.
    Forwarded(Cow<'h, [u8]>, Effects, RequestLog<'s>, Guard<'s>),
    /// The rules deny it.
    Denied(RequestLog<'s>),
    /// The client is to ask for this path.
    Redirected(Vec<u8>),
    /// It is not a request that can be judged.
    Refused(Refusal),
}

/// Judges a request, and records that. `bytes` are its head as HTTP/1.1 has it.
pub(super) fn judge<'h, 's>(
    service: &'s Service<'s>,
    protocol: Protocol,
    scheme: &str,
    head: &Head<'h>,
    bytes: &[u8],
) -> Judged<'h, 's> {
    // First: no rules that come after those that judge are missed.
    let changed = service.judge.changed();
    let path = match normalize(head.path) {
        Ok(Normalized::Path(path)) => path,
        Ok(Normalized::Redirect(path)) => return Judged::Redirected(path),
        Err(error) => return Judged::Refused(error.into()),
    };
    let mut decisions = decide(service, head, &path);
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
        let guard = Guard {
            service,
            request: Arc::clone(&log.request),
            head: bytes.into(),
            changed,
        };
        Judged::Forwarded(path, effects, log, guard)
    } else {
        Judged::Denied(log)
    }
}

/// What the rules say of a request now.
fn decide(service: &Service<'_>, head: &Head<'_>, path: &[u8]) -> Decisions {
    service.judge.judge(&Request {
        method: head.method,
        authority: head.authority,
        path,
        headers: head.headers.as_slice(),
    })
}

/// A request in flight, which is judged again whenever the rules were replaced.
pub(super) struct Guard<'s> {
    service: &'s Service<'s>,
    request: Arc<RequestLine>,
    /// As HTTP/1.1 has it.
    head: Box<[u8]>,
    changed: BoxFuture<'s, ()>,
}

impl Guard<'_> {
    /// Resolves when the rules allow the request no more, which is recorded as one that they deny. May be dropped and
    /// called again.
    pub(super) async fn withdrawn(&mut self) {
        loop {
            (&mut self.changed).await;
            self.changed = self.service.judge.changed();
            // Both were read before.
            let Ok(Some(head)) = HeadReader::new().read(&self.head) else {
                return;
            };
            let Ok(Normalized::Path(path)) = normalize(head.path) else {
                return;
            };
            let decisions = decide(self.service, &head, &path);
            if decisions.is_allowed() {
                continue;
            }
            let redaction = self.service.redaction;
            self.service.record.record(HttpRecord {
                time: SystemTime::now(),
                request: Arc::clone(&self.request),
                decisions: Arc::new(redaction.decisions(decisions)),
                event: Event::Judged {
                    headers: redaction.headers(head.headers.iter().copied()),
                },
            });
            return;
        }
    }
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
