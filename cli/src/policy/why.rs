//! `flows why`: one question for the night. Whether a connection, or a request on it, is allowed now and by
//! what, since when it is so, and which change did it.

mod json;
mod past;
mod text;

use std::{
    io::{self, Write as _},
    net::IpAddr,
};

use cluster::{NamespacedName, ObjectChange, State};
use explain::{
    culprit::{self, Culprits},
    trace::{
        End, EndpointVerdict, Port, PortText, QueryError, Request, RequestVerdict, TraceQuery,
        protocol_name,
    },
};
use flow::{Identity, print::escape};
use proto::{
    flows::v1::{
        Change, GetChangesResponse, ListNamesRequest, ToldName, TraceRequest, TraceResponse, end,
        told_name,
    },
    google::Timestamp,
};

use past::{Between, Past};

use super::{
    clean, list::notes, manifests, manifests::Manifests, past_state, request::RequestArgs,
};
use crate::{
    connect::ServerArgs,
    error::Error,
    explain::is_outside_name,
    flag::{self, Given, TextFormat, or_environment},
    time_args::TimeArgs,
};

const EXAMPLES: &str = "Examples:
  flows why shop/web data/redis:6379
  flows why shop/web-7d9f8b6c5d-x2k4p 203.0.113.10:443
  flows why shop/web api.example.com:443
  flows why payments/fraud-check shop/inventory:8080 -o json
  flows why shop/web data/redis:6379 --at 2026-01-31T03:10:00Z
  flows why shop/web shop/api:8080 --http-method POST --http-path /admin/delete
  flows why shop/web kube-system/dns --dns-name api.example.com
  flows why shop/web shop/kafka:9092 --kafka-api-key produce --kafka-topic orders
  flows why shop/web 203.0.113.10:443 --sni api.example.com
An end is a workload or a pod, NAMESPACE/NAME, an address, or an entity such as world; a destination also a
name outside of the cluster, and an address is judged by the name that the pod was told it for. Each change that the
agents have recorded is taken back by itself on the present state, and the verdict asked for again: what is
named as the cause is proven to be one. With a request (the flags of `flows policy trace`) the rules of
layer 7 of both ends are asked, too, and what is told of the past is about such requests.";

/// Say why a connection or request is denied: since when, by what, and which change did it
#[derive(Clone, Debug, clap::Args)]
#[command(override_usage = "flows why SOURCE DESTINATION[:PORT[/PROTOCOL]] [flags]", after_help = EXAMPLES)]
pub(crate) struct Args {
    /// who opens the connection
    #[arg(value_name = "SOURCE")]
    source: String,
    /// to whom, and on which port; without it 53/udp if a DNS name is asked for
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
    #[command(flatten)]
    sent: RequestArgs,
}

/// All that is said.
struct Answer<'a> {
    source: String,
    destination: String,
    /// What the connection is to carry.
    request: Option<Request>,
    now: TraceResponse,
    /// What the ends say, the source first.
    verdicts: Vec<EndpointVerdict>,
    /// What `now` means, if it isn't the present.
    at: Option<Timestamp>,
    past: Past,
    /// Of an address: what only its agents know of it, such as the names that the source was told it for.
    known_to_agents: Vec<String>,
    found: Culprits,
    /// Of each end that denies by default, the rule that comes nearest to allowing it.
    nearest: [Option<String>; 2],
    changes: &'a [Change],
    recorded: &'a GetChangesResponse,
}

