//! The server's side: answers, each the oldest request's.

use std::time::Duration;

use super::super::error::ReadError;
use super::super::flight::Answer;
use super::super::judge::{Head, Rules};
use super::super::key::ApiKey;
use super::super::rewrite;
use super::super::rule::Rule;
use super::super::schema::{self, Role};
use super::super::walk::{Found, Walk};
use super::{Close, Connection, Event, Output, Piece};

/// Length and correlation id of an answer.
const HEAD: usize = 8;

/// Where in the server's bytes the connection is.
#[derive(Debug)]
pub(super) enum State {
    /// An answer's length and correlation id, of which so many bytes are known.
    Head([u8; HEAD], usize),
    /// So many bytes of an answer that passes; its beginning may be watched.
    Pass(u64, Option<Watch>),
    /// An answer that is changed, and how many bytes of it are to come.
    Hold(Vec<u8>, u64),
}

impl Default for State {
    fn default() -> Self {
        Self::Head([0; HEAD], 0)
    }
}

impl State {
    pub(super) const fn is_between(&self) -> bool {
        matches!(self, Self::Head(_, 0))
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Hold(frame, _) => frame.len(),
            Self::Head(..) | Self::Pass(..) => 0,
        }
    }
}

/// The beginning of an answer to a fetch, up to its session.
#[derive(Debug)]
pub(super) struct Watch {
    walk: Walk,
    error: i64,
}

impl Watch {
    fn new(head: &Head, size: u64) -> Option<Self> {
        let api = schema::find(head.api_key.0).filter(|api| api.reads(head.api_version))?;
        let flexible = api.is_flexible(head.api_version);
        let walk = Walk::new(api.response, head.api_version, flexible, flexible, size);
        Some(Self { walk, error: 0 })
    }

    /// The session that the answer names, once it was read; and whether there's more to watch.
    fn feed(&mut self, bytes: &[u8]) -> (Option<i64>, bool) {
        let mut session = None;
        let error = &mut self.error;
        let result = self.walk.feed(bytes, &mut |found| {
            if let Found::Int(Role::ErrorIfEmpty, code) = found {
                *error = code;
            } else if let Found::Int(Role::Session, id) = found {
                session = Some(id);
                // No more is wanted.
                return Err(ReadError::TooMany);
            }
            Ok(())
        });
        (session.filter(|&id| *error == 0 && id != 0), result.is_ok())
    }
}

impl Connection {
    pub(super) fn server(
        &mut self,
        rules: &Rules,
        now: Duration,
        input: &[u8],
        output: &mut Output,
    ) -> Result<(), Close> {
        if self.closed {
            output.taken = input.len();
        }
        while let Some(rest) = input.get(output.taken..).filter(|rest| !rest.is_empty()) {
            if !self.takes_server() {
                break;
            }
            let from = output.taken;
            let end = |left: u64| {
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                from.saturating_add(most.min(rest.len()))
            };
            let over = match &mut self.server {
                State::Head(bytes, have) => {
                    for (place, byte) in bytes.iter_mut().skip(*have).zip(rest) {
                        *place = *byte;
                        *have = have.saturating_add(1);
                        output.taken = output.taken.saturating_add(1);
                    }
                    if *have == HEAD {
                        let bytes = *bytes;
                        self.begin(bytes, output)?
                    } else {
                        false
                    }
                }
                State::Pass(left, watch) => {
                    let end = end(*left);
                    output.to_client.push(Piece::Input(from..end));
                    output.taken = end;
                    let taken = input.get(from..end).unwrap_or_default();
                    *left = left.saturating_sub(taken.len() as u64);
                    let over = *left == 0;
                    if let Some(watched) = watch {
                        let (session, more) = watched.feed(taken);
                        if !more {
                            *watch = None;
                        }
                        if let Some(id) = session {
                            self.begin_session(id);
                        }
                    }
                    over
                }
                State::Hold(frame, left) => {
                    let end = end(*left);
                    output.taken = end;
                    let taken = input.get(from..end).unwrap_or_default();
                    frame.extend_from_slice(taken);
                    *left = left.saturating_sub(taken.len() as u64);
                    *left == 0
                }
            };
            if over {
                self.end(rules, output)?;
                self.flush(now, output);
            }
        }
        Ok(())
    }

