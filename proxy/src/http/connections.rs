//! HTTP connections of this node: judged by the rules of both ends, in one pass, and told of in their name.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use futures::future::BoxFuture;
use l7::http::{Effects, HeaderChange, HeaderNote, NoSecrets, Request};
use l7::rules::{Decision, Direction, PeerKind};
use tokio::net::TcpStream;

use super::judge::{Decisions, Judge};
use super::limits::Limits;
use super::record::{Event, Failure, HttpRecord, Recorder, Redaction, Rejection};
use super::{Ended, Service, serve};
use crate::carrier::HttpServer;
use crate::connection::{Connection, leg, reset};
use crate::hop::Hop;
use crate::record::{Http, Layer7, Lines, Record};

/// Carries the proxy's HTTP connections.
#[derive(Clone, Debug, Default)]
pub struct HttpConnections {
    /// What of headers may be told.
    pub redaction: Redaction,
    /// Times and sizes; those that other protocols have as well are the proxy's.
    pub limits: Limits,
}

impl HttpServer for HttpConnections {
    fn serve<'a>(&'a self, connection: &'a Connection, mut client: TcpStream) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let context = &connection.context;
            let limits = Limits {
                connect: context.limits.connect,
                head: context.limits.first_bytes,
                idle: context.limits.idle,
                ..self.limits.clone()
            };
            let sides = Sides {
                connection,
                hop: Mutex::new(connection.hop()),
            };
            let room = connection.room();
            let service = Service {
                room: &room,
                judge: &sides,
                record: &sides,
                redaction: &self.redaction,
                limits: &limits,
                scheme: "http",
            };
            let connect = async || connect(connection).await;
            let refused = connection
                .until_refused(|rules| connection.is_refused(rules, PeerKind::Http).then_some(()));
            let ended = tokio::select! {
                ended = serve(&service, &mut client, connect) => ended,
                () = refused => {
                    context.counters.connections_reset.add();
                    Ended::Cut
                }
            };
            if ended == Ended::Cut {
                reset(client);
            }
        })
    }
}

/// Connects to the server as the client. How long it may take, and telling of it, is the engine's.
async fn connect(connection: &Connection) -> io::Result<TcpStream> {
    let context = &connection.context;
    let leg = leg(&connection.hop(), &context.rules.load());
    let connecting = context
        .network
        .connect(connection.client, connection.server, leg);
    let stream = connecting.await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The ends of a connection, as judges and in records.
struct Sides<'a> {
    connection: &'a Connection,
    /// Who they were when the last request was judged: its records say so too, without another look at the kernel's
    /// maps for each.
    hop: Mutex<Hop>,
}

impl Judge for Sides<'_> {
    fn judge(&self, request: &Request<'_, [(&str, &[u8])]>) -> Decisions {
        let rules = self.connection.context.rules.load();
        let mut all = Decisions {
            is_unruled: true,
            ..Decisions::default()
        };
        let hop = self.connection.hop();
        *self.hop.lock().unwrap_or_else(PoisonError::into_inner) = hop;
        for (side, set) in hop.judges(&rules) {
            all.is_unruled = false;
            // The second side sees what the first one's rules made of it.
            let headers = changed(request.headers, &all.effects);
            let request = Request {
                method: request.method,
                authority: request.authority,
                path: request.path,
                headers: &*headers,
            };
            let (decision, effects) = set.judge_http(side.peer, &request, &NoSecrets);
            let is_allowed = decision.is_allowed();
            all.decisions.push((side.direction, decision));
            if !is_allowed {
                break;
            }
            all.effects.merge(effects);
        }
        all
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        let mut replaced = self.connection.context.rules.watch();
        Box::pin(async move {
            if replaced.changed().await.is_err() {
                // There will be no others.
                std::future::pending::<()>().await;
            }
        })
    }
}

