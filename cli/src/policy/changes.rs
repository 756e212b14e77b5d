//! `flows changes`: what changed in the cluster, and when it came into force.

use std::io::{self, Write};

use flow::time::{TimeFormat, Zone};
use proto::flows::v1::{Change, GetChangesRequest, GetChangesResponse, change::Action};
use proto::google::Timestamp;

use super::list::{OutputArgs, notes};
use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given},
    line::line,
    table, text,
    time_args::TimeArgs,
};

/// Changes shown when nothing says which.
const DEFAULT_LAST: u64 = 20;

const EXAMPLES: &str = "Examples:
  flows changes                              the newest changes of the cluster's state
  flows changes --since 1h --kind cnp        what happened to policies within the last hour
  flows changes --for production/frontend    what can concern a pod
  flows changes --since 2026-01-31T12:00:00Z --until 2026-01-31T12:05:00Z -o json

A change is listed once, with the time at which it came into force on the first node. NODES says where
it is in force if that is not everywhere, or not at once.";

/// Show what changed: policies, pods, namespaces, groups, and where in which file
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    times: TimeArgs,
    /// show changes since this time (RFC 3339, 2006-01-02) or duration ago (5m, 1h30m)
    #[arg(long, value_name = "TIME", help_heading = "Which changes")]
    since: Option<String>,
    /// show changes until this time
    #[arg(long, value_name = "TIME", help_heading = "Which changes")]
    until: Option<String>,
    /// the newest N changes [default: 20, all with --since; at most 1000]
    #[arg(long, value_name = "N", help_heading = "Which changes")]
    last: Option<Given<u64>>,
    /// changes that can concern this pod: its own, its namespace's labels, policies that select it, their peers
    #[arg(
        long = "for",
        value_name = "NAMESPACE/POD",
        help_heading = "Which changes"
    )]
    pod: Option<String>,
    /// changes of this kind: cnp, ccnp, netpol, pod, ns, ccg, svc, node, ...
    #[arg(long, value_name = "KIND", help_heading = "Which changes")]
    kind: Option<String>,
    /// changes of objects of this name: web, shop/web
    #[arg(long, value_name = "NAME", help_heading = "Which changes")]
    name: Option<String>,
}

/// Kinds by the names that people and manifests give them.
const KINDS: [cluster::Kind; 9] = [
    cluster::Kind::CiliumNetworkPolicy,
    cluster::Kind::CiliumClusterwideNetworkPolicy,
    cluster::Kind::NetworkPolicy,
    cluster::Kind::CiliumCidrGroup,
    cluster::Kind::Pod,
    cluster::Kind::Namespace,
    cluster::Kind::Service,
    cluster::Kind::EndpointSlice,
    cluster::Kind::Node,
];

/// The kind of a name.
///
/// # Errors
/// There is none.
fn kind(name: &str) -> Result<&'static str, Error> {
    let is = |kind: &&cluster::Kind| {
        let singular = name.strip_suffix('s').filter(|it| !it.is_empty());
        [Some(name), singular].into_iter().flatten().any(|name| {
            name.eq_ignore_ascii_case(kind.name()) || name.eq_ignore_ascii_case(kind.short())
        })
    };
    if let Some(kind) = KINDS.iter().find(is) {
        return Ok(kind.name());
    }
    let names = KINDS.iter().flat_map(|kind| [kind.short(), kind.name()]);
    let shorts: Vec<&str> = KINDS.iter().map(|kind| kind.short()).collect();
    let hint = match flow::spelling::closest(name, names) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("one of {}", shorts.join(", ")),
    };
    Err(Error::Hinted(format!("unknown kind {name:?}"), hint))
}

