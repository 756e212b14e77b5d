//! `flows explain`: why a connection was decided as it was, as text, JSON, or markdown for a ticket.

use std::{
    fmt::{self, Write as _},
    io::{self, Write as _},
};

use client::{FlowQuery, Server, Source, connections};
use explain::trace::{End, Port, protocol_name};
use flow::{
    Filter, FlowView as _, Verdict,
    attribute::{AttributeId, Cells},
    print::{escape, markdown},
    rows::{Judged, Row},
    time::Zone,
    view::Message,
};
use proto::{
    flow::{Flow, FlowFilter},
    flows::v1::{ExplainResponse, TraceResponse, trace_response::Verdict as Answer},
    google::Timestamp,
};

use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, Switch, Value, no_format},
    history,
    time_args::TimeArgs,
};

/// Flows that are looked through for the connection that is meant.
const LAST: u64 = 100_000;

const EXAMPLES: &str = "Examples:
  flows explain                                   what was denied last, also a request
  flows explain shop/web data/redis:6379          the last one between these, denied ones first
  flows explain 5076bcf3-5f9f-815d-8000-00000000028e
  flows explain shop/web data/redis -o markdown   for a ticket
An end is a pod or a workload, NAMESPACE/NAME, or an address. Unique ids stand in `flows observe -o json`
and `flows incidents -o json`. What would be decided without there having been a connection:
`flows policy trace`.";

/// Explain why a connection was denied or allowed, and the smallest change that would allow it
#[derive(Clone, Debug, clap::Args)]
#[command(override_usage = "flows explain [UUID | SOURCE DESTINATION[:PORT]] [flags]", after_help = EXAMPLES)]
pub(crate) struct Args {
    /// a flow's unique id, or both ends of a connection; nothing: the last denied connection
    #[arg(value_name = "UUID | SOURCE DESTINATION[:PORT]", num_args = 0..=2)]
    what: Vec<String>,
    /// the last connection that was denied, also between the ends that are named
    #[arg(long)]
    last_denied: Option<Given<Switch>>,
    /// text, json or markdown [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<OutputFormat>>,
    #[command(flatten)]
    times: TimeArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputFormat {
    Text,
    Json,
    Markdown,
}

impl Value for OutputFormat {
    const NAMES: &'static [&'static str] = &["text", "json", "markdown"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "markdown" | "md" => Ok(Self::Markdown),
            other => Err(no_format(other, "text, json, markdown")),
        }
    }
}

/// Explains it.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let zone = args.times.zone()?;
    let denied = flag::is_on(&args.last_denied)?;
    let connected = server.connect().await?;
    let (flow, judged) = match args.what.as_slice() {
        [] => between(server, Filter::default(), true, "nothing was denied").await?,
        [end] if end.contains('/') => {
            return Err(Error::Hinted(
                format!("{end:?} is one end of a connection, and the other is missing"),
                "flows explain SOURCE DESTINATION:PORT".to_owned(),
            ));
        }
        [_] if denied => {
            return Err(Error::Usage(
                "--last-denied is for connections, not for a flow that is named".to_owned(),
            ));
        }
        [uuid] => (by_id(&connected, uuid).await?, None),
        [source, destination, ..] => {
            let filter = ends(source, destination)?;
            let nothing = format!("no connection from {source} to {destination}");
            between(server, filter, denied, &nothing).await?
        }
    };
    let answer = connected.explain(flow.clone()).await?;
    let text = match flag::get(&args.output)?.unwrap_or(OutputFormat::Text) {
        OutputFormat::Json => format!("{}\n", proto::json::to_string(&answer)?),
        OutputFormat::Text => {
            document(&flow, judged, &answer, &zone, false).map_err(io::Error::other)?
        }
        OutputFormat::Markdown => {
            document(&flow, judged, &answer, &zone, true).map_err(io::Error::other)?
        }
    };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// The flow of a unique id.
