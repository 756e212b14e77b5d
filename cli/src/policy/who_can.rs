//! `flows who-can`: who can reach a workload, and whom it can reach.

use std::{collections::BTreeSet, io::Write, path::Path, sync::Arc};

use cluster::spelling::{closest_by, did_you_mean};
use explain::{
    connectivity::{PeerGroup, PeerKind},
    diff_report::{Names, reason_text},
    trace::{Port, QueryError},
    who_can::{AllowedEdge, CarriedRequests, Reachability, RuleUse, WhoCan},
};
use flow::print::escape;
use serde::Serialize;

use super::{
    diff::{JsonPeer, JsonReason},
    flows::FlowArgs,
    list::{as_json, row},
    manifests::{self, Manifests, StateArgs},
};
use crate::{
    connect::ServerArgs,
    error::Error,
    explain::is_outside_name,
    flag::{self, Given, TextFormat, or_environment},
    line::line,
    table, text,
};

const REACH: &str = "Examples:
  flows who-can reach shop/db                      any port
  flows who-can reach shop/db:5432                 or shop/db:53/udp, shop/db:http
  flows who-can reach api.example.com:443          a name outside of the cluster
  flows who-can reach shop/db --state manifests/   without a running cluster
  flows who-can reach shop/db --since 24h          what was never used in the last day?

A row is what the rules of both ends allow, by the code that runs in the kernel. With flows, workloads that
were not seen to connect have rows of their own: allowed, but never used. Where rules of layer 7 read what
is sent, REQUESTS has those rules, with flows also how many requests each allowed: such a row is used if one
of them was seen.";

const BE_REACHED_FROM: &str = "Examples:
  flows who-can be-reached-from shop/web
  flows who-can be-reached-from shop/web:443 -o json

What `flows who-can reach` tells, from the other end.";

/// Who can reach a pod or workload
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = REACH)]
pub(crate) struct ReachArgs {
    #[command(flatten)]
    args: Args,
}

/// Who can be reached from a pod or workload
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = BE_REACHED_FROM)]
pub(crate) struct BeReachedFromArgs {
    #[command(flatten)]
    args: Args,
}

#[derive(Clone, Debug, clap::Args)]
struct Args {
    /// NAMESPACE/NAME of a workload or pod, or its name alone if only one has it; of `reach` also a name outside of the cluster; with a port behind a colon
    #[arg(value_name = "POD|WORKLOAD[:PORT]")]
    of: String,
    /// text or json [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<TextFormat>>,
    #[command(flatten)]
    flows: FlowArgs,
    #[command(flatten)]
    state: StateArgs,
}

/// Shows who can reach it.
pub(crate) async fn reach(args: &ReachArgs, server: &ServerArgs) -> Result<(), Error> {
    run(WhoCan::Reach, &args.args, server).await
}

/// Shows whom it can reach.
pub(crate) async fn be_reached_from(
    args: &BeReachedFromArgs,
    server: &ServerArgs,
) -> Result<(), Error> {
    run(WhoCan::BeReachedFrom, &args.args, server).await
}

async fn run(asked: WhoCan, args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let format = flag::get(&or_environment(&args.output, "output"))?.unwrap_or(TextFormat::Text);
    let cluster = cluster(args.state.state.as_deref(), args, server).await?;
    cluster.complain();
    let flows = args.flows.read(cluster.server.as_ref()).await?;
    let reachability = Reachability::new(
        &cluster.inputs.context(),
        flows.as_ref().map(|flows| &flows.groups),
    );
    let groups: Vec<Arc<PeerGroup>> = reachability.groups().cloned().collect();
    let (name, port) = match args.of.split_once(':') {
        Some((name, port)) if !port.is_empty() => (name, Port::parse(port)?),
        Some((name, _)) => (name, Port::Any),
        None => (args.of.as_str(), Port::Any),
    };
    let of = match (find(name, &reachability), asked) {
        (Err(_), WhoCan::Reach) if is_outside_name(name) => {
            reachability.outside(name).into_iter().collect()
        }
        (found, _) => found?,
    };
    let port = number(&port, &of, &cluster, asked)?;
    let answer = Answer {
        asked,
        edges: reachability.edges(asked, &of, port),
        of,
        port,
        groups,
        origin: flows.map(|flows| flows.origin),
    };
    let mut out = anstream::stdout().lock();
    let written = match format {
        TextFormat::Json => as_json(
            &mut out,
            &answer.edges.iter().map(Edge::new).collect::<Vec<_>>(),
        ),
        TextFormat::Text => answer.write(&mut out),
    };
    Ok(written?)
}

