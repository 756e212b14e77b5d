//! DNS over TCP: queries of one client's connection, passed on over one connection to the server. They may
//! be answered in any order (RFC 7766, 6.2.1.1).

use std::collections::HashMap;
use std::io;

use l7::wire::dns::{MAX_REPLY, Query, Response, rcode};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{answers, complete, is_transfer, publish};
use super::frames::{Frames, framed};
use super::ids::{fresh, set_id};
use super::judge::{PendingQuery, QueryVerdict, judge, rejected};
use super::order::NameOrder;
use crate::connection::{Connection, end_writing, reset, write_all};
use crate::quota::Permit;

/// Queries of one connection without an answer; then it isn't read.
const MOST: usize = 128;

struct Session<'a> {
    connection: &'a Connection,
    order: &'a NameOrder,
    client: TcpStream,
    /// Once something is to be asked.
    server: Option<TcpStream>,
    waiting: HashMap<u16, InFlight>,
    /// When the client last asked, or was last answered.
    active: Instant,
}

/// A query that was passed on.
struct InFlight {
    asked: PendingQuery,
    /// Until when the server must have answered.
    due: Instant,
    /// SERVFAIL, as the client would get it.
    failure: Vec<u8>,
    _permit: Permit,
}

/// What comes next.
enum Next {
    Client(io::Result<Option<Vec<u8>>>),
    Server(io::Result<Option<Vec<u8>>>),
    Time,
}

/// Serves a connection until the client closes it, or asks nothing for too long.
pub async fn serve(connection: &Connection, order: &NameOrder, client: TcpStream) {
    let session = Session {
        connection,
        order,
        client,
        server: None,
        waiting: HashMap::new(),
        active: Instant::now(),
    };
    session.run().await;
}