async fn by_id(server: &Server, uuid: &str) -> Result<Flow, Error> {
    use client::FlowOptions;
    use proto::observer::{GetFlowsRequest, get_flows_response::ResponseTypes};

    let request = GetFlowsRequest {
        number: 1,
        whitelist: vec![FlowFilter {
            uuid: vec![uuid.to_owned()],
            ..FlowFilter::default()
        }],
        ..GetFlowsRequest::default()
    };
    let options = FlowOptions {
        extensions: true,
        per_node: false,
    };
    let mut answers = server.get_flows(request, options).await?;
    while let Some(answer) = answers.message().await? {
        if let Some(ResponseTypes::Flow(flow)) = answer.response_types {
            return Ok(flow);
        }
    }
    Err(Error::Hinted(
        format!("no flow has the unique id {uuid:?}"),
        "the servers may have let go of it; `flows explain SOURCE DESTINATION:PORT` takes the last \
         connection between two ends"
            .to_owned(),
    ))
}

/// The filter for connections between two ends.
fn ends(source: &str, destination: &str) -> Result<Filter, Error> {
    let (destination, port) = match destination.rsplit_once(':') {
        // An IPv6 address has more colons.
        Some((end, port)) if !end.contains(':') => (end, Some(port)),
        _ => (destination, None),
    };
    let mut text = format!("({}) and ({})", end("src", source), end("dst", destination));
    if let Some(port) = port {
        let parsed = Port::parse(port).ok();
        let Some(Port::Number {
            protocol,
            port: number,
        }) = parsed
        else {
            return Err(Error::Hinted(
                format!("{port:?} is not a port number"),
                "flows explain shop/web data/redis:6379, or kube-system/dns:53/udp".to_owned(),
            ));
        };
        write!(text, " and dst.port == {number}").map_err(io::Error::other)?;
        // Without a protocol it is any that has ports.
        if port.contains('/') {
            let protocol = protocol_name(protocol).to_lowercase();
            write!(text, " and protocol == {protocol}").map_err(io::Error::other)?;
        }
    }
    Filter::parse_expr(&text).map_err(|error| Error::Usage(error.render(&text)))
}

/// What an end may be: a workload, a pod, an address; a destination also a name outside of the cluster.
pub(crate) fn end(side: &str, name: &str) -> String {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return format!("{side}.ip == {name}");
    }
    let is_outside = side == "dst" && is_outside_name(name);
    let name = flow::expr::quote(name);
    let pods = format!("{side}.workload == {name} or {side}.pod == {name}");
    match is_outside {
        true => format!("{pods} or {side}.fqdn == {name}"),
        false => pods,
    }
}

/// Whether a text without a flag may be the name of a server outside of the cluster, `api.example.com`: pods with dots
/// in their names are called by NAMESPACE/NAME.
pub(crate) fn is_outside_name(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_err()
        && text.trim_end_matches('.').contains('.')
        && !text.contains('/')
        && End::fqdn(text).is_ok()
}

/// The newest connection that the filter lets through, or request of one that was denied, denied ones first; of
/// no other, if only those are wanted.
async fn between(
    server: &ServerArgs,
    filter: Filter,
    only_denied: bool,
    nothing: &str,
) -> Result<(Flow, Option<Judged>), Error> {
    let asked = filter.for_connections().unwrap_or_default().push_down();
    let query = FlowQuery {
        whitelist: asked.whitelist,
        blacklist: asked.blacklist,
        last: LAST,
        ..FlowQuery::default()
    };
    let snapshot = history::read(Source::Server(server.target()?), query).await?;
    let joined = connections::join(&snapshot);
    let now = joined.newest().unwrap_or(0);
    let mut filter = filter.program();
    let mut rows = connections::rows(&joined, &snapshot, now, &mut filter);
    rows.extend(connections::denied_requests(&snapshot, &mut filter));
    let is_denied = |row: &Row| matches!(row.judged, Judged::Denied | Judged::Dropped);
    let wanted = rows
        .iter()
        .filter(|(row, _)| !only_denied || is_denied(row));
    let newest = wanted.max_by_key(|(row, _)| (is_denied(row), row.last));
    let found = newest.and_then(|(row, number)| {
        let flow = snapshot.message(*number)?;
        Some((flow, Some(row.judged)))
    });
    found.ok_or_else(|| {
        let looked = flow::quantity::grouped(snapshot.counts().flows);
        Error::Hinted(
            format!("{nothing} among the newest flows ({looked} were looked through)"),
            "whether one would be allowed: flows policy trace --src-pod A --dst-pod B --dport PORT"
                .to_owned(),
        )
    })
}