/// Answers it.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let zone = args.times.zone()?;
    let (destination, port) = with_port(&args.destination, args.sent.is_dns())?;
    let at = args.at.as_deref();
    let at = at.map(|text| past_state::moment(text, &zone)).transpose()?;
    let mut manifests = manifests::of_server(server).await?;
    let mut recorded = recorded(&manifests, server).await?;
    if let Some(at) = at {
        manifests = past_state::as_of(manifests, &mut recorded, at, &zone)?;
    }
    let question = |error: QueryError| Error::Usage(escape(&error.to_string()));
    let request = explain::proto::trace_request(&TraceRequest {
        request: args.sent.request()?,
        ..TraceRequest::default()
    })
    .map_err(question)?;
    let mut query = TraceQuery {
        source: end(&manifests.inputs.state, &args.source)?,
        destination: match is_outside_name(destination) {
            true => End::fqdn(destination).map_err(question)?,
            false => end(&manifests.inputs.state, destination)?,
        },
        port: Port::Number {
            protocol: port.protocol,
            port: port.port,
        },
    };
    // Policies open an address by the name that the pod was told it for.
    let mut named = None;
    if let (None, Some(server)) = (at, &manifests.server) {
        named = name_of_destination(server, &query).await;
        if let Some(name) = &named {
            query.destination = End::fqdn(name).map_err(question)?;
        }
    }
    let explained = manifests
        .inputs
        .context()
        .answer(&query, request.as_ref())
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
        request.as_ref(),
        &objects,
    );
    let between = Between {
        source: &args.source,
        destination,
        port,
        until: at,
    };
    let is_read = explained.verdicts().any(|end| end.request.is_some());
    let past = match &request {
        // What nobody reads is told of by its connections alone.
        Some(request) if is_read => between.requests(server, request).await?,
        Some(_) | None => between.connections(server).await?,
    };
    let judged_by_name = named.map(|name| {
        format!(
            "{destination} is {name} to {}: it is judged by this name",
            args.source
        )
    });
    let mut known_to_agents = match (&query.destination, at, &manifests.server) {
        (End::Ip(_), None, Some(server)) => {
            known_to_agents(server, &query, port, &explained.notes).await
        }
        (_, _, _) => Vec::new(),
    };
    known_to_agents.extend(judged_by_name);
    let answer = Answer {
        known_to_agents,
        source: args.source.clone(),
        destination: args.destination.clone(),
        now: clean::trace(explain::proto::trace(&explained)),
        verdicts: explained.verdicts().cloned().collect(),
        request,
        past,
        at,
        found: found.map_err(question)?,
        nearest: [&explained.egress, &explained.ingress].map(|verdict| {
            let verdict = verdict.as_ref()?;
            let request = verdict.request.as_ref().and_then(RequestVerdict::nearest);
            let rule = || verdict.nearest_rule().map(|nearest| nearest.to_string());
            Some(escape(&request.or_else(rule)?))
        }),
        changes: &changes,
        recorded: &recorded,
    };
    let output = flag::get(&or_environment(&args.output, "output"))?;
    let mut out = io::stdout().lock();
    match output {
        Some(TextFormat::Json) => Ok(proto::json::write_pretty(&mut out, &json::of(&answer))?),
        Some(TextFormat::Text) | None => Ok(out.write_all(text::of(&answer, &zone).as_bytes())?),
    }
}

