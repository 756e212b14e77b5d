//! What follows from a verdict: what goes to the server, what the client is told, and what is remembered
//! until the answer comes.

use std::collections::HashSet;
use std::time::Duration;

use super::super::answer::{self, Codes};
use super::super::flight::{Answer, Slot};
use super::super::judge::{Denial, Outlook, Rules, Topics, Verdict};
use super::super::key::ApiKey;
use super::super::request::{Body, Echo, names_size};
use super::super::rewrite;
use super::super::schema::code;
use super::super::session::{Kind, Sessions};
use super::super::walk::Walk;
use super::inbound::{Mode, Next, Read, Refusal, Request, State};
use super::{Close, Config, Connection, Event, Outcome, Output, Piece, hold};

/// What is made of a request that was judged.
struct Made {
    outcome: Outcome,
    error_code: i16,
    /// None: the client waits for none.
    answer: Option<Answer>,
}

enum Judged {
    Allowed(Option<usize>, Topics),
    Filtered(Denial),
    Refused(Refusal),
}

impl Connection {
    /// Goes on with a request that was read as far as it matters.
    pub(super) fn go_on(
        &mut self,
        mut request: Request,
        next: Next,
        rules: &Rules,
        now: Duration,
        output: &mut Output,
    ) -> Result<(), Close> {
        let Some(read) = request.read.take() else {
            return Ok(());
        };
        let Request {
            frame, left, body, ..
        } = request;
        match next {
            Next::More => {}
            Next::Dropped(refusal) => self.refuse(&read, &body, refusal, now, output)?,
            Next::Passed => {
                let rule = match rules.judge_topics(&read.head, &body.topics) {
                    Verdict::Allowed(rule) => rule,
                    Verdict::Denied(_) => None,
                };
                let topics = body.topics.clone();
                self.allow(&read, &body, topics.clone(), rule, output)?;
                self.client = State::after(left, read.head, topics);
            }
            Next::Judge => match self.judge(&read, &body, rules) {
                Judged::Allowed(rule, topics) => {
                    let rest = (left > 0).then(|| topics.clone());
                    self.allow(&read, &body, topics, rule, output)?;
                    output.to_server.push(Piece::Bytes(frame));
                    self.client = State::after(left, read.head, rest.unwrap_or_default());
                }
                // What follows its topics would be taken for the next request.
                Judged::Filtered(_) if left > 0 => {
                    return Err(Close::RequestTooLong {
                        head: read.head,
                        limit: self.config.held,
                    });
                }
                Judged::Filtered(denial) => {
                    self.filter(&read, &body, denial, rules, &frame, output)?;
                }
                Judged::Refused(refusal) if left == 0 => {
                    self.refuse(&read, &body, refusal, now, output)?;
                }
                Judged::Refused(refusal) => {
                    let mode = Mode::Drop(refusal);
                    self.client = State::Request(Box::new(Request {
                        frame: Vec::new(),
                        left,
                        read: Some(Read { mode, ..read }),
                        body,
                    }));
                }
            },
        }
        Ok(())
    }

    fn judge(&mut self, read: &Read, body: &Body, rules: &Rules) -> Judged {
        let mut topics = body.topics_so_far();
        topics.unnamed |= read.walk.is_none();
        let incremental = read.is_incremental(body);
        if incremental {
            let Some(known) = self.sessions.topics(body.session) else {
                return match &read.outlook {
                    Outlook::ByTopic => Judged::Refused(Refusal::Session(None)),
                    Outlook::Certain(Verdict::Allowed(rule)) => Judged::Allowed(*rule, topics),
                    Outlook::Certain(Verdict::Denied(denial)) => {
                        Judged::Refused(Refusal::Session(Some(denial.clone())))
                    }
                };
            };
            let named: HashSet<&String> = topics.names.iter().collect();
            let more: Vec<String> = known
                .iter()
                .filter(|name| !named.contains(name))
                .cloned()
                .collect();
            topics.names.extend(more);
            let config = &self.config;
            if topics.names.len() > config.items || names_size(&topics.names) > config.names {
                // It isn't followed any further, where it needs to be.
                self.sessions.forget(body.session);
                if read.outlook == Outlook::ByTopic {
                    return Judged::Refused(Refusal::Session(None));
                }
            }
        }
        let verdict = match &read.outlook {
            Outlook::Certain(verdict) => verdict.clone(),
            Outlook::ByTopic => rules.judge_topics(&read.head, &topics),
        };
        match verdict {
            Verdict::Allowed(_) if read.asks_versions_unread() => {
                Judged::Refused(Refusal::Versions)
            }
            Verdict::Allowed(rule) => Judged::Allowed(rule, topics),
            Verdict::Denied(denial) if incremental => {
                Judged::Refused(Refusal::Session(Some(denial)))
            }
            Verdict::Denied(denial) => {
                // In version 0 no topic means all of them.
                let asks = read.head.api_version > 0
                    || topics.names.is_empty()
                    || topics
                        .names
                        .iter()
                        .any(|name| rules.topic(&read.head, name).is_some());
                if read.filterable && asks {
                    Judged::Filtered(denial)
                } else {
                    Judged::Refused(Refusal::Denied(denial))
                }
            }
        }
    }

