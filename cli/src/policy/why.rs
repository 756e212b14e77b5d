//! `flows why`: one question for the night. Whether a connection is allowed now and by what, since when it
//! is so, and which change did it.

mod text;

use std::{
    io::{self, Write as _},
    net::IpAddr,
};

use client::{FlowQuery, Source, connections};
use cluster::{NamespacedName, ObjectChange, State};
use explain::{
    culprit::{self, Culprits},
    trace::{End, Port, TraceQuery},
};
use flow::{
    Filter, Identity,
    print::escape,
    rows::{Judged, Row},
    time::Zone,
};
use proto::{
    flows::v1::{Change, GetChangesResponse, TraceResponse},
    google::Timestamp,
};
use serde_json::{Value, json};

use super::{clean, list::notes, manifests, manifests::Manifests, past_state};
use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, TextFormat, or_environment},
    history,
    time_args::TimeArgs,
};

/// Flows that are looked through for when it worked.
const LAST: u64 = 100_000;

const EXAMPLES: &str = "Examples:
  flows why shop/web data/redis:6379
  flows why shop/web-7d9f8b6c5d-x2k4p 203.0.113.10:443
  flows why payments/fraud-check shop/inventory:8080 -o json
  flows why shop/web data/redis:6379 --at 2026-01-31T03:10:00Z
An end is a workload or a pod, NAMESPACE/NAME, an address, or an entity such as world. Each change that the
agents have recorded is taken back by itself on the present state, and the verdict asked for again: what is
named as the cause is proven to be one.";

/// Say why a connection is denied: since when, by what, and which change did it
#[derive(Clone, Debug, clap::Args)]
#[command(override_usage = "flows why SOURCE DESTINATION:PORT[/PROTOCOL] [flags]", after_help = EXAMPLES)]
pub(crate) struct Args {
    /// who opens the connection
    #[arg(value_name = "SOURCE")]
    source: String,
    /// to whom, and on which port
    #[arg(value_name = "DESTINATION:PORT")]
    destination: String,
    /// judge as of this time: with the policies, pods and labels of then (RFC 3339, or 10m ago)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// text or json [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<TextFormat>>,
    #[command(flatten)]
    times: TimeArgs,
}

/// What is known of such connections.
#[derive(Clone, Debug, Default)]
struct Past {
    /// The last one that was allowed began then, Unix ns.
    worked: Option<i64>,
    /// The first and the last that were denied since, Unix ns.
    denied: Option<(i64, i64)>,
    /// Packets that were dropped since.
    drops: u64,
    /// If it worked since: when connections were denied before, the last time, and their packets.
    before: Option<(i64, i64, u64)>,
    /// What was dropped since, but not by a policy: why, the last one (Unix ns), and packets.
    otherwise: Option<(String, i64, u64)>,
}

/// All that is said.
struct Answer<'a> {
    source: String,
    destination: String,
    now: TraceResponse,
    /// What `now` means, if it isn't the present.
    at: Option<Timestamp>,
    past: Past,
    found: Culprits,
    /// Of each end that denies by default, the rule that comes nearest to allowing it.
    nearest: [Option<String>; 2],
    changes: &'a [Change],
    recorded: &'a GetChangesResponse,
}

/// Answers it.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let zone = args.times.zone()?;
    let (destination, port) = with_port(&args.destination)?;
    let at = args.at.as_deref();
    let at = at.map(|text| past_state::moment(text, &zone)).transpose()?;
    let mut manifests = manifests::of_server(server).await?;
    let mut recorded = recorded(&manifests, server).await?;
    if let Some(at) = at {
        manifests = past_state::as_of(manifests, &mut recorded, at, &zone)?;
    }
    let query = TraceQuery {
        source: end(&manifests.inputs.state, &args.source)?,
        destination: end(&manifests.inputs.state, destination)?,
        port: Port::Number {
            protocol: port.protocol,
            port: port.number,
        },
    };
    let question = |error: explain::trace::QueryError| Error::Usage(escape(&error.to_string()));
    let explained = manifests
        .inputs
        .context()
        .explain(&query)
        .map_err(question)?;
    // What can't be read back, such as services, decides nothing.
    let (changes, objects): (Vec<Change>, Vec<ObjectChange>) = recorded
        .changes
        .iter()
        .filter_map(|change| Some((change.clone(), explain::proto::read_change(change)?)))
        .unzip();
    let found = culprit::find(
        &manifests.inputs.state,
        &manifests.inputs.config,
        &query,
        &objects,
    );
    let answer = Answer {
        source: args.source.clone(),
        destination: args.destination.clone(),
        now: clean::trace(explain::proto::trace(&explained)),
        past: past(server, &args.source, destination, port, at).await?,
        at,
        found: found.map_err(question)?,
        nearest: [&explained.egress, &explained.ingress].map(|verdict| {
            let nearest = verdict.as_ref()?.nearest_rule()?;
            Some(escape(&nearest.to_string()))
        }),
        changes: &changes,
        recorded: &recorded,
    };
    let output = flag::get(&or_environment(&args.output, "output"))?;
    let mut out = io::stdout().lock();
    match output {
        Some(TextFormat::Json) => Ok(proto::json::write_pretty(&mut out, &to_json(&answer))?),
        Some(TextFormat::Text) | None => Ok(out.write_all(text::of(&answer, &zone).as_bytes())?),
    }
}

