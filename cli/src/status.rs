//! `flows status`.

pub(crate) mod health;

use std::io::{self, Write};

use client::{RequestError, Server};
use flow::quantity::go_duration;
use proto::{
    flows::v1::{GetStatusResponse, ManifestProblem},
    observer::ServerStatusResponse,
};

use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, Switch, Value, no_format, or_environment},
    line::line,
    table, text,
};

/// Show the state of the server: flows held, flows per second, nodes
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// compact, dict, json, jsonpb or table [default: compact]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<Format>>,
    /// end with 1 if the cluster is degraded; =false: only if there is no answer [default: true]
    #[arg(long, help_heading = "Output")]
    exit_code: Option<Given<Switch>>,
}

/// Asks for health and for numbers, and prints them: first of all whether all is well.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let output = or_environment(&args.output, "output");
    let format = output.map_or(Ok(Format::Compact), |output| output.get())?;
    let Switch(coded) = flag::get(&args.exit_code)?.unwrap_or(Switch(true));
    let server = server.connect().await?;
    let health = server.check_health().await;
    if let Err(word) = health.map_err(tried("failed getting status"))? {
        if format == Format::Compact {
            let mut out = io::stdout().lock();
            let address = server.address();
            line!(out, "Healthcheck (via {address}): Unavailable: {word}")?;
        }
        return Err(Error::NotHealthy);
    }
    let status = server.server_status().await;
    let status = status.map_err(tried("failed to get hubble server status"))?;
    let ours = ours(&server).await?;
    let degraded = health::degraded(Some(&status), ours.as_ref());
    let word = if degraded.is_empty() {
        "Ok"
    } else {
        "Degraded"
    };
    let mut out = io::stdout().lock();
    match format {
        Format::Compact => {
            line!(out, "Healthcheck (via {}): {word}", server.address())?;
            for line in &degraded {
                line!(out, "  {line}")?;
            }
            print(&mut out, format, &status)?;
            if let Some(ours) = &ours {
                policies_and_losses(&mut out, ours)?;
            }
        }
        Format::Json => json(&mut out, &status, ours.as_ref(), word, &degraded)?,
        // These are Hubble's, field by field.
        Format::Dict | Format::Table => {
            print(&mut out, format, &status)?;
            let mut err = io::stderr().lock();
            for line in &degraded {
                // Nowhere to complain to when standard error is gone as well.
                let _gone = line!(err, "{word}: {line}");
            }
        }
    }
    match degraded.is_empty() || !coded {
        true => Ok(()),
        false => Err(Error::Answered(1)),
    }
}

/// Hubble's fields and, of a server of ours, what the text says beyond them.
fn json(
    out: &mut dyn Write,
    status: &ServerStatusResponse,
    ours: Option<&GetStatusResponse>,
    word: &str,
    degraded: &[String],
) -> io::Result<()> {
    let text = proto::json::to_string(status)?;
    let Some(ours) = ours else {
        return writeln!(out, "{text}");
    };
    let hubbles = text.strip_suffix('}').unwrap_or(&text);
    let comma = if hubbles.ends_with('{') { "" } else { "," };
    let ours = [
        format!("\"health\":{}", proto::json::to_string(&word)?),
        format!("\"degraded\":{}", proto::json::to_string(&degraded)?),
        format!("\"flows\":{}", proto::json::to_string(ours)?),
    ];
    writeln!(out, "{hubbles}{comma}{}}}", ours.join(","))
}

/// What our servers know beyond Hubble's; `None` from a stock one.
pub(crate) async fn ours(server: &Server) -> Result<Option<GetStatusResponse>, Error> {
    let status = server.get_status().await;
    status.map_err(tried("failed to get policy status"))
}

/// An error that says what was tried.
fn tried(what: &'static str) -> impl FnOnce(RequestError) -> Error {
    move |error| Error::Tried { what, error }
}

/// Policies in force, what is wrong with the others, and what was lost where.
fn policies_and_losses(out: &mut dyn Write, status: &GetStatusResponse) -> io::Result<()> {
    line!(
        out,
        "Policies: {} in force, restricting {} of {}",
        text::grouped(status.policies.into()),
        text::grouped(status.selected_endpoints.into()),
        text::many(status.endpoints.into(), "pod")
    )?;
    let events = status.events.unwrap_or_default();
    line!(
        out,
        "Events: {} attempted, {} limited; lost: {} in the kernel, {} left unread, {} in queues, {} evicted unread",
        text::grouped(events.attempted),
        text::grouped(events.limited),
        text::grouped(events.failed),
        text::grouped(events.left_unread),
        text::grouped(events.queue_lost),
        text::grouped(events.evicted_unread),
    )?;
    maps(out, status)?;
    let all = status.problems.iter();
    let (datapath, manifests): (Vec<_>, Vec<_>) =
        all.partition(|problem| health::is_about_datapath(problem));
    problems(out, "Datapath problems", &datapath)?;
    problems(out, "Manifest problems", &manifests)
}

