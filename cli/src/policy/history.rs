//! `flows policy history`: the versions of a policy, and what differs between them.

use std::io::{self, Write};

use client::policy_history::{self, LineKind, PolicyVersion, is_policy, versions};
use flow::print::{escape, escape_lines};
use flow::time::{TimeFormat, Zone};
use proto::flows::v1::{GetChangesRequest, GetChangesResponse, change::Action};
use proto::google::Timestamp;

use super::changes::{color, found, revisions, say};
use super::list::{OutputArgs, notes, row, similar as similar_names};
use crate::{connect::ServerArgs, error::Error, line::line, table, time_args::TimeArgs};

const EXAMPLES: &str = "Examples:
  flows policy history shop/web              the versions that are known, and what each changed
  flows policy history shop/web --diff       what differs from version to version
  flows policy history shop/web --diff v3    what v3 changed
  flows policy history 'cnp shop/web' --diff v1 v4";

/// Show the versions of a policy: when each came into force, and what it changed
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    times: TimeArgs,
    /// one policy: web, shop/web or 'cnp shop/web'
    #[arg(value_name = "NAME")]
    name: String,
    /// show what differs between two versions; of one: what it changed; of none: what each changed
    #[arg(long, value_name = "VERSION", num_args = 0..=2, help_heading = "Output")]
    diff: Option<Vec<String>>,
}

/// `v3`.
fn name(version: &PolicyVersion<'_>) -> String {
    format!("v{}", version.number)
}

/// Shows them.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let zone = args.times.zone()?;
    let server = server.connect().await?;
    let (kind, rest) = args.name.split_once(' ').unwrap_or(("", &args.name));
    let (namespace, name) = rest.rsplit_once('/').unwrap_or(("", rest));
    let request = GetChangesRequest {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..GetChangesRequest::default()
    };
    let mut answer = server.get_changes(request).await.map_err(Error::Request)?;
    notes(&answer.notes);
    answer.changes.retain(|change| is_policy(&change.kind));
    if answer.changes.is_empty() {
        return Err(unchanged(&args.name, &answer, &server, &zone).await?);
    }
    let mut names: Vec<&str> = answer
        .changes
        .iter()
        .map(|change| &*change.object)
        .collect();
    names.sort_unstable();
    names.dedup();
    if let [_, _, ..] = names[..] {
        return Err(Error::Usage(escape(&format!(
            "{} names several policies: {}",
            args.name,
            names.join(", ")
        ))));
    }
    let mut out = anstream::stdout().lock();
    if args.output.is_json()? {
        return Ok(proto::json::write_pretty(&mut out, &answer)?);
    }
    let versions = versions(&answer.changes);
    match &args.diff {
        None => list(&mut out, &versions, &answer, &zone)?,
        Some(wanted) => diffs(&mut out, &versions, wanted, names[0], &zone)?,
    }
    Ok(())
}

/// Why there is no history: there is no such policy, or it has not changed.
async fn unchanged(
    name: &str,
    answer: &GetChangesResponse,
    server: &client::Server,
    zone: &Zone,
) -> Result<Error, Error> {
    let present = server.get_policies().await.map_err(Error::Request)?;
    let known = present.policies.iter().map(|policy| policy.policy.clone());
    let mut known: Vec<String> = known.collect();
    let is_named = |full: &String| {
        let bare = full.split_once(' ').map_or(&**full, |(_, name)| name);
        [&**full, bare, bare.rsplit('/').next().unwrap_or(bare)].contains(&name)
    };
    let since = answer.complete_since.as_ref();
    let since = since.map(|since| TimeFormat::StampMilli.text(Some(since), zone));
    if let Some(policy) = known.iter().find(|full| is_named(full)) {
        let since = since.map_or_else(String::new, |since| {
            format!(" since {since}, as far back as changes are recorded")
        });
        return Ok(Error::Usage(escape(&format!(
            "{policy} has not changed{since}"
        ))));
    }
    let all = GetChangesRequest {
        without_objects: true,
        ..GetChangesRequest::default()
    };
    let all = server.get_changes(all).await.map_err(Error::Request)?;
    let gone = all
        .changes
        .into_iter()
        .filter(|change| is_policy(&change.kind));
    known.extend(gone.map(|change| change.object));
    known.sort();
    known.dedup();
    Ok(Error::Usage(format!(
        "no policy {} is enforced, and none has changed{}{}",
        escape(name),
        since.map_or_else(String::new, |since| format!(" since {since}")),
        similar_names(name, &known)
    )))
}

fn moment(version: &PolicyVersion<'_>, zone: &Zone) -> String {
    let time = version.change.and_then(|change| change.time);
    match time {
        Some(time) => TimeFormat::StampMilli.text(Some(&time), zone),
        None => "earlier".to_owned(),
    }
}