    /// The request is sent on. What its answer needs is remembered.
    fn allow(
        &mut self,
        read: &Read,
        body: &Body,
        topics: Topics,
        rule: Option<usize>,
        output: &mut Output,
    ) -> Result<(), Close> {
        let head = &read.head;
        let answer = match head.api_key {
            ApiKey::PRODUCE if read.api.is_none() => return Err(Close::Version(head.clone())),
            ApiKey::PRODUCE if body.acks.is_none() => {
                return Err(Close::RequestTooLong {
                    head: head.clone(),
                    limit: self.config.held,
                });
            }
            ApiKey::PRODUCE if body.acks == Some(0) => None,
            ApiKey::FETCH => Some(self.fetch(read, body, &topics)),
            ApiKey::API_VERSIONS => Some(Answer::ApiVersions),
            ApiKey::SASL_HANDSHAKE if head.api_version == 0 => return Err(Close::RawSasl),
            _ => Some(Answer::Pass),
        };
        let made = Made {
            outcome: Outcome::Allowed(rule),
            error_code: 0,
            answer,
        };
        self.note(read, body, topics.names, made, output);
        Ok(())
    }

    /// What a fetch does to sessions.
    fn fetch(&mut self, read: &Read, body: &Body, topics: &Topics) -> Answer {
        if !read.walk.as_ref().is_some_and(Walk::is_done) {
            // It may have added anything to any session, or begin one with it.
            self.sessions = Sessions::default();
            self.flight.begin_no_sessions();
            return Answer::Pass;
        }
        if read.is_incremental(body) {
            if self.sessions.topics(body.session).is_some() {
                self.sessions.set(body.session, topics.names.clone());
            }
            return Answer::Pass;
        }
        self.sessions.forget(body.session);
        // By their ids topics have no names that a later request could be judged by.
        if body.epoch == 0 && !topics.unnamed && read.head.api_version >= 7 {
            Answer::Fetch(topics.names.clone())
        } else {
            Answer::Pass
        }
    }

    /// A metadata request is sent on without the topics that are denied.
    fn filter(
        &mut self,
        read: &Read,
        body: &Body,
        denial: Denial,
        rules: &Rules,
        frame: &[u8],
        output: &mut Output,
    ) -> Result<(), Close> {
        let head = &read.head;
        let allowed = |name: &str| rules.topic(head, name).is_some();
        let names = &body.topics.names;
        let refused: Vec<String> = names
            .iter()
            .filter(|name| !allowed(name))
            .cloned()
            .collect();
        let sent = if names.is_empty() && !body.has_unnamed_topics() {
            frame.to_vec()
        } else {
            let flexible = read
                .api
                .is_some_and(|api| api.is_flexible(head.api_version));
            rewrite::metadata_request(frame, read.start, &body.array, flexible, &allowed)
                .map_err(Close::Request)?
        };
        output.to_server.push(Piece::Bytes(sent));
        let asks_for_others = names.len() > refused.len() || body.has_unnamed_topics();
        let made = Made {
            outcome: match names.is_empty() || asks_for_others {
                true => Outcome::Filtered(denial),
                // What is sent on asks for the brokers only.
                false => Outcome::Denied(denial),
            },
            error_code: if refused.is_empty() { 0 } else { code::TOPIC },
            answer: Some(Answer::Metadata(refused)),
        };
        self.note(read, body, names.clone(), made, output);
        Ok(())
    }

