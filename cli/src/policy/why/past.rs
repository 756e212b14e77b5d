//! What recorded flows tell of such connections, or of such requests: when they were allowed, and since when not.

use client::{FlowQuery, Snapshot, Source, connections};
use explain::{
    explain_flow::request_flags,
    proto::recorded_request,
    trace::{PortText, Request, protocol_name},
};
use flow::{
    Filter,
    past::Attempt,
    request::RequestView,
    rows::{Judged, Row},
};
use proto::google::Timestamp;

use crate::{connect::ServerArgs, error::Error, history};

/// Flows that are looked through for when it worked.
const LAST: u64 = 100_000;
/// Kinds of denied requests that are told of.
const KINDS: usize = 5;

/// Connections that are meant, by what people wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between<'a> {
    pub(super) source: &'a str,
    pub(super) destination: &'a str,
    pub(super) port: PortText,
    /// Nothing later.
    pub(super) until: Option<Timestamp>,
}

/// What is known of such connections or requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// Until when such worked, Unix ns.
    pub(super) worked: Option<i64>,
    /// The first and the last that were denied since, Unix ns.
    pub(super) denied: Option<(i64, i64)>,
    /// Packets that were dropped since, or requests that were denied.
    pub(super) drops: u64,
    /// If it worked since: when such were denied before, the last time, and how many.
    pub(super) before: Option<(i64, i64, u64)>,
    /// What was dropped since, but not by a policy: why, the last one (Unix ns), and packets.
    pub(super) otherwise: Option<(String, i64, u64)>,
    /// Of connections: the requests on them that rules of layer 7 denied, the newest first.
    pub(super) requests: Vec<DeniedRequests>,
    /// How many more kinds of denied requests there are.
    pub(super) more_requests: usize,
}

/// Denied requests that asked the same.
#[derive(Clone, Debug)]
pub(super) struct DeniedRequests {
    /// `POST /admin/delete`.
    pub(super) subject: String,
    /// Why the newest was, as the flow says; may be empty.
    pub(super) reason: String,
    /// How many.
    pub(super) number: u64,
    /// The last one, Unix ns.
    pub(super) last: i64,
    /// What to type to ask why; empty if the flow doesn't tell the request.
    pub(super) command: String,
}

/// A connection or a request that was seen.
#[derive(Clone, Debug)]
struct Seen {
    start: i64,
    last: i64,
    judged: Judged,
    drops: u64,
    answered: bool,
    why: String,
}