#[derive(Clone, Copy)]
struct NumberedPort {
    number: u16,
    protocol: u8,
}

/// `NAME:PORT`, `NAME:53/udp`, as `flows policy trace` takes them; the port by its number, as flows have it.
fn with_port(text: &str) -> Result<(&str, NumberedPort), Error> {
    let wrong = |problem: String| {
        Error::Hinted(
            problem,
            "NAMESPACE/NAME:PORT, such as data/redis:6379 or kube-system/dns:53/udp".to_owned(),
        )
    };
    let (name, port) = super::trace::with_port(text);
    let port = port.ok_or_else(|| wrong(format!("{text:?} names no port")))?;
    match Port::parse(port).map_err(|error| wrong(error.to_string()))? {
        Port::Number { protocol, port } if has_ports(protocol) => Ok((
            name.trim_matches(['[', ']']),
            NumberedPort {
                number: port,
                protocol,
            },
        )),
        Port::Number { .. } | Port::Named { .. } | Port::Any => Err(wrong(format!(
            "{port:?} is not the number of a TCP, UDP or SCTP port"
        ))),
    }
}

fn has_ports(number: u8) -> bool {
    let name = cluster::protocol::name(number);
    name.and_then(cluster::protocol::with_ports).is_some()
}

/// Who is meant: a pod, a workload's first pod, an address, an entity.
fn end(state: &State, text: &str) -> Result<End, Error> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(End::Ip(address));
    }
    let Some((namespace, name)) = text.split_once('/') else {
        return Ok(match Identity::named(text) {
            Some(_) => End::Entity(text.to_owned()),
            None => End::Named(text.into()),
        });
    };
    let pod = NamespacedName::new(namespace, name);
    if state.pods.contains_key(&pod) {
        return Ok(End::Pod(pod));
    }
    let of = state.pods.values().find(|pod| {
        let workload = pod.workload.as_ref().map(|workload| &*workload.name);
        &*pod.name.namespace == namespace && workload == Some(name)
    });
    Ok(End::Pod(of.map_or(pod, |of| of.name.clone())))
}

async fn recorded(manifests: &Manifests, server: &ServerArgs) -> Result<GetChangesResponse, Error> {
    let answer = match &manifests.server {
        Some(server) => past_state::changes(server).await?,
        None => past_state::changes(&server.connect().await?).await?,
    };
    notes(&answer.notes);
    Ok(answer)
}

/// What the flows tell of such connections.
async fn past(
    server: &ServerArgs,
    source: &str,
    destination: &str,
    port: NumberedPort,
    until: Option<Timestamp>,
) -> Result<Past, Error> {
    let text = format!(
        "({}) and ({}) and dst.port == {}",
        crate::explain::end("src", source),
        crate::explain::end("dst", destination),
        port.number
    );
    let filter = Filter::parse_expr(&text).map_err(|error| Error::Usage(error.render(&text)))?;
    let asked = filter.for_connections().unwrap_or_default().push_down();
    let query = FlowQuery {
        whitelist: asked.whitelist,
        blacklist: asked.blacklist,
        last: LAST,
        until,
        ..FlowQuery::default()
    };
    let snapshot = history::read(Source::Server(server.target()?), query).await?;
    let joined = connections::join(&snapshot);
    let now = joined.newest().unwrap_or(0);
    let rows = connections::rows(&joined, &snapshot, now, &mut filter.program());
    Ok(Past::of(rows.iter().map(|(row, _)| row)))
}