fn request(args: &Args, zone: &Zone) -> Result<GetChangesRequest, Error> {
    let now = Timestamp::from(std::time::SystemTime::now());
    let moment = |name: &str, text: &Option<String>| {
        let text = text.as_ref().filter(|text| !text.is_empty());
        let moment = text.map(|text| flow::time::parse(text, now, zone));
        moment.transpose().map_err(|error| {
            Error::Hinted(
                format!("failed to parse the {name} time: {error}"),
                format!("--{name} 5m (before now), --{name} 2026-01-31T12:00:00Z"),
            )
        })
    };
    let since = moment("since", &args.since)?;
    let number = match (flag::get(&args.last)?, since) {
        (Some(number), _) => number,
        (None, Some(_)) => 0,
        (None, None) => DEFAULT_LAST,
    };
    let name = args.name.as_deref().unwrap_or_default();
    let (namespace, name) = name.rsplit_once('/').unwrap_or(("", name));
    let kind = args.kind.as_deref().map(kind).transpose()?;
    Ok(GetChangesRequest {
        since,
        until: moment("until", &args.until)?,
        pod: args.pod.clone().unwrap_or_default(),
        kind: kind.unwrap_or_default().to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        number: u32::try_from(number).unwrap_or(u32::MAX),
        without_objects: !args.output.is_json()?,
    })
}

/// Shows the changes.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let zone = args.times.zone()?;
    let request = request(args, &zone)?;
    let is_filtered = !(request.pod.is_empty()
        && request.kind.is_empty()
        && request.namespace.is_empty()
        && request.name.is_empty());
    let (since, until) = (request.since, request.until);
    let answer = server.connect().await?.get_changes(request).await;
    let answer = answer.map_err(Error::Request)?;
    notes(&answer.notes);
    let mut out = anstream::stdout().lock();
    if args.output.is_json()? {
        return Ok(proto::json::write_pretty(&mut out, &answer)?);
    }
    if answer.changes.is_empty() {
        return Ok(say(&nothing(&answer, is_filtered, since, until, &zone))?);
    }
    table(&mut out, &answer, &zone)?;
    if answer.left_out > 0 {
        let left_out = text::many(answer.left_out, "older change");
        say(&format!(
            "Note: {left_out} not shown; see --last and --since"
        ))?;
    } else if since.is_none_or(|since| Some(since) < answer.complete_since) {
        let recorded = answer.complete_since.as_ref();
        let recorded = TimeFormat::StampMilli.text(recorded, &zone);
        say(&format!(
            "Note: changes are recorded since {recorded}; earlier ones are not known"
        ))?;
    }
    Ok(())
}

/// What is no part of the answer; aside, so that what reads the answer can go on.
pub(super) fn say(text: &str) -> io::Result<()> {
    line!(io::stderr().lock(), "{text}")
}

/// Why there is nothing.
fn nothing(
    answer: &GetChangesResponse,
    is_filtered: bool,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    zone: &Zone,
) -> String {
    let moment = |moment: &Timestamp| TimeFormat::StampMilli.text(Some(moment), zone);
    let Some(recorded) = &answer.complete_since else {
        return "No changes are recorded: nothing has come into force yet".to_owned();
    };
    let what = match is_filtered {
        true => "No change matches",
        false => "Nothing changed",
    };
    let from = since.filter(|since| since > recorded);
    let mut text = match (&from, &until) {
        (Some(since), Some(until)) => {
            format!("{what} between {} and {}", moment(since), moment(until))
        }
        (Some(since), None) => format!("{what} since {}", moment(since)),
        (None, Some(until)) => format!("{what} until {}", moment(until)),
        (None, None) => what.to_owned(),
    };
    text.push_str(&format!(
        "; changes are recorded since {}",
        moment(recorded)
    ));
    text
}

