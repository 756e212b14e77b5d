//! `flows policy trace`.

use std::{io::Write as _, net::IpAddr, path::Path};

use flow::Identity;
use policy::Config;
use proto::flows::v1::{End, TraceRequest, TraceResponse, end, trace_response::Verdict};

use super::{
    clean,
    list::notes,
    manifests::{self, Manifests, StateArgs},
    past_state,
    request::RequestArgs,
    show,
};
use crate::{
    connect::ServerArgs,
    error::Error,
    explain::is_outside_name,
    flag::{self, Given, Switch, TextFormat, or_environment},
    time_args::TimeArgs,
};

const EXAMPLES: &str = "Examples:
  flows policy trace shop/web shop/db:5432
  flows policy trace --src-pod shop/web --dst-pod shop/db --dport 5432
  flows policy trace --src-labels app=web --dst-labels app=db --dport 5432/tcp --state manifests/
  flows policy trace --src-labels app=new,io.kubernetes.pod.namespace=shop --dst-pod shop/db
  flows policy trace --src-ip 203.0.113.9 --dst-pod shop/web --dport http --exit-code
  flows policy trace shop/web shop/api:8080 --http-method POST --http-path /admin
  flows policy trace shop/web shop/api:8080 --http-path /items --http-header 'X-Token: abc'
  flows policy trace shop/web kube-system/dns --dns-name api.example.com
  flows policy trace shop/web shop/kafka:9092 --kafka-api-key produce --kafka-topic orders
  flows policy trace shop/web --dst-fqdn api.example.com --dport 443 --sni api.example.com

An end without a flag is a pod or a workload, NAMESPACE/NAME, or its name alone if only one has it, an address, or
an entity such as world; a destination also a name such as api.example.com. Both ends must allow a connection: egress is judged at the source, ingress at the destination, by the
code that runs in the kernel. Where no rule allows it, every policy that selects the end is listed,
and for each of its rules what didn't fit.

With a request both ends' rules of layer 7 are asked, too: which one allows it or, if none does,
which comes nearest, what of the request does not fit, and the smallest rule that would allow it. A
destination by its name, or by --dst-fqdn, is an address that DNS tells for the name: which rule of toFQDNs opens it,
and whether the source may ask for the name where its answers are read.";

/// Check whether a connection would be allowed, and why
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "flows policy trace [SOURCE DESTINATION[:PORT]] [flags]",
    after_help = EXAMPLES
)]
pub(crate) struct Args {
    /// who connects to whom, and on which port; else the flags say so
    #[arg(value_name = "SOURCE DESTINATION[:PORT]", num_args = 0..=2)]
    ends: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    destination: DestinationArgs,
    #[command(flatten)]
    sent: RequestArgs,
    /// destination port: 5432, 53/udp, a name such as http, 8/icmp (the type) or 128/icmpv6 [default protocol: TCP]; without it, which ports are allowed
    #[arg(long, value_name = "PORT", help_heading = "The connection")]
    dport: Option<String>,
    /// judge as of this time: with the policies, pods and labels of then (RFC 3339, or 10m ago)
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "state",
        help_heading = "Policies"
    )]
    at: Option<String>,
    /// exit with 1 if the verdict is DENIED (and with 2 if there is none)
    #[arg(long, help_heading = "Output")]
    exit_code: Option<Given<Switch>>,
    /// text or json [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<TextFormat>>,
    #[command(flatten)]
    times: TimeArgs,
    #[command(flatten)]
    state: StateArgs,
}

/// Who connects: one of these.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The connection")]
struct SourceArgs {
    /// source pod
    #[arg(long, value_name = "NAMESPACE/NAME")]
    src_pod: Option<String>,
    /// labels of the source pod: app=web,k8s:tier=data; for a pod that does not exist yet add io.kubernetes.pod.namespace=NAMESPACE
    #[arg(long, value_name = "LABELS")]
    src_labels: Option<String>,
    /// source IP address
    #[arg(long, value_name = "IP")]
    src_ip: Option<String>,
    /// source entity: host, remote-node, kube-apiserver, world, ...
    #[arg(long, value_name = "NAME")]
    src_entity: Option<String>,
}

/// Who is connected to: one of these.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The connection")]
struct DestinationArgs {
    /// destination pod
    #[arg(long, value_name = "NAMESPACE/NAME")]
    dst_pod: Option<String>,
    /// labels of the destination pod
    #[arg(long, value_name = "LABELS")]
    dst_labels: Option<String>,
    /// destination IP address
    #[arg(long, value_name = "IP")]
    dst_ip: Option<String>,
    /// destination entity
    #[arg(long, value_name = "NAME")]
    dst_entity: Option<String>,
    /// name outside of the cluster, as of toFQDNs
    #[arg(long, value_name = "NAME")]
    dst_fqdn: Option<String>,
}