fn problems(out: &mut dyn Write, heading: &str, problems: &[&ManifestProblem]) -> io::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let many = u64::try_from(problems.len()).unwrap_or(u64::MAX);
    line!(out, "{heading}: {}", text::grouped(many))?;
    for problem in problems {
        line!(out, "  {}", problem_line(problem))?;
        if !problem.remedy.is_empty() {
            line!(out, "    {}", problem.remedy)?;
        }
        if let Some(meaning) = health::meaning(problem) {
            line!(out, "    {meaning}")?;
        }
    }
    Ok(())
}

/// Maps that are half full or more, the fullest first, and pods that have used up their share of the
/// connection table. Of connections every entry may be in use without anything being wrong.
fn maps(out: &mut dyn Write, status: &GetStatusResponse) -> io::Result<()> {
    let nodes = if status.nodes.is_empty() {
        std::slice::from_ref(status)
    } else {
        &status.nodes
    };
    let mut fills: Vec<_> = nodes
        .iter()
        .flat_map(|node| node.maps.iter().map(move |fill| (node, fill)))
        .filter(|(_, fill)| fill.max > 0)
        .map(|(node, fill)| (table::percent(fill.entries, fill.max.into()), node, fill))
        .collect();
    fills.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    for (percent, node, fill) in fills.iter().take_while(|(percent, ..)| *percent >= 50.0) {
        line!(
            out,
            "Map {} of {}: {} of {} entries ({percent:.1}%)",
            fill.map,
            node.node_name,
            text::grouped(fill.entries),
            text::grouped(fill.max.into()),
        )?;
    }
    for node in nodes {
        for crowded in &node.crowded_pods {
            line!(
                out,
                "Pod {} on {} has more connections than its share: {} of its own were replaced by newer ones",
                crowded.pod,
                node.node_name,
                text::grouped(crowded.connections_replaced),
            )?;
        }
    }
    Ok(())
}

/// `file:line:column: object: field: problem`, without what isn't known.
fn problem_line(problem: &ManifestProblem) -> String {
    let place = health::place(problem);
    [&place, &problem.object, &problem.field, &problem.problem]
        .into_iter()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(": ")
}

/// How a status is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Compact,
    Dict,
    Json,
    Table,
}

impl Value for Format {
    const NAMES: &'static [&'static str] = &["compact", "dict", "json", "jsonpb", "table"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            // Ours for flows; a status has no wider form.
            "compact" | "wide" => Ok(Self::Compact),
            "dict" => Ok(Self::Dict),
            "json" | "JSON" | "jsonpb" => Ok(Self::Json),
            "table" | "tab" => Ok(Self::Table),
            other => Err(no_format(other, "compact, dict, table, json")),
        }
    }
}

fn print(out: &mut dyn Write, format: Format, status: &ServerStatusResponse) -> io::Result<()> {
    match format {
        Format::Compact => compact(out, status),
        Format::Dict => {
            for (name, value) in columns(status, "NUM UNAVAIL. NODES") {
                line!(out, "{name:>19}: {value}")?;
            }
            Ok(())
        }
        Format::Json => {
            proto::json::write(&mut *out, status)?;
            writeln!(out)
        }
        Format::Table => {
            let (names, values): (Vec<_>, Vec<_>) =
                columns(status, "NUM UNAVAILABLE NODES").into_iter().unzip();
            table::write(
                out,
                &[names.into_iter().map(str::to_owned).collect(), values],
            )
        }
    }
}

fn rate(status: &ServerStatusResponse) -> Option<f64> {
    let told = Some(status.flows_rate).filter(|rate| *rate > 0.0);
    told.or_else(|| table::rate(status.seen_flows, status.uptime_ns))
}