fn changed<'h>(
    headers: &'h [(&'h str, &'h [u8])],
    effects: &'h Effects,
) -> Cow<'h, [(&'h str, &'h [u8])]> {
    if effects.changes.is_empty() {
        return headers.into();
    }
    let mut headers = headers.to_vec();
    for change in &effects.changes {
        if let HeaderChange::Remove(name) | HeaderChange::Replace(name, _) = change {
            headers.retain(|(one, _)| !one.eq_ignore_ascii_case(name));
        }
        if let HeaderChange::Add(name, value) | HeaderChange::Replace(name, value) = change {
            headers.push((name, value));
        }
    }
    headers.into()
}

impl Sides<'_> {
    fn hop(&self) -> Hop {
        *self.hop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, record: Record) {
        self.connection.context.records.push(record);
    }

    /// A record of one side.
    fn request(&self, time: SystemTime, direction: Direction, http: Http) -> Record {
        Record::request(time, self.hop(), direction, Layer7::Http(http))
    }

    /// Tells what `make` makes of a record of each side that judged, and of what it decided; of the connection as such
    /// if none did.
    fn tell(
        &self,
        time: SystemTime,
        all: &Decisions,
        http: Http,
        make: impl Fn(Record, Option<&Decision>) -> Record,
    ) {
        let Some(((direction, decision), before)) = all.decisions.split_last() else {
            let record = self.request(time, self.hop().direction(), http);
            return self.push(make(record, None));
        };
        for (direction, decision) in before {
            let record = self.request(time, *direction, http.clone());
            self.push(make(record, Some(decision)));
        }
        let record = self.request(time, *direction, http);
        self.push(make(record, Some(decision)));
    }
}

impl Recorder for Sides<'_> {
    fn record(&self, record: HttpRecord) {
        let HttpRecord {
            time,
            decisions,
            event,
            request,
        } = record;
        let http = Http {
            method: Arc::clone(&request.method),
            url: Arc::clone(&request.url),
            protocol: request.protocol.name(),
            ..Http::default()
        };
        let id = &*request.request_id;
        let reply = |record, latency| Record {
            is_reply: true,
            latency: Some(latency),
            ..record
        };
        match event {
            Event::Judged { headers } => {
                let http = Http {
                    headers: told(headers, id),
                    missing: notes(&decisions.effects.missing),
                    rejected: notes(&decisions.effects.rejected),
                    ..http
                };
                self.tell(time, &decisions, http, |record, decision| match decision {
                    Some(decision) => record.decided(decision),
                    None => record,
                });
            }
            Event::Responded {
                status,
                latency,
                headers,
            } => {
                let http = Http {
                    status,
                    headers: told(headers, id),
                    ..http
                };
                self.tell(time, &decisions, http, |record, _| reply(record, latency));
            }
            Event::Failed {
                status,
                latency,
                failure,
            } => {
                if matches!(failure, Failure::Connect(_) | Failure::ConnectTimeout) {
                    self.connection.context.counters.connects_failed.add();
                }
                let http = Http {
                    status: status.unwrap_or(0),
                    headers: told(Lines::default(), id),
                    ..http
                };
                self.tell(time, &decisions, http, |record, _| {
                    reply(record, latency).failed(&failure)
                });
            }
        }
    }

    fn reject(&self, rejection: Rejection) {
        let Rejection { protocol, refusal } = rejection;
        let http = Http {
            protocol: protocol.name(),
            status: refusal.status().unwrap_or(0),
            ..Http::default()
        };
        let direction = self.hop().direction();
        let record = self.request(SystemTime::now(), direction, http);
        self.push(record.failed(refusal));
    }
}

/// Headers with the name of the request, which pairs it with its response.
fn told(headers: Lines, id: &str) -> Lines {
    const ID: &str = "x-request-id";
    let mut lines = if headers.iter().any(|(name, _)| name == ID) {
        headers.iter().filter(|(name, _)| *name != ID).collect()
    } else {
        headers
    };
    lines.push(ID, id.as_bytes());
    lines
}

fn notes(notes: &[HeaderNote]) -> Lines {
    let notes = notes.iter();
    notes.map(|note| (&note.name, &note.value)).collect()
}