async fn cluster(
    directory: Option<&Path>,
    args: &Args,
    server: &ServerArgs,
) -> Result<Manifests, Error> {
    match directory {
        Some(directory) => manifests::read(directory, args.state.config()?),
        None => {
            args.state.check_running_cluster()?;
            manifests::of_server(server).await
        }
    }
}

/// The groups that a name means: a workload's, or that of a pod.
fn find(name: &str, cluster: &Reachability) -> Result<Vec<Arc<PeerGroup>>, Error> {
    let found = cluster.named(name);
    let namespaces: BTreeSet<_> = found
        .iter()
        .filter_map(|group| group.pods.first().map(|pod| Arc::clone(&pod.namespace)))
        .collect();
    if namespaces.len() > 1 {
        let names: Vec<&str> = found.iter().map(|group| group.name.as_str()).collect();
        return Err(Error::Hinted(
            format!("several namespaces have {}", escape(name)),
            format!("name one of {}", escape(&names.join(", "))),
        ));
    }
    if found.is_empty() {
        let pods = cluster
            .groups()
            .filter(|group| group.kind == PeerKind::Pods);
        let known: Vec<&str> = pods.map(|group| group.name.as_str()).collect();
        let near: Vec<String> = closest_by(name, &known, |known| match name.contains('/') {
            true => *known,
            false => known.rsplit('/').next().unwrap_or(known),
        })
        .map(|near| escape(near))
        .into_iter()
        .collect();
        return Err(Error::Usage(format!(
            "there is no pod or workload {}{}",
            escape(name),
            did_you_mean(&near)
        )));
    }
    Ok(found)
}

/// The number of a port; a name is one of the asked pods' own.
fn number(
    port: &Port,
    of: &[Arc<PeerGroup>],
    cluster: &Manifests,
    asked: WhoCan,
) -> Result<Option<(u8, u16)>, Error> {
    let (protocol, name) = match port {
        Port::Any => return Ok(None),
        Port::Number { protocol, port } => return Ok(Some((*protocol, *port))),
        Port::Named { protocol, name } => (protocol, name),
    };
    if asked == WhoCan::BeReachedFrom {
        return Err(Error::Hinted(
            format!("{name} may be another port at each destination"),
            "ask for a port by its number".to_owned(),
        ));
    }
    let pods = of.iter().flat_map(|group| &group.pods);
    let pods = pods.filter_map(|pod| cluster.inputs.state.pods.get(pod));
    let known: BTreeSet<(Arc<str>, u8, u16)> = pods
        .flat_map(|pod| policy::ports_of(pod))
        .map(|port| (port.name, port.protocol, port.port))
        .collect();
    let mut found = known
        .iter()
        .filter(|(known, of, _)| known == name && protocol.is_none_or(|protocol| protocol == *of));
    match (found.next(), found.next()) {
        (Some((_, protocol, port)), None) => Ok(Some((*protocol, *port))),
        (Some(_), Some(_)) => Err(Error::Hinted(
            format!("{name} is not the same port at all of these pods"),
            "ask for a port by its number".to_owned(),
        )),
        (None, _) => {
            let names: Vec<&str> = known.iter().map(|(name, ..)| &**name).collect();
            Err(QueryError::NoNamedPort {
                destination: of
                    .first()
                    .map(|group| group.name.clone())
                    .unwrap_or_default(),
                name: name.to_string(),
                known: match names.is_empty() {
                    true => "it names no ports: ask by number".to_owned(),
                    false => format!("it has {}", names.join(", ")),
                },
            }
            .into())
        }
    }
}

/// What is shown.
struct Answer {
    asked: WhoCan,
    of: Vec<Arc<PeerGroup>>,
    port: Option<(u8, u16)>,
    edges: Vec<AllowedEdge>,
    groups: Vec<Arc<PeerGroup>>,
    /// Which flows were looked at.
    origin: Option<String>,
}