impl Session<'_> {
    async fn run(mut self) {
        let room = self.connection.room();
        let frames = || Frames::new(room.share());
        let (mut from_client, mut from_server) = (frames(), frames());
        let mut has_client_ended = false;
        loop {
            if has_client_ended && self.waiting.is_empty() {
                return;
            }
            let due = self.due();
            let reads_client = !has_client_ended && self.waiting.len() < MOST;
            let next = tokio::select! {
                frame = from_client.next(&self.client), if reads_client => Next::Client(frame),
                frame = next_of(&mut from_server, self.server.as_ref()) => Next::Server(frame),
                () = sleep_until(due) => Next::Time,
            };
            let done = match next {
                Next::Client(Ok(Some(message))) => self.query(&message).await,
                Next::Client(Ok(None)) => {
                    has_client_ended = true;
                    Ok(())
                }
                Next::Client(Err(error)) => Err(error),
                Next::Server(Ok(Some(message))) => self.answer(message).await,
                Next::Server(Ok(None)) => {
                    from_server = frames();
                    self.lose_server("the server closed the connection").await
                }
                Next::Server(Err(error)) => {
                    from_server = frames();
                    self.lose_server(&format!("asking the server: {error}"))
                        .await
                }
                Next::Time if self.waiting.is_empty() => {
                    if let Err(error) = end_writing(&self.client) {
                        tracing::trace!(%error, "the client is gone");
                    }
                    return;
                }
                Next::Time => {
                    self.expire();
                    Ok(())
                }
            };
            if let Err(error) = done {
                tracing::trace!(client = %self.connection.client, %error, "a DNS session broke");
                reset(self.client);
                if let Some(server) = self.server {
                    reset(server);
                }
                return;
            }
        }
    }

    /// When the next query has waited too long, or the session has been idle for too long.
    fn due(&self) -> Instant {
        let first = self.waiting.values().map(|waiting| waiting.due).min();
        first.unwrap_or(self.active + self.connection.context.limits.dns_idle)
    }

    /// Judges a query, and passes it on or answers it.
    async fn query(&mut self, message: &[u8]) -> io::Result<()> {
        let context = &*self.connection.context;
        context.counters.queries.add();
        self.active = Instant::now();
        let hop = self.connection.hop();
        let query = match Query::read(message) {
            Ok(query) => query,
            Err(wrong) => {
                context.records.push(rejected(hop, &wrong));
                let mut reply = [0; MAX_REPLY];
                if let Ok(Some(length)) = wrong.reply(&mut reply) {
                    self.send(&reply[..length]).await?;
                }
                return Ok(());
            }
        };
        let judged = judge(&context.rules.load(), hop, &query);
        let asked = match judged {
            QueryVerdict::Allowed(asked) => asked,
            QueryVerdict::Searched(records) => {
                let sent = self.send(&reply(&query, rcode::NAME_ERROR)).await;
                publish(context, records);
                return sent;
            }
            QueryVerdict::Refused(records) => {
                let sent = self
                    .send(&reply(&query, context.limits.reject.rcode()))
                    .await;
                publish(context, records);
                return sent;
            }
            QueryVerdict::Failed(record) => {
                let sent = self.send(&reply(&query, rcode::SERVER_FAILURE)).await;
                context.records.push(record);
                return sent;
            }
        };
        let failure = reply(&query, rcode::SERVER_FAILURE);
        let permit = match context.queries.acquire(hop.client.ip()) {
            Ok(permit) => permit,
            Err(full) => {
                context.counters.queries_refused.add();
                publish(context, asked.failed(&full.to_string()));
                return self.send(&failure).await;
            }
        };
        publish(context, asked.records.iter().cloned());
        if let Err(reason) = self
            .pass_on(query.message(), &asked, &failure, permit)
            .await
        {
            publish(context, asked.failed(&reason));
            return self.send(&failure).await;
        }
        Ok(())
    }

    /// Sends a query to the server, under an id that can't be guessed.
    async fn pass_on(
        &mut self,
        message: &[u8],
        asked: &PendingQuery,
        failure: &[u8],
        permit: Permit,
    ) -> Result<(), String> {
        let limit = self.connection.context.limits.answer;
        if self.server.is_none() {
            self.server = self.connection.connect().await;
        }
        let Some(server) = &self.server else {
            return Err("the server can't be reached".to_owned());
        };
        let id = fresh(|id| self.waiting.contains_key(&id));
        let mut frame = framed(message).unwrap_or_default();
        set_id(frame.get_mut(2..).unwrap_or_default(), id);
        match timeout(limit, write_all(server, &frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(format!("asking the server: {error}")),
            Err(_elapsed) => return Err("asking the server: it does not read".to_owned()),
        }
        let waiting = InFlight {
            asked: asked.clone(),
            due: Instant::now() + limit,
            failure: failure.to_vec(),
            _permit: permit,
        };
        self.waiting.insert(id, waiting);
        Ok(())
    }

    /// Gives an answer to whom it is for.
    async fn answer(&mut self, mut message: Vec<u8>) -> io::Result<()> {
        let context = &*self.connection.context;
        let Some((id, is_whole)) = self.asked_by(&message) else {
            context.counters.answers_unexpected.add();
            return Ok(());
        };
        let Some(waiting) = self.waiting.get(&id) else {
            return Ok(());
        };
        let asked = &waiting.asked;
        let length = match Response::read(&message) {
            Ok(response) => complete(context, self.order, asked, &response)
                .await
                .map(|()| response.message().len()),
            Err(_malformed) => Ok(message.len()),
        };
        let sent = match length {
            Ok(length) => {
                message.truncate(length);
                set_id(&mut message, asked.id);
                self.send(&message).await
            }
            // Already reported.
            Err(_unlearned) => self.send(&waiting.failure).await,
        };
        if is_whole {
            self.waiting.remove(&id);
        } else if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.due = Instant::now() + context.limits.answer;
        }
        self.active = Instant::now();
        sent
    }

    /// The id under which was asked what a message answers, and whether no more is to come: a transfer of a zone
    /// has several messages, of which only the first repeats the question (RFC 5936, 2.2).
    fn asked_by(&self, message: &[u8]) -> Option<(u16, bool)> {
        let response = Response::read(message).ok()?;
        let waiting = self.waiting.get(&response.id)?;
        let question = (&waiting.asked.name, waiting.asked.qtype);
        let is_transfer = is_transfer(waiting.asked.qtype);
        let is_later = is_transfer && response.question.is_none();
        let is_answer = is_later || answers(&response, question);
        is_answer.then_some((response.id, !is_transfer))
    }

    /// The server is gone: what waits for it fails.
    async fn lose_server(&mut self, reason: &str) -> io::Result<()> {
        self.server = None;
        let waiting: Vec<InFlight> = self.waiting.drain().map(|(_, waiting)| waiting).collect();
        for waiting in waiting {
            // A transfer ends so.
            if !is_transfer(waiting.asked.qtype) {
                publish(&self.connection.context, waiting.asked.failed(reason));
                self.send(&waiting.failure).await?;
            }
        }
        Ok(())
    }

    /// Forgets what the server didn't answer in time. The client asks again by itself.
    fn expire(&mut self) {
        let context = &*self.connection.context;
        let now = Instant::now();
        for (_, waiting) in self.waiting.extract_if(|_, waiting| waiting.due <= now) {
            if is_transfer(waiting.asked.qtype) {
                continue;
            }
            context.counters.queries_timed_out.add();
            let seconds = context.limits.answer.as_secs_f32();
            let reason = format!("the server did not answer within {seconds} s");
            publish(context, waiting.asked.failed(&reason));
        }
        self.active = now;
    }

    async fn send(&self, message: &[u8]) -> io::Result<()> {
        let Some(frame) = framed(message) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let limit = self.connection.context.limits.dns_idle;
        let share = self.connection.room().share();
        share.set(frame.len());
        timeout(limit, write_all(&self.client, &frame)).await?
    }
}

/// The next message of a server, if there is one.
async fn next_of(frames: &mut Frames, server: Option<&TcpStream>) -> io::Result<Option<Vec<u8>>> {
    match server {
        Some(server) => frames.next(server).await,
        None => std::future::pending().await,
    }
}

/// An answer of our own.
fn reply(query: &Query<'_>, rcode: u8) -> Vec<u8> {
    let mut reply = vec![0; MAX_REPLY];
    let length = query.reply(rcode, &mut reply).unwrap_or(0);
    reply.truncate(length);
    reply
}