    /// The request was dropped; the client is told in its turn.
    fn refuse(
        &mut self,
        read: &Read,
        body: &Body,
        refusal: Refusal,
        now: Duration,
        output: &mut Output,
    ) -> Result<(), Close> {
        let head = &read.head;
        let (version, id) = (head.api_version, head.correlation_id);
        let nothing = Echo::default();
        let incremental = matches!(refusal, Refusal::Session(_));
        let (outcome, echo, codes) = match refusal {
            Refusal::Versions => {
                let frame = answer::unknown_api_versions(id);
                let made = Made {
                    outcome: Outcome::VersionUnknown,
                    error_code: code::UNSUPPORTED_VERSION,
                    answer: Some(Answer::Local { frame, due: now }),
                };
                self.note(read, body, body.topics.names.clone(), made, output);
                return Ok(());
            }
            Refusal::Session(denial) => {
                self.sessions.forget(body.session);
                let outcome = denial.map_or(Outcome::SessionUnknown, Outcome::Denied);
                let codes = Codes::same(code::FETCH_SESSION_ID_NOT_FOUND);
                (outcome, &nothing, codes)
            }
            Refusal::Denied(denial) => {
                let codes = read.codes(body);
                (Outcome::Denied(denial), &body.echo, codes)
            }
        };
        let silent = head.api_key == ApiKey::PRODUCE && body.acks == Some(0);
        let answer = match (read.api, &outcome) {
            _ if silent => None,
            (Some(api), _) => {
                // The client asks the same again, but when it is to begin a session anew.
                let wait = match head.api_key {
                    ApiKey::FETCH if !incremental => hold(body.max_wait),
                    ApiKey::LIST_OFFSETS => hold(0),
                    _ => Duration::ZERO,
                };
                Some(Answer::Local {
                    frame: answer::refuse(api, version, id, echo, codes),
                    due: now.saturating_add(wait),
                })
            }
            (None, Outcome::Denied(denial)) => {
                return Err(Close::Refused {
                    head: head.clone(),
                    denial: denial.clone(),
                });
            }
            (None, _) => return Ok(()),
        };
        let error_code = match echo.tokens() {
            [] => codes.whole,
            [..] => codes.element,
        };
        let made = Made {
            outcome,
            error_code,
            answer,
        };
        self.note(read, body, body.topics.names.clone(), made, output);
        Ok(())
    }

    /// Tells of a request, and waits for its answer.
    fn note(
        &mut self,
        read: &Read,
        body: &Body,
        topics: Vec<String>,
        made: Made,
        output: &mut Output,
    ) {
        let Made {
            outcome,
            error_code,
            answer,
        } = made;
        self.requests = self.requests.saturating_add(1);
        output.events.push(Event::Request {
            request: self.requests,
            head: read.head.clone(),
            topics,
            has_more_topics: body.has_more_topics,
            outcome,
            error_code,
        });
        if let Some(answer) = answer {
            self.flight.push(Slot {
                request: self.requests,
                head: read.head.clone(),
                answer,
            });
        }
    }
}

impl Read {
    /// A part of its topics may be passed.
    pub(super) fn is_filterable(&self, config: &Config) -> bool {
        config.filter_metadata
            && self.walk.is_some()
            && self.head.api_key == ApiKey::METADATA
            && self.outlook == Outlook::ByTopic
    }

    fn is_incremental(&self, body: &Body) -> bool {
        self.head.api_key == ApiKey::FETCH
            && self.walk.is_some()
            && Kind::of(body.epoch) == Kind::Incremental
    }

    fn asks_versions_unread(&self) -> bool {
        self.head.api_key == ApiKey::API_VERSIONS && self.api.is_none()
    }

    /// The error codes of a refusal.
    fn codes(&self, body: &Body) -> Codes {
        let refused_by = self.api.map_or(code::CLUSTER, |api| api.refused_by);
        match self.head.api_key {
            // The coordinator of a transaction.
            ApiKey::FIND_COORDINATOR if body.key_type == 1 => Codes::same(code::TRANSACTIONAL_ID),
            // All topics of a group.
            ApiKey::OFFSET_FETCH => Codes {
                element: refused_by,
                whole: code::GROUP,
            },
            _ => Codes::same(refused_by),
        }
    }
}