impl Answer {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        if self.edges.is_empty() {
            let names: Vec<&str> = self.of.iter().map(|group| group.name.as_str()).collect();
            let names = names.join(", ");
            return match self.asked {
                WhoCan::Reach => line!(out, "Nobody can reach {names}{}.", self.on_port()),
                WhoCan::BeReachedFrom => {
                    line!(out, "Nobody can be reached from {names}{}.", self.on_port())
                }
            };
        }
        let mut head = row(["FROM", "TO", "PORTS", "ALLOWED BY"]);
        // Where nothing reads requests there is nothing to say of them.
        let is_read = self.edges.iter().any(|edge| !edge.requests.is_empty());
        head.extend(is_read.then(|| "REQUESTS".to_owned()));
        head.extend(self.origin.iter().map(|_| "CONNECTIONS".to_owned()));
        let names = Names::new(&self.groups);
        let mut rows = vec![head];
        for edge in &self.edges {
            let (of, peers) = (edge.of.name.clone(), names.list(&edge.peers));
            let (from, to) = match self.asked {
                WhoCan::Reach => (peers, of),
                WhoCan::BeReachedFrom => (of, peers),
            };
            let mut cells = vec![from, to, edge.ports.to_string(), allowed_by(edge)];
            cells.extend(is_read.then(|| requests(&edge.requests)));
            cells.extend(edge.connections.map(used));
            rows.push(cells);
        }
        table::write(out, &rows)?;
        let Some(origin) = &self.origin else {
            return Ok(());
        };
        writeln!(out)?;
        let what = match is_read {
            true => "Connections and requests",
            false => "Connections",
        };
        line!(out, "{what} are those {origin}.")
    }

    fn on_port(&self) -> String {
        let port = self
            .port
            .map(|(protocol, port)| explain::trace::PortText { protocol, port });
        port.map(|port| format!(" on {port}")).unwrap_or_default()
    }
}

/// The rules of both ends; where one has none, those of the other are enough.
fn allowed_by(edge: &AllowedEdge) -> String {
    let rules = edge.rules().map(|reason| reason_text(Some(reason)));
    let rules: Vec<String> = rules.collect();
    match rules.is_empty() {
        true => "no policy".to_owned(),
        false => rules.join("; "),
    }
}

fn used(number: u64) -> String {
    match number {
        0 => "never used".to_owned(),
        number => text::grouped(number),
    }
}

/// What is let through: `HTTP GET /metrics (12), HTTP GET /cart (never used)`.
fn requests(ends: &[CarriedRequests]) -> String {
    let rule = |RuleUse { text, requests }: &RuleUse| match requests {
        None => text.clone(),
        Some(requests) => format!("{text} ({})", used(*requests)),
    };
    let of_end = |end: &CarriedRequests| {
        let rules: Vec<String> = end.rules.iter().map(rule).collect();
        let rules = match rules.is_empty() {
            true => "nothing".to_owned(),
            false => policy::bounded::list(&rules, ", "),
        };
        match ends.len() {
            1 => rules,
            _ => format!("{}: {rules}", end.direction),
        }
    };
    match ends {
        [] => "any".to_owned(),
        ends => ends.iter().map(of_end).collect::<Vec<_>>().join("; "),
    }
}

/// What an end lets through, as JSON.
#[derive(Serialize)]
struct Requests {
    direction: policy::Direction,
    /// None: nothing.
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
}

/// An edge as JSON.
#[derive(Serialize)]
struct Edge {
    of: JsonPeer,
    peers: Vec<JsonPeer>,
    ports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress: Option<JsonReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress: Option<JsonReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<u64>,
    /// Of the ends that read what is sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<Requests>,
}

impl Edge {
    fn new(edge: &AllowedEdge) -> Self {
        let reason = |reason: &Option<Arc<policy::Reason>>| {
            reason.as_ref().map(|reason| JsonReason::new(Some(reason)))
        };
        Self {
            of: JsonPeer::new(&edge.of),
            peers: edge.peers.iter().map(JsonPeer::new).collect(),
            ports: edge.ports.texts(),
            egress: reason(&edge.egress),
            ingress: reason(&edge.ingress),
            connections: edge.connections,
            requests: edge
                .requests
                .iter()
                .map(|end| Requests {
                    direction: end.direction,
                    rules: end
                        .rules
                        .iter()
                        .map(|rule| Rule {
                            text: rule.text.clone(),
                            requests: rule.requests,
                        })
                        .collect(),
                })
                .collect(),
        }
    }
}
