//! A request while its bytes come: held, streamed or dropped.

use super::super::error::ReadError;
use super::super::judge::{Condition, Denial, Head, Outlook, Rules, Topics, Verdict};
use super::super::key::ApiKey;
use super::super::request::{self, Body, names_size};
use super::super::schema::{self, Api};
use super::super::walk::{Found, Walk};
use super::{Close, Config, Output, Piece};

/// Where in the client's bytes the connection is.
#[derive(Debug)]
pub(super) enum State {
    /// A frame's length, of which so many bytes are known.
    Length([u8; 4], usize),
    /// A request that isn't judged yet, or is dropped.
    Request(Box<Request>),
    /// The rest of an allowed request.
    Pass(Passing),
}

/// A request that was allowed before its last byte was there.
#[derive(Debug)]
pub(super) struct Passing {
    /// Bytes of its frame that are still to come.
    pub(super) left: u64,
    pub(super) head: Head,
    /// What it asks for.
    pub(super) topics: Topics,
}

impl Default for State {
    fn default() -> Self {
        Self::Length([0; 4], 0)
    }
}

impl State {
    pub(super) const fn is_between(&self) -> bool {
        matches!(self, Self::Length(_, 0))
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Request(request) => {
                let body = request.body.size();
                request.frame.len().saturating_add(body)
            }
            Self::Pass(passing) => names_size(&passing.topics.names),
            Self::Length(..) => 0,
        }
    }

    /// What follows when so many bytes of an allowed request are still to come.
    pub(super) fn after(left: u64, head: Head, topics: Topics) -> Self {
        match left {
            0 => Self::default(),
            left => Self::Pass(Passing { left, head, topics }),
        }
    }

    /// Judges what is under way by other rules. The broker has no request of which a byte is missing.
    pub(super) fn renew(&mut self, rules: &Rules, config: &Config) -> Result<(), Close> {
        match self {
            Self::Length(..) => Ok(()),
            Self::Request(request) => request.renew(rules, config),
            Self::Pass(Passing {
                head,
                topics,
                left: _,
            }) => match rules.judge(head, topics) {
                Verdict::Allowed(_) => Ok(()),
                Verdict::Denied(denial) => Err(Close::DeniedUnderWay {
                    head: head.clone(),
                    denial,
                    sent: None,
                }),
            },
        }
    }
}

/// A request being read.
#[derive(Debug)]
pub(super) struct Request {
    /// What is held of its frame.
    pub(super) frame: Vec<u8>,
    /// Bytes of the frame that didn't come yet.
    pub(super) left: u64,
    pub(super) read: Option<Read>,
    pub(super) body: Body,
}

/// A request whose head was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) head: Head,
    /// Its tables, if there are any of its version.
    pub(super) api: Option<&'static Api>,
    /// The walk over its body; none: nothing there matters, or it can't be read.
    pub(super) walk: Option<Walk>,
    /// Where in the frame the body begins.
    pub(super) start: usize,
    pub(super) outlook: Outlook,
    /// A part of its topics may be passed.
    pub(super) filterable: bool,
    pub(super) mode: Mode,
}

/// What is done with a request's bytes.
#[derive(Debug)]
pub(super) enum Mode {
    Hold,
    /// Topics so far are allowed, and more may come: so many bytes were sent on.
    Stream(u64),
    Drop(Refusal),
}

/// Why a request isn't forwarded.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    /// Rules deny it.
    Denied(Denial),
    /// It goes on with a fetch session that isn't known, or whose topics are denied.
    Session(Option<Denial>),
    /// It asks for versions in a form that isn't read.
    Versions,
}

/// What is to be done next with a request.
pub(super) enum Next {
    /// Read on.
    More,
    /// It can be judged.
    Judge,
    /// Judged as it passed: all topics are allowed.
    Passed,
    /// All of it was dropped.
    Dropped(Refusal),
}

impl Request {
    pub(super) fn new(length: [u8; 4], config: &Config) -> Result<Self, ReadError> {
        /// Kind, version, correlation id.
        const LEAST: u32 = 8;
        let size = i32::from_be_bytes(length);
        let size = match u32::try_from(size) {
            Ok(size) if size >= LEAST => size,
            _ => return Err(ReadError::FrameTooShort(size)),
        };
        let limit = config.request;
        if size > limit {
            return Err(ReadError::FrameTooLong { size, limit });
        }
        Ok(Self {
            frame: length.to_vec(),
            left: size.into(),
            read: None,
            body: Body::default(),
        })
    }