impl Past {
    fn of<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Self {
        let drops = |rows: &[&Row]| rows.iter().map(|row| row.facts.drops).sum();
        let allowed = rows.clone().filter(|row| row.judged == Judged::Allowed);
        let worked = allowed.clone().map(|row| row.last).max();
        let after = |moment: Option<i64>| move |row: &&Row| moment.is_none_or(|of| row.last > of);
        // What worked before it was cut began when it was allowed.
        let began = |row: &&Row| match worked.is_some_and(|worked| row.start < worked) {
            true => row.last,
            false => row.start,
        };
        let of = |judged: Judged| rows.clone().filter(move |row| row.judged == judged);
        let denied: Vec<&Row> = of(Judged::Denied).filter(after(worked)).collect();
        let first = denied.iter().map(began).min();
        let last = denied.iter().map(|row| row.last).max();
        let otherwise: Vec<&Row> = of(Judged::Dropped).filter(after(worked)).collect();
        let newest = otherwise.iter().max_by_key(|row| row.last);
        let earlier: Vec<&Row> = of(Judged::Denied)
            .filter(|row| !after(worked)(row))
            .collect();
        let before = earlier.iter().map(|row| row.last).max().map(|until| {
            let worked = allowed.map(|row| row.last).filter(|last| *last < until);
            let outage: Vec<&Row> = earlier
                .iter()
                .copied()
                .filter(after(worked.max()))
                .collect();
            let since = outage.iter().map(|row| row.start).min();
            (since.unwrap_or(until), until, drops(&outage))
        });
        Self {
            worked,
            denied: first.zip(last),
            drops: drops(&denied),
            before: before.filter(|_| denied.is_empty()),
            otherwise: newest.map(|row| (row.why.clone(), row.last, drops(&otherwise))),
        }
    }
}

fn to_json(answer: &Answer<'_>) -> Value {
    let time = |ns: i64| {
        let moment = Timestamp::from_unix_nanos(ns);
        flow::time::TimeFormat::Rfc3339Nano.text(Some(&moment), &Zone::UTC)
    };
    let change = |change: &Change| {
        json!({
            "object": change.object,
            "summary": change.summary,
            "place": change.place,
            "time": change.time.map(|time| flow::time::TimeFormat::Rfc3339Nano.text(Some(&time), &Zone::UTC)),
        })
    };
    let causes = answer
        .found
        .alone
        .iter()
        .filter_map(|at| answer.changes.get(*at));
    let suggestions = answer.now.suggestions.iter();
    json!({
        "source": answer.source,
        "destination": answer.destination,
        "at": answer.at.map(|at| time(at.unix_nanos())),
        "verdict": if answer.found.allowed { "ALLOWED" } else { "DENIED" },
        "last_allowed": answer.past.worked.map(time),
        "denied_since": answer.past.denied.map(|(first, _)| time(first)),
        "last_denied": answer.past.denied.map(|(_, last)| time(last)),
        "drops": answer.past.drops,
        "nearest_rules": answer.nearest.iter().flatten().collect::<Vec<_>>(),
        "dropped_otherwise": answer.past.otherwise.as_ref().map(|(why, last, drops)| {
            json!({"why": why, "last": time(*last), "drops": drops})
        }),
        "causes": causes.map(change).collect::<Vec<_>>(),
        "together": answer.found.together,
        "changes_tried": answer.found.tried,
        "suggestions": suggestions
            .map(|one| json!({"text": one.text, "yaml": one.yaml}))
            .collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_trace_reads_them() {
        for (text, name, number, protocol) in [
            ("data/redis:6379", "data/redis", 6379, 6),
            ("kube-system/dns:53/udp", "kube-system/dns", 53, 17),
            ("[fd00::1]:443", "fd00::1", 443, 6),
            ("10.0.0.1:80/TCP", "10.0.0.1", 80, 6),
        ] {
            let (found, port) = with_port(text).unwrap();
            assert_eq!(
                (found, port.number, port.protocol),
                (name, number, protocol)
            );
        }
        for (text, wanted) in [
            ("data/redis", "names no port"),
            ("fd00::1", "names no port"),
            ("data/redis:0", "\"0\""),
            ("data/redis:http", "\"http\" is not the number"),
            ("shop/web:8/icmp", "is not the number"),
            ("shop/web:80/quic", "\"80/quic\""),
        ] {
            let error = with_port(text).err().unwrap();
            assert!(error.to_string().contains(wanted), "{text}: {error}");
            assert!(error.hint().is_some(), "{text}");
        }
    }
}