    /// An answer's head was read. True: there is no more of it.
    fn begin(&mut self, bytes: [u8; HEAD], output: &mut Output) -> Result<bool, Close> {
        let [l0, l1, l2, l3, c0, c1, c2, c3] = bytes;
        let found = i32::from_be_bytes([c0, c1, c2, c3]);
        let Some(slot) = self.flight.oldest() else {
            return Err(Close::Answer {
                found,
                expected: None,
            });
        };
        let head = &slot.head;
        if head.correlation_id != found {
            return Err(Close::Answer {
                found,
                expected: Some(head.correlation_id),
            });
        }
        let unread = |error| Close::AnswerUnread {
            head: head.clone(),
            error,
        };
        let size = i32::from_be_bytes([l0, l1, l2, l3]);
        let size = match u32::try_from(size) {
            Ok(size) if size >= 4 => size,
            _ => return Err(unread(ReadError::FrameTooShort(size))),
        };
        let left = u64::from(size).saturating_sub(4);
        self.server = match slot.answer {
            Answer::Pass | Answer::Local { .. } => State::Pass(left, None),
            Answer::Fetch(_) => State::Pass(left, Watch::new(head, left)),
            Answer::ApiVersions | Answer::Metadata(_) => {
                let limit = self.config.answer;
                if usize::try_from(size).unwrap_or(usize::MAX) > limit {
                    return Err(Close::AnswerTooLong {
                        head: head.clone(),
                        size,
                        limit,
                    });
                }
                State::Hold(bytes.to_vec(), left)
            }
        };
        if matches!(self.server, State::Pass(..)) {
            output.to_client.push(Piece::Bytes(bytes.to_vec()));
        }
        Ok(left == 0)
    }

    /// The oldest request's fetch began a session with the topics that it named.
    fn begin_session(&mut self, id: i64) {
        if let Some(slot) = self.flight.oldest()
            && let Answer::Fetch(topics) = &slot.answer
        {
            self.sessions.set(id, topics.clone());
        }
    }

    /// An answer is over.
    fn end(&mut self, rules: &Rules, output: &mut Output) -> Result<(), Close> {
        let Some(slot) = self.flight.pop() else {
            return Ok(());
        };
        if let State::Hold(frame, _) = std::mem::take(&mut self.server) {
            let frame = changed(&slot.head, &slot.answer, rules, &frame).map_err(|error| {
                Close::AnswerUnread {
                    head: slot.head.clone(),
                    error,
                }
            })?;
            output.to_client.push(Piece::Bytes(frame));
        }
        output.events.push(Event::Answer {
            request: slot.request,
            head: slot.head,
        });
        Ok(())
    }
}

/// An answer without what isn't for the client.
fn changed(
    head: &Head,
    answer: &Answer,
    rules: &Rules,
    frame: &[u8],
) -> Result<Vec<u8>, ReadError> {
    let version = head.api_version;
    let Some(api) = schema::find(head.api_key.0).filter(|api| api.reads(version)) else {
        return Ok(frame.to_vec());
    };
    match answer {
        Answer::Metadata(refused) => rewrite::metadata_answer(api, head, rules, refused, frame),
        _ if head.api_key == ApiKey::API_VERSIONS => {
            let allows_all = rules.rules().iter().any(Rule::is_any);
            rewrite::api_versions_answer(api, version, allows_all, frame)
        }
        Answer::Pass | Answer::Fetch(_) | Answer::ApiVersions | Answer::Local { .. } => {
            Ok(frame.to_vec())
        }
    }
}
