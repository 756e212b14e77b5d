//! HTTP connections of this node: judged by the rules of both ends, in one pass, and told of in their name.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use futures::future::BoxFuture;
use l7::http::{Effects, HeaderChange, HeaderNote, NoSecrets, Request};
use l7::rules::{Direction, PeerKind};
use tokio::net::TcpStream;

use super::judge::{Decisions, Judge};
use super::limits::Limits;
use super::record::{Event, Failure, HttpRecord, Logged, Recorder, Redaction, Rejection};
use super::{Ended, Service, serve};
use crate::carrier::HttpServer;
use crate::connection::{Connection, leg, reset};
use crate::hop::Hop;
use crate::record::{Http, Layer7, Record};

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
            let service = Service {
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
                headers: headers.as_slice(),
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
}

fn changed<'h>(headers: &[(&'h str, &'h [u8])], effects: &'h Effects) -> Vec<(&'h str, &'h [u8])> {
    let mut headers = headers.to_vec();
    for change in &effects.changes {
        if let HeaderChange::Remove(name) | HeaderChange::Replace(name, _) = change {
            headers.retain(|(one, _)| !one.eq_ignore_ascii_case(name));
        }
        if let HeaderChange::Add(name, value) | HeaderChange::Replace(name, value) = change {
            headers.push((name, value));
        }
    }
    headers
}

impl Sides<'_> {
    fn hop(&self) -> Hop {
        *self.hop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, record: Record) {
        self.connection.context.records.push(record);
    }

    /// A record of one side that judged.
    fn request(&self, time: SystemTime, direction: Direction, http: Http) -> Record {
        Record::request(time, self.hop(), direction, Layer7::Http(http))
    }
}

impl Recorder for Sides<'_> {
    fn record(&self, record: HttpRecord) {
        let HttpRecord {
            time,
            decisions,
            event,
            request,
        } = &record;
        let http = Http {
            method: request.method.clone(),
            url: request.url.clone(),
            protocol: request.protocol.to_string().into(),
            ..Http::default()
        };
        let id = &*request.request_id;
        let of_all = || self.hop().direction();
        let directions = decisions.decisions.iter().map(|(direction, _)| *direction);
        let mut directions: Vec<_> = directions.collect();
        if directions.is_empty() {
            directions.push(of_all());
        }
        match event {
            Event::Judged => {
                let http = Http {
                    headers: told(&request.headers, id),
                    missing: notes(&decisions.effects.missing),
                    rejected: notes(&decisions.effects.rejected),
                    ..http
                };
                for (direction, decision) in &decisions.decisions {
                    let record = self.request(*time, *direction, http.clone());
                    self.push(record.decided(decision));
                }
                if decisions.decisions.is_empty() {
                    self.push(self.request(*time, of_all(), http));
                }
            }
            Event::Responded {
                status,
                latency,
                headers,
            } => {
                let http = Http {
                    status: *status,
                    headers: told(headers, id),
                    ..http
                };
                for direction in directions {
                    let request = self.request(*time, direction, Http::default());
                    self.push(request.reply(*latency, Layer7::Http(http.clone())));
                }
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
                    headers: told(&[], id),
                    ..http
                };
                for direction in directions {
                    let request = self.request(*time, direction, Http::default());
                    let reply = request.reply(*latency, Layer7::Http(http.clone()));
                    self.push(reply.failed(failure));
                }
            }
        }
    }

    fn reject(&self, rejection: Rejection) {
        let Rejection { protocol, refusal } = rejection;
        let http = Http {
            protocol: protocol.to_string().into(),
            status: refusal.status().unwrap_or(0),
            ..Http::default()
        };
        let direction = self.hop().direction();
        let record = self.request(SystemTime::now(), direction, http);
        self.push(record.failed(refusal));
    }
}

/// Headers with names in lower case, and the name of the request, which pairs it with its response.
fn told(headers: &[Logged], id: &str) -> Vec<(Box<str>, Box<str>)> {
    const ID: &str = "x-request-id";
    let lines = headers.iter().map(|header| {
        let value = String::from_utf8_lossy(&header.value);
        (header.name.to_ascii_lowercase().into(), value.into())
    });
    let lines = lines.filter(|(name, _): &(Box<str>, _)| &**name != ID);
    lines.chain([(ID.into(), id.into())]).collect()
}

fn notes(notes: &[HeaderNote]) -> Vec<(Box<str>, Box<str>)> {
    let notes = notes.iter();
    notes
        .map(|note| {
            let value = String::from_utf8_lossy(&note.value);
            (note.name.to_ascii_lowercase().into(), value.into())
        })
        .collect()
}