    /// Takes bytes of `rest`.
    pub(super) fn take(
        &mut self,
        rest: &[u8],
        rules: &Rules,
        config: &Config,
        output: &mut Output,
    ) -> Result<Next, Close> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let Some(read) = &mut self.read else {
            let more = |frame: &[u8], left: usize| {
                let known = frame.get(4..).unwrap_or_default();
                match request::head(known).map_err(Close::Request)? {
                    Ok(head) => Ok(Ok(head)),
                    Err(need) => match need.saturating_sub(known.len()) {
                        more if more > left => Err(Close::Request(ReadError::Truncated)),
                        more => Ok(Err(more)),
                    },
                }
            };
            let need = more(&self.frame, left)?.err().unwrap_or(0);
            let taken = rest.get(..need).unwrap_or(rest);
            self.hold(taken, output);
            let left = left.saturating_sub(taken.len());
            return match more(&self.frame, left)? {
                Ok(head) => self.begin(head, rules, config),
                Err(_) => Ok(Next::More),
            };
        };
        match &read.mode {
            Mode::Hold => {
                let most = left.min(config.held.saturating_sub(self.frame.len()).max(1));
                let taken = rest.get(..most).unwrap_or(rest);
                self.hold(taken, output);
                self.look(taken, rules, config)
            }
            Mode::Stream(sent) => {
                let sent = *sent;
                let taken = rest.get(..left).unwrap_or(rest);
                self.stream(taken, sent, rules, config, output)
            }
            Mode::Drop(refusal) => {
                let refusal = refusal.clone();
                let taken = rest.get(..left).unwrap_or(rest);
                output.taken = output.taken.saturating_add(taken.len());
                self.left = self.left.saturating_sub(taken.len() as u64);
                let key = read.head.api_key;
                if let Some(walk) = &mut read.walk {
                    let keep = config.keep(true);
                    let mut sink = |found: Found<'_>| self.body.take(key, keep, found);
                    walk.feed(taken, &mut sink).map_err(Close::Request)?;
                }
                Ok(match self.left {
                    0 => Next::Dropped(refusal),
                    _ => Next::More,
                })
            }
        }
    }

    /// Judges what was read by other rules.
    fn renew(&mut self, rules: &Rules, config: &Config) -> Result<(), Close> {
        let Some(read) = &mut self.read else {
            return Ok(());
        };
        // Of a request that is denied whatever its topics are not all of them are kept: it stays denied.
        if matches!(read.mode, Mode::Drop(_))
            || matches!(read.outlook, Outlook::Certain(Verdict::Denied(_)))
        {
            return Ok(());
        }
        read.outlook = rules.outlook(&read.head);
        read.filterable = read.is_filterable(config);
        let Mode::Stream(sent) = read.mode else {
            return Ok(());
        };
        let denial = match &read.outlook {
            Outlook::Certain(Verdict::Allowed(_)) => None,
            Outlook::Certain(Verdict::Denied(denial)) => Some(denial.clone()),
            Outlook::ByTopic => denied(&read.head, &self.body, rules, 0),
        };
        match denial {
            None => Ok(()),
            Some(denial) => Err(Close::DeniedUnderWay {
                head: read.head.clone(),
                denial,
                sent: Some(sent),
            }),
        }
    }

    fn hold(&mut self, taken: &[u8], output: &mut Output) {
        self.frame.extend_from_slice(taken);
        self.left = self.left.saturating_sub(taken.len() as u64);
        output.taken = output.taken.saturating_add(taken.len());
    }

    /// The head was read.
    fn begin(
        &mut self,
        (head, used): (Head, usize),
        rules: &Rules,
        config: &Config,
    ) -> Result<Next, Close> {
        let api = schema::find(head.api_key.0).filter(|api| api.reads(head.api_version));
        let outlook = rules.outlook(&head);
        let walk = api.filter(|api| !api.request.is_empty()).map(|api| {
            let flexible = api.is_flexible(head.api_version);
            Walk::new(api.request, head.api_version, flexible, flexible, self.left)
        });
        let has_walk = walk.is_some();
        let mut read = Read {
            head,
            api,
            walk,
            start: used.saturating_add(4),
            outlook,
            filterable: false,
            mode: Mode::Hold,
        };
        read.filterable = read.is_filterable(config);
        self.read = Some(read);
        if has_walk {
            // A request may have no byte more, and then none comes.
            self.look(&[], rules, config)
        } else {
            Ok(Next::Judge)
        }
    }

    /// Walks over bytes that are held, as far as is needed for a verdict.
    fn look(&mut self, taken: &[u8], rules: &Rules, config: &Config) -> Result<Next, Close> {
        let Some(read) = &mut self.read else {
            return Ok(Next::More);
        };
        let Some(walk) = &mut read.walk else {
            return Ok(Next::Judge);
        };
        let key = read.head.api_key;
        let body = &mut self.body;
        let filterable = read.filterable;
        let mut certain = false;
        let is_denied = matches!(read.outlook, Outlook::Certain(Verdict::Denied(_)));
        let keep = config.keep(is_denied);
        let result = walk.feed(taken, &mut |found| {
            body.take(key, keep, found)?;
            // Records needn't come before a verdict. What follows isn't looked at then, so that it
            // makes no difference how the bytes came.
            let is_name = matches!(found, Found::Text(..) | Found::Uuid(..));
            if key == ApiKey::PRODUCE && is_name && body.has_all_topics() {
                let allowed = match &read.outlook {
                    Outlook::Certain(verdict) => matches!(verdict, Verdict::Allowed(_)),
                    Outlook::ByTopic => {
                        let verdict = rules.judge_topics(&read.head, &body.topics_so_far());
                        matches!(verdict, Verdict::Allowed(_))
                    }
                };
                if allowed {
                    certain = true;
                    return Err(ReadError::TooMany);
                }
            }
            Ok(())
        });
        if certain {
            return Ok(Next::Judge);
        }
        let allowed = matches!(read.outlook, Outlook::Certain(Verdict::Allowed(_)));
        if let Err(error) = result {
            // What is allowed in any form is the broker's to read, unless what follows depends on it.
            if allowed && key != ApiKey::PRODUCE {
                read.walk = None;
                return Ok(Next::Judge);
            }
            return Err(Close::Request(error));
        }
        if walk.is_done() && (self.left == 0 || !filterable) {
            return Ok(Next::Judge);
        }
        if self.frame.len() < config.held {
            return Ok(Next::More);
        }
        match &read.outlook {
            // Whether an answer comes must be known, or the next one would be taken for it.
            Outlook::Certain(Verdict::Allowed(_))
                if key == ApiKey::PRODUCE && body.acks.is_none() =>
            {
                Err(Close::RequestTooLong {
                    head: read.head.clone(),
                    limit: config.held,
                })
            }
            Outlook::Certain(Verdict::Allowed(_)) => Ok(Next::Judge),
            Outlook::Certain(Verdict::Denied(denial)) => {
                read.mode = Mode::Drop(Refusal::Denied(denial.clone()));
                self.frame = Vec::new();
                Ok(Next::More)
            }
            Outlook::ByTopic if walk.is_done() => Ok(Next::Judge),
            Outlook::ByTopic if key == ApiKey::PRODUCE => {
                read.mode = match denied(&read.head, &self.body, rules, 0) {
                    Some(denial) => {
                        self.frame = Vec::new();
                        Mode::Drop(Refusal::Denied(denial))
                    }
                    None => Mode::Stream(0),
                };
                Ok(Next::More)
            }
            Outlook::ByTopic => Err(Close::RequestTooLong {
                head: read.head.clone(),
                limit: config.held,
            }),
        }
    }

    /// Sends bytes on while walking over them: up to a topic that isn't allowed.
    fn stream(
        &mut self,
        taken: &[u8],
        sent: u64,
        rules: &Rules,
        config: &Config,
        output: &mut Output,
    ) -> Result<Next, Close> {
        let Some((read, walk)) = self
            .read
            .as_mut()
            .and_then(|read| {
                let walk = read.walk.as_mut()?;
                Some((&mut read.mode, walk, &read.head))
            })
            .map(|(mode, walk, head)| ((mode, head), walk))
        else {
            return Ok(Next::Judge);
        };
        let (mode, head) = read;
        if sent == 0 {
            let frame = std::mem::take(&mut self.frame);
            output.to_server.push(Piece::Bytes(frame));
        }
        let body = &mut self.body;
        let mut judged = body.topics.names.len();
        let mut stopped = None;
        let before = walk.at();
        let keep = config.keep(false);
        let result = walk.feed(taken, &mut |found| {
            body.take(head.api_key, keep, found)?;
            stopped = denied(head, body, rules, judged);
            judged = body.topics.names.len();
            match stopped {
                Some(_) => Err(ReadError::TooMany),
                None => Ok(()),
            }
        });
        let walked = usize::try_from(walk.at().saturating_sub(before)).unwrap_or(usize::MAX);
        let used = match result {
            Ok(()) => taken.len(),
            Err(_) => walked.min(taken.len()),
        };
        let end = output.taken.saturating_add(used);
        output.to_server.push(Piece::Input(output.taken..end));
        output.taken = end;
        self.left = self.left.saturating_sub(used as u64);
        let sent = walk.at();
        *mode = Mode::Stream(sent);
        match (stopped, result) {
            (Some(denial), _) => Err(Close::DeniedUnderWay {
                head: head.clone(),
                denial,
                sent: Some(sent),
            }),
            (None, Err(error)) => Err(Close::Request(error)),
            (None, Ok(())) if walk.is_done() => Ok(Next::Passed),
            (None, Ok(())) => Ok(Next::More),
        }
    }
}

/// Why one of the topics from that one on is denied.
fn denied(head: &Head, body: &Body, rules: &Rules, from: usize) -> Option<Denial> {
    let names = body.topics.names.iter().skip(from);
    let mut unruled = names.filter(|name| rules.topic(head, name).is_none());
    let failed = match unruled.next() {
        Some(name) => Condition::Topic(name.clone()),
        None if body.has_unnamed_topics() => Condition::UnnamedTopic,
        None => return None,
    };
    Some(rules.denial(head, failed))
}
