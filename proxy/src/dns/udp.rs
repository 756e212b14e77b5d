//! DNS over UDP: each datagram by itself.

use std::io;
use std::sync::Arc;

use l7::rules::Protocol;
use l7::wire::dns::{MAX_REPLY, Query, Response, rcode};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::answer::{complete, publish};
use super::ids::set_id;
use super::judge::{PendingQuery, QueryVerdict, judge, rejected};
use super::order::NameOrder;
use super::upstream::UpstreamSockets;
use crate::connection::leg;
use crate::context::Context;
use crate::hop::Hop;
use crate::network::{Datagram, pause_unless_fatal, receive};
use crate::quota::Permit;

/// Answers queries by UDP.
pub struct UdpServer {
    context: Arc<Context>,
    order: Arc<NameOrder>,
    upstream: UpstreamSockets,
}

impl UdpServer {
    /// Which shares the order of names with others.
    pub fn new(context: Arc<Context>, order: Arc<NameOrder>) -> Arc<Self> {
        Arc::new(Self {
            context,
            order,
            upstream: UpstreamSockets::default(),
        })
    }

    /// Serves a socket [with original destinations](crate::network::with_original_destination), until the future is
    /// dropped.
    ///
    /// # Errors
    /// The socket fails.
    pub async fn serve(self: Arc<Self>, socket: UdpSocket) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let mut queries = JoinSet::new();
        loop {
            let datagram = match receive(&socket, &mut buffer).await {
                Ok(datagram) => datagram,
                Err(error) => {
                    pause_unless_fatal(error, "a query could not be received").await?;
                    continue;
                }
            };
            while let Some(done) = queries.try_join_next() {
                if let Err(error) = done {
                    tracing::error!(%error, "a query's task ended unexpectedly");
                }
            }
            if let Some((hop, asked, message, permit)) =
                self.judge(datagram, &buffer[..datagram.length])
            {
                let server = Arc::clone(&self);
                queries.spawn(async move {
                    server.ask(hop, asked, message).await;
                    drop(permit);
                });
            }
        }
    }

    /// Judges a query, and answers one that isn't passed on.
    fn judge(
        &self,
        datagram: Datagram,
        bytes: &[u8],
    ) -> Option<(Hop, PendingQuery, Vec<u8>, Permit)> {
        let context = &*self.context;
        context.counters.queries.add();
        let Datagram { client, server, .. } = datagram;
        let hop = Hop::new(&*context.world, Protocol::Udp, client, server);
        let query = match Query::read(bytes) {
            Ok(query) => query,
            Err(wrong) => {
                let mut reply = [0; MAX_REPLY];
                if let Ok(Some(length)) = wrong.reply(&mut reply) {
                    self.send(hop, &reply[..length]);
                }
                context.records.push(rejected(hop, &wrong));
                return None;
            }
        };
        let rules = context.rules.load();
        match judge(&rules, hop, &query) {
            QueryVerdict::Allowed(asked) => match context.queries.acquire(client.ip()) {
                Ok(permit) => {
                    publish(context, asked.records.iter().cloned());
                    Some((hop, asked, query.message().to_vec(), permit))
                }
                Err(full) => {
                    context.counters.queries_refused.add();
                    self.reply(hop, &query, rcode::SERVER_FAILURE);
                    publish(context, asked.failed(&full.to_string()));
                    None
                }
            },
            QueryVerdict::Searched(records) => {
                self.reply(hop, &query, rcode::NAME_ERROR);
                publish(context, records);
                None
            }
            QueryVerdict::Refused(records) => {
                self.reply(hop, &query, context.limits.reject.rcode());
                publish(context, records);
                None
            }
            QueryVerdict::Failed(record) => {
                self.reply(hop, &query, rcode::SERVER_FAILURE);
                context.records.push(record);
                None
            }
        }
    }

    /// Passes a query on, and its answer back.
    async fn ask(&self, hop: Hop, asked: PendingQuery, message: Vec<u8>) {
        let context = &*self.context;
        let (tuple, question) = ((hop.client, hop.server), (&asked.name, asked.qtype));
        let leg = leg(&hop, &context.rules.load());
        let asking = self
            .upstream
            .query(context, tuple, leg, message.clone(), question);
        let limit = context.limits.answer;
        let failed = match timeout(limit, asking).await {
            Ok(Ok(mut answer)) => match self.answer(&asked, &mut answer).await {
                Some(length) => {
                    self.send(hop, &answer[..length]);
                    return;
                }
                // Already reported.
                None => Vec::new(),
            },
            Ok(Err(error)) => asked.failed(&error.to_string()),
            // The client asks again by itself.
            Err(_elapsed) => {
                context.counters.queries_timed_out.add();
                let seconds = limit.as_secs_f32();
                let reason = format!("the server did not answer within {seconds} s");
                return publish(context, asked.failed(&reason));
            }
        };
        if let Ok(query) = Query::read(&message) {
            self.reply(hop, &query, rcode::SERVER_FAILURE);
        }
        publish(context, failed);
    }

    /// Makes a server's answer the client's, once it may leave. `None`: it may not. Else its length.
    async fn answer(&self, asked: &PendingQuery, answer: &mut [u8]) -> Option<usize> {
        let length = {
            let response = Response::read(answer).ok()?;
            complete(&self.context, &self.order, asked, &response)
                .await
                .ok()?;
            response.message().len()
        };
        set_id(answer, asked.id);
        Some(length)
    }

    fn reply(&self, hop: Hop, query: &Query<'_>, rcode: u8) {
        let mut reply = [0; MAX_REPLY];
        if let Ok(length) = query.reply(rcode, &mut reply) {
            self.send(hop, &reply[..length]);
        }
    }

    fn send(&self, hop: Hop, bytes: &[u8]) {
        let context = &self.context;
        if let Err(error) = context.network.reply(hop.server, hop.client, bytes) {
            context.counters.replies_failed.add();
            tracing::debug!(client = %hop.client, server = %hop.server, %error, "an answer could not be sent");
        }
    }
}