/// The explanation as text or, for tickets, as markdown. `judged`: how the whole connection was.
pub(crate) fn document(
    flow: &Flow,
    judged: Option<Judged>,
    answer: &ExplainResponse,
    zone: &Zone,
    as_markdown: bool,
) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let heading = if as_markdown { "## " } else { "" };
    let safe = |text: &str| match as_markdown {
        true => markdown::text(text),
        false => escape(text),
    };
    let message = Message::new(flow);
    let cells = Cells {
        plain: true,
        ..Cells::default()
    };
    let text = |column: AttributeId| safe(&column.text(&message, &cells));
    let verdict = match (judged, flow.verdict()) {
        (Some(judged), _) => judged.name(),
        (None, Verdict::Dropped) if answer.not_policy => "DROPPED",
        (None, Verdict::Dropped) => "DENIED",
        (None, Verdict::Forwarded | Verdict::Redirected) => "FORWARDED",
        (
            None,
            other @ (Verdict::Unknown
            | Verdict::Error
            | Verdict::Audit
            | Verdict::Traced
            | Verdict::Translated),
        ) => other.as_str_name(),
    };
    let ends = format!(
        "{} -> {} {}",
        text(AttributeId::Source),
        text(AttributeId::Destination),
        text(AttributeId::Protocol)
    );
    let now = answer.now.as_ref().map(TraceResponse::verdict);
    let since = match (answer.differs, now) {
        (true, Some(Answer::Allowed)) => "; ALLOWED now",
        (true, Some(Answer::Denied)) => "; DENIED now",
        _ => "",
    };
    writeln!(out, "{heading}{verdict}{since}  {ends}")?;
    if as_markdown {
        writeln!(out)?;
    }
    writeln!(out, "{}", safe(&answer.headline))?;
    let time = flow.time_ns().unwrap_or(0);
    let zone_name = zone.abbreviation(Timestamp::from_unix_nanos(time));
    let revision = match answer
        .recorded
        .as_ref()
        .map_or(0, |recorded| recorded.revision)
    {
        0 => String::new(),
        revision => format!(", policy revision {revision}"),
    };
    let node = safe(flow.node());
    writeln!(
        out,
        "Seen at {} {zone_name} on {node}{revision}.",
        zone.clock(time)
    )?;
    let list = |out: &mut String, title: &str, lines: &[String]| -> fmt::Result {
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{heading}{title}")?;
        for line in lines {
            writeln!(out, "- {}", safe(line))?;
        }
        Ok(())
    };
    list(&mut out, "What has changed since", &answer.changes)?;
    if let Some(now) = &answer.now {
        let now_text = match now.verdict() {
            Answer::Allowed => "ALLOWED",
            Answer::Denied => "DENIED",
            Answer::Unknown | Answer::Unspecified => "not certain",
        };
        let differs = if answer.differs { ", unlike then" } else { "" };
        writeln!(out, "\nNow it would be {now_text}{differs}.")?;
        for suggestion in &now.suggestions {
            writeln!(out, "\n{heading}What would allow it")?;
            writeln!(out, "{}\n", safe(&suggestion.text))?;
            if as_markdown {
                writeln!(out, "{}", markdown::block("yaml", &suggestion.yaml))?;
                continue;
            }
            for line in suggestion.yaml.lines() {
                writeln!(out, "  {}", escape(line))?;
            }
        }
    }
    let involved = answer.policies.iter().map(|policy| {
        let decided = match (policy.decided, policy.in_force) {
            (true, true) => " decided",
            (true, false) if policy.meaning.trim().is_empty() => " decided, and is gone",
            (true, false) => " decided, and has changed; now",
            (false, _) => "",
        };
        let place = match policy.place.as_str() {
            "" => String::new(),
            place => format!(" ({place})"),
        };
        let meaning = match policy.meaning.trim() {
            "" => String::new(),
            meaning => format!(": {meaning}"),
        };
        format!("{}{decided}{place}{meaning}", policy.policy)
    });
    list(&mut out, "Policies", &involved.collect::<Vec<_>>())?;
    list(&mut out, "Notes", &answer.notes)?;
    if !answer.command.is_empty() {
        let command = match as_markdown {
            true => markdown::code(&answer.command),
            false => escape(&answer.command),
        };
        writeln!(out, "\nTo ask again: {command}")?;
    }
    Ok(out)
}