impl Between<'_> {
    /// What the flows tell of such connections, and of denied requests on them.
    pub(super) async fn connections(&self, server: &ServerArgs) -> Result<Past, Error> {
        let filter = self.filter("")?;
        let asked = filter.for_connections().unwrap_or_default();
        let snapshot = self.read(server, &asked).await?;
        let joined = connections::join(&snapshot);
        let now = joined.newest().unwrap_or(0);
        let mut program = filter.program();
        let seen: Vec<Seen> = joined
            .iter()
            .filter_map(|connection| {
                let view = connections::view(&connection, &snapshot, now)?;
                let row = program
                    .matches(&view)
                    .then(|| Row::new(&connection, &view, true));
                let answered = connection.volume()[1].packets > 0;
                Some(Seen::of_connection(&row??, answered))
            })
            .collect();
        let (requests, more_requests) = self.denied_requests(&snapshot, &filter);
        Ok(Past {
            requests,
            more_requests,
            ..Past::new(&seen)
        })
    }

    /// What the flows tell of requests that ask the same.
    pub(super) async fn requests(
        &self,
        server: &ServerArgs,
        asked: &Request,
    ) -> Result<Past, Error> {
        let filter = self.filter(" and type == l7")?;
        let snapshot = self.read(server, &filter).await?;
        let (ends, mut seen) = (self.filter("")?, Vec::new());
        let mut program = ends.program();
        for number in snapshot.range() {
            let Some(row) = snapshot.row(number) else {
                continue;
            };
            let Some(view) = RequestView::new(row) else {
                continue;
            };
            let recorded = recorded_request(view.layer7());
            if recorded.is_some_and(|recorded| asked.is_asked_by(&recorded))
                && program.matches(&view)
            {
                seen.push(Seen {
                    start: row.time(),
                    last: row.time(),
                    judged: Judged::of(&view),
                    drops: 1,
                    answered: false,
                    why: String::new(),
                });
            }
        }
        Ok(Past::new(&seen))
    }

    fn filter(&self, more: &str) -> Result<Filter, Error> {
        let text = format!(
            "({}) and ({}) and dst.port == {}{more}",
            crate::explain::end("src", self.source),
            crate::explain::end("dst", self.destination),
            self.port.port
        );
        Filter::parse_expr(&text).map_err(|error| Error::Usage(error.render(&text)))
    }

    async fn read(&self, server: &ServerArgs, filter: &Filter) -> Result<Snapshot, Error> {
        let asked = filter.push_down();
        let query = FlowQuery {
            whitelist: asked.whitelist,
            blacklist: asked.blacklist,
            last: LAST,
            until: self.until,
            ..FlowQuery::default()
        };
        history::read(Source::Server(server.target()?), query).await
    }

    /// Those that were denied, by what they asked, and how many kinds more there are.
    fn denied_requests(
        &self,
        snapshot: &Snapshot,
        filter: &Filter,
    ) -> (Vec<DeniedRequests>, usize) {
        let mut kinds: Vec<(DeniedRequests, u64)> = Vec::new();
        for (row, number) in connections::denied_requests(snapshot, &mut filter.program()) {
            let Some(asked) = row.request else { continue };
            let known = kinds.iter_mut().find(|(of, _)| of.subject == asked.subject);
            match known {
                Some((of, newest)) => {
                    of.number += 1;
                    if row.last >= of.last {
                        (of.last, of.reason, *newest) = (row.last, asked.reason, number);
                    }
                }
                None => {
                    let of = DeniedRequests {
                        subject: asked.subject,
                        reason: asked.reason,
                        number: 1,
                        last: row.last,
                        command: String::new(),
                    };
                    kinds.push((of, number));
                }
            }
        }
        kinds.sort_by_key(|(of, _)| std::cmp::Reverse(of.last));
        let more = kinds.len().saturating_sub(KINDS);
        let kinds = kinds.into_iter().take(KINDS);
        let told = kinds.map(|(of, number)| {
            let flow = snapshot.message(number);
            let request = flow.as_ref().and_then(|flow| flow.l7.as_ref());
            let request = request.and_then(recorded_request);
            DeniedRequests {
                command: request.map_or_else(String::new, |request| self.command(&request)),
                ..of
            }
        });
        (told.collect(), more)
    }

    /// What asks about a request on such a connection.
    fn command(&self, request: &Request) -> String {
        let Self {
            source,
            destination,
            port: PortText { protocol, port },
            ..
        } = self;
        let mut words = vec!["flows why".to_owned(), (*source).to_owned()];
        words.push(match (destination.contains(':'), *protocol) {
            (true, 6) => format!("[{destination}]:{port}"),
            (false, 6) => format!("{destination}:{port}"),
            (true, other) => {
                format!(
                    "[{destination}]:{port}/{}",
                    protocol_name(other).to_lowercase()
                )
            }
            (false, other) => {
                format!(
                    "{destination}:{port}/{}",
                    protocol_name(other).to_lowercase()
                )
            }
        });
        words.extend(request_flags(request));
        words.join(" ")
    }
}

impl Seen {
    fn of_connection(row: &Row, answered: bool) -> Self {
        Self {
            start: row.start,
            last: row.last,
            judged: row.judged,
            drops: row.facts.drops,
            answered,
            why: row.why.clone(),
        }
    }
}

impl Past {
    fn new(all: &[Seen]) -> Self {
        let drops = |of: &[&Seen]| of.iter().map(|seen| seen.drops).sum();
        let of = |judged: Judged| all.iter().filter(move |seen| seen.judged == judged);
        let attempts: Vec<Attempt> = all
            .iter()
            .filter_map(|seen| {
                let span = (seen.start, seen.last);
                Attempt::new(seen.judged, span, seen.drops, seen.answered)
            })
            .collect();
        let told = flow::past::Past::of(&attempts);
        let after =
            |moment: Option<i64>| move |seen: &&Seen| moment.is_none_or(|of| seen.last > of);
        let denied: Vec<&Seen> = of(Judged::Denied).filter(after(told.began)).collect();
        let otherwise: Vec<&Seen> = of(Judged::Dropped).filter(after(told.worked)).collect();
        let newest = otherwise.iter().max_by_key(|seen| seen.last);
        let earlier: Vec<&Seen> = of(Judged::Denied)
            .filter(|seen| !after(told.began)(seen))
            .collect();
        let before = earlier.iter().map(|seen| seen.last).max().map(|until| {
            let worked = of(Judged::Allowed).map(|seen| seen.last);
            let worked = worked.filter(|last| *last < until);
            let outage: Vec<&Seen> = earlier
                .iter()
                .copied()
                .filter(after(worked.max()))
                .collect();
            let since = outage.iter().map(|seen| seen.start).min();
            (since.unwrap_or(until), until, drops(&outage))
        });
        Self {
            worked: told.worked,
            denied: told.denied,
            drops: drops(&denied),
            before: before.filter(|_| denied.is_empty()),
            otherwise: newest.map(|seen| (seen.why.clone(), seen.last, drops(&otherwise))),
            requests: Vec::new(),
            more_requests: 0,
        }
    }
}