fn table(out: &mut dyn Write, answer: &GetChangesResponse, zone: &Zone) -> io::Result<()> {
    let newest = answer.changes.last().and_then(|change| change.time);
    let heading = zone.heading("TIME", newest.unwrap_or_default());
    let concerns = answer
        .changes
        .iter()
        .any(|change| !change.concerns.is_empty());
    let mut rows = vec![cells(
        [&heading, "REVISION", "WHAT", "WHERE"],
        "WHY",
        "NODES",
        concerns,
    )];
    for change in &answer.changes {
        let cell = [
            &TimeFormat::StampMilli.text(change.time.as_ref(), zone),
            &revisions(change),
            &what(change, zone),
            or_dash(&change.place),
        ];
        rows.push(cells(
            cell,
            &change.concerns,
            &nodes(change, answer),
            concerns,
        ));
    }
    // Rows stand below their heading.
    table::write_colored(out, &rows, |row| match row.checked_sub(1) {
        Some(change) => answer.changes.get(change).and_then(color),
        None => None,
    })
}

fn cells(first: [&str; 4], why: &str, nodes: &str, concerns: bool) -> Vec<String> {
    let mut cells = first.map(str::to_owned).to_vec();
    cells.extend(concerns.then(|| why.to_owned()));
    cells.push(nodes.to_owned());
    cells
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// What came is green, what went is red.
pub(super) fn color(change: &Change) -> Option<table::Color> {
    match change.action() {
        Action::Added => Some(table::Color::Green),
        Action::Removed => Some(table::Color::Red),
        Action::Changed | Action::FirstState | Action::Unspecified => None,
    }
}

/// The revision since, of several nodes the least and the greatest.
pub(crate) fn revisions(change: &Change) -> String {
    let revisions = || change.nodes.iter().map(|node| node.revision);
    match (revisions().min(), revisions().max()) {
        (Some(one), Some(other)) if one == other => one.to_string(),
        (Some(least), Some(greatest)) => format!("{least}-{greatest}"),
        (None, _) | (_, None) => "-".to_owned(),
    }
}

/// `cnp shop/web changed: lost rule ingress[1] (allows app=web on 6379/TCP)`.
pub(crate) fn what(change: &Change, zone: &Zone) -> String {
    let verb = match change.action() {
        Action::Added => "added",
        Action::Changed | Action::Unspecified => "changed",
        Action::Removed => "removed",
        Action::FirstState => {
            return format!("first state: {}", change.summary);
        }
    };
    let mut text = format!("{} {verb}", change.object);
    if !change.summary.is_empty() {
        text.push_str(": ");
        text.push_str(&change.summary);
    }
    text.push_str(&found(change, zone));
    text
}

/// When it was made, if that isn't when it came into force on any node.
pub(super) fn found(change: &Change, zone: &Zone) -> String {
    let is_found = change.nodes.iter().all(|node| node.found_at_start);
    if !is_found || change.nodes.is_empty() {
        return String::new();
    }
    let since = change
        .nodes
        .iter()
        .filter_map(|node| node.found_after)
        .max();
    match since {
        Some(since) => {
            let since = TimeFormat::StampMilli.text(Some(&since), zone);
            format!(" (made after {since}, while no agent ran)")
        }
        None => " (made while no agent ran)".to_owned(),
    }
}

/// Nothing if it came into force everywhere at once; a second is at once.
fn nodes(change: &Change, answer: &GetChangesResponse) -> String {
    const AT_ONCE_NS: i64 = 1_000_000_000;
    let ns = |time: Option<Timestamp>| time.map_or(0, Timestamp::unix_nanos);
    let names: Vec<&str> = change.nodes.iter().map(|node| &*node.node_name).collect();
    let after = ns(change.last_time).saturating_sub(ns(change.time));
    let late = match after > AT_ONCE_NS {
        true => format!("within {}", text::span(after)),
        false => String::new(),
    };
    let all = answer.node_names.len();
    match (names.len() < all, late.is_empty()) {
        (true, true) => format!("{} of {all}: {}", names.len(), names.join(", ")),
        (true, false) => format!("{} of {all}, {late}: {}", names.len(), names.join(", ")),
        (false, false) => format!("all, {late}"),
        (false, true) => String::new(),
    }
}