impl DestinationArgs {
    fn is_given(&self) -> bool {
        let Self {
            dst_pod,
            dst_labels,
            dst_ip,
            dst_entity,
            dst_fqdn,
        } = self;
        let given = [dst_pod, dst_labels, dst_ip, dst_entity, dst_fqdn];
        given.iter().any(|flag| flag.is_some())
    }
}

/// Shows whether a connection would be allowed.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let coded = flag::is_on(&args.exit_code)?;
    match answer(args, server).await {
        Ok(verdict) => match exit_code(verdict, coded) {
            0 => Ok(()),
            code => Err(Error::Answered(code)),
        },
        // 1 means DENIED.
        Err(error) if coded => Err(Error::NoAnswer(Box::new(error))),
        Err(error) => Err(error),
    }
}

/// What a verdict ends the program with: with `--exit-code` 1 means DENIED. That not all have answered is
/// as good as no answer.
fn exit_code(verdict: Verdict, coded: bool) -> u8 {
    match (verdict, coded) {
        (Verdict::Unspecified | Verdict::Unknown, true) => 2,
        (Verdict::Unspecified | Verdict::Unknown, false) => 1,
        (Verdict::Allowed, _) | (Verdict::Denied, false) => 0,
        (Verdict::Denied, true) => 1,
    }
}

/// Shows the answer, and returns its verdict.
async fn answer(args: &Args, server: &ServerArgs) -> Result<Verdict, Error> {
    let format = flag::get(&or_environment(&args.output, "output"))?;
    let request = args.request()?;
    let answer = match &args.state.state {
        Some(directory) => of_directory(directory, args.state.config()?, &request)?,
        None if let Some(at) = &args.at => {
            args.state.check_running_cluster()?;
            let zone = args.times.zone()?;
            let at = past_state::moment(at, &zone)?;
            // In this order: what changes in between is taken back, too.
            let present = manifests::of_server(server).await?;
            let connected = server.connect().await?;
            let mut recorded = past_state::changes(&connected).await?;
            notes(&recorded.notes);
            of_manifests(
                &past_state::as_of(present, &mut recorded, at, &zone)?,
                &request,
            )?
        }
        None => {
            args.state.check_running_cluster()?;
            let server = server.connect().await?;
            let is_about_request = request.request.is_some();
            let answer = server.trace(request).await.map_err(Error::Request)?;
            checked(answer, is_about_request)
        }
    };
    let verdict = answer.verdict();
    let mut out = anstream::stdout().lock();
    let written = match format.unwrap_or(TextFormat::Text) {
        TextFormat::Json => proto::json::write_pretty(&mut out, &answer).map_err(Error::from),
        TextFormat::Text => {
            write!(out, "{}", show::trace(&clean::trace(answer))).map_err(Error::from)
        }
    };
    Error::unless_reader_is_gone(written)?;
    Ok(verdict)
}

/// An answer, of which it is unknown what becomes of the request where the server judges none.
fn checked(mut answer: TraceResponse, is_about_request: bool) -> TraceResponse {
    if is_about_request && answer.request.is_empty() && answer.verdict() == Verdict::Allowed {
        answer.verdict = Verdict::Unknown.into();
        answer.notes.push(
            "the server judges connections, not requests: it is older than this flows, or it asked an agent \
             that is"
                .to_owned(),
        );
    }
    answer
}

fn of_directory(
    directory: &Path,
    config: Config,
    request: &TraceRequest,
) -> Result<TraceResponse, Error> {
    let known = manifests::read(directory, config)?;
    known.complain();
    of_manifests(&known, request)
}

fn of_manifests(known: &Manifests, request: &TraceRequest) -> Result<TraceResponse, Error> {
    let query = explain::proto::trace_query(request)?;
    let sent = explain::proto::trace_request(request)?;
    let explanation = known.inputs.context().answer(&query, sent.as_ref())?;
    Ok(explain::proto::trace(&explanation))
}

impl Args {
    fn request(&self) -> Result<TraceRequest, Error> {
        if self.dport.as_ref().is_some_and(String::is_empty) {
            return Err(Error::Usage(
                "--dport is empty; leave it out to ask about any port".to_owned(),
            ));
        }
        let (source_end, destination_end, port) = self.ends()?;
        let source = &self.source;
        let source = [
            source_end,
            source.src_pod.clone().map(end::Of::Pod),
            source.src_labels.clone().map(end::Of::Labels),
            source.src_ip.clone().map(end::Of::Ip),
            source.src_entity.clone().map(end::Of::Entity),
        ];
        let destination = &self.destination;
        let destination = [
            destination_end,
            destination.dst_pod.clone().map(end::Of::Pod),
            destination.dst_labels.clone().map(end::Of::Labels),
            destination.dst_ip.clone().map(end::Of::Ip),
            destination.dst_entity.clone().map(end::Of::Entity),
            destination.dst_fqdn.clone().map(end::Of::Fqdn),
        ];
        let request = self.sent.request()?;
        let port = port.or_else(|| self.dport.clone());
        let port = port.or_else(|| self.sent.is_dns().then(|| "53/udp".to_owned()));
        Ok(TraceRequest {
            source: Some(one_end("source", "src", source)?),
            destination: Some(one_end("destination", "dst", destination)?),
            port: port.unwrap_or_default(),
            request,
        })
    }