fn list(
    out: &mut dyn Write,
    versions: &[PolicyVersion<'_>],
    answer: &GetChangesResponse,
    zone: &Zone,
) -> io::Result<()> {
    let newest = answer.changes.last().and_then(|change| change.time);
    let heading = zone.heading("TIME", newest.unwrap_or_default());
    let mut rows = vec![row(["VERSION", &heading, "REVISION", "WHAT", "WHERE"])];
    for version in versions {
        let (of, what, place, revision) = match version.change {
            None => {
                let since = answer.complete_since.unwrap_or_default();
                let since = TimeFormat::StampMilli.text(Some(&since), zone);
                let what = match answer.left_out {
                    0 => format!("in force when recording began ({since})"),
                    _ => "as it was before the changes below".to_owned(),
                };
                (name(version), what, "-", "-".to_owned())
            }
            Some(change) => {
                let what = match change.action() {
                    Action::Removed => format!("removed{}", found(change, zone)),
                    Action::Added => format!("added: {}{}", change.summary, found(change, zone)),
                    Action::Changed | Action::FirstState | Action::Unspecified => {
                        format!("{}{}", change.summary, found(change, zone))
                    }
                };
                let of = match version.yaml {
                    Some(_) => name(version),
                    None => "-".to_owned(),
                };
                (of, what, &*change.place, revisions(change))
            }
        };
        rows.push(row([&of, &moment(version, zone), &revision, &what, place]));
    }
    table::write_colored(out, &rows, |row| {
        let version = versions.get(row.checked_sub(1)?)?;
        color(version.change?)
    })?;
    if answer.left_out > 0 {
        say("Note: older versions are known, and left out")?;
    }
    Ok(())
}

/// The version of a name: `v3` or `3`.
///
/// # Errors
/// There is none.
fn find<'v, 'a>(
    versions: &'v [PolicyVersion<'a>],
    name: &str,
) -> Result<&'v PolicyVersion<'a>, Error> {
    let number = name.strip_prefix('v').unwrap_or(name).parse::<usize>().ok();
    let mut there = versions.iter().filter(|version| version.yaml.is_some());
    there
        .find(|version| Some(version.number) == number)
        .ok_or_else(|| {
            let last = versions.iter().map(|version| version.number).max();
            let last = last.unwrap_or_default();
            Error::Hinted(
                format!("there is no version {}", escape(name)),
                match last {
                    1 => "v1 is the only one".to_owned(),
                    last => format!("one of v1 to v{last}"),
                },
            )
        })
}

fn diffs(
    out: &mut dyn Write,
    versions: &[PolicyVersion<'_>],
    wanted: &[String],
    policy: &str,
    zone: &Zone,
) -> Result<(), Error> {
    if let [one, other] = wanted {
        let (one, other) = (find(versions, one)?, find(versions, other)?);
        return Ok(diff(out, one, other, policy, zone)?);
    }
    let only = wanted
        .first()
        .map(|name| find(versions, name))
        .transpose()?;
    let is_wanted = |version: &PolicyVersion<'_>| {
        only.is_none_or(|only| only.number == version.number && version.yaml.is_some())
    };
    let mut shown = false;
    // What was added is compared with nothing.
    let nothing = PolicyVersion {
        number: 0,
        change: None,
        yaml: None,
    };
    let before = std::iter::once(&nothing).chain(versions);
    for (before, version) in before
        .zip(versions)
        .filter(|(_, version)| is_wanted(version))
    {
        if version.change.is_some() {
            diff(out, before, version, policy, zone)?;
            shown = true;
        }
    }
    if !shown {
        say("Nothing is known of what was before that version")?;
    }
    Ok(())
}

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const CYAN: &str = "\u{1b}[36m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// A unified diff, as `git diff` colors it.
fn diff(
    out: &mut dyn Write,
    before: &PolicyVersion<'_>,
    after: &PolicyVersion<'_>,
    policy: &str,
    zone: &Zone,
) -> io::Result<()> {
    let title = |version: &PolicyVersion<'_>| match version.yaml {
        None => "none".to_owned(),
        Some(_) => {
            let time: Option<Timestamp> = version.change.and_then(|change| change.time);
            let zone_name = zone.abbreviation(time.unwrap_or_default());
            let at = match time {
                Some(_) => format!("{} {zone_name}", moment(version, zone)),
                None => "earlier".to_owned(),
            };
            escape(&format!("{policy} {} ({at})", name(version)))
        }
    };
    let text = |version: &PolicyVersion<'_>| escape_lines(version.yaml.unwrap_or_default());
    let (old, new) = (text(before), text(after));
    writeln!(out, "{BOLD}--- {}{PLAIN}", title(before))?;
    writeln!(out, "{BOLD}+++ {}{PLAIN}", title(after))?;
    if old == new {
        return line!(out, "(the texts are the same)");
    }
    for hunk in policy_history::diff(&old, &new) {
        writeln!(out, "{CYAN}{}{PLAIN}", hunk.header)?;
        for (kind, line) in &hunk.lines {
            match kind {
                LineKind::Same => writeln!(out, " {line}")?,
                LineKind::Removed => writeln!(out, "{RED}-{line}{PLAIN}")?,
                LineKind::Added => writeln!(out, "{GREEN}+{line}{PLAIN}")?,
            }
        }
    }
    Ok(())
}