/// `NAME:PORT`, `NAME:53/udp`, as `flows policy trace` takes them, the port by its number, as flows have it; of a
/// question for a DNS name `NAME` alone is enough.
fn with_port(text: &str, is_dns: bool) -> Result<(&str, PortText), Error> {
    const DNS: PortText = PortText {
        protocol: 17,
        port: 53,
    };
    let is_whole = text.parse::<IpAddr>().is_ok() || !text.contains(':');
    if is_dns && is_whole {
        return Ok((text, DNS));
    }
    let wrong = |problem: String| {
        Error::Hinted(
            problem,
            "NAMESPACE/NAME:PORT, such as data/redis:6379 or kube-system/dns:53/udp".to_owned(),
        )
    };
    let (name, port) = super::trace::with_port(text);
    let port = port.ok_or_else(|| wrong(format!("{text:?} names no port")))?;
    match Port::parse(port).map_err(|error| wrong(error.to_string()))? {
        Port::Number { protocol, port } if has_ports(protocol) => {
            Ok((name.trim_matches(['[', ']']), PortText { protocol, port }))
        }
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

/// The name that an address outside of the cluster has for the pod that is asked about, one that rules open before
/// others; `None` also where it isn't known.
async fn name_of_destination(server: &client::Server, query: &TraceQuery) -> Option<String> {
    let (End::Pod(pod), End::Ip(address)) = (&query.source, &query.destination) else {
        return None;
    };
    let asked = ListNamesRequest {
        pod: pod.to_string(),
        ..ListNamesRequest::default()
    };
    let answer = server.list_names(asked).await.ok()?;
    name_of(&answer.names, *address)
}

/// The name by which an address is judged.
fn name_of(names: &[ToldName], address: IpAddr) -> Option<String> {
    let is_meant = |name: &&ToldName| !name.is_alias && name.address.parse() == Ok(address);
    let names = names.iter().filter(is_meant);
    let name = names.min_by_key(|name| match name.state() {
        told_name::State::Open => 0,
        told_name::State::NotOpen => 1,
        told_name::State::Asked => 2,
        told_name::State::Unspecified => 3,
    });
    Some(name?.name.clone())
}

/// What agents say of a connection beyond what follows from the state: the names that an address has for a pod.
async fn known_to_agents(
    server: &client::Server,
    query: &TraceQuery,
    port: PortText,
    known: &[String],
) -> Vec<String> {
    let pod = match &query.source {
        End::Pod(pod) => pod.to_string(),
        End::Named(name) => name.to_string(),
        // Names are told to pods alone.
        End::Labels(_) | End::Ip(_) | End::Entity(_) | End::Former { .. } | End::Fqdn(_) => {
            return Vec::new();
        }
    };
    let End::Ip(address) = &query.destination else {
        return Vec::new();
    };
    let named = |of| Some(proto::flows::v1::End { of: Some(of) });
    let asked = TraceRequest {
        source: named(end::Of::Pod(pod)),
        destination: named(end::Of::Ip(address.to_string())),
        port: format!(
            "{}/{}",
            port.port,
            protocol_name(port.protocol).to_lowercase()
        ),
        request: None,
    };
    match server.trace(asked).await {
        Ok(answer) => {
            let notes = answer.notes.into_iter();
            notes.filter(|note| !known.contains(note)).collect()
        }
        Err(error) => vec![format!(
            "what names the address has for the pod is not known: {error}"
        )],
    }
}

async fn recorded(manifests: &Manifests, server: &ServerArgs) -> Result<GetChangesResponse, Error> {
    let answer = match &manifests.server {
        Some(server) => past_state::changes(server).await?,
        None => past_state::changes(&server.connect().await?).await?,
    };
    notes(&answer.notes);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_judged_by_the_name_that_rules_open() {
        let told = |name: &str, address: &str, state: told_name::State, is_alias| ToldName {
            name: name.to_owned(),
            address: address.to_owned(),
            state: state.into(),
            is_alias,
            ..ToldName::default()
        };
        let names = [
            told("cdn.net", "203.0.113.10", told_name::State::Open, true),
            told("www.org", "203.0.113.10", told_name::State::Asked, false),
            told("api.org", "203.0.113.10", told_name::State::Open, false),
            told("old.org", "203.0.113.11", told_name::State::Asked, false),
        ];
        let name = |address: [u8; 4]| name_of(&names, address.into());
        assert_eq!(name([203, 0, 113, 10]).as_deref(), Some("api.org"));
        assert_eq!(name([203, 0, 113, 11]).as_deref(), Some("old.org"));
        assert_eq!(name([203, 0, 113, 12]), None);
    }

    #[test]
    fn ports_are_read_as_trace_reads_them() {
        for (text, name, number, protocol) in [
            ("data/redis:6379", "data/redis", 6379, 6),
            ("kube-system/dns:53/udp", "kube-system/dns", 53, 17),
            ("[fd00::1]:443", "fd00::1", 443, 6),
            ("10.0.0.1:80/TCP", "10.0.0.1", 80, 6),
        ] {
            let (found, port) = with_port(text, false).unwrap();
            assert_eq!((found, port.port, port.protocol), (name, number, protocol));
        }
        for (text, wanted) in [
            ("data/redis", "names no port"),
            ("fd00::1", "names no port"),
            ("data/redis:0", "\"0\""),
            ("data/redis:http", "\"http\" is not the number"),
            ("shop/web:8/icmp", "is not the number"),
            ("shop/web:80/quic", "\"80/quic\""),
        ] {
            let error = with_port(text, false).err().unwrap();
            assert!(error.to_string().contains(wanted), "{text}: {error}");
            assert!(error.hint().is_some(), "{text}");
        }
    }
}
