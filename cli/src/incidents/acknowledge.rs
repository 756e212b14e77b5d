//! `flows incidents acknowledge`: somebody knows of one, until a time. `flows top` says it with the same words.

use std::{
    io::{self, Write as _},
    time::SystemTime,
};

use flow::{print::escape, time::Zone};
use proto::{
    flows::v1::{AcknowledgeResponse, Acknowledgement},
    google::Timestamp,
};

use crate::{connect::ServerArgs, error::Error, text::many, time_args::TimeArgs};

/// How long it holds if nothing is said.
pub(crate) const DEFAULT: &str = "24h";

const EXAMPLES: &str = "Examples:
  flows incidents acknowledge 5809821d --until 8h --reason \"moves on Monday\"
  flows incidents acknowledge 5809821d --until 2026-02-01
It is kept by the servers (by every node that is connected), for everybody who looks, and changes
nothing of what is enforced.";

/// Say that an incident is known, until a time: it is listed last, and left out of --ongoing
#[derive(Clone, Debug, clap::Args)]
#[command(visible_alias = "ack", after_help = EXAMPLES)]
pub(super) struct Args {
    /// the incident, as `flows incidents` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// how long (8h, 30m), or until when (RFC 3339, 2006-01-02) [default: 24h]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// why it is left as it is
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// who says so [default: your user name]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    times: TimeArgs,
}

/// Take back that an incident is known
#[derive(Clone, Debug, clap::Args)]
#[command(visible_alias = "unack")]
pub(super) struct WithdrawArgs {
    /// the incident
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let zone = args.times.zone()?;
    let now = Timestamp::from(SystemTime::now());
    let said = Acknowledgement {
        by: args.by.clone().unwrap_or_else(user),
        reason: args.reason.clone().unwrap_or_default(),
        until: Some(until(args.until.as_deref().unwrap_or(DEFAULT), now, &zone)?),
        ..withdrawal(&args.id)
    };
    let answer = server.connect().await?.acknowledge(said).await?;
    tell(&args.id, &zone, &answer)
}

pub(super) async fn withdraw(args: &WithdrawArgs, server: &ServerArgs) -> Result<(), Error> {
    let said = withdrawal(&args.id);
    let answer = server.connect().await?.acknowledge(said).await?;
    tell(&args.id, &Zone::local(), &answer)
}

fn tell(id: &str, zone: &Zone, answer: &AcknowledgeResponse) -> Result<(), Error> {
    writeln!(io::stdout(), "{}", outcome(id, zone, answer))?;
    for note in &answer.notes {
        writeln!(io::stderr(), "Note: {}", escape(note))?;
    }
    Ok(())
}

/// What this user takes back of an incident.
pub(crate) fn withdrawal(id: &str) -> Acknowledgement {
    Acknowledgement {
        incident: id.to_owned(),
        by: user(),
        ..Acknowledgement::default()
    }
}

/// What holds now: a later word of somebody else's may.
pub(crate) fn outcome(id: &str, zone: &Zone, answer: &AcknowledgeResponse) -> String {
    let kept = answer.acknowledgement.as_ref();
    let text = match kept.and_then(|kept| kept.until) {
        Some(until) => format!(
            "acknowledged until {}",
            zone.moment_text(until.unix_nanos())
        ),
        None => "not acknowledged any more".to_owned(),
    };
    let nodes = many(answer.node_names.len() as u64, "node");
    format!("incident {id} {text} (kept by {nodes})")
}

/// Who knows of it, until when, and why it is left as it is.
pub(crate) fn words(said: &Acknowledgement, zone: &Zone) -> String {
    let until = zone.moment_text(said.until.unwrap_or_default().unix_nanos());
    let reason = match said.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    format!("by {} until {until}{reason}", said.by)
}

/// Whether it is neither over nor taken back; `now`: Unix ns.
pub(crate) fn holds(said: &Acknowledgement, now: i64) -> bool {
    said.until.is_some_and(|until| until.unix_nanos() > now)
}

/// A moment ahead: a duration from now, or a time.
///
/// # Errors
/// It is neither.
pub(crate) fn until(text: &str, now: Timestamp, zone: &Zone) -> Result<Timestamp, Error> {
    if let Some(ahead) = flow::time::span(text.trim_start_matches('+')) {
        let until = now.unix_nanos().saturating_add(ahead);
        return Ok(Timestamp::from_unix_nanos(until));
    }
    flow::time::parse(text, now, zone).map_err(|error| {
        Error::Hinted(
            format!("failed to parse the until time: {error}"),
            "--until 8h (from now), --until 2026-01-31, --until 2026-01-31T12:00:00Z".to_owned(),
        )
    })
}

/// Who is at this terminal, as the environment says.
fn user() -> String {
    let names = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    let mut names = names.filter_map(|name| std::env::var(name).ok());
    let name = names.find(|name| !name.is_empty());
    name.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_ahead_is_read_in_words_too() {
        let now = Timestamp::from_unix_nanos(1_767_355_384_000_000_000);
        let hours = |text: &str| {
            let read = until(text, now, &Zone::UTC).unwrap();
            (read.unix_nanos() - now.unix_nanos()) / 3_600_000_000_000
        };
        for (text, wanted) in [
            ("8h", 8),
            ("+8h", 8),
            ("2d", 48),
            ("8 hours", 8),
            ("1h 60min", 2),
        ] {
            assert_eq!(hours(text), wanted, "{text}");
        }
        // A day begins at midnight.
        assert_eq!(hours("2026-01-04"), 35);
        until("nonsense", now, &Zone::UTC).unwrap_err();
    }
}