fn compact(out: &mut dyn Write, status: &ServerStatusResponse) -> io::Result<()> {
    let ratio = match status.max_flows {
        0 => String::new(),
        max => format!(" ({:.2}%)", table::percent(status.num_flows, max)),
    };
    let (held, most) = (
        text::grouped(status.num_flows),
        text::grouped(status.max_flows),
    );
    line!(out, "Current/Max Flows: {held}/{most}{ratio}")?;
    match rate(status) {
        Some(rate) => line!(out, "Flows/s: {rate:.2}")?,
        None => line!(out, "Flows/s: N/A")?,
    }
    let unavailable = status
        .num_unavailable_nodes
        .as_ref()
        .map(|number| number.value);
    if let Some(connected) = status
        .num_connected_nodes
        .as_ref()
        .map(|number| number.value)
    {
        match unavailable {
            Some(absent) => line!(
                out,
                "Connected Nodes: {connected}/{}",
                connected.saturating_add(absent)
            )?,
            None => line!(out, "Connected Nodes: {connected}")?,
        }
    }
    if let Some(absent) = unavailable.filter(|absent| *absent > 0) {
        line!(out, "Unavailable Nodes: {absent}")?;
        for name in &status.unavailable_nodes {
            line!(out, "  - {name}")?;
        }
        let named = u32::try_from(status.unavailable_nodes.len()).unwrap_or(u32::MAX);
        if absent > named {
            line!(out, "  - and {} more...", absent - named)?;
        }
    }
    Ok(())
}

fn columns(
    status: &ServerStatusResponse,
    unavailable: &'static str,
) -> Vec<(&'static str, String)> {
    let or_not = |number: Option<String>| number.unwrap_or_else(|| "N/A".to_owned());
    let uptime = (status.uptime_ns > 0).then(|| go_duration(status.uptime_ns));
    vec![
        ("NUM FLOWS", text::grouped(status.num_flows)),
        ("MAX FLOWS", text::grouped(status.max_flows)),
        ("SEEN FLOWS", text::grouped(status.seen_flows)),
        (
            "FLOWS PER SECOND",
            or_not(rate(status).map(|rate| format!("{rate:.2}"))),
        ),
        ("UPTIME", or_not(uptime)),
        (
            "NUM CONNECTED NODES",
            or_not(
                status
                    .num_connected_nodes
                    .map(|number| number.value.to_string()),
            ),
        ),
        (
            unavailable,
            or_not(
                status
                    .num_unavailable_nodes
                    .map(|number| number.value.to_string()),
            ),
        ),
        ("VERSION", status.version.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use proto::google::UInt32Value;

    use super::*;

    fn status() -> ServerStatusResponse {
        ServerStatusResponse {
            num_flows: 2771,
            max_flows: 8190,
            seen_flows: 2771,
            uptime_ns: 301_515_181_665,
            flows_rate: 23.456,
            num_connected_nodes: Some(UInt32Value { value: 2 }),
            num_unavailable_nodes: Some(UInt32Value { value: 3 }),
            unavailable_nodes: vec!["node-a".to_owned(), "node-b".to_owned()],
            version: "flows-relay v0.1.0".to_owned(),
        }
    }

    fn printed(format: Format, status: &ServerStatusResponse) -> String {
        let mut out = Vec::new();
        print(&mut out, format, status).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn compact_is_hubbles() {
        let want = "Current/Max Flows: 2,771/8,190 (33.83%)\nFlows/s: 23.46\nConnected Nodes: 2/5\n\
                    Unavailable Nodes: 3\n  - node-a\n  - node-b\n  - and 1 more...\n";
        assert_eq!(printed(Format::Compact, &status()), want);
        let agent = ServerStatusResponse::default();
        assert_eq!(
            printed(Format::Compact, &agent),
            "Current/Max Flows: 0/0\nFlows/s: N/A\n"
        );
    }

    #[test]
    fn the_other_formats() {
        let dict = printed(Format::Dict, &status());
        assert!(dict.starts_with("          NUM FLOWS: 2,771\n"), "{dict}");
        assert!(
            dict.contains("             UPTIME: 5m1.515181665s\n"),
            "{dict}"
        );
        assert!(dict.contains(" NUM UNAVAIL. NODES: 3\n"), "{dict}");
        let json = printed(Format::Json, &status());
        assert!(json.starts_with("{\"num_flows\":\"2771\""), "{json}");
        let table = printed(Format::Table, &status());
        assert!(
            table.starts_with("NUM FLOWS   MAX FLOWS   SEEN FLOWS   FLOWS PER SECOND"),
            "{table}"
        );
        assert!(Format::read("-o, --output", "yaml").is_err());
    }
}