    /// Both ends and the port, of what is named without a flag.
    #[expect(clippy::type_complexity, reason = "three things that may be missing")]
    fn ends(&self) -> Result<(Option<end::Of>, Option<end::Of>, Option<String>), Error> {
        let (source, destination) = match self.ends.as_slice() {
            [] => return Ok((None, None, None)),
            [source, destination, ..] => (source, destination),
            [source] if self.destination.is_given() => {
                return Ok((Some(end_named(source)), None, None));
            }
            [one] => {
                return Err(Error::Hinted(
                    format!("{one:?} is one end of a connection, and the other is missing"),
                    "flows policy trace SOURCE DESTINATION:PORT".to_owned(),
                ));
            }
        };
        let (destination, port) = with_port(destination);
        if port.is_some() && self.dport.is_some() {
            return Err(Error::Usage(
                "the port is named twice: behind the destination and by --dport".to_owned(),
            ));
        }
        Ok((
            Some(end_named(source)),
            Some(destination_named(destination)),
            port.map(str::to_owned),
        ))
    }
}

/// Of a destination also a name outside of the cluster.
fn destination_named(text: &str) -> end::Of {
    match is_outside_name(text) {
        true => end::Of::Fqdn(text.to_owned()),
        false => end_named(text),
    }
}

/// An address, an entity, or else a pod.
fn end_named(text: &str) -> end::Of {
    let bare = text.trim_matches(['[', ']']);
    if bare.parse::<IpAddr>().is_ok() {
        return end::Of::Ip(bare.to_owned());
    }
    match Identity::named(text) {
        Some(_) => end::Of::Entity(text.to_owned()),
        None => end::Of::Pod(text.to_owned()),
    }
}

/// `NAME:PORT`; an IPv6 address with a port is in brackets.
pub(super) fn with_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, port))
            if text.parse::<IpAddr>().is_err() && !name.is_empty() && !port.is_empty() =>
        {
            (name, Some(port))
        }
        _ => (text, None),
    }
}

/// The one end that is given.
fn one_end<const N: usize>(
    what: &str,
    prefix: &str,
    given: [Option<end::Of>; N],
) -> Result<End, Error> {
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(end), None) => Ok(End { of: Some(end) }),
        _ => {
            let or = match N {
                5 => format!(" or --{prefix}-entity"),
                _ => format!(", --{prefix}-entity or --{prefix}-fqdn"),
            };
            Err(Error::Usage(format!(
                "name one {what}: as in flows policy trace SOURCE DESTINATION:PORT, or by --{prefix}-pod, --{prefix}-labels, --{prefix}-ip{or}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_what_they_look_like() {
        for (text, end, port) in [
            (
                "shop/db:5432",
                end::Of::Pod("shop/db".to_owned()),
                Some("5432"),
            ),
            ("db", end::Of::Pod("db".to_owned()), None),
            (
                "shop/dns:53/udp",
                end::Of::Pod("shop/dns".to_owned()),
                Some("53/udp"),
            ),
            (
                "10.0.0.1:80",
                end::Of::Ip("10.0.0.1".to_owned()),
                Some("80"),
            ),
            ("fd00::1", end::Of::Ip("fd00::1".to_owned()), None),
            (
                "[fd00::1]:80",
                end::Of::Ip("fd00::1".to_owned()),
                Some("80"),
            ),
            (
                "world:443",
                end::Of::Entity("world".to_owned()),
                Some("443"),
            ),
            (
                "api.example.com:443",
                end::Of::Fqdn("api.example.com".to_owned()),
                Some("443"),
            ),
        ] {
            let (name, found) = with_port(text);
            assert_eq!((destination_named(name), found), (end, port), "{text}");
        }
    }

    #[test]
    fn what_is_unknown_never_ends_as_if_it_were_allowed() {
        for (verdict, plain, coded) in [
            (Verdict::Allowed, 0, 0),
            (Verdict::Denied, 0, 1),
            (Verdict::Unknown, 1, 2),
            (Verdict::Unspecified, 1, 2),
        ] {
            let codes = (exit_code(verdict, false), exit_code(verdict, true));
            assert_eq!(codes, (plain, coded), "{verdict:?}");
        }
    }
}
